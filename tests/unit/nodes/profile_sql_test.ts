import assert from "node:assert/strict";
import type { NodeId } from "../../../src/model/ids.ts";
import { profileSql } from "../../../src/nodes/profile_sql.ts";
import { type TestRow, TestRows } from "../../support/sql_rows.ts";

/** `column.metric` -> value, with the detail where there is one. */
async function profile(
  types: Readonly<Record<string, string>>,
  rows: readonly TestRow[],
  asOf: string | null = null,
): Promise<Record<string, unknown>> {
  await using db = await TestRows.open();
  await db.put("source.s", types, rows);
  const columns = Object.entries(types).map(([name, type]) => ({ name, type }));
  const sql = profileSql({ input: "source.s" as NodeId, columns, max_top_values: 2, as_of: asOf });
  const found = await db.read(sql);
  return Object.fromEntries(
    found.map(({ column_name, metric, value, detail }) => [
      `${column_name}.${metric}`,
      detail === null ? value : [value, JSON.parse(String(detail))],
    ]),
  );
}

Deno.test("profileSql() gives every column the figures that its type allows (b.11)", async () => {
  const found = await profile(
    { n: "INTEGER", 'o "q"': "VARCHAR", t: "TIMESTAMP", yes: "BOOLEAN" },
    [
      { n: 1, 'o "q"': "b", t: "2024-01-01 00:00" },
      { n: 2, 'o "q"': "a", t: "2024-01-02 12:00" },
      { n: 4, 'o "q"': "a" },
      { 'o "q"': "c" },
    ],
    "2024-01-03",
  );
  assert.deepEqual(found, {
    "_table_.row_count": "4",
    "n.null_count": "1",
    "n.null_percent": "25",
    "n.distinct_count": "3",
    "n.min": "1",
    "n.max": "4",
    "n.avg": "2.33333333333",
    "n.sum": "7",
    "n.stddev": "1.52752523165",
    "n.p25": "1.5",
    "n.p50": "2",
    "n.p75": "3",
    'o "q".null_count': "0",
    'o "q".null_percent': "0",
    'o "q".distinct_count': "3",
    'o "q".top_values': ["2", [
      { value: "a", count: 2, percent: 50 },
      { value: "b", count: 1, percent: 25 },
    ]],
    "t.null_count": "2",
    "t.null_percent": "50",
    "t.distinct_count": "2",
    "t.min": "2024-01-01 00:00:00",
    "t.max": "2024-01-02 12:00:00",
    "t.freshness_hours": "12",
    "yes.null_count": "4",
    "yes.null_percent": "100",
    "yes.distinct_count": "0",
  });
});

Deno.test("profileSql() gives figures of no rows at all, and none of a share of nothing", async () => {
  const found = await profile({ n: "DOUBLE", t: "VARCHAR" }, []);
  assert.equal(found["_table_.row_count"], "0");
  assert.equal(found["n.null_count"], "0");
  assert.equal(found["n.null_percent"], null);
  assert.equal(found["n.avg"], null);
  assert.deepEqual(found["t.top_values"], ["0", []]);
});

Deno.test("profileSql() leaves what is not finite out of sums and deviations", async () => {
  await using db = await TestRows.open();
  await db.session.run(
    "CREATE SCHEMA source; CREATE TABLE source.s AS SELECT unnest(['1', '3', 'nan', 'inf']::DOUBLE[]) AS x",
  );
  const sql = profileSql({
    input: "source.s" as NodeId,
    columns: [{ name: "x", type: "DOUBLE" }],
    max_top_values: 1,
    as_of: null,
  });
  const found = Object.fromEntries(
    (await db.read(sql)).map(({ metric, value }) => [metric, value]),
  );
  assert.deepEqual([found["avg"], found["sum"], found["p50"], found["max"]], [
    "2",
    "4",
    "2",
    "nan",
  ]);
});

Deno.test("profileSql() gives the same figures whatever the order of the rows", async () => {
  await using db = await TestRows.open();
  const figures = async (order: string) => {
    await db.session.run(
      "CREATE SCHEMA IF NOT EXISTS source; CREATE OR REPLACE TABLE source.s AS " +
        `SELECT hash(i) / 1e19 AS x, 'v' || i % 7 AS t FROM range(50000) AS r(i) ORDER BY ${order}`,
    );
    const columns = [{ name: "x", type: "DOUBLE" }, { name: "t", type: "VARCHAR" }];
    return await db.read(
      profileSql({ input: "source.s" as NodeId, columns, max_top_values: 3, as_of: null }),
    );
  };
  assert.deepEqual(await figures("x"), await figures("t, x DESC"));
});
