import type { Grain, TimeSpan } from "../../src/semantic/definition.ts";

/** A value of a row or of a metric. Times are ISO dates. */
export type Value = string | number | null;
/** A row with everything that it can be grouped by, and what its measures are computed from. */
export type NaiveRow = Readonly<Record<string, Value>>;

/** A measure over rows that are at hand. */
export interface NaiveLeaf {
  readonly rows: readonly NaiveRow[];
  /** Column with the time of the rows. */
  readonly time: string;
  readonly column: string | null;
  readonly agg: "sum" | "count" | "count_distinct" | "avg" | "min" | "max";
  /** Null: rows of a period alone. */
  readonly window: { readonly toDate: Grain | null; readonly span: TimeSpan | null } | null;
}

/** A metric as a person would explain it. */
export type NaiveMetric =
  | { readonly type: "leaf"; readonly leaf: NaiveLeaf; readonly offsets: readonly TimeSpan[] }
  | { readonly type: "divide"; readonly above: NaiveMetric; readonly below: NaiveMetric }
  | { readonly type: "minus"; readonly left: NaiveMetric; readonly right: NaiveMetric };

/** A dimension of the answer: a column of the rows, or their time by periods. */
export type NaiveDimension = { readonly column: string } | { readonly grain: Grain };

/** The first day of a period. */
export function periodOf(date: string, grain: Grain): string {
  const day = new Date(`${date}T00:00:00Z`);
  if (grain === "week") day.setUTCDate(day.getUTCDate() - (day.getUTCDay() + 6) % 7);
  if (grain === "month") day.setUTCDate(1);
  if (grain === "quarter") day.setUTCMonth(day.getUTCMonth() - day.getUTCMonth() % 3, 1);
  if (grain === "year") day.setUTCMonth(0, 1);
  return day.toISOString().slice(0, 10);
}

/** A date some time later, or earlier; in a shorter month its last day. */
export function moved(date: string, { count, unit }: TimeSpan, sign: 1 | -1): string {
  const day = new Date(`${date}T00:00:00Z`);
  if (unit === "day" || unit === "week") {
    day.setUTCDate(day.getUTCDate() + sign * count * (unit === "week" ? 7 : 1));
    return day.toISOString().slice(0, 10);
  }
  const months = sign * count * ({ month: 1, quarter: 3, year: 12 }[unit]);
  const target = new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + months + 1, 0));
  target.setUTCDate(Math.min(target.getUTCDate(), day.getUTCDate()));
  return target.toISOString().slice(0, 10);
}

function aggregate({ agg, column }: NaiveLeaf, rows: readonly NaiveRow[]): number | null {
  const values = rows.map((row) => column === null ? 1 : row[column]!)
    .filter((value) => value !== null).map(Number);
  const sum = values.reduce((all, one) => all + one, 0);
  if (agg === "count") return values.length;
  if (agg === "count_distinct") return new Set(values).size;
  if (values.length === 0) return null;
  if (agg === "avg") return sum / values.length;
  if (agg === "min") return Math.min(...values);
  return agg === "max" ? Math.max(...values) : sum;
}

type Key = readonly Value[];
type Found = Map<string, { readonly key: Key; readonly value: number | null }>;

/** The answer to metrics by dimensions, row by row, computed the slow and obvious way. */
export function naiveAnswer(
  metrics: readonly NaiveMetric[],
  dimensions: readonly NaiveDimension[],
): Value[][] {
  const axis = dimensions.findIndex((one) => "grain" in one);
  const tables = new Map<NaiveLeaf, Found>();
  const leaves = metrics.flatMap(leavesOf);
  for (const { leaf } of leaves) tables.set(leaf, leafTable(leaf, dimensions, axis));
  const keys = new Map<string, Key>();
  for (const table of tables.values()) for (const [id, { key }] of table) keys.set(id, key);
  const times = [...keys.values()].map((key) => key[axis]).filter((time) =>
    typeof time === "string"
  );
  const last = times.sort().at(-1);
  for (const { leaf, offsets } of leaves) {
    if (offsets.length === 0) continue;
    for (const { key } of tables.get(leaf)!.values()) {
      const time = key[axis];
      if (typeof time !== "string") continue;
      const later = [...offsets].reverse().reduce((date, span) => moved(date, span, 1), time);
      const back = offsets.reduce((date, span) => moved(date, span, -1), later);
      const shifted = key.with(axis, later);
      if (last !== undefined && later <= last && back === time) {
        keys.set(JSON.stringify(shifted), shifted);
      }
    }
  }
  const rows = [...keys.values()].map((key) => [
    ...key,
    ...metrics.map((metric) => valueOf(metric, key, axis, tables)),
  ]);
  return dimensions.length === 0 && rows.length === 0 ? [metrics.map(() => null)] : rows;
}

