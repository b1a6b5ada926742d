import assert from "node:assert/strict";
import type { Plan } from "../../src/model/plan.ts";
import { git, runCommand } from "../support/command.ts";
import { makeProject } from "../support/project.ts";
import { fileTree, makeShop, ok, rowsOf, source, transform } from "../support/shop.ts";

const REVENUE = "SELECT * FROM transform.revenue";

Deno.test("the loop carries a change from plan to production and back", async () => {
  using shop = makeShop();
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  await ok(shop, "promote", "dev", "--yes");
  const before = await rowsOf(shop, REVENUE);
  assert.deepEqual(before, [{ name: "Ann", total: 10 }, { name: "Bob", total: 20 }]);

  shop.write(
    "seeknal/clean_orders.yml",
    shop.read("seeknal/clean_orders.yml").replace(" WHERE status = 'paid'", ""),
  );
  const plan = await shop.json<Plan>("plan", "dev");
  assert.deepEqual(
    plan.nodes.filter((n) => n.action === "build").map((n) => n.id),
    ["transform.clean_orders", "transform.revenue"],
  );
  await ok(shop, "run", "--env", "dev");
  assert.deepEqual(await rowsOf(shop, REVENUE), before, "production is untouched");
  const after = [{ name: "Ann", total: 15 }, { name: "Bob", total: 20 }];
  assert.deepEqual(await rowsOf(shop, REVENUE, "dev"), after);
  await ok(shop, "promote", "dev", "--yes");
  assert.deepEqual(await rowsOf(shop, REVENUE), after);
  await ok(shop, "rollback", "--yes");
  assert.deepEqual(await rowsOf(shop, REVENUE), before);
  await git(shop.path("target/state.git"), "fsck", "--strict");
});

Deno.test("run --env refuses a plan that the files have left behind, and --force plans again (j.12 1)", async () => {
  using shop = makeShop();
  await ok(shop, "plan", "dev");
  shop.write("seeknal/names.yml", shop.read("seeknal/names.yml").replace("upper", "lower"));
  const before = fileTree(shop);
  const { code, stderr } = await shop.run("run", "--env", "dev");
  assert.equal(code, 4);
  assert.match(stderr, /Plan is stale -- manifest has changed/);
  assert.match(stderr, /transform\.names/);
  assert.match(stderr, /seeknal plan dev/);
  assert.deepEqual(fileTree(shop), before, "nothing was written");
  await ok(shop, "run", "--env", "dev", "--force");
  assert.deepEqual((await rowsOf(shop, "SELECT name FROM transform.names", "dev"))[0], {
    name: "ann",
  });
});

Deno.test("run --env refuses a plan after the data of a source changed", async () => {
  using shop = makeShop();
  await ok(shop, "plan", "dev");
  shop.write("data/orders.csv", "id,customer_id,amount,status\n9,1,1,paid\n");
  const { code, stderr } = await shop.run("run", "--env", "dev");
  assert.equal(code, 4);
  assert.match(stderr, /data changed: data\/orders\.csv/);
});

Deno.test("two plans of the same files are the same commit, and two projects of the same files have the same tree (j.12 2)", async () => {
  using one = makeShop();
  using two = makeShop();
  const first = await one.json<Plan>("plan", "dev");
  const again = await one.json<Plan>("plan", "dev");
  assert.equal(first.plan, again.plan);
  await ok(two, "plan", "dev");
  const tree = (shop: typeof one) => git(shop.path("target/state.git"), "rev-parse", "dev:nodes");
  assert.equal(await tree(one), await tree(two));
});

Deno.test("plan without ENV, run --dry-run, run --show-plan, promote --dry-run and diff write nothing (j.12 3, 4, 5)", async () => {
  using shop = makeShop();
  const commands = [
    ["plan"],
    ["run", "--dry-run"],
    ["run", "--show-plan"],
    ["diff"],
    ["parse"],
    ["info"],
    ["env", "list"],
  ];
  const empty = fileTree(shop);
  for (const command of commands) {
    await ok(shop, ...command);
    assert.deepEqual(fileTree(shop), empty, command.join(" "));
  }
  await ok(shop, "run");
  await ok(shop, "plan", "dev");
  shop.write("seeknal/names.yml", shop.read("seeknal/names.yml").replace("upper", "lower"));
  await ok(shop, "plan", "dev");
  const before = fileTree(shop);
  const more = [
    ["run", "--env", "dev", "--dry-run"],
    ["rollback", "dev", "--dry-run"],
    ["history"],
    ["env", "show", "dev"],
    ["doctor"],
    ["gc", "--dry-run"],
    ["query", "FROM transform.names"],
  ];
  for (const command of [...commands, ...more]) {
    await ok(shop, ...command);
    assert.deepEqual(fileTree(shop), before, command.join(" "));
  }
  const [dev] = (await shop.json<{ name: string; status: string }[]>("env", "list")).filter((e) =>
    e.name === "dev"
  );
  assert.equal(dev!.status, "planned");
});

