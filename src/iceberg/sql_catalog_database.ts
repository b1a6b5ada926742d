/** A row by column name. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** Runs single statements; parameters are `$1`, `$2`, … */
export interface SqlExecutor {
  query(sql: string, params: readonly string[]): Promise<readonly SqlRow[]>;
  /** How many rows were changed. */
  execute(sql: string, params: readonly string[]): Promise<number>;
}

/** The database that an SQL catalog lives in. Throws `UserError`s of kind `dependency` (5) when it cannot be reached. */
export interface SqlDatabase extends AsyncDisposable {
  /** For messages, without secrets: `SQLite file /project/catalog.db`. */
  readonly title: string;
  /** Columns of a table; none where there is no such table, or no database yet. Creates nothing. */
  columns(table: string): Promise<ReadonlySet<string>>;
  query(sql: string, params: readonly string[]): Promise<readonly SqlRow[]>;
  /**
   * Runs `work` in one transaction that is rolled back when `work` throws. Throws a
   * {@linkcode CommitUncertain} when it was the COMMIT that failed.
   */
  transaction<T>(work: (executor: SqlExecutor) => Promise<T>): Promise<T>;
}

/** The database did not say whether a transaction was committed. */
export class CommitUncertain extends Error {
  override readonly name = "CommitUncertain";

  constructor(cause: unknown) {
    super("The database did not answer a COMMIT", { cause });
  }
}
