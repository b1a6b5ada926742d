import assert from "node:assert/strict";
import { COMPARE_DEFAULTS, compareOutputs } from "../../src/app/compare_outputs.ts";
import { UserError } from "../../src/base/user_error.ts";
import { quoteText } from "../../src/engine/quote.ts";
import { openSession } from "../../src/engine/registry.ts";
import type { Session } from "../../src/engine/session.ts";
import { TestHost } from "../support/host.ts";
import { makeProject, runSeeknal, type TempProject } from "../support/project.ts";
import { randomNumbers } from "../support/random.ts";
import { fileTree, makeShop, ok, transform } from "../support/shop.ts";
import { TempDir } from "../support/temp_dir.ts";

interface Rows {
  readonly full: { readonly count: number; readonly pct: number };
  readonly partial: Rows["full"];
  readonly source_only: Rows["full"];
  readonly target_only: Rows["full"];
}

interface NodeJson {
  readonly node: string;
  readonly source: { readonly name: string; readonly commit: string; readonly node: string };
  readonly target: NodeJson["source"];
  readonly identical: boolean;
  readonly mode: string;
  readonly on: readonly string[];
  readonly schema: Record<"added" | "removed" | "modified", readonly Record<string, string>[]>;
  readonly totals: { readonly source: number; readonly target: number };
  readonly rows: Rows;
  readonly columns: Readonly<Record<string, number | null>>;
  readonly differing: Readonly<Record<string, number>>;
  readonly key_faults: Record<"source" | "target", { duplicates: number; nulls: number }> | null;
  readonly samples: {
    readonly partial: readonly {
      readonly key: object;
      readonly source: object;
      readonly target: object;
      readonly differs: readonly string[];
    }[];
    readonly source_only: readonly object[];
    readonly target_only: readonly object[];
  };
}

interface DiffJson {
  readonly nodes: readonly NodeJson[];
  readonly same: readonly string[];
  readonly skipped: readonly { readonly node: string; readonly reason: string }[];
}

/** One node `t`, built from one query in production and from another in dev. */
async function twoStates(prod: string, dev: string): Promise<TempProject> {
  const project = makeProject({ "seeknal/t.yml": transform("t", [], prod) });
  await ok(project, "run");
  project.write("seeknal/t.yml", transform("t", [], dev));
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  return project;
}

/** The answer for the node `t`. */
async function diffOf(prod: string, dev: string, ...options: string[]): Promise<NodeJson> {
  using project = await twoStates(prod, dev);
  return await project.json<NodeJson>("table-diff", "prod:dev", "t", ...options);
}

function counts({ rows }: Pick<NodeJson, "rows">): number[] {
  const { full, partial, source_only, target_only } = rows;
  return [full, partial, source_only, target_only].map(({ count }) => count);
}

function values(rows: string, columns: string): string {
  return `SELECT * FROM (VALUES ${rows}) AS v(${columns})`;
}

const CUSTOMERS = values(
  "(1, 'Ann', 10.0), (2, 'Bob', 20.0), (3, 'Cid', 3.0), (4, 'Dan', 5.0), (5, 'Eve', 6.0), (6, 'Flo', 7.0), (7, 'Gus', 8.0)",
  "id, name, amount",
);
const CUSTOMERS_IN_DEV = `SELECT id, name, CASE WHEN id = 3 THEN 4.0 ELSE amount END AS amount,
    'new' AS segment FROM (${CUSTOMERS}) WHERE id < 7`;

Deno.test("table-diff: the three ways to write the sides give one answer, and so does the alias (R-V-34)", async () => {
  using project = await twoStates(CUSTOMERS, CUSTOMERS_IN_DEV);
  const head = (await project.json<{ commit: string }>("env", "show", "dev")).commit;
  const spellings = [
    ["table-diff", "prod.t", "dev.t"],
    ["table-diff", "prod:dev", "t"],
    ["table-diff", "prod.t:dev.t"],
    ["table_diff", "prod:dev", "transform.t"],
    ["table-diff", "PRODUCTION.transform.t", "development.transform_t"],
  ];
  const answers = await Promise.all(
    spellings.map((words) => project.json<NodeJson>(...words, "--on", "id")),
  );
  for (const answer of answers) assert.deepEqual(answer, answers[0]);
  const byCommit = await project.json<NodeJson>(
    "table-diff",
    `prod@{0}.t:${head.slice(0, 10)}.t`,
    "--on",
    "id",
  );
  assert.deepEqual(byCommit.rows, answers[0]!.rows);
  assert.deepEqual([byCommit.source.name, byCommit.target.commit], ["prod@{0}", head]);
  const help = (await project.run("--help")).stdout;
  assert.match(help, /table-diff/);
  assert.doesNotMatch(help, /table_diff/);
});

