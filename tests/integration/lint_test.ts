import assert from "node:assert/strict";
import { LINT_RULES } from "../../src/app/lint/registry.ts";
import { makeProject, type TempProject } from "../support/project.ts";
import { source, transform } from "../support/shop.ts";

interface Report {
  readonly summary: { errors: number; warnings: number; fixed: number; nodes: number };
  readonly findings: readonly {
    rule: string;
    severity: string;
    file: string;
    line: number;
    column: number;
    node: string;
  }[];
}

/** Every rule as loud as it gets, so that a case says which of them speak. */
const ALL_ON = `name: p\nlint:\n${LINT_RULES.map(({ id }) => `  ${id}: warn\n`).join("")}`;

const ABOUT = "description: About it\nowner: me\n";
const COLUMNS = "columns:\n  id: {description: Key}\n  v: {description: Value}\n";
const AUDITED = "audits:\n  - {type: not_null, column: id}\n";

/** A project with one node to look at, `transform.t`, that `transform.reader` reads. */
function lintProject(sql: string, extra = "", config = ALL_ON): TempProject {
  return makeProject({
    "seeknal_project.yml": config,
    "data/a.csv": "id,v\n1,2\n",
    "data/b.csv": "id,w\n1,2\n",
    "seeknal/sources.yml": source("a", ABOUT) + "---\n" + source("b", ABOUT),
    "seeknal/t.yml": transform("t", ["source.a", "source.b"], sql, extra),
    "seeknal/reader.yml": transform(
      "reader",
      ["transform.t"],
      "SELECT 1 AS id FROM ref('transform.t') AS t",
    ),
  });
}

async function lint(project: TempProject, ...args: string[]): Promise<Report> {
  const { stdout, stderr } = await project.run("lint", "--json", ...args);
  assert.ok(stdout.startsWith("{"), stdout + stderr);
  return JSON.parse(stdout) as Report;
}

/** `rule:line:column` of what is found in the node, without what a case is not about. */
async function rulesIn(project: TempProject, quiet: readonly string[] = []): Promise<string[]> {
  const { findings } = await lint(project, "seeknal/t.yml");
  return findings.filter(({ rule }) => !quiet.includes(rule))
    .map(({ rule, line, column }) => `${rule}:${line}:${column}`);
}

const DOCUMENTED = ABOUT + COLUMNS + AUDITED;
const GOOD =
  "SELECT a.id, b.w AS v\nFROM ref('source.a') AS a\nJOIN ref('source.b') AS b ON a.id = b.id";

Deno.test("lint finds nothing in a node that keeps every rule", async () => {
  using project = lintProject(GOOD, DOCUMENTED);
  assert.deepEqual(await rulesIn(project), []);
});

// The SQL begins in line 7, behind two blanks.
for (
  const [rule, sql, extra, place] of [
    ["null-comparison", `${GOOD}\nWHERE b.w = NULL`, DOCUMENTED, "10:13"],
    [
      "no-select-star",
      "SELECT a.*\nFROM ref('source.a') AS a\nJOIN ref('source.b') AS b ON a.id = b.id",
      DOCUMENTED,
      "7:10",
    ],
    [
      "no-select-star",
      "WITH x AS (SELECT * FROM ref('source.a') AS a)\nSELECT * FROM x JOIN ref('source.b') AS b USING (id)",
      DOCUMENTED.replace("  v:", "  w: {description: W}\n  v:"),
      "7:21",
    ],
    ["ambiguous-column", GOOD.replace("b.w AS v", "w AS v"), DOCUMENTED, "7:16"],
    [
      "comma-join",
      "SELECT a.id, b.w AS v\nFROM ref('source.a') AS a, ref('source.b') AS b\nWHERE a.id = b.id",
      DOCUMENTED,
      null,
    ],
    ["ambiguous-union", `${GOOD}\nUNION\nSELECT 1, 2`, DOCUMENTED, "10:3"],
    ["limit-without-order", `${GOOD}\nLIMIT 5`, DOCUMENTED, "10:9"],
    ["volatile-function", GOOD.replace("b.w AS v", "random() AS v"), DOCUMENTED, "7:16"],
    ["unused-input", "SELECT a.id, a.v\nFROM ref('source.a') AS a", DOCUMENTED, "5:5"],
    ["use-ref", GOOD.replace("ref('source.b') AS b", "source.b AS b"), DOCUMENTED, "9:8"],
    ["use-ref", GOOD.replace("ref('source.b') AS b", "input_1 AS b"), DOCUMENTED, "9:8"],
    ["grain-audits", GOOD, `${DOCUMENTED}grain: [id]\n`, null],
    ["description", GOOD, DOCUMENTED.replace("description: About it\n", ""), "2:7"],
    ["owner", GOOD, DOCUMENTED.replace("owner: me\n", ""), "2:7"],
    ["audits", GOOD, ABOUT + COLUMNS, "2:7"],
    ["column-description", GOOD, ABOUT + AUDITED, "2:7"],
    ["hardcoded-date", `${GOOD}\nWHERE b.w::VARCHAR > '2024-01-01'`, DOCUMENTED, "10:24"],
    ["useless-order", `${GOOD}\nORDER BY a.id`, DOCUMENTED, "10:12"],
  ] as const
) {
  Deno.test(`lint finds ${rule} in ${sql.split("\n").at(-1)}`, async () => {
    using project = lintProject(sql, extra);
    const found = await rulesIn(project);
    assert.ok(found.length > 0 && found.every((one) => one.startsWith(`${rule}:`)), found.join());
    if (place !== null) assert.ok(found.includes(`${rule}:${place}`), found.join());
  });
}

