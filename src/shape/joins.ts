import { contextOf, evaluateExpression } from "./expressions.ts";
import { CannotTell, type Json, list, text } from "./logical_plan.ts";
import { type Evaluation, hasKeyAmong, makeRelation, type Relation } from "./relation.ts";
import { type Generator, makeGenerator, makeRows, ONE_ROW, type Term, Unstable } from "./terms.ts";

/** What has to hold between the two sides of a join. */
export interface JoinConditions {
  readonly conditions: readonly Term[];
  /** Terms of the right side that must equal one of the left for a match. */
  readonly matched: readonly Term[];
  /** Terms of the right side that are compared with one of the left in another way. */
  readonly compared: readonly Term[];
}

/** Reads the conditions of a join. Throws {@linkcode CannotTell}. */
export function joinConditions(
  operator: Json,
  left: Relation,
  right: Relation,
  evaluation: Evaluation,
): JoinConditions {
  const conditions: Term[] = [];
  const matched: Term[] = [];
  const compared: Term[] = [];
  for (const condition of list(operator, "conditions")) {
    if (condition["left"] === undefined || condition["right"] === undefined) {
      throw new CannotTell("a join condition without sides");
    }
    const a = evaluateExpression(condition["left"] as Json, contextOf(left, evaluation));
    const b = evaluateExpression(condition["right"] as Json, contextOf(right, evaluation));
    const comparison = text(condition, "comparison") || "COMPARE_EQUAL";
    if (comparison === "COMPARE_EQUAL" || comparison === "COMPARE_NOT_DISTINCT_FROM") {
      matched.push(b);
    } else compared.push(b);
    if (a !== b || comparison !== "COMPARE_NOT_DISTINCT_FROM") {
      conditions.push(evaluation.terms.compare(comparison, a, b));
    }
  }
  const whole = operator["condition"] as Json | null | undefined;
  if (whole) {
    const both = makeRelation({ rows: ONE_ROW, columns: [...left.columns, ...right.columns] });
    conditions.push(evaluateExpression(whole, contextOf(both, evaluation)));
  }
  return { conditions, matched, compared };
}

/** Two sides and what has to hold between them. */
export interface Joined extends JoinConditions {
  readonly left: Relation;
  readonly right: Relation;
}

type Combine = (joined: Joined, evaluation: Evaluation) => Relation;

/** What each type of join gives, by DuckDB's name for it. */
export const JOINS: Readonly<Record<string, Combine>> = {
  INNER: inner,
  LEFT: leftOuter,
  RIGHT: (joined, evaluation) => rightOuter(joined, evaluation),
  OUTER: fullOuter,
  FULL: fullOuter,
  SEMI: (joined, evaluation) => filtered(joined, exists(joined, evaluation)),
  ANTI: (joined, evaluation) => filtered(joined, evaluation.terms.not(exists(joined, evaluation))),
  MARK: (joined, evaluation) => {
    const mark = membership(joined, evaluation);
    return { ...unordered(joined.left), columns: [...joined.left.columns, mark] };
  },
  SINGLE: (joined, evaluation) => lookUp(joined, evaluation),
};

function inner({ left, right, conditions }: Joined): Relation {
  const keys = left.keys.flatMap((a) => right.keys.map((b) => [...a, ...b]));
  return makeRelation({
    rows: makeRows(
      [...left.rows.generators, ...right.rows.generators],
      [...left.rows.where, ...right.rows.where, ...conditions],
    ),
    columns: [...left.columns, ...right.columns],
    keys,
  });
}

/** The partners of a row, as something its values can be computed from. */
function matchOf({ right, conditions }: Joined): Generator {
  const { generators, where } = right.rows;
  return makeGenerator({ head: "match", inner: [makeRows(generators, [...where, ...conditions])] });
}

function exists(joined: Joined, { terms }: Evaluation): Term {
  return terms.make({ head: "exists", scope: matchOf(joined) });
}

/** Without a condition, whether there is any row; with one, whether a row fulfils it, which NULLs leave open. */
function membership(joined: Joined, evaluation: Evaluation): Term {
  const { right, conditions } = joined;
  if (conditions.length === 0) return exists(joined, evaluation);
  const candidates = makeGenerator({ head: "candidates", inner: [right.rows], args: conditions });
  return evaluation.terms.make({ head: "in", scope: candidates });
}

