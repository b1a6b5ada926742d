import assert from "node:assert/strict";
import type { QueryShape } from "../../../src/model/manifest.ts";
import { isVolatile } from "../../../src/shape/functions.ts";
import { parsePlan } from "../../../src/shape/logical_plan.ts";
import { shapeOfPlan } from "../../../src/shape/query_shape.ts";
import { openSession } from "../../../src/engine/registry.ts";
import { TestBinder } from "../../support/binding.ts";

const NODES = {
  "source.src": { id: "INTEGER", email: "VARCHAR", amount: "INTEGER", tags: "VARCHAR[]" },
  "source.other": { id: "INTEGER", label: "VARCHAR", amount: "INTEGER" },
};

async function shapes(...queries: string[]): Promise<QueryShape[]> {
  await using binder = await TestBinder.open(NODES);
  const result: QueryShape[] = [];
  for (const [i, sql] of queries.entries()) {
    result.push((await binder.bind(sql, `transform.t${i}`)).shape);
  }
  return result;
}

/** What a shape promises: rows, order and the meaning of every column. */
function meaning({ rows, order, columns }: QueryShape): unknown {
  return [rows, order, columns.map(({ name, expression }) => [name, expression])];
}

const SAME: Readonly<Record<string, readonly [string, string]>> = {
  "predicates in another place": [
    "SELECT s.id FROM source.src s JOIN source.other o ON s.id = o.id WHERE o.amount > 1",
    "SELECT s.id FROM source.other o, source.src s WHERE o.id = s.id AND o.amount > 1",
  ],
  "a correlated subquery and a join with its groups": [
    "SELECT id, (SELECT max(amount) FROM source.other o WHERE o.id = s.id) AS m FROM source.src s",
    "SELECT s.id, m FROM source.src s, LATERAL (SELECT max(amount) AS m FROM source.other o WHERE o.id = s.id)",
  ],
  "an unused common table expression": [
    "SELECT id FROM source.src",
    "WITH unused AS (SELECT * FROM source.other) SELECT id FROM source.src",
  ],
  "DISTINCT and GROUP BY": [
    "SELECT DISTINCT id, email FROM source.src",
    "SELECT id, email FROM source.src GROUP BY ALL",
  ],
};

for (const [what, [a, b]] of Object.entries(SAME)) {
  Deno.test(`shapeOfPlan() sees the same meaning in ${what}`, async () => {
    const [first, second] = await shapes(a, b);
    assert.notEqual(first!.lineage, null);
    assert.deepEqual(meaning(first!), meaning(second!));
  });
}

const DIFFERENT: Readonly<Record<string, readonly [string, string]>> = {
  "NOT IN and NOT EXISTS": [
    "SELECT id FROM source.src s WHERE id NOT IN (SELECT id FROM source.other)",
    "SELECT id FROM source.src s WHERE NOT EXISTS (SELECT 1 FROM source.other o WHERE o.id = s.id)",
  ],
  "EXCEPT and EXCEPT ALL": [
    "SELECT id FROM source.src EXCEPT SELECT id FROM source.other",
    "SELECT id FROM source.src EXCEPT ALL SELECT id FROM source.other",
  ],
  "large constants that are one double": [
    "SELECT id FROM source.src WHERE id = 9007199254740992",
    "SELECT id FROM source.src WHERE id = 9007199254740993",
  ],
  "the two sides of a self join": [
    "SELECT a.email FROM source.src a JOIN source.src b ON a.id = b.amount",
    "SELECT b.email FROM source.src a JOIN source.src b ON a.id = b.amount",
  ],
  "two rows of a recursion joined to each other": [
    "WITH RECURSIVE t(n, p) AS (SELECT 1, 2 UNION ALL SELECT n + 1, p FROM t WHERE n < 5) SELECT a.n FROM t a JOIN t b ON a.n = b.p",
    "WITH RECURSIVE t(n, p) AS (SELECT 1, 2 UNION ALL SELECT n + 1, p FROM t WHERE n < 5) SELECT b.n FROM t a JOIN t b ON a.n = b.p",
  ],
  "a value below and above an outer join": [
    "SELECT s.id, coalesce(o.amount, 0) AS a FROM source.src s LEFT JOIN source.other o ON s.id = o.id",
    "SELECT s.id, o.a FROM source.src s LEFT JOIN (SELECT id, coalesce(amount, 0) AS a FROM source.other) o ON s.id = o.id",
  ],
};

