import { join } from "node:path";
import { UserError } from "../base/user_error.ts";
import { quoteName, quoteText, readParquet } from "../engine/quote.ts";
import { type Session, SqlError } from "../engine/session.ts";
import type { PostgresConnection } from "./connection.ts";
import { copyOut } from "./copy_out.ts";
import {
  copyStatement,
  FIRST_LINE,
  misfitSql,
  readText,
  selectFromText,
  type TextReading,
} from "./copy_text.ts";
import { makeFifo } from "./fifo.ts";
import { fromClause, requestName, type RowsRequest } from "./rows_request.ts";
import type { TransferColumn } from "./snapshot_reader.ts";

/** Rows to bring into a file. */
export interface RowsRead {
  readonly connection: PostgresConnection;
  readonly session: Session;
  /** For messages. */
  readonly source: string;
  readonly request: RowsRequest;
  readonly columns: readonly TransferColumn[];
  /** Condition of the rows, in the server's SQL; null: all. */
  readonly where: string | null;
  /** Folder for files in the making, which `session` may read and write. */
  readonly temporaryDir: string;
}

/**
 * Brings rows into a Parquet file; how many. The text of the COPY goes through a named pipe while it
 * comes; when something in it does not fit, or there is no pipe, it goes through a file, where each
 * value can be looked at. Both are gone afterwards.
 */
export async function readIntoParquet(read: RowsRead, outPath: string): Promise<number> {
  const path = join(read.temporaryDir, `copy-${crypto.randomUUID()}`);
  try {
    const { sql } = read.connection;
    await sql.unsafe("SAVEPOINT piped");
    const rows = await readThroughPipe(read, path, outPath);
    if (rows !== null) return rows;
    await Deno.remove(path).catch(() => {});
    // The request to cancel the COPY may only reach the statement after it.
    const back = () => sql.unsafe("ROLLBACK TO SAVEPOINT piped");
    await back().catch(back);
    return await readThroughFile(read, path, outPath);
  } finally {
    await Deno.remove(path).catch(() => {});
  }
}

/** Bytes of a line that the piped reader has room for; a longer one takes the other way. */
const PIPED_LINE = 1 << 20;

/** Null when it has to go through a file. */
async function readThroughPipe(
  read: RowsRead,
  path: string,
  outPath: string,
): Promise<number | null> {
  const pipe = await makeFifo(path);
  if (pipe === null) return null;
  const reading = { asTexts: false, longestLine: PIPED_LINE };
  const failed: { error?: unknown } = {};
  const written = writeParquet(read, path, reading, outPath).catch((error) => {
    failed.error = error;
    void pipe.drain();
    return 0;
  });
  try {
    await pipe.write(new TextEncoder().encode(FIRST_LINE));
    const sent = await copyRows(read, async (bytes) => {
      if ("error" in failed) throw failed.error;
      await pipe.write(bytes);
    });
    await pipe.close();
    const rows = await written;
    if ("error" in failed) throw failed.error;
    return requireSame(read, sent, rows);
  } catch (error) {
    await pipe.close();
    await written;
    if (error instanceof SqlError && failed.error === error) return null;
    throw error;
  }
}

async function readThroughFile(
  read: RowsRead,
  path: string,
  outPath: string,
): Promise<number> {
  let longestLine = 0;
  let line = 0;
  let sent = 0;
  {
    using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
    await writeAll(file, new TextEncoder().encode(FIRST_LINE));
    sent = await copyRows(read, async (bytes) => {
      for (let from = 0; from < bytes.length;) {
        const end = bytes.indexOf(10, from);
        line += (end < 0 ? bytes.length : end) - from;
        longestLine = Math.max(longestLine, line);
        if (end < 0) break;
        line = 0;
        from = end + 1;
      }
      await writeAll(file, bytes);
    });
  }
  const reading = { asTexts: true, longestLine };
  try {
    return requireSame(read, sent, await writeParquet(read, path, reading, outPath));
  } catch (error) {
    if (error instanceof SqlError) await explainMisfit(read, readText(read.columns, path, reading));
    throw error;
  }
}

async function copyRows(read: RowsRead, sink: (bytes: Uint8Array) => Promise<void>) {
  const { connection, columns, request, where } = read;
  return await copyOut(connection, copyStatement(columns, fromClause(request), where), sink);
}

async function writeParquet(
  { session, columns }: RowsRead,
  path: string,
  reading: TextReading,
  outPath: string,
): Promise<number> {
  return await session.run(
    `COPY (${selectFromText(columns, path, reading)}) TO ${quoteText(outPath)} ` +
      `(FORMAT parquet, COMPRESSION zstd)`,
  );
}

function requireSame(read: RowsRead, sent: number, written: number): number {
  if (sent === written) return written;
  throw new UserError(
    `Source "${read.source}": the server sent ${sent} rows of ${requestName(read.request)} ` +
      `and ${written} arrived`,
    { code: "row_count_differs", kind: "execution", hint: "this is a bug: please report it" },
  );
}

/** Throws a `UserError` that names the first value without a place in its column's type. */
async function explainMisfit(read: RowsRead, from: string): Promise<void> {
  for (const [i, column] of read.columns.entries()) {
    const { rows } = await read.session.read(misfitSql(column, i, from));
    if (rows.length === 0) continue;
    const value = String(rows[0]?.[0]);
    const shown = value.length > 60 ? `${value.slice(0, 60)}…` : value;
    throw new UserError(
      `Source "${read.source}": column "${column.name}" of ${requestName(read.request)} has the ` +
        `value ${shown}, which ${column.transfer.type} has no exact place for`,
      {
        code: "value_out_of_range",
        kind: "execution",
        hint: `declare another type in the node's columns, such as\n` +
          `columns:\n  ${quoteColumn(column.name)}: VARCHAR`,
      },
    );
  }
}

function quoteColumn(name: string): string {
  return /^\w+$/.test(name) ? name : JSON.stringify(name);
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}

/** Rows read before, and where to go on. */
export interface PreviousRows {
  readonly parquet: string;
  /** First value that is read again, as text. */
  readonly from: string;
}

/**
 * Puts rows read before and new ones together: of the former stay those from before `from`
 * and, with keys, those of which there is no new version. Returns the rows.
 */
export async function mergeRows(
  read: RowsRead,
  previous: PreviousRows,
  newParquet: string,
  columns: readonly { readonly name: string; readonly type: string }[],
  outPath: string,
): Promise<number> {
  const { timeColumn, uniqueKeys } = read.request;
  const time = quoteName(timeColumn ?? "");
  const list = columns.map(({ name }) => quoteName(name)).join(", ");
  const sameKey = uniqueKeys.map((key) =>
    `fresh.${quoteName(key)} IS NOT DISTINCT FROM old.${quoteName(key)}`
  ).join(" AND ");
  const replaced = sameKey === ""
    ? ""
    : ` AND NOT EXISTS (FROM ${readParquet(newParquet)} AS fresh WHERE ${sameKey})`;
  return await read.session.run(
    `COPY (SELECT ${list} FROM ${readParquet(previous.parquet)} AS old ` +
      `WHERE ${time} < CAST(${quoteText(previous.from)} AS ${
        columns.find(({ name }) => name === timeColumn)?.type
      })${replaced} UNION ALL SELECT ${list} FROM ${readParquet(newParquet)}) ` +
      `TO ${quoteText(outPath)} (FORMAT parquet, COMPRESSION zstd)`,
  );
}
