import { createHash } from "node:crypto";
import { join } from "node:path";
import { removeIfExists } from "../base/atomic_write.ts";
import { interpolate } from "../base/interpolate.ts";
import { UserError } from "../base/user_error.ts";
import type { DownloadStore, Remembered } from "./download_store.ts";
import { type DownloadRequest, shownUrl } from "./download_request.ts";
import type { ReadContext } from "./table_source.ts";

/** A file that is here now. */
export interface Downloaded {
  /** Absolute. */
  readonly path: string;
  readonly sha256: string;
  /** What says that this is what the address gives: `checksum`, `content`, or the validator, in words. */
  readonly proof: string;
  readonly note: Remembered | null;
}

/** Where a download goes. */
export interface DownloadPlace {
  readonly context: ReadContext;
  readonly store: DownloadStore;
  /** Where it is written; moved into the store from there, unless the context keeps nothing. */
  readonly folder: string;
}

/**
 * A time of change stands for the very bytes where it lies this far back: a file may change twice in one second
 * (RFC 9110, 8.8.2.2).
 */
const SETTLED_MS = 60_000;
const BACKOFF_MS = 250;
const REDIRECTS = 10;

/**
 * Asks for a file: not at all when the server says that it is the one remembered, else all of it, straight to disk.
 *
 * Throws `UserError`s: `download_failed` (5) for servers that do not answer or break off, `http_status` (3) for an answer
 * that is an error, `not_data` (3) for a page instead of a file, `too_large` (3), `checksum_mismatch` (6), `unset_variable` (2).
 */
export async function downloadTo(
  request: DownloadRequest,
  place: DownloadPlace,
): Promise<Downloaded> {
  const where = `headers and address of ${shownUrl(request.url)}`;
  const { env } = place.context;
  const url = interpolate(request.url, env, where);
  const headers = new Headers({ accept: "*/*", "accept-encoding": "identity" });
  for (const [name, value] of Object.entries(request.headers)) {
    setHeader(headers, name, interpolate(value, env, where));
  }
  // Headers as written: what they stand for is secret, and another user's file has another validator.
  const address = JSON.stringify([url, request.headers]);
  const known = place.store.remembered(address);
  for (let attempt = 0;; attempt++) {
    try {
      return await attemptDownload(request, { ...place, url, headers, address, known });
    } catch (error) {
      const failure = error instanceof UserError ? error : toFailure(error, request);
      const isPassing = failure.kind === "dependency" || failure.code === "server_error";
      const isStopped = place.context.signal?.aborted === true;
      if (!isPassing || isStopped || attempt >= request.retries) throw failure;
      await new Promise((resolve) => setTimeout(resolve, BACKOFF_MS * 2 ** attempt));
    }
  }
}

function setHeader(headers: Headers, name: string, value: string): void {
  try {
    headers.set(name, value);
  } catch {
    // What stands in it must not be shown.
    throw new UserError(`The value of header "${name}" cannot be sent`, {
      code: "invalid_header",
      kind: "usage",
      hint: "look for line breaks or letters beyond Latin in the variable that it names",
    });
  }
}

interface Attempt extends DownloadPlace {
  readonly url: string;
  readonly headers: Headers;
  readonly address: string;
  readonly known: Remembered | null;
}

async function attemptDownload(request: DownloadRequest, attempt: Attempt): Promise<Downloaded> {
  const { known, store } = attempt;
  const watch = new Watch(request.timeoutMs, attempt.context.signal);
  try {
    const response = await ask(request, attempt, watch.signal);
    if (response.status === 304 && known !== null) {
      await response.body?.cancel();
      store.touch(known.sha256);
      const path = store.path(known.sha256);
      return { path, sha256: known.sha256, proof: proofOf(known), note: known };
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw statusError(request, response.status);
    }
    checkHead(request, response);
    return await receive(request, attempt, response, watch);
  } finally {
    watch.stop();
  }
}

/** Follows redirects itself: what is secret goes to the server that it was meant for, and no further. */
async function ask(
  request: DownloadRequest,
  { url, headers, known }: Attempt,
  signal: AbortSignal,
): Promise<Response> {
  const sent = new Headers(headers);
  const { etag = null, lastModified = null } = known ?? {};
  if (etag !== null) sent.set("if-none-match", etag);
  else if (lastModified !== null) sent.set("if-modified-since", lastModified);
  let address = parseUrl(url, request);
  const { origin } = address;
  for (let hop = 0; hop <= REDIRECTS; hop++) {
    const response = await fetch(address, { headers: sent, redirect: "manual", signal });
    const location = response.headers.get("location");
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
    await response.body?.cancel();
    const next = URL.parse(location, address);
    if (next === null || !/^https?:$/.test(next.protocol)) break;
    if (address.protocol === "https:" && next.protocol === "http:") {
      throw new UserError(`${shownUrl(request.url)} leads from https to http`, {
        code: "insecure_redirect",
        kind: "security",
        hint: "name the address that it should lead to",
      });
    }
    if (next.origin !== origin) {
      for (const name of Object.keys(request.headers)) sent.delete(name);
    }
    address = next;
  }
  throw new UserError(
    `${shownUrl(request.url)} leads nowhere: too many redirects, or to no address`,
    {
      code: "http_status",
      kind: "validation",
      hint: "open it in a browser, and name the address of the file itself",
    },
  );
}

function parseUrl(text: string, request: DownloadRequest): URL {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new UserError(`${shownUrl(request.url)} is no address that can be asked`, {
    code: "invalid_source",
    kind: "validation",
    hint: "write https://host/path/file.csv",
  });
}

