import type { JsonSchema } from "../base/json_schema.ts";
import type { SourceParam } from "../sources/source_type.ts";

const PARAM_SCHEMAS: Readonly<Record<SourceParam["type"], JsonSchema>> = {
  text: { type: "string" },
  "boolean or text": { type: ["boolean", "string"] },
  boolean: { type: "boolean" },
  integer: { type: "integer" },
  list: { type: "array" },
  mapping: { type: "object" },
};

/** JSON Schema of the `params` of a source. */
export function paramsSchema(params: Readonly<Record<string, SourceParam>>): JsonSchema {
  const properties = Object.entries(params).map(([name, { type, doc }]) => [
    name,
    { ...PARAM_SCHEMAS[type], description: doc },
  ]);
  return {
    type: ["object", "null"],
    properties: Object.fromEntries(properties),
    additionalProperties: false,
  };
}
