import { join } from "node:path";
import { UserError } from "../base/user_error.ts";
import { quoteName, quoteText, readParquet } from "../engine/quote.ts";
import type { Session } from "../engine/session.ts";
import type { PostgresConnection } from "./connection.ts";
import { toUserError } from "./errors.ts";
import { mergeRows, type PreviousRows, readIntoParquet, type RowsRead } from "./read_rows.ts";
import { qualifiedName, requestName, type RowsRequest } from "./rows_request.ts";
import {
  beginReading,
  limitTime,
  type TransferColumn,
  transferColumns,
} from "./snapshot_reader.ts";

/** A read as a worker does it. */
export interface ReadJob {
  readonly source: string;
  readonly request: RowsRequest;
  /** The columns that were described: what comes out has exactly these. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Name of the snapshot to read; null: what is there now. */
  readonly snapshot: string | null;
  readonly previous: { readonly parquet: string; readonly watermark: string } | null;
  readonly temporaryDir: string;
}

/** Does a job on a connection that reads only; the rows of the file. Throws `UserError`s. */
export async function readJob(
  connection: PostgresConnection,
  job: ReadJob,
  outPath: string,
  session: Session,
): Promise<number> {
  const { request } = job;
  try {
    await beginReading(connection, job.snapshot);
    await limitTime(connection, request);
    const columns = pickColumns(job, await transferColumns(connection, request));
    const read = { ...job, connection, session, columns, where: null };
    const previous = await usablePrevious(read, job);
    return previous === null
      ? await readIntoParquet(read, outPath)
      : await readOn(read, job, previous, outPath);
  } catch (error) {
    throw toUserError(
      error,
      `source "${job.source}": reading ${requestName(request)}`,
      connection,
      request.table === null ? undefined : qualifiedName(request.table),
    );
  }
}

/** The job's columns, in its order. */
function pickColumns(job: ReadJob, found: readonly TransferColumn[]): TransferColumn[] {
  return job.columns.map(({ name, type }) => {
    const column = found.find((candidate) => candidate.name === name);
    if (column !== undefined && column.transfer.type === type) return column;
    throw new UserError(
      `Source "${job.source}": column "${name}" of ${requestName(job.request)} ` +
        (column === undefined
          ? "is not there any more"
          : `is ${column.transfer.type} now, it was ${type}`),
      { code: "source_changed", kind: "execution", hint: "plan again" },
    );
  });
}

/** Where to go on from; null when everything is to be read: the rows from before have other columns, or there are none. */
async function usablePrevious(read: RowsRead, job: ReadJob): Promise<PreviousRows | null> {
  const { previous, request } = job;
  const time = read.columns.find(({ name }) => name === request.timeColumn);
  if (previous === null || time === undefined) return null;
  const { rows } = await read.session.read(
    `DESCRIBE SELECT * FROM ${readParquet(previous.parquet)}`,
  );
  const names = rows.map(([name]) => String(name));
  if (names.join("\0") !== job.columns.map(({ name }) => name).join("\0")) return null;
  const [row] = await read.connection.sql.unsafe<{ start: string }[]>(
    `SELECT ${startSql(time, previous.watermark, request.lookbackSeconds)} AS start`,
  );
  return row === undefined ? null : { parquet: previous.parquet, from: row.start };
}

/** The last value less the time to look back, as text of the column's own type. */
function startSql(time: TransferColumn, watermark: string, seconds: number): string {
  const type = time.source.name;
  const last = `${quoteText(watermark)}::${quoteName(type)}`;
  if (seconds === 0) return `(${last})::text`;
  const isTime = ["date", "timestamp", "timestamptz"].includes(type);
  const back = isTime ? `interval '${seconds} seconds'` : `${seconds}`;
  return `((${last} - ${back})::${quoteName(type)})::text`;
}

/** Reads what is new and puts it together with what was there. */
async function readOn(
  read: RowsRead,
  job: ReadJob,
  previous: PreviousRows,
  outPath: string,
): Promise<number> {
  const fresh = join(job.temporaryDir, `new-${crypto.randomUUID()}.parquet`);
  const time = quoteName(job.request.timeColumn ?? "");
  const type = read.columns.find(({ name }) => name === job.request.timeColumn)?.source.name ?? "";
  const where = `${time} >= ${quoteText(previous.from)}::${quoteName(type)} OR ${time} IS NULL`;
  try {
    await readIntoParquet({ ...read, where }, fresh);
    return await mergeRows(read, previous, fresh, job.columns, outPath);
  } finally {
    await Deno.remove(fresh).catch(() => {});
  }
}