Deno.test("a failed run of an environment exits 4, stops descendants and cannot be promoted (j.12 6, 7)", async () => {
  for (const workers of ["1", "4"]) {
    using shop = makeShop();
    shop.write(
      "seeknal/clean_orders.yml",
      transform(
        "clean_orders",
        ["source.orders"],
        "SELECT id, customer_id, CAST(status AS INTEGER) AS amount FROM ref('source.orders')",
      ),
    );
    await ok(shop, "plan", "dev");
    const { code, stderr } = await shop.run("run", "--env", "dev", "--max-workers", workers);
    assert.equal(code, 4);
    assert.match(stderr, /failed\s+transform\.clean_orders.*Could not convert string 'paid'/s);
    assert.match(stderr, /skipped\s+transform\.revenue/);
    assert.match(stderr, /built\s+transform\.names/, "siblings finish");
    const { code: refused, stderr: why } = await shop.run("promote", "dev", "--yes");
    assert.equal(refused, 3);
    assert.match(why, /transform\.clean_orders/);
    assert.deepEqual(
      await shop.json("env", "list").then((list) =>
        (list as { status: string }[]).map((e) => e.status)
      ),
      ["failed"],
    );
  }
});

Deno.test("production stays whole when a node fails; --continue-on-error publishes what succeeded", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  const head = (await git(shop.path("target/state.git"), "rev-parse", "prod")).trim();
  shop.write(
    "seeknal/clean_orders.yml",
    shop.read("seeknal/clean_orders.yml").replace(
      "amount FROM",
      "CAST(status AS INTEGER) AS amount FROM",
    ),
  );
  shop.write("seeknal/names.yml", shop.read("seeknal/names.yml").replace("upper", "lower"));
  assert.equal((await shop.run("run")).code, 4);
  assert.equal((await git(shop.path("target/state.git"), "rev-parse", "prod")).trim(), head);
  assert.deepEqual((await rowsOf(shop, "SELECT name FROM names"))[0], { name: "ANN" });

  const { code, stderr } = await shop.run("run", "--continue-on-error");
  assert.equal(code, 4);
  assert.match(stderr, /cached\s+transform\.names|Running/);
  assert.deepEqual((await rowsOf(shop, "SELECT name FROM names"))[0], { name: "ann" });
  assert.deepEqual(await rowsOf(shop, REVENUE), [{ name: "Ann", total: 10 }, {
    name: "Bob",
    total: 20,
  }], "the failed part is as it was");
});

Deno.test("zero rows are a result and replace the old output (j.12 8)", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  shop.write("data/orders.csv", "id,customer_id,amount,status\n1,1,10,open\n");
  await ok(shop, "run");
  assert.deepEqual(await rowsOf(shop, "SELECT * FROM transform.clean_orders"), []);
  assert.deepEqual(await rowsOf(shop, REVENUE), []);
});

Deno.test("any number of workers gives the same rows, also with nine nodes of one layer over two sources (j.12 9, k.2 1)", async () => {
  const results: unknown[] = [];
  for (const workers of ["1", "2", "8"]) {
    using shop = makeShop();
    const names = [...Array(9).keys()];
    for (const i of names) {
      const from = i % 2 === 0 ? "source.orders" : "source.customers";
      shop.write(
        `seeknal/wide/t${i}.yml`,
        transform(`t${i}`, [from], `SELECT *, ${i} AS i FROM input_0`),
      );
    }
    await ok(shop, "run", "--max-workers", workers);
    results.push(
      await Promise.all(names.map((i) => rowsOf(shop, `SELECT * FROM transform.t${i}`))),
    );
  }
  assert.deepEqual(results[1], results[0]);
  assert.deepEqual(results[2], results[0]);
});

Deno.test("a chain dev -> staging -> prod carries results, and each hop says where it came from (j.12 10, k.2 2)", async () => {
  using shop = makeShop();
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  await ok(shop, "promote", "dev", "staging", "--yes");
  assert.equal((await shop.run("query", "FROM revenue")).code, 2, "production does not exist yet");
  await ok(shop, "promote", "staging", "--yes");
  assert.equal((await rowsOf(shop, REVENUE)).length, 2);
  const list = await shop.json<{ name: string; promoted_from: string | null }[]>("env", "list");
  const from = Object.fromEntries(list.map((e) => [e.name, e.promoted_from]));
  assert.deepEqual(from, { dev: null, staging: "dev", prod: "staging" });
  assert.ok(shop.exists("target/environments/staging/cache/transform/revenue.parquet"));
  assert.ok(shop.exists("target/cache/transform/revenue.parquet"));
});

Deno.test("removed nodes leave production, its files included, with a plan that only removes (j.12 11)", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  shop.remove("seeknal/names.yml");
  const plan = await shop.json<Plan>("plan", "dev");
  assert.equal(plan.summary.drop, 1);
  assert.equal(plan.summary.build, 0);
  assert.match(await ok(shop, "run", "--env", "dev"), /Nothing to run/);
  await ok(shop, "promote", "dev", "--yes");
  assert.ok(!shop.exists("target/cache/transform/names.parquet"));
  assert.equal((await shop.run("query", "FROM transform.names")).code, 3);
});

