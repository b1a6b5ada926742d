import { UserError } from "../base/user_error.ts";
import type { Table } from "../engine/session.ts";
import type { EnvName } from "../model/ids.ts";
import { SemanticCatalog } from "../semantic/catalog.ts";
import { type CompiledMetrics, compileMetrics, type MetricsRequest } from "../semantic/compile.ts";
import { type Metric, metricFromConfig, modelFromConfig } from "../semantic/definition.ts";
import { leavesOf, metricTree } from "../semantic/metric_tree.ts";
import { dimensionNames } from "../semantic/resolve_dimension.ts";
import { queryOutputs } from "./query_outputs.ts";
import { requireEnvironment } from "./require_environment.ts";
import type { Workspace } from "./workspace.ts";

/** A metric with what it can be looked at by. */
export interface ListedMetric {
  readonly name: string;
  readonly type: string;
  readonly description: string | null;
  /** As `model.measure`. */
  readonly measures: readonly string[];
  /** Dimensions that all its measures have; times also as `name__month` and the like. */
  readonly dimensions: readonly string[];
  /** Why it cannot be computed: a run of a part of production may leave one behind; null otherwise. */
  readonly problem: string | null;
}

/** The metrics of an environment, by name. Throws `unknown_environment` (2). */
export async function listMetrics(workspace: Workspace, env: EnvName): Promise<ListedMetric[]> {
  const catalog = await catalogOf(workspace, env);
  return [...catalog.metrics.values()].map((metric) => {
    const about = { name: metric.name, type: metric.formula.type, description: metric.description };
    try {
      return { ...about, ...usesOf(catalog, metric), problem: null };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { ...about, measures: [], dimensions: [], problem: error.message };
    }
  });
}

function usesOf(
  catalog: SemanticCatalog,
  metric: Metric,
): Pick<ListedMetric, "measures" | "dimensions"> {
  const leaves = leavesOf(metricTree(catalog, metric));
  const models = [...new Set(leaves.map(({ model }) => model))];
  const [first, ...rest] = models.map((model) => dimensionNames(catalog, model));
  return {
    measures: [...new Set(leaves.map(({ model, measure }) => `${model.name}.${measure.name}`))],
    dimensions: (first ?? []).filter((name) => rest.every((names) => names.includes(name))),
  };
}

/** The query behind metrics, over the outputs of an environment. Throws what `compileMetrics` does, and `unknown_environment` (2). */
export async function compileQuery(
  workspace: Workspace,
  env: EnvName,
  request: MetricsRequest,
): Promise<CompiledMetrics> {
  const catalog = await catalogOf(workspace, env);
  if (catalog.metrics.size === 0) throw noMetrics(env);
  return compileMetrics(catalog, request);
}

/**
 * Computes metrics over the outputs of an environment. Throws what {@linkcode compileQuery} and `queryOutputs` do, and
 * `join_fans_out` (4) where a row finds several in a model that is joined many to one.
 */
export async function queryMetrics(
  workspace: Workspace,
  env: EnvName,
  request: MetricsRequest,
): Promise<Table> {
  const { sql, guards } = await compileQuery(workspace, env, request);
  for (const { model, joined, sql } of guards) {
    const { rows } = await queryOutputs(workspace, { env, sql, limit: null });
    const [own, found] = rows[0]!.map(Number);
    if (own === found) continue;
    throw new UserError(
      `Rows of ${model} would count several times: joined with ${
        joined.join(", ")
      }, ${own} rows become ${found}`,
      {
        code: "join_fans_out",
        kind: "execution",
        hint: `the join is declared to find one row at most: make the key of ${
          joined.at(-1)
        } unique, or correct the join's condition`,
      },
    );
  }
  return await queryOutputs(workspace, { env, sql, limit: null });
}

/** The semantic layer as an environment has it, not as the files say. */
async function catalogOf(workspace: Workspace, env: EnvName): Promise<SemanticCatalog> {
  const { manifest } = await workspace.state.snapshot(requireEnvironment(workspace, env));
  const nodes = [...manifest.nodes.values()];
  return new SemanticCatalog(
    nodes.filter(({ kind }) => kind === "semantic_model")
      .map(({ name, config }) => modelFromConfig(name, config)),
    nodes.filter(({ kind }) => kind === "metric")
      .map(({ name, description, config }) => metricFromConfig(name, description, config)),
  );
}

function noMetrics(env: EnvName): UserError {
  return new UserError(`There are no metrics in "${env}"`, {
    code: "no_metrics",
    kind: "validation",
    hint: env === "prod"
      ? "write a node with kind: metric, then:\n    seeknal run"
      : `write a node with kind: metric, then:\n    seeknal plan ${env}\n    seeknal run --env ${env}`,
  });
}
