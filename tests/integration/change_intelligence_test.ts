import assert from "node:assert/strict";
import type { Explanation } from "../../src/app/explain_node.ts";
import type { Lineage } from "../../src/app/trace_lineage.ts";
import type { Diagnostic } from "../../src/base/diagnostic.ts";
import type { Plan } from "../../src/model/plan.ts";
import { makeProject, runSeeknal, type TempProject } from "../support/project.ts";
import { fileTree, ok, rowsOf, source, transform } from "../support/shop.ts";

/** One source, one transform and three readers of different parts of it. */
function makeUsers(): TempProject {
  const project = makeProject({
    "data/src.csv": "id,email,username,amount\n1,a@x,ann,5\n2,b@x,bob,0\n3,,cy,7\n",
    "seeknal/src.yml": source("src"),
    "seeknal/a.yml": transform(
      "a",
      ["transform.users"],
      "SELECT id, email FROM ref('transform.users')",
    ),
    "seeknal/b.yml": transform("b", ["transform.users"], "SELECT id FROM ref('transform.users')"),
    "seeknal/star.yml": transform(
      "star",
      ["transform.users"],
      "SELECT * FROM ref('transform.users')",
    ),
  });
  users(project, "SELECT id, email, username, amount FROM ref('source.src') WHERE amount > 0");
  return project;
}

function users(project: TempProject, sql: string): void {
  project.write("seeknal/users.yml", transform("users", ["source.src"], sql));
}

function built({ nodes }: Plan): string[] {
  return nodes.filter(({ action }) => action === "build").map(({ id }) => id);
}

const LOWER =
  "SELECT id, lower(email) AS email, username, amount FROM ref('source.src') WHERE amount > 0";

Deno.test("plan says for every branch below a change why it is touched or not", async () => {
  using project = makeUsers();
  await ok(project, "run");
  users(project, LOWER);
  const { stdout } = await project.run("plan", "dev");
  assert.match(stdout, /transform\.users {2}BREAKING\n {6}expression of email changed/);
  assert.match(stdout, /- email\n|- {3}email|- email,/);
  assert.match(
    stdout,
    /├─ > transform\.a {2}reads email, whose expression changed/,
  );
  assert.match(stdout, /└─ = transform\.b {2}reads nothing that changed/);
  assert.match(stdout, /Build {2}3 /);
  assert.match(stdout, /Reuse {2}2 +from prod/);
});

Deno.test("plan --json names the columns that reach a node, and where a reused output comes from", async () => {
  using project = makeUsers();
  await ok(project, "run");
  users(project, LOWER);
  const { nodes } = await project.json<Plan>("plan", "dev");
  const of = (name: string) => nodes.find(({ id }) => id === `transform.${name}`)!;
  assert.deepEqual(of("users").columns.changed, ["email"]);
  assert.deepEqual(of("a").because, ["transform.users.email"]);
  assert.equal(of("a").change, "indirect");
  assert.equal(of("b").change, "none");
  assert.equal(of("b").reused_from, "prod");
  assert.equal(of("a").reused_from, null);
});

Deno.test("two environments with one definition share an output, and a revert finds the old one", async () => {
  using project = makeUsers();
  await ok(project, "run");
  users(project, LOWER);
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  const second = await project.json<Plan>("plan", "other");
  assert.deepEqual(built(second), []);
  assert.equal(second.nodes.find(({ id }) => id === "transform.a")!.reused_from, "the cache");
  users(project, "SELECT id, email, username, amount FROM ref('source.src') WHERE amount > 0");
  const reverted = await project.json<Plan>("plan", "dev");
  assert.deepEqual(built(reverted), []);
  assert.ok(reverted.nodes.every(({ change }) => change === "none"));
});

Deno.test("a query that a change upstream broke is an error in the plan that names the change", async () => {
  using project = makeUsers();
  await ok(project, "run");
  const before = fileTree(project);
  users(
    project,
    "SELECT id, email AS mail, username, amount FROM ref('source.src') WHERE amount > 0",
  );
  const { code, stdout } = await project.run("plan", "dev", "--json");
  assert.equal(code, 3);
  const [diagnostic, ...others] = (JSON.parse(stdout) as { diagnostics: Diagnostic[] }).diagnostics;
  assert.deepEqual(others, []);
  assert.equal(diagnostic!.file, "seeknal/a.yml");
  assert.deepEqual([diagnostic!.line, diagnostic!.column], [6, 14]);
  assert.equal(diagnostic!.cause, "transform.users renamed email to mail");
  assert.equal(diagnostic!.hint, 'did you mean "mail"?');
  const text = await project.run("plan", "dev");
  assert.match(text.stderr, /because: transform\.users renamed email to mail/);
  delete before["seeknal/users.yml"];
  const after = fileTree(project);
  delete after["seeknal/users.yml"];
  assert.deepEqual(after, before, "nothing was written");
});