Deno.test("a plan of metadata only builds nothing and can be promoted (j.12 12, 22)", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  shop.write(
    "seeknal/names.yml",
    shop.read("seeknal/names.yml") + "description: Customer names\nowner: me\n",
  );
  const plan = await shop.json<Plan>("plan", "dev");
  assert.equal(plan.summary.metadata, 1);
  assert.equal(plan.summary.build, 0);
  await ok(shop, "promote", "dev", "--yes");
  assert.match(shop.read("target/manifest.json"), /Customer names/);
  assert.match(await ok(shop, "run"), /Nothing to run/);
});

Deno.test("promote refuses when production moved, says who moved it, and a new plan makes it a fast-forward (j.12 15)", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  shop.write("seeknal/names.yml", shop.read("seeknal/names.yml").replace("upper", "lower"));
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  const mine = shop.read("seeknal/names.yml");
  shop.write("seeknal/names.yml", mine.replace("lower", "upper"));
  shop.write("data/orders.csv", "id,customer_id,amount,status\n1,1,100,paid\n");
  await ok(shop, "run");
  const { code, stderr } = await shop.run("promote", "dev", "--yes");
  assert.equal(code, 4);
  assert.match(stderr, /production moved to [0-9a-f]{7}.*Ada.*run prod/);
  assert.match(stderr, /seeknal plan dev/);
  shop.write("seeknal/names.yml", mine);
  const plan = await shop.json<Plan>("plan", "dev");
  assert.equal(plan.summary.build, 0, "valid results were carried over");
  await ok(shop, "promote", "dev", "--yes");
  assert.deepEqual(await rowsOf(shop, REVENUE), [{ name: "Ann", total: 100 }]);
  assert.deepEqual((await rowsOf(shop, "SELECT name FROM names"))[0], { name: "ann" });
  const parents = await git(shop.path("target/state.git"), "log", "-1", "--format=%P", "prod~1");
  assert.equal(parents.trim().split(" ").length, 2, "the plan has dev and production as parents");
});

Deno.test("plan warns when the files would undo what somebody else promoted", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  await ok(shop, "plan", "dev");
  shop.write(
    "seeknal/theirs.yml",
    transform("theirs", ["source.orders"], "SELECT id FROM ref('source.orders')"),
  );
  await ok(shop, "run");
  shop.remove("seeknal/theirs.yml");
  const plan = await shop.json<Plan>("plan", "dev");
  assert.deepEqual(plan.diagnostics.map((d) => d.code), ["production_moved"]);
  assert.match(plan.diagnostics[0]!.message, /transform\.theirs was added to production/);
});

Deno.test("after promote the next run has nothing to do (j.12 16, k.2 15)", async () => {
  using shop = makeShop();
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev", "--max-workers", "4");
  await ok(shop, "promote", "dev", "--yes");
  assert.match(await ok(shop, "run"), /Nothing to run: 5 nodes up to date/);
});

Deno.test("all problems of a project are reported at once with their places, and nothing is written (j.12 17)", async () => {
  using project = makeProject({
    "data/a.csv": "x\n1\n",
    "seeknal/a.yml": source("a"),
    "seeknal/broken.yml": "kind: transform\nname: broken\ntransform: [\n",
    "seeknal/unknown.yml": "kind: transfrom\nname: unknown\n",
    "seeknal/field.yml": transform(
      "field",
      ["source.a"],
      "SELECT x FROM ref('source.a')",
      "materialized: table\n",
    ),
    "seeknal/dup.yml": source("a"),
    "seeknal/missing.yml": transform(
      "missing",
      ["source.aa"],
      "SELECT 1 AS x FROM ref('source.aa')",
    ),
    "seeknal/c1.yml": transform("c1", ["transform.c2"], "SELECT * FROM ref('transform.c2')"),
    "seeknal/c2.yml": transform("c2", ["transform.c1"], "SELECT * FROM ref('transform.c1')"),
    "seeknal/bind.yml": transform("bind", ["source.a"], "SELECT x,\n  yy\nFROM ref('source.a')"),
    "seeknal/parse.yml": transform("parse", ["source.a"], "SELECT x FRM ref('source.a')"),
  });
  const before = fileTree(project);
  const { code, stdout } = await project.run("plan", "dev", "--json");
  assert.equal(code, 3);
  const { nodes, diagnostics } = JSON.parse(stdout) as Plan;
  assert.deepEqual(nodes, []);
  const found = diagnostics.map((d) => `${d.file}:${d.line}:${d.column} ${d.code}`);
  assert.deepEqual(
    found,
    [
      "seeknal/bind.yml:7:5 sql_does_not_bind",
      "seeknal/broken.yml:4:1 yaml_syntax",
      "seeknal/c1.yml:4:3 cycle",
      "seeknal/dup.yml:2:7 duplicate_node",
      "seeknal/field.yml:7:1 unknown_field",
      "seeknal/missing.yml:4:5 missing_input",
      "seeknal/parse.yml:6:16 sql_syntax",
      "seeknal/unknown.yml:1:7 unknown_kind",
    ].sort(),
  );
  assert.ok(diagnostics.every((d) => d.hint !== undefined || d.code === "sql_syntax"));
  assert.deepEqual(fileTree(project), before);
});