Deno.test("table-diff --json: schema, rows, columns and samples have the fields of the contract (R-V-35)", async () => {
  const diff = await diffOf(CUSTOMERS, CUSTOMERS_IN_DEV, "--on", "id");
  assert.deepEqual(Object.keys(diff), [
    "format_version",
    "source",
    "target",
    "node",
    "identical",
    "mode",
    "on",
    "schema",
    "totals",
    "rows",
    "columns",
    "differing",
    "key_faults",
    "samples",
  ]);
  assert.deepEqual([diff.node, diff.mode, diff.on], ["transform.t", "key", ["id"]]);
  assert.deepEqual(diff.schema, {
    added: [{ name: "segment", type: "VARCHAR" }],
    removed: [],
    modified: [],
  });
  assert.deepEqual(diff.rows, {
    full: { count: 5, pct: 76.92 },
    partial: { count: 1, pct: 15.38 },
    source_only: { count: 1, pct: 7.69 },
    target_only: { count: 0, pct: 0 },
  });
  assert.deepEqual(diff.columns, { name: 100, amount: 83.33 });
  assert.deepEqual(diff.samples, {
    partial: [{
      key: { id: 3 },
      source: { name: "Cid", amount: 3 },
      target: { name: "Cid", amount: 4 },
      differs: ["amount"],
    }],
    source_only: [{ id: 7, name: "Gus", amount: 8 }],
    target_only: [],
  });
});

Deno.test("table-diff: the tree shows what there is and no line for what there is not (R-V-35)", async () => {
  using project = await twoStates(CUSTOMERS, CUSTOMERS_IN_DEV);
  const { stdout, stderr } = await project.run(
    "table-diff",
    "prod:dev",
    "t",
    "--on",
    "id",
    "--show-sample",
  );
  assert.equal(
    stdout,
    `Schema Diff Between 'PROD' and 'DEV' for node 'transform.t':
└── Added Columns:
    └── segment (VARCHAR)

Row Counts (joined on id):
├── FULL MATCH:    5 rows (76.92%)
├── PARTIAL MATCH: 1 row  (15.38%)
└── PROD ONLY:     1 row   (7.69%)

COMMON ROWS column comparison stats:
        pct_match  differ
name       100.00       0
amount      83.33       1

COMMON ROWS sample data differences:
Column: amount
  id │ PROD │ DEV
   3 │  3.0 │ 4.0

PROD ONLY sample rows:
  id │ name │ amount
   7 │ Gus  │    8.0
`,
  );
  assert.equal(stderr, "");
  const plain = (await project.run("table-diff", "prod:dev", "t", "--on", "id")).stdout;
  assert.equal(plain, stdout.slice(0, stdout.indexOf("\nCOMMON ROWS sample")));
});

Deno.test("table-diff: columns of another type are shown and not compared; skipped ones stay in the schema", async () => {
  const diff = await diffOf(
    "SELECT 1 AS id, 1::INTEGER AS a, 'x' AS b, 'gone' AS c, 1 AS d",
    "SELECT 1 AS id, 1::BIGINT AS a, 'y' AS b, 2 AS d",
    "--on",
    "id",
    "-s",
    "B,c",
  );
  assert.deepEqual(diff.schema, {
    added: [],
    removed: [{ name: "c", type: "VARCHAR" }],
    modified: [{ name: "a", source_type: "INTEGER", target_type: "BIGINT" }],
  });
  assert.deepEqual(diff.columns, { d: 0 });
  assert.deepEqual(diff.samples.partial[0]!.source, { d: 1 });
});

Deno.test("table-diff --schema-diff-ignore-case: ID and id are one column, compared", async () => {
  const sides = ['SELECT 1 AS k, 2 AS "Total"', "SELECT 1 AS k, 3 AS total"] as const;
  const strict = await diffOf(...sides, "--on", "K");
  assert.deepEqual(strict.schema.added, [{ name: "total", type: "INTEGER" }]);
  assert.deepEqual(strict.columns, {});
  const loose = await diffOf(...sides, "--on", "K", "--schema-diff-ignore-case");
  assert.deepEqual(loose.schema, { added: [], removed: [], modified: [] });
  assert.deepEqual(loose.columns, { total: 0 });
});

Deno.test("table-diff: both NULL is a match, one NULL is not", async () => {
  const diff = await diffOf(
    values("(1, NULL::INTEGER), (2, NULL), (3, 5)", "id, a"),
    values("(1, NULL::INTEGER), (2, 0), (3, NULL)", "id, a"),
    "--on",
    "id",
  );
  assert.deepEqual(counts(diff), [1, 2, 0, 0]);
});

