import assert from "node:assert/strict";
import { parseAge } from "../../../src/base/age.ts";
import type { NodeId } from "../../../src/model/ids.ts";
import { parseComparison, type RuleEntry } from "../../../src/nodes/rule_fields.ts";
import { ruleSql } from "../../../src/nodes/rule_sql.ts";
import { type TestRow, TestRows } from "../../support/sql_rows.ts";

const COLUMNS = {
  id: "INTEGER",
  amount: "DOUBLE",
  day: "DATE",
  at: "TIMESTAMP",
  "it's": "VARCHAR",
};
const COMMON = { severity: "error", message: null, place: ["rule"] } as const;

/** `status violations/checked` of each check, by name. */
async function check(
  entries: readonly RuleEntry[],
  rows: readonly TestRow[],
): Promise<Record<string, string>> {
  const found = await results(entries, rows);
  return Object.fromEntries(
    found.map((
      { name, status, violations, checked },
    ) => [name, `${status} ${violations}/${checked}`]),
  );
}

async function results(entries: readonly RuleEntry[], rows: readonly TestRow[]) {
  await using db = await TestRows.open();
  await db.put("transform.t", COLUMNS, rows);
  const columns = Object.entries(COLUMNS).map(([name, type]) => ({ name, type }));
  return await db.read(ruleSql({ inputs: ["transform.t" as NodeId], columns, entries }));
}

Deno.test("ruleSql() counts NULLs, and allows a share of them", async () => {
  const rows = [{ id: 1, amount: 1 }, { id: null, amount: null }, { id: 3, amount: 1 }, {
    id: 4,
    amount: 1,
  }];
  const share = (columns: string[], max_share: number): RuleEntry => ({
    ...COMMON,
    type: "null",
    columns,
    max_share,
  });
  assert.deepEqual(
    await check([share(["id", "amount"], 0), share(["id"], 0.25), share(["id"], 0.24)], rows),
    {
      "null(id)": "failed 1/4",
      "null(amount)": "failed 1/4",
      "null(id) #2": "passed 1/4",
      "null(id) #3": "failed 1/4",
    },
  );
  assert.deepEqual(await check([share(["id"], 0)], []), { "null(id)": "passed 0/0" });
});

Deno.test("ruleSql() compares bounds in the column's type and lets NULLs be", async () => {
  const range = (column: string, min_val: string | null, max_val: string | null): RuleEntry => ({
    ...COMMON,
    type: "range",
    columns: [column],
    min_val,
    max_val,
  });
  const rows = [
    { id: 1, amount: 0.5, day: "2024-01-01", "it's": "a" },
    { id: 10, amount: 100, day: "2024-12-31", "it's": "o'" },
    { id: null, amount: null, day: null, "it's": null },
  ];
  const found = await results([
    range("id", "1.5", null),
    range("amount", "0.5", "100"),
    range("day", "2024-01-02", "2024-12-31"),
    range("it's", "b", "o'"),
  ], rows);
  assert.deepEqual(
    Object.fromEntries(found.map(({ name, violations }) => [name, violations])),
    { "range(id)": 1, "range(amount)": 0, "range(day)": 1, "range(it's)": 1 },
  );
  assert.equal(found[0]!["detail"], "1 of 3 rows are outside 1.5 to any: from 1 to 10");
});

Deno.test("ruleSql() counts every row beyond the first of a combination", async () => {
  const rows = [{ id: 1, amount: 1 }, { id: 1, amount: 1 }, { id: 1, amount: 2 }, {
    id: null,
    amount: 1,
  }];
  const unique = (columns: string[], max_share = 0): RuleEntry => ({
    ...COMMON,
    type: "uniqueness",
    columns,
    max_share,
  });
  assert.deepEqual(
    await check([unique(["id"]), unique(["id", "amount"]), unique(["id"], 0.7)], rows),
    {
      "uniqueness(id)": "failed 2/3",
      "uniqueness(id, amount)": "failed 1/3",
      "uniqueness(id) #2": "passed 2/3",
    },
  );
});

