import { quoteName, readParquet } from "../engine/quote.ts";
import { openSession } from "../engine/registry.ts";
import type { ExposureInput } from "./exposure_type.ts";
import { dirname } from "node:path";

/** All columns; floating point numbers that JSON has no words for are NULL. */
export function finiteColumns(columns: ExposureInput["columns"]): string {
  return columns.map(({ name, type }) => {
    const column = quoteName(name);
    return /^(DOUBLE|FLOAT)$/.test(type)
      ? `CASE WHEN isfinite(${column}) THEN ${column} END AS ${column}`
      : column;
  }).join(", ");
}

/**
 * The rows of an output as JSON arrays of objects, up to `size` rows each and in the order of the output. Numbers have
 * all their digits, timestamps are texts.
 */
export async function* jsonBatches(
  input: ExposureInput,
  size: number,
): AsyncGenerator<{ readonly json: string; readonly rows: number }> {
  await using session = await openSession({ allowedDirs: [dirname(input.path)] });
  const from = `(SELECT ${finiteColumns(input.columns)} FROM ${readParquet(input.path)})`;
  for (let start = 0; start < input.rows; start += size) {
    const { rows } = await session.read(
      `SELECT CAST(to_json(output) AS VARCHAR) FROM (FROM ${from} LIMIT ${size} OFFSET ${start}) AS output`,
    );
    yield { json: `[${rows.map(([row]) => String(row)).join(",")}]`, rows: rows.length };
  }
}
