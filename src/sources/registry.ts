import { CSV } from "./csv.ts";
import { EXCEL } from "./excel.ts";
import { HTTP_SOURCE } from "./http.ts";
import { ICEBERG_SOURCE } from "./iceberg.ts";
import { JSON_FILES, JSON_LINES } from "./json.ts";
import { PARQUET } from "./parquet.ts";
import { POSTGRES_SOURCE } from "./postgres.ts";
import type { SourceType } from "./source_type.ts";
import { SQLITE } from "./sqlite.ts";
import type { TableSourceType } from "./table_source.ts";
import { TSV } from "./tsv.ts";

/** Every way to read rows out of files of the project, in the order in which help shows them. */
export const SOURCE_TYPES: readonly SourceType[] = [
  CSV,
  TSV,
  PARQUET,
  JSON_FILES,
  JSON_LINES,
  EXCEL,
  SQLITE,
];

/** The source type of that name, or null. */
export function findSourceType(name: string): SourceType | null {
  return SOURCE_TYPES.find((type) => type.name === name) ?? null;
}

/** Every kind of outside system that rows are read from. */
export const TABLE_SOURCES: readonly TableSourceType[] = [
  POSTGRES_SOURCE,
  ICEBERG_SOURCE,
  HTTP_SOURCE,
];

/** Other names that sources use for a type. */
export const SOURCE_ALIASES: Readonly<Record<string, string>> = {
  postgres: "postgresql",
  https: "http",
};

/** The table source type of that name or alias, or null. */
export function findTableSource(name: string): TableSourceType | null {
  const known = Object.hasOwn(SOURCE_ALIASES, name) ? SOURCE_ALIASES[name] : name;
  return TABLE_SOURCES.find((type) => type.name === known) ?? null;
}
