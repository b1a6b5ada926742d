import assert from "node:assert/strict";
import type { NodeId } from "../../../src/model/ids.ts";
import {
  aggregateColumns,
  type AggregatedFeature,
  type AggregationQuery,
  aggregationSql,
  type DayWindow,
} from "../../../src/nodes/aggregation_sql.ts";
import { randomNumbers } from "../../support/random.ts";
import { type TestRow, TestRows } from "../../support/sql_rows.ts";

const INPUT = "transform.orders" as NodeId;
const COLUMNS = { id: "INTEGER", day: "DATE", as_of: "DATE", region: "VARCHAR", amount: "INTEGER" };

function feature(parts: Partial<AggregatedFeature>): AggregatedFeature {
  return {
    name: "amount",
    column: "amount",
    basic: [],
    rolling: [],
    ratio: [],
    since: [],
    ...parts,
  };
}

function query(parts: Partial<AggregationQuery>): AggregationQuery {
  return {
    input: INPUT,
    id_cols: ["id"],
    feature_date_col: "day",
    application_date_col: "as_of",
    group_by: [],
    features: [feature({ basic: ["sum"] })],
    ...parts,
  };
}

Deno.test("aggregateColumns() names columns as the reference system does (b.7)", () => {
  const names = aggregateColumns(feature({
    basic: ["sum", "mean"],
    rolling: [{ window: [1, 7], aggs: ["sum"] }, { window: [8, 30], aggs: ["mean"] }],
    ratio: [{ numerator: [1, 30], denominator: [31, 90], aggs: ["sum"] }],
    since: [{ condition: "region = 'EU'", aggs: ["count"] }],
  })).map(({ name }) => name);
  assert.deepEqual(names, [
    "amount_sum",
    "amount_mean",
    "amount_sum_7d",
    "amount_mean_30d",
    "amount_sum_ratio_30d_90d",
    "amount_count_if",
  ]);
});

Deno.test("aggregationSql() quotes names that are no plain words, and ends a condition before its comment does", async () => {
  await using rows = await TestRows.open();
  const odd = { 'a "b"': "INTEGER", "select": "DATE", "é x": "INTEGER" };
  await rows.put(INPUT, odd, [{ 'a "b"': 1, select: "2024-01-01", "é x": 3 }]);
  const sql = aggregationSql(query({
    id_cols: ['a "b"'],
    feature_date_col: "select",
    application_date_col: null,
    features: [feature({
      name: "é x",
      column: "é x",
      basic: ["sum"],
      since: [{ condition: `"é x" = 3 -- it's three`, aggs: ["count"] }],
    })],
  }));
  assert.deepEqual(await rows.read(sql), [{
    'a "b"': 1,
    application_date: "2024-01-01",
    "é x_sum": 3,
    "é x_count_if": 1,
  }]);
});

Deno.test("aggregationSql() counts days back from the application date and sees nothing after it", async () => {
  await using rows = await TestRows.open();
  const row = (day: string | null, amount: number): TestRow => ({
    id: 1,
    day,
    as_of: "2024-03-10",
    amount,
  });
  await rows.put(INPUT, COLUMNS, [
    row("2024-03-11", 1), // tomorrow
    row("2024-03-10", 2), // the day itself
    row("2024-03-09", 4), // 1 day before
    row("2024-03-03", 8), // 7 days before
    row("2024-03-02", 16), // 8 days before
    row(null, 32), // nobody knows when
    { id: 2, day: "2024-03-11", as_of: "2024-03-10", amount: 64 },
  ]);
  const windows: DayWindow[] = [[0, 0], [1, 7], [8, 8]];
  const [first, second] = await rows.read(`${
    aggregationSql(query({
      features: [feature({
        basic: ["sum", "count"],
        rolling: windows.map((window) => ({ window, aggs: ["sum"] })),
      })],
    }))
  }\nORDER BY id`);
  assert.deepEqual(first, {
    id: 1,
    as_of: "2024-03-10",
    amount_sum: 30,
    amount_count: 4,
    amount_sum_0d: 2,
    amount_sum_7d: 12,
    amount_sum_8d: 16,
  });
  assert.equal(second!["amount_sum"], null, "an id of which nothing was known keeps its row");
  assert.equal(second!["amount_count"], 0);
});

Deno.test("aggregationSql() divides by nothing to NULL, also where the denominator is zero", async () => {
  await using rows = await TestRows.open();
  const row = (id: number, day: string, amount: number) => ({
    id,
    day,
    as_of: "2024-03-10",
    amount,
  });
  await rows.put(INPUT, COLUMNS, [
    row(1, "2024-03-09", 3),
    row(2, "2024-03-09", 3),
    row(2, "2024-03-01", 0),
    row(3, "2024-03-09", 3),
    row(3, "2024-03-01", 2),
  ]);
  const ratio = [{ numerator: [1, 7], denominator: [8, 30], aggs: ["sum"] }] as const;
  const found = await rows.read(
    `${aggregationSql(query({ features: [feature({ ratio })] }))}\nORDER BY id`,
  );
  assert.deepEqual(found.map((r) => r["amount_sum_ratio_7d_30d"]), [null, null, 1.5]);
});

