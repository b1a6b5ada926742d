import { UserError } from "../base/user_error.ts";
import { networkReason } from "./network_error.ts";
import { objectMissing } from "./storage_errors.ts";

/** The store did not answer in time. */
export class RequestTimeout extends Error {
  override readonly name = "RequestTimeout";

  constructor(patienceMs: number) {
    super(`no answer within ${Math.round(patienceMs / 1000)} s`);
  }
}

/** What a store said; the shape of the client's `ServerError`, whose class would have to be loaded to be asked for. */
export interface S3Answer {
  readonly statusCode: number;
  readonly code: string;
  readonly message: string;
  readonly region?: string | undefined;
}

/** The store's answer in an error of the client; null for anything else. */
export function s3Answer(error: unknown): S3Answer | null {
  if (!(error instanceof Error) || !("statusCode" in error) || !("code" in error)) return null;
  const { statusCode, code, message } = error;
  if (typeof statusCode !== "number" || typeof code !== "string") return null;
  const region = "region" in error && typeof error.region === "string" ? error.region : undefined;
  return { statusCode, code, message, region };
}

/** True for what may be different the next time. */
export function isTransient(error: unknown): boolean {
  if (error instanceof RequestTimeout) return true;
  const answer = s3Answer(error);
  // `fetch` reports everything about the network as a TypeError.
  if (answer === null) return error instanceof TypeError;
  return answer.statusCode >= 500 && answer.statusCode !== 501 || answer.statusCode === 429 ||
    ["RequestTimeout", "SlowDown", "ConditionalRequestConflict"].includes(answer.code);
}

/** True when credentials have ended. */
export function isExpired(error: unknown): boolean {
  return ["ExpiredToken", "TokenRefreshRequired"].includes(s3Answer(error)?.code ?? "");
}

/**
 * What a failed request means for a person: `object_missing` (4), `bucket_missing` (5), `access_denied` (6) or
 * `storage_unavailable` (5). Errors that are none of the store's come back as they are.
 */
export function s3Error(
  error: unknown,
  request: { readonly bucket: string; readonly key: string },
  endpoint: string,
): unknown {
  const location = `s3://${request.bucket}/${request.key}`;
  const answer = s3Answer(error);
  if (answer === null) {
    if (isRefusedByClient(error)) {
      return new UserError(`Cannot use ${location}: ${error.message}`, {
        code: "invalid_option",
        kind: "usage",
        hint: "correct the s3_ options or the warehouse of the connection",
        cause: error,
      });
    }
    if (!(error instanceof RequestTimeout) && !(error instanceof TypeError)) return error;
    return new UserError(
      `Cannot reach the object store at ${endpoint} for ${location}: ${networkReason(error)}`,
      {
        code: "storage_unavailable",
        kind: "dependency",
        hint: "check s3_endpoint of the connection, and that the store runs",
        cause: error,
      },
    );
  }
  return answerError(answer, location, endpoint, error);
}

/** The client checks what it is given; its classes would have to be loaded to be asked for. */
function isRefusedByClient(error: unknown): error is Error {
  return error instanceof Error &&
    /^Invalid(Argument|Endpoint|BucketName|ObjectName)Error$/.test(error.name);
}

function answerError(
  answer: S3Answer,
  location: string,
  endpoint: string,
  cause: unknown,
): UserError {
  const { statusCode, code, message, region } = answer;
  const said = code === "UnrecognizedError" ? `HTTP ${statusCode}` : `${code}: ${message}`;
  if (code === "NoSuchBucket") {
    return new UserError(`The object store at ${endpoint} has no bucket for ${location}`, {
      code: "bucket_missing",
      kind: "dependency",
      hint: "create the bucket, or correct the warehouse of the connection",
      cause,
    });
  }
  if (statusCode === 404) return objectMissing(location);
  if (region !== undefined && /^(AuthorizationHeaderMalformed|PermanentRedirect)$/.test(code)) {
    return new UserError(`The bucket of ${location} is in the region ${region}`, {
      code: "storage_unavailable",
      kind: "dependency",
      hint: `add a line to the connection: s3_region: ${region}`,
      cause,
    });
  }
  if (statusCode === 401 || statusCode === 403) {
    return new UserError(`The object store at ${endpoint} refused ${location}: ${said}`, {
      code: "access_denied",
      kind: "security",
      hint:
        "check s3_access_key_id and s3_secret_access_key of the connection, and what they may do",
      cause,
    });
  }
  return new UserError(`The object store at ${endpoint} failed on ${location}: ${said}`, {
    code: "storage_unavailable",
    kind: "dependency",
    hint: "try again when the store is well",
    cause,
  });
}
