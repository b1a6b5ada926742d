import type { ReadVariable } from "../base/interpolate.ts";
import type { ConnectionSpec } from "../model/profile.ts";
import { openPostgres, type PostgresConnection } from "../postgres/connection.ts";
import { errorCode, toUserError } from "../postgres/errors.ts";
import {
  CommitUncertain,
  type SqlDatabase,
  type SqlExecutor,
  type SqlRow,
} from "./sql_catalog_database.ts";

/**
 * A catalog's database in PostgreSQL. Connects when it is first used, and again where a session was
 * lost between two commands.
 */
export class PostgresDatabase implements SqlDatabase {
  readonly title: string;
  readonly #spec: ConnectionSpec;
  readonly #env: ReadVariable;
  #connection: Promise<PostgresConnection> | null = null;

  /** `spec` is a connection of type `postgresql`. `title` must hold no secrets. */
  constructor(spec: ConnectionSpec, env: ReadVariable, title: string) {
    this.#spec = spec;
    this.#env = env;
    this.title = title;
  }

  async columns(table: string): Promise<ReadonlySet<string>> {
    const rows = await this.query(
      `SELECT attname AS name FROM pg_attribute
       WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`,
      [table],
    );
    return new Set(rows.map((row) => String(row.name)));
  }

  async query(sql: string, params: readonly string[]): Promise<readonly SqlRow[]> {
    return await this.#connected((connection) => select(connection.sql, sql, params));
  }

  async transaction<T>(work: (executor: SqlExecutor) => Promise<T>): Promise<T> {
    return await this.#connected(async (connection) => {
      const outcome: { value?: { readonly result: T } } = {};
      try {
        await connection.sql.begin(async (session) => {
          const result = await work({
            query: (sql, params) => select(session, sql, params),
            execute: async (sql, params) => (await session.unsafe(sql, [...params])).count,
          });
          outcome.value = { result };
        });
      } catch (error) {
        if (outcome.value !== undefined && isLost(error)) throw new CommitUncertain(error);
        throw error;
      }
      return outcome.value!.result;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disconnect();
  }

  /** What was lost before its COMMIT has changed nothing and is done once more, in a new session. */
  async #connected<T>(work: (connection: PostgresConnection) => Promise<T>): Promise<T> {
    for (let attempt = 1;; attempt++) {
      const connection = await this.#connect();
      try {
        return await work(connection);
      } catch (error) {
        const isUncertain = error instanceof CommitUncertain;
        if (isUncertain || isLost(error)) await this.#disconnect();
        if (isUncertain) throw error;
        if (attempt < ATTEMPTS && isLost(error)) continue;
        throw toUserError(error, "using the Iceberg catalog", connection, "iceberg_tables");
      }
    }
  }

  async #connect(): Promise<PostgresConnection> {
    this.#connection ??= openPostgres(this.#spec, this.#env);
    try {
      return await this.#connection;
    } catch (error) {
      this.#connection = null;
      throw error;
    }
  }

  async #disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    await (await connection?.catch(() => null))?.[Symbol.asyncDispose]();
  }
}

/** Sessions that are tried: one that was lost while idle, and one more that a restarting server ends. */
const ATTEMPTS = 3;

type Session = Pick<PostgresConnection["sql"], "unsafe">;

async function select(
  session: Session,
  sql: string,
  params: readonly string[],
): Promise<readonly SqlRow[]> {
  return [...await session.unsafe(sql, [...params])];
}

/** True when the server did not answer, or said that it is going away. */
function isLost(error: unknown): boolean {
  const code = errorCode(error);
  if (code === null) return false;
  return !/^[0-9A-Z]{5}$/.test(code) || code.startsWith("08") || code.startsWith("57P");
}
