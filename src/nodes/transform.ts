import type { Location } from "../base/diagnostic.ts";
import type { FieldReader } from "../base/field_reader.ts";
import { compactJson } from "../base/canonical_json.ts";
import { didYouMean } from "../base/closest.ts";
import type { SqlError } from "../engine/session.ts";
import type { NodeId } from "../model/ids.ts";
import type { NodeCommon, TransformSpec } from "../model/node.ts";
import type { BoundQuery } from "../sql/binder.ts";
import { findRefs, resolveQuery } from "../sql/resolve_query.ts";
import type { DescribeContext, DescribedNode, NodeKind, ResolvedNode } from "./node_kind.ts";

/** Rows that one SELECT computes from other nodes. */
export const TRANSFORM: NodeKind<TransformSpec> = {
  kind: "transform",
  summary: "Rows that one SELECT computes from other nodes",
  parse,
  resolve: (node, _data, report) => {
    const { spec, locator } = node;
    const query = resolveQuery(spec.transform, { inputs: spec.inputs, params: spec.params });
    const place = (line: number, column: number): Location =>
      locator.locateInText(["transform"], line, column);
    for (const { line, column, code, message, hint } of query.problems) {
      report({ severity: "error", code, message, ...place(line, column), hint });
    }
    if (query.problems.length > 0) return null;
    return {
      node,
      sql: query.sql,
      version: null,
      locate: (line, column) => {
        const original = query.original(line, column);
        return place(original.line, original.column);
      },
    };
  },
  describe: async (nodes, context) => {
    const described: DescribedNode[] = [];
    if (nodes.length === 0) return described;
    const binder = await context.binder();
    const results = await binder.bind(nodes.map(({ node, sql }) => ({ id: node.spec.id, sql })));
    nodes.forEach((resolved, i) => {
      const result = results[i]!;
      if (!result.ok) reportSqlError(resolved, result.error, context);
      else if (readsDeclaredInputsOnly(resolved, result.bound, context)) {
        described.push({ id: resolved.node.spec.id, ...result.bound });
      }
    });
    return described;
  },
  config: (spec) => ({ transform: spec.transform, params: compactJson(spec.params) }),
  job: (node, _spec, sql, context) => ({
    type: "query",
    id: node.id,
    objectsDir: context.objectsDir,
    temporaryDir: context.temporaryDir,
    timeoutMs: context.timeoutMs,
    watched: [],
    sql,
    inputs: node.inputs.map((id) => ({ id, path: context.objectPath(context.output(id)) })),
    readable: [],
    columns: node.shape.columns,
    checkColumns: /\bpivot/i.test(sql),
  }),
};

function parse(reader: FieldReader, common: NodeCommon): TransformSpec | null {
  const transform = reader.requiredText("transform", "SELECT … FROM ref('source.name')");
  const params = reader.scalars("params");
  if (transform === null) return null;
  const inputs = reader.has("inputs") ? common.inputs : findRefs(transform) as NodeId[];
  return { ...common, inputs, kind: "transform", transform, params };
}

function reportSqlError(
  { node, locate }: ResolvedNode<TransformSpec>,
  error: SqlError,
  context: DescribeContext,
): void {
  const { line, column } = error.position ?? { line: 1, column: 1 };
  context.report({
    severity: "error",
    code: error.category === "Parser" ? "sql_syntax" : "sql_does_not_bind",
    message: `${node.spec.id}: ${error.message}`,
    ...locate(line, column),
    hint: hintFor(error, node.spec),
  });
}

function hintFor(error: SqlError, spec: TransformSpec): string | undefined {
  const missingTable = /^Table with name (\S+) does not exist/.exec(error.message);
  if (missingTable !== null) {
    return spec.inputs.length === 0
      ? "name the nodes it reads: inputs: [{ref: kind.name}]"
      : `this node may read: ${spec.inputs.join(", ")}`;
  }
  const missing = /column "([^"]+)"/i.exec(error.message)?.[1];
  const names = error.candidates.map((candidate) => candidate.split(".").at(-1)!);
  const near = missing === undefined ? undefined : didYouMean(missing, names);
  if (near !== undefined) return near;
  if (error.category === "Permission") return "read files through a source node";
  return error.candidates.length === 0 ? undefined : `there is: ${error.candidates.join(", ")}`;
}

/** At run time only declared inputs exist; reading another node is said here, in the plan. */
function readsDeclaredInputsOnly(
  { node, locate }: ResolvedNode<TransformSpec>,
  bound: BoundQuery,
  context: DescribeContext,
): boolean {
  const declared = new Set(node.spec.inputs.map((id) => id.toLowerCase()));
  const undeclared = (bound.relations ?? []).filter((name) =>
    !declared.has(name.toLowerCase()) && !/^(information_schema|pg_catalog|main)\./i.test(name)
  );
  for (const name of undeclared) {
    context.report({
      severity: "error",
      code: "undeclared_input",
      message: `${node.spec.id} reads ${name}, which is not among its inputs`,
      ...locate(1, 1),
      hint: `add to inputs: - ref: ${name}`,
    });
  }
  for (const name of bound.foreignFunctions) {
    context.report({
      severity: "error",
      code: "function_not_allowed",
      message: `${node.spec.id} calls ${name}(), which can read what is not declared`,
      ...locate(1, 1),
      hint: "read nodes by ref('kind.name'), files through a source node",
    });
  }
  return undeclared.length + bound.foreignFunctions.length === 0;
}