Deno.test("environment names are normalised the same way by every command, and bad ones refused (j.12 18, k.2 4)", async () => {
  using shop = makeShop();
  await ok(shop, "plan", "DEV");
  await ok(shop, "run", "--env", " Development ");
  await ok(shop, "promote", "dEv", "--yes");
  const before = fileTree(shop);
  for (
    const name of [
      "../../evil",
      "",
      "   ",
      "a/b",
      "-x",
      "x.lock",
      "..",
      "a".repeat(64),
      "not an env",
    ]
  ) {
    for (
      const command of [["plan", "--", name], ["run", `--env=${name}`], [
        "promote",
        "--yes",
        "--",
        name,
      ], ["env", "delete", "--yes", "--", name]]
    ) {
      const { code, stderr } = await shop.run(...command);
      assert.equal(code, 2, command.join(" "));
      assert.match(stderr, /Invalid environment/, command.join(" "));
    }
  }
  assert.deepEqual(fileTree(shop), before);
  assert.equal((await shop.run("env", "delete", "production", "--yes")).code, 3);
});

Deno.test("env delete says that an environment is unknown before it asks (j.12 19)", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  const { code, stderr } = await shop.run("env", "delete", "nope");
  assert.equal(code, 2);
  assert.match(stderr, /"nope" does not exist; there is prod/);
});

Deno.test("promote, rollback and env delete without a terminal need --yes and say so (j.12 20)", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  shop.write("seeknal/names.yml", shop.read("seeknal/names.yml").replace("upper", "lower"));
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  const head = await git(shop.path("target/state.git"), "rev-parse", "prod", "dev");
  for (const command of [["promote", "dev"], ["rollback", "dev"], ["env", "delete", "dev"]]) {
    const { code, stderr } = await shop.run(...command);
    assert.equal(code, 2, command.join(" "));
    assert.match(stderr, /--yes/);
  }
  assert.equal(await git(shop.path("target/state.git"), "rev-parse", "prod", "dev"), head);
});

Deno.test("swapping inputs matters where the SQL counts them, and only there (j.12 21)", async () => {
  using project = makeProject({
    "data/a.csv": "x\n1\n",
    "data/b.csv": "x\n2\n",
    "seeknal/s.yml": source("a") + "---\n" + source("b"),
    "seeknal/counted.yml": transform("counted", ["source.a", "source.b"], "SELECT x FROM input_0"),
    "seeknal/named.yml": transform(
      "named",
      ["source.a", "source.b"],
      "SELECT x FROM ref('source.a')",
    ),
  });
  await ok(project, "run");
  project.write(
    "seeknal/counted.yml",
    transform("counted", ["source.b", "source.a"], "SELECT x FROM input_0"),
  );
  project.write(
    "seeknal/named.yml",
    transform("named", ["source.b", "source.a"], "SELECT x FROM ref('source.a')"),
  );
  const { nodes } = await project.json<Plan>("plan");
  const of = (id: string) => nodes.find((n) => n.id === id)!;
  assert.equal(of("transform.counted").category, "BREAKING");
  assert.equal(of("transform.named").action, "reuse");
  await ok(project, "run");
  assert.deepEqual(await rowsOf(project, "SELECT x FROM counted"), [{ x: 2 }]);
});

Deno.test("a column dropped or renamed in SQL is BREAKING, an added one is not (j.12 23)", async () => {
  using project = makeProject({
    "data/a.csv": "id,email\n1,a@b\n",
    "seeknal/a.yml": source("a"),
    "seeknal/t.yml": transform("t", ["source.a"], "SELECT id, email FROM ref('source.a')"),
  });
  await ok(project, "run");
  const edits = [
    ["SELECT id FROM ref('source.a')", "BREAKING"],
    ["SELECT id, email AS mail FROM ref('source.a')", "BREAKING"],
    ["SELECT id, email, id + 1 AS next FROM ref('source.a')", "NON_BREAKING"],
    ["select ID as id, email from ref('source.a') -- same", "METADATA"],
    ["select  id, email\nfrom ref('source.a') -- same", "METADATA"],
  ] as const;
  for (const [sql, category] of edits) {
    project.write("seeknal/t.yml", transform("t", ["source.a"], sql));
    const { nodes } = await project.json<Plan>("plan");
    assert.equal(nodes.find((n) => n.id === "transform.t")!.category, category, sql);
  }
});

Deno.test("environment variables in node files are never resolved into state (j.12 24)", async () => {
  using shop = makeShop();
  Deno.env.set("SEEKNAL_TEST_SECRET", "hunter2-very-secret");
  try {
    shop.write(
      "seeknal/names.yml",
      shop.read("seeknal/names.yml") + "description: ${SEEKNAL_TEST_SECRET}\n",
    );
    await ok(shop, "run");
    const grep = await runCommand("grep", "-r", "hunter2-very-secret", shop.root);
    assert.equal(grep.code, 1, grep.stdout);
    const history = await git(shop.path("target/state.git"), "log", "--all", "-p");
    assert.ok(!history.includes("hunter2-very-secret"));
    assert.match(shop.read("target/manifest.json"), /\$\{SEEKNAL_TEST_SECRET\}/);
  } finally {
    Deno.env.delete("SEEKNAL_TEST_SECRET");
  }
});

