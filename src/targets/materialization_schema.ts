import type { JsonSchema } from "../base/json_schema.ts";

/** Fields that materializations of every type have, as JSON Schema properties. */
export const COMMON_MATERIALIZATION: Readonly<Record<string, JsonSchema>> = {
  table: { type: "string", description: "Name of the table outside" },
  connection: { type: "string", description: "Connection of the profile" },
  time_column: {
    type: "string",
    description: "Column by which mode incremental_by_time replaces rows",
  },
  lookback: {
    type: ["integer", "string"],
    description: "Days before the first new time that are replaced too (incremental_by_time)",
  },
  unique_keys: {
    type: ["array", "string"],
    items: { type: "string" },
    description: "Columns that tell rows apart (upsert_by_key)",
  },
  null_keys: { enum: ["error", "skip"], description: "What to do with rows whose key is NULL" },
  duplicate_keys: {
    enum: ["error", "last"],
    description: "What to do with several rows of one key",
  },
  existing: {
    enum: ["refuse", "adopt"],
    description: "What to do with a table of that name that Seeknal did not write",
  },
  schema_evolution: {
    enum: ["safe", "auto", "strict"],
    description: "How a table follows changed columns; default: as the profile says",
  },
  validation: {
    type: "object",
    description: "What must hold between the node's output and what was staged",
    properties: {
      row_count_tolerance: { type: "number", minimum: 0, maximum: 1 },
      checksum: { type: "boolean" },
    },
    additionalProperties: false,
  },
};
