import assert from "node:assert/strict";
import type { ListedNode } from "../../src/app/list_nodes.ts";
import type { ShownNode } from "../../src/app/show_node.ts";
import { runSeeknal, type TempProject } from "../support/project.ts";
import { fileTree, makeShop, ok, transform } from "../support/shop.ts";

async function builtShop(): Promise<TempProject> {
  const project = makeShop();
  await ok(project, "run");
  return project;
}

/** Waits until the screen says something, then types. */
const once = (pattern: RegExp, keys: string) => async ({ stdout }: { readonly stdout: string }) => {
  assert.match(stdout, pattern);
  return await Promise.resolve(keys);
};

Deno.test("repl --exec answers one query in every format, as query does", async () => {
  using project = await builtShop();
  const sql = "SELECT * FROM transform.revenue ORDER BY name";
  const exec = (...args: string[]) => project.run("repl", "--exec", ...args);
  assert.equal((await exec(sql, "--format", "csv")).stdout, "name,total\nAnn,10\nBob,20\n");
  assert.deepEqual(JSON.parse((await exec(sql, "--json")).stdout), [
    { name: "Ann", total: 10 },
    { name: "Bob", total: 20 },
  ]);
  assert.match((await exec(`${sql};`)).stdout, /^name {2}total\n---- {2}-----\nAnn {6}10\n/);
  assert.match((await exec(sql, "--limit", "1")).stdout, /\(1 row\)/);
  for (const ending of ["csv", "json", "parquet"]) {
    assert.equal((await exec(sql, "--output", `out.${ending}`)).code, 0);
    assert.ok(project.exists(`out.${ending}`));
  }
  const input = { input: "SELECT 7 AS n" };
  assert.match((await runSeeknal(project, ["repl", "-e", "-"], input)).stdout, /\n7\n/);
});

Deno.test("repl --exec refuses what it cannot do, with the code that says why", async () => {
  using project = await builtShop();
  const cases: readonly [readonly string[], number, RegExp][] = [
    [["--exec", "DROP TABLE x"], 3, /queries only read/],
    [["--exec", "SELECT 1; SELECT 2"], 3, /several statements/],
    [["--exec", "SELECT nope FROM orders"], 3, /"nope"/],
    [["--exec", "SELECT (SELECT customer_id FROM source.orders)::INT"], 4, /More than one row/],
    [["--exec", " "], 2, /empty query/],
    [["--exec", "SELECT 1", "--output", "out.xls"], 2, /Cannot tell the format/],
    [["--exec", "SELECT 1", "--format", "tabel"], 2, /Unknown format/],
    [["--output", "out.csv"], 2, /without --exec/],
    [["--exec", "SELECT 1", "--env", "dve"], 2, /does not exist/],
  ];
  const before = fileTree(project);
  for (const [args, code, message] of cases) {
    const result = await project.run("repl", ...args);
    assert.equal(result.code, code, args.join(" ") + result.stderr);
    assert.match(result.stderr, message);
  }
  assert.deepEqual(fileTree(project), before);
});

Deno.test("repl carries out a script, goes on after a failure and exits with the first one's code", async () => {
  using project = await builtShop();
  const input = [
    ".tables rev",
    "SELECT total FROM \"transform.revenue\" WHERE name = 'Bob';",
    "SELECT broken;",
    "SELECT count(*) AS n",
    "FROM source.orders;",
    ".format csv",
    "SELECT 1 AS a, 2 AS b",
  ].join("\n");
  const { code, stdout, stderr } = await runSeeknal(project, ["repl"], { input });
  assert.equal(code, 3);
  assert.match(stdout, /^transform\.revenue\s+2 rows\s+2 columns\n/);
  assert.match(stdout, /total\n-----\n {3}20\n/);
  assert.match(stdout, /n\n-\n3\n/);
  assert.match(stderr, /broken/);
  assert.match(stdout, /format: csv\na,b\n1,2\n$/);
});

