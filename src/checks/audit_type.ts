import type { FieldReader } from "../base/field_reader.ts";
import type { JsonSchema } from "../base/json_schema.ts";
import type { AuditSpec } from "../model/node.ts";

/** A column of the rows that are checked. */
export interface CheckedColumn {
  readonly name: string;
  readonly type: string;
}

/** SQL of one check: see `CheckSpec.sql`. */
export interface CheckSql {
  /** Column it looks at; null for the table as a whole. */
  readonly column: string | null;
  readonly sql: string;
}

/** A way to check the rows of a node, written under `audits:`. */
export interface AuditType {
  /** The value of an audit's `type`. */
  readonly name: string;
  readonly summary: string;
  /** True where it is about columns, which must then be named. */
  readonly takesColumns: boolean;
  /** The type's own fields, as JSON Schema properties. */
  readonly schema: Readonly<Record<string, JsonSchema>>;
  /** Reads the type's own fields; null after reporting why they are unusable. */
  parse(reader: FieldReader): AuditSpec["params"] | null;
  /** The checks, one for each column or one for the table; rows are `"this"`. */
  sql(audit: AuditSpec, columns: readonly CheckedColumn[]): readonly CheckSql[];
}
