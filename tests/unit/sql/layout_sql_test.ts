import assert from "node:assert/strict";
import { layoutSql } from "../../../src/sql/layout_sql.ts";

Deno.test("layoutSql() puts clauses and list items on lines of their own", () => {
  assert.equal(
    layoutSql("SELECT a, sum(b, c) AS s FROM x LEFT JOIN y USING (id) WHERE a > 1 GROUP BY a"),
    [
      "SELECT a,",
      "sum(b, c) AS s",
      "FROM x",
      "LEFT JOIN y USING (id)",
      "WHERE a > 1",
      "GROUP BY a",
    ].join("\n"),
  );
});

Deno.test("layoutSql() indents a query in parentheses", () => {
  assert.equal(
    layoutSql("WITH t AS (SELECT a, b FROM x) SELECT a FROM t"),
    ["WITH t AS (", "  SELECT a,", "  b", "  FROM x", ")", "SELECT a", "FROM t"].join("\n"),
  );
});

Deno.test("layoutSql() does not break at words in strings, quoted names or calls", () => {
  for (const sql of ["SELECT 'a, from b'", 'SELECT "x, where"', "SELECT left(a, 2)"]) {
    assert.equal(layoutSql(sql), sql);
  }
});

Deno.test("layoutSql() drops and adds nothing but white space", () => {
  const squeeze = (text: string) => text.replace(/\s+/g, "");
  for (
    const sql of [
      "SELECT a FROM (SELECT (1 + (2)) AS a FROM (VALUES (1), (2)) AS t(a)) WHERE a IN (SELECT b FROM c)",
      "SELECT a, CASE WHEN (b) THEN 'x)' ELSE (SELECT max(c) FROM d) END FROM e UNION ALL (SELECT 1)",
      "SELECT (((a))) FROM x WHERE ((a = 1) AND (b = 2)) ORDER BY a LIMIT 3",
    ]
  ) assert.equal(squeeze(layoutSql(sql)), squeeze(sql));
});
