import { dirname } from "node:path";
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { statIfExists } from "../base/atomic_write.ts";
import { UserError } from "../base/user_error.ts";
import type { SqlDatabase, SqlExecutor, SqlRow } from "./sql_catalog_database.ts";

/** How long a statement waits for other processes to let go of the file, in milliseconds. */
const PATIENCE = 60_000;

/**
 * A catalog's database in one SQLite file that other processes use too. The file is made by the first
 * transaction. Waiting for its lock never blocks this process: several catalogs in it may wait for each other.
 */
export class SqliteDatabase implements SqlDatabase {
  readonly title: string;
  readonly #path: string;
  #database: DatabaseSync | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
    this.title = `SQLite file ${path}`;
  }

  async columns(table: string): Promise<ReadonlySet<string>> {
    const rows = await this.query("SELECT name FROM pragma_table_info($1)", [table]);
    return new Set(rows.map((row) => String(row.name)));
  }

  async query(sql: string, params: readonly string[]): Promise<readonly SqlRow[]> {
    return await this.#inTurn(async () => {
      if (this.#database === null && statIfExists(this.#path) === null) return [];
      const database = await this.#open();
      return await patiently(() => select(database, sql, params));
    });
  }

  /**
   * The file is taken as a whole or not at all: who has said that it will write and then waits for readers stops
   * those among them who go on reading until they may write. Iceberg's Java does, and gives up at once.
   */
  async transaction<T>(work: (executor: SqlExecutor) => Promise<T>): Promise<T> {
    return await this.#inTurn(async () => {
      const database = await this.#open();
      await patiently(() => database.exec("BEGIN EXCLUSIVE"));
      try {
        const result = await work(executorOf(database));
        database.exec("COMMIT");
        return result;
      } catch (error) {
        // SQLite itself ends a transaction that it cannot commit.
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last.catch(() => {});
    this.#database?.close();
    this.#database = null;
  }

  /** One connection has one transaction: what is asked of it meanwhile waits. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.catch(() => {}).then(() => this.#explained(work));
    this.#last = turn;
    return turn;
  }

  async #open(): Promise<DatabaseSync> {
    if (this.#database !== null) return this.#database;
    const { DatabaseSync } = await import("node:sqlite");
    Deno.mkdirSync(dirname(this.#path), { recursive: true });
    return this.#database = new DatabaseSync(this.#path);
  }

  async #explained<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isSqliteError(error)) throw error;
      throw new UserError(
        `Cannot use the Iceberg catalog in ${this.#path}: ${error.message}`,
        {
          code: "catalog_unavailable",
          kind: "dependency",
          hint: isLocked(error)
            ? "another process keeps the file locked: wait for it, then try again"
            : "check that the file is a SQLite database and that you may write it",
          cause: error,
        },
      );
    }
  }
}

/**
 * Tries a statement until the file is free. SQLite's own busy timeout would block the whole process, also the
 * part of it that holds the lock.
 */
async function patiently<T>(statement: () => T): Promise<T> {
  const deadline = performance.now() + PATIENCE;
  for (let pause = 1;; pause = Math.min(pause * 2, 50)) {
    try {
      return statement();
    } catch (error) {
      if (!isLocked(error) || performance.now() > deadline) throw error;
    }
    // At random, so that those who wait for each other do not meet again.
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
  }
}

function executorOf(database: DatabaseSync): SqlExecutor {
  return {
    query: async (sql, params) => select(database, sql, params),
    execute: async (sql, params) =>
      Number(database.prepare(numbered(sql)).run(...bound(params)).changes),
  };
}

function select(database: DatabaseSync, sql: string, params: readonly string[]): SqlRow[] {
  return database.prepare(numbered(sql)).all(...bound(params));
}

/** SQLite counts `?1`; `$1` would be a name to it. */
function numbered(sql: string): string {
  return sql.replace(/\$(\d+)/g, "?$1");
}

function bound(params: readonly string[]): SQLInputValue[] {
  return [...params];
}

function isSqliteError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";
}

/** By its words (sqlite3_errstr): Deno leaves the number out of errors of `exec`. */
function isLocked(error: unknown): boolean {
  return isSqliteError(error) && /^database (table |schema )?is locked/.test(error.message);
}
