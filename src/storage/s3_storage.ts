import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { removeIfExists, temporaryName } from "../base/atomic_write.ts";
import { UserError } from "../base/user_error.ts";
import type { ObjectStorage, StoredObject } from "./object_storage.ts";
import { nextChunk, pause, S3Connection, type S3ConnectionOptions } from "./s3_connection.ts";
import { networkReason } from "./network_error.ts";
import { isTransient, s3Answer } from "./s3_errors.ts";
import { parseS3Location, type S3Location, s3LocationOf } from "./s3_location.ts";
import { uploadFile } from "./s3_multipart.ts";
import { escapeXml, textOf } from "./s3_xml.ts";
import { objectExists } from "./storage_errors.ts";

/** Keys that one request may delete. */
const BATCH = 1000;

/** Attempts of a download that do not get any further. */
const ATTEMPTS = 6;

/**
 * Objects of an S3 store by `s3://bucket/key`. Every request is signed with its content, sent again where the
 * store was in trouble, and ends with a `UserError` (see `s3_errors.ts`).
 */
export class S3Storage implements ObjectStorage {
  readonly #connection: S3Connection;

  constructor(options: S3ConnectionOptions) {
    this.#connection = new S3Connection(options);
  }

  async read(location: string): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    await this.#receive(parseS3Location(location), async (chunk) => void chunks.push(chunk));
    return concatenated(chunks);
  }

  async write(
    location: string,
    data: Uint8Array,
    options: { readonly ifAbsent?: boolean } = {},
  ): Promise<void> {
    const object = parseS3Location(location);
    const headers = options.ifAbsent ? { "if-none-match": "*" } : {};
    let wasRetried = false;
    try {
      const answer = await this.#connection.request(
        { method: "PUT", ...object, headers, payload: new Uint8Array(data) },
        () => wasRetried = true,
      );
      await answer.body?.cancel();
    } catch (error) {
      if (!isTaken(error)) throw error;
      // The attempt before may have written it without its answer reaching us.
      if (wasRetried && await this.#holds(location, data)) return;
      throw objectExists(location);
    }
  }

  async upload(localPath: string, location: string): Promise<void> {
    await uploadFile(this.#connection, localPath, parseS3Location(location));
  }

  async download(location: string, localPath: string): Promise<void> {
    const object = parseS3Location(location);
    await Deno.mkdir(dirname(localPath), { recursive: true });
    const temporary = temporaryName(localPath);
    try {
      {
        using file = await Deno.open(temporary, { write: true, createNew: true });
        await this.#receive(object, async (chunk) => {
          for (let done = 0; done < chunk.length;) done += await file.write(chunk.subarray(done));
        });
      }
      await Deno.rename(temporary, localPath);
    } finally {
      removeIfExists(temporary);
    }
  }

  localPath(location: string): null {
    parseS3Location(location);
    return null;
  }

  async stat(location: string): Promise<StoredObject | null> {
    try {
      const request = { method: "HEAD", ...parseS3Location(location) } as const;
      const { headers, body } = await this.#connection.request(request);
      await body?.cancel();
      return {
        location,
        sizeBytes: Number(headers.get("content-length") ?? 0),
        modified: new Date(headers.get("last-modified") ?? 0),
      };
    } catch (error) {
      if (error instanceof UserError && error.code === "object_missing") return null;
      throw error;
    }
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    const { scheme, bucket, key } = parseS3Location(prefix.replace(/\/*$/, "/"));
    let token: string | null = null;
    do {
      const query: Record<string, string> = {
        "list-type": "2",
        // Keys may hold what XML cannot.
        "encoding-type": "url",
        prefix: key,
        ...(token === null ? {} : { "continuation-token": token }),
      };
      const answer = await this.#connection.request({ method: "GET", bucket, key: "", query });
      const page = await answer.text();
      yield* objectsOf(page, scheme, bucket);
      token = textOf(page, "IsTruncated") === "true" ? textOf(page, "NextContinuationToken") : null;
    } while (token !== null);
  }

  async remove(locations: readonly string[]): Promise<void> {
    const buckets = Map.groupBy(locations.map(parseS3Location), ({ bucket }) => bucket);
    for (const [bucket, objects] of buckets) {
      for (let start = 0; start < objects.length; start += BATCH) {
        await this.#removeBatch(bucket, objects.slice(start, start + BATCH));
      }
    }
  }

  async #removeBatch(bucket: string, objects: readonly S3Location[]): Promise<void> {
    const keys = objects.map(({ key }) => `<Object><Key>${escapeXml(key)}</Key></Object>`);
    const xml = `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>${
      keys.join("")
    }</Delete>`;
    const payload = new TextEncoder().encode(xml);
    const answer = await this.#connection.request({
      method: "POST",
      bucket,
      key: "",
      query: { delete: "" },
      // Not for our safety: S3 insists on it here.
      headers: { "content-md5": createHash("md5").update(payload).digest("base64") },
      payload,
    });
    const text = await answer.text();
    const [failed] = /<Error>[\s\S]*?<\/Error>/.exec(text) ?? [];
    if (failed === undefined || textOf(failed, "Code") === "NoSuchKey") return;
    const code = textOf(failed, "Code");
    throw new UserError(
      `Cannot remove s3://${bucket}/${textOf(failed, "Key")}: ${code}: ${
        textOf(failed, "Message")
      }`,
      {
        code: code === "AccessDenied" ? "access_denied" : "storage_unavailable",
        kind: code === "AccessDenied" ? "security" : "dependency",
        hint: "check that the credentials of the connection may delete objects (s3:DeleteObject)",
      },
    );
  }

  async #holds(location: string, data: Uint8Array): Promise<boolean> {
    const found = await this.read(location).catch(() => null);
    return found !== null && found.length === data.length &&
      found.every((byte, i) => byte === data[i]);
  }

  /** Hands all bytes of an object over, in order; goes on from where a connection broke. */
  async #receive(object: S3Location, take: (chunk: Uint8Array) => Promise<void>): Promise<void> {
    let received = 0;
    let etag: string | null = null;
    for (let attempt = 1;;) {
      const isRest = received > 0;
      const answer = await this.#connection.request({
        method: "GET",
        ...object,
        // Of another version the rest would not fit.
        headers: isRest
          ? { range: `bytes=${received}-`, ...(etag === null ? {} : { "if-match": etag }) }
          : {},
        status: isRest ? 206 : 200,
      });
      etag ??= answer.headers.get("etag");
      const before = received;
      try {
        await eachChunk(answer, async (chunk) => {
          await take(chunk);
          received += chunk.length;
        });
        return;
      } catch (error) {
        attempt = received > before ? 1 : attempt + 1;
        if (!isTransient(error) || attempt > ATTEMPTS) throw interrupted(object, error);
        await pause(attempt);
      }
    }
  }
}

