import type { JsonSchema } from "../base/json_schema.ts";
import type { AuditType } from "./audit_type.ts";
import { AUDIT_TYPES } from "./registry.ts";

const TEXTS: JsonSchema = {
  type: ["string", "number", "array"],
  items: { type: ["string", "number"] },
};

/** Fields that audits of every type have. */
const COMMON: Readonly<Record<string, JsonSchema>> = {
  name: { type: "string", description: "What it is called where its results are shown" },
  severity: { enum: ["error", "warn"], description: "warn: found, and not in the way" },
  where: { type: "string", description: "Condition over the rows that are looked at" },
  max_violations: {
    type: ["integer", "string"],
    description: "Rows up to which it passes; default: 0",
  },
};

/** JSON Schema of `audits:` and `tests:` of a node; of one of its columns, which need not be named again there. */
export function auditsSchema(of: "node" | "column"): JsonSchema {
  const isColumn = of === "column";
  const mapping: JsonSchema = {
    type: "object",
    if: { required: ["type"] },
    then: {
      properties: { type: { enum: AUDIT_TYPES.map(({ name }) => name) } },
      allOf: AUDIT_TYPES.map((type) => ({
        if: { properties: { type: { const: type.name } }, required: ["type"] },
        then: longForm(type, isColumn),
      })),
    },
    else: {
      properties: { ...Object.fromEntries(AUDIT_TYPES.map(shortForm)), ...COMMON },
      additionalProperties: false,
      minProperties: 1,
    },
  };
  return {
    type: ["array", "null"],
    description: "Checks that its rows have to pass",
    items: isColumn ? { anyOf: [{ enum: AUDIT_TYPES.map(({ name }) => name) }, mapping] } : mapping,
  };
}

/** `{type: not_null, columns: [id]}` */
function longForm({ name, summary, takesColumns, schema }: AuditType, isColumn: boolean) {
  return {
    properties: {
      type: { const: name, description: summary },
      ...COMMON,
      ...(takesColumns ? { columns: TEXTS, column: TEXTS } : {}),
      ...schema,
    },
    ...(takesColumns && !isColumn
      ? { anyOf: [{ required: ["columns"] }, { required: ["column"] }] }
      : {}),
    additionalProperties: false,
  };
}

/** `{not_null: [id]}`, `{row_count: {min: 1}}` */
function shortForm({ name, summary }: AuditType): [string, JsonSchema] {
  return [name, { description: summary }];
}