Deno.test("ruleSql() asks of every row, or of the newest, whether it is fresh", async () => {
  const fresh = (rows: "every" | "newest"): RuleEntry => ({
    ...COMMON,
    type: "freshness",
    columns: ["at"],
    max_age: parseAge("7d")!,
    rows,
  });
  const entries = [fresh("every"), fresh("newest")];
  const old = { at: "2001-01-01" };
  const future = { at: "2999-01-01" };
  assert.deepEqual(await check(entries, [old, future, { at: null }]), {
    "freshness(at)": "failed 2/3",
    "freshness(at) #2": "passed 0/3",
  });
  assert.deepEqual(await check(entries, [old]), {
    "freshness(at)": "failed 1/1",
    "freshness(at) #2": "failed 1/1",
  });
  assert.deepEqual(await check(entries, []), {
    "freshness(at)": "passed 0/0",
    "freshness(at) #2": "failed 1/0",
  }, "without rows nothing is old, and nothing is new either");
});

Deno.test("ruleSql() evaluates every entry of a list, whatever stands before it (b.10)", async () => {
  const found = await results([
    { ...COMMON, type: "sql_assertion", sql: "SELECT * FROM transform_t WHERE amount < 0 -- none" },
    {
      ...COMMON,
      type: "sql_assertion",
      sql: "SELECT * FROM input_data",
      severity: "warn",
      message: "it's all wrong",
    },
    { ...COMMON, type: "null", columns: ["id"], max_share: 0 },
  ], [{ id: null, amount: 1 }]);
  assert.deepEqual(
    found.map(({ name, severity, status, detail }) => [name, severity, status, detail]),
    [
      ["sql_assertion", "error", "passed", null],
      ["sql_assertion #2", "warn", "failed", "it's all wrong"],
      ["null(id)", "error", "failed", "1 of 1 rows are NULL"],
    ],
  );
});

Deno.test("ruleSql() grades figures of a profile: what fails before what warns, and what is missing is an error", async () => {
  await using db = await TestRows.open();
  await db.put(
    "profile.p",
    { column_name: "VARCHAR", metric: "VARCHAR", value: "VARCHAR", detail: "VARCHAR" },
    [
      { column_name: "a", metric: "null_percent", value: "7.5" },
      { column_name: "a", metric: "min", value: "2024-01-01" },
      { column_name: "_table_", metric: "row_count", value: "5" },
    ],
  );
  const check = (
    column: string | null,
    metric: string,
    warn: string | null,
    fail: string | null,
  ) => ({
    column,
    metric,
    warn: warn === null ? null : parseComparison(warn),
    fail: fail === null ? null : parseComparison(fail),
  });
  const entry: RuleEntry = {
    ...COMMON,
    type: "profile_check",
    checks: [
      check("a", "null_percent", "> 5", "> 7.5"),
      check("a", "null_percent", "> 5", ">= 7.5"),
      check(null, "row_count", null, "between 0 and 4"),
      check("a", "min", null, "> 1"),
      check("b", "null_percent", null, "> 1"),
    ],
  };
  const found = await db.read(
    ruleSql({ inputs: ["profile.p" as NodeId], columns: [], entries: [entry] }),
  );
  assert.deepEqual(found.map(({ severity, status, detail }) => [severity, status, detail]), [
    ["warn", "failed", "a.null_percent is 7.5, to be looked at: > 5"],
    ["error", "failed", "a.null_percent is 7.5, which fails: >= 7.5"],
    ["error", "passed", null],
    ["error", "error", "the profile has no number for a.min"],
    ["error", "error", "the profile has no number for b.null_percent"],
  ]);
});

Deno.test("parseComparison() knows every threshold of the spec, and nothing else", () => {
  for (
    const [text, operator, numbers] of [
      ["> 1", ">", ["1"]],
      [">=1.5", ">=", ["1.5"]],
      ["< -2", "<", ["-2"]],
      ["<= .5", "<=", [".5"]],
      ["== 0", "=", ["0"]],
      ["!= 3", "<>", ["3"]],
      [" BETWEEN 0 and 10 ", "between", ["0", "10"]],
    ] as const
  ) {
    const found = parseComparison(text);
    assert.deepEqual([found?.operator, found?.numbers], [operator, numbers], text);
  }
  for (const text of ["", ">", "> x", "1", "=> 1", "> 1; DROP", "between 1", "> 1 OR 1=1"]) {
    assert.equal(parseComparison(text), null, text);
  }
});

Deno.test("parseAge() reads a number and a unit, and refuses everything else", () => {
  const seconds = ["30s", "30m", "24h", "7d", "2w", " 7 d "].map((text) => parseAge(text)?.seconds);
  assert.deepEqual(seconds, [30, 1_800, 86_400, 604_800, 1_209_600, 604_800]);
  for (const text of ["", "7", "d", "0d", "7 days", "-1d", "1.5h", "1234567d"]) {
    assert.equal(parseAge(text), null, text);
  }
});