Deno.test("outputs taken over from production are refreshed by the next plan when production's data changed (j.12 25)", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  await ok(shop, "plan", "dev");
  shop.write("data/customers.csv", "customer_id,name\n1,Zoe\n2,Bob\n");
  await ok(shop, "run");
  await ok(shop, "plan", "dev");
  const hash = (path: string) =>
    (JSON.parse(shop.read(path)).refs as { node_id: string; content_hash: string }[])
      .find((r) => r.node_id === "source.customers")!.content_hash;
  const prod =
    JSON.parse(shop.read("target/run_state.json")).nodes["source.customers"].content_hash;
  assert.equal(hash("target/environments/dev/refs.json"), prod);
});

Deno.test("an environment expires by the UTC clock after its last use, and only cleanup removes it (j.12 26)", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  await ok(shop, "plan", "dev", "--ttl", "2");
  const status = async () =>
    (await shop.json<{ name: string; status: string }[]>("env", "list")).find((e) =>
      e.name === "dev"
    )?.status;
  shop.host.advance(47 * 3600 * 1000);
  assert.notEqual(await status(), "expired");
  assert.match(await ok(shop, "env", "cleanup"), /No expired/);
  await ok(shop, "plan", "dev");
  shop.host.advance(47 * 3600 * 1000);
  assert.notEqual(await status(), "expired", "planning counts as use");
  shop.host.advance(2 * 3600 * 1000);
  assert.equal(await status(), "expired");
  assert.match(await ok(shop, "env", "cleanup", "--dry-run"), /Would delete dev/);
  assert.equal(await status(), "expired");
  assert.match(await ok(shop, "env", "cleanup"), /Deleted dev/);
  assert.equal(await status(), undefined);
  assert.ok(!shop.exists("target/environments/dev"));
});

Deno.test("an unknown node name is refused with a suggestion (j.12 32)", async () => {
  using shop = makeShop();
  for (const option of ["--nodes", "--select"]) {
    const { code, stderr } = await shop.run("run", option, "revenu");
    assert.equal(code, 2);
    assert.match(stderr, /Unknown node "revenu"[^]*did you mean "revenue"/);
  }
});

Deno.test("--exclude-tags warns about nodes that need what is left out, and never runs them (j.12 33)", async () => {
  using shop = makeShop();
  shop.write("seeknal/clean_orders.yml", shop.read("seeknal/clean_orders.yml") + "tags: [slow]\n");
  const { code, stderr } = await shop.run("run", "--exclude-tags", "slow");
  assert.equal(code, 0);
  assert.match(
    stderr,
    /Upstream node 'transform\.clean_orders' excluded by --exclude-tags but required by 'transform\.revenue'/,
  );
  assert.doesNotMatch(stderr, /built\s+transform\.revenue/);
  assert.match(stderr, /built\s+transform\.names/);
});

Deno.test("a run of a part of production brings what it needs and leaves the rest as it was", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  shop.write(
    "seeknal/clean_orders.yml",
    shop.read("seeknal/clean_orders.yml").replace(" WHERE status = 'paid'", ""),
  );
  shop.write("seeknal/names.yml", shop.read("seeknal/names.yml").replace("upper", "lower"));
  const said = await ok(shop, "run", "--select", "revenue");
  assert.match(
    said,
    /Including 1 upstream node that has to be built or checked first: transform\.clean_orders/,
  );
  assert.deepEqual((await rowsOf(shop, REVENUE))[0], { name: "Ann", total: 15 });
  assert.deepEqual((await rowsOf(shop, "SELECT name FROM names"))[0], { name: "ANN" });
  const plan = await shop.json<Plan>("plan");
  assert.deepEqual(plan.nodes.filter((n) => n.action === "build").map((n) => n.id), [
    "transform.names",
  ]);
});

Deno.test("what a run of a part of production left behind is built by the next one", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  const orders = shop.read("seeknal/clean_orders.yml");
  shop.write("seeknal/clean_orders.yml", orders.replace(" WHERE status = 'paid'", ""));
  await ok(shop, "run", "--select", "clean_orders");
  assert.deepEqual((await rowsOf(shop, REVENUE))[0], { name: "Ann", total: 10 });
  for (const args of [["plan"], ["plan", "dev"]]) {
    const { nodes } = await shop.json<Plan>(...args);
    assert.deepEqual(
      nodes.filter((n) => n.action === "build").map(({ id, reasons }) => [id, reasons]),
      [["transform.revenue", ["what it reads was built by a run that left it out"]]],
    );
  }
  assert.match(
    await ok(shop, "plan"),
    /\nAffected \(1\)\n {2}> transform\.revenue {2}what it reads/,
  );
  await ok(shop, "run");
  assert.deepEqual((await rowsOf(shop, REVENUE))[0], { name: "Ann", total: 15 });
  assert.equal((await shop.json<Plan>("plan")).summary.build, 0);
});

