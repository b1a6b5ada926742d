import type { FieldReader } from "../base/field_reader.ts";
import { compactJson } from "../base/canonical_json.ts";
import type { NodeId } from "../model/ids.ts";
import type { NodeCommon, TransformSpec } from "../model/node.ts";
import { findRefs } from "../sql/resolve_query.ts";
import type { NodeKind } from "./node_kind.ts";
import { describeQueries, queryJob, resolveWritten } from "./sql_node.ts";

/** Rows that one SELECT computes from other nodes. */
export const TRANSFORM: NodeKind<TransformSpec> = {
  kind: "transform",
  summary: "Rows that one SELECT computes from other nodes",
  hasRows: true,
  sqlField: "transform",
  takesScript: true,
  schema: {
    properties: {
      transform: { type: "string", description: "One SELECT; inputs are ref('kind.name')" },
      params: { type: "object", description: "What {{ name }} stands for in the SQL" },
    },
    required: ["transform"],
  },
  parse,
  resolve: (node, data, report) =>
    resolveWritten(
      node,
      { field: "transform", sql: node.spec.transform, params: node.spec.params },
      data,
      report,
    ),
  describe: describeQueries,
  config: (spec) => ({ transform: spec.transform, params: compactJson(spec.params) }),
  job: (node, _spec, sql, context) => queryJob(node, sql, context),
};

function parse(reader: FieldReader, common: NodeCommon): TransformSpec | null {
  const transform = reader.requiredText("transform", "SELECT … FROM ref('source.name')");
  const params = reader.scalars("params");
  if (transform === null) return null;
  const inputs = reader.has("inputs") ? common.inputs : findRefs(transform) as NodeId[];
  return { ...common, inputs, kind: "transform", transform, params, incremental: null };
}
