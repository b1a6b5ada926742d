import assert from "node:assert/strict";
import { guardDivisions } from "../../../src/semantic/guard_divisions.ts";
import { commonGrain, keepsPeriods, nests, parseSpan } from "../../../src/semantic/grain.ts";
import { refId } from "../../../src/nodes/ref_id.ts";
import { strangeNames } from "../../../src/semantic/metric_tree.ts";
import { expressionProblem, ident, replaceNames } from "../../../src/semantic/sql_text.ts";

Deno.test("ident() puts only those names in quotes that need them", () => {
  assert.deepEqual(["total", "order_date", "order", "Total", "a b", 'x"y'].map(ident), [
    "total",
    "order_date",
    '"order"',
    '"Total"',
    '"a b"',
    '"x""y"',
  ]);
});

Deno.test("expressionProblem() lets nothing through that could end the expression", () => {
  assert.equal(expressionProblem("CASE WHEN a = ';--' THEN (b) ELSE c END"), null);
  for (
    const sql of ["a; DROP TABLE x", "a -- b", "a /* b", "a) FROM x WHERE (b", "(a", " ", "{{ x }}"]
  ) {
    assert.ok(expressionProblem(sql) !== null, sql);
  }
});

Deno.test("replaceNames() finds names, and no functions, types, texts and new names", () => {
  const sql =
    `date(date) = date '2024-01-01' AND x::date > "date" AND customers.date = 'date' AND cast(y AS date)`;
  assert.equal(
    replaceNames(sql, ({ name }) => name === "date" || name === "customers.date" ? "D" : null),
    `date(D) = date '2024-01-01' AND x::date > D AND D = 'date' AND cast(y AS date)`,
  );
});

Deno.test("guardDivisions() makes every divisor NULL instead of zero", () => {
  const cases: [string, string][] = [
    ["a / b", "a / nullif(b, 0)"],
    ["a / b / c", "a / nullif(b, 0) / nullif(c, 0)"],
    ["a/(b - c / d)", "a/ nullif((b - c / nullif(d, 0)), 0)"],
    ["a // coalesce(b, 0) * 2", "a // nullif(coalesce(b, 0), 0) * 2"],
    ["a % b", "a % nullif(b, 0)"],
    ["a / 100", "a / 100"],
    ["'a / b'", "'a / b'"],
  ];
  for (const [sql, guarded] of cases) assert.equal(guardDivisions(sql), guarded);
});

Deno.test("strangeNames() finds what is no input of a derived metric", () => {
  assert.deepEqual(strangeNames("CASE WHEN a > 0 THEN round(a / b, 2) END", ["a", "b"]), []);
  assert.deepEqual(strangeNames("a / total + orders.x", ["a"]), ["total", "orders.x"]);
});

Deno.test("parseSpan() reads lengths of time as people write them", () => {
  assert.deepEqual(parseSpan("7 days"), { count: 7, unit: "day" });
  assert.deepEqual(parseSpan("previous month"), { count: 1, unit: "month" });
  assert.deepEqual(parseSpan("-1 Year"), { count: 1, unit: "year" });
  for (const text of ["", "0 days", "month 2", "1.5 days", "1 decade"]) {
    assert.equal(parseSpan(text), null);
  }
});

Deno.test("periods nest, and steps keep them, where the calendar says so", () => {
  assert.ok(
    nests("day", "week") && nests("month", "year") && !nests("week", "month") &&
      !nests("year", "month"),
  );
  assert.equal(commonGrain("week", "month"), "day");
  assert.equal(commonGrain("quarter", "month"), "month");
  assert.ok(keepsPeriods({ count: 3, unit: "month" }, "quarter"));
  assert.ok(!keepsPeriods({ count: 1, unit: "month" }, "quarter"));
  assert.ok(!keepsPeriods({ count: 1, unit: "month" }, "week"));
  assert.ok(keepsPeriods({ count: 14, unit: "day" }, "week"));
  assert.ok(!keepsPeriods({ count: 7, unit: "day" }, "month"));
});

Deno.test("refId() takes ref() off and no letter of the name", () => {
  for (const text of ["ref('transform.fer')", ' ref( "transform.fer" ) ', "transform.fer"]) {
    assert.equal(refId(text), "transform.fer");
  }
});
