import assert from "node:assert/strict";
import { DRAFT_TEMPLATES } from "../../src/app/authoring/registry.ts";
import { DRAFT_TYPES } from "../../src/cli/commands/draft.ts";
import { NODE_KINDS } from "../../src/nodes/registry.ts";
import { runChild } from "../support/child.ts";
import { makeProject, runSeeknal, type TempProject } from "../support/project.ts";
import { fileTree, makeShop, ok, transform } from "../support/shop.ts";

Deno.test("draft refuses an unknown type, a bad name, a language that makes no sense, and writes nothing", async () => {
  using project = makeProject();
  const before = fileTree(project);
  const refused: readonly (readonly [number, RegExp, ...string[]])[] = [
    [2, /Invalid node type: 'transfrom'[\s\S]*did you mean "transform"/, "transfrom", "a"],
    [2, /Invalid node type: 'x'[\s\S]*valid types: source, /, "x", "a"],
    [2, /Invalid name "": it is empty/, "source", ""],
    [2, /Invalid name "a b": spaces/, "source", "a b"],
    [2, /Invalid name "a\/b"/, "source", "a/b"],
    [2, /Invalid name "\.\.": spaces/, "source", ".."],
    [2, /longer than 128/, "source", "a".repeat(129)],
    [2, /must begin with a letter/, "source", "1a"],
    [2, /a metric becomes a column/, "metric", "a-b"],
    [
      2,
      /An aggregation cannot be written in SQL[\s\S]*written in YAML/,
      "aggregation",
      "a",
      "--sql",
    ],
    [2, /A seed cannot be written in Python/, "seed", "a", "-py"],
    [2, /--sql and --ts cannot both be/, "transform", "a", "--sql", "--ts"],
    [2, /--deps needs --python/, "transform", "a", "--deps", "pandas"],
    [2, /A source reads no other node/, "source", "a", "--from", "source.b"],
  ];
  for (const [code, message, ...args] of refused) {
    const result = await project.run("draft", ...args);
    assert.equal(result.code, code, args.join(" ") + result.stderr);
    assert.match(result.stderr, message);
  }
  assert.deepEqual(fileTree(project), before);
});

Deno.test("every kind of node can be drafted, and completion offers what can", async () => {
  const kinds = DRAFT_TEMPLATES.map(({ kind }) => kind);
  assert.deepEqual(DRAFT_TYPES, kinds);
  assert.deepEqual(NODE_KINDS.filter(({ kind }) => !kinds.includes(kind)), []);
  using project = makeProject();
  const { stdout } = await project.run("draft", "--help");
  assert.match(stdout, /second_order_aggregation/);
});

Deno.test("a unit test is drafted with rows that pass, and a dry run of one that fails says so", async () => {
  using project = makeProject();
  await ok(project, "init", "--force");
  assert.match(await ok(project, "test"), /1 passed/);
  await ok(project, "draft", "test", "paid", "--from", "daily_revenue");
  const text = project.read("draft_test_paid.yml");
  assert.match(text, /status: "paid"/, "what the query looks for");
  assert.match(await ok(project, "dry-run", "draft_test_paid.yml"), /goes to +tests\/paid\.yml/);
  project.write("draft_test_paid.yml", text.replace("orders: 1", "orders: 7"));
  const before = fileTree(project);
  const failing = await project.run("dry-run", "draft_test_paid.yml");
  assert.equal(failing.code, 4);
  assert.match(failing.stdout, /failed +paid/);
  assert.deepEqual(fileTree(project), before);
  project.write("broken.yml", "name: b\nnode: transform.nothing\nexpect: []\nextra: 1\n");
  const broken = await project.run("dry-run", "broken.yml");
  assert.equal(broken.code, 3);
  assert.match(broken.stderr, /broken\.yml:4:1 error: Unknown field "extra"/);
  // A test may be written before what makes it pass.
  assert.match(await ok(project, "apply", "draft_test_paid.yml"), /successfully: tests\/paid\.yml/);
  assert.equal((await project.run("test")).code, 4);
  const script = await project.run("draft", "test", "x", "--from", "source.orders");
  assert.match(script.stderr, /A test cannot read source\.orders: it reads a transform or/);
});