function filtered({ left }: Joined, condition: Term): Relation {
  const { generators, where } = left.rows;
  return { ...unordered(left), rows: makeRows(generators, [...where, condition]) };
}

/** What comes out of a join: DuckDB may swap its sides, which loses the order of the left. */
function unordered(left: Relation): Relation {
  return { ...left, order: null, tableIndex: null };
}

/** At most one partner, NULL without one: every row of the left stays, once. */
function lookUp(joined: Joined, { terms }: Evaluation): Relation {
  const { left, right } = joined;
  const isNothing = right.rows === ONE_ROW && joined.conditions.length === 0;
  const match = matchOf(joined);
  const found = (column: Term | null) =>
    column === null || isNothing
      ? column
      : terms.make({ head: "matched", args: [column], scope: match });
  return { ...unordered(left), columns: [...left.columns, ...right.columns.map(found)] };
}

function leftOuter(joined: Joined, evaluation: Evaluation): Relation {
  const { left, right, matched } = joined;
  if (hasKeyAmong(right, matched)) return lookUp(joined, evaluation);
  const partner = makeGenerator({
    head: "outer",
    inner: [makeRows(right.rows.generators, [...right.rows.where, ...joined.conditions])],
  });
  return makeRelation({
    rows: makeRows([...left.rows.generators, partner], left.rows.where),
    columns: [...left.columns, ...nullable(right.columns, "outer", partner, evaluation)],
  });
}

function nullable(
  columns: readonly (Term | null)[],
  head: string,
  scope: Generator,
  { terms }: Evaluation,
): (Term | null)[] {
  return columns.map((column) =>
    column === null ? null : terms.make({ head, args: [column], scope })
  );
}

function rightOuter(joined: Joined, evaluation: Evaluation): Relation {
  const { left, right } = joined;
  const swapped = leftOuter({ ...joined, left: right, right: left, matched: [] }, evaluation);
  const width = right.columns.length;
  return {
    ...swapped,
    columns: [...swapped.columns.slice(width), ...swapped.columns.slice(0, width)],
  };
}

function fullOuter({ left, right, conditions }: Joined, evaluation: Evaluation): Relation {
  const generator = makeGenerator({
    head: "full outer",
    inner: [left.rows, right.rows],
    args: conditions,
  });
  return makeRelation({
    rows: makeRows([generator], []),
    columns: [
      ...nullable(left.columns, "left", generator, evaluation),
      ...nullable(right.columns, "right", generator, evaluation),
    ],
  });
}

/**
 * The nearest partner; which one, where several are equally near, is open. No two are where
 * what is compared tells the rows of the right side apart. Throws {@linkcode CannotTell}.
 */
export function nearest(
  type: string,
  joined: Joined,
  evaluation: Evaluation,
): Relation {
  const { left, right, conditions, matched, compared } = joined;
  if (type === "LEFT" && hasKeyAmong(right, [...matched, ...compared])) {
    const partner = makeGenerator({ head: "asof", inner: [right.rows], args: conditions });
    const columns = nullable(right.columns, "nearest", partner, evaluation);
    return { ...unordered(left), columns: [...left.columns, ...columns] };
  }
  if (type !== "INNER" && type !== "LEFT") throw new CannotTell(`ASOF ${type} join`);
  const generator = makeGenerator({
    head: `asof ${type}`,
    inner: [right.rows],
    args: conditions,
    unstable: Unstable.Ties,
  });
  return makeRelation({
    rows: makeRows([...left.rows.generators, generator], left.rows.where),
    columns: [...left.columns, ...nullable(right.columns, "nearest", generator, evaluation)],
  });
}

/** Rows side by side in the order in which they come. */
export function sideBySide(left: Relation, right: Relation, evaluation: Evaluation): Relation {
  const generator = makeGenerator({
    head: "positional",
    inner: [left.rows, right.rows],
    unstable: Unstable.Ties,
  });
  return makeRelation({
    rows: makeRows([generator], []),
    columns: nullable([...left.columns, ...right.columns], "at position", generator, evaluation),
  });
}
