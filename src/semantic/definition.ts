import type { NodeId } from "../model/ids.ts";
import type { ParamValue } from "../model/node.ts";
import { compactJson } from "../base/canonical_json.ts";

/** Periods of time that a dimension can be cut to, from the finest. */
export const GRAINS = ["day", "week", "month", "quarter", "year"] as const;
/** See {@linkcode GRAINS}. */
export type Grain = (typeof GRAINS)[number];

/** How a measure adds up; `avg` is written `average` too. */
export const AGGREGATIONS = ["sum", "count", "count_distinct", "avg", "min", "max"] as const;
/** See {@linkcode AGGREGATIONS}. */
export type Aggregation = (typeof AGGREGATIONS)[number];

/** Types of dimensions. */
export const DIMENSION_TYPES = ["categorical", "time", "string", "number", "boolean"] as const;
/** Types of entities. */
export const ENTITY_TYPES = ["primary", "foreign", "unique", "natural"] as const;
/** How many rows of the joined model a row of this one finds, and the other way round. */
export const RELATIONSHIPS = ["many_to_one", "one_to_one", "one_to_many", "many_to_many"] as const;

/** What rows can be grouped and filtered by. */
export interface Dimension {
  readonly name: string;
  readonly type: (typeof DIMENSION_TYPES)[number];
  /** SQL over the columns of the model's node. */
  readonly expr: string;
  /** What its times are exact to; null: as they are. */
  readonly time_granularity: Grain | null;
  readonly description: string | null;
}

/** A key: what rows are about, and what models are joined by. */
export interface Entity {
  readonly name: string;
  readonly type: (typeof ENTITY_TYPES)[number];
  readonly expr: string;
}

/** What is added up. */
export interface Measure {
  readonly name: string;
  readonly agg: Aggregation;
  /** SQL over the columns of the model's node, for one row; null: the row itself is counted. */
  readonly expr: string | null;
  /** SQL conditions; other rows count for nothing. */
  readonly filters: readonly string[];
  readonly description: string | null;
}

/** How another semantic model is reached. */
export interface Join {
  /** Name of the other model. */
  readonly name: string;
  readonly relationship: (typeof RELATIONSHIPS)[number];
  /** Condition over entities and dimensions, as `{CUBE}.customer_id = {customers}.customer_id`. */
  readonly sql: string;
}

/** The meaning of a node's rows. */
export interface SemanticModel {
  readonly name: string;
  /** Node whose rows it describes. */
  readonly model: NodeId;
  /** The dimension that `metric_time` stands for. */
  readonly default_time_dimension: string | null;
  readonly entities: readonly Entity[];
  readonly dimensions: readonly Dimension[];
  readonly measures: readonly Measure[];
  readonly joins: readonly Join[];
}

/** A length of time. */
export interface TimeSpan {
  readonly count: number;
  readonly unit: Grain;
}

/** A metric that a derived one computes with. */
export interface MetricInput {
  readonly metric: string;
  /** Name in the expression. */
  readonly alias: string;
  /** How much earlier it is looked at. */
  readonly offset: TimeSpan | null;
}

/** What a metric computes. */
export type MetricFormula =
  | { readonly type: "simple"; readonly measure: string }
  | { readonly type: "ratio"; readonly numerator: string; readonly denominator: string }
  | {
    readonly type: "cumulative";
    readonly measure: string;
    /** From the beginning of this period on; null: not from one. */
    readonly grain_to_date: Grain | null;
    /** Over this much time up to the end of the period; null: no limit. */
    readonly window: TimeSpan | null;
  }
  | {
    readonly type: "derived";
    readonly expr: string;
    readonly inputs: readonly MetricInput[];
  };

/** A number with a name, computed from measures. Measures are named `measure` or `model.measure`. */
export interface Metric {
  readonly name: string;
  readonly description: string | null;
  /** Semantic model in which bare names of measures are looked for; null: all of them. */
  readonly semantic_model: string | null;
  /** Condition over dimensions; null: all rows. */
  readonly filter: string | null;
  readonly formula: MetricFormula;
}

/** The name that stands for every model's `default_time_dimension`. */
export const METRIC_TIME = "metric_time";

/** A semantic model as the manifest keeps it. */
export function modelConfig(model: SemanticModel): Readonly<Record<string, ParamValue>> {
  const { model: node, default_time_dimension, entities, dimensions, measures, joins } = model;
  return {
    model: node,
    default_time_dimension,
    entities: compactJson(entities),
    dimensions: compactJson(dimensions),
    measures: compactJson(measures),
    joins: compactJson(joins),
  };
}

/** The semantic model that {@linkcode modelConfig} was made from. */
export function modelFromConfig(
  name: string,
  config: Readonly<Record<string, ParamValue>>,
): SemanticModel {
  const list = <T>(field: string) => JSON.parse(String(config[field])) as readonly T[];
  const time = config["default_time_dimension"];
  return {
    name,
    model: String(config["model"]) as NodeId,
    default_time_dimension: typeof time === "string" ? time : null,
    entities: list<Entity>("entities"),
    dimensions: list<Dimension>("dimensions"),
    measures: list<Measure>("measures"),
    joins: list<Join>("joins"),
  };
}

/** A metric as the manifest keeps it. */
export function metricConfig(metric: Metric): Readonly<Record<string, ParamValue>> {
  const { semantic_model, filter, formula } = metric;
  return { type: formula.type, semantic_model, filter, formula: compactJson(formula) };
}

/** The metric that {@linkcode metricConfig} was made from. */
export function metricFromConfig(
  name: string,
  description: string | null,
  config: Readonly<Record<string, ParamValue>>,
): Metric {
  const text = (value: ParamValue | undefined) => typeof value === "string" ? value : null;
  return {
    name,
    description,
    semantic_model: text(config["semantic_model"]),
    filter: text(config["filter"]),
    formula: JSON.parse(String(config["formula"])) as MetricFormula,
  };
}
