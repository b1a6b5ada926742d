import { fieldsById } from "./types.ts";
import type { TableMetadata, TableSchema } from "./table_metadata.ts";

const PROPERTY = "schema.name-mapping.default";

interface MappedField {
  readonly "field-id"?: number;
  readonly names?: readonly string[];
  readonly fields?: readonly MappedField[];
}

/**
 * Names under which files without field ids may have a field (specification, "Column Projection"):
 * what the table's name mapping says, or the field's own name where there is none.
 */
export function nameMapping(
  metadata: TableMetadata,
  schema: TableSchema,
): ReadonlyMap<number, readonly string[]> {
  const written = metadata.properties[PROPERTY];
  if (written === undefined) {
    return new Map([...fieldsById(schema)].map(([id, field]) => [id, [field.name]]));
  }
  const names = new Map<number, readonly string[]>();
  const visit = (fields: readonly MappedField[]): void => {
    for (const field of fields) {
      if (field["field-id"] !== undefined) names.set(field["field-id"], field.names ?? []);
      visit(field.fields ?? []);
    }
  };
  visit(JSON.parse(written));
  return names;
}
