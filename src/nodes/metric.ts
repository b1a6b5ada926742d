import { compactJson } from "../base/canonical_json.ts";
import type { Report } from "../base/field_reader.ts";
import { sha256 } from "../base/hash.ts";
import { UserError } from "../base/user_error.ts";
import { quoteNodeId } from "../engine/quote.ts";
import { type NodeId, nodeId } from "../model/ids.ts";
import type { NodeCommon } from "../model/node.ts";
import { bareMetric, SemanticCatalog } from "../semantic/catalog.ts";
import { compileMetrics } from "../semantic/compile.ts";
import {
  type Grain,
  type Metric,
  METRIC_TIME,
  metricConfig,
  type MetricFormula,
  type SemanticModel,
} from "../semantic/definition.ts";
import { guardDivisions } from "../semantic/guard_divisions.ts";
import { isFiner, spanWords } from "../semantic/grain.ts";
import { type Leaf, leavesOf, metricTree } from "../semantic/metric_tree.ts";
import { filterSql } from "../semantic/model_sql.ts";
import { ident, replaceNames } from "../semantic/sql_text.ts";
import { METRIC_SCHEMA, type MetricSpec, readDefinition } from "./metric_fields.ts";
import type {
  DescribeContext,
  DescribedNode,
  LoadedNode,
  NodeKind,
  ResolvedNode,
  SourceData,
} from "./node_kind.ts";
import { describeQueries, resolveMade } from "./sql_node.ts";

/** A number computed from measures. It has no rows of its own: `seeknal metrics` computes it by any dimensions. */
export const METRIC: NodeKind<MetricSpec> = {
  kind: "metric",
  summary: "A number computed from measures: simple, ratio, cumulative or derived",
  hasRows: false,
  sqlField: null,
  takesScript: false,
  ownsInputs: true,
  readsVirtual: ["semantic_model", "metric"],
  schema: METRIC_SCHEMA,
  parse: (reader, common) => {
    const definition = readDefinition(reader, common);
    return definition === null ? null : { ...common, kind: "metric", definition };
  },
  findInputs,
  resolve,
  describe,
  config: ({ definition }) => metricConfig(definition),
  job: (node) => {
    throw new Error(`${node.id} has no rows to build`);
  },
};

const catalogs = new WeakMap<readonly LoadedNode[], SemanticCatalog>();

function catalogOf(project: readonly LoadedNode[]): SemanticCatalog {
  let catalog = catalogs.get(project);
  if (catalog === undefined) {
    catalog = catalogOfSpecs(project.map(({ spec }) => spec));
    catalogs.set(project, catalog);
  }
  return catalog;
}

function catalogOfSpecs(specs: readonly NodeCommon[]): SemanticCatalog {
  const of = <T>(kind: string) =>
    specs.flatMap((spec) =>
      spec.kind === kind ? [(spec as NodeCommon & { definition: T }).definition] : []
    );
  return new SemanticCatalog(of<SemanticModel>("semantic_model"), of<Metric>("metric"));
}

/** Field that a problem is said to be in: the one whose text it names, else the first of the formula. */
function fieldOf({ spec, locator }: LoadedNode<MetricSpec>, message: string): string {
  const { filter, formula } = spec.definition;
  const own = formula.type === "derived"
    ? ["inputs"]
    : formula.type === "ratio"
    ? ["numerator", "denominator"]
    : ["measure"];
  const fields = filter === null ? own : [...own, "filter"];
  return fields.find((name) => message.includes(`"${locator.textAt([name])}"`)) ?? fields[0]!;
}

function reporting<T>(node: LoadedNode<MetricSpec>, report: Report, work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    report({
      severity: "error",
      code: error.code,
      message: `${node.spec.id}: ${error.message}`,
      ...node.locator.locate([fieldOf(node, error.message)]),
      hint: error.hint,
    });
    return null;
  }
}

