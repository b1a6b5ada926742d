import assert from "node:assert/strict";
import { join } from "node:path";
import type { Plan } from "../../src/model/plan.ts";
import { git } from "../support/command.ts";
import { makeProject, runSeeknal, type TempProject } from "../support/project.ts";
import { TestHost } from "../support/host.ts";
import { makeShop, ok, rowsOf, source, transform } from "../support/shop.ts";

const HEAD_OF = (project: TempProject, env: string) =>
  git(project.path("target/state.git"), "rev-parse", env);

Deno.test("a project below a folder named key=value gets no columns from it", async () => {
  using outer = makeProject();
  const root = outer.path("v=7", "k=eu", "p");
  Deno.mkdirSync(join(root, "data"), { recursive: true });
  Deno.mkdirSync(join(root, "seeknal"));
  const write = (path: string, text: string) => Deno.writeTextFileSync(join(root, path), text);
  write("seeknal_project.yml", "name: p\n");
  write("data/a.csv", "id\n1\n2\n");
  write("seeknal/a.yml", source("a"));
  write("seeknal/t.yml", transform("t", ["source.a"], "SELECT id FROM ref('source.a')"));
  write(
    "seeknal/u.yml",
    transform("u", ["transform.t"], "SELECT *, 5 AS k FROM ref('transform.t')"),
  );
  const host = new TestHost({ cwd: root });
  const run = (...args: string[]) => runSeeknal(outer, args, { host });
  assert.equal((await run("run")).code, 0);
  const { stdout } = await run("query", "FROM u ORDER BY ALL", "--json");
  assert.deepEqual(JSON.parse(stdout), [{ id: 1, k: 5 }, { id: 2, k: 5 }]);
});

Deno.test("rollback of production refuses a state that was never built", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  shop.write(
    "seeknal/more.yml",
    transform("more", ["source.orders"], "SELECT id FROM ref('source.orders')"),
  );
  await ok(shop, "plan", "dev");
  const head = await HEAD_OF(shop, "prod");
  const { code, stderr } = await shop.run("rollback", "--to", "dev", "--yes");
  assert.equal(code, 3);
  assert.match(stderr, /not a state of production, 1 nodes were not built there: transform\.more/);
  assert.equal(await HEAD_OF(shop, "prod"), head);
});

Deno.test("an environment that was rolled back cannot undo what others promoted", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  shop.write(
    "seeknal/mine.yml",
    transform("mine", ["source.orders"], "SELECT id FROM ref('source.orders')"),
  );
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  const other = transform("other", ["source.orders"], "SELECT amount FROM ref('source.orders')");
  shop.write("seeknal/other.yml", other);
  shop.remove("seeknal/mine.yml");
  await ok(shop, "plan", "oth");
  await ok(shop, "run", "--env", "oth");
  await ok(shop, "promote", "oth", "--yes");
  shop.write(
    "seeknal/mine.yml",
    transform("mine", ["source.orders"], "SELECT id FROM ref('source.orders')"),
  );
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  await ok(shop, "rollback", "dev", "--yes");
  const { code, stderr } = await shop.run("promote", "dev", "--yes");
  assert.equal(code, 4, stderr);
  assert.equal((await rowsOf(shop, "SELECT * FROM transform.other")).length, 3);
});

Deno.test("an environment can be promoted again after a run on top of its promotion", async () => {
  using shop = makeShop();
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  await ok(shop, "promote", "dev", "--yes");
  await ok(shop, "run", "--env", "dev", "--full");
  await ok(shop, "promote", "dev", "--yes");
});

Deno.test("a node file that is not UTF-8 is refused", async () => {
  using project = makeProject();
  const bytes = new TextEncoder().encode(
    "kind: transform\nname: t\ntransform: SELECT 'Zo_' AS n\n",
  );
  bytes[bytes.indexOf("_".charCodeAt(0))] = 0xeb;
  project.write("seeknal/n.yml", bytes);
  const { code, stderr } = await project.run("plan");
  assert.equal(code, 3);
  assert.match(stderr, /not UTF-8/);
});

