import { didYouMean } from "../base/closest.ts";
import { type FieldReader, isMapping } from "../base/field_reader.ts";
import type { JsonSchema } from "../base/json_schema.ts";
import { type AggregatedFeature, AGGREGATIONS, type DayWindow } from "./aggregation_sql.ts";

/** How aggregations are written in YAML; the same for `aggregation` and `second_order_aggregation`. */

/** JSON Schema of a list of aggregations. */
export const AGGS_SCHEMA: JsonSchema = {
  type: "array",
  items: { enum: AGGREGATIONS },
  minItems: 1,
};

/** JSON Schema of `[from, to]`. */
export const WINDOW_SCHEMA: JsonSchema = {
  type: "array",
  items: { type: "integer", minimum: 0 },
  minItems: 2,
  maxItems: 2,
  description: "Days before the application date, both included: [1, 7]",
};

/** JSON Schema of `{numerator, denominator, aggs}`. */
export const RATIO_SCHEMA: JsonSchema = {
  type: "object",
  properties: { numerator: WINDOW_SCHEMA, denominator: WINDOW_SCHEMA, aggs: AGGS_SCHEMA },
  required: ["numerator", "denominator"],
  additionalProperties: false,
};

/** The `basic` of a feature. */
export function readBasic(reader: FieldReader): AggregatedFeature["basic"] {
  return readAggs(reader, "basic", []);
}

/** The `rolling` of a feature: windows with what is aggregated in them. */
export function readRolling(reader: FieldReader): AggregatedFeature["rolling"] {
  return readEach(reader, "rolling", "a rolling window", (inner) => {
    const window = readWindow(inner, "window");
    const aggs = readAggs(inner, "aggs", ["sum"]);
    return window === null ? null : { window, aggs };
  });
}

/** The `ratio` of a feature: one or more pairs of windows. */
export function readRatios(reader: FieldReader): AggregatedFeature["ratio"] {
  return readEach(reader, "ratio", "a ratio", (inner) => {
    const numerator = readWindow(inner, "numerator");
    const denominator = readWindow(inner, "denominator");
    const aggs = readAggs(inner, "aggs", ["sum"]);
    return numerator === null || denominator === null ? null : { numerator, denominator, aggs };
  });
}

/** The `since` of a feature: conditions with what is aggregated of the rows that fulfil them. */
export function readSince(reader: FieldReader): AggregatedFeature["since"] {
  return readEach(reader, "since", "a condition", (inner) => {
    const condition = inner.requiredText("condition", "status = 'paid'");
    const aggs = readAggs(inner, "aggs", ["count"]);
    return condition === null ? null : { condition, aggs };
  });
}

/** Names of aggregations; unknown ones are reported and left out. */
export function readAggs(
  reader: FieldReader,
  field: string,
  fallback: readonly string[],
): readonly string[] {
  if (!reader.has(field)) {
    reader.ignore(field);
    return fallback;
  }
  return reader.texts(field).flatMap((written) => {
    const agg = written.toLowerCase();
    if (AGGREGATIONS.includes(agg)) return [agg];
    reader.problem(
      [field],
      "unknown_aggregation",
      `Unknown aggregation "${written}"`,
      didYouMean(agg, AGGREGATIONS) ?? `there is: ${AGGREGATIONS.join(", ")}`,
    );
    return [];
  });
}

/** `[from, to]`; null after reporting that it is not. */
export function readWindow(reader: FieldReader, field: string): DayWindow | null {
  const [from, to, ...more] = reader.list(field);
  if (
    isDay(from) && isDay(to) && from <= to && more.length === 0
  ) return [from, to];
  reader.problem(
    reader.has(field) ? [field] : [],
    "invalid_window",
    `"${field}" must be two whole numbers of days before the application date, the nearer first`,
    `write ${field}: [1, 7] for the seven days before it`,
  );
  return null;
}

function isDay(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

function readEach<T>(
  reader: FieldReader,
  field: string,
  what: string,
  read: (inner: FieldReader) => T | null,
): T[] {
  return reader.listOrOne(field).flatMap(({ value, path }) => {
    if (!isMapping(value)) {
      reader.problem(path, "wrong_type", `${capital(what)} is a mapping`);
      return [];
    }
    const inner = reader.child(value, path);
    const result = read(inner);
    inner.rejectUnknown(what);
    return result === null ? [] : [result];
  });
}

function capital(text: string): string {
  return text[0]!.toUpperCase() + text.slice(1);
}
