import type { ColumnChanges } from "../model/change.ts";
import type { ColumnShape } from "../model/manifest.ts";

/** What happened to columns between two shapes. */
export interface ColumnComparison {
  /** `changed` holds those with another type, another spelling of the name or another meaning. */
  readonly changes: ColumnChanges;
  /** Same columns, other order. */
  readonly reordered: boolean;
  /** Some column's meaning is unknown on one side: it may have changed. */
  readonly unsure: boolean;
}

/** Compares output columns by name; names that differ by case only are the same, as in SQL. */
export function compareColumns(
  before: readonly ColumnShape[],
  after: readonly ColumnShape[],
): ColumnComparison {
  const old = new Map(before.map((column) => [key(column), column]));
  const current = new Map(after.map((column) => [key(column), column]));
  const gone = before.filter((column) => !current.has(key(column)));
  const come = after.filter((column) => !old.has(key(column)));
  const renamed = findRenames(gone, come, before, after);
  const renamedFrom = new Set(renamed.map(({ from }) => from));
  const renamedTo = new Set(renamed.map(({ to }) => to));
  const common = after.filter((column) => old.has(key(column)));
  const changed = common.filter((column) => differs(old.get(key(column))!, column));
  const order = (columns: readonly ColumnShape[], other: Map<string, ColumnShape>) =>
    columns.map(key).filter((name) => other.has(name)).join("\0");
  return {
    changes: {
      added: come.filter((column) => !renamedTo.has(column)).map(({ name }) => name),
      removed: gone.filter((column) => !renamedFrom.has(column)).map(({ name }) => name),
      changed: changed.map(({ name }) => name),
      renamed: renamed.map(({ from, to }) => `${from.name} -> ${to.name}`),
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

interface Rename {
  readonly from: ColumnShape;
  readonly to: ColumnShape;
}

/** A column that left and one that came with the same meaning; where that is unknown, at the same position with the same type. */
function findRenames(
  gone: readonly ColumnShape[],
  come: readonly ColumnShape[],
  before: readonly ColumnShape[],
  after: readonly ColumnShape[],
): Rename[] {
  const taken = new Set<ColumnShape>();
  return gone.flatMap((from) => {
    const to = come.find((column) =>
      !taken.has(column) && column.type === from.type && (
        from.expression === null || column.expression === null
          ? before.length === after.length && before.indexOf(from) === after.indexOf(column)
          : from.expression === column.expression
      )
    );
    if (to === undefined) return [];
    taken.add(to);
    return [{ from, to }];
  });
}

function key(column: ColumnShape): string {
  return column.name.toLowerCase();
}