Deno.test("table-diff --decimals: 25.12344 and 25.12343 differ at 5 and match at 4, rounded and not cut (R-V-36)", async () => {
  for (const type of ["DOUBLE", "FLOAT", "DECIMAL(18,6)"]) {
    const sides = ["25.12344", "25.12343"].map((n) => `SELECT 1 AS id, ${n}::${type} AS a`);
    using project = await twoStates(sides[0]!, sides[1]!);
    const at = async (...options: string[]) =>
      (await project.json<NodeJson>("table-diff", "prod:dev", "t", "--on", "id", ...options)).rows
        .full.count;
    assert.equal(await at("--decimals", "5"), 0, type);
    assert.equal(await at("-d", "4"), 1, type);
    assert.equal(await at(), 1, type);
    const bag = await project.json<NodeJson>("table-diff", "prod:dev", "t", "--decimals", "4");
    assert.deepEqual(counts(bag), [1, 0, 0, 0], type);
  }
  const rounded = await diffOf(
    "SELECT 1 AS id, 0.0006 AS a",
    "SELECT 1 AS id, 0.0014 AS a",
    "-o",
    "id",
  );
  assert.deepEqual(counts(rounded), [1, 0, 0, 0]);
});

Deno.test("table-diff: numbers that no decimal holds are compared as they are", async () => {
  const diff = await diffOf(
    values("(1, 'nan'::DOUBLE), (2, 'inf'), (3, 1e300), (4, 1e300), (5, -0.0)", "id, a"),
    values("(1, 'nan'::DOUBLE), (2, '-inf'), (3, 1e300), (4, 2e300), (5, 0.0)", "id, a"),
    "--on",
    "id",
  );
  assert.deepEqual(counts(diff), [3, 2, 0, 0]);
  assert.deepEqual(diff.samples.partial.map(({ key }) => key), [{ id: 2 }, { id: 4 }]);
});

Deno.test("table-diff: lists, structs and maps are compared by value", async () => {
  const side = (list: string, struct: string, map: string) =>
    `SELECT 1 AS id, ${list} AS l, ${struct} AS s, ${map} AS m`;
  const prod = side("[1, NULL, 3]", "{'a': 1, 'b': ['x']}", "MAP {'a': 1, 'b': 2}");
  const same = side("[1, NULL, 3]", "{'a': 1, 'b': ['x']}", "MAP {'b': 2, 'a': 1}");
  const other = side("[1, 3, NULL]", "{'a': 1, 'b': ['y']}", "MAP {'b': 2, 'a': 3}");
  for (const options of [["--on", "id"], []]) {
    assert.deepEqual(counts(await diffOf(prod, same, ...options)), [1, 0, 0, 0]);
    const diff = await diffOf(prod, other, ...options);
    assert.equal(diff.rows.full.count, 0);
    assert.deepEqual([diff.columns["l"], diff.columns["s"], diff.columns["m"]], [0, 0, 0]);
  }
});

Deno.test("table-diff --where: applies to both sides and binds on each (R-V-36)", async () => {
  using project = await twoStates(CUSTOMERS, CUSTOMERS_IN_DEV);
  const diff = (where: string) =>
    project.run("table-diff", "prod:dev", "t", "--on", "id", "--where", where, "--json");
  const some = JSON.parse((await diff("id IN (3, 7) -- two")).stdout) as NodeJson;
  assert.deepEqual(some.totals, { source: 2, target: 1 });
  assert.deepEqual(counts(some), [0, 1, 1, 0]);
  const onlyInDev = await diff("segment = 'new'");
  assert.equal(onlyInDev.code, 2);
  assert.match(
    onlyInDev.stderr,
    /^error: Cannot apply --where to prod: Referenced column "segment"/,
  );
  const broken = await diff("id >");
  assert.equal(broken.code, 2);
  assert.match(broken.stderr, /^error: Cannot apply --where to prod: syntax error at or near/);
  const several = await diff("true); DROP SCHEMA seeknal_temp; SELECT (1");
  assert.equal(several.code, 2);
  const failing = await diff("CAST(name AS INTEGER) > 1");
  assert.equal(failing.code, 4);
  assert.match(failing.stderr, /^error: Comparison failed: Could not convert string 'Ann'/);
});

