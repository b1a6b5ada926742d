import { didYouMean } from "../base/closest.ts";
import { type FieldReader, isMapping } from "../base/field_reader.ts";
import type { JsonSchema } from "../base/json_schema.ts";
import { INTERVAL_UNITS, parseTime, timeText } from "../base/time_intervals.ts";
import type { IncrementalByKey, IncrementalByTime, IncrementalSpec } from "../model/node.ts";

/** `incremental_by_time` and `incremental_by_key`, as JSON Schema. */
export const INCREMENTAL_SCHEMA: Readonly<Record<string, JsonSchema>> = {
  incremental_by_time: {
    type: "object",
    description: "Build intervals of time, each once; {{ start }} and {{ end }} are its limits",
    properties: {
      time_column: { type: "string", description: "Output column of type DATE or TIMESTAMP" },
      interval: { enum: [...INTERVAL_UNITS], default: "day" },
      start: { type: "string", description: "Where the first interval begins: 2026-01-01" },
      lookback: {
        type: "integer",
        minimum: 0,
        description: "Intervals before new ones that are built again, for late rows",
      },
    },
    required: ["time_column", "start"],
    additionalProperties: false,
  },
  incremental_by_key: {
    type: "object",
    description: "New rows replace those with the same key; {{ watermark }} is how far it came",
    properties: {
      unique_key: {
        anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }],
        description: "Columns that tell rows apart",
      },
      time_column: { type: "string", description: "Column whose highest value is {{ watermark }}" },
    },
    required: ["unique_key"],
    additionalProperties: false,
  },
};

/** Reads how a node is built piece by piece; null where it is built as a whole, undefined after a problem. */
export function readIncremental(reader: FieldReader): IncrementalSpec | null | undefined {
  const [time, key] = ["incremental_by_time", "incremental_by_key"] as const;
  const fields = [reader.mapping(time), reader.mapping(key)] as const;
  if (reader.has(time) && reader.has(key)) {
    reader.problem([key], "two_modes", `"${time}" and "${key}" are both written`, "keep one");
    return undefined;
  }
  if (reader.has(time)) {
    return isMapping(fields[0]) ? byTime(reader.child(fields[0], [time])) : null;
  }
  return reader.has(key) ? byKey(reader.child(fields[1], [key])) : null;
}

function byTime(reader: FieldReader): IncrementalByTime | undefined {
  const column = reader.requiredText("time_column", "order_date");
  const written = reader.optionalText("interval") ?? "day";
  const unit = INTERVAL_UNITS.find((name) => name === written);
  if (unit === undefined) {
    reader.problem(
      ["interval"],
      "wrong_value",
      `Unknown interval "${written}"`,
      didYouMean(written, INTERVAL_UNITS) ?? `write one of: ${INTERVAL_UNITS.join(", ")}`,
    );
  }
  const start = reader.requiredText("start", "2026-01-01");
  const startMs = start === null ? null : parseTime(start);
  if (start !== null && startMs === null) {
    reader.problem(
      ["start"],
      "wrong_value",
      `"${start}" is not a point in time`,
      "write a day such as 2026-01-01, or 2026-01-01T06:00:00Z",
    );
  }
  const lookback = reader.has("lookback") ? Number(reader.optionalText("lookback") ?? 0) : 0;
  const isCount = Number.isInteger(lookback) && lookback >= 0 && lookback <= 10_000;
  if (!isCount) {
    reader.problem(
      ["lookback"],
      "wrong_value",
      '"lookback" must be a number of intervals',
      "write 2",
    );
  }
  reader.rejectUnknown("incremental_by_time");
  if (column === null || unit === undefined || startMs === null || !isCount) return undefined;
  return {
    mode: "incremental_by_time",
    time_column: column,
    interval: unit,
    start: timeText(startMs),
    lookback,
  };
}

function byKey(reader: FieldReader): IncrementalByKey | undefined {
  const keys = reader.texts("unique_key");
  if (keys.length === 0) {
    reader.problem(
      ["unique_key"],
      "missing_field",
      'Field "unique_key" is missing',
      "unique_key: id",
    );
  }
  const column = reader.optionalText("time_column");
  reader.rejectUnknown("incremental_by_key");
  return keys.length === 0
    ? undefined
    : { mode: "incremental_by_key", unique_key: keys, time_column: column };
}
