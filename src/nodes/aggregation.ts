import { type FieldReader, isMapping } from "../base/field_reader.ts";
import type { NodeCommon } from "../model/node.ts";
import {
  AGGS_SCHEMA,
  RATIO_SCHEMA,
  readBasic,
  readRatios,
  readRolling,
  readSince,
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
import type { NodeKind } from "./node_kind.ts";
import { describeQueries, queryJob } from "./sql_node.ts";

/**
 * Features of an entity as of a day: aggregates of its rows, over everything known by then, over windows of days before
 * it, and ratios of such windows. What lies after that day is in none of them.
 */
export const AGGREGATION: NodeKind<AggregationSpec> = {
  kind: "aggregation",
  summary: "Aggregates of one input per entity and day: basic, rolling, ratio, since",
  hasRows: true,
  sqlField: null,
  takesScript: false,
  makesSql: true,
  schema: {
    properties: {
      ...KEY_PROPERTIES,
      features: {
        type: "array",
        minItems: 1,
        items: {
          type: "object",
          properties: {
            name: { type: "string", description: "What the names of its columns begin with" },
            column: { type: "string", description: "Column of the input; absent: the name" },
            basic: { ...AGGS_SCHEMA, description: "Over everything up to the application date" },
            rolling: {
              type: "array",
              items: {
                type: "object",
                properties: { window: WINDOW_SCHEMA, aggs: AGGS_SCHEMA },
                required: ["window"],
                additionalProperties: false,
              },
            },
            ratio: { type: "array", items: RATIO_SCHEMA },
            since: {
              type: "array",
              items: {
                type: "object",
                properties: {
                  condition: { type: "string", description: "SQL over columns of the input" },
                  aggs: AGGS_SCHEMA,
                },
                required: ["condition"],
                additionalProperties: false,
              },
            },
          },
          required: ["name"],
          additionalProperties: false,
        },
      },
    },
    required: ["id_col", "feature_date_col", "features"],
  },
  parse: (reader, common) => readAggregation(reader, common, readFeatures(reader, common)),
  resolve: (node, data, report) => resolveAggregation(node, "column", data, report),
  describe: describeQueries,
  inputPath: (spec) => [spec.names_source ? "source" : "inputs"],
  config: aggregationConfig,
  job: (node, _spec, sql, context) => queryJob(node, sql, context),
};

function readFeatures(
  reader: FieldReader,
  { kind }: NodeCommon,
): { feature: AggregatedFeature; place: number }[] {
  return reader.list("features").flatMap((value, place) => {
    const path = ["features", place];
    if (!isMapping(value)) {
      reader.problem(path, "wrong_type", "A feature is a mapping with name and aggregations");
      return [];
    }
    const inner = reader.child(value, path);
    const name = inner.requiredText("name", "amount");
    const column = inner.optionalText("column") ?? name;
    const parts = {
      basic: readBasic(inner),
      rolling: readRolling(inner),
      ratio: readRatios(inner),
      since: readSince(inner),
    };
    inner.rejectUnknown(`a feature of an ${kind}`);
    const isEmpty = !["basic", "rolling", "ratio", "since"].some((field) => inner.has(field));
    if (isEmpty) {
      inner.problem(
        [],
        "no_aggregation",
        `Feature "${name}" is not aggregated`,
        "write basic: [sum]",
      );
    }
    return name === null || isEmpty ? [] : [{ feature: { name, column, ...parts }, place }];
  });
}
