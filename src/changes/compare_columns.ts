import type { ColumnChanges } from "../model/change.ts";
import type { ColumnShape } from "../model/manifest.ts";

/** What happened to columns between two shapes, and whether anything else than an addition did. */
export interface ColumnComparison {
  readonly changes: ColumnChanges;
  /** Same columns, other order. */
  readonly reordered: boolean;
  /** Some expression is unknown on one side: it may have changed. */
  readonly unsure: boolean;
}

/** Compares output columns by name; names differ by case only are the same, as in SQL. */
export function compareColumns(
  before: readonly ColumnShape[],
  after: readonly ColumnShape[],
): ColumnComparison {
  const old = new Map(before.map((column) => [key(column), column]));
  const current = new Map(after.map((column) => [key(column), column]));
  const renamed = findRenames(before, after, old, current);
  const isRenamed = (name: string, side: "from" | "to") =>
    renamed.some((rename) => rename[side] === name);
  const common = after.filter((column) => old.has(key(column)));
  const changed = common.filter((column) => differs(old.get(key(column))!, column));
  const order = (columns: readonly ColumnShape[], other: Map<string, ColumnShape>) =>
    columns.map(key).filter((name) => other.has(name)).join("\0");
  return {
    changes: {
      added: names(after, (c) => !old.has(key(c)) && !isRenamed(c.name, "to")),
      removed: names(before, (c) => !current.has(key(c)) && !isRenamed(c.name, "from")),
      changed: changed.map((column) => column.name),
      renamed: renamed.map(({ from, to }) => `${from} -> ${to}`),
    },
    reordered: order(before, current) !== order(after, old),
    unsure: common.some((column) =>
      column.expression === null || old.get(key(column))!.expression === null
    ),
  };
}

function differs(before: ColumnShape, after: ColumnShape): boolean {
  if (before.type !== after.type || before.name !== after.name) return true;
  return before.expression !== null && after.expression !== null &&
    before.expression !== after.expression;
}

/** A column that left and one that came at the same position, with the same type. */
function findRenames(
  before: readonly ColumnShape[],
  after: readonly ColumnShape[],
  old: Map<string, ColumnShape>,
  current: Map<string, ColumnShape>,
): { from: string; to: string }[] {
  if (before.length !== after.length) return [];
  return before.flatMap((column, i) => {
    const other = after[i]!;
    const gone = !current.has(key(column)) && !old.has(key(other));
    return gone && column.type === other.type ? [{ from: column.name, to: other.name }] : [];
  });
}

function key(column: ColumnShape): string {
  return column.name.toLowerCase();
}

function names(
  columns: readonly ColumnShape[],
  keep: (column: ColumnShape) => boolean,
): string[] {
  return columns.filter(keep).map((column) => column.name);
}
