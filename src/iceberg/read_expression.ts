import { quoteName, quoteText } from "../engine/quote.ts";
import { duckTypeFor, duckTypeText } from "./types.ts";
import { isReadAs, type PhysicalField } from "./physical_schema.ts";
import { childFields } from "./types.ts";
import type { SchemaField } from "./table_metadata.ts";

/** Finds the column of a file that holds a field. */
export type FindField = (
  candidates: readonly PhysicalField[],
  field: SchemaField,
) => PhysicalField | null;

/** By field id; columns without one by the names that the table's name mapping has for the field. */
export function findById(names: ReadonlyMap<number, readonly string[]>): FindField {
  return (candidates, field) => {
    const known = names.get(field.id) ?? [];
    return candidates.find((candidate) => candidate.id === field.id) ??
      candidates.find((candidate) => candidate.id === null && known.includes(candidate.name)) ??
      null;
  };
}

/** SQL of a field's values as the table has them now: renamed, added and widened parts are put in place. */
export function readExpression(
  sql: string,
  physical: PhysicalField,
  field: SchemaField,
  find: FindField,
  depth = 0,
): string {
  if (isLaidOutAs(physical, field, find)) return sql;
  const target = duckTypeFor(field.type);
  if (typeof field.type === "string") return castRead(sql, physical, field.type);
  const item = `x${depth}`;
  switch (field.type.type) {
    case "struct": {
      const parts = field.type.fields.map((child) =>
        `${quoteName(child.name)} := ${childExpression(sql, physical.children, child, find, depth)}`
      );
      return `CASE WHEN ${sql} IS NULL THEN NULL ELSE struct_pack(${parts.join(", ")}) END`;
    }
    case "list": {
      const [element] = childFields(field.type);
      const [inner] = physical.children;
      if (element === undefined || inner === undefined) break;
      return `list_transform(${sql}, lambda ${item}: ${
        readExpression(item, inner, element, find, depth + 1)
      })`;
    }
    case "map": {
      const [key, value] = childFields(field.type);
      const [innerKey, innerValue] = physical.children;
      if (key === undefined || value === undefined || innerKey === undefined) break;
      if (innerValue === undefined) break;
      return `map_from_entries(list_transform(map_entries(${sql}), lambda ${item}: struct_pack(k := ${
        readExpression(`${item}.key`, innerKey, key, find, depth + 1)
      }, v := ${readExpression(`${item}.value`, innerValue, value, find, depth + 1)})))`;
    }
  }
  return `CAST(${sql} AS ${target.kind === "scalar" ? target.name : duckTypeText(field.type)})`;
}

function childExpression(
  sql: string,
  candidates: readonly PhysicalField[],
  child: SchemaField,
  find: FindField,
  depth: number,
): string {
  const found = find(candidates, child);
  return found === null
    ? missingValue(child)
    : readExpression(`${sql}.${quoteName(found.name)}`, found, child, find, depth);
}

/** What rows have in a field that was added after their file was written. */
export function missingValue(field: SchemaField): string {
  return `CAST(NULL AS ${duckTypeText(field.type)})`;
}

function isLaidOutAs(physical: PhysicalField, field: SchemaField, find: FindField): boolean {
  if (!isReadAs(physical, duckTypeFor(field.type))) return false;
  const wanted = childFields(field.type);
  return wanted.every((child, i) => {
    const candidate = physical.children[i];
    const found = typeof field.type !== "string" && field.type.type !== "struct"
      ? candidate
      : find(physical.children, child);
    return candidate !== undefined && found === candidate && isLaidOutAs(candidate, child, find);
  });
}

/** Some writers leave out what a column's bytes mean; the table says it. */
function castRead(sql: string, physical: PhysicalField, type: string): string {
  const from = physical.type.kind === "scalar" ? physical.type.name : "";
  if (type === "uuid" && from === "BLOB") return `CAST(lower(hex(${sql})) AS UUID)`;
  if (type === "string" && from === "BLOB") return `decode(${sql})`;
  if ((type === "binary" || type.startsWith("fixed")) && from === "UUID") {
    return `unhex(replace(CAST(${sql} AS VARCHAR), '-', ''))`;
  }
  if ((type === "binary" || type.startsWith("fixed")) && from === "VARCHAR") {
    return `encode(${sql})`;
  }
  return `CAST(${sql} AS ${duckTypeText(type)})`;
}

/** A constant of a primitive type, from text that DuckDB reads. */
export function literal(text: string, type: string): string {
  return `CAST(${quoteText(text)} AS ${duckTypeText(type)})`;
}