Deno.test("files whose names read as patterns are refused, and globs leave target/ alone", async () => {
  using project = makeProject({
    "data/a1.csv": "id\n1\n",
    "data/a[1].csv": "id\n2\n",
    "seeknal/a.yml": "kind: source\nname: a\nsource: csv\ntable: data/a*.csv\n",
  });
  const { code, stderr } = await project.run("plan");
  assert.equal(code, 3);
  assert.match(stderr, /"data\/a\[1\]\.csv" has a name that reads as a pattern/);
  project.remove("data/a[1].csv");
  await ok(project, "run");
  project.write("seeknal/p.yml", 'kind: source\nname: p\nsource: parquet\ntable: "**/*.parquet"\n');
  const again = await project.run("plan");
  assert.equal(again.code, 3);
  assert.match(again.stderr, /No file matches/);
});

Deno.test("a node cannot read another one through functions that read files, whatever the query asks first", async () => {
  const attempts = [
    "SELECT * FROM query(CASE WHEN len(current_setting('allowed_directories')) < 1 THEN 'SELECT 1 AS x' ELSE 'SELECT 2 AS x' END)",
    "SELECT * FROM query_table('source.customers')",
    "SELECT * FROM duckdb_settings()",
    "PIVOT (SELECT 1 AS a, 2 AS b FROM query('SELECT 1')) ON a IN (1) USING sum(b)",
  ];
  for (const sql of attempts) {
    using shop = makeShop();
    shop.write("seeknal/evil.yml", transform("evil", ["source.orders"], sql));
    const { code, stderr } = await shop.run("plan");
    assert.equal(code, 3, sql);
    assert.match(stderr, /can read what is not declared|does not exist/, sql);
  }
});

Deno.test("what reads a node follows when it is built again, by --full or because its output was lost", async () => {
  using project = makeProject({
    "data/a.csv": "id\n1\n2\n3\n",
    "seeknal/a.yml": source("a"),
    "seeknal/o.yml": transform("o", ["source.a"], "SELECT id, random() AS r FROM ref('source.a')"),
    "seeknal/d.yml": transform("d", ["transform.o"], "SELECT id, r FROM ref('transform.o')"),
  });
  const isConsistent = async () =>
    assert.deepEqual(
      await rowsOf(project, "SELECT * FROM transform.d"),
      await rowsOf(project, "SELECT * FROM transform.o"),
    );
  await ok(project, "run");
  await isConsistent();
  await ok(project, "run", "--full", "--select", "o");
  await isConsistent();
  const hash = JSON.parse(project.read("target/run_state.json")).nodes["transform.o"].content_hash;
  Deno.removeSync(project.path(`target/cache/objects/${hash}.parquet`));
  const plan = await project.json<Plan>("plan");
  assert.deepEqual(plan.nodes.filter((n) => n.action === "build").map((n) => n.id), [
    "transform.d",
    "transform.o",
  ]);
  await ok(project, "run");
  await isConsistent();
});

Deno.test("numbers in params keep their digits, and columns their order", async () => {
  using project = makeProject({
    "data/a.csv": "10,20\n",
    "seeknal/t.yml": transform(
      "t",
      [],
      "SELECT {{ id }} AS id, '{{ v }}' AS v",
      "params:\n  id: 12345678901234567890\n  v: 1.10\n",
    ),
  });
  await ok(project, "run");
  assert.deepEqual(await rowsOf(project, "SELECT id::VARCHAR AS id, v FROM t"), [{
    id: "12345678901234567890",
    v: "1.10",
  }]);
  project.write(
    "seeknal/s.yml",
    'kind: source\nname: s\nsource: csv\ntable: data/a.csv\nparams: {header: false, columns: {"2024": integer, "2023": integer}}\n',
  );
  assert.equal((await project.run("plan")).code, 3);
});