Deno.test("table-diff --limit: counts per kind of sample, and rare differences have their turn (R-V-36)", async () => {
  const prod = "SELECT i AS id, i AS often, i AS rarely FROM range(100) AS t(i)";
  const dev =
    "SELECT i AS id, i + 1 AS often, CASE WHEN i = 70 THEN 0 ELSE i END AS rarely FROM range(50, 150) AS t(i)";
  const { samples, rows } = await diffOf(prod, dev, "--on", "id", "--limit", "3");
  assert.equal(rows.partial.count, 50);
  assert.deepEqual(samples.partial.map(({ key }) => key), [{ id: 50 }, { id: 51 }, { id: 70 }]);
  assert.deepEqual(samples.partial.map(({ differs }) => differs), [
    ["often"],
    ["often"],
    ["often", "rarely"],
  ]);
  assert.deepEqual(samples.source_only.map((row) => Object.values(row)[0]), [0, 1, 2]);
  assert.deepEqual(samples.target_only.map((row) => Object.values(row)[0]), [100, 101, 102]);
  const byDefault = await diffOf(prod, dev, "--on", "id");
  assert.deepEqual(Object.values(byDefault.samples).map((kind) => kind.length), [20, 20, 20]);
  const none = await diffOf(prod, dev, "--on", "id", "--limit", "0");
  assert.deepEqual(Object.values(none.samples), [[], [], []]);
});

Deno.test("table-diff without a key: rows are compared as a bag, and it says so (R-V-37)", async () => {
  const prod = values("(1, 'a'), (1, 'a'), (1, 'a'), (2, 'b'), (NULL, 'c')", "id, a");
  const dev = values("(1, 'a'), (2, 'x'), (NULL, 'c')", "id, a");
  const diff = await diffOf(prod, dev);
  assert.equal(diff.mode, "bag");
  assert.equal(diff.key_faults, null);
  assert.deepEqual(diff.rows, {
    full: { count: 2, pct: 50 },
    partial: { count: 0, pct: 0 },
    source_only: { count: 3, pct: 37.5 },
    target_only: { count: 1, pct: 12.5 },
  });
  assert.deepEqual(diff.columns, { id: 75, a: 50 });
  assert.deepEqual(diff.samples.source_only, [
    { id: 1, a: "a" },
    { id: 1, a: "a" },
    { id: 2, a: "b" },
  ]);
  using project = await twoStates(prod, dev);
  const { stdout } = await project.run("table-diff", "prod:dev", "t");
  assert.match(stdout, /^Row Counts \(no key: whole rows, duplicates counted\):$/m);
  assert.match(stdout, /^Give --on id to join rows by a key and see which columns differ\.$/m);
});

Deno.test("table-diff: repeated keys are paired and never inflate a number; equal rows meet (R-V-37)", async () => {
  const prod = values("(1, 'a'), (1, 'b'), (1, 'c'), (2, 'x'), (3, 'p')", "id, a");
  const dev = values("(1, 'c'), (1, 'b'), (2, 'y'), (2, 'x'), (2, 'x'), (3, 'q')", "id, a");
  using project = await twoStates(prod, dev);
  const diff = await project.json<NodeJson>("table-diff", "prod:dev", "t", "--on", "id");
  // 1: b and c meet, a is left; 2: x meets x, x and y are left; 3: p and q.
  assert.deepEqual(counts(diff), [3, 1, 1, 2]);
  assert.equal(diff.rows.full.count + diff.rows.partial.count + diff.rows.source_only.count, 5);
  assert.equal(diff.rows.full.count + diff.rows.partial.count + diff.rows.target_only.count, 6);
  assert.deepEqual(diff.key_faults, {
    source: { duplicates: 2, nulls: 0 },
    target: { duplicates: 3, nulls: 0 },
  });
  const warned = await project.run("table-diff", "prod:dev", "t", "--on", "id");
  assert.match(
    warned.stderr,
    /^warning: Grain should be unique and not-null for accurate results, but \(id\) of transform\.t is not: 2 rows of prod repeat a key; 3 rows of dev repeat a key\./,
  );
  const silent = await project.run(
    "table-diff",
    "prod:dev",
    "t",
    "--on",
    "id",
    "--skip-grain-check",
  );
  assert.equal(silent.stderr, "");
  assert.equal(silent.stdout, warned.stdout);
});

Deno.test("table-diff: a single NULL key joins nothing and is warned of, also with --skip-grain-check (R-V-38)", async () => {
  using project = await twoStates(
    values("(1, 'a'), (NULL, 'b'), (NULL, 'b')", "id, a"),
    values("(1, 'a'), (NULL, 'b')", "id, a"),
  );
  const diff = await project.json<NodeJson>("table-diff", "prod:dev", "t", "--on", "id");
  assert.deepEqual(counts(diff), [1, 0, 2, 1]);
  assert.deepEqual(diff.key_faults, {
    source: { duplicates: 0, nulls: 2 },
    target: { duplicates: 0, nulls: 1 },
  });
  const { stderr } = await project.run(
    "table-diff",
    "prod:dev",
    "t",
    "--on",
    "id",
    "--skip-grain-check",
  );
  assert.match(stderr, /the key is NULL in 2 rows of prod; the key is NULL in 1 row of dev/);
});