for (const [what, [a, b]] of Object.entries(DIFFERENT)) {
  Deno.test(`shapeOfPlan() tells apart ${what}`, async () => {
    const [first, second] = await shapes(a, b);
    assert.notEqual(first!.lineage, null, first!.untraced);
    assert.notDeepEqual(meaning(first!), meaning(second!));
  });
}

Deno.test("shapeOfPlan() names what a column is computed from and what decides the rows", async () => {
  const [shape] = await shapes(
    "SELECT o.label, sum(s.amount) AS total, count(*) AS n FROM source.src s JOIN source.other o USING (id) WHERE s.email IS NOT NULL GROUP BY o.label",
  );
  assert.deepEqual(shape!.lineage, {
    columns: { label: { "source.other": ["label"] }, total: { "source.src": ["amount"] }, n: {} },
    rows: { "source.other": ["id", "label"], "source.src": ["email", "id"] },
    order: {},
  });
});

Deno.test("shapeOfPlan() leaves what only a new column reads out of the rows", async () => {
  const [plain, more] = await shapes(
    "SELECT id FROM source.src",
    "SELECT id, (SELECT count(*) FROM source.other) AS n FROM source.src",
  );
  assert.equal(plain!.rows, more!.rows);
  assert.equal(plain!.columns[0]!.expression, more!.columns[0]!.expression);
  assert.deepEqual(more!.lineage!.columns["n"], { "source.other": [] });
});

const UNSTABLE: readonly [sql: string, columns: string, rows: boolean][] = [
  ["SELECT id, row_number() OVER (ORDER BY amount) AS x FROM source.src", "x", false],
  ["SELECT id, rank() OVER (ORDER BY amount) AS x FROM source.src", "", false],
  [
    "SELECT id, sum(amount) OVER (ORDER BY amount ROWS 1 PRECEDING) AS x FROM source.src",
    "x",
    false,
  ],
  ["SELECT id, sum(amount) OVER (ORDER BY amount) AS x FROM source.src", "", false],
  [
    "SELECT id, row_number() OVER (ORDER BY id) AS x FROM (SELECT id FROM source.src GROUP BY id)",
    "",
    false,
  ],
  ["SELECT id, list(amount) AS x FROM source.src GROUP BY id", "x", false],
  ["SELECT id, list(amount ORDER BY amount) AS x FROM source.src GROUP BY id", "", false],
  ["SELECT id, string_agg(email, ',' ORDER BY id) AS x FROM source.src GROUP BY id", "x", false],
  ["SELECT id, random() AS x FROM source.src", "x", false],
  ["SELECT id FROM source.src ORDER BY id LIMIT 3", "", true],
  ["SELECT id FROM source.src GROUP BY id ORDER BY id LIMIT 3", "", false],
  ["SELECT DISTINCT ON (id) id, email AS x FROM source.src ORDER BY id, amount", "x", false],
  ["SELECT id, EXISTS (SELECT 1 FROM source.other) AS x FROM source.src", "", false],
];

for (const [sql, columns, rows] of UNSTABLE) {
  Deno.test(`shapeOfPlan() says what another run may give otherwise: ${sql}`, async () => {
    const [shape] = await shapes(sql);
    const unstable = shape!.columns.filter((column) => column.unstable).map(({ name }) => name);
    assert.equal(unstable.join(), columns);
    assert.equal(shape!.unstable_rows === true, rows);
  });
}

Deno.test("shapeOfPlan() cannot tell about a plan with an operator it does not know", () => {
  const plan = { error: false, plans: [{ type: "LOGICAL_NOVELTY", children: [] }] };
  const result = shapeOfPlan(JSON.stringify(plan), [{ name: "a", type: "INTEGER" }]);
  assert.equal(result.type, "shape");
  const { shape } = result as { shape: QueryShape };
  assert.equal(shape.lineage, null);
  assert.equal(shape.untraced, "LOGICAL_NOVELTY");
  assert.deepEqual(shape.columns, [{ name: "a", type: "INTEGER", expression: null }]);
});

