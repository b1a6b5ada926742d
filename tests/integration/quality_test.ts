import assert from "node:assert/strict";
import type { DataQuality } from "../../src/app/data_quality.ts";
import type { TestReport } from "../../src/app/run_tests.ts";
import { runChild, spawnSeeknal } from "../support/child.ts";
import { git } from "../support/command.ts";
import { makeProject, type TempProject } from "../support/project.ts";
import { fileTree, ok, rowsOf, source, transform } from "../support/shop.ts";

const ORDERS = "id,customer_id,amount,status\n1,1,10,paid\n2,2,20,paid\n3,1,5,open\n";

/** A source, a transform with audits, and one that reads it. */
function makeAudited(audits: string, options: { readonly grain?: boolean } = {}): TempProject {
  return makeProject({
    "data/orders.csv": ORDERS,
    "data/customers.csv": "customer_id,name\n1,Ann\n2,Bob\n",
    "seeknal/sources.yml": source("orders") + "---\n" + source("customers"),
    "seeknal/clean.yml": clean(audits, options.grain === false ? "" : "grain: [id]\n"),
    "seeknal/total.yml": transform(
      "total",
      ["transform.clean"],
      "SELECT sum(amount) AS total FROM ref('transform.clean')",
    ),
  });
}

function clean(audits: string, extra = ""): string {
  return transform(
    "clean",
    ["source.orders", "source.customers"],
    "SELECT id, customer_id, amount, status FROM ref('source.orders')",
    `${extra}${audits === "" ? "" : `audits:\n${audits}`}`,
  );
}

interface RunLine {
  readonly event: string;
  readonly node?: string;
  readonly status?: string;
  readonly results?: readonly { readonly name: string; readonly status: string }[];
  readonly checks?: { readonly passed: number; readonly warned: number; readonly failed: number };
  readonly built?: number;
}

async function runLines(project: TempProject, ...args: string[]): Promise<RunLine[]> {
  const { stdout } = await project.run("run", ...args, "--json");
  return stdout.trim().split("\n").map((line) => JSON.parse(line) as RunLine);
}

Deno.test("a failed audit fails its node, skips what reads it, keeps its rows out of the cache and production where it was; its results are kept", async () => {
  using project = makeAudited("  - {type: accepted_range, columns: [amount], min: 0}\n");
  await ok(project, "run");
  const before = await git(project.path("target/state.git"), "rev-parse", "prod");
  project.write("data/orders.csv", ORDERS + "4,1,-7,paid\n");
  const failed = await project.run("run");
  assert.equal(failed.code, 4, failed.stderr);
  assert.match(
    failed.stderr,
    /failed {2}transform\.clean {2}accepted_range\(amount\) failed: 1 of 4 rows, such as id = 4, amount = -7/,
  );
  assert.match(failed.stderr, /skipped transform\.total/);
  assert.match(failed.stdout, /0 of 1 check passed/);
  const look = /look: seeknal query '(.*)'/.exec(failed.stderr)![1]!;
  assert.match(await ok(project, "query", look, "--format", "csv"), /^4,1,-7,paid$/m);
  assert.equal(await git(project.path("target/state.git"), "rev-parse", "prod"), before);
  assert.deepEqual(await rowsOf(project, "SELECT total FROM transform.total"), [{ total: 35 }]);
  // Nothing of it is taken for good by another environment either.
  await ok(project, "plan", "dev");
  assert.equal((await project.run("run", "--env", "dev")).code, 4);
  const refused = await project.run("promote", "dev", "--yes");
  assert.equal(refused.code, 3, refused.stderr);
  assert.match(refused.stderr, /its last run failed: transform\.clean/);
  const quality = await project.json<DataQuality>("dq");
  assert.deepEqual(
    quality.checks.map(({ name, status, points }) => [name, status, points.length]),
    [
      ["accepted_range(amount)", "failed", 2],
    ],
  );
  assert.equal(quality.checks[0]!.failing_since, quality.runs[1]!.at);
  project.write("data/orders.csv", ORDERS);
  await ok(project, "run");
  const now = await project.json<DataQuality>("dq");
  assert.equal(now.checks[0]!.status, "failed", "what is reused is not checked again");
  await ok(project, "audit");
  assert.equal((await project.json<DataQuality>("dq")).checks[0]!.status, "passed");
  await git(project.path("target/state.git"), "fsck", "--strict");
});