Deno.test("table-diff: NULL parts of several keys join, and '' is not NULL (R-V-38)", async () => {
  const diff = await diffOf(
    values("(1, NULL, 'a'), (1, '', 'b'), (NULL, 'x', 'c'), (2, 'y,z', 'd')", "k, l, a"),
    values("(1, '', 'b'), (1, NULL, 'a'), (NULL, 'x', 'C'), (2, 'y', 'd')", "k, l, a"),
    "--on",
    "k",
    "--on",
    "l",
  );
  assert.deepEqual(counts(diff), [2, 1, 1, 1]);
  assert.deepEqual(diff.samples.partial[0]!.key, { k: null, l: "x" });
  const commas = await diffOf(
    "SELECT 1 AS k, 2 AS l, 3 AS a",
    "SELECT 1 AS k, 2 AS l, 3 AS a",
    "-o",
    "k,l",
  );
  const twice = await diffOf("SELECT NULL::INTEGER AS k", "SELECT NULL::INTEGER AS k", "-o", "k,K");
  assert.deepEqual([twice.on, counts(twice)], [["k"], [0, 0, 1, 1]]);
  assert.deepEqual([commas.on, counts(commas), commas.identical], [["k", "l"], [1, 0, 0, 0], true]);
});

Deno.test("table-diff: keys of another type join where SQL can compare them, else as text", async () => {
  const numbers = await diffOf(
    "SELECT 7::INTEGER AS id, 1 AS a",
    "SELECT 7::BIGINT AS id, 1 AS a",
    "-o",
    "id",
  );
  assert.deepEqual(counts(numbers), [1, 0, 0, 0]);
  const text = await diffOf(
    "SELECT 7::INTEGER AS id, 1 AS a",
    values("('7', 1), ('seven', 1)", "id, a"),
    "-o",
    "id",
  );
  assert.deepEqual(counts(text), [1, 0, 0, 1]);
});

Deno.test("table-diff: two empty tables are said to be empty (R-V-38)", async () => {
  using project = await twoStates(
    `${CUSTOMERS} WHERE id > 100`,
    `${CUSTOMERS_IN_DEV} AND id > 100`,
  );
  for (const options of [["--on", "id"], []]) {
    const { stdout, code } = await project.run("table-diff", "prod:dev", "t", ...options);
    assert.equal(code, 0);
    assert.match(stdout, /^Neither the source nor the target table contained any records$/m);
    assert.doesNotMatch(stdout, /FULL MATCH|pct_match/);
    const diff = await project.json<NodeJson>("table-diff", "prod:dev", "t", ...options);
    assert.equal(diff.columns["name"], null);
    assert.deepEqual(counts(diff), [0, 0, 0, 0]);
  }
});

Deno.test("compareOutputs leaves nothing in its session, also after an error (R-V-39)", async () => {
  using dir = new TempDir();
  await using session = await openSession({ allowedDirs: [dir.path] });
  const [source, target] = await Promise.all(
    ["SELECT 1 AS id, 'x' AS a", "SELECT 1 AS id, 'y' AS a"].map((sql, i) =>
      parquet(session, dir.join(`${i}.parquet`), sql)
    ),
  );
  const outputs = { source: { name: "a", path: source! }, target: { name: "b", path: target! } };
  const made = async () => [
    ...(await session.read("SELECT schema_name FROM duckdb_schemas() WHERE NOT internal")).rows,
    ...(await session.read("SELECT table_name FROM duckdb_tables()")).rows,
    ...(await session.read("SELECT view_name FROM duckdb_views() WHERE NOT internal")).rows,
    ...(await session.read("SELECT database_name FROM duckdb_databases() WHERE NOT internal")).rows,
  ];
  const before = await made();
  for (const tempSchema of ["seeknal_temp", "my_temp", "elsewhere.my_temp"]) {
    const options = { ...COMPARE_DEFAULTS, on: ["id"], tempSchema };
    const { rows } = await compareOutputs(session, outputs, options);
    assert.equal(rows.partial.count, 1);
    await assert.rejects(
      compareOutputs(session, outputs, { ...options, where: "CAST(a AS INTEGER) = 1" }),
      (error) => error instanceof UserError && error.code === "comparison_failed",
    );
    assert.deepEqual(await made(), before, tempSchema);
  }
  for (const tempSchema of ["main", "a.b.c", "", "elsewhere.main"]) {
    await assert.rejects(
      compareOutputs(session, outputs, { ...COMPARE_DEFAULTS, tempSchema }),
      (error) => error instanceof UserError && error.code === "invalid_option",
      tempSchema,
    );
  }
  assert.deepEqual(await made(), before);
});