Deno.test("aggregationSql() without an application date takes the latest day of all rows", async () => {
  await using rows = await TestRows.open();
  await rows.put(INPUT, { id: "INTEGER", day: "TIMESTAMP", amount: "INTEGER" }, [
    { id: 1, day: "2024-03-01 10:00", amount: 1 },
    { id: 2, day: "2024-03-08 23:59", amount: 2 },
  ]);
  const rolling = [{ window: [0, 6], aggs: ["sum"] }] as const;
  const sql = aggregationSql(
    query({ application_date_col: null, features: [feature({ rolling })] }),
  );
  assert.deepEqual(await rows.read(`${sql}\nORDER BY id`), [
    { id: 1, application_date: "2024-03-08", amount_sum_6d: null },
    { id: 2, application_date: "2024-03-08", amount_sum_6d: 2 },
  ]);
});

// The same by hand: nothing of it is SQL.

const DAY_MS = 86_400_000;

function naive(agg: string, values: readonly number[]): number | null {
  const sum = values.reduce((a, b) => a + b, 0);
  if (agg === "count") return values.length;
  if (agg === "count_distinct") return new Set(values).size;
  if (values.length === 0) return null;
  const mean = sum / values.length;
  switch (agg) {
    case "sum":
      return sum;
    case "mean":
      return mean;
    case "min":
      return Math.min(...values);
    case "max":
      return Math.max(...values);
    default: // std
      return values.length < 2 ? null : Math.sqrt(
        values.reduce((total, value) => total + (value - mean) ** 2, 0) / (values.length - 1),
      );
  }
}

function naiveRows(
  { group_by, features }: AggregationQuery,
  rows: readonly TestRow[],
): Record<string, unknown>[] {
  const keys = ["id", "as_of", ...group_by];
  const groups = Map.groupBy(rows, (row) => JSON.stringify(keys.map((key) => row[key])));
  return [...groups.values()].map((group) => {
    const daysBefore = (row: TestRow) =>
      row["day"] === null || row["as_of"] === null
        ? NaN
        : (Date.parse(String(row["as_of"])) - Date.parse(String(row["day"]))) / DAY_MS;
    const within = ([from, to]: DayWindow) => (row: TestRow) =>
      daysBefore(row) >= from && daysBefore(row) <= to;
    const over = (agg: string, isIn: (row: TestRow) => boolean) =>
      naive(
        agg,
        group.filter(isIn).flatMap((row) => row["amount"] === null ? [] : [Number(row["amount"])]),
      );
    const result: Record<string, unknown> = Object.fromEntries(
      keys.map((key) => [key, group[0]![key]]),
    );
    for (const { basic, rolling, ratio, since } of features) {
      for (const agg of basic) result[`amount_${agg}`] = over(agg, within([0, Infinity]));
      for (const { window, aggs } of rolling) {
        for (const agg of aggs) result[`amount_${agg}_${window[1]}d`] = over(agg, within(window));
      }
      for (const { numerator, denominator, aggs } of ratio) {
        for (const agg of aggs) {
          const [a, b] = [over(agg, within(numerator)), over(agg, within(denominator))];
          result[`amount_${agg}_ratio_${numerator[1]}d_${denominator[1]}d`] =
            a === null || b === null || b === 0 ? null : a / b;
        }
      }
      for (const { aggs } of since) {
        for (const agg of aggs) {
          const isIn = (row: TestRow) => within([0, Infinity])(row) && row["region"] === "EU";
          result[`amount_${agg}_if`] = over(agg, isIn);
        }
      }
    }
    return result;
  });
}

function rounded(rows: readonly Record<string, unknown>[]): string[] {
  return rows.map((row) =>
    JSON.stringify(
      Object.entries(row).sort(([a], [b]) => a < b ? -1 : 1)
        .map(([name, value]) => [name, typeof value === "number" ? value.toPrecision(9) : value]),
    )
  ).sort();
}

Deno.test("aggregationSql() gives what a computation row by row gives, over random windows and data", async () => {
  await using db = await TestRows.open();
  const random = randomNumbers(7);
  const below = (n: number) => Math.floor(random() * n);
  const pick = <T>(items: readonly T[]) => items[below(items.length)]!;
  const day = () => new Date(Date.UTC(2024, 1, 20) + below(40) * DAY_MS).toISOString().slice(0, 10);
  const aggs = ["sum", "mean", "min", "max", "count", "count_distinct", "std"];
  const window = (end: number): DayWindow => [below(end + 1), end];
  for (let round = 0; round < 60; round++) {
    const rows = Array.from({ length: below(60) }, (): TestRow => ({
      id: random() < 0.05 ? null : below(4),
      day: random() < 0.05 ? null : day(),
      as_of: random() < 0.05 ? null : pick(["2024-03-01", "2024-03-15", "2024-03-31"]),
      region: pick(["EU", "US", null]),
      amount: random() < 0.1 ? null : below(100) - 50,
    }));
    const asked = query({
      group_by: random() < 0.5 ? ["region"] : [],
      features: [feature({
        basic: [...new Set([pick(aggs), pick(aggs)])],
        rolling: [5, 12, 30].map((end) => ({ window: window(end), aggs: [pick(aggs)] })),
        ratio: [{ numerator: window(6), denominator: window(20), aggs: ["sum", "count"] }],
        since: [{ condition: "region = 'EU'", aggs: [pick(aggs)] }],
      })],
    });
    await db.put(INPUT, COLUMNS, rows);
    assert.deepEqual(
      rounded(await db.read(aggregationSql(asked))),
      rounded(naiveRows(asked, rows)),
      `round ${round}: ${JSON.stringify(asked)}`,
    );
  }
});
