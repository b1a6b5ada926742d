import assert from "node:assert/strict";
import type { Scalar } from "../../../src/base/field_reader.ts";
import { findRefs, placeOfRef, resolveQuery } from "../../../src/sql/resolve_query.ts";

const INPUTS = ["source.orders", "transform.users"];

function resolve(
  sql: string,
  inputs: readonly string[] = INPUTS,
  params: Record<string, Scalar> = {},
) {
  return resolveQuery(sql, { inputs, params });
}

/** The resolved text of SQL without problems. */
function resolved(...args: Parameters<typeof resolve>): string {
  const { sql, problems } = resolve(...args);
  assert.deepEqual(problems, []);
  return sql;
}

for (
  const form of [
    "ref('source.orders')",
    'ref("source.orders")',
    "REF('source.orders')",
    "ref ( 'source.orders' )",
    "ref('  source.orders ')",
    "ref(\n'source.orders'\n)",
    "input_0",
    "INPUT_0",
  ]
) {
  Deno.test(`resolveQuery() reads ${JSON.stringify(form)} as the first input`, () => {
    assert.equal(resolved(`SELECT * FROM ${form} AS o`), 'SELECT * FROM "source"."orders" AS o');
  });
}

Deno.test("resolveQuery() reads input_1 as the second input, also in front of a column", () => {
  assert.equal(
    resolved("SELECT input_1.id FROM input_1"),
    'SELECT "transform"."users".id FROM "transform"."users"',
  );
});

Deno.test("resolveQuery() reads __THIS__ as the only input and refuses it with two", () => {
  assert.equal(resolved("FROM __THIS__", ["source.a"]), 'FROM "source"."a"');
  for (const inputs of [[], INPUTS]) {
    const { problems } = resolve("SELECT 1\nFROM __THIS__", inputs);
    assert.deepEqual(problems.map(({ code, line, column }) => [code, line, column]), [
      ["unknown_input", 2, 6],
    ]);
  }
});

Deno.test("resolveQuery() leaves names alone that only look like inputs", () => {
  for (
    const sql of [
      "SELECT 1 AS input_0",
      "SELECT 1 AS /* c */ input_0",
      "SELECT t.input_0 FROM t",
      'SELECT "input_0" FROM t',
      "SELECT input_0x, xinput_0, ref FROM t",
      "SELECT ref(1), ref(a), t.ref",
    ]
  ) assert.equal(resolved(sql), sql);
});

Deno.test("resolveQuery() leaves strings and comments alone", () => {
  for (
    const sql of [
      "SELECT 'ref(''source.orders'') input_0 __THIS__'",
      "SELECT 1 -- ref('source.nope') input_9 __THIS__ {{ nope }}",
      "SELECT 1 /* ref('source.nope') {{ nope }} */",
      "SELECT $$ input_0 $$",
    ]
  ) assert.equal(resolved(sql), sql);
});

Deno.test("resolveQuery() fills parameters in code, strings and quoted names", () => {
  const params = { n: 3, status: "paid", none: null, yes: true };
  assert.equal(
    resolved("SELECT {{ n }}, '{{status}}-x', \"c_{{ n }}\", {{none}}, {{yes}}", [], params),
    "SELECT 3, 'paid-x', \"c_3\", NULL, true",
  );
});

Deno.test("resolveQuery() keeps a quote in a parameter inside the string it stands in", () => {
  assert.equal(resolved("SELECT '{{ name }}'", [], { name: "O'Hara" }), "SELECT 'O''Hara'");
});

Deno.test("resolveQuery() resolves inputs that a parameter names", () => {
  assert.equal(
    resolved("FROM ref('{{ t }}')", INPUTS, { t: "source.orders" }),
    'FROM "source"."orders"',
  );
});

Deno.test("resolveQuery() reports an unknown parameter at its place", () => {
  const { problems } = resolve("SELECT 1,\n  {{ stauts }}", [], { status: 1 });
  assert.deepEqual(problems.map(({ code, line, column }) => [code, line, column]), [
    ["unknown_param", 2, 3],
  ]);
  assert.match(problems[0]!.hint!, /status/);
  assert.equal(resolve("SELECT {{ constructor }}").problems.length, 1);
});

Deno.test("resolveQuery() says what to write in place of a call in braces", () => {
  const hint = (sql: string) => resolve(sql).problems[0]?.hint ?? "";
  assert.match(hint("FROM {{ ref('orders') }}"), /without braces, with the kind: FROM ref\(/);
  assert.match(hint("FROM {{ source('raw', 'orders') }}"), /without braces: FROM ref\(/);
  assert.match(hint("{{ config(materialized='table') }} SELECT 1"), /YAML/);
  assert.match(hint("SELECT {{ var('start') }}"), /--params/);
  assert.match(hint("SELECT {{ my_macro(1) }}"), /no macros/);
  assert.match(hint("SELECT {{ start }}"), /params: \{start: …\}/);
});

Deno.test("resolveQuery() reports undeclared and out-of-range inputs, all of them", () => {
  const { problems } = resolve("SELECT * FROM ref('source.order')\nJOIN input_2");
  assert.deepEqual(problems.map(({ code, line, column }) => [code, line, column]), [
    ["undeclared_input", 1, 15],
    ["unknown_input", 2, 6],
  ]);
  assert.match(problems[0]!.hint!, /source\.orders/);
});

Deno.test("resolveQuery() reports places in the text as written, behind a longer parameter", () => {
  const { problems } = resolve("SELECT {{ n }}, * FROM ref('x.y')", [], { n: "a\nlong\nvalue" });
  assert.deepEqual([problems[0]!.line, problems[0]!.column], [1, 24]);
});

Deno.test("ResolvedQuery.original() maps places back through inputs and parameters", () => {
  const raw = "SELECT {{ n }},\n  nope\nFROM ref('source.orders') AS o WHERE bad";
  const { sql, original } = resolve(raw, INPUTS, { n: 123456789 });
  const place = (text: string, word: string) => {
    const before = text.slice(0, text.indexOf(word));
    return { line: before.split("\n").length, column: before.length - before.lastIndexOf("\n") };
  };
  for (const word of ["SELECT", "nope", "FROM", "AS o", "WHERE", "bad"]) {
    const { line, column } = place(sql, word);
    assert.deepEqual(original(line, column), place(raw, word), word);
  }
  const inside = place(sql, "orders");
  assert.deepEqual(original(inside.line, inside.column), place(raw, "ref("));
});

Deno.test("ResolvedQuery.original() maps places behind a parameter of several lines", () => {
  const { sql, original } = resolve("SELECT {{ list }}, nope\nFROM x", [], { list: "1,\n2" });
  assert.equal(sql, "SELECT 1,\n2, nope\nFROM x");
  assert.deepEqual(original(2, 4), { line: 1, column: 20 });
  assert.deepEqual(original(3, 6), { line: 2, column: 6 });
});

Deno.test("findRefs() names each ref() of the code once, in order", () => {
  const sql =
    "SELECT 'ref(''a.x'')' FROM ref('b.y') JOIN ref(\"a.x\") JOIN ref('b.y') -- ref('c.z')";
  assert.deepEqual(findRefs(sql), ["b.y", "a.x"]);
});

Deno.test("placeOfRef() finds the call itself, not its like in strings and comments", () => {
  const sql = "SELECT 'ref(''a.b'')' AS x -- ref('a.b')\nFROM ref('a.c')\n  JOIN ref( 'a.b' ) AS b";
  assert.deepEqual(placeOfRef(sql, "a.b"), { line: 3, column: 8 });
  assert.equal(placeOfRef(sql, "a.d"), null);
});
