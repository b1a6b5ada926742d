import { join } from "node:path";
import { removeIfExists, statIfExists } from "../base/atomic_write.ts";
import { UserError } from "../base/user_error.ts";
import { adoptObject } from "../cache/object_store.ts";
import { quoteName, quoteNodeId, quoteText, readParquet } from "../engine/quote.ts";
import { openSession } from "../engine/registry.ts";
import { type Session, SqlError } from "../engine/session.ts";
import type {
  CheckJob,
  CheckJobResult,
  NodeJob,
  NodeOutput,
  NodeResult,
  QueryJob,
  RowsJob,
  ScriptJob,
  TableReadJob,
  WatchedFile,
} from "../model/run.ts";
import { findSourceType, findTableSource } from "../sources/registry.ts";
import { isScanType } from "../sources/source_type.ts";
import { withoutSemicolon } from "../sql/tokens.ts";
import { executeChecks } from "./execute_checks.ts";
import { executeScript } from "./execute_script.ts";
import type { Produced, ScriptContext } from "./script_context.ts";
import type { WorkerShare } from "./worker_messages.ts";

/**
 * Builds nodes, one after the other, in sessions of its own. A session sees the
 * cache and, for sources, the project folder; the engine is locked to that.
 */
export class JobExecutor implements AsyncDisposable {
  readonly #share: WorkerShare;
  readonly #sessions = new Map<string, JobSession>();
  /** Ends the script that is running; null while none is. */
  #stopScript: ((message: string) => void) | null = null;
  /** Why the job was to be ended before its script had begun. */
  #stopped: string | null = null;

  constructor(share: WorkerShare) {
    this.#share = share;
  }

  /** Never throws: what goes wrong is the result. */
  async execute(job: NodeJob, script: ScriptLines = { log: () => {} }): Promise<NodeResult> {
    this.#stopped = null;
    const started = performance.now();
    const temporary = join(job.temporaryDir, `${Deno.pid}-${crypto.randomUUID()}.parquet`);
    try {
      checkUnchanged(job.watched);
      const { rows, metrics, artifact } = await this.#produce(job, temporary, script);
      checkUnchanged(job.watched);
      const adopted = adoptObject(temporary, job.objectsDir);
      const durationMs = performance.now() - started;
      const output: NodeOutput = {
        ...adopted,
        rows,
        durationMs: Math.round(durationMs * 10) / 10,
        ...(metrics === undefined ? {} : { metrics }),
        ...(artifact === undefined ? {} : { artifact }),
      };
      return { status: "success", output };
    } catch (error) {
      removeIfExists(temporary);
      return { status: "failed", error: toFailure(error, job) };
    }
  }

  /** Ends the script that is running, if one is: its job fails. */
  stopScript(message: string): void {
    this.#stopped = message;
    this.#stopScript?.(message);
  }

  /** Checks the rows of an output. Never throws: what goes wrong is the result. */
  async check(job: CheckJob): Promise<CheckJobResult> {
    try {
      const own = await this.#open([job.objectsDir, job.temporaryDir], this.#share.threads, job);
      await leaveTransaction(own);
      const work = () => executeChecks(job, own.session);
      return {
        status: "checked",
        results: await withTimeout(own.session, job.timeoutMs, work),
      };
    } catch (error) {
      return { status: "failed", error: toFailure(error, null) };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { session } of this.#sessions.values()) await session[Symbol.asyncDispose]();
    this.#sessions.clear();
  }

  async #produce(
    job: NodeJob,
    temporary: string,
    script: ScriptLines,
  ): Promise<Produced> {
    const own = await this.#session(job);
    const { session } = own;
    if (job.type === "copy") {
      Deno.copyFileSync(job.path, temporary);
      const sql = `SELECT count(*) FROM ${readParquet(temporary)}`;
      return { rows: Number((await session.read(sql)).rows[0]![0]) };
    }
    if (job.type === "query") {
      const rows = await withTimeout(session, job.timeoutMs, () => query(own, job, temporary));
      return { rows };
    }
    await leaveTransaction(own);
    if (job.type === "script") return await this.#script(job, { temporary, session, ...script });
    const rows = await withTimeout(
      session,
      job.timeoutMs,
      () =>
        job.type === "rows"
          ? readRows(job, temporary, session)
          : readOutside(job, temporary, session),
    );
    return { rows };
  }