Deno.test("query aliases never hide a node of that very name, and EXPLAIN cannot write", async () => {
  using project = makeProject({
    "seeknal/n.yml": transform("b", [], "SELECT 43 AS x") + "---\n" +
      transform("transform_b", [], "SELECT 44 AS x"),
  });
  await ok(project, "run");
  assert.deepEqual(await rowsOf(project, "SELECT x FROM transform_b"), [{ x: 44 }]);
  assert.deepEqual(await rowsOf(project, "SELECT x FROM transform.b"), [{ x: 43 }]);
  const hash = JSON.parse(project.read("target/run_state.json")).nodes["transform.b"].content_hash;
  const object = project.path(`target/cache/objects/${hash}.parquet`);
  const { code } = await project.run(
    "query",
    `EXPLAIN ANALYZE COPY (SELECT 666 AS x) TO '${object}' (FORMAT parquet)`,
  );
  assert.equal(code, 3);
  assert.deepEqual(await rowsOf(project, "SELECT x FROM transform.b"), [{ x: 43 }]);
  Deno.chmodSync(object, 0o644);
  Deno.writeTextFileSync(object, "damaged");
  const damaged = await project.run("query", "FROM transform.b");
  assert.equal(damaged.code, 4);
  assert.match(damaged.stderr, /missing from the cache or damaged/);
});

Deno.test("a renamed node that differs by case only replaces the old one, also in a run of a part", async () => {
  using project = makeProject({ "seeknal/n.yml": transform("Orders", [], "SELECT 1 AS x") });
  await ok(project, "run");
  project.write("seeknal/n.yml", transform("orders", [], "SELECT 2 AS x"));
  await ok(project, "run", "--select", "orders");
  assert.deepEqual(await rowsOf(project, "SELECT x FROM orders"), [{ x: 2 }]);
});

Deno.test("symbolic links in the place of the project's own folders are refused", async () => {
  for (const name of ["target", "seeknal"]) {
    using outside = makeProject();
    using project = makeProject();
    Deno.symlinkSync(outside.root, project.path(name));
    const { code, stderr } = await project.run("run");
    assert.equal(code, 6, name);
    assert.match(stderr, /is a symbolic link/);
  }
});

Deno.test("odd names and paths are problems of the project, not bugs", async () => {
  const cases = [
    `kind: transform\nname: ${"漢".repeat(128)}\ntransform: SELECT 1 AS x\n`,
    'kind: source\nname: a\nsource: csv\ntable: "data/a.csv\\0"\n',
    `kind: source\nname: a\nsource: csv\ntable: ${"x".repeat(5000)}\n`,
    `kind: source\nname: a\nsource: csv\ntable: "data/${"{a,b}".repeat(25)}"\n`,
    "kind: transform\nname: t\ntransform: \"SELECT 'a\\0b' AS x\"\n",
  ];
  for (const yaml of cases) {
    using project = makeProject({ "seeknal/n.yml": yaml });
    const { code, stderr } = await project.run("plan", "dev");
    assert.equal(code, 3, yaml.slice(0, 60) + stderr);
    assert.ok(!project.exists("target"));
  }
});

Deno.test("a damaged ref is an error that says where the environment was, never an empty production", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  const head = (await HEAD_OF(shop, "prod")).trim();
  Deno.writeTextFileSync(shop.path("target/state.git/refs/heads/prod"), "");
  for (const command of [["plan"], ["run"], ["env", "list"], ["doctor"]]) {
    const { code, stdout, stderr } = await shop.run(...command);
    assert.equal(code, 4, command.join(" "));
    assert.match(
      stdout + stderr,
      command[0] === "doctor" ? /damaged/ : new RegExp(`update-ref refs/heads/prod ${head}`),
    );
  }
});

Deno.test("a file where a folder is needed is said, not called a bug", async () => {
  using shop = makeShop();
  shop.write("target", "a file");
  const { code, stderr } = await shop.run("run");
  assert.equal(code, 4);
  assert.match(stderr, /stands in the way/);
});

Deno.test("a selection that matches nothing leaves an empty production empty", async () => {
  using shop = makeShop();
  assert.match(await ok(shop, "run", "--select", "tag:zzz"), /nothing is selected/);
  assert.deepEqual(await shop.json("env", "list"), []);
});
