import { join } from "node:path";
import { linkAtomic, removeIfExists } from "../base/atomic_write.ts";
import { withFileLock } from "../base/file_lock.ts";
import { sha256 } from "../base/hash.ts";
import { UserError } from "../base/user_error.ts";
import { quoteText } from "../engine/quote.ts";
import { openSession } from "../engine/registry.ts";
import { type Session, SqlError } from "../engine/session.ts";
import { type Downloaded, downloadTo } from "./download.ts";
import { DownloadStore } from "./download_store.ts";
import { type DownloadRequest, parseDownload, shownUrl } from "./download_request.ts";
import { scanSql } from "./scan_sql.ts";
import type {
  DescribedTable,
  ReadContext,
  SourceReader,
  TableJob,
  TableRead,
} from "./table_source.ts";

/** How long one command waits for another that downloads the same file, in milliseconds. */
const PATIENCE = 3_600_000;

/** Downloads files. A file is asked for once; what came is what later calls see. */
export class HttpReader implements SourceReader {
  readonly #context: ReadContext;
  readonly #store: DownloadStore;
  readonly #files = new Map<string, Promise<Downloaded>>();
  /** Where files are kept that nothing may be left of. */
  #folder: string | null = null;

  constructor(context: ReadContext) {
    this.#context = context;
    this.#store = new DownloadStore(context.temporaryDir, context.readOnly === true);
  }

  async describe(read: TableRead): Promise<DescribedTable> {
    const request = requestOf(read);
    const file = await this.#file(request);
    const shown = shownUrl(request.url);
    return {
      columns: await describeFile(file.path, request, read.columnTypes),
      token: sha256(`http ${file.sha256}`),
      system: sha256(`http ${request.url}`),
      reliesOn: `${reliesOn(request, file)} of ${shown}`,
      watermark: null,
    };
  }

  async pin(read: TableRead): Promise<string> {
    return (await this.#file(requestOf(read))).sha256;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#folder !== null) await Deno.remove(this.#folder, { recursive: true });
    this.#folder = null;
  }

  #file(request: DownloadRequest): Promise<Downloaded> {
    const key = JSON.stringify([request.url, request.headers, request.sha256]);
    let file = this.#files.get(key);
    if (file === undefined) this.#files.set(key, file = this.#fetch(request));
    return file;
  }

  async #fetch(request: DownloadRequest): Promise<Downloaded> {
    const store = this.#store;
    if (request.sha256 !== null && store.has(request.sha256)) {
      store.touch(request.sha256);
      const path = store.path(request.sha256);
      return { path, sha256: request.sha256, proof: "checksum", note: null };
    }
    if (this.#context.readOnly === true) {
      this.#folder ??= Deno.makeTempDirSync({ prefix: `download-${Deno.pid}-` });
      return await downloadTo(request, { context: this.#context, store, folder: this.#folder });
    }
    const lock = join(store.folder, `${sha256(request.url).slice(0, 16)}.lock`);
    const holder = "another command that downloads the same file";
    return await withFileLock(
      lock,
      { timeoutMs: PATIENCE, holder, what: `the download of ${shownUrl(request.url)}` },
      async () => {
        if (request.sha256 !== null && store.has(request.sha256)) {
          return {
            path: store.path(request.sha256),
            sha256: request.sha256,
            proof: "checksum",
            note: null,
          };
        }
        Deno.mkdirSync(this.#context.temporaryDir, { recursive: true });
        return await downloadTo(request, {
          context: this.#context,
          store,
          folder: this.#context.temporaryDir,
        });
      },
    );
  }
}

function requestOf(read: TableRead): DownloadRequest {
  const request = parseDownload(read);
  if (!("message" in request)) return request;
  throw new UserError(request.message, {
    code: "invalid_source",
    kind: "validation",
    hint: request.hint,
  });
}

function reliesOn({ sha256: pinned }: DownloadRequest, { sha256, proof }: Downloaded): string {
  if (pinned !== null) return "checksum";
  return proof === "content" ? `content ${sha256.slice(0, 12)}` : proof;
}

function scan(
  path: string,
  request: DownloadRequest,
  columnTypes: TableRead["columnTypes"],
): string {
  return scanSql(request.format, {
    files: [path],
    params: withCompression(path, request),
    columnTypes,
    root: null,
  });
}

/** First bytes of compressed files. */
const COMPRESSIONS: Readonly<Record<string, string>> = { "1f8b": "gzip", "28b52ffd": "zstd" };

/**
 * The file is named by its content, not by its ending, from which the engine tells compression. The ending may be wrong
 * anyway: some servers send what is in a `.gz` and say that they compressed it.
 */
function withCompression(
  path: string,
  { format, params }: DownloadRequest,
): DownloadRequest["params"] {
  if (!("compression" in format.params) || "compression" in params) return params;
  using file = Deno.openSync(path, { read: true });
  const head = new Uint8Array(4);
  file.readSync(head);
  const hex = head.toHex();
  const found = Object.keys(COMPRESSIONS).find((start) => hex.startsWith(start));
  return found === undefined ? params : { ...params, compression: COMPRESSIONS[found]! };
}

async function describeFile(
  path: string,
  request: DownloadRequest,
  columnTypes: TableRead["columnTypes"],
): Promise<DescribedTable["columns"]> {
  await using session = await openSession({ allowedDirs: [join(path, "..")] });
  try {
    const { rows } = await session.read(`DESCRIBE ${scan(path, request, columnTypes)}`);
    return rows.map(([name, type]) => ({ name: String(name), type: String(type) }));
  } catch (error) {
    throw unreadable(error, request, path);
  }
}

function unreadable(error: unknown, { url, format }: DownloadRequest, path: string): unknown {
  if (!(error instanceof SqlError)) return error;
  const reason = error.message.split("\n")[0]!.replaceAll(path, "the file");
  return new UserError(`Cannot read ${shownUrl(url)} as ${format.name}: ${reason}`, {
    code: "source_unreadable",
    kind: "validation",
    hint: "look at what the server gives, and correct params.format or the options of the format",
    cause: error,
  });
}

/** Writes the rows of a file that was downloaded before. Throws a `UserError` `download_missing` (5) where it is gone. */
export async function readDownload(
  job: TableJob,
  outPath: string,
  session: Session,
): Promise<number> {
  const request = requestOf(job.read);
  const store = new DownloadStore(job.temporaryDir, true);
  // A link of its own: nobody can take the file away while it is read.
  const file = join(job.temporaryDir, `download-${Deno.pid}-${crypto.randomUUID()}`);
  try {
    try {
      linkAtomic(store.path(job.pin!), file);
    } catch (error) {
      throw new UserError(`The download of ${shownUrl(request.url)} is no longer there`, {
        code: "download_missing",
        kind: "dependency",
        hint: "run it again: it is downloaded again",
        cause: error,
      });
    }
    const query = scan(file, request, job.read.columnTypes);
    return await session.run(`COPY (${query}) TO ${quoteText(outPath)} (FORMAT parquet)`);
  } catch (error) {
    throw unreadable(error, request, file);
  } finally {
    removeIfExists(file);
  }
}
