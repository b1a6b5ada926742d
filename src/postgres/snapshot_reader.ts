import { UserError } from "../base/user_error.ts";
import { quoteText } from "../engine/quote.ts";
import {
  type Evidence,
  findRelation,
  gatherEvidence,
  type Relation,
  watermarkSql,
} from "./change_detection.ts";
import type { PostgresConnection } from "./connection.ts";
import { describeQuery, type QueryColumn } from "./describe_query.ts";
import { toUserError } from "./errors.ts";
import {
  declaredTransfer,
  type PostgresType,
  type Transfer,
  transferOf,
} from "./from_postgres_type.ts";
import { fromClause, qualifiedName, requestName, type RowsRequest } from "./rows_request.ts";

/** What is known of a request's rows at one moment. */
export interface DescribedRows extends Evidence {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly watermark: string | null;
}

/** A column and how it comes over. */
export interface TransferColumn {
  readonly name: string;
  readonly source: PostgresType;
  readonly transfer: Transfer;
}

/**
 * One transaction that sees the database as it was when it began, and lends what it sees to
 * others by name. It reads only, and the server may not end it for doing nothing.
 */
export class SnapshotReader implements AsyncDisposable {
  readonly #connection: PostgresConnection;
  readonly #snapshot: string;
  /** The session does one thing at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(connection: PostgresConnection, snapshot: string) {
    this.#connection = connection;
    this.#snapshot = snapshot;
  }

  /** Begins on a connection, which it takes over. Throws `UserError`s. */
  static async begin(connection: PostgresConnection): Promise<SnapshotReader> {
    try {
      await beginReading(connection, null);
      const [row] = await connection.sql.unsafe<{ id: string }[]>(
        "SELECT pg_export_snapshot() AS id",
      );
      return new SnapshotReader(connection, row?.id ?? "");
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw toUserError(error, "beginning to read", connection);
    }
  }

  /** What others name to see the same. */
  get snapshot(): string {
    return this.#snapshot;
  }

  /** Throws a `UserError` when the rows are not there, may not be read, or have columns that cannot come over. */
  describe(request: RowsRequest): Promise<DescribedRows> {
    const described = this.#turn.then(() => this.#describe(request));
    this.#turn = described.catch(() => {});
    return described;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
    await this.#connection[Symbol.asyncDispose]();
  }

  async #describe(request: RowsRequest): Promise<DescribedRows> {
    const { sql } = this.#connection;
    try {
      // An error must not end the transaction that others read by.
      await sql.unsafe("SAVEPOINT described");
      try {
        await limitTime(this.#connection, request);
        return await describeRows(this.#connection, request);
      } finally {
        await sql.unsafe("ROLLBACK TO SAVEPOINT described").catch(() => {});
      }
    } catch (error) {
      throw toUserError(
        error,
        `reading ${requestName(request)}`,
        this.#connection,
        request.table === null ? undefined : qualifiedName(request.table),
      );
    }
  }
}

/** Begins a transaction that reads one snapshot: somebody's, or one of its own. */
export async function beginReading(
  connection: PostgresConnection,
  snapshot: string | null,
): Promise<void> {
  const { sql, serverVersion } = connection;
  await sql.unsafe("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
  if (snapshot !== null) await sql.unsafe(`SET TRANSACTION SNAPSHOT ${quoteText(snapshot)}`);
  await sql.unsafe("SET LOCAL idle_in_transaction_session_timeout = 0");
  if (Number.parseInt(serverVersion, 10) >= 17) {
    await sql.unsafe("SET LOCAL transaction_timeout = 0");
  }
}

/** Applies the request's timeout to the statements that follow in the transaction. */
export async function limitTime(
  connection: PostgresConnection,
  request: RowsRequest,
): Promise<void> {
  if (request.timeoutSeconds === null) return;
  const milliseconds = Math.max(1, Math.round(request.timeoutSeconds * 1000));
  await connection.sql.unsafe(`SET LOCAL statement_timeout = ${milliseconds}`);
}

/** The columns of a request and how they come over. */
export async function transferColumns(
  connection: PostgresConnection,
  request: RowsRequest,
): Promise<readonly TransferColumn[]> {
  const what = requestName(request);
  const columns = await describeQuery(connection, `SELECT * FROM ${fromClause(request)}`, what);
  if (columns.length === 0) {
    throw new UserError(`${what} has no columns`, { code: "no_columns", kind: "validation" });
  }
  return columns.map((column) => ({
    name: column.name,
    source: column.type,
    transfer: transferFor(column, request),
  }));
}

function transferFor(column: QueryColumn, request: RowsRequest): Transfer {
  const declared = Object.entries(request.columnTypes).find(([name]) =>
    name.toLowerCase() === column.name.toLowerCase()
  );
  return declared === undefined
    ? transferOf(column.type)
    : declaredTransfer(column.type, declared[1]);
}

async function describeRows(
  connection: PostgresConnection,
  request: RowsRequest,
): Promise<DescribedRows> {
  const relation = await relationOf(connection, request);
  const transfers = await transferColumns(connection, request);
  requireColumns(request, transfers);
  const columns = transfers.map(({ name, transfer }) => ({ name, type: transfer.type }));
  const watermark = await readWatermark(connection, request, transfers);
  const evidence = await gatherEvidence(connection, request, relation, { columns, watermark });
  return { ...evidence, columns, watermark };
}

async function relationOf(
  connection: PostgresConnection,
  request: RowsRequest,
): Promise<Relation | null> {
  if (request.table === null) return null;
  const relation = await findRelation(connection.sql, request.table);
  if (relation !== null) return relation;
  throw new UserError(
    `There is no table ${requestName(request)} in ${connection.describe()} ` +
      `(connection "${connection.spec.name}", ${connection.spec.file})`,
    {
      code: "table_not_found",
      kind: "validation",
      hint: `seeknal connection-test ${connection.spec.name}`,
    },
  );
}

function requireColumns(
  request: RowsRequest,
  columns: readonly { readonly name: string }[],
): void {
  const wanted = [
    ...(request.timeColumn === null ? [] : [request.timeColumn]),
    ...request.uniqueKeys,
  ];
  const missing = wanted.find((name) => !columns.some((column) => column.name === name));
  if (missing === undefined) return;
  throw new UserError(`${requestName(request)} has no column "${missing}"`, {
    code: "column_not_found",
    kind: "validation",
    hint: `it has: ${columns.map(({ name }) => name).join(", ")}`,
  });
}

async function readWatermark(
  connection: PostgresConnection,
  request: RowsRequest,
  columns: readonly TransferColumn[],
): Promise<string | null> {
  const column = columns.find(({ name }) => name === request.timeColumn);
  if (column === undefined) return null;
  const [row] = await connection.sql.unsafe<{ watermark: string | null }[]>(
    watermarkSql(request, column.source),
  );
  return row?.watermark ?? null;
}