Deno.test("repl edits, completes, keeps the session after an error and Ctrl-C, and leaves on Ctrl-D", async () => {
  using project = await builtShop();
  const slow = "SELECT count(*) FROM range(100000000000) a(x), range(9) b(y) WHERE x * y % 7 = 3;";
  const { code, stdout, stderr } = await runSeeknal(project, ["repl"], {
    outWidth: 80,
    keys: [
      "SELECT tot\t FROM revenue WHERE name = 'Ann';\x01\x1b[F\r",
      once(/^/, "SELECT name, tot\t\x7f\x03"),
      "SELECT name\rFROM reven\t ORDER BY 1;\r",
      "SELECT nope;\r",
      async () => await new Promise((resolve) => setTimeout(() => resolve(`${slow}\r`), 200)),
      async () => await new Promise((resolve) => setTimeout(() => resolve("\x03"), 400)),
      ".env nope\r.schema revenue\r.lineage revenue.total\r.timing off\r.limit 1\r",
      "SELECT 40 + 2 AS answer FROM source.orders;\r.help\r\x04",
    ],
  });
  assert.equal(code, 0);
  assert.match(stdout, /prod: 5 outputs to ask/);
  assert.match(stdout, /Ann\nBob\n\(2 rows in /);
  assert.match(stderr, /"nope"[\s\S]*Stopped[\s\S]*Environment "nope" does not exist/);
  assert.match(stdout, /total\s+HUGEINT|total\s+DECIMAL\(38,0\)/);
  assert.match(stdout, /source\.orders\.amount/);
  assert.match(stdout, /answer\n-+\n {4}42\n\(first 1 row; \.limit shows more\)/);
  assert.match(stdout, /\.explain SQL/);
  const history = project.read("target/repl_history").trim().split("\n");
  assert.ok(history.includes('"SELECT name\\nFROM revenue ORDER BY 1;"'), history.join("\n"));
});

Deno.test("repl sees what a run elsewhere made, and goes to another environment", async () => {
  using project = await builtShop();
  const change = async () => {
    project.write("data/orders.csv", "id,customer_id,amount,status\n1,1,99,paid\n");
    await ok(project, "run");
    await ok(project, "plan", "dev");
    return "SELECT sum(amount) AS s FROM orders;\r.env dev\r\x04";
  };
  const { stdout, stderr } = await runSeeknal(project, ["repl"], {
    keys: ["SELECT sum(amount) AS s FROM orders;\r", change],
  });
  assert.match(stdout, /\n35\n[\s\S]*\n99\n/);
  assert.match(stderr, /prod at \w{7} \(it moved\): 5 outputs/);
  assert.match(stderr, /dev at \w{7}: 5 outputs/);
});

Deno.test("inspect shows rows, columns and statistics that are exact", async () => {
  using project = await builtShop();
  const first = await project.run("inspect", "orders", "--limit", "2");
  assert.match(first.stdout, /^source\.orders {2}3 rows, 4 columns, .* in prod\n/);
  assert.match(first.stdout, /\(first 2 rows of 3 rows\)/);
  assert.match(
    (await project.run("inspect", "orders", "--schema")).stdout,
    / {2}amount\s+BIGINT\n/,
  );
  assert.match((await project.run("inspect")).stdout, /transform\.revenue\s+2 rows/);
  const found = await project.json<{ rows: number; stats: Record<string, unknown>[] }>(
    "inspect",
    "orders",
    "--stats",
  );
  assert.equal(found.rows, 3);
  assert.deepEqual(found.stats[1], {
    ...{ column: "customer_id", type: "BIGINT", nulls: 0, distinct: 2, min: "1", max: "2" },
    mean: 1.333,
  });
  project.write("seeknal/broken.yml", transform("bad", [], "SELECT error('no')::INT AS a"));
  await ok(project, "plan", "dev");
  const missing = await project.run("inspect", "bad", "--env", "dev");
  assert.equal(missing.code, 4);
  assert.match(missing.stderr, /seeknal run --env dev/);
});

Deno.test("list narrows by selectors, kinds and tags, and names what is misspelt", async () => {
  using project = await builtShop();
  const names = async (...args: string[]) =>
    (await ok(project, "list", "--names", ...args)).trim().split("\n");
  assert.deepEqual(await names("sources"), ["source.customers", "source.orders"]);
  assert.deepEqual(await names("--select", "orders+", "--types", "transform"), [
    "transform.clean_orders",
    "transform.revenue",
  ]);
  assert.deepEqual(await names("kinds"), ["source", "transform"]);
  project.write(
    "seeknal/names.yml",
    transform(
      "names",
      ["source.customers"],
      "SELECT 1 AS a FROM ref('source.customers')",
      "tags: [crm]\n",
    ),
  );
  assert.deepEqual(await names("--select", "state:modified"), ["transform.names"]);
  assert.deepEqual(await names("tags"), ["crm"]);
  const { nodes } = await project.json<{ nodes: ListedNode[] }>("list", "--tags", "crm");
  assert.deepEqual(nodes.map(({ id, status }) => `${id} ${status}`), [
    "source.customers success",
    "transform.names none",
  ]);
  for (
    const [args, hint] of [
      [["sorces"], /did you mean "sources"/],
      [["--select", "tagz:crm"], /did you mean "tag:"/],
      [["--select", "kind:transfrom"], /did you mean "transform"/],
      [["--select", "revenu"], /did you mean "revenue"/],
    ] as const
  ) {
    const { code, stderr } = await project.run("list", ...args);
    assert.equal(code, 2);
    assert.match(stderr, hint);
  }
});

Deno.test("show says everything about a node of the files and of an environment", async () => {
  using project = await builtShop();
  project.write(
    "seeknal/revenue.yml",
    transform(
      "revenue",
      ["transform.clean_orders", "source.customers"],
      "SELECT name, sum(amount) AS total FROM ref('transform.clean_orders') JOIN ref('source.customers') USING (customer_id) GROUP BY name",
      "grain: [name]\naudits:\n  - {type: unique, column: name}\ncolumns:\n  total: {description: Paid so far}\n",
    ),
  );
  await ok(project, "run");
  const node = await project.json<ShownNode>("show", "revenue");
  assert.deepEqual(node.inputs, ["transform.clean_orders", "source.customers"]);
  assert.deepEqual(node.columns.map(({ name, key, description }) => [name, key, description]), [
    ["name", true, null],
    ["total", false, "Paid so far"],
  ]);
  assert.ok(node.columns[1]!.from.includes("transform.clean_orders.amount"));
  assert.equal(node.checks[0]!.result!.status, "passed");
  assert.equal(node.result!.rows, 2);
  const { stdout } = await runSeeknal(project, ["show", "clean_orders", "--env", "prod"], {
    outWidth: 60,
  });
  assert.match(stdout, /readers +transform\.revenue\n/);
  assert.match(stdout, /output +2 rows, .* in prod at \w{7}\n/);
});

Deno.test("dag draws the graph in every format", async () => {
  using project = await builtShop();
  const text = await runSeeknal(project, ["dag"], { outWidth: 50 });
  assert.match(
    text.stdout,
    /^1 {2}source\.customers\n {3}source\.orders\n2 {2}transform\.clean_orders/,
  );
  assert.ok(text.stdout.split("\n").every((line) => line.length <= 50), text.stdout);
  assert.match(
    (await project.run("dag", "--format", "mermaid")).stdout,
    /^flowchart LR\n {2}n0\["source\.customers"\]/,
  );
  assert.match(
    (await project.run("dag", "-f", "dot")).stdout,
    /"source\.orders" -> "transform\.clean_orders";/,
  );
  const { nodes, edges } = await project.json<
    { nodes: { id: string; layer: number }[]; edges: unknown[] }
  >("dag");
  assert.deepEqual(nodes.map(({ id, layer }) => `${layer} ${id}`).at(-1), "2 transform.revenue");
  assert.equal(edges.length, 4);
  await ok(project, "dag", "revenue", "--upstream", "--output", "dag.html");
  assert.match(project.read("dag.html"), /<canvas/);
  assert.doesNotMatch(project.read("dag.html"), /transform\.names/);
  const refused = await project.run("dag", "--output", "dag.png");
  assert.deepEqual([refused.code, /Cannot tell the format/.test(refused.stderr)], [2, true]);
});

Deno.test("lineage takes the flags of the reference system", async () => {
  using project = await builtShop();
  const column = await ok(
    project,
    "lineage",
    "revenue",
    "--column",
    "total",
    "--ascii",
    "--no-open",
  );
  assert.match(column, /source\.orders\.amount/);
  await ok(project, "lineage", "--output", "lineage.html");
  assert.match(project.read("lineage.html"), /<canvas/);
  await ok(project, "lineage", "-o", "lineage.json");
  assert.equal((JSON.parse(project.read("lineage.json")) as { nodes: unknown[] }).nodes.length, 5);
  assert.equal((await project.run("lineage", "--column", "x")).code, 2);
  const tagged = await project.run("lineage", "--tags", "nobody", "--json");
  assert.match(tagged.stderr, /No nodes have the tags: nobody/);
  assert.deepEqual((JSON.parse(tagged.stdout) as { nodes: unknown[] }).nodes, []);
});

Deno.test("parse says what differs from production, in every format; validate is the same", async () => {
  using project = await builtShop();
  project.remove("seeknal/names.yml");
  project.write(
    "seeknal/more.yml",
    transform("more", ["source.orders"], "SELECT id FROM ref('source.orders')"),
  );
  project.write(
    "seeknal/clean_orders.yml",
    project.read("seeknal/clean_orders.yml") + "owner: me\n",
  );
  const { stdout } = await project.run("parse");
  for (const line of ["+ transform.more", "- transform.names", "~ transform.clean_orders  owner"]) {
    assert.ok(stdout.includes(`  ${line}\n`), stdout);
  }
  assert.doesNotMatch((await project.run("parse", "--no-diff")).stdout, /Compared/);
  assert.equal((await project.run("validate")).stdout, stdout);
  const yaml = (await project.run("parse", "--format", "yaml", "--no-diff")).stdout;
  const { parseYaml } = await import("../../src/project/yaml_document.ts");
  const parsed = parseYaml("x.yml", yaml);
  assert.equal(parsed.problem, null);
  const json = await project.json("parse", "--no-diff");
  assert.deepEqual(JSON.parse(JSON.stringify(parsed.documents![0]!.value)), json);
  project.write("seeknal/more.yml", "kind: transform\n");
  assert.equal((await project.run("validate")).code, 3);
});

Deno.test("diff takes nodes as folders name them, kinds, and refuses what leads out", async () => {
  using project = await builtShop();
  project.write("data/customers.csv", "customer_id,name\n1,Ann\n2,Bob\n3,Cy\n");
  const ids = async (...args: string[]) =>
    (await project.json<{ nodes: { id: string }[] }>("diff", ...args)).nodes.map(({ id }) => id);
  assert.ok((await ids()).includes("transform.revenue"));
  assert.deepEqual(await ids("transforms/names"), ["transform.names"]);
  assert.deepEqual(await ids("transform.names"), ["transform.names"]);
  assert.deepEqual(await ids("--type", "sources"), ["source.customers"]);
  assert.deepEqual(await ids("sources/orders"), []);
  for (const bad of ["transforms/nope", "../etc", "transforms/../x"]) {
    assert.equal((await project.run("diff", bad)).code, 2, bad);
  }
});

Deno.test("format writes SQL in YAML and .sql files, and leaves what it cannot prove", async () => {
  using project = makeShop();
  const names =
    "# keep me\nkind: transform\nname: names   \ninputs:   # and me\n  - ref: source.customers\n" +
    "transform: |\n  select customer_id ,upper(name) as name -- why\n  from ref('source.customers')\n  where {{ x }} > 1\nparams: {x: 2}";
  project.write("seeknal/names.yml", names);
  project.write(
    "seeknal/leaf.sql",
    "-- /// seeknal\n-- inputs: [transform.names]\n-- ///\n\nselect name from transform.names n",
  );
  project.write("seeknal/odd.yml", transform("odd", [], "SELECT 1 AS a FROM (SELECT"));
  const before = fileTree(project);
  assert.equal((await project.run("format", "--check")).code, 3);
  const diff = await project.run("format", "--diff", "seeknal/names.yml");
  assert.match(diff.stdout, /^- {2}select customer_id ,upper\(name\) as name -- why$/m);
  assert.deepEqual(fileTree(project), before);
  const { code, stderr } = await project.run("format");
  assert.equal(code, 0);
  assert.match(stderr, /left: seeknal\/odd\.yml: transform\.odd:/);
  assert.equal(
    project.read("seeknal/names.yml"),
    "# keep me\nkind: transform\nname: names   \ninputs:   # and me\n  - ref: source.customers\n" +
      "transform: |\n  SELECT\n    customer_id,\n    upper(name) AS name -- why\n  FROM ref('source.customers')\n  WHERE {{ x }} > 1\nparams: {x: 2}\n",
  );
  assert.equal(
    project.read("seeknal/leaf.sql"),
    "-- /// seeknal\n-- inputs: [transform.names]\n-- ///\n\nSELECT name\nFROM transform.names n\n",
  );
  assert.equal((await project.run("format", "--check")).code, 0);
  const piped = await runSeeknal(project, ["format", "-"], { input: "select 1 as a" });
  assert.equal(piped.stdout, "SELECT 1 AS a\n");
  assert.equal((await runSeeknal(project, ["format", "-"], { input: "select (1" })).code, 3);
});

Deno.test("completion offers environments, nodes of the files, tags and kinds", async () => {
  using project = makeShop();
  const complete = async (...words: string[]) =>
    (await project.run("__complete", "--", ...words)).stdout.trim().split("\n");
  assert.deepEqual(await complete("show", "transform.n"), ["transform.names"]);
  assert.deepEqual(await complete("list", "--types", "so"), ["source"]);
  await ok(project, "run");
  await ok(project, "plan", "dev");
  assert.deepEqual(await complete("repl", "--env", ""), ["dev", "prod"]);
  assert.deepEqual(await complete("inspect", "--env", "dev", "source."), [
    "source.customers",
    "source.orders",
  ]);
  assert.deepEqual(await complete("form"), ["format"]);
  assert.ok((await complete("format", "--")).includes("--check"));
});

Deno.test("run --max-workers 1 tells where several nodes could be built at once", async () => {
  using project = makeShop();
  for (const n of [1, 2, 3]) {
    project.write(`seeknal/w${n}.yml`, transform(`w${n}`, [], "SELECT 1 AS a"));
  }
  assert.match(
    (await project.run("run", "--max-workers", "1", "--dry-run")).stderr,
    /tip: layer 1 has 5 nodes/,
  );
  assert.doesNotMatch((await project.run("run", "--dry-run")).stderr, /tip:/);
  assert.doesNotMatch(
    (await project.run("run", "--max-workers", "1", "--dry-run", "-s", "w1")).stderr,
    /tip:/,
  );
});
