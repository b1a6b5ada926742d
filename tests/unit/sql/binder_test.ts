import assert from "node:assert/strict";
import type { NodeId } from "../../../src/model/ids.ts";
import { TestBinder } from "../../support/binding.ts";
import { TempDir } from "../../support/temp_dir.ts";

const NODES = {
  "source.src": { id: "INTEGER", email: "VARCHAR", amount: "DECIMAL(10,2)", big: "BIGINT" },
  "source.other": { id: "INTEGER", label: "VARCHAR" },
};

async function types(sql: string): Promise<string[]> {
  await using binder = await TestBinder.open(NODES);
  const { shape } = await binder.bind(sql);
  return shape.columns.map(({ name, type }) => `${name} ${type}`);
}

Deno.test("Binder.bind() finds columns and types without a row", async () => {
  assert.deepEqual(await types("SELECT id, email AS mail, amount * 2 AS twice FROM source.src"), [
    "id INTEGER",
    "mail VARCHAR",
    "twice DECIMAL(18,2)",
  ]);
  assert.deepEqual(await types("SELECT * FROM source.other JOIN source.src USING (id) LIMIT 0"), [
    "id INTEGER",
    "label VARCHAR",
    "email VARCHAR",
    "amount DECIMAL(10,2)",
    "big BIGINT",
  ]);
});

Deno.test("Binder.bind() gives the type that Parquet keeps, and readers see that type", async () => {
  assert.deepEqual(await types("SELECT sum(big) AS s FROM source.src"), ["s DECIMAL(38,0)"]);
  await using binder = await TestBinder.open(NODES);
  await binder.bind("SELECT sum(big) AS s FROM source.src", "transform.a");
  const { shape } = await binder.bind("SELECT s, typeof(s) AS t FROM transform.a", "transform.b");
  assert.equal(shape.columns[0]!.type, "DECIMAL(38,0)");
});

Deno.test("Binder.bind() binds many queries at once and keeps their order", async () => {
  await using binder = await TestBinder.open(NODES);
  const requests = Array.from({ length: 120 }, (_, i) => ({
    id: `transform.t${i}` as NodeId,
    sql: i === 60 ? "SELECT nope FROM source.src" : `SELECT ${i} AS c${i} FROM source.src`,
  }));
  const results = await binder.binder.bind(requests);
  results.forEach((result, i) => {
    assert.equal(result.ok, i !== 60);
    if (result.ok) assert.equal(result.bound.shape.columns[0]!.name, `c${i}`);
  });
});

Deno.test("Binder.bind() lists the relations that a query reads", async () => {
  await using binder = await TestBinder.open(NODES);
  const { relations } = await binder.bind(
    "WITH w AS (SELECT * FROM source.src) SELECT * FROM w WHERE id IN (SELECT id FROM source.other)",
  );
  assert.deepEqual([...relations!].sort(), ["source.other", "source.src"]);
});

Deno.test("Binder.bind() places an unknown column at its line and column, with candidates", async () => {
  await using binder = await TestBinder.open(NODES);
  const error = await binder.refuse("SELECT id,\n  emial\nFROM source.src");
  assert.equal(error.category, "Binder");
  assert.deepEqual(error.position, { line: 2, column: 3 });
  assert.ok(error.candidates.some((candidate) => candidate.endsWith("email")));
});

Deno.test("Binder.bind() places a syntax error on the first line on the first line", async () => {
  await using binder = await TestBinder.open(NODES);
  const error = await binder.refuse("SELEC id FROM source.src");
  assert.equal(error.category, "Parser");
  assert.equal(error.position?.line, 1);
});

Deno.test("Binder.bind() says of a query that breaks off where it ends, not what stands behind it", async () => {
  await using binder = await TestBinder.open(NODES);
  const error = await binder.refuse("SELECT id\nFROM source.src WHERE\n");
  assert.equal(error.message, "syntax error: the query ends too early");
  assert.deepEqual(error.position, { line: 2, column: 22 });
});