Deno.test("a part of production that takes an output from the cache brings its inputs along", async () => {
  using shop = makeShop();
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  await ok(shop, "run", "--select", "revenue");
  const { nodes } = JSON.parse(shop.read("target/manifest.json"));
  assert.deepEqual(Object.keys(nodes), [
    "source.customers",
    "source.orders",
    "transform.clean_orders",
    "transform.revenue",
  ]);
});

Deno.test("--full builds what is selected again, --tags and --types narrow", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  assert.match(await ok(shop, "run", "--full"), /5 built/);
  assert.match(await ok(shop, "run", "--full", "--types", "source"), /2 built/);
  assert.match(await ok(shop, "run", "--full", "--nodes", "clean_orders"), /2 built/);
  assert.match(await ok(shop, "run", "--tags", "nope"), /No nodes have the tags: nope/);
});

Deno.test("selection works with --env too", async () => {
  using shop = makeShop();
  await ok(shop, "plan", "dev");
  assert.match(await ok(shop, "run", "--env", "dev", "--select", "names"), /2 built/);
  const [dev] = await shop.json<{ status: string }[]>("env", "list");
  assert.equal(dev!.status, "planned");
  assert.equal((await shop.run("promote", "dev", "--yes")).code, 3);
  assert.match(await ok(shop, "run", "--env", "dev"), /3 built/);
  await ok(shop, "promote", "dev", "--yes");
});

Deno.test("a revert finds its old output, and a second environment reuses the first one's", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  const original = shop.read("seeknal/names.yml");
  shop.write("seeknal/names.yml", original.replace("upper", "lower"));
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  const second = await shop.json<Plan>("plan", "feature");
  assert.equal(second.summary.build, 0);
  shop.write("seeknal/names.yml", original);
  const reverted = await shop.json<Plan>("plan", "dev");
  assert.deepEqual(reverted.nodes.filter((n) => n.change !== "none"), []);
});

Deno.test("max-workers, retry and timeout are validated", async () => {
  using shop = makeShop();
  for (
    const args of [["--max-workers", "0"], ["--max-workers", "-1"], ["--max-workers", "x"], [
      "--retry",
      "-1",
    ], ["--timeout", "0"]]
  ) {
    const { code } = await shop.run("run", ...args);
    assert.equal(code, 2, args.join(" "));
  }
  assert.ok(!shop.exists("target"));
});

Deno.test("a node that takes too long is stopped by --timeout", async () => {
  using project = makeProject({
    "seeknal/slow.yml": transform(
      "slow",
      [],
      "SELECT count(*) AS n FROM range(100000) AS a, range(100000) AS b WHERE a.range + b.range = 7",
    ),
  });
  const { code, stderr } = await project.run("run", "--timeout", "1");
  assert.equal(code, 4);
  assert.match(stderr, /Timed out after 1 s/);
});

Deno.test("a missing or damaged output is noticed and built again", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  const hash = JSON.parse(shop.read("target/run_state.json")).nodes["transform.names"].content_hash;
  const object = shop.path(`target/cache/objects/${hash}.parquet`);
  Deno.chmodSync(object, 0o644);
  const bytes = Deno.readFileSync(object);
  bytes[10]! ^= 1;
  Deno.writeFileSync(object, bytes);
  const plan = await shop.json<Plan>("plan");
  assert.deepEqual(plan.nodes.filter((n) => n.action === "build").map((n) => [n.id, n.reasons]), [
    ["transform.names", ["its output is missing from the cache"]],
  ]);
  await ok(shop, "run");
  assert.equal((await rowsOf(shop, "SELECT * FROM names")).length, 2);
});

Deno.test("rollback goes back step by step, to any revision, and refuses when outputs are gone", async () => {
  using shop = makeShop();
  const set = async (value: string) => {
    shop.write(
      "seeknal/names.yml",
      transform(
        "names",
        ["source.customers"],
        `SELECT '${value}' AS name FROM ref('source.customers') LIMIT 1`,
      ),
    );
    await ok(shop, "run");
  };
  for (const value of ["one", "two", "three"]) await set(value);
  const now = async () => (await rowsOf(shop, "SELECT name FROM names"))[0]!["name"];
  await ok(shop, "rollback", "--yes");
  assert.equal(await now(), "two");
  await ok(shop, "rollback", "--yes");
  assert.equal(await now(), "one");
  await ok(shop, "rollback", "--to", "prod@{2}", "--yes");
  assert.equal(await now(), "three");
  await ok(shop, "rollback", "--to", "prod@{5}", "--yes");
  assert.equal(await now(), "one");
  const { code } = await shop.run("rollback", "--to", "nope", "--yes");
  assert.equal(code, 2);
  const first = (await git(shop.path("target/state.git"), "rev-list", "prod")).trim().split("\n")
    .at(-3)!;
  const record = JSON.parse(
    await git(
      shop.path("target/state.git"),
      "show",
      `${first}:${
        (await git(shop.path("target/state.git"), "ls-tree", "-r", "--name-only", first)).split(
          "\n",
        ).find((p) => p.startsWith("results/") && p.endsWith("/names.json"))
      }`,
    ),
  );
  Deno.removeSync(shop.path(`target/cache/objects/${record.content_hash}.parquet`));
  const head = await git(shop.path("target/state.git"), "rev-parse", "prod");
  const refused = await shop.run("rollback", "--to", first, "--yes");
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /outputs of 1 nodes are gone: transform\.names/);
  assert.equal(await git(shop.path("target/state.git"), "rev-parse", "prod"), head);
});