function statusError({ url }: DownloadRequest, status: number): UserError {
  const shown = shownUrl(url);
  if (status >= 500 || status === 429 || status === 408) {
    return new UserError(`${shown}: the server answers ${status}`, {
      code: "server_error",
      kind: "dependency",
      hint: "try again later",
    });
  }
  return new UserError(`${shown}: the server answers ${status}`, {
    code: "http_status",
    kind: "validation",
    hint: status === 401 || status === 403
      ? "it wants to know who asks: send it in params.headers, with ${VAR} for what is secret"
      : status === 404 || status === 410
      ? "there is no such file: correct the address"
      : "open the address in a browser, and correct it",
  });
}

/** What the head of an answer tells already. */
function checkHead({ url, format, maxBytes }: DownloadRequest, { headers }: Response): void {
  const size = Number(headers.get("content-length") ?? 0);
  if (size > maxBytes) throw tooLarge(url, maxBytes);
  if (/^text\/html\b/i.test(headers.get("content-type") ?? "")) {
    throw new UserError(`${shownUrl(url)} is a web page, not a ${format.name} file`, {
      code: "not_data",
      kind: "validation",
      hint: "a page that asks to log in looks like this too: name the address of the file itself",
    });
  }
}

function tooLarge(url: string, maxBytes: number): UserError {
  return new UserError(`${shownUrl(url)} is larger than ${maxBytes} bytes`, {
    code: "too_large",
    kind: "validation",
    hint: "if it is meant to be, write params: {max_size: 50GB}",
  });
}

async function receive(
  request: DownloadRequest,
  { store, folder, context, address }: Attempt,
  response: Response,
  watch: Watch,
): Promise<Downloaded> {
  const path = join(folder, `download-${Deno.pid}-${crypto.randomUUID()}`);
  try {
    const hash = await writeBody(request, response, path, watch);
    if (request.sha256 !== null && hash !== request.sha256) {
      throw new UserError(
        `${shownUrl(request.url)} is not the file it should be: its checksum is sha256:${hash}`,
        {
          code: "checksum_mismatch",
          kind: "security",
          hint:
            `expected is sha256:${request.sha256}; if the new file is meant, write its checksum`,
        },
      );
    }
    const note = { sha256: hash, ...validators(response.headers) };
    const proof = request.sha256 === null ? proofOf(note) : "checksum";
    if (context.readOnly === true) return { path, sha256: hash, proof, note };
    store.keep(path, address, note);
    return { path: store.path(hash), sha256: hash, proof, note };
  } catch (error) {
    removeIfExists(path);
    throw error;
  }
}

async function writeBody(
  { url, maxBytes }: DownloadRequest,
  response: Response,
  path: string,
  watch: Watch,
): Promise<string> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  using file = Deno.openSync(path, { write: true, createNew: true });
  for await (const chunk of response.body ?? []) {
    watch.alive();
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw tooLarge(url, maxBytes);
    hash.update(chunk);
    for (let done = 0; done < chunk.length;) done += file.writeSync(chunk.subarray(done));
  }
  const isDecoded = response.headers.has("content-encoding");
  const expected = isDecoded ? null : response.headers.get("content-length");
  if (expected !== null && Number(expected) !== sizeBytes) {
    throw new UserError(
      `${shownUrl(url)}: the server broke off after ${sizeBytes} of ${expected} bytes`,
      { code: "download_failed", kind: "dependency", hint: "try again" },
    );
  }
  return hash.digest("hex");
}

/** Validators that stand for the very bytes. A weak one does not. */
function validators(headers: Headers): Pick<Remembered, "etag" | "lastModified"> {
  const etag = headers.get("etag");
  const modified = headers.get("last-modified");
  const age = Date.parse(headers.get("date") ?? "") - Date.parse(modified ?? "");
  return {
    etag: etag !== null && /^"[^"]*"$/.test(etag) ? etag : null,
    lastModified: age >= SETTLED_MS ? modified : null,
  };
}

function proofOf({ etag, lastModified }: Remembered): string {
  if (etag !== null) return `ETag ${etag}`;
  return lastModified === null ? "content" : `Last-Modified ${lastModified}`;
}

function toFailure(error: unknown, { url, timeoutMs }: DownloadRequest): UserError {
  const isTimeout = error instanceof DOMException && error.name === "TimeoutError";
  const reason = isTimeout
    ? `no answer for ${timeoutMs / 1000} s`
    : error instanceof Error
    ? networkReason(error)
    : String(error);
  return new UserError(`Cannot download ${shownUrl(url)}: ${reason}`, {
    code: "download_failed",
    kind: "dependency",
    hint: isTimeout
      ? "try again, or wait longer with params: {timeout: 5m}"
      : "check the address, and that this machine reaches it",
    cause: error,
  });
}

/** The words of the network without the address, which may hold what is secret. */
function networkReason(error: Error): string {
  const text = error.cause instanceof Error ? error.cause.message : error.message;
  const reason = /client error \(\w+\): (.*)$/s.exec(text)?.[1] ?? text;
  return reason.replace(/https?:\/\/\S+/g, "the address");
}

/** Ends a request that nothing comes of for some time. */
class Watch {
  readonly signal: AbortSignal;
  readonly #timeout: AbortController = new AbortController();
  readonly #ms: number;
  #timer: ReturnType<typeof setTimeout>;

  constructor(ms: number, stop: AbortSignal | undefined) {
    this.#ms = ms;
    this.#timer = this.#start();
    this.signal = stop === undefined
      ? this.#timeout.signal
      : AbortSignal.any([this.#timeout.signal, stop]);
  }

  /** Something came. */
  alive(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #start(): ReturnType<typeof setTimeout> {
    return setTimeout(
      () => this.#timeout.abort(new DOMException("no answer", "TimeoutError")),
      this.#ms,
    );
  }
}
