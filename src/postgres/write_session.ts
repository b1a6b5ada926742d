import { UserError } from "../base/user_error.ts";
import { sha256 } from "../base/hash.ts";
import type { PostgresConnection } from "./connection.ts";
import { errorCode, toUserError } from "./errors.ts";
import { LockTimeout, LockWatch } from "./lock_watch.ts";

/** A value that a statement is given. */
export type Parameter = string | number | boolean | null;

/** First half of the advisory lock's key; the second one stands for the project. */
const LOCK_CLASS = 0x7365656b;
/** How long to wait for a batch of a process that was just killed: its session ends a moment later. */
const BATCH_LOCK_WAIT_MS = 3000;
/** How long one attempt waits for a table: readers that come later queue behind it for that long. */
const LOCK_TIMEOUT_MS = 400;
/** How long to try to get at a table that somebody is using, where `lock_timeout` does not say. */
const LOCK_WAIT_MS = 60_000;

/** One session that writes: its transactions, one at a time, and its lock on a project. */
export class WriteSession {
  readonly #connection: PostgresConnection;
  readonly #openAnother: () => Promise<PostgresConnection>;
  #last: Promise<unknown> = Promise.resolve();
  #locked: string | null = null;

  /** `openAnother`: a second connection, for looking at what keeps the first one waiting. */
  constructor(connection: PostgresConnection, openAnother: () => Promise<PostgresConnection>) {
    this.#connection = connection;
    this.#openAnother = openAnother;
  }

  /** The connection below. */
  get connection(): PostgresConnection {
    return this.#connection;
  }

  /** Runs one statement, or several without parameters; the rows of the last. */
  async query<T>(sql: string, parameters: readonly Parameter[] = []): Promise<T[]> {
    const rows = await this.#connection.sql.unsafe(sql, [...parameters]);
    return [...rows] as T[];
  }

  /** Runs one statement and returns how many rows it changed. */
  async change(sql: string, parameters: readonly Parameter[] = []): Promise<number> {
    const rows = await this.#connection.sql.unsafe(sql, [...parameters]);
    return Number(rows.count);
  }

  /** Runs operations one after the other: they share one session. Server errors become `UserError`s. */
  exclusive<T>(what: string, work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => {});
    return result.catch((error) => {
      if (error instanceof LockTimeout) throw error.toUserError(what);
      throw toUserError(error, what, this.#connection);
    });
  }

  /** Runs work in one transaction. */
  async transaction<T>(work: () => Promise<T>): Promise<T> {
    // Rows that a policy hides must make an error, not a table that is only partly replaced.
    await this.query("BEGIN; SET LOCAL row_security = off");
    try {
      const result = await work();
      await this.query("COMMIT");
      return result;
    } catch (error) {
      await this.query("ROLLBACK").catch(() => {});
      throw error;
    }
  }

  /**
   * A transaction that locks tables others read. Each attempt waits only briefly, so that no
   * queue of readers forms behind it, and starts again as a whole. Throws `lock_timeout` (4) that
   * names who is in the way once the connection's `lock_timeout` (default: a minute) is over.
   */
  async lockingTransaction<T>(work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    let watch: LockWatch | null = null;
    try {
      for (let attempt = 1;; attempt++) {
        try {
          watch?.begin();
          return await this.transaction(async () => {
            await this.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
            return await work();
          });
        } catch (error) {
          const code = errorCode(error);
          if (code !== "55P03" && code !== "40P01") throw error;
          await watch?.end();
          const wait = await this.#lockWait();
          const waited = performance.now() - start;
          // One attempt at least is watched, however little time there is.
          if (watch !== null && waited >= wait) {
            throw new LockTimeout(watch.holders, wait, this.#connection);
          }
          watch ??= await LockWatch.open(this, this.#openAnother);
          await pause(Math.max(0, Math.min(100 * attempt, 2000, wait - waited - LOCK_TIMEOUT_MS)));
        }
      }
    } finally {
      await watch?.[Symbol.asyncDispose]();
    }
  }

  async #lockWait(): Promise<number> {
    const [row] = await this.query<{ wait: number }>(
      "SELECT setting::float8 AS wait FROM pg_settings WHERE name = 'lock_timeout'",
    );
    return row === undefined || row.wait === 0 ? LOCK_WAIT_MS : row.wait;
  }

  /**
   * Takes the lock on a project's batches in this database, or throws `batch_under_way` (4) that
   * names who holds it. It belongs to the session: a killed process lets go of it.
   */
  async lockProject(project: string): Promise<void> {
    if (this.#locked === project) return;
    await this.unlockProject();
    const key = projectKey(project);
    for (let waited = 0;; waited += 100) {
      const [got] = await this.query<{ locked: boolean }>(
        `SELECT pg_try_advisory_lock(${LOCK_CLASS}, ${key}) AS locked`,
      );
      if (got?.locked === true) break;
      if (waited >= BATCH_LOCK_WAIT_MS) throw await this.#batchUnderWay(project, key);
      await pause(100);
    }
    this.#locked = project;
  }

  /** Lets go of the lock. */
  async unlockProject(): Promise<void> {
    if (this.#locked === null) return;
    const key = projectKey(this.#locked);
    this.#locked = null;
    await this.query(`SELECT pg_advisory_unlock(${LOCK_CLASS}, ${key})`);
  }

  async #batchUnderWay(project: string, key: number): Promise<UserError> {
    const [holder] = await this.query<
      { pid: number; application: string; client: string | null; since: string }
    >(
      `SELECT a.pid, a.application_name AS application, host(a.client_addr) AS client, ` +
        `to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS "UTC"') AS since ` +
        `FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid ` +
        `WHERE l.locktype = 'advisory' AND l.granted AND l.classid = ${LOCK_CLASS} ` +
        `AND l.objid = ${key >>> 0} AND l.objsubid = 2`,
    );
    const who = holder === undefined
      ? "another session"
      : `session ${holder.pid} ("${holder.application}"${
        holder.client === null ? "" : ` from ${holder.client}`
      }, connected since ${holder.since})`;
    return new UserError(
      `Another batch of project "${project}" is being written to ` +
        `${this.#connection.describe()} by ${who}`,
      {
        code: "batch_under_way",
        kind: "execution",
        hint: holder === undefined
          ? "repeat the command when it has ended"
          : `repeat the command when it has ended; if it hangs: SELECT pg_terminate_backend(${holder.pid});`,
      },
    );
  }
}

/** A signed 32-bit number for a project's name. */
function projectKey(project: string): number {
  return parseInt(sha256(`seeknal:${project}`).slice(0, 8), 16) | 0;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
