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
  const names = columns.map((_, i) => `c${i}`);
  return await castRows(session, { columns, names, from, to });
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
  return await castRows(session, { columns, names: columns.map(({ name }) => name), from, to });
}

/** List, struct, map. */
function isNested(type: string): boolean {
  return /[\])]$/.test(type) && !/^DECIMAL\(/.test(type);
}

interface Cast {
  readonly columns: Columns;
  /** What the columns are called in `from`. */
  readonly names: readonly string[];
  readonly from: string;
  readonly to: string;
}

async function castRows(session: Session, { columns, names, from, to }: Cast): Promise<number> {
  const casts = columns.map(({ name, type }, i) =>
    `CAST(${quoteName(names[i]!)} AS ${type}) AS ${quoteName(name)}`
  );
  try {
    return await session.run(
      `COPY (SELECT ${casts.join(", ")} FROM ${from}) TO ${quoteText(to)} (FORMAT parquet)`,
    );
  } catch (error) {
    const found = error instanceof SqlError && error.category !== "INTERRUPT"
      ? await findMisfit(session, { columns, names, from })
      : null;
    throw found ?? error;
  }
}

/** The first value that is not of its column's type: DuckDB does not say which one it was. */
async function findMisfit(
  session: Session,
  { columns, names, from }: Omit<Cast, "to">,
): Promise<ScriptError | null> {
  for (const [i, { name, type }] of columns.entries()) {
    const value = quoteName(names[i]!);
    const { rows } = await session.read(
      `SELECT n, left(v::VARCHAR, 60) FROM (SELECT row_number() OVER () AS n, ${value} AS v ` +
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
