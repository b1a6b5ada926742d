import type { ColumnShape, QueryShape, Reads } from "../model/manifest.ts";
import { Digester } from "./digest.ts";
import { CannotTell, type Json, list, parsePlan, ReadsRowId } from "./logical_plan.ts";
import { evaluateOperator } from "./operators.ts";
import { ReadCollector } from "./reads.ts";
import type { Evaluation, Relation } from "./relation.ts";
import { type Term, Terms, Unstable } from "./terms.ts";

/** Raised whenever a query's shape would be another than before. */
export const SHAPE_VERSION = 3;

/** Output columns of a query, as readers will see them. */
export type OutputColumn = Pick<ColumnShape, "name" | "type">;

/** What a plan says about its query, or the reason why it cannot be told. */
export type ShapeResult =
  | { readonly type: "shape"; readonly shape: QueryShape }
  | { readonly type: "reads_row_id" };

/**
 * Reads a query's shape off DuckDB's bound, unoptimised plan (`json_serialize_plan`): for
 * every column its meaning and the upstream columns it is computed from, and what decides
 * which rows come out. A query that is not understood gets a shape that says so.
 */
export function shapeOfPlan(json: string | null, columns: readonly OutputColumn[]): ShapeResult {
  if (json === null) return { type: "shape", shape: unknownShape(columns, "it has no plan") };
  try {
    return { type: "shape", shape: readShape(parsePlan(json), columns) };
  } catch (error) {
    if (error instanceof ReadsRowId) return { type: "reads_row_id" };
    if (error instanceof CannotTell) {
      return { type: "shape", shape: unknownShape(columns, error.message) };
    }
    // A query nested deeper than the stack.
    if (error instanceof RangeError) {
      return { type: "shape", shape: unknownShape(columns, "it is nested too deeply") };
    }
    throw error;
  }
}

/** A shape that knows names and types only. */
export function unknownShape(columns: readonly OutputColumn[], why: string): QueryShape {
  return {
    columns: columns.map(({ name, type }) => ({ name, type, expression: null })),
    rows: null,
    order: null,
    lineage: null,
    untraced: why,
    volatile: [],
  };
}

function readShape(document: Json, columns: readonly OutputColumn[]): QueryShape {
  const [root, ...others] = list(document, "plans");
  if (document["error"] === true || root === undefined || others.length > 0) {
    throw new CannotTell("it cannot be planned");
  }
  const evaluation: Evaluation = {
    terms: new Terms(),
    volatile: new Set(),
    draws: count(),
    outer: [],
    ctes: new Map(),
    recursions: 0,
    scopes: new Map(),
  };
  return describe(evaluateOperator(root, evaluation), columns, evaluation);
}

function* count(): Generator<number, number> {
  for (let n = 0;; n++) yield n;
}

function describe(
  relation: Relation,
  columns: readonly OutputColumn[],
  evaluation: Evaluation,
): QueryShape {
  const terms = outputTerms(relation, columns);
  const { rows, order } = relation;
  const digester = new Digester(rows);
  const rowReads = new ReadCollector();
  rowReads.rows(rows);
  const settled = rowReads.generators();
  const readsOf = (values: readonly Term[]): Reads => {
    const collector = new ReadCollector(settled);
    for (const value of values) collector.term(value);
    return collector.reads();
  };
  const isOrderSensitive = [rows, ...terms].some(({ unstable }) => unstable === Unstable.Ties);
  return {
    columns: columns.map(({ name, type }, i) => ({
      name,
      type,
      expression: digester.term(terms[i]!),
      ...(terms[i]!.unstable ? { unstable: true as const } : {}),
    })),
    rows: digester.rows(),
    ...(rows.unstable ? { unstable_rows: true as const } : {}),
    ...(isOrderSensitive ? { order_sensitive: true as const } : {}),
    order: order === null || order.length === 0 ? null : digester.order(order),
    lineage: {
      columns: Object.fromEntries(columns.map(({ name }, i) => [name, readsOf([terms[i]!])])),
      rows: rowReads.reads(),
      order: readsOf((order ?? []).map(({ term }) => term)),
    },
    volatile: [...evaluation.volatile].sort(),
  };
}

function outputTerms({ columns }: Relation, expected: readonly OutputColumn[]): Term[] {
  if (columns.length !== expected.length) {
    throw new CannotTell(`${columns.length} positions for ${expected.length} columns`);
  }
  return columns.map((column) => {
    if (column === null) throw new ReadsRowId();
    return column;
  });
}
