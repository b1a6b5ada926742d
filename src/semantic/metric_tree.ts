import { bareMetric, problem, type SemanticCatalog } from "./catalog.ts";
import type { Grain, Measure, Metric, SemanticModel, TimeSpan } from "./definition.ts";
import { replaceNames } from "./sql_text.ts";
import { guardDivisions } from "./guard_divisions.ts";

/** A measure as a metric uses it: what can be added up in one go has equal rows and windows. */
export interface Leaf {
  readonly model: SemanticModel;
  readonly measure: Measure;
  /** Conditions over dimensions, of the metric and those that use it. */
  readonly filters: readonly string[];
  readonly window: CumulativeWindow | null;
  /** How much earlier it is looked at, step by step. */
  readonly offsets: readonly TimeSpan[];
}

/** Which rows a cumulative measure adds up for a period. */
export interface CumulativeWindow {
  readonly grain_to_date: Grain | null;
  readonly window: TimeSpan | null;
}

/** How a metric's value comes from leaves. */
export type MetricTree =
  | { readonly type: "leaf"; readonly leaf: Leaf }
  | { readonly type: "ratio"; readonly numerator: MetricTree; readonly denominator: MetricTree }
  | {
    readonly type: "derived";
    readonly expr: string;
    readonly inputs: ReadonlyMap<string, MetricTree>;
  };

/** What is added on the way down to the leaves. */
interface Around {
  readonly filters: readonly string[];
  readonly offsets: readonly TimeSpan[];
  readonly path: readonly string[];
}

const NOTHING: Around = { filters: [], offsets: [], path: [] };

/**
 * What a metric is made of, down to measures. Throws `unknown_metric`, `unknown_measure`,
 * `ambiguous_measure` and `metric_cycle` (3).
 */
export function metricTree(
  catalog: SemanticCatalog,
  metric: Metric,
  around: Around = NOTHING,
): MetricTree {
  if (around.path.includes(metric.name)) {
    const path = [...around.path, metric.name].join(" -> ");
    throw problem("metric_cycle", `Metrics compute each other: ${path}`, "leave out one of them");
  }
  const { formula, semantic_model } = metric;
  const inner = {
    ...around,
    filters: metric.filter === null ? around.filters : [...around.filters, metric.filter],
    path: [...around.path, metric.name],
  };
  const leaf = (name: string, window: CumulativeWindow | null): MetricTree => ({
    type: "leaf",
    leaf: {
      ...catalog.measure(name, semantic_model),
      filters: [...inner.filters].sort(),
      window,
      offsets: inner.offsets,
    },
  });
  /** Half of a ratio: a measure, or else a metric. */
  const half = (name: string): MetricTree => {
    const isMetric = name.startsWith("metric.") ||
      (catalog.findMeasure(name, semantic_model) === null && catalog.metrics.has(name));
    return isMetric ? metricTree(catalog, catalog.metric(name), inner) : leaf(name, null);
  };
  switch (formula.type) {
    case "simple":
      return leaf(formula.measure, null);
    case "cumulative":
      return leaf(formula.measure, formula);
    case "ratio":
      return {
        type: "ratio",
        numerator: half(formula.numerator),
        denominator: half(formula.denominator),
      };
    case "derived":
      return {
        type: "derived",
        expr: formula.expr,
        inputs: new Map(formula.inputs.map(({ metric: name, alias, offset }) => [
          alias,
          metricTree(catalog, catalog.metric(bareMetric(name)), {
            ...inner,
            offsets: offset === null ? inner.offsets : [...inner.offsets, offset],
          }),
        ])),
      };
  }
}

/** All leaves of a tree. */
export function leavesOf(tree: MetricTree): Leaf[] {
  switch (tree.type) {
    case "leaf":
      return [tree.leaf];
    case "ratio":
      return [...leavesOf(tree.numerator), ...leavesOf(tree.denominator)];
    case "derived":
      return [...tree.inputs.values()].flatMap(leavesOf);
  }
}

/** The value as SQL over columns that hold the leaves. Dividing by zero gives NULL. */
export function treeSql(tree: MetricTree, column: (leaf: Leaf) => string): string {
  switch (tree.type) {
    case "leaf":
      return column(tree.leaf);
    case "ratio": {
      const [above, below] = [tree.numerator, tree.denominator].map((t) => treeSql(t, column));
      return `CAST(${above} AS DOUBLE) / nullif(${below}, 0)`;
    }
    case "derived":
      return replaceNames(guardDivisions(tree.expr), ({ name }) => {
        const input = tree.inputs.get(name);
        if (input === undefined) return null;
        const sql = treeSql(input, column);
        return input.type === "leaf" ? sql : `(${sql})`;
      });
  }
}

/** Words of SQL that an expression of metrics may have beside their names. */
const WORDS = new Set(
  "and or not is null true false case when then else end between in like cast as interval distinct from day month year"
    .split(" "),
);

/** Names in a derived metric's expression that are none of its inputs. */
export function strangeNames(expr: string, aliases: readonly string[]): string[] {
  const strange: string[] = [];
  replaceNames(expr, ({ name, isQuoted }) => {
    const isWord = !isQuoted && WORDS.has(name.toLowerCase());
    if (!isWord && !aliases.includes(name)) strange.push(name);
    return null;
  });
  return strange;
}
