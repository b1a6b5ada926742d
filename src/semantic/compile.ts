import { didYouMean } from "../base/closest.ts";
import { listed, problem, type Reached, type SemanticCatalog } from "./catalog.ts";
import type { SemanticModel } from "./definition.ts";
import { groupLeaves } from "./group_leaves.ts";
import { joinViews, KEYS, SEEN } from "./join_views.ts";
import { leafRelations, named, type Relation } from "./leaf_sql.ts";
import { leavesOf, metricTree, treeSql } from "./metric_tree.ts";
import { type ColumnSource, joinsSql, ModelColumns } from "./model_sql.ts";
import { outputName } from "./resolve_dimension.ts";
import { expressionProblem, ident } from "./sql_text.ts";

/** What to compute. */
export interface MetricsRequest {
  readonly metrics: readonly string[];
  /** `status`, `order_date__month`, `metric_time__day`, `customers.region`. */
  readonly dimensions: readonly string[];
  /** Conditions over dimensions. */
  readonly filters?: readonly string[];
  /** Columns of the answer, `-` in front for the highest first; the dimensions come behind. */
  readonly orderBy?: readonly string[];
  readonly limit?: number | null;
  /** Default `nodes`. */
  readonly from?: ColumnSource;
}

/** What has to hold where models are joined many to one. */
export interface JoinGuard {
  readonly model: string;
  readonly joined: readonly string[];
  /** Gives one row: rows of the model, and rows with what they find in the others. Equal where none finds several. */
  readonly sql: string;
}

/** Metrics as one query. */
export interface CompiledMetrics {
  readonly sql: string;
  /** Names of its columns, dimensions first. */
  readonly columns: readonly string[];
  readonly guards: readonly JoinGuard[];
}

/**
 * Metrics by dimensions as one SQL query. Every measure is added up on its own before anything is joined, so that no
 * row counts twice. Throws what naming a metric, measure or dimension throws, `no_metrics`, `duplicate_column`,
 * `invalid_filter`, `metric_needs_time` and `unknown_column` (3).
 */
export function compileMetrics(catalog: SemanticCatalog, request: MetricsRequest): CompiledMetrics {
  const { filters = [], limit = null, from = "nodes" } = request;
  const metrics = request.metrics.map((name) => catalog.metric(name));
  if (metrics.length === 0) {
    throw problem(
      "no_metrics",
      "No metric is named",
      listed("there is", [...catalog.metrics.keys()]),
    );
  }
  const trees = metrics.map((metric) => metricTree(catalog, metric));
  const names = [...request.dimensions.map(outputName), ...metrics.map(({ name }) => name)];
  for (const filter of filters) {
    const why = expressionProblem(filter);
    if (why === null) continue;
    throw problem(
      "invalid_filter",
      `Cannot filter by "${filter}": ${why}`,
      "write status = 'paid'",
    );
  }
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw problem("duplicate_column", `"${twice}" is asked for twice`, "name it once");
  }
  const { groups, views, viewOf } = groupLeaves(catalog, trees.flatMap(leavesOf), {
    dimensions: request.dimensions,
    filters,
    taken: new Set([KEYS, SEEN, ...catalog.models.keys()]),
  });
  const columns = new ModelColumns(catalog);
  const built = groups.map((group) => ({
    model: group.model,
    ...leafRelations(catalog, group, columns),
  }));
  const dimensions = groups[0]!.dimensions;
  const joined = joinViews(views, dimensions);
  const select = [
    ...dimensions.map(({ output }) => named(`${ident(joined.keys)}.${ident(output)}`, output)),
    ...metrics.map(({ name }, i) => {
      const sql = treeSql(
        trees[i]!,
        (leaf) => `${ident(viewOf(leaf).alias)}.${ident(leaf.measure.name)}`,
      );
      return named(sql, name);
    }),
  ];
  const relations = [...built.flatMap((one) => one.relations), ...joined.relations];
  const sql = [
    `WITH ${[...columns.sql(from), ...relations.map(relationSql)].join(",\n")}`,
    `SELECT\n  ${select.join(",\n  ")}`,
    ...joined.from,
    ...orderSql(names, request.orderBy ?? [], dimensions.length),
    ...(limit === null ? [] : [`LIMIT ${limit}`]),
  ].join("\n");
  return { sql, columns: names, guards: guardsOf(catalog, built) };
}

function relationSql({ name, sql }: Relation): string {
  return `${ident(name)} AS (\n  ${sql}\n)`;
}

/** By what is asked for, then by the dimensions: the same answer comes in the same order. */
function orderSql(
  names: readonly string[],
  asked: readonly string[],
  dimensions: number,
): string[] {
  const chosen = asked.map((typed) => {
    const name = outputName(typed.replace(/^-/, ""));
    if (names.includes(name)) return { name, isDescending: typed.startsWith("-") };
    throw problem(
      "unknown_column",
      `Cannot order by "${name}": the answer has no such column`,
      didYouMean(name, names) ?? listed("there is", names),
    );
  });
  const rest = names.slice(0, dimensions).filter((name) =>
    chosen.every((one) => one.name !== name)
  );
  const all = [...chosen, ...rest.map((name) => ({ name, isDescending: false }))];
  if (all.length === 0) return [];
  const list = all.map(({ name, isDescending }) =>
    `${ident(name)}${isDescending ? " DESC" : ""} NULLS LAST`
  );
  return [`ORDER BY ${list.join(", ")}`];
}

function guardsOf(
  catalog: SemanticCatalog,
  built: readonly { readonly model: SemanticModel; readonly joined: readonly Reached[] }[],
): JoinGuard[] {
  const guards = new Map<string, JoinGuard>();
  for (const { model, joined } of built) {
    if (joined.length === 0) continue;
    const columns = new ModelColumns(catalog);
    columns.add(model, null);
    for (const place of joined) columns.add(place.model, null);
    const joins = joinsSql(catalog, joined, columns);
    const names = joined.map((place) => place.model.name);
    const from = ident(model.name);
    const sql = `WITH ${columns.sql("nodes").join(",\n")}\n` +
      `SELECT (SELECT count(*) FROM ${from}) AS own,\n  (SELECT count(*) FROM ${from} ${
        joins.join(" ")
      }) AS joined`;
    guards.set(JSON.stringify([model.name, names]), { model: model.name, joined: names, sql });
  }
  return [...guards.values()];
}
