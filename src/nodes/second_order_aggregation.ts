import { type FieldReader, isMapping } from "../base/field_reader.ts";
import {
  AGGS_SCHEMA,
  RATIO_SCHEMA,
  readAggs,
  readBasic,
  readRatios,
  readWindow,
  WINDOW_SCHEMA,
} from "./aggregation_fields.ts";
import {
  aggregationConfig,
  type AggregationSpec,
  KEY_PROPERTIES,
  readAggregation,
  resolveAggregation,
} from "./aggregation_node.ts";
import type { AggregatedFeature } from "./aggregation_sql.ts";
import { findColumn } from "./input_columns.ts";
import type { LoadedNode, NodeKind, SourceData } from "./node_kind.ts";
import { describeQueries, queryJob } from "./sql_node.ts";

/** Aggregates of aggregates: the same as an aggregation, with one entry for each output feature. */
export const SECOND_ORDER_AGGREGATION: NodeKind<AggregationSpec> = {
  kind: "second_order_aggregation",
  summary: "Aggregates of an aggregation: of customers by region, of days by month",
  hasRows: true,
  sqlField: null,
  takesScript: false,
  makesSql: true,
  schema: {
    properties: {
      ...KEY_PROPERTIES,
      features: {
        type: "object",
        minProperties: 1,
        additionalProperties: {
          type: "object",
          properties: {
            source_feature: {
              type: "string",
              description: "Column of the input; absent: the feature's own name",
            },
            basic: AGGS_SCHEMA,
            window: { ...WINDOW_SCHEMA, description: "Limits basic to these days" },
            ratio: { anyOf: [RATIO_SCHEMA, { type: "array", items: RATIO_SCHEMA }] },
          },
          additionalProperties: false,
        },
      },
    },
    required: ["id_col", "feature_date_col", "features"],
  },
  parse: (reader, common) => readAggregation(reader, common, readFeatures(reader)),
  resolve: (node, data, report) =>
    resolveAggregation(countRows(node, data), "source_feature", data, report),
  describe: describeQueries,
  inputPath: (spec) => [spec.names_source ? "source" : "inputs"],
  config: aggregationConfig,
  job: (node, _spec, sql, context) => queryJob(node, sql, context),
};

function readFeatures(reader: FieldReader): { feature: AggregatedFeature; place: string }[] {
  return Object.entries(reader.mapping("features")).flatMap(([name, value]) => {
    const path = ["features", name];
    if (!isMapping(value)) {
      reader.problem(path, "wrong_type", `Feature "${name}" is a mapping`, "write basic: [mean]");
      return [];
    }
    const inner = reader.child(value, path);
    const column = inner.optionalText("source_feature") ?? name;
    const parts = readOwnParts(inner);
    inner.rejectUnknown("a feature of a second_order_aggregation");
    if (!inner.has("basic") && !inner.has("ratio")) {
      inner.problem(
        [],
        "no_aggregation",
        `Feature "${name}" is not aggregated`,
        "write basic: [mean]",
      );
      return [];
    }
    return [{ feature: { name, column, ...parts }, place: name }];
  });
}

/** A `window` beside `basic` limits it. */
function readOwnParts(inner: FieldReader): Omit<AggregatedFeature, "name" | "column"> {
  if (!inner.has("window")) {
    inner.ignore("window");
    return { basic: readBasic(inner), ratio: readRatios(inner), rolling: [], since: [] };
  }
  const window = readWindow(inner, "window");
  const aggs = readAggs(inner, "basic", ["sum"]);
  const rolling = window === null ? [] : [{ window, aggs }];
  return { basic: [], rolling, ratio: readRatios(inner), since: [] };
}

/** What is only counted needs no column: `customers: {basic: [count]}` counts rows. */
function countRows(
  node: LoadedNode<AggregationSpec>,
  data: SourceData,
): LoadedNode<AggregationSpec> {
  const { spec } = node;
  const columns = data.columns(spec.input) ?? [];
  const features = spec.features.map((feature) => {
    const { name, column, basic, rolling, ratio } = feature;
    const aggs = [...basic, ...[...rolling, ...ratio].flatMap((part) => part.aggs)];
    const isCount = column === name && aggs.every((agg) => agg === "count");
    return isCount && findColumn(columns, name) === undefined
      ? { ...feature, column: null }
      : feature;
  });
  return { ...node, spec: { ...spec, features } };
}
