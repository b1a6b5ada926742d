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
  /** A SELECT of the rows that fail; null where no row is to blame. */
  readonly failing: string | null;
}

/** A field that holds SQL of the author's. */
export interface WrittenSql {
  readonly field: string;
  /** `condition`: an expression over a row; `query`: a SELECT. */
  readonly is: "condition" | "query";
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
  /** The field of the type's own that the author writes SQL in; absent: there is none. */
  readonly written?: WrittenSql;
  /** True where time alone may make it fail. */
  readonly readsClock?: true;
  /** The one field that `type: value` stands for where the type takes no columns. */
  readonly mainField?: string;
  /** Reads the type's own fields; null after reporting why they are unusable. */
  parse(reader: FieldReader): AuditSpec["params"] | null;
  /** The checks, one for each column or one for the table; rows are `"this"`. */
  sql(audit: AuditSpec, columns: readonly CheckedColumn[]): readonly CheckSql[];
  /** Nodes that it reads besides its own, as they are written; absent: none. */
  reads?(params: AuditSpec["params"]): readonly string[];
  /** Constant expressions that must have a value, found out in the plan; absent: none. */
  constants?(audit: AuditSpec, columns: readonly CheckedColumn[]): readonly string[];
}