Deno.test("columns declared in YAML are checked against what the query returns", async () => {
  using project = makeUsers();
  const columns = "columns:\n  id: int8\n  mail: varchar\n  amount: date\n  username: nonsense\n";
  const sql = "SELECT id, email, username, amount FROM ref('source.src')";
  project.write("seeknal/users.yml", transform("users", ["source.src"], sql, columns));
  const { code, stdout } = await project.run("plan", "--json");
  assert.equal(code, 3);
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: Diagnostic[] };
  assert.deepEqual(
    diagnostics.map(({ code, line }) => `${code} ${line}`),
    ["declared_column_missing 9", "declared_type_differs 10", "unknown_type 11"],
  );
  assert.match(diagnostics[0]!.hint!, /email/);
});

Deno.test("plan warns of a new query that depends on the clock or on chance", async () => {
  using project = makeUsers();
  users(
    project,
    "SELECT id, email, username, amount, random() AS r, now() AS t FROM ref('source.src')",
  );
  const { diagnostics } = await project.json<Plan>("plan", "dev");
  assert.deepEqual(diagnostics.map(({ code }) => code), ["volatile_query"]);
  assert.match(diagnostics[0]!.message, /now\(\), random\(\)/);
  await ok(project, "run", "--env", "dev");
  assert.deepEqual((await project.json<Plan>("plan", "dev")).summary.build, 0);
});

Deno.test("a column that went into another one's name is not suggested as itself", async () => {
  using project = makeUsers();
  await ok(project, "run");
  users(project, "SELECT id FROM ref('source.src')");
  project.write("seeknal/src.yml", source("src", "params:\n  delim: ';'\n"));
  const { stderr } = await project.run("plan", "dev");
  assert.match(stderr, /because: source\.src no longer returns id/);
  assert.doesNotMatch(stderr, /did you mean "id"/);
});

Deno.test("--category non_breaking spares the readers, is kept with its author and goes to production", async () => {
  using project = makeUsers();
  await ok(project, "run");
  users(project, LOWER);
  const first = await project.json<Plan>(
    "plan",
    "dev",
    "--category",
    "transform.users=non_breaking",
  );
  assert.deepEqual(built(first), ["transform.users"]);
  const changed = first.nodes.find(({ id }) => id === "transform.users")!;
  assert.equal(changed.category, "NON_BREAKING");
  assert.deepEqual(changed.override, { category: "NON_BREAKING", by: "Ada" });
  await ok(project, "run", "--env", "dev");
  const again = await project.json<Plan>("plan", "dev");
  assert.deepEqual(built(again), [], "a decision holds as long as the change is the same");
  assert.match(await ok(project, "env", "show", "dev"), /NON_BREAKING as decided by Ada/);
  assert.match(await ok(project, "history", "dev", "--details"), /NON_BREAKING as decided by Ada/);
  // Another environment never saw the decision.
  assert.deepEqual(built(await project.json<Plan>("plan", "other")).sort(), [
    "transform.a",
    "transform.star",
  ]);
  await ok(project, "promote", "dev", "--yes");
  assert.ok(
    (await project.json<Plan>("plan", "dev")).nodes.every(({ change }) => change === "none"),
  );
});

Deno.test("what a promoted decision keeps behind stays in sight, and run --full brings it up to date", async () => {
  using project = makeUsers();
  await ok(project, "run");
  users(project, LOWER.replace("> 0", "> 5"));
  await ok(project, "plan", "dev", "--category", "users=non_breaking");
  await ok(project, "run", "--env", "dev");
  await ok(project, "promote", "dev", "--yes");
  const plan = (await project.run("plan")).stdout;
  assert.match(plan, /No changes/);
  assert.match(
    plan,
    /Kept {3}3 +by decision, behind what they read: transform\.a, transform\.b, transform\.star/,
  );
  const why = (await project.run("why", "star")).stdout;
  assert.match(why, /keeps its output from before transform\.users changed, as decided by Ada/);
  await ok(project, "run", "--full");
  assert.doesNotMatch((await project.run("plan")).stdout, /Kept/);
  assert.deepEqual(await rowsOf(project, "SELECT count(*) AS n FROM star"), [{ n: 1 }]);
});

