import type { Generator, Rows, Term, Terms } from "./terms.ts";

/** A term by which rows are sorted, and how. */
export interface OrderItem {
  readonly term: Term;
  /** Direction and place of NULLs. */
  readonly how: string;
}

/** What an operator of a plan gives: which rows, and for every output position its value. */
export interface Relation {
  readonly rows: Rows;
  /** Null: a position that no expression may read (a row number, a dummy). */
  readonly columns: readonly (Term | null)[];
  /** Null: no particular order. */
  readonly order: readonly OrderItem[] | null;
  /** Sets of terms of which no two rows have the same values. */
  readonly keys: readonly (readonly Term[])[];
  /** DuckDB's number for the operator's output, where bindings may name it. */
  readonly tableIndex: number | null;
}

/** A relation; what is left out is unknown or not there. */
export function makeRelation(
  parts: Partial<Relation> & Pick<Relation, "rows" | "columns">,
): Relation {
  return { order: null, keys: [], tableIndex: null, ...parts };
}

/** What the evaluation of one plan knows beside the operator at hand. */
export interface Evaluation {
  readonly terms: Terms;
  /** Names of volatile functions met so far. */
  readonly volatile: Set<string>;
  /** Numbers the calls of functions that draw: each is a value of its own. */
  readonly draws: Iterator<number, number>;
  /** The outer queries of the correlated subquery at hand, innermost last. */
  readonly outer: readonly Outer[];
  /** Common table expressions by DuckDB's number. */
  readonly ctes: ReadonlyMap<number, CteReference>;
  /** How many recursions the operator at hand is a step of: which of them a reference means is told by that. */
  readonly recursions: number;
  /** The whole of some rows as a scope for window functions, each only once. */
  readonly scopes: Map<Rows, Generator>;
}

/** What a correlated subquery reads of the row it is computed for. */
export interface Outer {
  readonly columns: readonly Term[];
  /** Their types, as text. */
  readonly types: string;
}

/** Makes the relation that one reference to a common table expression stands for. */
export type CteReference = () => Relation;

/** True when some key is among the terms: they tell every row from every other. */
export function hasKeyAmong({ keys }: Relation, terms: Iterable<Term>): boolean {
  const present = new Set(terms);
  return keys.some((key) => key.every((term) => present.has(term)));
}