Deno.test("a warning is said and stored and blocks nothing; max_violations lets some rows pass", async () => {
  using project = makeAudited(
    "  - {type: accepted_values, columns: [status], values: [paid], severity: warn}\n" +
      "  - {type: accepted_values, columns: [status], values: [paid], max_violations: 1}\n",
  );
  await ok(project, "plan", "dev");
  const { code, stdout, stderr } = await project.run("run", "--env", "dev");
  assert.equal(code, 0, stderr);
  assert.match(stderr, /warning: transform\.clean: accepted_values\(status\) failed: 1 of 3 rows/);
  assert.match(stdout, /1 of 2 checks passed, 1 warning/);
  await ok(project, "promote", "dev", "--yes");
  // Production was never run: what it has was checked where it came from.
  const { checks } = await project.json<DataQuality>("dq");
  assert.deepEqual(checks.map(({ status, points }) => [status, points[0]!.action]), [
    ["warned", "promote"],
    ["passed", "promote"],
  ]);
});

Deno.test("an edited audit is checked on the very rows that are there, without building; promotion waits for it", async () => {
  using project = makeAudited("  - {type: not_null, columns: [id]}\n");
  // Other rows each time: only what is not built again stays the same.
  project.write(
    "seeknal/clean.yml",
    project.read("seeknal/clean.yml").replace("SELECT id", "SELECT random() AS luck, id"),
  );
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  await ok(project, "run", "--env", "dev");
  const luck = await rowsOf(project, "SELECT luck FROM transform.clean", "dev");
  project.write(
    "seeknal/clean.yml",
    project.read("seeknal/clean.yml") + "  - {type: unique, columns: [id]}\n",
  );
  await ok(project, "plan", "dev");
  const early = await project.run("promote", "dev", "--yes");
  assert.equal(early.code, 3);
  assert.match(early.stderr, /audits were not run as they are written now: transform\.clean/);
  const lines = await runLines(project, "--env", "dev");
  const { built, checks } = lines.at(-1)!;
  assert.deepEqual([built, checks], [0, { passed: 2, warned: 0, failed: 0 }]);
  assert.deepEqual(
    lines.find(({ event }) => event === "checked")!.results!.map((
      { name, status },
    ) => [name, status]),
    [["not_null(id)", "passed"], ["unique(id)", "passed"]],
  );
  assert.deepEqual(await rowsOf(project, "SELECT luck FROM transform.clean", "dev"), luck);
  await ok(project, "promote", "dev", "--yes");
  // One that fails keeps what was promoted where it is.
  project.write(
    "seeknal/clean.yml",
    project.read("seeknal/clean.yml") + "  - {type: row_count, max: 2}\n",
  );
  const { code, stderr } = await project.run("run");
  assert.equal(code, 4);
  assert.match(stderr, /row_count failed: 3 rows, and there have to be at most 2/);
  assert.deepEqual(await rowsOf(project, "SELECT luck FROM transform.clean"), luck);
});

Deno.test("a relationship is checked again when the other node changes, although its own node does not", async () => {
  using project = makeAudited(
    "  - {type: relationships, column: customer_id, to: ref('source.customers')}\n",
  );
  await ok(project, "run");
  project.write("data/customers.csv", "customer_id,name\n1,Ann\n");
  const { code, stderr } = await project.run("run");
  assert.equal(code, 4);
  assert.match(
    stderr,
    /relationships\(customer_id\) failed: 1 of 3 rows, such as id = 2, customer_id = 2/,
  );
  const upstream = transform(
    "late",
    ["transform.total"],
    "SELECT total, 3 AS customer_id FROM ref('transform.total')",
    "audits:\n  - {type: relationships, column: customer_id, to: source.customers, severity: warn}\n",
  );
  project.write("seeknal/late.yml", upstream);
  project.write("data/customers.csv", "customer_id,name\n1,Ann\n2,Bob\n");
  assert.match(await ok(project, "run"), /late: relationships\(customer_id\) failed: 1 of 1 row/);
});

