import assert from "node:assert/strict";
import * as arrow from "apache-arrow";
import { COMMANDS } from "../../src/cli/commands/registry.ts";
import { makeProject } from "../support/project.ts";
import { makeShop, ok, source, transform } from "../support/shop.ts";

/** Parses NDJSON. */
function lines(stdout: string): Record<string, unknown>[] {
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

Deno.test("plan --json has the fields of the contract, nodes in id order", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  shop.write("seeknal/names.yml", shop.read("seeknal/names.yml").replace("upper", "lower"));
  const plan = await shop.json<Record<string, unknown>>("plan", "dev");
  assert.deepEqual(Object.keys(plan), [
    "format_version",
    "environment",
    "base",
    "plan",
    "profile",
    "summary",
    "nodes",
    "materializations",
    "diagnostics",
  ]);
  assert.deepEqual(plan["summary"], {
    build: 1,
    reuse: 4,
    drop: 0,
    materialize: 0,
    breaking: 1,
    non_breaking: 0,
    metadata: 0,
    new: 0,
    removed: 0,
  });
  const nodes = plan["nodes"] as Record<string, unknown>[];
  assert.deepEqual(nodes.map((n) => n["id"]), nodes.map((n) => n["id"]).toSorted());
  assert.deepEqual(nodes.find((n) => n["id"] === "transform.names"), {
    id: "transform.names",
    file: "seeknal/names.yml",
    change: "direct",
    category: "BREAKING",
    action: "build",
    reasons: ["expression of name changed"],
    columns: { added: [], removed: [], changed: ["name"], renamed: [] },
    because: [],
    reused_from: null,
  });
  assert.match(String(plan["plan"]), /^[0-9a-f]{40}$/);
});

Deno.test("run --json prints one event a line and nothing else on stdout", async () => {
  using shop = makeShop();
  const { code, stdout, stderr } = await shop.run("run", "--json");
  assert.equal(code, 0);
  assert.equal(stderr, "");
  const events = lines(stdout);
  assert.equal(events[0]!["event"], "plan");
  const finished = events.filter((e) => e["event"] === "node_finished");
  assert.equal(finished.length, 5);
  for (const event of finished) {
    assert.deepEqual(Object.keys(event), [
      "event",
      "time",
      "node",
      "layer",
      "status",
      "rows",
      "bytes",
      "duration_ms",
      "error",
    ]);
    assert.equal(event["status"], "success");
  }
  const last = events.at(-1)!;
  assert.equal(last["event"], "finished");
  assert.equal(last["status"], "success");
  assert.match(String(last["commit"]), /^[0-9a-f]{40}$/);
  shop.write("seeknal/broken.yml", "kind: [");
  const broken = await shop.run("run", "--json");
  assert.equal(broken.code, 3);
  const [error, ...rest] = lines(broken.stdout);
  assert.deepEqual(rest, []);
  assert.equal((error!["error"] as { code: string }).code, "invalid_project");
});

Deno.test("a node that fails for a passing reason is tried again with --retry, and only then", async () => {
  using project = makeProject({
    "data/a.csv": "x\n1\n",
    "seeknal/a.yml": source("a"),
    "seeknal/b.yml": transform(
      "b",
      ["source.a"],
      "SELECT CAST('no' AS INTEGER) + x AS x FROM ref('source.a')",
    ),
  });
  const { code, stdout } = await project.run("run", "--json", "--retry", "3");
  assert.equal(code, 4);
  const events = lines(stdout);
  assert.ok(!events.some((e) => e["event"] === "node_retry"), "a conversion error does not pass");
  assert.equal(
    events.filter((e) => e["event"] === "node_started" && e["node"] === "transform.b").length,
    1,
  );
});

Deno.test("promote, rollback, diff, history, env list, env show, gc, doctor, parse and info print their JSON", async () => {
  using shop = makeShop();
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  const promoted = await shop.json<Record<string, unknown>>("promote", "dev", "--yes");
  assert.equal(promoted["status"], "promoted");
  assert.equal((promoted["nodes"] as string[]).length, 5);
  assert.equal(
    (await shop.json<Record<string, unknown>>("promote", "dev", "--yes"))["status"],
    "nothing_to_do",
  );
  shop.write("seeknal/names.yml", shop.read("seeknal/names.yml").replace("upper", "lower"));
  const diff = await shop.json<{ nodes: { id: string; sql: unknown[]; change: string }[] }>("diff");
  assert.deepEqual(diff.nodes.map(({ id, change }) => [id, change]), [[
    "transform.names",
    "direct",
  ]]);
  assert.ok(diff.nodes[0]!.sql.length > 0);
  await ok(shop, "run");
  const rolled = await shop.json<Record<string, unknown>>("rollback", "--yes");
  assert.equal(rolled["status"], "rolled_back");
  const history = await shop.json<{ action: string; trailers: object }[]>("history");
  assert.deepEqual(history.map((h) => h.action), ["rollback", "run", "promote", "run", "plan"]);
  const ofNode = await shop.json<{ action: string }[]>("history", "--node", "names");
  assert.deepEqual(ofNode.map((h) => h.action), ["rollback", "run", "run", "plan"]);
  const [prod] = await shop.json<Record<string, unknown>[]>("env", "list");
  assert.deepEqual(Object.keys(prod!), [
    "name",
    "category",
    "status",
    "commit",
    "base",
    "created_at",
    "last_accessed",
    "ttl_seconds",
    "expires_at",
    "promoted_from",
    "nodes",
  ]);
  assert.equal((await shop.json<{ name: string }>("env", "show", "dev")).name, "dev");
  assert.ok(await shop.json("gc", "--dry-run"));
  assert.ok(await shop.json("doctor"));
  assert.equal((await shop.json<{ nodes: unknown[] }>("parse")).nodes.length, 5);
  assert.equal((await shop.json<{ telemetry: string }>("info")).telemetry, "none");
});

