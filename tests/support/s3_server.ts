import { createHash, createHmac } from "node:crypto";

/** Something that goes wrong with the next requests that fit. */
export interface S3Fault {
  readonly method?: string;
  /** A part of the path and query. */
  readonly path?: string;
  /** How often. Default 1. */
  times?: number;
  /**
   * `503`, `500`: that answer instead of the work; `lost`: the work is done and the answer 500;
   * `broken`: the body of the answer ends halfway; `expired`: the token has ended.
   */
  readonly kind: "500" | "503" | "lost" | "broken" | "expired";
}

interface StoredObject {
  readonly data: Uint8Array;
  readonly etag: string;
  readonly modified: Date;
}

interface Upload {
  readonly bucket: string;
  readonly key: string;
  readonly parts: Map<number, StoredObject>;
}

/** A request as the server saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly accessKeyId: string | null;
  readonly sessionToken: string | null;
}

/**
 * An S3 store in memory: path style, whole objects and ranges, conditional requests, multipart, list v2, batch
 * delete. Every signature is computed again and compared.
 */
export class S3Server implements AsyncDisposable {
  /** Keys that are let in, with their secrets. */
  readonly keys = new Map([["test-key", "test-secret/with+signs"]]);
  readonly buckets = new Map<string, Map<string, StoredObject>>();
  readonly faults: S3Fault[] = [];
  readonly seen: SeenRequest[] = [];
  readonly uploads = new Map<string, Upload>();
  /** Keys of one page of a list. */
  pageSize = 1000;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(port: number) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port, onListen: () => {} },
      (request) => this.#answer(request),
    );
  }

  /** Starts a server with empty buckets. */
  static start(buckets: readonly string[] = ["lake"], port = 0): S3Server {
    const server = new S3Server(port);
    for (const bucket of buckets) server.buckets.set(bucket, new Map());
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Options of a storage that may do everything here. */
  get options(): { endpoint: string; accessKeyId: string; secretAccessKey: string } {
    const [accessKeyId, secretAccessKey] = [...this.keys][0]!;
    return { endpoint: this.endpoint, accessKeyId, secretAccessKey };
  }

  /** Keys of a bucket, sorted. */
  keysOf(bucket: string): string[] {
    return [...this.buckets.get(bucket)?.keys() ?? []].sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const body = new Uint8Array(await request.arrayBuffer());
    const credential = /Credential=([^/]+)/.exec(request.headers.get("authorization") ?? "");
    const path = decodeURIComponent(url.pathname) + url.search;
    this.seen.push({
      method: request.method,
      path,
      accessKeyId: credential?.[1] ?? null,
      sessionToken: request.headers.get("x-amz-security-token"),
    });
    const problem = this.#refuse(request, url, body);
    if (problem !== null) return problem;
    const fault = this.#fault(request.method, path);
    if (fault === "expired") return failure(400, "ExpiredToken", "The provided token has expired.");
    if (fault === "500" || fault === "503") {
      return failure(Number(fault), fault === "503" ? "SlowDown" : "InternalError", "Try again.");
    }
    const response = this.#work(request, url, body);
    if (fault === "lost") return failure(500, "InternalError", "Who knows.");
    return fault === "broken" ? await brokenOff(response) : response;
  }

  #fault(method: string, path: string): S3Fault["kind"] | null {
    const i = this.faults.findIndex((fault) =>
      (fault.method === undefined || fault.method === method) &&
      (fault.path === undefined || path.includes(fault.path))
    );
    const fault = this.faults[i];
    if (fault === undefined) return null;
    const left = (fault.times ?? 1) - 1;
    if (left === 0) this.faults.splice(i, 1);
    else fault.times = left;
    return fault.kind;
  }

  #refuse(request: Request, url: URL, body: Uint8Array): Response | null {
    const authorization = request.headers.get("authorization") ?? "";
    const match =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d+)\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)$/
        .exec(authorization);
    if (match === null) return failure(403, "AccessDenied", "Access Denied");
    const [, keyId, date, region, signedHeaders, signature] = match as unknown as string[];
    const secret = this.keys.get(keyId!);
    if (secret === undefined) {
      return failure(403, "InvalidAccessKeyId", "The key does not exist in our records.");
    }
    const contentHash = request.headers.get("x-amz-content-sha256") ?? "";
    if (/^[0-9a-f]{64}$/.test(contentHash) && contentHash !== sha256(body)) {
      return failure(400, "XAmzContentSHA256Mismatch", "The body is not what was signed.");
    }
    const expected = sign({
      request,
      url,
      date: date!,
      region: region!,
      signedHeaders: signedHeaders!,
      secret,
    });
    return expected === signature
      ? null
      : failure(403, "SignatureDoesNotMatch", "The signature does not match.");
  }

  #work(request: Request, url: URL, body: Uint8Array): Response {
    const [, name = "", ...rest] = url.pathname.split("/").map(decodeURIComponent);
    const key = rest.join("/");
    const bucket = this.buckets.get(name);
    if (bucket === undefined) return failure(404, "NoSuchBucket", "The bucket does not exist.");
    const { searchParams } = url;
    if (key === "") {
      if (request.method === "GET") return this.#list(bucket, searchParams);
      if (request.method === "POST" && searchParams.has("delete")) return deleteMany(bucket, body);
      return failure(405, "MethodNotAllowed", "Not allowed.");
    }
    if (searchParams.has("uploads") || searchParams.has("uploadId")) {
      return this.#multipart(request, searchParams, { bucket: name, key, body });
    }
    switch (request.method) {
      case "PUT":
        return put(bucket, key, body, request.headers);
      case "GET":
      case "HEAD":
        return get(bucket.get(key), request);
      case "DELETE":
        bucket.delete(key);
        return new Response(null, { status: 204 });
    }
    return failure(405, "MethodNotAllowed", "Not allowed.");
  }

  #list(bucket: Map<string, StoredObject>, params: URLSearchParams): Response {
    const prefix = params.get("prefix") ?? "";
    const after = params.get("continuation-token") ?? "";
    const keys = [...bucket.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    const page = keys.slice(0, this.pageSize);
    const isTruncated = page.length < keys.length;
    const isEncoded = params.get("encoding-type") === "url";
    const contents = page.map((key) => {
      const { data, etag, modified } = bucket.get(key)!;
      const text = isEncoded ? encodeURIComponent(key).replaceAll("%20", "+") : xml(key);
      return `<Contents><Key>${text}</Key><LastModified>${modified.toISOString()}</LastModified>` +
        `<ETag>${xml(etag)}</ETag><Size>${data.length}</Size></Contents>`;
    });
    return document(
      `<ListBucketResult>${isEncoded ? "<EncodingType>url</EncodingType>" : ""}` +
        `<IsTruncated>${isTruncated}</IsTruncated>${contents.join("")}` +
        (isTruncated ? `<NextContinuationToken>${xml(page.at(-1)!)}</NextContinuationToken>` : "") +
        "</ListBucketResult>",
    );
  }

  #multipart(
    request: Request,
    params: URLSearchParams,
    object: { bucket: string; key: string; body: Uint8Array },
  ): Response {
    const { bucket, key, body } = object;
    if (params.has("uploads")) {
      const id = crypto.randomUUID();
      this.uploads.set(id, { bucket, key, parts: new Map() });
      return document(
        `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      );
    }
    const id = params.get("uploadId") ?? "";
    const upload = this.uploads.get(id);
    if (upload === undefined) return failure(404, "NoSuchUpload", "There is no such upload.");
    if (request.method === "DELETE") {
      this.uploads.delete(id);
      return new Response(null, { status: 204 });
    }
    if (request.method === "PUT") {
      const part = stored(body);
      upload.parts.set(Number(params.get("partNumber")), part);
      return new Response(null, { headers: { etag: part.etag } });
    }
    return this.#complete(id, upload, new TextDecoder().decode(body));
  }

  #complete(id: string, upload: Upload, text: string): Response {
    const named = [...text.matchAll(/<PartNumber>(\d+)<\/PartNumber>\s*<ETag>([^<]*)<\/ETag>/g)];
    const parts = named.map(([, number, etag]) => {
      const part = upload.parts.get(Number(number));
      return part !== undefined && part.etag === unescape(etag!) ? part.data : null;
    });
    const small = parts.slice(0, -1).some((part) => part !== null && part.length < 5 << 20);
    if (small) return failure(400, "EntityTooSmall", "A part is smaller than 5 MiB.");
    if (parts.includes(null)) return failure(400, "InvalidPart", "A part is not there.");
    const whole = concatenated(parts as Uint8Array[]);
    const etag = `"${md5(whole)}-${parts.length}"`;
    this.buckets.get(upload.bucket)!.set(upload.key, { ...stored(whole), etag });
    this.uploads.delete(id);
    return document(
      `<CompleteMultipartUploadResult><ETag>${xml(etag)}</ETag></CompleteMultipartUploadResult>`,
    );
  }
}

function put(
  bucket: Map<string, StoredObject>,
  key: string,
  data: Uint8Array,
  headers: Headers,
): Response {
  const existing = bucket.get(key);
  const match = headers.get("if-match");
  const isRefused = headers.get("if-none-match") === "*" && existing !== undefined ||
    match !== null && match !== existing?.etag;
  if (isRefused) return failure(412, "PreconditionFailed", "A condition did not hold.");
  const object = stored(data);
  bucket.set(key, object);
  return new Response(null, { headers: { etag: object.etag } });
}

function get(object: StoredObject | undefined, request: Request): Response {
  const isHead = request.method === "HEAD";
  if (object === undefined) {
    return isHead
      ? new Response(null, { status: 404 })
      : failure(404, "NoSuchKey", "The key does not exist.");
  }
  const match = request.headers.get("if-match");
  if (match !== null && match !== object.etag) {
    return failure(412, "PreconditionFailed", "A condition did not hold.");
  }
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "");
  const first = Number(range?.[1] ?? 0);
  const last = range?.[2] ? Number(range[2]) : object.data.length - 1;
  const data = object.data.slice(first, last + 1);
  const headers = {
    etag: object.etag,
    "last-modified": object.modified.toUTCString(),
    "content-length": String(data.length),
    "accept-ranges": "bytes",
    ...(range === null ? {} : { "content-range": `bytes ${first}-${last}/${object.data.length}` }),
  };
  return new Response(isHead ? null : data, { status: range === null ? 200 : 206, headers });
}

function deleteMany(bucket: Map<string, StoredObject>, body: Uint8Array): Response {
  const text = new TextDecoder().decode(body);
  for (const [, key] of text.matchAll(/<Key>([^<]*)<\/Key>/g)) bucket.delete(unescape(key!));
  return document("<DeleteResult></DeleteResult>");
}

/** Half of a body, then the end of the connection. */
async function brokenOff(response: Response): Promise<Response> {
  const whole = new Uint8Array(await response.arrayBuffer());
  const half = whole.slice(0, Math.ceil(whole.length / 2));
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      controller.enqueue(half);
      // The first half is to arrive before the end does.
      await new Promise((resolve) => setTimeout(resolve, 50));
      controller.close();
    },
  }, { highWaterMark: 0 });
  const headers = new Headers(response.headers);
  return new Response(body, { status: response.status, headers });
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
function sign(of: {
  request: Request;
  url: URL;
  date: string;
  region: string;
  signedHeaders: string;
  secret: string;
}): string {
  const { request, url, date, region, signedHeaders, secret } = of;
  const headers = signedHeaders.split(";").map((name) => {
    const value = name === "host" ? url.host : request.headers.get(name) ?? "";
    return `${name}:${value.trim().replace(/ +/g, " ")}\n`;
  });
  const path = url.pathname.split("/").map((part) => encode(decodeURIComponent(part))).join("/");
  const query = [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`).sort().join("&");
  const canonical = [
    ...[request.method, path, query, headers.join(""), signedHeaders],
    request.headers.get("x-amz-content-sha256") ?? "",
  ].join("\n");
  const scope = `${date}/${region}/s3/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", request.headers.get("x-amz-date"), scope, sha256(canonical)];
  const key = [date, region, "s3", "aws4_request"].reduce<string | Uint8Array>(
    (key, part) => createHmac("sha256", key).update(part).digest(),
    `AWS4${secret}`,
  );
  return createHmac("sha256", key).update(toSign.join("\n")).digest("hex");
}

function encode(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function stored(data: Uint8Array): StoredObject {
  return { data, etag: `"${md5(data)}"`, modified: new Date() };
}

function document(content: string): Response {
  return new Response(`<?xml version="1.0" encoding="UTF-8"?>${content}`, {
    headers: { "content-type": "application/xml" },
  });
}

function failure(status: number, code: string, message: string): Response {
  return new Response(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`, {
    status,
    headers: { "content-type": "application/xml" },
  });
}

function xml(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}

function unescape(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
    .replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
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

function md5(data: Uint8Array): string {
  return createHash("md5").update(data).digest("hex");
}

function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}

if (import.meta.main) {
  const server = S3Server.start(Deno.args[1]?.split(",") ?? ["lake"], Number(Deno.args[0] ?? 0));
  await Deno.stdout.write(new TextEncoder().encode(`${server.endpoint}\n`));
}
