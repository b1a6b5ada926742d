import type { RowsDiff, TestCell } from "../model/test.ts";

type Row = readonly TestCell[];

/** Digits to which numbers with a floating point are compared: what a sum's order can change is behind them. */
const FLOAT_DIGITS = 12;

/**
 * Compares rows of the same columns, as a bag or one after the other. Null when they are the same. `types` says which
 * columns are compared as floating point numbers.
 */
export function compareRows(
  { columns, types, expected, actual, ordered }: {
    readonly columns: readonly string[];
    readonly types: readonly string[];
    readonly expected: readonly Row[];
    readonly actual: readonly Row[];
    readonly ordered: boolean;
  },
): RowsDiff | null {
  const isFloat = types.map((type) => /^(DOUBLE|FLOAT)$/.test(type));
  const same = (a: TestCell, b: TestCell, column: number) =>
    normal(a, isFloat[column]!) === normal(b, isFloat[column]!);
  const keyOf = (row: Row) => JSON.stringify(row.map((cell, i) => normal(cell, isFloat[i]!)));
  const result = ordered
    ? inOrder(expected, actual, keyOf)
    : asBag(expected, actual, keyOf, (a, b) => a.filter((cell, i) => same(cell, b[i]!, i)).length);
  const { missing, extra, changed } = result;
  if (missing.length + extra.length + changed.length === 0) return null;
  return { columns, expected: expected.length, actual: actual.length, ...result };
}

/** True where two cells of a compared column are the same. */
export function sameCell(a: TestCell, b: TestCell, type: string): boolean {
  const isFloat = /^(DOUBLE|FLOAT)$/.test(type);
  return normal(a, isFloat) === normal(b, isFloat);
}

function normal(cell: TestCell, isFloat: boolean): TestCell {
  if (cell === null || !isFloat) return cell;
  const number = Number(cell);
  if (!Number.isFinite(number)) return cell.toLowerCase();
  return number === 0 ? "0" : number.toPrecision(FLOAT_DIGITS);
}

type Parts = Pick<RowsDiff, "missing" | "extra" | "changed">;

function inOrder(
  expected: readonly Row[],
  actual: readonly Row[],
  keyOf: (row: Row) => string,
): Parts {
  const both = Math.min(expected.length, actual.length);
  return {
    missing: expected.slice(both),
    extra: actual.slice(both),
    changed: expected.slice(0, both).flatMap((row, i) =>
      keyOf(row) === keyOf(actual[i]!) ? [] : [{ expected: row, actual: actual[i]! }]
    ),
  };
}

/** Rows with no equal are paired with the one most like them, where half of the cells are the same. */
function asBag(
  expected: readonly Row[],
  actual: readonly Row[],
  keyOf: (row: Row) => string,
  alike: (a: Row, b: Row) => number,
): Parts {
  const left = new Map<string, Row[]>();
  for (const row of actual) {
    const key = keyOf(row);
    left.set(key, [...(left.get(key) ?? []), row]);
  }
  const unmatched = expected.filter((row) => left.get(keyOf(row))?.pop() === undefined);
  const rest = [...left.values()].flat();
  const changed: { expected: Row; actual: Row }[] = [];
  const missing: Row[] = [];
  for (const row of unmatched) {
    const scores = rest.map((other) => alike(row, other));
    const best = Math.max(0, ...scores);
    if (best > 0 && best * 2 >= row.length) {
      changed.push({ expected: row, actual: rest.splice(scores.indexOf(best), 1)[0]! });
    } else missing.push(row);
  }
  return { missing, extra: rest, changed };
}