Deno.test("the SQL of a node sees its declared inputs and nothing else (product.md 10)", async () => {
  const attempts = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd.csv'",
    "SELECT * FROM read_text('data/orders.csv')",
    "SELECT * FROM glob('*')",
    "SELECT * FROM query('FROM read_text(''/etc/passwd'')')",
    "SELECT * FROM source.customers",
    "SELECT * FROM query_table('source.customers')",
    "SELECT 1 AS x; SELECT 2 AS x",
    "SELECT 1 AS x) TO '/tmp/seeknal_leak.csv' (FORMAT csv); --",
    "ATTACH '/tmp/seeknal_leak.db' AS leak",
    "INSTALL httpfs",
  ];
  for (const sql of attempts) {
    using shop = makeShop();
    shop.write("seeknal/evil.yml", transform("evil", ["source.orders"], sql));
    const { code, stdout, stderr } = await shop.run("run");
    assert.ok(code === 3 || code === 4, `${sql}: exit ${code}\n${stdout}${stderr}`);
    assert.ok(!shop.exists("target/cache/transform/evil.parquet"));
  }
});

Deno.test("a source cannot read outside the project, also not through a symbolic link", async () => {
  for (
    const table of [
      "/etc/passwd",
      "../../etc/passwd",
      "data/../../x.csv",
      "data/link.csv",
      "data/l*.csv",
    ]
  ) {
    using shop = makeShop();
    Deno.symlinkSync("/etc/passwd", shop.path("data/link.csv"));
    shop.write("seeknal/evil.yml", `kind: source\nname: evil\nsource: csv\ntable: ${table}\n`);
    const { code, stderr } = await shop.run("plan");
    assert.equal(code, 3, table);
    assert.match(stderr, /leads out of the project/, table);
  }
});

Deno.test("sums of integers keep every digit through Parquet", async () => {
  using project = makeProject({
    "seeknal/big.yml": transform(
      "big",
      [],
      "SELECT sum(x) AS total, 170141183460469231731687303715884105727::HUGEINT // 1000 AS h FROM (VALUES (9007199254740993), (9223372036854775807)) AS t(x)",
    ),
    "seeknal/child.yml": transform(
      "child",
      ["transform.big"],
      "SELECT total + 1 AS total FROM ref('transform.big')",
    ),
  });
  await ok(project, "run");
  assert.deepEqual(await rowsOf(project, "SELECT total, h FROM big"), [{
    total: "9232379236109516800",
    h: "170141183460469231731687303715884105",
  }]);
  assert.deepEqual(await rowsOf(project, "SELECT total FROM child"), [{
    total: "9232379236109516801",
  }]);
});

Deno.test("ORDER BY and duplicate column names survive the way to Parquet", async () => {
  using project = makeProject({
    "seeknal/t.yml": transform(
      "t",
      [],
      "SELECT x, x, x::HUGEINT AS h FROM range(5000) AS r(x) ORDER BY x DESC",
    ),
  });
  await ok(project, "run");
  const rows = await project.json<{ x: number; x_1: number; h: number }[]>(
    "query",
    "FROM transform.t LIMIT 2",
  );
  assert.deepEqual(rows, [{ x: 4999, x_1: 4999, h: 4999 }, { x: 4998, x_1: 4998, h: 4998 }]);
});

Deno.test("gc frees outputs that nothing names, keeps what a rollback needs, and plain Git still agrees", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  shop.write("seeknal/names.yml", shop.read("seeknal/names.yml").replace("upper", "lower"));
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  await ok(shop, "env", "delete", "dev", "--yes");
  const objects = () => [...Deno.readDirSync(shop.path("target/cache/objects"))].length;
  const before = objects();
  assert.match(await ok(shop, "gc"), /Removed 0 files/, "young files are left alone");
  shop.host.advance(Date.now() - Date.parse("2026-01-02T00:00:00Z") + 2 * 3600 * 1000);
  assert.match(await ok(shop, "gc", "--keep-days", "0"), /Removed 1 file/);
  assert.equal(objects(), before - 1);
  assert.match(await ok(shop, "run", "--dry-run"), /1 to build/);
  await git(shop.path("target/state.git"), "fsck", "--strict");
});

