import { UserError } from "../base/user_error.ts";
import type { PostgresConnection } from "./connection.ts";
import type { ErrorSource } from "./errors.ts";

/** A session that holds a lock which another one waits for. */
export interface LockHolder {
  /** 0: a prepared transaction, which has no session. */
  readonly pid: number;
  readonly user: string | null;
  readonly application: string | null;
  /** When its last query began, in UTC; null when the session may not be looked at. */
  readonly since: string | null;
  /** The beginning of that query. */
  readonly query: string | null;
}

/** Milliseconds between two looks. */
const INTERVAL_MS = 100;

/**
 * Those who keep a session waiting: not who waits in line before it, but who they all wait for.
 * Texts of other users' queries are hidden from roles without `pg_read_all_stats`.
 */
const HOLDERS_SQL = `
WITH RECURSIVE blocking AS (
  SELECT unnest(pg_blocking_pids($1)) AS pid
  UNION SELECT unnest(pg_blocking_pids(b.pid)) FROM blocking b WHERE b.pid > 0
)
SELECT b.pid, a.usename::text AS "user", a.application_name AS application,
  to_char(a.query_start, 'YYYY-MM-DD HH24:MI:SS "UTC"') AS since,
  CASE WHEN a.query <> '<insufficient privilege>'
    THEN left(btrim(regexp_replace(a.query, '\\s+', ' ', 'g')), 60) END AS query
FROM blocking b LEFT JOIN pg_stat_activity a ON a.pid = b.pid
WHERE b.pid <> $1 AND a.wait_event_type IS DISTINCT FROM 'Lock' ORDER BY b.pid`;

/** Looks from a second connection at what keeps a session waiting: the session itself cannot. */
export class LockWatch implements AsyncDisposable {
  readonly #connection: PostgresConnection | null;
  readonly #pid: number;
  #holders: readonly LockHolder[] = [];
  #looking: Promise<void> | null = null;
  #isOver = false;

  private constructor(connection: PostgresConnection | null, pid: number) {
    this.#connection = connection;
    this.#pid = pid;
  }

  /** Opens the connection; without one nothing is found out. */
  static async open(
    session: { query<R extends object>(sql: string): Promise<R[]> },
    openAnother: () => Promise<PostgresConnection>,
  ): Promise<LockWatch> {
    const [row] = await session.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    return new LockWatch(await openAnother().catch(() => null), row?.pid ?? 0);
  }

  /** Who was in the way when it was last looked. */
  get holders(): readonly LockHolder[] {
    return this.#holders;
  }

  /** Begins to look. */
  begin(): void {
    this.#isOver = false;
    this.#looking = this.#look();
  }

  /** Stops it. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#looking;
    this.#looking = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await this.#connection?.[Symbol.asyncDispose]();
  }

  async #look(): Promise<void> {
    while (!this.#isOver && this.#connection !== null) {
      try {
        const rows = await this.#connection.sql.unsafe<LockHolder[]>(HOLDERS_SQL, [this.#pid]);
        if (rows.length > 0) this.#holders = [...rows];
      } catch {
        // Without it the message names nobody; the write itself fails for its own reason.
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
  }
}

/** A lock that was not to be had in time. */
export class LockTimeout extends Error {
  readonly #holders: readonly LockHolder[];
  readonly #waited: number;
  readonly #source: ErrorSource;

  constructor(holders: readonly LockHolder[], waited: number, source: ErrorSource) {
    super("lock timeout");
    this.#holders = holders;
    this.#waited = waited;
    this.#source = source;
  }

  /** The error for a person. `what` says what was being done. */
  toUserError(what: string): UserError {
    const { spec } = this.#source;
    const who = this.#holders.map((holder) => this.#source.mask(describe(holder)));
    const pids = this.#holders.map(({ pid }) => pid).filter((pid) => pid > 0);
    return new UserError(
      `${what.charAt(0).toUpperCase()}${what.slice(1)} failed: no lock on the table within ` +
        `${this.#waited / 1000} s; it is held by ${who.join(" and by ") || "another session"} ` +
        `(connection "${spec.name}", ${this.#source.describe()}, ${spec.file})`,
      {
        code: "lock_timeout",
        kind: "execution",
        hint: [
          "repeat the command when that has ended",
          ...pids.map((pid) => `or end it: SELECT pg_terminate_backend(${pid});`),
          `or wait longer, in ${spec.file}: lock_timeout: 10min`,
        ].join("\n    "),
      },
    );
  }
}

function describe({ pid, user, application, since, query }: LockHolder): string {
  if (pid === 0) return "a prepared transaction (SELECT * FROM pg_prepared_xacts)";
  const about = [
    ...user === null ? [] : [`user "${user}"`],
    ...application === null || application === "" ? [] : [`application "${application}"`],
    ...since === null ? [] : [`query since ${since}`],
  ];
  return `session ${pid}${about.length === 0 ? "" : ` (${about.join(", ")})`}` +
    `${query === null || query === "" ? "" : `: ${query}`}`;
}