Deno.test("draft writes over a draft with --force only, takes both spellings of a kind, never touches data", async () => {
  using project = makeProject({ "data/orders.csv": "id\n1\n" });
  await ok(project, "draft", "source", "orders");
  assert.equal(project.read("data/orders.csv"), "id\n1\n");
  const again = await project.run("draft", "source", "orders", "--description", "Mine");
  assert.equal(again.code, 3);
  assert.match(again.stderr, /Draft file already exists: draft_source_orders\.yml[\s\S]*--force/);
  await ok(project, "draft", "source", "orders", "--description", "Mine: all", "--force");
  assert.match(project.read("draft_source_orders.yml"), /^description: "Mine: all"$/m);
  for (const kind of ["feature-group", "feature_group"]) {
    await ok(project, "draft", kind, "f", "--force");
    assert.ok(project.exists("draft_feature_group_f.yml"));
  }
  await ok(project, "draft", "common-transform", "t");
  assert.ok(project.exists("draft_common_transformation_t.yml"));
});

Deno.test("draft source reads the file of its name in data/, whatever its type", async () => {
  using project = makeProject({ "data/events.jsonl": '{"id": 1}\n' });
  await ok(project, "draft", "source", "events");
  assert.match(project.read("draft_source_events.yml"), /^source: jsonl +# how to read it/m);
  assert.match(await ok(project, "dry-run", "draft_source_events.yml"), /\nid\n--\n 1\n/);
});

Deno.test("lint asks for a description in words that fit a node with rows and one without", async () => {
  using project = makeProject({
    "data/orders.csv": "id\n1\n",
    "seeknal/nodes.yml":
      "kind: source\nname: orders\nsource: csv\ntable: data/orders.csv\n---\nkind: exposure\nname: report\ntype: dashboard\ndepends_on: [{ref: source.orders}]\n",
  });
  const { stdout, stderr } = await project.run("lint");
  assert.match(stdout + stderr, /exposure\.report has no description[\s\S]*what it is for/);
  assert.match(stdout + stderr, /source\.orders has no description[\s\S]*what one row is/);
});

Deno.test("draft reads the node that --from names, the best one without it, and says what one lacks", async () => {
  using shop = makeShop();
  await ok(shop, "draft", "transform", "a", "--from", "customers");
  assert.match(shop.read("draft_transform_a.yml"), /FROM ref\('source\.customers'\)/);
  // The one with the most to work with.
  const { reads } = await shop.json<{ reads: string }>("draft", "transform", "b");
  assert.equal(reads, "source.orders");
  const lacks = await shop.run("draft", "aggregation", "c", "--from", "source.orders");
  assert.equal(lacks.code, 3);
  assert.match(lacks.stderr, /cannot read source\.orders: it has no DATE or TIMESTAMP column/);
  assert.equal((await shop.run("draft", "transform", "d", "--from", "nothing")).code, 2);
  // Nothing suits: sample rows come along.
  await ok(shop, "draft", "aggregation", "c");
  assert.match(shop.read("draft_aggregation_c.yml"), /^---$/m);
});

Deno.test("draft begins with the project's own template, and does without a project that loads", async () => {
  using project = makeProject({
    "seeknal/templates/transform.yml":
      "kind: transform\nname: __NAME__\ndescription: __DESCRIPTION__\ntransform: SELECT 1 AS x\n",
    "seeknal/broken.yml": "kind: [",
  });
  const { stderr } = await project.run("draft", "transform", "a", "-d", "Ours");
  assert.match(stderr, /note: The project has 1 problem/);
  assert.equal(
    project.read("draft_transform_a.yml").replace(/^#.*\n/, ""),
    "kind: transform\nname: a\ndescription: Ours\ntransform: SELECT 1 AS x\n",
  );
  project.remove("seeknal/broken.yml");
  // A template is no node.
  await ok(project, "apply", "draft_transform_a.yml");
  assert.match(await ok(project, "parse"), /1 node/);
});

Deno.test("dry-run names every problem of a draft with its place, and writes nothing", async () => {
  using shop = makeShop();
  const drafts: Readonly<Record<string, readonly [string, RegExp]>> = {
    "syntax.yml": ["kind: transform\nname: a\n  b: c\n", /syntax\.yml:3:4 error: Invalid YAML/],
    "nokind.yml": ["name: a\n", /nokind\.yml:1:1 error: Missing required field: kind/],
    "kind.yml": ["kind: sauce\nname: a\n", /kind\.yml:1:7 error: Unknown node type: 'sauce'/],
    "field.yml": [
      "kind: transform\nname: a\ntransfrom: SELECT 1\n",
      /field\.yml:3:1 error: Unknown field "transfrom"[\s\S]*did you mean "transform"/,
    ],
    "input.yml": [
      transform("a", ["source.order"], "SELECT 1 AS x"),
      /input\.yml:4:5 error: transform\.a reads source\.order, which[\s\S]*"source\.orders"/,
    ],
    "sql.yml": [
      transform("a", ["source.orders"], "SELECT idd FROM ref('source.orders')"),
      /sql\.yml:6:10 error: transform\.a: .*"idd"/,
    ],
    "a.sql": ["-- x\nSELECT amout FROM ref('source.orders')\n", /a\.sql:2:8 error: .*"amout"/],
    "noheader.ts": ["export default () => [];\n", /does not say which node it is/],
    "snippet.yml": ["kind: common-rule\nid: a\n", /Missing required fields for common-rule: value/],
  };
  for (const [file, [text]] of Object.entries(drafts)) shop.write(file, text);
  const before = fileTree(shop);
  for (const [file, [, problem]] of Object.entries(drafts)) {
    const { code, stderr } = await shop.run("dry-run", file);
    assert.equal(code, 3, file + stderr);
    assert.match(stderr, problem);
  }
  const { code, stdout } = await shop.run("dry-run", "sql.yml", "--json");
  assert.equal(code, 3);
  const { valid, diagnostics } = JSON.parse(stdout);
  assert.equal(valid, false);
  assert.deepEqual([diagnostics[0].file, diagnostics[0].line], ["sql.yml", 6]);
  assert.deepEqual(fileTree(shop), before);
});

Deno.test("dry-run computes what is not built yet, reads what is, and shows as many rows as asked for", async () => {
  using shop = makeShop();
  shop.write("d.yml", transform("big", ["transform.revenue"], "FROM ref('transform.revenue')"));
  const before = fileTree(shop);
  const first = await shop.json<DryRun>("dry-run", "d.yml");
  assert.deepEqual(first.built_for_preview, [
    "source.customers",
    "source.orders",
    "transform.clean_orders",
    "transform.revenue",
  ]);
  assert.equal(first.rows?.length, 2);
  assert.equal(first.target, "seeknal/transforms/big.yml");
  assert.deepEqual(fileTree(shop), before);
  await ok(shop, "run");
  const second = await shop.json<DryRun>("dry-run", "d.yml", "--limit", "1");
  assert.deepEqual(second.built_for_preview, []);
  assert.equal(second.rows?.length, 1);
  assert.equal((await shop.json<DryRun>("dry-run", "d.yml", "--schema-only")).rows, null);
  // A file of the project stands for itself.
  const own = await shop.run("dry-run", "seeknal/revenue.yml");
  assert.match(own.stdout, /OK transform\.revenue is valid[\s\S]*name +total/);
});

Deno.test("dry-run stops at the timeout and says what else there is", async () => {
  using project = makeProject({
    "slow.yml": transform(
      "slow",
      [],
      "SELECT count(*) AS n FROM range(100000000) a, range(1000) b",
    ),
  });
  const { code, stderr } = await project.run("dry-run", "slow.yml", "--timeout", "1");
  assert.equal(code, 4);
  assert.match(stderr, /took longer than 1 s[\s\S]*--timeout 120/);
  assert.equal((await project.run("dry-run", "slow.yml", "--schema-only")).code, 0);
});

Deno.test("a draft that breaks what reads it, or meets a broken project, is told from one that is broken", async () => {
  using shop = makeShop();
  shop.write("d.yml", transform("clean_orders", ["source.orders"], "SELECT 1 AS id"));
  const breaks = await shop.run("dry-run", "d.yml");
  assert.equal(breaks.code, 3);
  assert.match(breaks.stderr, /d\.yml has no problem of its own, and the project would have 1/);
  assert.match(breaks.stderr, /seeknal\/revenue\.yml:\d+:\d+ error/);
  assert.equal((await shop.run("apply", "d.yml", "--yes")).code, 3);
  assert.ok(shop.exists("d.yml"));
});

Deno.test("drafts outside the project and symbolic links are refused", async () => {
  using project = makeProject({ "a.yml": transform("a", [], "SELECT 1 AS x") });
  using other = makeProject({ "b.yml": transform("b", [], "SELECT 1 AS x") });
  Deno.symlinkSync(other.path("b.yml"), project.path("link.yml"));
  Deno.mkdirSync(project.path("seeknal"));
  Deno.symlinkSync(other.root, project.path("seeknal/transforms"));
  for (const command of ["dry-run", "apply"]) {
    assert.equal((await project.run(command, other.path("b.yml"), "-p", ".")).code, 6);
    assert.equal((await project.run(command, "link.yml")).code, 6);
    assert.equal((await project.run(command, "a.yml")).code, 6, "the target is out of the project");
    assert.equal((await project.run(command, "none.yml")).code, 2);
  }
});

Deno.test("apply moves a draft by the name in it, shows what a replacement changes, and asks first", async () => {
  using shop = makeShop();
  shop.write("d.yml", transform("total", ["transform.revenue"], "FROM ref('transform.revenue')"));
  const added = await shop.run("apply", "d.yml");
  assert.equal(added.code, 0);
  assert.match(added.stdout, /Added: \+ transform\.total/);
  assert.match(added.stdout, /\+ seeknal\/transforms\/total\.yml +from d\.yml/);
  assert.match(added.stdout, /Applied successfully: transform\.total\nPlan: 6 to build/);
  assert.match(added.stderr, /next: seeknal run/);
  assert.ok(!shop.exists("d.yml") && shop.exists("seeknal/transforms/total.yml"));
  await ok(shop, "run");

  const sql = "SELECT id, customer_id, amount * 2 AS amount FROM ref('source.orders')";
  const edited = transform("clean_orders", ["source.orders"], sql);
  shop.write("d.yml", edited);
  const before = fileTree(shop);
  const asked = await shop.run("apply", "d.yml");
  assert.equal(asked.code, 2);
  assert.match(asked.stderr, /seeknal apply d\.yml --yes/);
  const refused = await runSeeknal(shop, ["apply", "d.yml"], { answer: false });
  assert.equal(refused.code, 0);
  assert.match(refused.stderr, /Apply these changes\?[\s\S]*Nothing was changed/);
  assert.deepEqual(fileTree(shop), before);
  const applied = await runSeeknal(shop, ["apply", "d.yml"], { answer: true });
  // Where the node is, not where a new one would be.
  assert.match(applied.stdout, /^seeknal\/clean_orders\.yml$/m);
  assert.match(applied.stdout, /^ {2}\+ .*amount \* 2 AS amount/m);
  assert.match(applied.stdout, /Changed: transform\.clean_orders +BREAKING/);
  assert.match(applied.stdout, /reaches 2 nodes downstream: transform\.revenue, transform\.total/);
  assert.equal(shop.read("seeknal/clean_orders.yml"), edited);

  shop.write("d.yml", edited);
  const same = await shop.run("apply", "d.yml");
  assert.match(same.stdout, /Files are identical\. No action needed\./);
  assert.ok(!shop.exists("d.yml"), "a draft that is in place already is done with");
  assert.match((await shop.run("apply", "seeknal/clean_orders.yml")).stdout, /identical/);
  assert.ok(shop.exists("seeknal/clean_orders.yml"));
});

Deno.test("apply refuses what it cannot replace as a whole", async () => {
  using shop = makeShop();
  const before = { ...fileTree(shop) };
  const refuse = async (file: string, text: string, problem: RegExp) => {
    shop.write(file, text);
    const { code, stderr } = await shop.run("apply", file, "--force");
    assert.equal(code, 3, stderr);
    assert.match(stderr, problem);
    shop.remove(file);
  };
  const source = "kind: source\nname: orders\nsource: csv\ntable: data/orders.csv\n";
  await refuse(
    "d.yml",
    source,
    /source\.orders is in seeknal\/sources\.yml already, together with/,
  );
  const header = "-- /// seeknal\n-- name: revenue\n-- ///\n";
  await refuse(
    "d.sql",
    `${header}SELECT 1 AS x`,
    /transform\.revenue is in .* in another language/,
  );
  assert.deepEqual(fileTree(shop), before);
  shop.write("seeknal/transforms/new.yml", transform("other", [], "SELECT 1 AS x"));
  await refuse(
    "d.yml",
    transform("new", [], "SELECT 1 AS x"),
    /new\.yml is there already and holds transform\.other/,
  );
});

Deno.test("apply puts a snippet into its file by id, and leaves everything else as it is", async () => {
  const rules =
    "# Ours\nrules:\n- id: a\n  value: a > 0  # why\n\n# about b\n- id: b\n  value: b > 0\n";
  using project = makeProject({
    "seeknal/common/rules.yml": rules,
    "seeknal/t.yml": transform("t", [], "SELECT 1 AS x WHERE {{ rules.c }}"),
  });
  project.write("d.yml", "kind: common-rule\nid: c\nvalue: 1 = 1\n");
  assert.match(await ok(project, "dry-run", "d.yml"), /use +\{\{ rules\.c \}\}/);
  await ok(project, "apply", "d.yml", "--yes");
  const added = `${rules}- id: c\n  value: 1 = 1\n`;
  assert.equal(project.read("seeknal/common/rules.yml"), added);
  project.write("d.yml", "kind: common-rule\n# new\nid: a\nvalue: a > 10\n");
  const { stdout } = await project.run("apply", "d.yml", "--force");
  assert.match(stdout, /- {3}value: a > 0|- {1,3}.*a > 0/);
  assert.equal(
    project.read("seeknal/common/rules.yml"),
    added.replace("value: a > 0  # why", "value: a > 10"),
  );
  // A query that the snippet breaks is a problem of the draft.
  project.write("d.yml", "kind: common-rule\nid: c\nvalue: nothing\n");
  assert.equal((await project.run("apply", "d.yml", "--yes")).code, 3);
  project.write("seeknal/common/rules.yml", "rules: [{id: c, value: 1 = 1}]\n");
  project.write("d.yml", "kind: common-rule\nid: d\nvalue: 2 = 2\n");
  assert.match((await project.run("apply", "d.yml", "--yes")).stderr, /not one entry a line/);
});

Deno.test("an apply that is killed leaves the draft and the file, and goes on when it is called again", async () => {
  using project = makeProject({ "d.yml": transform("a", [], "SELECT 1 AS x") });
  const text = project.read("d.yml");
  const env = { SEEKNAL_FAULT_POINT: "apply-written" };
  const { code } = await runChild(project.root, ["apply", "d.yml"], env);
  assert.notEqual(code, 0);
  assert.equal(project.read("d.yml"), text);
  assert.equal(project.read("seeknal/transforms/a.yml"), text);
  assert.match(await ok(project, "apply", "d.yml"), /Files are identical/);
  assert.ok(!project.exists("d.yml"));
  assert.match(await ok(project, "parse"), /1 node/);
});

Deno.test("an applied draft names its schema from where it lies, and --no-parse plans nothing", async () => {
  using project = makeProject();
  project.write("drafts/readme.txt", "");
  await ok(project, "draft", "transform", "a");
  const first = (path: string) => project.read(path).split("\n")[0];
  const comment = "# yaml-language-server: $schema=";
  assert.equal(first("draft_transform_a.yml"), `${comment}target/schemas/transform.json`);
  const { stdout } = await project.run("apply", "draft_transform_a.yml", "--no-parse");
  assert.doesNotMatch(stdout, /Plan:/);
  assert.equal(first("seeknal/transforms/a.yml"), `${comment}../../target/schemas/transform.json`);
  const schema = JSON.parse(project.read("target/schemas/transform.json"));
  assert.ok("transform" in schema.properties);
});

Deno.test("schema prints one schema or all, writes them, and refuses a kind that is none", async () => {
  using project = makeProject();
  const one = await project.json<{ properties: object }>("schema", "feature-group");
  assert.ok("entity" in one.properties);
  const { schemas } = await project.json<{ schemas: Record<string, unknown> }>("schema");
  assert.ok("node" in schemas && "profiles" in schemas);
  assert.match(await ok(project, "schema", "--write"), /Wrote \d+ of \d+ schemas/);
  assert.match(await ok(project, "schema", "--write"), /are current/);
  await ok(project, "schema", "source", "--write", "editor");
  assert.deepEqual([...Deno.readDirSync(project.path("editor"))].map(({ name }) => name), [
    "source.json",
  ]);
  const { code, stderr } = await project.run("schema", "sourc");
  assert.equal(code, 2);
  assert.match(stderr, /did you mean "source"/);
});

Deno.test("init names the steps, the loop of an environment and --parallel, and keeps what is there", async () => {
  using project: TempProject = makeProject({ "deno.json": "{}\n", "data/orders.csv": "mine\n" });
  project.remove("seeknal_project.yml");
  const { stdout } = await project.run("init", "--name", "shop", "-d", 'My "shop"', "--path", ".");
  for (
    const words of [
      "Next steps",
      "Advanced",
      "seeknal plan\n",
      "seeknal run\n",
      "seeknal plan dev && seeknal run --env dev",
      "seeknal promote dev",
      "seeknal run --parallel",
    ]
  ) assert.ok(stdout.includes(words), words);
  assert.equal(project.read("deno.json"), "{}\n");
  assert.equal(project.read("data/orders.csv"), "mine\n");
  assert.match(project.read("seeknal_project.yml"), /^name: "shop"\n/m);
  assert.match(project.read("seeknal_project.yml"), /^description: "My \\"shop\\""$/m);
  const again = await project.run("init");
  assert.equal(again.code, 3);
  assert.match(again.stderr, /Project already exists at [\s\S]*Use --force to reinitialize/);
  project.write("profiles.yml", "connections: {}\n");
  const { written } = await project.json<{ written: string[] }>("init", "--force");
  assert.deepEqual(written, ["seeknal_project.yml"]);
  assert.equal(project.read("profiles.yml"), "connections: {}\n");
});

Deno.test("init gives the folder a task that calls the program", async () => {
  using project = makeProject();
  await ok(project, "init", "new");
  const { tasks } = JSON.parse(project.read("new/deno.json"));
  assert.equal(
    tasks.seeknal,
    'deno run -A --config "/opt/seeknal/deno.json" "/opt/seeknal/main.ts"',
  );
  await ok(project, "run", "-p", "new");
});

interface DryRun {
  readonly target: string;
  readonly built_for_preview: readonly string[];
  readonly rows: readonly unknown[] | null;
}

Deno.test("a ref() that leads nowhere is said at its place, with the node that is meant", async () => {
  using project = makeProject({
    "data/orders.csv": "id\n1\n",
    "seeknal/orders.yml": "kind: source\nname: orders\nsource: csv\ntable: data/orders.csv\n",
    "seeknal/a.sql": "-- /// seeknal\n-- tags: [x]\n-- ///\nSELECT id\nFROM ref('orders')\n",
    "seeknal/b.yml":
      "kind: transform\nname: b\ntransform: |\n  SELECT id\n  FROM ref('model.orders')\n",
    "seeknal/c.yml":
      "kind: transform\nname: c\ninputs: [source.order]\ntransform: SELECT id FROM source.order\n",
  });
  const { code, stderr } = await project.run("parse");
  assert.equal(code, 3);
  assert.match(
    stderr,
    /seeknal\/a\.sql:5:6 error: transform\.a reads orders, which does not exist/,
  );
  assert.match(stderr, /seeknal\/b\.yml:5:8 error: transform\.b reads model\.orders/);
  assert.match(stderr, /seeknal\/c\.yml:3:10 error: transform\.c reads source\.order,/);
  assert.equal(stderr.match(/did you mean "source\.orders"\?/g)?.length, 3);
});
