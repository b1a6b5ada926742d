import { quoteName } from "../engine/quote.ts";
import { childFields } from "./types.ts";
import type { PrimitiveType, SchemaField } from "./table_metadata.ts";

/** The value of DuckDB's COPY option `FIELD_IDS`. */
export function fieldIdsSql(fields: readonly SchemaField[]): string {
  return `{${fields.map((field) => `${quoteName(field.name)}: ${idsOf(field)}`).join(", ")}}`;
}

function idsOf(field: SchemaField): string {
  const children = childFields(field.type);
  if (children.length === 0) return String(field.id);
  const parts = children.map((child) => `${quoteName(child.name)}: ${idsOf(child)}`);
  return `{__duckdb_field_id: ${field.id}, ${parts.join(", ")}}`;
}

/** A column of a Parquet file. */
export interface Leaf {
  readonly id: number;
  readonly type: PrimitiveType;
  /** True inside a list or a map, where a row has several values. */
  readonly isRepeated: boolean;
}

/** Columns of a Parquet file by the name that DuckDB's statistics give them: `"ls"."element"."x"`. */
export function leavesByPath(fields: readonly SchemaField[]): Map<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  const visit = (list: readonly SchemaField[], prefix: string, isRepeated: boolean): void => {
    for (const field of list) {
      const path = `${prefix}${quoteName(field.name)}`;
      if (typeof field.type === "string") {
        leaves.set(path, { id: field.id, type: field.type, isRepeated });
      } else {
        visit(childFields(field.type), `${path}.`, isRepeated || field.type.type !== "struct");
      }
    }
  };
  visit(fields, "", false);
  return leaves;
}
