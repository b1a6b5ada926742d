import { join } from "node:path";
import { removeIfExists } from "../base/atomic_write.ts";
import { UserError } from "../base/user_error.ts";
import { quoteName, quoteText } from "../engine/quote.ts";
import { SqlError } from "../engine/session.ts";
import type { RowColumn, RowOutput } from "./source_type.ts";

/** A value as text that the engine casts to its column's type; of a BLOB its bytes in hex. */
export type StagedValue = string | null;

/** Rows with where they stand, for messages: `row 7`, `Sheet1!B7`. */
export interface StagedRow {
  readonly values: readonly StagedValue[];
  place(column: number): string;
}

/** Characters that are gathered before they are written. */
const CHUNK = 1 << 20;
/** Bytes of a line that the engine reads without being told. */
const USUAL_LINE = 16 << 20;
const INTEGER_TYPE = /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/;

/**
 * Writes rows to a Parquet file by way of a file of texts, so that no more than one of them is held.
 * Throws a `UserError` `source_value` (3) that names the column, the value and where it stands.
 */
export async function writeRows(
  rows: AsyncIterable<StagedRow> | Iterable<StagedRow>,
  { columns, path, session, temporaryDir, timeoutMs }: RowOutput,
): Promise<number> {
  const staged = join(temporaryDir, `${Deno.pid}-${crypto.randomUUID()}.jsonl`);
  try {
    const longest = await stage(rows, columns, { path: staged, timeoutMs });
    const scan = `read_json(${quoteText(staged)}, format = 'newline_delimited', columns = {` +
      columns.map((_, i) => `c${i}: 'VARCHAR'`).join(", ") +
      `}, maximum_object_size = ${Math.max(USUAL_LINE, longest * 2)})`;
    const casts = columns.map(({ name, type }, i) => `${cast(i, type)} AS ${quoteName(name)}`);
    try {
      return await session.run(
        `COPY (SELECT ${casts.join(", ")} FROM ${scan}) TO ${quoteText(path)} (FORMAT parquet)`,
      );
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      for (const [i, { name, type }] of columns.entries()) {
        if (type === "BLOB") continue;
        const { rows: wrong } = await session.read(
          `SELECT c${i} FROM ${scan} WHERE c${i} IS NOT NULL AND TRY_CAST(c${i} AS ${type}) IS NULL LIMIT 1`,
        );
        if (wrong.length > 0) throw wrongValue(name, String(wrong[0]![0]), type, null);
      }
      throw error;
    }
  } finally {
    removeIfExists(staged);
  }
}

function cast(i: number, type: string): string {
  if (type === "VARCHAR") return `c${i}`;
  return type === "BLOB" ? `unhex(c${i})` : `CAST(c${i} AS ${type})`;
}

/** Writes rows as JSON, one a line; the bytes of the longest line. */
async function stage(
  rows: AsyncIterable<StagedRow> | Iterable<StagedRow>,
  columns: readonly RowColumn[],
  { path, timeoutMs }: { readonly path: string; readonly timeoutMs: number | null },
): Promise<number> {
  const started = performance.now();
  const encoder = new TextEncoder();
  // The engine would round 1.5 to 2 where somebody asked for whole numbers.
  const whole = columns.map(({ type }) => INTEGER_TYPE.test(type));
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  let longest = 0;
  let text = "";
  const flush = () => {
    const bytes = encoder.encode(text);
    for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    text = "";
    // Reading leaves a timer no chance to tell.
    if (timeoutMs !== null && performance.now() - started > timeoutMs) throw timedOut(timeoutMs);
  };
  const add = ({ values, place }: StagedRow) => {
    const fields: string[] = [];
    values.forEach((value, i) => {
      if (value === null) return;
      if (whole[i] && !/^\s*[-+]?\d+\s*$/.test(value)) {
        throw wrongValue(columns[i]!.name, value, columns[i]!.type, place(i));
      }
      fields.push(`"c${i}":${JSON.stringify(value)}`);
    });
    const line = `{${fields.join(",")}}\n`;
    // A character of UTF-16 is at most three bytes.
    longest = Math.max(longest, line.length * 3);
    text += line;
    if (text.length >= CHUNK) flush();
  };
  // Waiting for every row would take longer than reading it.
  if (Symbol.iterator in rows) { for (const row of rows) add(row); }
  else for await (const row of rows) add(row);
  flush();
  return longest;
}

function timedOut(timeoutMs: number): SqlError {
  return new SqlError(`Timed out after ${timeoutMs / 1000} s`, {
    category: "Timeout",
    position: null,
    candidates: [],
  });
}

function wrongValue(column: string, value: string, type: string, place: string | null): UserError {
  const shown = value.length > 60 ? `${value.slice(0, 57)}...` : value;
  return new UserError(
    `Column "${column}" holds ${JSON.stringify(shown)}${
      place === null ? "" : ` (${place})`
    }, which is no ${type}`,
    {
      code: "source_value",
      kind: "validation",
      hint: `correct the file, or read the column as text: columns: {${column}: VARCHAR}`,
    },
  );
}