Deno.test("audits are bound in the plan: what is wrong in their SQL is said with file, line and column, and nothing is written", async () => {
  using project = makeAudited(`  - type: custom_sql
    sql: |
      SELECT *
      FROM __THIS__ WHERE amont < 0
  - {type: custom_sql, sql: "SELECT * FROM read_csv('data/orders.csv')"}
  - {type: custom_sql, sql: "SELECT * FROM ref('transform.total')"}
  - {type: expression, expression: "amount >"}
  - {type: accepted_values, columns: [id], values: [a]}
  - {type: not_null, columns: [statis]}
  - {type: not_null, columns: [id], where: "nothing = 1"}
  - {type: matches, columns: [status], pattern: '['}
  - {type: custom_sql, sql: "DELETE FROM __THIS__"}
`);
  const before = fileTree(project);
  const { code, stdout } = await project.run("plan", "dev", "--json");
  assert.equal(code, 3);
  const { diagnostics } = JSON.parse(stdout) as {
    diagnostics: { code: string; line: number; column: number; hint?: string }[];
  };
  const first = project.read("seeknal/clean.yml").split("\n").indexOf("audits:") + 1;
  assert.deepEqual(
    diagnostics.map(({ code, line }) => [code, line - first]),
    [
      ["audit_does_not_bind", 4],
      ["audit_does_not_bind", 5],
      ["audit_reads_other", 6],
      ["audit_does_not_bind", 7],
      ["audit_does_not_bind", 8],
      ["audit_column_missing", 9],
      ["audit_does_not_bind", 10],
      ["audit_does_not_bind", 11],
      ["audit_does_not_bind", 12],
    ],
  );
  assert.equal(diagnostics[0]!.column, "      FROM __THIS__ WHERE ".length + 1);
  assert.equal(diagnostics[5]!.hint, 'did you mean "status"?');
  assert.deepEqual(fileTree(project), before);
});

Deno.test("audit checks what an environment has as the files say now, builds nothing and exits 4 where something fails", async () => {
  using project = makeAudited("  - {type: not_null, columns: [id]}\n");
  assert.equal((await project.run("audit")).code, 2);
  await ok(project, "run");
  project.write(
    "seeknal/clean.yml",
    project.read("seeknal/clean.yml") +
      "  - {type: unique, columns: [customer_id], name: one_each}\n",
  );
  const { code, stdout } = await project.run("audit");
  assert.equal(code, 4);
  assert.match(stdout, /passed {2}not_null\(id\) {2}3 rows/);
  assert.match(stdout, /failed {2}one_each {6}1 of 3 rows, such as id = 1, customer_id = 1/);
  const query = /seeknal query '([^']*)'/.exec(stdout)![1]!;
  assert.match(await ok(project, "query", query, "--format", "csv"), /^1,1,10,paid$/m);
  const json = JSON.parse((await project.run("audit", "clean", "--json")).stdout);
  assert.deepEqual(json.summary, { passed: 1, warned: 0, failed: 1 });
  assert.equal((await project.run("audit", "--select", "source.orders")).code, 0);
  const unknown = await project.run("audit", "cleam");
  assert.match(unknown.stderr, /did you mean "clean"/);
  assert.match((await project.run("audit", "total")).stderr, /transform\.total has no audits/);
});

const TESTS = `name: sums_paid_orders
node: transform.paid
given:
  - ref: transform.clean
    rows:
      - {id: 1, amount: 9007199254740993, status: paid}
      - {id: 2, amount: 4, status: open}
expect:
  rows: [{total: 9007199254740993, share: 0.3}]
---
unit_tests:
  - name: cte_leaves_out_what_is_open
    model: paid
    cte: kept
    params: {wanted: open}
    given:
      - input: ref('transform.clean')
        csv: tests/clean.csv
    expect: {columns: [id], sql: "SELECT 2 AS id"}
  - name: wrong
    node: transform.paid
    given: [{ref: transform.clean, sql: "SELECT 1 AS id, 5 AS amount, 'paid' AS status"}]
    expect: [{total: 6, share: 0.3}]
  - name: does_not_fit
    node: transform.paid
    given: [{ref: transform.clean, rows: [{id: x}]}]
    expect: []
`;

