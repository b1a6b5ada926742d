/** A part of DuckDB's serialised logical plan: an operator, an expression or a detail of one. */
export type Json = { readonly [key: string]: unknown };

/** Thrown where a plan holds something that is not understood: the answer is then "cannot tell", never a guess. */
export class CannotTell extends Error {
  override readonly name = "CannotTell";
}

/** Thrown for a query that reads a row number which exists in empty tables only, not in Parquet files. */
export class ReadsRowId extends Error {
  override readonly name = "ReadsRowId";
}

/** The list under a key; absent means empty. */
export function list(part: Json, key: string): readonly Json[] {
  const value = part[key];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new CannotTell(`${key} is not a list`);
  return value as readonly Json[];
}

/** The number under a key; absent means zero. */
export function number(part: Json, key: string): number {
  return Number(part[key] ?? 0);
}

/** The text under a key; absent means empty. */
export function text(part: Json, key: string): string {
  const value = part[key] ?? "";
  if (typeof value !== "string") throw new CannotTell(`${key} is not a text`);
  return value;
}

/** Throws {@linkcode CannotTell} for an operator that says something this program does not know. */
export function expectKeys(operator: Json, known: readonly string[]): void {
  const unknown = Object.keys(operator).find((key) =>
    key !== "type" && key !== "children" && !known.includes(key) && !isEmpty(operator[key]) &&
    !(SWITCHES.has(key) && operator[key] === false)
  );
  if (unknown !== undefined) throw new CannotTell(`${operator["type"]} with ${unknown}`);
}

/** Switches that mean nothing while they are off; of any other one, off may be the unusual case. */
const SWITCHES = new Set(["delim_flipped", "is_recurring", "ref_recurring"]);

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return true;
  return typeof value === "object" && Object.values(value).every(isEmpty);
}

/** Parts that say where or under which name something was written, not what it means. */
const INCIDENTAL = new Set(["alias", "query_location"]);

/** A part as text without what is incidental; equal for parts that mean the same. */
export function canonicalText(value: unknown): string {
  return JSON.stringify(value, (key, inner) => INCIDENTAL.has(key) ? undefined : inner) ?? "null";
}

/** DuckDB's word for "none" where an index stands. Inside a text the quotes would be escaped. */
const NO_INDEX =
  /"(ordinality_idx|total_files|filtered_files|groupings_index|index)":18446744073709551615/g;

/**
 * Parses a serialised plan. Numbers that would not be written as they were read stay text:
 * two constants that differ, however large, and be it 0.0 and -0.0, must not become one.
 * Throws {@linkcode CannotTell} for a plan with a constant that has no JSON, such as NaN.
 */
export function parsePlan(text: string): Json {
  const json = text.replace(NO_INDEX, '"$1":-1');
  try {
    if (!/\d{16}|[:,[]\s*-0/.test(json)) return JSON.parse(json);
    return JSON.parse(
      json,
      ((_key: string, value: unknown, context?: { source?: string }) =>
        typeof value === "number" && context?.source !== undefined &&
          (!Number.isSafeInteger(value) || Object.is(value, -0))
          ? context.source
          : value) as (key: string, value: unknown) => unknown,
    ) as Json;
  } catch (error) {
    if (error instanceof SyntaxError) throw new CannotTell("its plan cannot be read");
    throw error;
  }
}