Deno.test("query gives exact values in every format", async () => {
  using project = makeProject({
    "seeknal/t.yml": transform(
      "t",
      [],
      "SELECT 9007199254740993::BIGINT AS big, 12.50::DECIMAL(10,2) AS price, TIMESTAMP '2026-01-02 03:04:05.678' AS at, DATE '2026-01-02' AS day, 'a,\"b\"\nc' AS text, NULL::INTEGER AS none, true AS flag, [1, 2] AS list",
    ),
  });
  await ok(project, "run");
  assert.deepEqual(await project.json("query", "FROM t"), [{
    big: "9007199254740993",
    price: 12.5,
    at: "2026-01-02T03:04:05.678",
    day: "2026-01-02",
    text: 'a,"b"\nc',
    none: null,
    flag: true,
    list: [1, 2],
  }]);
  assert.equal(
    (await project.run(
      "query",
      "SELECT big, price, text, none FROM transform_t",
      "--format",
      "csv",
    )).stdout,
    'big,price,text,none\n9007199254740993,12.50,"a,""b""\nc",\n',
  );
  await ok(project, "query", 'FROM "transform.t"', "--output", "out.parquet");
  assert.match(project.read("out.parquet").slice(0, 4), /^PAR1/);
  await ok(project, "query", "FROM transform.t", "--output", "out.arrow");
  const table = arrow.tableFromIPC(Deno.readFileSync(project.path("out.arrow")));
  const row = table.get(0)!.toJSON();
  assert.equal(row["big"], 9007199254740993n);
  assert.equal(row["price"], "12.50");
  assert.equal(row["flag"], true);
  assert.equal(row["none"], null);
  assert.equal(
    table.schema.fields.find((f) => f.name === "at")!.type.toString(),
    "Timestamp<MICROSECOND>",
  );
  assert.equal(Number(row["at"]), Date.parse("2026-01-02T03:04:05.678Z"));
});

Deno.test("query reads one statement and changes nothing", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  const refused = [
    "DELETE FROM names",
    "SELECT 1; SELECT 2",
    "CREATE TABLE x AS SELECT 1",
    "COPY names TO '/tmp/seeknal_leak.csv'",
    "FROM '/etc/passwd'",
    "SELECT * FROM read_text('/etc/passwd')",
    "ATTACH '/tmp/seeknal_leak.db'",
    "SET threads = 1",
    "",
  ];
  for (const sql of refused) {
    const { code } = await shop.run("query", sql);
    assert.ok([2, 3, 4].includes(code), `${sql}: exit ${code}`);
  }
  assert.match(await ok(shop, "query", "DESCRIBE transform.names"), /customer_id/);
  assert.match(await ok(shop, "query", "SHOW ALL TABLES"), /revenue/);
  assert.match(await ok(shop, "query", "SUMMARIZE names"), /approx_unique/);
  assert.match((await shop.run("query", "FROM nams")).stderr, /did you mean "names"/);
});

Deno.test("completions offer verbs, options, environments and nodes", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  await ok(shop, "plan", "dev");
  const complete = async (...words: string[]) =>
    (await ok(shop, "__complete", "--", ...words)).trim().split("\n");
  assert.deepEqual(await complete("pr"), ["promote"]);
  assert.deepEqual(await complete("env", "del"), ["delete"]);
  assert.deepEqual(await complete("promote", ""), ["dev", "prod"]);
  assert.deepEqual(await complete("run", "--env", "d"), ["dev"]);
  assert.deepEqual(await complete("run", "--nodes", "transform.n"), ["transform.names"]);
  assert.ok((await complete("plan", "--d")).includes("--detailed-exitcode"));
  for (const shell of ["bash", "zsh", "fish"]) {
    assert.match(await ok(shop, "completions", shell), /seeknal __complete/);
  }
  assert.equal((await shop.run("completions", "tcsh")).code, 2);
});

Deno.test("every command says what it is for, and unknown ones get a suggestion with exit 2", async () => {
  using project = makeProject();
  for (const { name, summary, hidden } of COMMANDS) {
    if (hidden === true) continue;
    const { code, stdout } = await project.run(...name.split(" "), "--help");
    assert.equal(code, 0, name);
    assert.ok(stdout.replace(/\s+/g, " ").includes(summary), name);
  }
  const { code, stderr } = await project.run("promot");
  assert.equal(code, 2);
  assert.match(stderr, /promote/);
  assert.match((await project.run("--version")).stdout, /^seeknal \d+\.\d+\.\d+/);
});

Deno.test("nothing is written outside the project: no home folder, no global state (k.2 20)", async () => {
  using shop = makeShop();
  using home = makeProject();
  const { runChild } = await import("../support/child.ts");
  const before = [...Deno.readDirSync(home.root)].length;
  const denoDir = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
  const { code, stderr } = await runChild(shop.root, ["run"], {
    HOME: home.root,
    DENO_DIR: denoDir,
  });
  assert.equal(code, 0, stderr);
  assert.equal([...Deno.readDirSync(home.root)].length, before);
});

Deno.test("200 broken files are all reported at once", async () => {
  using project = makeProject();
  for (let i = 0; i < 200; i++) {
    project.write(
      `seeknal/n${i}.yml`,
      i % 2 === 0 ? "kind: [" : transform(`n${i}`, [], "SELECT nope FROM range(1)"),
    );
  }
  const { code, stdout } = await project.run("plan", "--json");
  assert.equal(code, 3);
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { file: string }[] };
  assert.equal(new Set(diagnostics.map(({ file }) => file)).size, 200);
});