Deno.test("compareOutputs counts as the definition does, on random tables with repeated and NULL keys", async () => {
  using dir = new TempDir();
  await using session = await openSession({ allowedDirs: [dir.path], threads: 1 });
  const random = randomNumbers(7);
  const pick = (n: number) => Math.floor(random() * n);
  for (let round = 0; round < 40; round++) {
    const sides = [0, 1].map(() =>
      Array.from({ length: pick(12) }, (): TestRow => [
        pick(6) === 0 ? null : pick(5),
        pick(3) === 0 ? null : pick(2),
        ["", "a", "b"][pick(3)]!,
      ])
    );
    const paths: string[] = [];
    for (const [i, rows] of sides.entries()) {
      const list = [[0, 0, ""] as TestRow, ...rows].map(([k, a, b]) => `(${k}, ${a}, '${b}')`);
      const sql = `SELECT k::INTEGER AS k, a::INTEGER AS a, b FROM (VALUES ${
        list.join(", ")
      }) AS v(k, a, b) OFFSET 1`;
      paths.push(await parquet(session, dir.join(`${round}_${i}.parquet`), sql));
    }
    const outputs = {
      source: { name: "s", path: paths[0]! },
      target: { name: "t", path: paths[1]! },
    };
    for (const on of [[], ["k"], ["k", "a"]]) {
      const found = await compareOutputs(session, outputs, { ...COMPARE_DEFAULTS, on });
      assert.deepEqual(counts(found), expectedCounts(sides, on.length), `${round} ${on}`);
      const { partial } = found.rows;
      if (on.length === 0) {
        const inCommon = [0, 1, 2].map((column) => commonValues(sides, column));
        assert.deepEqual(found.columns.map(({ matches }) => matches), inCommon, `${round}`);
      } else {
        const differing = found.columns.map(({ differing }) => differing);
        assert.ok(differing.every((count) => count <= partial.count));
        assert.ok(differing.reduce((sum, count) => sum + count) >= partial.count);
      }
      const shown = found.samples.partial.rows;
      assert.equal(shown.length, partial.count);
      for (const { source, target, differs } of shown) {
        assert.deepEqual(differs, source.map((cell, i) => cell !== target[i]));
      }
    }
  }
});

type TestRow = readonly [number | null, number | null, string];

function commonValues(sides: readonly (readonly TestRow[])[], column: number): number {
  const rest = sides[1]!.map((row) => row[column]);
  return sides[0]!.filter((row) => {
    const at = rest.indexOf(row[column]);
    if (at >= 0) rest.splice(at, 1);
    return at >= 0;
  }).length;
}

/** Rows of one key meet an equal one first, the others pair up; a single NULL key meets nobody. */
function expectedCounts(sides: readonly (readonly TestRow[])[], keys: number): number[] {
  const [full, partial, only] = [[0], [0], [0, 0]] as [number[], number[], number[]];
  const keyOf = (row: TestRow) => JSON.stringify(row.slice(0, keys));
  const groups = new Set(sides.flat().map(keyOf));
  for (const key of groups) {
    const [source, target] = sides.map((rows) => rows.filter((row) => keyOf(row) === key));
    const rest = target!.map((row) => JSON.stringify(row));
    let equal = 0;
    const joins = !(keys === 1 && key === "[null]");
    for (const row of joins ? source! : []) {
      const at = rest.indexOf(JSON.stringify(row));
      if (at < 0) continue;
      rest.splice(at, 1);
      equal++;
    }
    const paired = joins && keys > 0 ? Math.min(source!.length, target!.length) - equal : 0;
    full[0]! += equal;
    partial[0]! += paired;
    only[0]! += source!.length - equal - paired;
    only[1]! += target!.length - equal - paired;
  }
  return [full[0]!, partial[0]!, only[0]!, only[1]!];
}

Deno.test("table-diff: names with | are refused with the reason (R-V-40)", async () => {
  using shop = makeShop();
  for (const words of [["production|t:nonproduction|t"], ["a|t", "b|t"], ["prod:dev", "a|t"]]) {
    const { code, stderr } = await shop.run("table-diff", ...words);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^error: Cannot compare .* tables of two gateways live in systems that never see/,
    );
  }
});