/** Metrics that it is computed from, or the models whose measures it adds up and whose dimensions it filters by. */
function findInputs(
  node: LoadedNode<MetricSpec>,
  project: readonly LoadedNode[],
  report: Report,
): readonly NodeId[] | null {
  const { definition } = node.spec;
  return reporting(node, report, () => {
    const catalog = catalogOf(project);
    const leaves = leavesOf(metricTree(catalog, definition));
    const { formula } = definition;
    const named = formula.type === "derived"
      ? formula.inputs.map(({ metric }) => metric)
      : formula.type === "ratio"
      ? [formula.numerator, formula.denominator].map(bareMetric).filter((name) =>
        catalog.metrics.has(name) && catalog.findMeasure(name, definition.semantic_model) === null
      )
      : [];
    const metrics = named.map((name) => nodeId("metric", name));
    if (formula.type === "derived" && definition.filter === null) return [...new Set(metrics)];
    const models = leaves.flatMap((leaf) => modelsOf(catalog, leaf));
    return [...new Set([...metrics, ...models.map((name) => nodeId("semantic_model", name))])];
  });
}

/** Models whose rows a leaf needs: its own, and those that its filters lead through. */
function modelsOf(catalog: SemanticCatalog, { model, filters }: Leaf): string[] {
  const names = new Set([model.name]);
  for (const filter of filters) {
    filterSql(catalog, model, filter, ({ path, model }) => {
      for (const { join } of path) names.add(join.name);
      names.add(model.name);
    });
  }
  return [...names];
}

/** The catalog of what a node is made of; null where something of it has problems of its own. */
function catalogAround(spec: MetricSpec, data: SourceData): SemanticCatalog | null {
  const found = new Map<NodeId, NodeCommon | null>([[spec.id, spec]]);
  const visit = (id: NodeId) => {
    if (found.has(id)) return;
    const input = data.spec(id);
    found.set(id, input);
    input?.inputs.forEach(visit);
  };
  spec.inputs.forEach(visit);
  const specs = [...found.values()].flatMap((one) => one ?? []);
  return specs.length < found.size ? null : catalogOfSpecs(specs);
}

/**
 * The number without dimensions, over the semantic models as relations. Windows and offsets stand behind it: what they
 * do needs a time, and is tried out by `describe`.
 */
function resolve(
  node: LoadedNode<MetricSpec>,
  data: SourceData,
  report: Report,
): ResolvedNode<MetricSpec> | null {
  const { definition } = node.spec;
  return reporting(node, report, () => {
    const catalog = catalogAround(node.spec, data);
    if (catalog === null) return null;
    const along = timed(catalog, definition);
    const sql = isOverMetrics(definition)
      ? overMetricsSql(definition)
      : compileMetrics(withoutTime(catalog), {
        metrics: [definition.name],
        dimensions: [],
        from: "models",
      }).sql;
    const text = `${sql}\n-- ${compactJson(definition.formula)}`;
    const resolved: ResolvedMetric = {
      ...resolveMade(node, text, placeOf(definition)),
      along: isOverMetrics(definition) ? null : along,
    };
    return resolved;
  });
}

/** Field that is most likely wrong where the query does not bind: names of measures are known to be right by then. */
function placeOf({ filter, formula }: Metric): string {
  if (filter !== null) return "filter";
  return formula.type === "derived" ? "expr" : formula.type === "ratio" ? "numerator" : "measure";
}

/** A metric with the query along time that has to bind too; null where there is none, or its inputs have one of their own. */
interface ResolvedMetric extends ResolvedNode<MetricSpec> {
  readonly along: string | null;
}

/** True where it reads the metrics that it is computed from as they are. */
function isOverMetrics({ formula, filter }: Metric): boolean {
  return formula.type === "derived" && filter === null;
}

function overMetricsSql({ name, formula }: Metric): string {
  if (formula.type !== "derived") throw new Error(`${name} is not derived`);
  const columns = new Map(
    formula.inputs.map(({ alias, metric }) => [alias, `${ident(`= ${alias}`)}.${ident(metric)}`]),
  );
  const expr = replaceNames(guardDivisions(formula.expr), (part) => columns.get(part.name) ?? null);
  const from = formula.inputs.map(({ alias, metric }) =>
    `${quoteNodeId(nodeId("metric", metric))} AS ${ident(`= ${alias}`)}`
  );
  return `SELECT ${expr} AS ${ident(name)}${from.length === 0 ? "" : `\nFROM ${from.join(", ")}`}`;
}