Deno.test("lint counts characters, not bytes, up to a place in the SQL", async () => {
  const sql =
    "SELECT a.id, 'äöü 東京' AS v\nFROM ref('source.a') AS a, source.b AS b WHERE '😀' <> NULL AND b.id = a.id";
  using project = lintProject(sql, DOCUMENTED);
  const found = await rulesIn(project);
  assert.deepEqual(found, ["comma-join:8:30", "null-comparison:8:55"]);
});

Deno.test("lint takes {{ watermark }} for no NULL, and finds the one beside it", async () => {
  const sql = `${GOOD}\nWHERE b.w > {{ watermark }} AND b.w <> NULL`;
  const more = "incremental_by_key: {unique_key: [id], time_column: v}\n";
  using project = lintProject(sql, DOCUMENTED + more);
  assert.deepEqual(await rulesIn(project), ["null-comparison:10:39"]);
});

Deno.test("lint finds names, sources and nodes that nobody reads", async () => {
  using project = lintProject(GOOD, DOCUMENTED);
  project.write("seeknal/more.yml", source("b2", ABOUT).replace("b2.csv", "b.csv"));
  project.write(
    "seeknal/odd.yml",
    transform("OddName", ["source.a"], "SELECT id FROM ref('source.a')"),
  );
  const { findings } = await lint(project);
  const pairs = findings.map(({ rule, node }) => `${rule} ${node}`);
  assert.ok(pairs.includes("unused-source source.b2"));
  assert.ok(pairs.includes("naming transform.OddName"));
  assert.ok(pairs.includes("unused-node transform.OddName"));
  assert.ok(!pairs.some((pair) => /unused-\w+ (source.a|transform.t)$/.test(pair)), pairs.join());
});

Deno.test("lint is as strict as the project says, and exit 3 is for errors", async () => {
  const sql = `${GOOD}\nLIMIT 5`;
  using off = lintProject(
    sql,
    DOCUMENTED,
    "name: p\nlint: {limit-without-order: off, description: off}\n",
  );
  assert.equal((await off.run("lint")).code, 0);
  assert.equal((await lint(off)).findings.length, 0);
  using error = lintProject(sql, DOCUMENTED, "name: p\nlint: {limit-without-order: error}\n");
  const { code, stdout } = await error.run("lint");
  assert.equal(code, 3);
  assert.match(
    stdout,
    /seeknal\/t\.yml:10:9 error: LIMIT without ORDER BY .* \(limit-without-order\)/,
  );
  assert.equal((await off.run("lint", "--strict")).code, 0);
  using warn = lintProject(sql, DOCUMENTED, "name: p\n");
  assert.equal((await warn.run("lint")).code, 0);
  assert.equal((await warn.run("lint", "--strict")).code, 3);
});