Deno.test("table-diff a:b: every node that differs, -m narrows, equal outputs are skipped and said so", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  shop.write(
    "seeknal/clean_orders.yml",
    shop.read("seeknal/clean_orders.yml").replace("amount FROM", "amount + 1 AS amount FROM"),
  );
  shop.write("seeknal/extra.yml", transform("extra", [], "SELECT 1 AS a", "tags: [mart]\n"));
  shop.remove("seeknal/names.yml");
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  const all = await shop.json<DiffJson>("table-diff", "prod:dev");
  assert.deepEqual(all.nodes.map(({ node }) => node), [
    "transform.clean_orders",
    "transform.revenue",
  ]);
  assert.deepEqual(all.same, ["source.customers", "source.orders"]);
  assert.deepEqual(all.skipped, [
    { node: "transform.extra", reason: "only in dev" },
    { node: "transform.names", reason: "only in prod" },
  ]);
  const some = await shop.json<DiffJson>("table-diff", "prod:dev", "-m", "revenue", "-m", "+names");
  assert.deepEqual(some.nodes.map(({ node }) => node), ["transform.revenue"]);
  assert.deepEqual(some.same, ["source.customers"]);
  const modified = await shop.json<DiffJson>(
    "table-diff",
    "prod:dev",
    "--select-model",
    "state:modified,clean_*",
  );
  assert.deepEqual(modified.nodes.map(({ node }) => node), ["transform.clean_orders"]);
  const { stdout } = await shop.run("table-diff", "prod:dev");
  assert.match(
    stdout,
    /\n\nCompared 2 nodes of prod and dev: 2 differ\nSkipped 2 nodes with the same output: source\.customers, source\.orders\n$/,
  );
  const none = await shop.run("table-diff", "prod:dev", "-m", "kind:source");
  assert.equal(none.code, 0);
  assert.equal(
    none.stdout,
    "No nodes contain differences with the selection criteria: kind:source\n" +
      "Skipped 2 nodes with the same output: source.customers, source.orders\n",
  );
  const both = await shop.run("table-diff", "prod:dev", "revenue", "-m", "names");
  assert.equal(both.code, 2);
  assert.match(both.stderr, /Cannot take a node and --select-model at once/);
});

Deno.test("table-diff a:b: nodes that the options do not fit are named and left out (R-V-37)", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  shop.write(
    "seeknal/clean_orders.yml",
    shop.read("seeknal/clean_orders.yml").replace("amount FROM", "amount + 1 AS amount FROM"),
  );
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  const byId = await shop.run("table-diff", "prod:dev", "--on", "id", "-s", "customer_id");
  assert.equal(byId.code, 0);
  assert.match(byId.stdout, /^Compared 1 node of prod and dev: 1 differs$/m);
  assert.match(
    byId.stderr,
    /^warning: transform\.revenue is left out: Cannot join on "id": there is no such column in prod$/m,
  );
  const filtered = await shop.run("table-diff", "prod:dev", "--where", "total > 0");
  assert.match(
    filtered.stderr,
    /transform\.clean_orders is left out: Cannot apply --where to prod/,
  );
  const keyless = await shop.run("table-diff", "prod:dev", "--warn-grain-check");
  assert.equal(keyless.code, 0);
  assert.match(keyless.stdout, /^No nodes contain differences/);
  assert.match(
    keyless.stderr,
    /^warning: transform\.clean_orders is left out: no key: give --on COLUMN$/m,
  );
});

Deno.test("table-diff: what is not there is told apart, with the command to type next", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  shop.write("seeknal/names.yml", shop.read("seeknal/names.yml").replace("upper", "lower"));
  await ok(shop, "plan", "dev");
  const fails = async (expected: RegExp, exit: number, ...words: string[]) => {
    const { code, stderr, stdout } = await shop.run("table-diff", ...words);
    assert.match(stderr, expected);
    assert.equal(code, exit, words.join(" "));
    assert.equal(stdout, "");
  };
  await fails(
    /transform\.names is not built in dev[^\n]*\n.*\n {4}seeknal run --env dev\n/,
    3,
    "prod:dev",
    "names",
  );
  await fails(/^error: Unknown revision "stagin"/, 2, "prod:stagin", "names");
  await fails(
    /does not begin with an environment.*\n.*dev\.transform\.names/,
    2,
    "transform.names",
    "dev.names",
  );
  await fails(/Unknown node "nams" in prod\n.*did you mean "names"/, 2, "prod.nams", "dev.names");
  await fails(/both need a node\n.*\n {4}seeknal table-diff prod:dev/, 2, "prod", "dev");
  await fails(/both need a node/, 2, "prod.names:dev");
  await fails(/names the nodes already/, 2, "prod.names:dev.names", "names");
  await fails(/Cannot tell the two sides/, 2, "prod");
  await fails(
    /Cannot join on "idd".*\n.*did you mean "id"/,
    2,
    "prod:prod",
    "orders",
    "--on",
    "idd",
  );
  await fails(/Cannot skip "idd"/, 2, "prod:prod", "orders", "-s", "idd");
  await fails(
    /Cannot skip "id": rows are joined on it/,
    2,
    "prod:prod",
    "orders",
    "-o",
    "id",
    "-s",
    "id",
  );
  await fails(/at most 38/, 2, "prod:prod", "orders", "--decimals", "39");
  await fails(/Invalid --limit/, 2, "prod:prod", "orders", "--limit", "-1");
  await fails(/unknown option/, 2, "prod:prod", "orders", "--no-such-option");
  const multi = await shop.json<DiffJson>("table-diff", "prod:dev");
  assert.deepEqual(multi.skipped, [{ node: "transform.names", reason: "not built in dev" }]);
  for (const entry of Deno.readDirSync(shop.path("target/cache/objects"))) {
    shop.remove(`target/cache/objects/${entry.name}`);
  }
  await fails(
    /The output of source\.orders in prod is missing.*\n.*\n {4}seeknal run\n/,
    4,
    "prod:prod",
    "orders",
  );
});