Deno.test("Binder.bind() refuses a join that an added column makes ambiguous", async () => {
  await using binder = await TestBinder.open(NODES);
  const error = await binder.refuse("SELECT id FROM source.src, source.other");
  assert.match(error.message, /[Aa]mbiguous/);
});

for (
  const reader of [
    "read_csv('FILE')",
    "'FILE'",
    "read_text('FILE')",
    "glob('FILE')",
    "read_parquet('FILE')",
  ]
) {
  Deno.test(`Binder.bind() refuses FROM ${reader}: a node reads declared inputs only`, async () => {
    using dir = new TempDir();
    const file = dir.write("a.csv", "x\n1\n");
    await using binder = await TestBinder.open(NODES);
    const error = await binder.refuse(`SELECT * FROM ${reader.replace("FILE", file)}`);
    assert.equal(error.category, "Permission", error.message);
  });
}

for (
  const sql of [
    "SELECT 1 AS a; SELECT 2 AS a",
    "SELECT 1 AS a; DROP TABLE source.src",
    "SELECT 1 AS a;; -- x\n; SELECT 2",
  ]
) {
  Deno.test(`Binder.bind() refuses several statements: ${JSON.stringify(sql)}`, async () => {
    await using binder = await TestBinder.open(NODES);
    const error = await binder.refuse(sql);
    assert.match(error.message, /one SELECT/);
    await binder.bind("SELECT id FROM source.src");
  });
}

Deno.test("Binder.bind() says of a MODEL block what stands in its place", async () => {
  await using binder = await TestBinder.open(NODES);
  const error = await binder.refuse("MODEL (name a.b, kind FULL);\nSELECT 1 AS a");
  assert.match(error.message, /no MODEL block: write its fields as YAML/);
});

for (
  const sql of [
    "",
    "  \n",
    "-- nothing",
    ";",
    "DROP TABLE source.src",
    "CREATE TABLE x AS SELECT 1",
    "SET threads = 1",
    "ATTACH 'x.db'",
    "COPY source.src TO 'x.csv'",
    "INSERT INTO source.src VALUES (1)",
  ]
) {
  Deno.test(`Binder.bind() refuses ${JSON.stringify(sql)}: a node is a query`, async () => {
    await using binder = await TestBinder.open(NODES);
    await binder.refuse(sql);
    await binder.bind("SELECT id FROM source.src");
  });
}

Deno.test("Binder.bind() accepts a semicolon at the end, and one in a string", async () => {
  assert.deepEqual(await types("SELECT ';' AS a;\n"), ["a VARCHAR"]);
});

Deno.test("Binder.bind() accepts a comment at the end, also behind the semicolon", async () => {
  assert.deepEqual(await types("SELECT 1 AS a -- last"), ["a INTEGER"]);
  assert.deepEqual(await types("SELECT 1 AS a; -- last\n"), ["a INTEGER"]);
});

Deno.test("Binder.bind() refuses PIVOT without IN and binds one with IN", async () => {
  await using binder = await TestBinder.open(NODES);
  const error = await binder.refuse("PIVOT source.src ON email USING sum(amount) GROUP BY id");
  assert.match(error.message, /PIVOT without IN/);
  assert.deepEqual(error.position, { line: 1, column: 1 });
  const { shape } = await binder.bind(
    "PIVOT source.src ON email IN ('a', 'b') USING sum(amount) GROUP BY id",
  );
  assert.deepEqual(shape.columns.map(({ name }) => name), ["id", "a", "b"]);
});

Deno.test("Binder.bind() refuses PIVOT without IN also where IN stands elsewhere in the query", async () => {
  await using binder = await TestBinder.open(NODES);
  const error = await binder.refuse(
    "SELECT * FROM (PIVOT source.src ON email USING sum(amount) GROUP BY id) WHERE id IN (1, 2)",
  );
  assert.match(error.message, /PIVOT/);
});

Deno.test("Binder.bind() refuses a column that Parquet cannot hold, by name", async () => {
  await using binder = await TestBinder.open(NODES);
  const error = await binder.refuse("SELECT union_value(a := 1) AS u");
  assert.match(error.message, /"u"/);
});