function makeTested(): TempProject {
  const project = makeAudited("");
  project.write(
    "seeknal/paid.sql",
    `-- /// seeknal
-- params: {wanted: paid}
-- ///
WITH kept AS (SELECT * FROM ref('transform.clean') WHERE status = '{{ wanted }}')
SELECT CAST(sum(amount) AS BIGINT) AS total, CAST(0.1 AS DOUBLE) + CAST(0.2 AS DOUBLE) AS share FROM kept
`,
  );
  project.write("tests/paid.yml", TESTS);
  project.write("tests/clean.csv", "id,amount,status\n1,10,paid\n2,,open\n");
  project.write(
    "tests/data/none_lost.sql",
    "SELECT * FROM ref('transform.clean') WHERE status = 'lost'",
  );
  project.write(
    "tests/data/all_paid.sql",
    "-- /// seeknal\n-- severity: warn\n-- ///\nSELECT id, status FROM ref('transform.clean') WHERE status <> 'paid';",
  );
  return project;
}

Deno.test("test runs unit tests on given rows of a node or one of its CTEs, and data tests on an environment", async () => {
  using project = makeTested();
  const before = fileTree(project);
  const first = await project.run("test", "--json");
  assert.equal(first.code, 4);
  assert.deepEqual(fileTree(project), before, "tests write nothing");
  const { results } = JSON.parse(first.stdout) as TestReport;
  assert.deepEqual(results.map(({ name, status }) => [name, status]), [
    ["sums_paid_orders", "passed"],
    ["cte_leaves_out_what_is_open", "passed"],
    ["wrong", "failed"],
    ["does_not_fit", "error"],
    ["all_paid", "skipped"],
    ["none_lost", "skipped"],
  ]);
  assert.deepEqual(results[2]!.diff!.changed, [
    { expected: ["6", "0.3"], actual: ["5", "0.30000000000000004"] },
  ]);
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  const text = await project.run("test", "--env", "dev");
  assert.match(text.stdout, /~ 6 → 5 {2}0\.3/);
  assert.match(
    text.stdout,
    /does_not_fit .*tests\/paid\.yml:\d+\n +The rows given of transform\.clean do not fit/,
  );
  assert.match(text.stdout, /warned {3}all_paid .*\n +1 row fails, such as id = 3, status = open/);
  assert.match(text.stdout, /6 tests: 3 passed, 1 failed, 1 error, 1 warned/);
  const chosen = await ok(project, "test", "sums_paid_orders", "none_lost", "--env", "dev");
  assert.match(chosen, /2 tests: 2 passed/);
  assert.match(
    (await project.run("test", "sums_payd_orders")).stderr,
    /did you mean "sums_paid_orders"/,
  );
  const junit = (await project.run("test", "--env", "dev", "--format", "junit")).stdout;
  assert.match(junit, /<testsuites name="seeknal" tests="6" failures="1" errors="1" skipped="0"/);
  assert.equal(junit.match(/<testcase /g)!.length, 6);
});

Deno.test("what is wrong with a test is said with its place before any of them runs", async () => {
  using project = makeTested();
  project.write(
    "tests/broken.yml",
    "name: a\nnode: transform.nope\nexpect: []\n---\nname: b\nnode: source.orders\nexpect: []\n",
  );
  const nodes = await project.run("test");
  assert.equal(nodes.code, 3);
  assert.match(nodes.stderr, /tests\/broken\.yml:1:1 error: a: Unknown node "transform\.nope"/);
  assert.match(nodes.stderr, /tests\/broken\.yml:5:1 error: b: source\.orders is not computed/);
  project.write("tests/broken.yml", "name: wrong\nnode: transform.paid\ngivn: []\nexpect: {}\n");
  const fields = await project.run("test");
  assert.equal(fields.code, 3);
  assert.match(fields.stderr, /tests\/broken\.yml:3:1 error: Unknown field "givn"/);
  assert.match(fields.stderr, /tests\/broken\.yml:4:\d+ error: There are no rows/);
});

