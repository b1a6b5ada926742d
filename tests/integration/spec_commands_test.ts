import assert from "node:assert/strict";
import { VERSION } from "../../src/model/version.ts";
import { runChild } from "../support/child.ts";
import { makeProject, runSeeknal, type TempProject } from "../support/project.ts";
import { fileTree, makeShop, ok, source, transform } from "../support/shop.ts";

/*
 * What `docs/commands.md` says of commands of the reference system, where no other test shows it.
 */

/** Two branches from two sources; one of them has a tag. */
function makeTagged(): TempProject {
  return makeProject({
    "data/a.csv": "id\n1\n",
    "data/b.csv": "id\n2\n",
    "seeknal/sources.yml": source("a") + "---\n" + source("b"),
    "seeknal/left.yml": transform("left", ["source.a"], "SELECT id FROM ref('source.a')"),
    "seeknal/right.yml": transform(
      "right",
      ["source.b"],
      "SELECT id FROM ref('source.b')",
      "tags: [finance]\n",
    ),
    "seeknal/last.yml": transform("last", ["transform.right"], "SELECT id FROM transform.right"),
  });
}

/** Names of the nodes that a run would build, sorted. */
async function wouldBuild(project: TempProject, ...args: string[]): Promise<string> {
  const { steps } = await project.json<{ steps: { id: string }[] }>("run", "--dry-run", ...args);
  return steps.map(({ id }) => id.split(".")[1]).sort().join(" ");
}

Deno.test("variables of the project's .env hold in every command, behind those of the machine (a.0)", async () => {
  using project = makeShop();
  await ok(project, "run");
  project.write(".env", "# ours\nSEEKNAL_T1='from file'\nexport SEEKNAL_T2=file\nbad-name=1\n");
  project.write("deeper/still/x.txt", "");
  const script = "console.log(Deno.env.get('SEEKNAL_T1'), Deno.env.get('SEEKNAL_T2'))";
  const child = (cwd: string, ...args: string[]) =>
    runChild(cwd, ["exec", ...args, "--", Deno.execPath(), "eval", script], { SEEKNAL_T2: "mine" });
  for (const cwd of [project.root, project.path("deeper/still")]) {
    const { code, stdout, stderr } = await child(cwd);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "from file mine\n");
  }
  assert.equal((await child("/", "--project-path", project.root)).stdout, "from file mine\n");
  project.write(
    "profiles.yml",
    "connections: {pg: {type: postgresql, host: '${SEEKNAL_T3}', database: d, user: u}}\n",
  );
  const unset = await project.run("connection-test", "pg");
  assert.match(unset.stderr + unset.stdout, /"SEEKNAL_T3" is not set[\s\S]*\.env will do/);
  project.write(".env", "SEEKNAL_T3=nowhere.invalid\n");
  const set = await project.run("connection-test", "pg");
  assert.notEqual(set.code, 0);
  assert.doesNotMatch(set.stderr + set.stdout, /is not set/);
  // A virtual environment of Python may lie in a folder of that name.
  project.remove(".env");
  project.write(".env/bin/python", "");
  await ok(project, "list");
});

Deno.test("--version prints one line, also outside a project (a.0)", async () => {
  using project = makeProject();
  project.remove("seeknal_project.yml");
  const { code, stdout } = await project.run("--version");
  assert.deepEqual([code, stdout], [0, `seeknal ${VERSION}\n`]);
});

Deno.test("init names the project after its folder, and keeps secrets and outputs out of Git (a.1)", async () => {
  using project = makeProject();
  project.remove("seeknal_project.yml");
  await ok(project, "init", "--path", "my_shop", "--no-example");
  assert.match(project.read("my_shop/seeknal_project.yml"), /^name: "?my_shop"?$/m);
  const ignored = project.read("my_shop/.gitignore").split("\n");
  for (const line of ["target/", "profiles.yml", ".env"]) assert.ok(ignored.includes(line), line);
});

Deno.test("plan and run --dry-run agree on what is to be built (a.6)", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  shop.write(
    "seeknal/clean_orders.yml",
    shop.read("seeknal/clean_orders.yml") + "params: {a: 1}\n",
  );
  shop.write("seeknal/names.yml", shop.read("seeknal/names.yml").replace("upper", "lower"));
  const { nodes } = await shop.json<{ nodes: { id: string; action: string }[] }>("plan");
  const planned = nodes.filter(({ action }) => action === "build").map(({ id }) =>
    id.split(".")[1]
  );
  assert.equal(planned.sort().join(" "), await wouldBuild(shop));
  assert.ok(planned.includes("names"));
});

Deno.test("run follows its filter rules, and run --env the same ones (a.7)", async () => {
  using project = makeTagged();
  for (const env of [[], ["--env", "dev"]]) {
    if (env.length > 0) await ok(project, "plan", "dev");
    const would = (...args: string[]) => wouldBuild(project, ...env, ...args);
    assert.equal(await would("--tags", "finance"), "b right");
    assert.equal(await would("--tags", "finance", "--nodes", "left"), "a b left right");
    assert.equal(await would("--nodes", "transform.right"), "b last right");
    assert.equal(
      await would("--types", "source,transform", "--exclude-tags", "none"),
      "a b last left right",
    );
    assert.equal(await would("--types", "source"), "a b");
    const none = await project.run("run", "--tags", "nobody", ...env);
    assert.equal(none.code, 0);
    assert.match(none.stderr + none.stdout, /No nodes have the tags: nobody[\s\S]*Nothing to run/);
    const unknown = await project.run("run", "--nodes", "rigth", ...env);
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /did you mean "right"/);
  }
  await ok(project, "run");
  assert.equal(await wouldBuild(project, "--nodes", "right"), "", "what is up to date stays");
  assert.equal(await wouldBuild(project, "--full", "--nodes", "right"), "last right");
  const full = await wouldBuild(project, "--full", "--tags", "finance");
  assert.equal(full, "b last right", "what reads a node that is built again follows");
});

