import assert from "node:assert/strict";
import { queryBody, queryProblem, tableNameParts } from "../../../src/postgres/query_text.ts";

Deno.test("tableNameParts: folds plain names and keeps quoted ones", () => {
  assert.deepEqual(tableNameParts("Shop.Orders"), ["shop", "orders"]);
  assert.deepEqual(tableNameParts('"Shop"."a ""b"" . c"'), ["Shop", 'a "b" . c']);
  assert.deepEqual(tableNameParts(" orders "), ["orders"]);
  assert.deepEqual(tableNameParts("a.b.c"), ["a", "b", "c"]);
  assert.deepEqual(tableNameParts("zażółć_1$"), ["zażółć_1$"]);
});

Deno.test("tableNameParts: null for what is no name", () => {
  for (const text of ["", "a.", ".a", "a b", "1a", '"a', '""', "a;b", "a--b", "a..b"]) {
    assert.equal(tableNameParts(text), null, text);
  }
});

Deno.test("queryProblem: null for one query, whatever is in its quotes and comments", () => {
  for (
    const query of [
      "SELECT 1",
      "  -- why\n /* a /* nested */ ; */ with x as (select 1) select * from x ; ",
      "select ';', ')', 'it''s', E'\\';', \"a;)\", $$ ; ) $$, $t$ $$ ; $t$",
      "select a$b$c, '--', '/*' from t",
      "select(1)",
      "SELECT update_time, delete, inserted FROM t",
      "SELECT 'delete from t'",
    ]
  ) {
    assert.equal(queryProblem(query), null, query);
  }
});

Deno.test("queryProblem: says what is wrong", () => {
  const cases: [string, RegExp][] = [
    ["", /empty/],
    ["-- nothing", /empty/],
    ["DELETE FROM t", /start with SELECT/],
    ["selection", /start with SELECT/],
    ["EXPLAIN SELECT 1", /start with SELECT/],
    ["SELECT 1; SELECT 2", /one statement/],
    ["SELECT 1;;", /one statement/],
    ["SELECT 1) x, (SELECT 2", /parentheses/],
    ["SELECT (1", /parentheses/],
    ["SELECT 'a", /never closed/],
    ["SELECT $x$ a $y$", /never closed/],
    ["SELECT /* /* */ 1", /never closed/],
    ["WITH d AS (DELETE /* x */ FROM t RETURNING *) SELECT 1", /must not write: DELETE FROM/],
    ["WITH d AS (UPDATE t SET a = 1) SELECT 1", /must not write/],
    ["SELECT E'\\'' ; SELECT 2", /one statement/],
  ];
  for (const [query, message] of cases) assert.match(queryProblem(query) ?? "", message, query);
});

Deno.test("queryBody: takes the last semicolon off, and comments behind it", () => {
  assert.equal(queryBody("SELECT ';'"), "SELECT ';'");
  assert.equal(queryBody("SELECT 1 ; -- end"), "SELECT 1 ");
  assert.equal(queryBody("SELECT 1 -- end;"), "SELECT 1 -- end;");
});
