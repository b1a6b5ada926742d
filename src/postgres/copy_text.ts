import { quoteName, quoteText } from "../engine/quote.ts";
import type { Transfer } from "./from_postgres_type.ts";
import type { TransferColumn } from "./snapshot_reader.ts";

/** The first line of every file: DuckDB takes a byte order mark off the beginning, and a value may have one. */
export const FIRST_LINE = "copy\n";

/** What `COPY … TO STDOUT` is to send: the columns in order, each in its form for the way over. */
export function copyStatement(
  columns: readonly TransferColumn[],
  from: string,
  where: string | null,
): string {
  const sent = columns.map(({ name, transfer }) => transfer.send(quoteName(name)));
  // An empty text alone would be an empty line, which is no row to DuckDB.
  if (sent.length === 1) sent.push("''");
  return `COPY (SELECT ${sent.join(", ")} FROM ${from}${
    where === null ? "" : ` WHERE ${where}`
  }) TO STDOUT (FORMAT text)`;
}

/** How the text of a COPY is read. */
export interface TextReading {
  /** Texts only, so that a value that does not fit can be named. */
  readonly asTexts: boolean;
  /** Bytes of the longest line. */
  readonly longestLine: number;
}

/** A SELECT over the text of a COPY, with the columns' values. */
export function selectFromText(
  columns: readonly TransferColumn[],
  path: string,
  reading: TextReading,
): string {
  const values = columns.map(({ name, transfer }, i) => {
    const isParsed = !reading.asTexts && transfer.parsed !== null;
    return `${isParsed ? `c${i}` : valueSql(transfer, `c${i}`)} AS ${quoteName(name)}`;
  });
  return `SELECT ${values.join(", ")} FROM ${readText(columns, path, reading)}`;
}

/** The first text that does not fit its column, in a table of one row or none. */
export function misfitSql(
  column: TransferColumn,
  i: number,
  from: string,
): string {
  const { fits, value, isPlain } = column.transfer;
  const text = isPlain ? `c${i}` : unescaped(`c${i}`);
  return `SELECT ${text} FROM ${from} WHERE c${i} IS NOT NULL AND (${
    fits === null ? "" : `NOT ${fits(text)} OR `
  }TRY(${value(text)}) IS NULL) LIMIT 1`;
}

function valueSql({ fits, value, isPlain }: Transfer, raw: string): string {
  const text = isPlain ? raw : unescaped(raw);
  if (fits === null) return value(text);
  return `CASE WHEN ${raw} IS NULL THEN NULL WHEN ${fits(text)} THEN ${value(text)} ` +
    `ELSE error('a value does not fit') END`;
}

/** `read_csv(…)` of PostgreSQL's text format: tabs and line breaks in values are escaped, nothing is quoted. */
export function readText(
  columns: readonly TransferColumn[],
  path: string,
  { asTexts, longestLine }: TextReading,
): string {
  const types = columns.map(({ transfer }) => asTexts ? "VARCHAR" : transfer.parsed ?? "VARCHAR");
  if (types.length === 1) types.push("VARCHAR");
  const list = types.map((type, i) => `c${i}: ${quoteText(type)}`).join(", ");
  const line = Math.max(1 << 21, longestLine + 1);
  return `read_csv(${quoteText(path)}, auto_detect = false, header = false, skip = 1, ` +
    `delim = '\\t', quote = '', escape = '', comment = '', nullstr = '\\N', new_line = '\\n', ` +
    `max_line_size = ${line}, buffer_size = ${Math.max(1 << 22, 2 * line)}, columns = {${list}})`;
}

/**
 * The value behind COPY's escapes. A doubled backslash is set aside first, as the one
 * character that no text of PostgreSQL has.
 * https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
 */
function unescaped(raw: string): string {
  const escapes: readonly [string, string][] = [
    ["\\\\", "chr(0)"],
    ["\\n", "chr(10)"],
    ["\\t", "chr(9)"],
    ["\\r", "chr(13)"],
    ["\\b", "chr(8)"],
    ["\\f", "chr(12)"],
    ["\\v", "chr(11)"],
  ];
  const all = escapes.reduce(
    (sql, [escape, value]) => `replace(${sql}, ${quoteText(escape)}, ${value})`,
    raw,
  );
  return `CASE WHEN contains(${raw}, '\\') THEN replace(${all}, chr(0), '\\') ELSE ${raw} END`;
}