Deno.test("run accepts --materialize, --parallel and --backfill, which are what it does anyway (a.7)", async () => {
  using shop = makeShop();
  assert.match(await ok(shop, "run", "--materialize", "--parallel", "--backfill"), /5 built/);
});

Deno.test("a no to promote leaves production as it is, says so and is no failure (a.0)", async () => {
  using shop = makeShop();
  await ok(shop, "plan", "dev");
  await ok(shop, "run", "--env", "dev");
  const { code, stdout } = await runSeeknal(shop, ["promote", "dev"], { answer: false });
  assert.equal(code, 0);
  assert.match(stdout, /Not promoted: production stays as it is/);
  assert.equal((await shop.run("query", "SELECT 1")).code, 2, "there is no production yet");
});

Deno.test("env list says where there is none, and how to make one (a.8)", async () => {
  using shop = makeShop();
  assert.match(
    await ok(shop, "env", "list"),
    /No environments yet: make one with seeknal plan dev/,
  );
  assert.deepEqual(await shop.json("env", "list"), []);
});

Deno.test("diff --stat names changed nodes without their SQL, and nothing where nothing changed; --detailed-exitcode tells (a.9)", async () => {
  using shop = makeShop();
  await ok(shop, "run");
  const same = await shop.run("diff", "--stat", "--detailed-exitcode");
  assert.deepEqual([same.code, same.stdout.includes("transform.")], [0, false]);
  shop.write("seeknal/names.yml", shop.read("seeknal/names.yml").replace("upper", "lower"));
  const { code, stdout } = await shop.run("diff", "--stat");
  assert.equal(code, 0);
  assert.equal((await shop.run("diff", "--detailed-exitcode")).code, 2);
  assert.match(stdout, /transform\.names/);
  assert.doesNotMatch(stdout, /transform\.revenue|lower\(/);
});

Deno.test("metrics and deliver take several names, with spaces or commas between them", async () => {
  const file = (name: string) =>
    `kind: exposure\nname: ${name}\ntype: file\ndepends_on: [source.a]\n` +
    `params: {path: target/exports/${name}.csv}\n`;
  using project = makeTagged();
  project.write(
    "seeknal/metrics.yml",
    "kind: semantic_model\nname: a\nmodel: source.a\n" +
      "measures: [{name: n, agg: count}, {name: total, expr: id, agg: sum}]\n" +
      "metrics: [{name: rows, measure: n}, {name: ids, measure: total}]\n",
  );
  project.write("seeknal/files.yml", [file("one"), file("two"), file("three")].join("---\n"));
  await ok(project, "run", "--no-exposures");
  for (const names of [["rows", "ids"], ["rows,ids"], ["rows,", "ids"]]) {
    assert.deepEqual(await project.json("metrics", ...names), [{ rows: 1, ids: 1 }]);
  }
  await ok(project, "deliver", "one,three");
  assert.deepEqual(["one", "two", "three"].map((n) => project.exists(`target/exports/${n}.csv`)), [
    true,
    false,
    true,
  ]);
  await ok(project, "deliver", "exposure.two", "one");
  assert.ok(project.exists("target/exports/two.csv"));
});

Deno.test("docs --list names the guides, --max-results bounds a search (a.11)", async () => {
  using project = makeProject();
  assert.equal(await ok(project, "docs", "--list"), await ok(project, "docs"));
  const { sections } = await project.json<{ sections: unknown[] }>(
    ...["docs", "--search", "plan", "--max-results", "2"],
  );
  assert.equal(sections.length, 2);
  assert.equal((await project.run("docs", "--search", "plan", "-n", "0")).code, 2);
});

/** Commands of the reference system that are not here, by their first words. */
const NOT_HERE = [
  ["debug", "x"],
  ["clean"],
  ["delete", "x"],
  ["migrate-state", "--backend", "file"],
  ["entity", "list"],
  ["consolidate"],
  ["version", "list", "x"],
  ["iceberg", "snapshot-list"],
  ["starrocks-setup-catalog"],
  ["deploy-metrics", "--connection", "x"],
  ["source", "list"],
  ["download-sample-data"],
  ["prefect", "serve"],
  ["ask", "how many orders"],
];

Deno.test("commands that are not here are refused with exit 2 and write nothing (a.11)", async () => {
  using shop = makeShop();
  const before = fileTree(shop);
  for (const words of NOT_HERE) {
    const { code, stdout, stderr } = await shop.run(...words);
    assert.deepEqual([code, stdout], [2, ""], words.join(" "));
    assert.match(stderr, /unknown command[\s\S]*hint:/);
  }
  assert.deepEqual(fileTree(shop), before);
});