function leavesOf(metric: NaiveMetric): Extract<NaiveMetric, { type: "leaf" }>[] {
  switch (metric.type) {
    case "leaf":
      return [metric];
    case "divide":
      return [...leavesOf(metric.above), ...leavesOf(metric.below)];
    case "minus":
      return [...leavesOf(metric.left), ...leavesOf(metric.right)];
  }
}

function valueOf(
  metric: NaiveMetric,
  key: Key,
  axis: number,
  tables: ReadonlyMap<NaiveLeaf, Found>,
): number | null {
  if (metric.type === "leaf") {
    let at = key;
    if (metric.offsets.length > 0) {
      const time = key[axis];
      if (typeof time !== "string") return null;
      at = key.with(axis, metric.offsets.reduce((date, span) => moved(date, span, -1), time));
    }
    return tables.get(metric.leaf)!.get(JSON.stringify(at))?.value ?? null;
  }
  const [a, b] = metric.type === "divide"
    ? [metric.above, metric.below]
    : [metric.left, metric.right];
  const [left, right] = [valueOf(a, key, axis, tables), valueOf(b, key, axis, tables)];
  if (left === null || right === null) return null;
  if (metric.type === "minus") return left - right;
  return right === 0 ? null : left / right;
}

function leafTable(leaf: NaiveLeaf, dimensions: readonly NaiveDimension[], axis: number): Found {
  const groups = new Map<string, { key: Key; rows: NaiveRow[] }>();
  const add = (key: Key, row: NaiveRow) => {
    const id = JSON.stringify(key);
    const group = groups.get(id) ?? { key, rows: [] };
    group.rows.push(row);
    groups.set(id, group);
  };
  const keyOf = (row: NaiveRow, period: Value): Key =>
    dimensions.map((one) => "grain" in one ? period : row[one.column]!);
  const timeOf = (row: NaiveRow) => row[leaf.time] as string | null;
  if (axis < 0 || leaf.window === null) {
    const grain = axis < 0 ? null : (dimensions[axis] as { grain: Grain }).grain;
    for (const row of leaf.rows) {
      const time = timeOf(row);
      add(keyOf(row, time === null || grain === null ? null : periodOf(time, grain)), row);
    }
    if (dimensions.length === 0 && groups.size === 0) groups.set("[]", { key: [], rows: [] });
  } else {
    const { grain } = dimensions[axis] as { grain: Grain };
    const dated = leaf.rows.filter((row) => timeOf(row) !== null);
    const times = dated.map((row) => periodOf(timeOf(row)!, grain)).sort();
    const step = { count: 1, unit: grain };
    for (let period = times[0]; period !== undefined && period <= times.at(-1)!;) {
      const until = moved(period, step, 1);
      const { toDate, span } = leaf.window;
      const since = toDate !== null
        ? periodOf(period, toDate)
        : span !== null
        ? moved(until, span, -1)
        : "0000-01-01";
      for (const row of dated) {
        if (timeOf(row)! >= since && timeOf(row)! < until) add(keyOf(row, period), row);
      }
      period = until;
    }
  }
  return new Map(
    [...groups].map(([id, { key, rows }]) => [id, { key, value: aggregate(leaf, rows) }]),
  );
}