Deno.test("lint names a level and a rule that do not exist", async () => {
  using level = lintProject(GOOD, DOCUMENTED, "name: p\nlint: {owner: loud}\n");
  const refused = await level.run("lint");
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /seeknal_project\.yml:2:15 error: Unknown level "loud"/);
  using rule = lintProject(GOOD, DOCUMENTED, "name: p\nlint: {ower: warn}\n");
  assert.match(
    (await rule.run("lint")).stderr,
    /Unknown lint rule "ower"[\s\S]*did you mean "owner"/,
  );
});

Deno.test("lint leaves out what a comment puts aside, there and nowhere else", async () => {
  const sql = "SELECT a.id, w AS v -- seeknal: ignore ambiguous-column -- it is known\n" +
    "FROM ref('source.a') AS a\n-- seeknal: ignore use-ref, no-select-star\nJOIN source.b AS b ON a.id = b.id AND w > 1\nLIMIT 1";
  using project = lintProject(sql, DOCUMENTED);
  assert.deepEqual(await rulesIn(project), ["limit-without-order:11:9"]);
  project.write("seeknal/t.yml", `# seeknal: ignore-file\n${project.read("seeknal/t.yml")}`);
  assert.deepEqual(await rulesIn(project), []);
});

Deno.test("lint --fix writes ref() into YAML and SQL files, and changes no meaning", async () => {
  using project = lintProject(
    GOOD.replace("ref('source.b') AS b", "source.b AS b").replace(
      "ref('source.a') AS a",
      "input_0 AS a",
    ),
    `${DOCUMENTED}# a comment\n`,
  );
  project.write(
    "seeknal/leaf.sql",
    "-- /// seeknal\n-- inputs: [transform.t]\n-- ///\nSELECT t.id FROM transform.t AS t -- keep\n",
  );
  const before = await project.json<{ nodes: { id: string; query_hash: string }[] }>("parse");
  const { summary, findings } = await lint(project, "--fix");
  assert.equal(summary.fixed, 3);
  assert.ok(!findings.some(({ rule }) => rule === "use-ref"));
  assert.match(
    project.read("seeknal/t.yml"),
    /FROM ref\('source\.a'\) AS a\n {2}JOIN ref\('source\.b'\) AS b ON/,
  );
  assert.match(project.read("seeknal/t.yml"), /# a comment\n$/);
  assert.match(project.read("seeknal/leaf.sql"), /FROM ref\('transform\.t'\) AS t -- keep\n$/);
  const after = await project.json<typeof before>("parse");
  const hashes = ({ nodes }: typeof before) => nodes.map(({ id, query_hash }) => [id, query_hash]);
  assert.deepEqual(hashes(after), hashes(before));
});

Deno.test("lint --format github writes annotations, --rules lists every rule", async () => {
  using project = lintProject(`${GOOD}\nLIMIT 5`, DOCUMENTED, "name: p\nlint: {owner: error}\n");
  const { stdout } = await project.run("lint", "--format", "github", "seeknal/t.yml");
  assert.equal(
    stdout,
    "::warning file=seeknal/t.yml,line=10,col=9,title=limit-without-order::" +
      "LIMIT without ORDER BY keeps any rows. add ORDER BY with columns that tell the rows apart\n",
  );
  const rules = (await project.run("lint", "--rules")).stdout;
  for (const { id } of LINT_RULES) assert.match(rules, new RegExp(`^${id} `, "m"));
  assert.match(rules, /^owner +error/m);
});

Deno.test("lint of a project that does not load shows its problems, exit 3", async () => {
  using project = lintProject("SELECT nope FROM ref('source.a')", DOCUMENTED);
  const { code, stderr } = await project.run("lint");
  assert.equal(code, 3);
  assert.match(stderr, /"nope"/);
});

Deno.test("every rule of lint is in app/lint/registry.ts, once, with words for people", async () => {
  const ids = LINT_RULES.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const file of ["sql_rules.ts", "project_rules.ts"]) {
    const module = await import(`../../src/app/lint/${file}`) as Record<string, { id: string }>;
    for (const rule of Object.values(module)) assert.ok(ids.includes(rule.id), rule.id);
  }
  for (const { summary, why } of LINT_RULES) assert.ok(summary !== "" && why !== "");
});
