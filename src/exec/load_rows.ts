import { quoteName, quoteText, readParquet } from "../engine/quote.ts";
import { type Session, SqlError } from "../engine/session.ts";
import type { ScriptJob } from "../model/run.ts";
import { columnProblem } from "./row_encoder.ts";
import { ScriptError } from "./script_error.ts";

type Columns = ScriptJob["columns"];

/** The least that DuckDB's reader wants to be told. */
const LINE_BYTES = 1 << 20;

/** Casts JSON lines of a `RowEncoder` to the declared columns and writes them as Parquet; how many there were. */
export async function loadJsonRows(
  session: Session,
  { columns, lines, longestLine, to }: {
    readonly columns: Columns;
    /** Absolute path; the file may be empty. */
    readonly lines: string;
    /** Characters of the longest line. */
    readonly longestLine: number;
    readonly to: string;
  },
): Promise<number> {
  const read = columns.map(({ type }, i) => `c${i}: '${isNested(type) ? "JSON" : "VARCHAR"}'`);
  const from = `read_json(${quoteText(lines)}, format = 'newline_delimited', ` +
    // A character is at most three bytes of UTF-8.
    `maximum_object_size = ${Math.max(LINE_BYTES, 3 * longestLine + 2)}, ` +
    `columns = {${read.join(", ")}})`;
  const values = columns.map(({ type }, i) =>
    isNested(type) ? binaryAsText(`c${i}`, type) : `c${i}`
  );
  return await castRows(session, { columns, values, from, to });
}

/** Casts a Parquet file that a script wrote to the declared columns; how many rows there were. */
export async function loadParquetRows(
  session: Session,
  { columns, path, to }: { readonly columns: Columns; readonly path: string; readonly to: string },
): Promise<number> {
  const from = readParquet(path);
  const { rows } = await session.read(`DESCRIBE FROM ${from}`);
  const found = rows.map(([name]) => String(name));
  const problem = columnProblem(found, columns.map(({ name }) => name));
  if (problem !== null) throw new ScriptError(`What it returned ${problem.message}`, problem.hint);
  return await castRows(session, {
    columns,
    values: columns.map(({ name }) => quoteName(name)),
    from,
    to,
  });
}

/** Binary inside of JSON is text that only a second cast takes for `\x…`. */
function binaryAsText(value: string, type: string): string {
  const asText = type.replace(
    /"(?:""|[^"])*"|\bBLOB\b/g,
    (word) => word === "BLOB" ? "VARCHAR" : word,
  );
  return asText === type ? value : `CAST(${value} AS ${asText})`;
}

/** List, struct, map. */
function isNested(type: string): boolean {
  return /[\])]$/.test(type) && !/^DECIMAL\(/.test(type);
}

interface Cast {
  readonly columns: Columns;
  /** SQL of their values, over `from`. */
  readonly values: readonly string[];
  readonly from: string;
  readonly to: string;
}

async function castRows(session: Session, { columns, values, from, to }: Cast): Promise<number> {
  const casts = columns.map(({ name, type }, i) =>
    `CAST(${values[i]!} AS ${type}) AS ${quoteName(name)}`
  );
  try {
    return await session.run(
      `COPY (SELECT ${casts.join(", ")} FROM ${from}) TO ${quoteText(to)} (FORMAT parquet)`,
    );
  } catch (error) {
    const found = error instanceof SqlError && error.category !== "INTERRUPT"
      ? await findMisfit(session, { columns, values, from })
      : null;
    throw found ?? error;
  }
}

/** The first value that is not of its column's type: DuckDB does not say which one it was. */
async function findMisfit(
  session: Session,
  { columns, values, from }: Omit<Cast, "to">,
): Promise<ScriptError | null> {
  for (const [i, { name, type }] of columns.entries()) {
    const { rows } = await session.read(
      `SELECT n, left(v::VARCHAR, 60) FROM (SELECT row_number() OVER () AS n, ${values[i]!} AS v ` +
        `FROM ${from}) WHERE v IS NOT NULL AND TRY_CAST(v AS ${type}) IS NULL LIMIT 1`,
    ).catch(() => ({ rows: [] }));
    const [misfit] = rows;
    if (misfit === undefined) continue;
    return new ScriptError(
      `Row ${misfit[0]}: column "${name}" is ${type}, and '${misfit[1]}' is not one`,
      "convert it in the script, or declare another type under columns:",
    );
  }
  return null;
}