  async #script(
    job: ScriptJob,
    context: Omit<ScriptContext, "signal">,
  ): Promise<Produced> {
    const controller = new AbortController();
    const stop = (message: string) => {
      controller.abort(new UserError(message, { code: "script_stopped", kind: "execution" }));
      context.session.interrupt();
    };
    const { timeoutMs } = job;
    const timer = timeoutMs === null
      ? undefined
      : setTimeout(() => stop(`Timed out after ${timeoutMs / 1000} s`), timeoutMs);
    this.#stopScript = stop;
    if (this.#stopped !== null) stop(this.#stopped);
    try {
      return await executeScript(job, { ...context, signal: controller.signal });
    } catch (error) {
      controller.signal.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(timer);
      this.#stopScript = null;
    }
  }

  async #session(job: NodeJob): Promise<JobSession> {
    const readable = job.type === "query" ? job.readable : [];
    const allowedDirs = [job.objectsDir, job.temporaryDir, ...readable];
    return await this.#open(allowedDirs, isSmall(job) ? 1 : this.#share.threads, job);
  }

  async #open(
    allowedDirs: readonly string[],
    threads: number,
    { temporaryDir }: Pick<NodeJob, "temporaryDir">,
  ): Promise<JobSession> {
    const key = [threads, ...allowedDirs].join("\0");
    let own = this.#sessions.get(key);
    if (own === undefined) {
      const session = await openSession({
        threads,
        memoryLimitBytes: this.#share.memoryLimitBytes,
        // DuckDB names its spill files alike in every instance: no two may share a folder.
        temporaryDir: join(temporaryDir, `spill-${Deno.pid}-${crypto.randomUUID()}`),
        allowedDirs,
      });
      this.#sessions.set(key, own = { session, schemas: new Set(), inTransaction: false });
    }
    return own;
  }
}

/** How a script is heard: what it says, and the line to its worker; without one, it gets a worker here. */
export type ScriptLines = Pick<ScriptContext, "log" | "port">;

/** A session with what is known about its state. */
interface JobSession {
  readonly session: Session;
  /** Schemas that exist in it; outside a transaction they are empty. */
  readonly schemas: Set<string>;
  inTransaction: boolean;
}

/** Rows of an outside system; `${VAR}` of its connection is looked up here, where it is opened. */
async function readOutside(
  { table }: TableReadJob,
  temporary: string,
  session: Session,
): Promise<number> {
  return await findTableSource(table.source)!.read(table, temporary, session, {
    env: (name) => Deno.env.get(name),
    root: table.root,
    temporaryDir: table.temporaryDir,
  });
}

/** Rows of files that the engine cannot read itself. */
async function readRows(job: RowsJob, path: string, session: Session): Promise<number> {
  const type = findSourceType(job.source);
  if (type === null || isScanType(type)) throw new Error(`${job.source} is read by the engine`);
  const { columns, temporaryDir, timeoutMs } = job;
  const reader = await type.reader();
  return await reader.read(job, { columns, path, session, temporaryDir, timeoutMs });
}

async function leaveTransaction(own: JobSession): Promise<void> {
  if (own.inTransaction) await own.session.run("ROLLBACK");
  own.inTransaction = false;
}

/** Inputs up to this size together are read by one thread: starting more costs more than they save. */
const SMALL_INPUT_BYTES = 1 << 20;

function isSmall(job: NodeJob): boolean {
  if (job.type === "copy") return true;
  if (job.type === "table" || job.type === "rows" || job.type === "script") return false;
  const sizes = [
    ...job.inputs.map(({ path }) => statIfExists(path)?.size ?? 0),
    ...job.watched.map(({ sizeBytes }) => sizeBytes),
  ];
  return sizes.length > 0 && sizes.reduce((sum, size) => sum + size, 0) <= SMALL_INPUT_BYTES;
}

/**
 * Inputs exist inside one transaction only, so that no node sees another's. The
 * transaction of the job before is undone together with the start of this one.
 */
