import type { Location } from "../base/diagnostic.ts";
import { didYouMean } from "../base/closest.ts";
import type { Report } from "../base/field_reader.ts";
import type { SqlError } from "../engine/session.ts";
import type { ManifestNode } from "../model/manifest.ts";
import type { NodeSpec, SqlSpec } from "../model/node.ts";
import type { QueryJob } from "../model/run.ts";
import type { BoundQuery } from "../sql/binder.ts";
import { type Literals, resolveQuery } from "../sql/resolve_query.ts";
import { storedType } from "../sql/stored_type.ts";
import type {
  DescribeContext,
  DescribedNode,
  JobContext,
  LoadedNode,
  ResolvedNode,
  SourceData,
} from "./node_kind.ts";

/** What kinds whose rows are one SELECT have in common: text, meaning, job. */

/** Settles SQL that an author wrote in `field`; null after reporting why it cannot. */
export function resolveWritten<S extends NodeSpec>(
  node: LoadedNode<S>,
  { field, sql, params, literals = {} }: {
    readonly field: string;
    readonly sql: string;
    readonly params: SqlSpec["params"];
    /** What stands for values that differ from build to build while the query is bound. */
    readonly literals?: Literals;
  },
  data: SourceData,
  report: Report,
): ResolvedNode<S> | null {
  const { spec, locator } = node;
  const options = { inputs: spec.inputs, params, variables: data.variables };
  const query = resolveQuery(sql, { ...options, literals });
  const place = (line: number, column: number): Location =>
    locator.locateInText([field], line, column);
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
    sqlFor: (own) => resolveQuery(sql, { ...options, literals: own }).sql,
  };
}

/** A node whose SQL the kind itself makes; what does not bind in it is said to be in `field`. */
export function resolveMade<S extends NodeSpec>(
  node: LoadedNode<S>,
  sql: string,
  field: string,
): ResolvedNode<S> {
  return { node, sql, version: null, locate: () => node.locator.locate([field]) };
}

/** Finds out what queries return; leaves out those it reported a problem for. */
export async function describeQueries<S extends NodeSpec>(
  nodes: readonly ResolvedNode<S>[],
  context: DescribeContext,
): Promise<DescribedNode[]> {
  const described: DescribedNode[] = [];
  if (nodes.length === 0) return described;
  const binder = await context.binder();
  const results = await binder.bind(nodes.map(({ node, sql }) => ({ id: node.spec.id, sql })));
  const types = await context.normalizeTypes(
    nodes.flatMap(({ node }) => node.spec.columns.flatMap(({ type }) => type ?? [])),
  );
  nodes.forEach((resolved, i) => {
    const result = results[i]!;
    if (!result.ok) reportSqlError(resolved, result.error, context);
    else if (
      readsDeclaredInputsOnly(resolved, result.bound, context) &&
      returnsDeclaredColumns(resolved, result.bound, types, context)
    ) described.push({ id: resolved.node.spec.id, ...result.bound });
  });
  return described;
}

/** The job that runs a query over the outputs of its inputs. */
export function queryJob(node: ManifestNode, sql: string, context: JobContext): QueryJob {
  return {
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
  };
}

function reportSqlError(
  resolved: ResolvedNode,
  error: SqlError,
  context: DescribeContext,
): void {
  const { node, locate } = resolved;
  const { line, column } = error.position ?? { line: 1, column: 1 };
  const isSyntax = error.category === "Parser";
  const broken = isSyntax
    ? null
    : context.explain(resolved, error.message, error.position?.line ?? null);
  context.report({
    severity: "error",
    code: isSyntax ? "sql_syntax" : "sql_does_not_bind",
    message: `${node.spec.id}: ${error.message}`,
    ...locate(line, column),
    ...(broken === null ? {} : { cause: broken.cause }),
    hint: broken?.hint ?? hintFor(error, node.spec),
  });
}

function hintFor(error: SqlError, spec: NodeSpec): string | undefined {
  const missingTable = /^Table with name (\S+) does not exist/.exec(error.message);
  if (missingTable !== null) {
    return spec.inputs.length === 0
      ? "name what it reads as ref('kind.name'), for example FROM ref('source.orders')"
      : `this node may read: ${spec.inputs.join(", ")}; name another one as ref('kind.name')`;
  }
  const missing = /column (?:named? )?"([^"]+)"/i.exec(error.message)?.[1];
  const names = error.candidates.map((candidate) => candidate.split(".").at(-1)!);
  // A name with a comma or a dot in it comes in pieces: one that is asked for is no answer.
  if (names.some((name) => name === missing)) return undefined;
  const near = missing === undefined ? undefined : didYouMean(missing, names);
  if (near !== undefined) return near;
  if (error.category === "Permission") return "read files through a source node";
  return error.candidates.length === 0
    ? undefined
    : `among others there is: ${error.candidates.join(", ")}`;
}

/** At run time only declared inputs exist; reading another node is said here, in the plan. */
function readsDeclaredInputsOnly(
  { node, locate }: ResolvedNode,
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

/** Columns declared in YAML are a promise to readers: the query has to keep it. */
function returnsDeclaredColumns(
  { node }: ResolvedNode,
  { shape }: BoundQuery,
  types: ReadonlyMap<string, string | null>,
  context: DescribeContext,
): boolean {
  const returned = new Map(shape.columns.map((column) => [column.name.toLowerCase(), column]));
  const report = (name: string, code: string, message: string, hint: string) =>
    context.report({
      severity: "error",
      code,
      message: `${node.spec.id}: ${message}`,
      ...node.locator.locate(["columns", name]),
      hint,
    });
  const problems = node.spec.columns.filter(({ name, type }) => {
    const column = returned.get(name.toLowerCase());
    if (column === undefined) {
      const names = shape.columns.map((c) => c.name);
      const hint = didYouMean(name, names) ?? `it returns: ${names.join(", ")}`;
      report(name, "declared_column_missing", `the query does not return column "${name}"`, hint);
      return true;
    }
    const declared = type === null ? column.type : types.get(type) ?? null;
    if (declared === null) {
      report(
        name,
        "unknown_type",
        `column "${name}" has unknown type "${type}"`,
        "write an SQL type such as INTEGER, DECIMAL(10,2), VARCHAR or DATE",
      );
      return true;
    }
    if ((storedType(declared) ?? declared) === column.type) return false;
    report(
      name,
      "declared_type_differs",
      `column "${name}" is declared as ${type}, and the query returns ${column.type}`,
      `declare ${column.type}, or cast it in the query: CAST(… AS ${type})`,
    );
    return true;
  });
  return problems.length === 0;
}