Deno.test("test --create writes a test from real rows that passes, few of them and always the same, and never over another", async () => {
  using project = makeTested();
  const orders = [...Array(3000).keys()].map((i) =>
    `${i},${i},${i},${i === 1777 ? "rare" : "paid"}`
  );
  project.write("data/orders.csv", `id,customer_id,amount,status\n${orders.join("\n")}\n`);
  project.write("data/customers.csv", 'customer_id,name\n5,Eve\n1777,"Ann: ""x"""\n');
  project.write(
    "seeknal/rare.yml",
    transform(
      "rare",
      ["transform.clean", "source.customers"],
      "SELECT name, [id, amount] AS pair, status = 'rare' AS \"is it\", DATE '2026-01-02' AS day\n" +
        "FROM ref('transform.clean') JOIN ref('source.customers') USING (customer_id) WHERE status = 'rare'",
    ),
  );
  await ok(project, "run");
  assert.match(await ok(project, "test", "--create", "rare"), /1 row out/);
  const text = project.read("tests/transform_rare.yml");
  assert.match(text, /name: "Ann: \\"x\\"", pair: \[1777,1777\], "is it": true, day: "2026-01-02"/);
  assert.ok(text.split("\n").length < 25, text);
  assert.match(await ok(project, "test", "rare"), /1 test: 1 passed/);
  const again = await project.run("test", "--create", "rare");
  assert.equal(again.code, 2);
  assert.equal(project.read("tests/transform_rare.yml"), text);
  project.remove("tests/transform_rare.yml");
  await ok(project, "test", "--create", "rare");
  assert.equal(project.read("tests/transform_rare.yml"), text);
});

Deno.test("exec hands an environment to any program, with its words, its input and its exit code", async () => {
  using project = makeAudited("");
  const missing = await runChild(project.root, ["exec", "--env", "dev", "--", "true"]);
  assert.equal(missing.code, 2, missing.stderr);
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  project.remove("target/environments/dev/cache");
  const script = 'echo "$SEEKNAL_ENV|$SEEKNAL_PROJECT_PATH|$SEEKNAL_TARGET|$SEEKNAL_CACHE|$*"; ' +
    'cat "$SEEKNAL_CACHE/transform/clean.parquet" | head -c 4; exit 7';
  const done = await runChild(project.root, [
    ...["exec", "-e", "dev", "--", "sh", "-c", script, "sh", "--json", "--help", "--"],
  ]);
  const target = project.path("target/environments/dev");
  assert.deepEqual([done.code, done.stdout], [
    7,
    `dev|${project.root}|${target}|${target}/cache|--json --help --\nPAR1`,
  ]);
  const unknown = await runChild(project.root, ["exec", "-e", "dev", "--", "no-such-program"]);
  assert.equal(unknown.code, 5);
  assert.equal((await project.run("exec", "-e", "dev")).code, 2);
  const child = spawnSeeknal(project.root, [
    ...[
      "exec",
      "-e",
      "dev",
      "--",
      "sh",
      "-c",
      "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done",
    ],
  ]);
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGTERM");
  assert.equal((await child.status).code, 9);
  await reader.cancel();
  await child.stderr.cancel();
});

Deno.test("a process killed between a check and its acceptance leaves nothing accepted; the next run checks again", async () => {
  using project = makeAudited("  - {type: not_null, columns: [id]}\n");
  await ok(project, "plan", "dev");
  const killed = spawnSeeknal(project.root, ["run", "--env", "dev"], {
    SEEKNAL_FAULT_POINT: "node-checked",
  });
  assert.equal((await killed.output()).signal, "SIGKILL");
  await git(project.path("target/state.git"), "fsck", "--strict");
  const lines = await runLines(project, "--env", "dev");
  const states = new Map(
    lines.filter(({ event }) => event === "node_finished").map((
      { node, status },
    ) => [node, status]),
  );
  assert.equal(states.get("transform.clean"), "success", "it is built again, nothing was accepted");
  assert.ok(lines.some(({ event, node }) => event === "checked" && node === "transform.clean"));
});

