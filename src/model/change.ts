import type { NodeId } from "./ids.ts";

/** How badly a direct change hits those who read the node. */
export type Category = "BREAKING" | "NON_BREAKING" | "METADATA";

/** How a node differs from the base: `indirect` means only something upstream did. */
export type ChangeKind = "new" | "removed" | "direct" | "indirect" | "none";

/** What happened to a node's columns, by name, in output order. */
export interface ColumnChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  readonly renamed: readonly string[];
}

/** One node's difference from the base. */
export interface Change {
  readonly id: NodeId;
  readonly kind: ChangeKind;
  /** Set for direct changes only. */
  readonly category: Category | null;
  /** True where what a direct change means could not be found out, and BREAKING is the fallback. */
  readonly undecided: boolean;
  /** Why, in words a data engineer trusts; at least one for every change. For an unchanged node: why a change upstream does not reach it. */
  readonly reasons: readonly string[];
  readonly columns: ColumnChanges;
  /** Directly changed nodes (or `node.column`s) upstream that cause an indirect change. */
  readonly because: readonly string[];
}

/** The value for a node whose columns did not change. */
export const NO_COLUMN_CHANGES: ColumnChanges = {
  added: [],
  removed: [],
  changed: [],
  renamed: [],
};