Deno.test("--category auto takes a decision back, and another edit ends it", async () => {
  using project = makeUsers();
  await ok(project, "run");
  users(project, LOWER);
  await ok(project, "plan", "dev", "--category", "transform.users=non_breaking");
  const auto = await project.json<Plan>("plan", "dev", "--category", "transform.users=auto");
  assert.deepEqual(built(auto), ["transform.a", "transform.star", "transform.users"]);
  await ok(project, "plan", "dev", "--category", "transform.users=non_breaking");
  users(project, LOWER.replace("lower", "upper"));
  const edited = await project.json<Plan>("plan", "dev");
  assert.deepEqual(built(edited), ["transform.a", "transform.star", "transform.users"]);
});

/** Plans, runs and promotes `LOWER` with its readers spared. */
async function promoteSpared(project: TempProject): Promise<void> {
  await ok(project, "run");
  users(project, LOWER);
  await ok(project, "plan", "dev", "--category", "transform.users=non_breaking");
  await ok(project, "run", "--env", "dev");
  await ok(project, "promote", "dev", "--yes");
}

Deno.test("what is built on a change that was decided to be non-breaking is not taken for built without it", async () => {
  using project = makeUsers();
  project.write("data/src.csv", "id,email,username,amount\n1,A@x,ann,5\n");
  await ok(project, "run");
  const original = project.read("seeknal/users.yml");
  users(project, LOWER);
  const edited = transform(
    "a",
    ["transform.users"],
    "SELECT id, email, 1 AS one FROM ref('transform.users')",
  );
  project.write("seeknal/a.yml", edited);
  await ok(project, "plan", "dev", "--category", "transform.users=non_breaking");
  await ok(project, "run", "--env", "dev");
  assert.deepEqual(await rowsOf(project, "FROM transform.a", "dev"), [{
    id: 1,
    email: "a@x",
    one: 1,
  }]);
  project.write("seeknal/users.yml", original);
  assert.deepEqual(built(await project.json<Plan>("plan", "other")), ["transform.a"]);
  await ok(project, "run", "--env", "other");
  assert.deepEqual(await rowsOf(project, "FROM transform.a", "other"), [{
    id: 1,
    email: "A@x",
    one: 1,
  }]);
});

Deno.test("readers that were spared a change stay so through edits of their description, and follow with --full", async () => {
  using project = makeUsers();
  project.write("data/src.csv", "id,email,username,amount\n1,A@x,ann,5\n");
  await promoteSpared(project);
  project.write("seeknal/a.yml", project.read("seeknal/a.yml") + "description: who\n");
  assert.deepEqual(built(await project.json<Plan>("plan", "dev")), []);
  const full = await ok(project, "run", "--env", "dev", "--full");
  assert.match(full, /'transform\.a' keeps its output: .* non-breaking/);
  assert.deepEqual(await rowsOf(project, "FROM transform.a", "dev"), [{ id: 1, email: "A@x" }]);
  // The same with another spelling: the decision is not on the node any more.
  users(project, LOWER.replace("SELECT", "SELECT /* */"));
  await ok(project, "plan", "dev");
  await ok(project, "promote", "dev", "--yes");
  project.write("seeknal/a.yml", project.read("seeknal/a.yml") + "owner: me\n");
  assert.deepEqual(built(await project.json<Plan>("plan")), []);
  await ok(project, "run", "--full");
  assert.deepEqual(await rowsOf(project, "FROM transform.a"), [{ id: 1, email: "a@x" }]);
  users(project, LOWER.replace("lower(email) AS email", "email"));
  await ok(project, "run");
  assert.deepEqual(await rowsOf(project, "FROM transform.a"), [{ id: 1, email: "A@x" }]);
});

