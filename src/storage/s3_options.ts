import type { ReadVariable } from "../base/interpolate.ts";
import { UserError } from "../base/user_error.ts";

/** How an S3 store is reached. What is left out comes from `AWS_*` variables. */
export interface S3Options {
  /** `https://minio.example.org:9000`; AWS when left out. */
  readonly endpoint?: string;
  readonly region?: string;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly sessionToken?: string;
  /** `https://endpoint/bucket/key` rather than `https://bucket.endpoint/key`. Default: when there is an endpoint. */
  readonly pathStyle?: boolean;
  /** When the credentials end, in milliseconds since 1970. */
  readonly expiresAtMs?: number;
}

/** {@linkcode S3Options} with what the environment adds. */
export interface S3Target {
  readonly endpoint: string;
  readonly region: string;
  /** Null: requests are not signed. */
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken: string | null;
  } | null;
  readonly pathStyle: boolean;
  readonly expiresAtMs: number | null;
}

/**
 * Completes options by the variables that AWS's own tools read; profiles and instance roles are not looked at.
 * Throws a `UserError` `missing_option` (2) for half a key.
 */
export function s3Target(options: S3Options, env: ReadVariable): S3Target {
  const variable = (name: string) => env(name) || undefined;
  const region = options.region ?? variable("AWS_REGION") ?? variable("AWS_DEFAULT_REGION") ??
    "us-east-1";
  const endpoint = options.endpoint ?? variable("AWS_ENDPOINT_URL_S3") ??
    variable("AWS_ENDPOINT_URL");
  return {
    endpoint: endpoint === undefined
      ? `https://s3.${region}.amazonaws.com`
      : /^https?:\/\//i.test(endpoint)
      ? endpoint
      : `https://${endpoint}`,
    region,
    credentials: credentialsOf(options, variable),
    pathStyle: options.pathStyle ?? endpoint !== undefined,
    expiresAtMs: options.expiresAtMs ?? null,
  };
}

/** A key and its token belong together: they come from one place or the other. */
function credentialsOf(
  options: S3Options,
  variable: (name: string) => string | undefined,
): S3Target["credentials"] {
  const isGiven = options.accessKeyId !== undefined;
  const accessKeyId = options.accessKeyId ?? variable("AWS_ACCESS_KEY_ID");
  const secretAccessKey = isGiven ? options.secretAccessKey : variable("AWS_SECRET_ACCESS_KEY");
  const sessionToken = isGiven ? options.sessionToken : variable("AWS_SESSION_TOKEN");
  if (accessKeyId === undefined && secretAccessKey === undefined) return null;
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new UserError("Only one half of the key of the object store is known", {
      code: "missing_option",
      kind: "usage",
      hint: "set both s3_access_key_id and s3_secret_access_key of the connection, " +
        "or both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    });
  }
  return { accessKeyId, secretAccessKey, sessionToken: sessionToken ?? null };
}
