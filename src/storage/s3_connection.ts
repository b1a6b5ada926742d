import type { S3Client } from "@bradenmacdonald/s3-lite-client";
import type { ReadVariable } from "../base/interpolate.ts";
import { type S3Options, s3Target } from "./s3_options.ts";
import { isExpired, isTransient, RequestTimeout, s3Error } from "./s3_errors.ts";

/** One request to a store. */
export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  readonly bucket: string;
  /** Empty for the bucket itself. */
  readonly key: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly payload?: Uint8Array<ArrayBuffer>;
  /** Status of success; default 200. */
  readonly status?: number;
}

/** What a connection is made of. */
export interface S3ConnectionOptions {
  readonly s3: S3Options;
  readonly env: ReadVariable;
  readonly now: () => Date;
  /** New credentials in the place of those that end; absent: there are none. */
  readonly refresh?: () => Promise<S3Options>;
}

const ATTEMPTS = 6;

/** Pause before the second attempt, in milliseconds; it doubles from then on. */
const FIRST_PAUSE = 100;

/** How long a server may think before it answers, in milliseconds. */
const PATIENCE = 60_000;

/** Slowest upload that is waited for, in bytes a millisecond. */
const SLOWEST = 50;

/** Credentials are renewed this long before they end, in milliseconds. */
const RENEWAL = 120_000;

/** Signs requests, sends them, and again where the store was in trouble. */
export class S3Connection {
  readonly #options: S3ConnectionOptions;
  #s3: S3Options;
  #client: Promise<S3Client> | null = null;
  #renewal: Promise<void> | null = null;

  constructor(options: S3ConnectionOptions) {
    this.#options = options;
    this.#s3 = options.s3;
  }

  /**
   * The answer; its body is the caller's to read or to cancel. `attempt` counts from 1. Throws
   * `UserError`s: see {@linkcode s3Error}.
   */
  async request(request: S3Request, onRetry: () => void = () => {}): Promise<Response> {
    for (let attempt = 1;; attempt++) {
      await this.#renewIfEnding();
      const client = await this.#opened();
      try {
        return await send(client, request);
      } catch (error) {
        const isOver = attempt === ATTEMPTS;
        if (isExpired(error) && this.#options.refresh !== undefined && !isOver) {
          await this.#renew();
          continue;
        }
        if (!isTransient(error) || isOver) {
          const { endpoint } = s3Target(this.#s3, this.#options.env);
          throw s3Error(error, request, endpoint);
        }
      }
      onRetry();
      await pause(attempt);
    }
  }

  async #opened(): Promise<S3Client> {
    try {
      return await (this.#client ??= this.#open());
    } catch (error) {
      this.#client = null;
      throw s3Error(error, { bucket: "", key: "" }, s3Target(this.#s3, this.#options.env).endpoint);
    }
  }

  async #open(): Promise<S3Client> {
    const { S3Client } = await import("@bradenmacdonald/s3-lite-client");
    const { endpoint, region, credentials, pathStyle } = s3Target(this.#s3, this.#options.env);
    return new S3Client({
      endPoint: endpoint,
      region,
      pathStyle,
      ...(credentials === null ? {} : {
        accessKey: credentials.accessKeyId,
        secretKey: credentials.secretAccessKey,
        ...(credentials.sessionToken === null ? {} : { sessionToken: credentials.sessionToken }),
      }),
    });
  }

  async #renewIfEnding(): Promise<void> {
    const { expiresAtMs } = this.#s3;
    if (expiresAtMs === undefined || this.#options.refresh === undefined) return;
    if (this.#options.now().getTime() > expiresAtMs - RENEWAL) await this.#renew();
  }

  /** One renewal for all requests that need it at a time. */
  #renew(): Promise<void> {
    return this.#renewal ??= (async () => {
      try {
        this.#s3 = await this.#options.refresh?.() ?? this.#s3;
        this.#client = null;
      } finally {
        this.#renewal = null;
      }
    })();
  }
}

async function send(client: S3Client, request: S3Request): Promise<Response> {
  const answer = client.makeRequest({
    method: request.method,
    bucketName: request.bucket,
    objectName: request.key,
    headers: new Headers(request.headers),
    query: { ...request.query },
    statusCode: request.status ?? 200,
    ...(request.payload === undefined ? {} : { payload: request.payload }),
    returnBody: true,
  });
  const patience = PATIENCE + (request.payload?.byteLength ?? 0) / SLOWEST;
  return await within(answer, patience, (late) => void late.body?.cancel());
}

/** The next chunk of a body; null at its end. A body that stalls is an error. */
export async function nextChunk(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<Uint8Array | null> {
  const { done, value } = await within(reader.read(), PATIENCE, () => {});
  return done ? null : value;
}

/** Waits before the next attempt; at random, so that many do not come back at once. */
export async function pause(attempt: number): Promise<void> {
  const longest = FIRST_PAUSE * 2 ** (attempt - 1);
  await new Promise((resolve) => setTimeout(resolve, longest * (0.5 + Math.random() / 2)));
}

/** The client cannot be told to give up: what comes too late is handed to `discard`. */
async function within<T>(
  promise: Promise<T>,
  patienceMs: number,
  discard: (late: T) => void,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      promise.then(discard, () => {});
      reject(new RequestTimeout(patienceMs));
    }, patienceMs);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
