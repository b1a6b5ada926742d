import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBResult,
  StatementType,
} from "@duckdb/node-api";
import type { Batch, BatchReader, ColumnType, PlainValue } from "./column_type.ts";
import { columnType, plainValue } from "./plain_values.ts";
import { quoteList } from "./quote.ts";
import { type Session, type SessionOptions, SqlError, type Table } from "./session.ts";

/** Opens a locked in-memory DuckDB session. */
export async function openDuckDb(options: SessionOptions): Promise<Session> {
  const instance = await DuckDBInstance.create(":memory:", {
    ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
    ...(options.memoryLimitBytes === undefined
      ? {}
      : { memory_limit: `${Math.floor(options.memoryLimitBytes / 1024)}KiB` }),
    temp_directory: options.temporaryDir ?? "",
    autoinstall_known_extensions: "false",
  });
  const connection = await instance.connect();
  // Once external access is off, DuckDB accepts no further paths: this order matters.
  if (options.allowedDirs.length > 0) {
    await connection.run(`SET allowed_directories = ${quoteList(options.allowedDirs)}`);
  }
  await connection.run("SET TimeZone = 'UTC'");
  await connection.run("SET enable_external_access = false; SET lock_configuration = true");
  return new DuckDbSession(instance, connection, true);
}

class DuckDbSession implements Session {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

  readonly #ownsInstance: boolean;

  constructor(instance: DuckDBInstance, connection: DuckDBConnection, ownsInstance: boolean) {
    this.#instance = instance;
    this.#connection = connection;
    this.#ownsInstance = ownsInstance;
  }

  async fork(): Promise<Session> {
    return new DuckDbSession(this.#instance, await this.#instance.connect(), false);
  }

  async run(sql: string): Promise<number> {
    return await guarded(async () => {
      const result = await this.#connection.run(sql);
      if (result.columnCount !== 1 || result.columnName(0) !== "Count") return 0;
      const chunk = await result.fetchChunk();
      return chunk === null || chunk.rowCount === 0 ? 0 : Number(chunk.getRowValues(0)[0]);
    });
  }

  async read(sql: string, limit?: number): Promise<Table> {
    return await guarded(async () => {
      const reader = limit === undefined
        ? await this.#connection.runAndReadAll(sql)
        : await this.#connection.streamAndReadUntil(sql, limit);
      const names = reader.deduplicatedColumnNames();
      const types = reader.columnTypes();
      const rows = reader.getRowsJson();
      return {
        columns: names.map((name, i) => ({ name, type: String(types[i]) })),
        rows: limit === undefined ? rows : rows.slice(0, limit),
      };
    });
  }

  async stream(sql: string): Promise<BatchReader> {
    return await guarded(async () => {
      const result = await this.#connection.stream(sql);
      const types = result.columnTypes().map(columnType);
      return {
        columns: result.deduplicatedColumnNames().map((name, i) => ({ name, type: types[i]! })),
        batches: (rows) => readBatches(result, types, rows),
      };
    });
  }

  async statementCount(sql: string): Promise<number> {
    return await guarded(async () => (await this.#connection.extractStatements(sql)).count);
  }

  async statementType(sql: string): Promise<string> {
    return await guarded(async () => {
      const statements = await this.#connection.extractStatements(sql);
      if (statements.count !== 1) return "MULTIPLE";
      const prepared = await statements.prepare(0);
      try {
        return StatementType[prepared.statementType] ?? "UNKNOWN";
      } finally {
        prepared.destroySync();
      }
    });
  }

  interrupt(): void {
    this.#connection.interrupt();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#connection.closeSync();
    if (this.#ownsInstance) this.#instance.closeSync();
    return Promise.resolve();
  }
}

async function* readBatches(
  result: DuckDBResult,
  types: readonly ColumnType[],
  rows: number,
): AsyncGenerator<Batch> {
  const empty = () => types.map((): PlainValue[] => []);
  let values = empty();
  let length = 0;
  for (;;) {
    const chunk = await guarded(() => result.fetchChunk());
    if (chunk === null || chunk.rowCount === 0) break;
    values.forEach((column, i) => {
      for (const value of chunk.getColumnValues(i)) column.push(plainValue(value, types[i]!));
    });
    length += chunk.rowCount;
    if (length < rows) continue;
    yield { length, values };
    values = empty();
    length = 0;
  }
  if (length > 0) yield { length, values };
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof Error ? toSqlError(error) : error;
  }
}

const CATEGORY_REGEXP = /^([A-Z][A-Za-z /-]*?)(?: Error)?: /;
const LINE_REGEXP = /\n\nLINE (\d+): (.*)\n( *)\^/;

/** Reads DuckDB's text: `<Category> Error: <what>` and a `LINE n: …` with a caret under the place. */
function toSqlError(error: Error): SqlError {
  const text = error.message.replace(/^Failed to extract statements: /, "");
  const place = LINE_REGEXP.exec(text);
  const body = place === null ? text : text.slice(0, place.index);
  const category = CATEGORY_REGEXP.exec(body);
  const [message, ...lines] = body.slice(category?.[0].length ?? 0).split("\n");
  const end = lines.findIndex((line) => ADVICE_REGEXP.test(line));
  const rest = end < 0 ? lines : lines.slice(0, end);
  return new SqlError(
    [
      message,
      ...rest.filter((line) => line.trim() !== "" && !isProposal(line) && !isSignature(line)),
    ].join("\n").trim(),
    {
      category: category?.[1] ?? "",
      position: place === null ? null : {
        line: Number(place[1]),
        column: Math.max(1, place[3]!.length - `LINE ${place[1]}: `.length + 1),
      },
      candidates: rest.filter(isProposal).flatMap((line) =>
        [...line.matchAll(/"([^"]+)"/g)].map((match) => match[1]!)
      ),
    },
  );
}

/** Where the reader of CSV files stops to say what is wrong and lists all of its options. */
const ADVICE_REGEXP = /^(Column .* is being converted|This type was|Possible (fixes|solutions))/;

/** Signatures of the functions there are: dozens of them, and none of them is an answer. */
function isSignature(line: string): boolean {
  return /^\t.*\) -> /.test(line);
}

function isProposal(line: string): boolean {
  return /^(Candidate bindings|Did you mean|Candidate functions)/.test(line.trim());
}