Deno.test("deleting every readable copy loses nothing: env checkout writes them again", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  await ok(shop, "plan", "dev");
  shop.remove("target/environments");
  shop.remove("target/cache/transform");
  shop.remove("target/manifest.json");
  assert.equal((await rowsOf(shop, REVENUE)).length, 2);
  assert.equal((await shop.run("doctor")).code, 4);
  await ok(shop, "env", "checkout", "dev");
  await ok(shop, "env", "checkout", "prod");
  assert.ok(shop.exists("target/environments/dev/plan.json"));
  assert.ok(shop.exists("target/cache/transform/revenue.parquet"));
  await ok(shop, "doctor");
});

Deno.test("plan --detailed-exitcode tells nothing to do from something to do from an error", async () => {
  using shop = makeShop();
  const code = async () => (await shop.run("plan", "--detailed-exitcode")).code;
  assert.equal(await code(), 2);
  await ok(shop, "run");
  assert.equal(await code(), 0);
  shop.write("seeknal/broken.yml", "kind: [");
  assert.equal(await code(), 1);
});

Deno.test("init makes a project that plans and runs, and never overwrites", async () => {
  using project = makeProject();
  project.remove("seeknal_project.yml");
  project.write(".gitignore", "mine");
  await ok(project, "init");
  assert.equal(project.read(".gitignore"), "mine\ntarget/\nprofiles.yml\nprofiles-*.yml\n.env\n");
  assert.equal((await project.run("init")).code, 3);
  project.write(
    "seeknal/transforms/daily_revenue.yml",
    transform("daily_revenue", ["source.orders"], "SELECT 1 AS x"),
  );
  await ok(project, "init", "--force");
  assert.match(project.read("seeknal/transforms/daily_revenue.yml"), /SELECT 1/);
  await ok(project, "run");
});

Deno.test("env plan, env apply and env promote are the same verbs, and --parallel is accepted", async () => {
  using shop = makeShop();
  await ok(shop, "env", "plan", "dev");
  await ok(shop, "env", "apply", "dev", "--parallel", "--max-workers", "2");
  await ok(shop, "env", "promote", "dev", "--yes");
  assert.equal((await rowsOf(shop, REVENUE)).length, 2);
  assert.match(await ok(shop, "env", "show", "dev"), /promoted/);
});

Deno.test("a promotion after a rollback is refused until the environment is planned again", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  shop.write("seeknal/names.yml", shop.read("seeknal/names.yml").replace("upper", "lower"));
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  await ok(shop, "promote", "dev", "--yes");
  await ok(shop, "rollback", "--yes");
  const { code, stderr } = await shop.run("promote", "dev", "--yes");
  assert.equal(code, 4);
  assert.match(stderr, /production moved to [0-9a-f]{7}.*rollback prod/);
  await ok(shop, "plan", "dev");
  await ok(shop, "promote", "dev", "--yes");
  assert.deepEqual((await rowsOf(shop, "SELECT name FROM names"))[0], { name: "ann" });
  await ok(shop, "rollback", "--yes");
  assert.deepEqual((await rowsOf(shop, "SELECT name FROM names"))[0], { name: "ANN" });
  assert.equal(
    (await shop.run("rollback", "--yes")).code,
    3,
    "there is no earlier state: the rolled back one does not come again",
  );
});

Deno.test("plan --select shows a part and plans everything", async () => {
  using project = makeProject({
    "data/a.csv": "id\n1\n",
    "seeknal/a.yml": "kind: source\nname: a\nsource: csv\ntable: data/a.csv\ntags: [raw]\n",
    "seeknal/b.yml": "kind: transform\nname: b\ntransform: SELECT id FROM ref('source.a')\n",
  });
  const { stdout } = await project.run("plan", "dev", "--select", "b");
  assert.match(stdout, /New \(1\)\n {2}\+ transform\.b\n/);
  assert.match(stdout, /Not shown: 1 other node/);
  const raw = await project.json<{ nodes: { id: string }[] }>("plan", "--tags", "raw");
  assert.deepEqual(raw.nodes.map(({ id }) => id), ["source.a"]);
  const { stderr } = await project.run("plan", "--tags", "nope");
  assert.match(stderr, /No nodes have the tags: nope; showing the whole plan/);
  assert.equal((await project.run("run", "--env", "dev")).code, 0);
  assert.deepEqual(await project.json("query", "FROM transform.b", "--env", "dev"), [{ id: 1 }]);
});

Deno.test("--params and --date are part of an environment's plan", async () => {
  using project = makeProject({
    "seeknal/a.yml":
      "kind: transform\nname: a\nparams: {region: EU}\ntransform: SELECT '{{ region }}' AS region, '{{ today }}' AS today, '{{ month_start(-1) }}' AS month\n",
  });
  await project.json("plan", "dev", "--params", '{"region": "US"}', "--date", "2026-03-31");
  assert.equal((await project.run("run", "--env", "dev")).code, 0);
  assert.deepEqual(await project.json("query", "FROM transform.a", "--env", "dev"), [
    { region: "US", today: "2026-03-31", month: "2026-02-01" },
  ]);
  const refused = await project.run("run", "--env", "dev", "--params", '{"region": "APAC"}');
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /Plan is stale/);
  const wrong = await project.run("plan", "--params", "region=US");
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /expected a JSON object/);
});