Deno.test("table-diff: two nodes of one environment, a name that two kinds share, --html and stopping", async () => {
  using shop = makeShop();
  shop.write(
    "seeknal/orders.yml",
    transform("orders", ["source.orders"], "SELECT *, '<b>&\"x' AS note FROM ref('source.orders')"),
  );
  await ok(shop, "run");
  const ambiguous = await shop.run("table-diff", "prod.orders", "prod.clean_orders");
  assert.equal(ambiguous.code, 2);
  assert.match(ambiguous.stderr, /source\.orders, transform\.orders/);
  const before = fileTree(shop);
  const words = ["table-diff", "prod.source.orders", "prod.transform_orders", "--on", "id"];
  const { stdout } = await shop.run(...words);
  assert.match(
    stdout,
    /^Schema Diff Between 'PROD\.source\.orders' and 'PROD\.transform\.orders':$/m,
  );
  assert.deepEqual(fileTree(shop), before);
  const { stderr } = await shop.run(
    "table-diff",
    "prod:prod",
    "transform_orders",
    "--html",
    "page.html",
  );
  assert.equal(stderr, `Wrote ${shop.path("page.html")}\n`);
  const stop = new AbortController();
  stop.abort();
  const host = new TestHost({ cwd: shop.root, signal: stop.signal });
  assert.equal((await runSeeknal(shop, words, { host })).code, 130);
  assert.deepEqual([...Deno.readDirSync(shop.path("target/cache/tmp"))], []);
});

Deno.test("table-diff --html: a page that needs nothing else and escapes what comes from data", async () => {
  const evil = "<script>alert(1)</script>\" onload='x' &amp;";
  const text = quoteText(evil);
  using project = await twoStates(
    `SELECT 1 AS id, ${text} AS a, ${text} AS "<i>b" UNION ALL SELECT 2, 'x', 'y'`,
    `SELECT 1 AS id, 'other' AS a, ${text} AS "<i>b" UNION ALL SELECT 3, ${text}, 'y'`,
  );
  const { code, stdout } = await project.run(
    "table-diff",
    "prod:dev",
    "t",
    "--on",
    "id",
    "--html",
    "out/page.html",
  );
  assert.equal(code, 0);
  assert.match(stdout, /FULL MATCH|PARTIAL MATCH/);
  const page = project.read("out/page.html");
  assert.doesNotMatch(page, /<script|<i>b|onload='|https?:|src=|<link/);
  assert.match(page, /&lt;script&gt;alert\(1\)&lt;\/script&gt;&quot; onload=&#39;x&#39; &amp;amp;/);
  assert.match(page, /prefers-color-scheme: dark/);
  assert.match(page, /<td class="pair was">&lt;script/);
  assert.match(page, /<td class="is">other<\/td>/);
  assert.match(page, /<b>1<\/b> <span>partial match &middot; 50\.00 %<\/span>/);
});

Deno.test("table-diff joins rows on the grain that the node declares", async () => {
  using shop = makeShop();
  shop.write("seeknal/names.yml", shop.read("seeknal/names.yml") + "grain: customer_id\n");
  await ok(shop, "run");
  shop.write("seeknal/names.yml", shop.read("seeknal/names.yml").replace("upper", "lower"));
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  const { mode, on } = await shop.json<{ mode: string; on: string[] }>(
    "table-diff",
    "prod:dev",
    "names",
  );
  assert.deepEqual([mode, on], ["key", ["customer_id"]]);
});

Deno.test("a grain of a column that the node does not return is an error in the plan, another grain METADATA", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  const names = shop.read("seeknal/names.yml");
  shop.write("seeknal/names.yml", names + "grain: [customer_id]\n");
  const { summary } = await shop.json<{ summary: { metadata: number; build: number } }>("plan");
  assert.deepEqual([summary.metadata, summary.build], [1, 0]);
  shop.write("seeknal/names.yml", names + "grain: [customer]\n");
  const { code, stderr } = await shop.run("plan");
  assert.equal(code, 3);
  assert.match(
    stderr,
    /names\.yml:7:8 error: transform\.names: there is no column "customer" for its grain/,
  );
  assert.match(stderr, /there is: customer_id, name/);
});

async function parquet(session: Session, path: string, sql: string): Promise<string> {
  await session.run(`COPY (${sql}) TO ${quoteText(path)} (FORMAT parquet)`);
  return path;
}