Deno.test("a reader that was spared a change is built from it once its output is lost", async () => {
  using project = makeUsers();
  await promoteSpared(project);
  const { refs } = JSON.parse(project.read("target/environments/dev/refs.json"));
  const spared = refs.find((ref: { node_id: string }) => ref.node_id === "transform.a");
  project.remove(`target/cache/objects/${spared.content_hash}.parquet`);
  const plan = await project.json<Plan>("plan");
  assert.deepEqual(built(plan), ["transform.a"]);
  assert.match(
    plan.nodes.find(({ id }) => id === "transform.a")!.reasons[0]!,
    /reads transform\.users, whose change was kept from readers until now, as decided by Ada/,
  );
});

Deno.test("a decision spares readers its own change, not new data", async () => {
  using project = makeUsers();
  await ok(project, "run");
  users(project, LOWER);
  await ok(project, "plan", "dev", "--category", "transform.users=non_breaking");
  await ok(project, "run", "--env", "dev");
  project.write("data/src.csv", "id,email,username,amount\n1,New@x,ann,5\n");
  assert.ok(built(await project.json<Plan>("plan", "dev")).includes("transform.a"));
  await ok(project, "run", "--env", "dev");
  assert.deepEqual(await rowsOf(project, "FROM transform.a", "dev"), [{ id: 1, email: "new@x" }]);
});

Deno.test("a plan whose decision ended with another change of production says so", async () => {
  using project = makeUsers();
  await ok(project, "run");
  users(project, LOWER);
  await ok(project, "plan", "dev", "--category", "transform.users=non_breaking");
  users(project, LOWER.replace("lower", "upper"));
  await ok(project, "run");
  users(project, LOWER);
  const stale = await project.run("run", "--env", "dev");
  assert.equal(stale.code, 4);
  assert.match(
    stale.stderr,
    /transform\.users: NON_BREAKING was decided by Ada for another change than this is now/,
  );
  assert.doesNotMatch(stale.stderr, /moved or rewritten/);
});

Deno.test("why names no command for a node that this environment has dropped", async () => {
  using project = makeUsers();
  await ok(project, "run");
  project.remove("seeknal/b.yml");
  await ok(project, "plan", "dev");
  const { stdout, stderr } = await project.run("why", "b", "--env", "dev");
  assert.match(stdout, /to be dropped/);
  assert.doesNotMatch(stderr, /seeknal run/);
});

Deno.test("a decision about data ends when production has other data", async () => {
  using project = makeUsers();
  await ok(project, "run");
  const data = (email: string) => `id,email,username,amount\n1,${email},ann,5\n`;
  project.write("data/src.csv", data("one@x"));
  await ok(project, "plan", "dev", "--category", "source.src=non_breaking");
  assert.deepEqual(built(await project.json<Plan>("plan", "dev")), ["source.src"]);
  project.write("data/src.csv", data("two@x"));
  await ok(project, "run");
  project.write("data/src.csv", data("one@x"));
  assert.ok(built(await project.json<Plan>("plan", "dev")).includes("transform.a"));
});

Deno.test("--category breaking takes all readers along", async () => {
  using project = makeUsers();
  await ok(project, "run");
  users(project, LOWER);
  const plan = await project.json<Plan>("plan", "dev", "--category", "transform.users=breaking");
  assert.deepEqual(
    built(plan),
    ["transform.a", "transform.star", "transform.users"],
    "the program said BREAKING as well: columns still count",
  );
  users(
    project,
    "SELECT id, email, username, amount, 1 AS one FROM ref('source.src') WHERE amount > 0",
  );
  const forced = await project.json<Plan>("plan", "dev", "--category", "transform.users=breaking");
  assert.deepEqual(built(forced), [
    "transform.a",
    "transform.b",
    "transform.star",
    "transform.users",
  ]);
  await ok(project, "run", "--env", "dev");
  assert.deepEqual(built(await project.json<Plan>("plan", "dev")), []);
});

for (
  const [what, args, code, hint] of [
    [
      "a node without a change of its own",
      ["plan", "dev", "--category", "transform.a=breaking"],
      2,
      /changed are: transform\.users/,
    ],
    [
      "an unknown node",
      ["plan", "dev", "--category", "transform.user=breaking"],
      2,
      /did you mean "transform\.users"/,
    ],
    [
      "an unknown category",
      ["plan", "dev", "--category", "transform.users=bad"],
      2,
      /non_breaking/,
    ],
    ["no environment", ["plan", "--category", "transform.users=breaking"], 2, /seeknal plan dev/],
  ] as const
) {
  Deno.test(`--category refuses ${what}`, async () => {
    using project = makeUsers();
    await ok(project, "run");
    users(project, LOWER);
    const result = await project.run(...args);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, hint);
  });
}