async function query(own: JobSession, job: QueryJob, temporary: string): Promise<number> {
  const { session } = own;
  const kinds = job.inputs.map(({ id }) => id.slice(0, id.indexOf(".")));
  const missing = [...new Set(kinds)].filter((kind) => !own.schemas.has(kind));
  const setUp = [
    ...(own.inTransaction ? ["ROLLBACK"] : []),
    ...missing.map((kind) => `CREATE SCHEMA IF NOT EXISTS ${quoteName(kind)}`),
    "BEGIN",
    ...inputViews(job),
  ];
  for (const kind of missing) own.schemas.add(kind);
  try {
    if (job.checkColumns) {
      await session.run(setUp.splice(0).join(";\n"));
      await checkColumns(session, job);
    }
    const rows = await session.run([...setUp, copySql(job, temporary)].join(";\n"));
    own.inTransaction = true;
    return rows;
  } catch (error) {
    await session.run("ROLLBACK").catch(() => {
      // The failed statement stood before the transaction began.
    });
    own.inTransaction = false;
    own.schemas.clear();
    throw error;
  }
}

function inputViews(job: QueryJob): string[] {
  const inputs = new Map(job.inputs.map(({ id, path }) => [id, path]));
  return [...inputs].map(([id, path]) =>
    `CREATE VIEW ${quoteNodeId(id)} AS FROM ${readParquet(path)}`
  );
}

/** Writes exactly the planned columns, in the planned types. */
function copySql(job: QueryJob, temporary: string): string {
  const names = job.columns.map(({ name }) => quoteName(name));
  const casts = job.columns.map(({ type }, i) => `CAST(${names[i]} AS ${type}) AS ${names[i]}`);
  const query = withoutSemicolon(job.sql);
  return `COPY (SELECT ${casts.join(", ")} FROM (\n${query}\n) AS "output"(${names.join(", ")})) ` +
    `TO ${quoteText(temporary)} (FORMAT parquet)`;
}

async function checkColumns(session: Session, job: QueryJob): Promise<void> {
  const { rows } = await session.read(`DESCRIBE ${withoutSemicolon(job.sql)}`);
  const found = rows.map(([name]) => String(name)).join(", ");
  const planned = job.columns.map(({ name }) => name).join(", ");
  if (found === planned) return;
  throw new SqlError(`The query returns ${found}, but ${planned} was planned`, {
    category: "Project",
    position: null,
    candidates: [],
  });
}

async function withTimeout<T>(
  session: Session,
  timeoutMs: number | null,
  work: () => Promise<T>,
): Promise<T> {
  if (timeoutMs === null) return await work();
  let expired = false;
  const timer = setTimeout(() => {
    expired = true;
    session.interrupt();
  }, timeoutMs);
  try {
    return await work();
  } catch (error) {
    if (!expired) throw error;
    throw new SqlError(`Timed out after ${timeoutMs / 1000} s`, {
      category: "Timeout",
      position: null,
      candidates: [],
    });
  } finally {
    clearTimeout(timer);
  }
}

function checkUnchanged(watched: readonly WatchedFile[]): void {
  for (const { path, sizeBytes, mtimeMs } of watched) {
    const info = statIfExists(path);
    if (info?.size === sizeBytes && (info.mtime?.getTime() ?? 0) === mtimeMs) continue;
    throw new SqlError(`"${path}" changed while the run was reading it`, {
      category: "Source",
      position: null,
      candidates: [],
    });
  }
}

/** Categories of errors after which a second try may succeed. */
const TRANSIENT = new Set(["IO", "Out of Memory", "HTTP", "Connection"]);

function toFailure(error: unknown, job: NodeJob | null): { message: string; transient: boolean } {
  if (error instanceof SqlError) {
    const inputs = job?.type === "query" && job.inputs.length > 0
      ? ` (it may read ${job.inputs.map(({ id }) => id).join(", ")})`
      : "";
    const scope = error.category === "Catalog" || error.category === "Permission" ? inputs : "";
    return { message: `${error.message}${scope}`, transient: TRANSIENT.has(error.category) };
  }
  if (error instanceof UserError) {
    const hint = error.hint === undefined ? "" : `\n${error.hint}`;
    // What is not installed now will not be in a second.
    const transient = error.kind === "dependency" && error.code !== "script_dependency";
    return { message: `${error.message}${hint}`, transient };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { message, transient: error instanceof Deno.errors.Interrupted };
}