Deno.test("dq shows results over time as a page that needs no network, and forgets those of a deleted environment", async () => {
  using project = makeAudited('  - {type: row_count, max: 3, name: "few <rows>"}\n');
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  project.write("data/orders.csv", ORDERS + "4,1,1,paid\n");
  await ok(project, "plan", "dev");
  assert.equal((await project.run("run", "--env", "dev")).code, 4);
  const table = await ok(project, "dq", "--env", "dev");
  assert.match(table, /failed {2}few <rows> {2}▁█ {2}failing since 2026-01-02 .*: 4 rows, and/);
  await ok(project, "dq", "--env", "dev", "--format", "html");
  const html = project.read("target/dq.html");
  assert.match(html, /few &lt;rows&gt;/);
  assert.doesNotMatch(html, /few <rows>|https?:|src=|<link|@import|url\(/);
  assert.match(html, /default-src 'none'/);
  assert.match((await project.run("dq", "--env", "dev", "--node", "cleam")).stderr, /did you mean/);
  await ok(project, "gc");
  assert.equal((await project.json<DataQuality>("dq", "--env", "dev")).runs.length, 2);
  await git(project.path("target/state.git"), "fsck", "--strict");
  await ok(project, "env", "delete", "dev", "--yes");
  assert.equal(await git(project.path("target/state.git"), "for-each-ref", "refs/quality"), "");
  assert.equal((await project.run("dq", "--env", "dev")).code, 2);
});

Deno.test("unit tests run scripts and the piece of an incremental node on given rows; an aggregation like any other SQL", async () => {
  using project = makeAudited("");
  project.write(
    "seeknal/double.ts",
    `// /// seeknal
// inputs: [{ref: transform.clean}]
// params: {factor: 2}
// columns: {id: BIGINT, times: BIGINT}
// ///
export default (inputs, context) => [...inputs["transform.clean"].rows()]
  .map(({ id, amount }) => ({ id, times: Number(amount) * context.params.factor }));
`,
  );
  project.write(
    "seeknal/daily.yml",
    `kind: transform
name: daily
inputs: [transform.days]
incremental_by_time: {time_column: day, start: 2026-01-01}
transform: |
  SELECT day, count(*) AS n FROM ref('transform.days')
  WHERE day >= '{{ start_date }}' AND day < {{ end }} GROUP BY day
`,
  );
  project.write("seeknal/days.sql", "SELECT DATE '2026-01-01' AS day");
  const days = ["2026-01-01", "2026-01-02", "2026-01-03"].map((day) => `{day: ${day}}`).join(", ");
  const given = "given: [{ref: transform.clean, rows: [{id: 7, amount: 21}, {id: 8, amount: 1}]}]";
  project.write(
    "tests/kinds.yml",
    `- name: doubles
  node: double
  ${given}
  expect: [{id: 8, times: 2}, {id: 7, times: 42}]
- name: triples
  node: double
  params: {factor: 3}
  ${given}
  expect: [{id: 8, times: 3}, {id: 7, times: 63}]
- name: fails
  node: double
  ${given}
  expect: [{id: 8, times: 2}]
- name: one_piece
  node: daily
  params: {start_date: 2026-01-02, end: 2026-01-03}
  given: [{ref: transform.days, rows: [${days}]}]
  expect: [{day: 2026-01-02, n: 1}]
`,
  );
  const { results } = JSON.parse((await project.run("test", "--json")).stdout) as TestReport;
  assert.deepEqual(results.map(({ name, status, message }) => [name, status, message]), [
    ["doubles", "passed", null],
    ["triples", "passed", null],
    ["fails", "failed", "rows differ: 1 too many"],
    ["one_piece", "passed", null],
  ]);
});

Deno.test("audit reads the rows of a rule as results; a model's tests: are bounds of its numbers", async () => {
  using project = makeAudited("");
  project.write(
    "seeknal/rule.yml",
    "kind: rule\nname: low\ninputs: [source.orders]\nparams: {severity: warn}\n" +
      "rule: {type: range, column: amount, params: {max_val: 10}}\n",
  );
  project.write(
    "seeknal/model.ts",
    `// /// seeknal
// kind: model
// inputs: [{ref: transform.clean}]
// columns: {id: BIGINT}
// tests: [{min_accuracy: 0.5}]
// audits: [{not_null: [id]}]
// ///
export default (inputs, context) => {
  context.metric("accuracy", 0.75);
  return [...inputs["transform.clean"].rows()].map(({ id }) => ({ id }));
};
`,
  );
  await ok(project, "run");
  const { stdout, code } = await project.run("audit");
  assert.equal(code, 0, stdout);
  assert.match(stdout, /rule\.low\n {2}warned {2}range\(amount\) +1 of 3 rows are outside/);
  assert.match(stdout, /passed {2}not_null\(id\)/);
  assert.match(stdout, /passed {2}metric\(accuracy\)/);
});