/** All chunks of a body. Throws a TypeError, as for other troubles of the network, when it ends too early. */
async function eachChunk(
  answer: Response,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  // What was unpacked on the way has another length than the header says.
  const isPacked = answer.headers.get("content-encoding") !== null;
  const expected = isPacked ? null : answer.headers.get("content-length");
  const reader = answer.body?.getReader();
  let length = 0;
  try {
    while (reader !== undefined) {
      const chunk = await nextChunk(reader);
      if (chunk === null) break;
      await take(chunk);
      length += chunk.length;
    }
  } catch (error) {
    await reader?.cancel().catch(() => {});
    throw error;
  }
  if (expected !== null && Number(expected) !== length) throw new TypeError("the answer broke off");
}

function interrupted(object: S3Location, cause: unknown): unknown {
  if (!isTransient(cause) || !(cause instanceof Error)) return cause;
  return new UserError(`Cannot read ${s3LocationOf(object)} to its end: ${networkReason(cause)}`, {
    code: "storage_unavailable",
    kind: "dependency",
    hint: "try again when the object store is well",
    cause,
  });
}

/** True for an answer to `If-None-Match: *` that says that there is an object. */
function isTaken(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : null;
  return s3Answer(cause)?.statusCode === 412;
}

function* objectsOf(page: string, scheme: string, bucket: string): Iterable<StoredObject> {
  const isEncoded = textOf(page, "EncodingType") === "url";
  for (const [contents] of page.matchAll(/<Contents>[\s\S]*?<\/Contents>/g)) {
    const text = textOf(contents, "Key") ?? "";
    const key = isEncoded ? decodeURIComponent(text.replaceAll("+", " ")) : text;
    // What consoles make for an empty folder.
    if (key.endsWith("/")) continue;
    yield {
      location: s3LocationOf({ scheme, bucket, key }),
      sizeBytes: Number(textOf(contents, "Size") ?? 0),
      modified: new Date(textOf(contents, "LastModified") ?? 0),
    };
  }
}

function concatenated(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