/** The same metrics over all time, as they are now. */
function withoutTime({ models, metrics }: SemanticCatalog): SemanticCatalog {
  const plain = [...metrics.values()].map((metric): Metric => {
    const { formula } = metric;
    if (formula.type === "cumulative") {
      return { ...metric, formula: { ...formula, grain_to_date: null, window: null } };
    }
    if (formula.type !== "derived") return metric;
    const inputs = formula.inputs.map((input) => ({ ...input, offset: null }));
    return { ...metric, formula: { ...formula, inputs } };
  });
  return new SemanticCatalog(models.values(), plain);
}

/** The query along the finest time that all its models have; null where the metric needs no time. Throws where it has none. */
function timed(catalog: SemanticCatalog, metric: Metric): string | null {
  const leaves = leavesOf(metricTree(catalog, metric));
  const needsTime = leaves.some(({ window, offsets }) =>
    offsets.length > 0 ||
    (window !== null && (window.grain_to_date !== null || window.window !== null))
  );
  if (!needsTime) return null;
  const exact = leaves.flatMap(({ model }) =>
    model.dimensions.find(({ name }) => name === model.default_time_dimension)?.time_granularity ??
      []
  );
  const grain = exact.reduce((all: Grain, one) => isFiner(all, one) ? one : all, "day");
  return compileMetrics(catalog, {
    metrics: [metric.name],
    dimensions: [`${METRIC_TIME}__${grain}`],
    from: "models",
  }).sql;
}

async function describe(
  nodes: readonly ResolvedNode<MetricSpec>[],
  context: DescribeContext,
): Promise<DescribedNode[]> {
  const specs = new Map(nodes.map(({ node: { spec } }) => [spec.id, spec.definition]));
  const described = await describeQueries(nodes, context);
  const failed = await bindAlongTime(nodes as readonly ResolvedMetric[], context);
  return described.filter(({ id }) => !failed.has(id)).map((found) => {
    const along = timeWords(specs.get(found.id)!.formula);
    if (along === null) return found;
    const columns = found.shape.columns.map((column) => ({
      ...column,
      expression: column.expression === null
        ? null
        : sha256(compactJson([column.expression, along])),
    }));
    return {
      ...found,
      shape: { ...found.shape, columns },
      canonicalSql: `${found.canonicalSql}\n-- ${along}`,
      queryHash: sha256(compactJson([found.queryHash, along])),
    };
  });
}

/** Nodes whose query along time does not bind, which is reported. */
async function bindAlongTime(
  nodes: readonly ResolvedMetric[],
  context: DescribeContext,
): Promise<Set<NodeId>> {
  const timed = nodes.flatMap(({ node, along, locate }) =>
    along === null ? [] : [{ id: node.spec.id, sql: along, locate }]
  );
  if (timed.length === 0) return new Set();
  const binder = await context.binder();
  const results = await binder.bind(
    timed.map(({ id, sql }) => ({ id: `${id} along time` as NodeId, sql })),
  );
  const failed = new Set<NodeId>();
  timed.forEach(({ id, locate }, i) => {
    const result = results[i]!;
    if (result.ok) return;
    failed.add(id);
    context.report({
      severity: "error",
      code: "sql_does_not_bind",
      message: `${id}: ${result.error.message}`,
      ...locate(1, 1),
      hint: `look at the query:\n    seeknal metrics ${id.slice("metric.".length)} --compile`,
    });
  });
  return failed;
}

/** How a formula goes along time, in words; null where it does not. */
function timeWords(formula: MetricFormula): string | null {
  if (formula.type === "cumulative") {
    const { grain_to_date: toDate, window } = formula;
    if (toDate !== null) return `${toDate} to date`;
    return window === null ? "all time so far" : `over the last ${spanWords(window)}`;
  }
  if (formula.type !== "derived") return null;
  const words = formula.inputs.flatMap(({ alias, offset }) =>
    offset === null ? [] : [`${alias}: ${spanWords(offset)} earlier`]
  );
  return words.length === 0 ? null : words.join(", ");
}