Deno.test("Binder.bind() refuses a struct without field names, which no table can hold", async () => {
  await using binder = await TestBinder.open(NODES);
  for (const sql of ["SELECT row(1, 2) AS r", "SELECT row(1::HUGEINT, 2) AS r"]) {
    assert.match((await binder.refuse(sql)).message, /"r"/);
  }
});

Deno.test("Binder.bind() keeps the names of struct fields that look like types", async () => {
  assert.deepEqual(await types("SELECT {'TIMESTAMP_S': 1, 'x': 2::HUGEINT} AS s"), [
    "s STRUCT(TIMESTAMP_S INTEGER, x DECIMAL(38,0))",
  ]);
});

const BASE = "SELECT id, amount::INTEGER AS n FROM source.src WHERE amount > 0";

for (
  const [what, sql] of [
    ["white space", "SELECT id,\n\tamount::INTEGER AS n\nFROM source.src\nWHERE amount > 0\n"],
    ["keyword case", "select id, amount::integer as n from source.src where amount > 0"],
    ["comments", "/* hi */ SELECT id, amount::INTEGER AS n -- n\nFROM source.src WHERE amount > 0"],
    ["parentheses", "SELECT id, (amount)::INTEGER AS n FROM source.src WHERE ((amount > 0))"],
    ["CAST for ::", "SELECT id, CAST(amount AS INTEGER) AS n FROM source.src WHERE amount > 0"],
    [
      "quotes around names",
      'SELECT "id", amount::INTEGER AS "n" FROM "source"."src" WHERE amount > 0',
    ],
    ["a semicolon", `${BASE} ;`],
  ] as const
) {
  Deno.test(`Binder.bind() gives the same hash for another spelling: ${what}`, async () => {
    await using binder = await TestBinder.open(NODES);
    const [before, after] = [await binder.bind(BASE), await binder.bind(sql)];
    assert.equal(before.queryHash, after.queryHash);
    assert.deepEqual(before.shape, after.shape);
  });
}

for (
  const [what, sql] of [
    ["a literal", BASE.replace("> 0", "> 1")],
    ["an operator", BASE.replace("> 0", ">= 0")],
    ["a column", BASE.replace("SELECT id", "SELECT big")],
    ["a type", BASE.replace("INTEGER", "BIGINT")],
    ["an alias", BASE.replace("AS n", "AS m")],
    ["DISTINCT", BASE.replace("SELECT", "SELECT DISTINCT")],
    ["LIMIT", `${BASE} LIMIT 10`],
    ["the order of columns", BASE.replace("id, amount::INTEGER AS n", "amount::INTEGER AS n, id")],
    ["no WHERE", BASE.replace(" WHERE amount > 0", "")],
    ["TRY_CAST for ::", BASE.replace("amount::INTEGER", "TRY_CAST(amount AS INTEGER)")],
  ] as const
) {
  Deno.test(`Binder.bind() gives another hash for another meaning: ${what}`, async () => {
    await using binder = await TestBinder.open(NODES);
    assert.notEqual((await binder.bind(BASE)).queryHash, (await binder.bind(sql)).queryHash);
  });
}

Deno.test("Binder.bind() tells strings apart that differ in case, blanks or like its own JSON", async () => {
  await using binder = await TestBinder.open(NODES);
  const texts = ["a", "A", "a b", "a  b", "a--b", '"query_location":5', '"query_location":7'];
  const hashes = new Set<string>();
  for (const text of texts) hashes.add((await binder.bind(`SELECT '${text}' AS a`)).queryHash);
  assert.equal(hashes.size, texts.length);
});

Deno.test("Binder.bind() tells two PIVOTs apart that have no syntax tree", async () => {
  await using binder = await TestBinder.open(NODES);
  const pivot = (aggregate: string, blank = " ") =>
    binder.bind(`PIVOT source.src${blank}ON email IN ('a') USING ${aggregate}(amount) GROUP BY id`);
  const [sum, max, spaced] = [await pivot("sum"), await pivot("max"), await pivot("sum", "\n  ")];
  assert.notEqual(sum.queryHash, max.queryHash);
  assert.equal(sum.queryHash, spaced.queryHash);
});