Deno.test("every command takes the same names for a node", async () => {
  using project = makeUsers();
  await ok(project, "run");
  users(project, LOWER);
  const commands = (name: string) => [
    ["plan", "dev", "--category", `${name}=non_breaking`],
    ["why", name],
    ["lineage", name],
    ["history", "--node", name],
    ["table-diff", "prod:prod", name],
  ];
  for (const name of ["transform.users", "users", "transform_users", "Transform.Users"]) {
    for (const args of commands(name)) {
      const { code, stdout, stderr } = await project.run(...args);
      assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
      assert.match(stdout, /transform\.users|run prod/, args.join(" "));
    }
  }
  project.write("data/users.csv", "id\n1\n");
  project.write("seeknal/users_source.yml", source("users"));
  await ok(project, "run");
  for (const args of [...commands("users"), ["lineage", "users.id"]]) {
    const { code, stderr } = await project.run(...args);
    assert.equal(code, 2, args.join(" "));
    assert.match(stderr, /several nodes[^]*write one of: source\.users, transform\.users/);
  }
});

Deno.test("auto_categorize: off asks on a terminal and refuses where nobody can answer", async () => {
  using project = makeUsers();
  await ok(project, "run");
  project.write("seeknal_project.yml", "name: test_project\nauto_categorize: off\n");
  users(project, LOWER);
  const refused = await project.run("plan", "dev");
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /--category transform\.users=breaking/);
  assert.equal(project.exists("target/environments/dev"), false);
  assert.equal((await project.run("run")).code, 3, "production is not moved past an open question");
  const asked = await runSeeknal(project, ["plan", "dev"], { choices: [1] });
  assert.equal(asked.code, 0, asked.stderr);
  assert.match(asked.stderr, /transform\.users: expression of email changed.*BREAKING/);
  assert.match(asked.stdout, /NON_BREAKING as decided by Ada/);
  assert.match(asked.stdout, /= transform\.a {2}transform\.users changed, and was decided to be/);
  assert.deepEqual(built(await project.json<Plan>("plan", "dev")), ["transform.users"]);
  await ok(project, "run", "--env", "dev");
});

Deno.test("auto_categorize: semi asks only about what the program cannot tell", async () => {
  using project = makeUsers();
  await ok(project, "run");
  project.write("seeknal_project.yml", "name: test_project\nauto_categorize: semi\n");
  users(project, LOWER);
  assert.deepEqual(built(await project.json<Plan>("plan", "dev")).length, 3);
  // The plan of this function does not show its arguments.
  users(project, LOWER.replace("amount FROM", "amount, stats(id) AS c FROM"));
  const unknown = await project.run("plan", "dev");
  assert.equal(unknown.code, 3);
  assert.match(
    unknown.stderr,
    /transform\.users \(seeknal would say BREAKING\): .*cannot tell which columns/,
  );
  const decided = await project.json<Plan>(
    "plan",
    "dev",
    "--category",
    "transform.users=non-breaking",
  );
  assert.deepEqual(built(decided), ["transform.star", "transform.users"]);
});

Deno.test("--no-auto-categorization asks for this plan only", async () => {
  using project = makeUsers();
  await ok(project, "run");
  users(project, LOWER);
  assert.equal((await project.run("plan", "dev", "--no-auto-categorization")).code, 3);
  const asked = await runSeeknal(project, ["plan", "dev", "--no-auto-categorization"], {
    choices: [0],
  });
  assert.equal(asked.code, 0, asked.stderr);
  assert.match(asked.stdout, /BREAKING as decided by Ada/);
});

Deno.test("why explains a node that is built, one that is reused and one that failed", async () => {
  using project = makeUsers();
  await ok(project, "run");
  users(project, LOWER);
  await ok(project, "plan", "dev");
  const reader = await project.json<Explanation>("why", "a", "--env", "dev");
  assert.equal(reader.status, "build");
  assert.deepEqual(reader.causes.map(({ node, path }) => [node, ...path]), [
    ["transform.users", "transform.users", "transform.a"],
  ]);
  const spared = await project.run("why", "transform.b", "--env", "dev");
  assert.match(spared.stdout, /transform\.b in dev: reused from prod/);
  assert.match(spared.stdout, /transform\.users changed, but not in what this node reads/);
  users(
    project,
    "SELECT id, email, username, CAST(username AS INTEGER) AS amount FROM ref('source.src')",
  );
  assert.equal((await project.json<Explanation>("why", "a", "--env", "dev")).stale, true);
  await ok(project, "plan", "dev");
  assert.equal((await project.run("run", "--env", "dev")).code, 4);
  const failed = await project.run("why", "users", "--env", "dev");
  assert.match(failed.stdout, /failed in the last run/);
  assert.match(failed.stdout, /Could not convert/);
  assert.equal((await project.run("why", "nobody")).code, 2);
});

