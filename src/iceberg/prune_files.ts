import { quoteName } from "../engine/quote.ts";
import type { Session } from "../engine/session.ts";
import { compareValues } from "./build_commit.ts";
import type { ScanFile } from "./scan.ts";
import { decodeValue, parseValue, type PrimitiveValue } from "./single_value.ts";
import type { SchemaField, TableSchema } from "./table_metadata.ts";

/** Least and greatest value of a column; null where that cannot be told. */
interface Range {
  readonly field: SchemaField;
  readonly type: string;
  readonly least: PrimitiveValue | null;
  readonly greatest: PrimitiveValue | null;
}

/**
 * Files that may hold a row with the values of new rows in some columns, by the bounds in the manifests. Leaves out
 * what certainly holds none.
 */
export async function filesInRange(
  files: readonly ScanFile[],
  schema: TableSchema,
  columns: readonly string[],
  rows: string,
  session: Session,
): Promise<ScanFile[]> {
  const ranges = await rangesOf(schema, columns, rows, session);
  return files.filter((file) => ranges.every((range) => overlaps(file, range)));
}

async function rangesOf(
  schema: TableSchema,
  columns: readonly string[],
  rows: string,
  session: Session,
): Promise<Range[]> {
  const fields = schema.fields.filter((field) =>
    columns.some((name) => name.toLowerCase() === field.name.toLowerCase()) &&
    typeof field.type === "string" && !UNORDERED.has(field.type)
  );
  if (fields.length === 0) return [];
  const shown = fields.flatMap(({ name }) => [
    `CAST(min(${quoteName(name)}) AS VARCHAR)`,
    `CAST(max(${quoteName(name)}) AS VARCHAR)`,
  ]);
  const { rows: [found = []] } = await session.read(`SELECT ${shown.join(", ")} FROM ${rows}`);
  return fields.map((field, i) => {
    const type = String(field.type);
    const value = (text: unknown) => typeof text === "string" ? parseValue(type, text) : null;
    return { field, type, least: value(found[2 * i]), greatest: value(found[2 * i + 1]) };
  });
}

/** Types whose text or order is not that of their bounds: NaN, bytes as DuckDB shows them. */
const UNORDERED: ReadonlySet<string> = new Set(["float", "double", "binary", "boolean"]);

function overlaps({ file }: ScanFile, { field, type, least, greatest }: Range): boolean {
  const lower = file.lowerBounds.get(field.id);
  const upper = file.upperBounds.get(field.id);
  if (lower !== undefined && greatest !== null) {
    if (compareValues(decodeValue(type, lower), greatest) > 0) return false;
  }
  if (upper !== undefined && least !== null) {
    if (compareValues(decodeValue(type, upper), least) < 0) return false;
  }
  return true;
}
