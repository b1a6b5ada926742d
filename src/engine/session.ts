import type { BatchReader } from "./column_type.ts";

/** A value as the engine's JSON conversion gives it: 64-bit integers and decimals are strings. */
export type Cell = unknown;

/** Rows with their columns, fully read. */
export interface Table {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly Cell[])[];
}

/** How a session is opened. */
export interface SessionOptions {
  readonly threads?: number;
  /** Bytes; absent: the engine's default. */
  readonly memoryLimitBytes?: number;
  /** Where it may spill; absent: nowhere. */
  readonly temporaryDir?: string;
  /** Folders that SQL may read and write; everything else outside is closed and the configuration is locked. */
  readonly allowedDirs: readonly string[];
}

/** A statement the engine refused. */
export class SqlError extends Error {
  override readonly name = "SqlError";
  /** `Binder`, `Parser`, `Catalog`, `Conversion`, `IO`, `Out of Memory`, … */
  readonly category: string;
  /** 1-based position in the statement, when the engine gave one. */
  readonly position: { readonly line: number; readonly column: number } | null;
  /** Names the engine proposes instead. */
  readonly candidates: readonly string[];

  constructor(message: string, options: {
    category: string;
    position: SqlError["position"];
    candidates: readonly string[];
  }) {
    super(message);
    this.category = options.category;
    this.position = options.position;
    this.candidates = options.candidates;
  }
}

/** One connection to a private, in-memory database. */
export interface Session extends AsyncDisposable {
  /** Executes one or more statements; the number of rows the last one changed or wrote. Throws `SqlError`. */
  run(sql: string): Promise<number>;
  /** Executes one statement and reads its rows. Throws `SqlError`. */
  read(sql: string, limit?: number): Promise<Table>;
  /** Executes one statement and reads its rows piece by piece, in the form that loses nothing. Throws `SqlError`. */
  stream(sql: string): Promise<BatchReader>;
  /** How many statements the engine makes of a text; a PIVOT with columns that depend on the data counts as several. Throws `SqlError`. */
  statementCount(sql: string): Promise<number>;
  /** Kind of a single statement (`SELECT`, `EXPLAIN`, …) without running it. Throws `SqlError`. */
  statementType(sql: string): Promise<string>;
  /** A further connection to the same database, to be closed before this one; both may work at the same time. */
  fork(): Promise<Session>;
  /** Stops what is running, which then throws. */
  interrupt(): void;
}