Deno.test("lineage follows a column up and down, and tells what decides the rows", async () => {
  using project = makeUsers();
  users(project, LOWER);
  const column = await project.json<Lineage>("lineage", "users.email");
  assert.equal(column.focus, "transform.users.email");
  assert.deepEqual(column.column_edges, [
    { from: "transform.users.email", to: "transform.a.email" },
    { from: "transform.users.email", to: "transform.star.email" },
    { from: "source.src.email", to: "transform.users.email" },
  ]);
  const node = await project.json<Lineage>("lineage", "transform.users", "--upstream");
  assert.deepEqual(node.nodes.map(({ id }) => id), ["source.src", "transform.users"]);
  assert.deepEqual(node.row_edges, [{ from: "source.src.amount", to: "transform.users" }]);
  const text = (await project.run("lineage", "transform.users.email")).stdout;
  assert.match(text, /Comes from\n└─ source\.src\.email\nGoes to\n├─ transform\.a\.email/);
  assert.equal((await project.run("lineage", "users.nothing")).code, 2);
  assert.equal((await project.run("lineage", "--env", "dev")).code, 2);
});

Deno.test("lineage --html writes one page that begins at what was asked for", async () => {
  using project = makeUsers();
  const page = project.path("lineage.html");
  await ok(project, "lineage", "users.email", "--html", page);
  const html = Deno.readTextFileSync(page);
  assert.match(html, /transform\.star/);
  assert.doesNotMatch(html, /(src|href)="https?:/);
  await ok(project, "lineage", "--html", project.path("a/new/folder.html"));
  assert.ok(project.exists("a/new/folder.html"));
  assert.match(await ok(project, "lineage", "--html", "here.html"), /^Wrote here\.html:/);
  assert.ok(project.exists("here.html"), "a path is taken from where the user stands");
});

Deno.test("diff --data compares outputs of environments and of the files", async () => {
  using project = makeUsers();
  await ok(project, "run");
  users(project, LOWER.replace("> 0", "> 5"));
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  type Data = { node: string; totals: { source: number; target: number } };
  const { data } = await project.json<{ data: { nodes: Data[] } }>("diff", "prod", "dev", "--data");
  assert.deepEqual(
    data.nodes.map(({ node, totals }) => `${node} ${totals.source} ${totals.target}`),
    [
      "transform.a 2 1",
      "transform.b 2 1",
      "transform.star 2 1",
      "transform.users 2 1",
    ],
  );
  const files = await project.run("diff", "--data");
  assert.match(files.stdout, /'PROD' and 'FILES' for node 'transform\.users'/);
});

Deno.test("diff --data names what it could not compare", async () => {
  using project = makeUsers();
  await ok(project, "run");
  users(project, LOWER);
  await ok(project, "plan", "dev");
  const { stderr } = await project.run("diff", "prod", "dev", "--data");
  assert.match(stderr, /warning: transform\.users is left out: not built in dev/);
});

Deno.test("a source of which one column changed leaves readers of the others alone", async () => {
  using project = makeUsers();
  await ok(project, "run");
  project.write("data/src.csv", "id,email,username,amount\n1,a@x,ANN,5\n2,b@x,bob,0\n3,,cy,7\n");
  const plan = await project.json<Plan>("plan", "dev");
  assert.deepEqual(built(plan), ["source.src", "transform.star", "transform.users"]);
  assert.match(
    plan.nodes.find(({ id }) => id === "source.src")!.reasons[0]!,
    /data changed: data\/src\.csv, in username only/,
  );
  await ok(project, "run", "--env", "dev");
  assert.deepEqual(await rowsOf(project, "SELECT username FROM star WHERE id = 1", "dev"), [
    { username: "ANN" },
  ]);
});
