import type { FieldReader } from "../base/field_reader.ts";
import { compactJson } from "../base/canonical_json.ts";
import type { NodeId } from "../model/ids.ts";
import type { NodeCommon, TransformSpec } from "../model/node.ts";
import { findRefs } from "../sql/resolve_query.ts";
import { INCREMENTAL_SCHEMA, readIncremental } from "./incremental_fields.ts";
import { bindLiterals, incrementalSql, PREVIOUS } from "./incremental_sql.ts";
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
      ...INCREMENTAL_SCHEMA,
    },
    required: ["transform"],
  },
  parse,
  resolve: (node, data, report) =>
    resolveWritten(
      node,
      {
        field: "transform",
        sql: node.spec.transform,
        params: node.spec.params,
        literals: bindLiterals(node.spec.incremental),
      },
      data,
      report,
    ),
  describe: describeQueries,
  config: (spec) => ({
    transform: spec.transform,
    params: compactJson(spec.params),
    ...(spec.incremental === null ? {} : { incremental: compactJson(spec.incremental) }),
  }),
  job: (node, spec, sql, context) => {
    const { incremental: state } = node;
    if (spec.incremental === null || state === undefined) return queryJob(node, sql, context);
    const { columns } = node.shape;
    const build = incrementalSql(spec.incremental, state, columns, (l) => context.sqlFor(l));
    const job = queryJob(node, build, context);
    if (state.base === null) return job;
    const previous = { id: PREVIOUS, path: context.objectPath(state.base.content_hash) };
    return { ...job, inputs: [...job.inputs, previous] };
  },
};

function parse(reader: FieldReader, common: NodeCommon): TransformSpec | null {
  const transform = reader.requiredText("transform", "SELECT … FROM ref('source.name')");
  const params = reader.scalars("params");
  const incremental = readIncremental(reader);
  if (transform === null || incremental === undefined) return null;
  const inputs = reader.has("inputs") ? common.inputs : findRefs(transform) as NodeId[];
  return { ...common, inputs, kind: "transform", transform, params, incremental };
}
