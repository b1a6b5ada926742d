import { AUDIT_TYPES } from "../checks/registry.ts";
import type { JsonSchema } from "../base/json_schema.ts";
import type { NodeKind } from "../nodes/node_kind.ts";
import { NODE_KINDS } from "../nodes/registry.ts";
import { TARGET_TYPES } from "../targets/registry.ts";

/** The dialect of every schema. */
export const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/** A name of a node, as the loader takes it. */
const NAME_PATTERN = "^[\\p{L}_][\\p{L}\\p{N}_-]{0,127}$";

const TEXT: JsonSchema = { type: ["string", "number", "null"] };

/** A list of texts, for which a single text will do. */
const TEXTS: JsonSchema = {
  type: ["array", "string", "number", "null"],
  items: { type: ["string", "number"] },
};

/** Schema of the nodes of one kind. */
export function kindSchema(kind: NodeKind): JsonSchema {
  return { $schema: DIALECT, title: `${kind.kind}: ${kind.summary}`, ...body(kind) };
}

/** Schema of any node: which fields it has depends on its `kind`. */
export function nodeSchema(): JsonSchema {
  return {
    $schema: DIALECT,
    title: "A node of a Seeknal project",
    type: "object",
    properties: { kind: { enum: NODE_KINDS.map(({ kind }) => kind) } },
    required: ["kind", "name"],
    allOf: NODE_KINDS.map((kind) => ({
      if: { properties: { kind: { const: kind.kind } }, required: ["kind"] },
      then: body(kind),
    })),
  };
}

function body(kind: NodeKind): JsonSchema {
  const { properties, required, rules = [] } = kind.schema;
  const needed: JsonSchema = kind.takesScript
    ? {
      if: { required: ["script"] },
      then: { required: ["columns"] },
      else: { required },
    }
    : { required };
  const all = [...(kind.takesScript || required.length > 0 ? [needed] : []), ...rules];
  return {
    type: "object",
    properties: { kind: { const: kind.kind }, ...commonProperties(kind), ...properties },
    required: ["kind", "name"],
    additionalProperties: false,
    ...(all.length === 0 ? {} : { allOf: all }),
  };
}

function commonProperties(kind: NodeKind): Record<string, JsonSchema> {
  const inputs = {
    type: ["array", "null"],
    items: {
      anyOf: [
        { type: "string" },
        {
          type: "object",
          properties: { ref: { type: "string", description: "kind.name" } },
          required: ["ref"],
          additionalProperties: false,
        },
      ],
    },
    description: "Nodes it reads: - ref: kind.name",
  };
  return {
    name: { type: "string", pattern: NAME_PATTERN, description: "Its id is kind.name" },
    description: { ...TEXT, description: "What it is" },
    owner: { ...TEXT, description: "Whom to ask" },
    tags: { ...TEXTS, description: "Words to select by" },
    ...(kind.ownsInputs === true ? {} : { inputs, depends_on: inputs }),
    columns: COLUMNS,
    grain: { ...TEXTS, description: "Columns that tell its rows apart" },
    ...(kind.hasRows ? { materializations: materializations(), audits: audits(false) } : {}),
    ...(kind.hasRows && kind.ownsTests !== true ? { tests: audits(false) } : {}),
    ...(kind.hasRows && kind.ownsMaterialization !== true
      ? { materialization: materializations() }
      : {}),
    ...(kind.takesScript
      ? { script: { type: "string", description: "A .ts or .py file that makes the rows" } }
      : {}),
  };
}

const COLUMNS: JsonSchema = {
  type: ["object", "null"],
  description: "Columns that it has: name: TYPE",
  additionalProperties: {
    anyOf: [
      { type: ["string", "null"] },
      {
        type: "object",
        properties: {
          type: TEXT,
          description: TEXT,
          audits: audits(true),
          tests: audits(true),
        },
        additionalProperties: false,
      },
    ],
  },
};

function materializations(): JsonSchema {
  const own = (schema: Readonly<Record<string, JsonSchema>>, name: string): JsonSchema => ({
    properties: {
      type: { const: name },
      enabled: { type: "boolean", description: "false: not written" },
      ...schema,
    },
    required: ["table"],
    additionalProperties: false,
  });
  const item: JsonSchema = {
    type: "object",
    properties: { type: { enum: TARGET_TYPES.map(({ name }) => name) } },
    allOf: TARGET_TYPES.map(({ name, schema }) => ({
      // Without a type it is Iceberg.
      if: {
        properties: { type: { const: name } },
        ...(name === "iceberg" ? {} : { required: ["type"] }),
      },
      then: {
        if: { properties: { enabled: { const: false } }, required: ["enabled"] },
        else: own(schema, name),
      },
    })),
  };
  return {
    description: "Tables outside that its rows are written to",
    anyOf: [item, { type: "array", items: item }, { type: "null" }],
  };
}

/** A list of audits; those of one column need not name it. */
function audits(ofColumn: boolean): JsonSchema {
  const names = AUDIT_TYPES.map(({ name }) => name);
  const common: Readonly<Record<string, JsonSchema>> = {
    name: { type: "string", description: "What it is called" },
    severity: { enum: ["error", "warn"], description: "warn: found, and not in the way" },
    where: { type: "string", description: "Condition on the rows that are looked at" },
    max_violations: { type: "integer", minimum: 0, description: "Up to so many it passes" },
  };
  const long: JsonSchema = {
    type: "object",
    properties: { type: { enum: names } },
    required: ["type"],
    allOf: AUDIT_TYPES.map(({ name, summary, takesColumns, schema }) => ({
      if: { properties: { type: { const: name } }, required: ["type"] },
      then: {
        properties: {
          type: { const: name, description: summary },
          ...common,
          ...(takesColumns ? { columns: TEXTS, column: TEXTS } : {}),
          ...schema,
        },
        ...(takesColumns && !ofColumn
          ? { anyOf: [{ required: ["columns"] }, { required: ["column"] }] }
          : {}),
        additionalProperties: false,
      },
    })),
  };
  const short: JsonSchema = {
    type: "object",
    properties: { ...Object.fromEntries(names.map((name) => [name, {}])), ...common },
    minProperties: 1,
    not: { required: ["type"] },
    additionalProperties: false,
  };
  return {
    type: ["array", "null"],
    description: "Checks that its rows have to pass",
    items: { anyOf: [long, short, ...(ofColumn ? [{ enum: names }] : [])] },
  };
}