Deno.test("shapeOfPlan() cannot tell about an operator with a part it does not know", async () => {
  await using session = await openSession({ threads: 1, allowedDirs: [] });
  const { rows } = await session.read("SELECT json_serialize_plan('SELECT 1 AS a')");
  const plan = JSON.parse(String(rows[0]![0]));
  plan.plans[0].novelty = true;
  const result = shapeOfPlan(JSON.stringify(plan), [{ name: "a", type: "INTEGER" }]);
  assert.equal((result as { shape: QueryShape }).shape.untraced, "LOGICAL_PROJECTION with novelty");
});

Deno.test("parsePlan() keeps whole numbers that a double cannot hold", () => {
  const { a, b } = parsePlan('{"a": 9007199254740993, "b": 12}');
  assert.equal(a, "9007199254740993");
  assert.equal(b, 12);
});

Deno.test("isVolatile() knows every function that DuckDB calls volatile or bound to the query", async () => {
  await using session = await openSession({ threads: 1, allowedDirs: [] });
  const { rows } = await session.read(
    "SELECT DISTINCT function_name FROM duckdb_functions() " +
      "WHERE function_type IN ('scalar', 'aggregate') AND stability <> 'CONSISTENT' ORDER BY 1",
  );
  const unknown = rows.map(([name]) => String(name)).filter((name) => !isVolatile(name, 0));
  // error() gives nothing that could differ.
  assert.deepEqual(unknown, ["error"]);
});

Deno.test("constant arguments show in the serialised plan of every function that is called with some", async () => {
  const [a, b] = ["'a'", "'b'"];
  const calls = [
    (x: string) => `replace(email, ${x}, 'z')`,
    (x: string) => `regexp_matches(email, ${x})`,
    (x: string) => `strftime(DATE '2026-01-01' + id, ${x})`,
    (x: string) => `string_agg(email, ${x})`,
    (x: string) => `list_contains(tags, ${x})`,
    (x: string) => `json_extract(email, ${x})`,
    (x: string) => `position(${x} IN email)`,
    (x: string) => `email LIKE ${x}`,
    (x: string) => `quantile_cont(amount, ${x === a ? "0.1" : "0.2"})`,
    (x: string) => `date_trunc(${x === a ? "'month'" : "'year'"}, DATE '2026-01-01' + id)`,
    (x: string) => `date_part(${x === a ? "'month'" : "'year'"}, DATE '2026-01-01' + id)`,
    (x: string) => `round(amount / 3, ${x === a ? "1" : "2"})`,
    (x: string) => `list_aggregate(tags, ${x === a ? "'min'" : "'max'"})`,
    (x: string) => `list_transform(tags, t -> t || ${x})`,
  ];
  const queries = calls.flatMap((call) =>
    [a, b].map((x) => `SELECT ${call(x)} AS c FROM source.src`)
  );
  const found = await shapes(...queries);
  for (let i = 0; i < found.length; i += 2) {
    assert.notEqual(
      found[i]!.columns[0]!.expression,
      found[i + 1]!.columns[0]!.expression,
      queries[i],
    );
  }
});

Deno.test("shapeOfPlan() takes time in proportion to what is nested: CASE in CASE, and expressions used twice", async () => {
  const nested = Array.from({ length: 60 }, (_, i) => `CASE WHEN id = ${i} THEN ${i} ELSE `).join(
    "",
  );
  const doubled = Array.from(
    { length: 40 },
    (_, i) => `c${i + 1} AS (SELECT x + x AS x FROM c${i})`,
  );
  const joined = Array.from(
    { length: 14 },
    (_, i) => `c${i + 1} AS (SELECT a.x FROM c${i} a JOIN c${i} b ON a.x = b.x)`,
  );
  const queries = [
    `SELECT ${nested} 0 ${"END ".repeat(60)} AS c FROM source.src`,
    `WITH c0 AS (SELECT id AS x FROM source.src), ${doubled.join(", ")} SELECT x FROM c40`,
    `WITH c0 AS (SELECT id AS x FROM source.src), ${joined.join(", ")} SELECT x FROM c14`,
  ];
  for (const shape of await shapes(...queries)) {
    assert.notEqual(shape.lineage, null, shape.untraced);
  }
});
