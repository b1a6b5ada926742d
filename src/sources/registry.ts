import { CSV } from "./csv.ts";
import { JSON_FILES, JSON_LINES } from "./json.ts";
import { PARQUET } from "./parquet.ts";
import type { SourceType } from "./source_type.ts";

/** Every way to read rows, in the order in which help shows them. */
export const SOURCE_TYPES: readonly SourceType[] = [CSV, PARQUET, JSON_FILES, JSON_LINES];

/** The source type of that name, or null. */
export function findSourceType(name: string): SourceType | null {
  return SOURCE_TYPES.find((type) => type.name === name) ?? null;
}
