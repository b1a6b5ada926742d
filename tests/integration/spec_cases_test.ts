import assert from "node:assert/strict";
import type { Diagnostic } from "../../src/base/diagnostic.ts";
import { makeProject, type TempProject } from "../support/project.ts";
import { ok, source } from "../support/shop.ts";

/*
 * Cases of the reference system (sections b, c, h and j of its description) that no other test shows.
 */

function makeOne(files: Readonly<Record<string, string>> = {}): TempProject {
  return makeProject({ "data/a.csv": "id,v\n1,2\n", "seeknal/a.yml": source("a"), ...files });
}

async function problems(project: TempProject): Promise<readonly Diagnostic[]> {
  const { code, stdout } = await project.run("plan", "--json");
  assert.equal(code, 3, stdout);
  return (JSON.parse(stdout) as { diagnostics: readonly Diagnostic[] }).diagnostics;
}

/** What is written, the line that is wrong, and what is said of it. */
const REFUSED: readonly (readonly [what: string, yaml: string, line: number, said: RegExp])[] = [
  [
    "materialization and materializations (f.1)",
    "kind: transform\nname: x\ntransform: SELECT 1 AS i\nmaterialization: {type: iceberg, table: a.b.c}\nmaterializations: [{type: iceberg, table: a.b.c}]\n",
    4,
    /are both written[\s\S]*write materializations: only/,
  ],
  [
    "inputs as a mapping (b.5)",
    "kind: transform\nname: x\ninputs: {o: {ref: source.a}}\ntransform: SELECT 1 AS i\n",
    3,
    /FROM ref\('kind\.name'\) AS name/,
  ],
  [
    "schema: of a source, which nobody reads (b.4)",
    "kind: source\nname: x\nsource: csv\ntable: data/a.csv\nschema: [{name: id, data_type: integer}]\n",
    5,
    /Unknown field "schema"[\s\S]*columns/,
  ],
  [
    "a source type that only has a name (c)",
    "kind: source\nname: x\nsource: hive\ntable: data/a.csv\n",
    3,
    /Unknown source type "hive"[\s\S]*postgresql/,
  ],
  [
    "a secret among the options of a source (c)",
    "kind: source\nname: x\nsource: csv\ntable: data/a.csv\nparams: {password: p4ss-word}\n",
    5,
    /^Unknown parameter "password"(?![\s\S]*p4ss-word)/,
  ],
  [
    "an exposure that writes a database table (b.12)",
    "kind: exposure\nname: x\ntype: database\ndepends_on: [{ref: source.a}]\n",
    3,
    /on the node itself write[\s\S]*materializations/,
  ],
  [
    "a rule that is only a condition (b.10)",
    "kind: rule\nname: x\ninputs: [source.a]\nrule: id > 0\n",
    4,
    /mapping with type[\s\S]*sql_assertion/,
  ],
  [
    "a rule of the old template (b.10)",
    "kind: rule\nname: x\ninputs: [source.a]\nrule: {value: id > 0}\n",
    4,
    /"type" is missing[\s\S]*sql_assertion/,
  ],
  [
    "several statements (b.5)",
    "kind: transform\nname: x\ntransform: SELECT 1 AS a; SELECT 2 AS a\n",
    3,
    /one SELECT: use WITH/,
  ],
  [
    "a model without a script, whatever its algorithm (b.9)",
    "kind: model\nname: x\ninputs: [source.a]\ntraining: {label_column: v, algorithm: random_forest}\n",
    1,
    /made by a script/,
  ],
  [
    "a semantic model of a node that is not there, named in full (b.3)",
    "kind: semantic_model\nname: x\nmodel: \"ref('transform.offer')\"\nmeasures: [{name: n, agg: count}]\n",
    3,
    /no node transform\.offer/,
  ],
  [
    "a parameter that is none, with what was meant (b.15)",
    "kind: transform\nname: x\nparams: {region: EU}\ntransform: SELECT '{{ regoin }}' AS r\n",
    4,
    /Unknown parameter "regoin"[\s\S]*did you mean "region"/,
  ],
  [
    "a variable of the machine in SQL (b.15)",
    "kind: transform\nname: x\ntransform: SELECT '{{ env:HOME|none }}' AS r\n",
    3,
    /not put into SQL[\s\S]*\{\{ home \}\}[\s\S]*--params/,
  ],
  [
    "an input that only a parameter names (b.14)",
    "kind: transform\nname: x\nparams: {from: source.a}\ntransform: SELECT id FROM ref('{{ from }}')\n",
    4,
    /not among the inputs[\s\S]*add to inputs: - ref: source\.a/,
  ],
  [
    "a snippet that is none (b.14)",
    "kind: transform\nname: x\ntransform: SELECT id FROM ref('source.a') WHERE {{ rules.poss }}\n",
    3,
    /Unknown parameter "rules\.poss"[\s\S]*did you mean "rules\.pos"/,
  ],
];

Deno.test("what the reference system ignores or fails on late is one problem at its line", async (t) => {
  using project = makeOne({ "seeknal/common/rules.yml": "rules: [{id: pos, value: id > 0}]\n" });
  for (const [what, yaml, line, said] of REFUSED) {
    await t.step(what, async () => {
      project.write("seeknal/x.yml", yaml);
      const found = await problems(project);
      assert.deepEqual(found.map((one) => [one.file, one.line]), [["seeknal/x.yml", line]]);
      assert.match(`${found[0]!.message}\n${found[0]!.hint ?? ""}`, said);
    });
  }
});

Deno.test("{{ name }} is the command line's, the node's, a snippet's, a date, in this order; types stay (b.14, b.15)", async () => {
  using project = makeOne({
    "seeknal/common/sources.yml":
      "sources: [{id: raw, ref: source.a, params: {idCol: id, at: snippet}}]\n",
    "seeknal/common/transformations.yml":
      'transformations: [{id: first, sql: "QUALIFY row_number() OVER (ORDER BY id) = 1"}]\n',
    "seeknal/x.yml": `kind: transform
name: x
inputs: [source.a]
params: {today: node, n: 007, yes: true, raw.at: node}
transform: |
  SELECT {{ raw.idCol }} AS id, '{{ raw.at }}' AS at, '{{ today }}' AS today,
    '{{ yesterday }}' AS yesterday, {{ n }} AS n, typeof({{ yes }}) AS yes, '{{ project }}' AS p
  FROM ref('{{ raw.ref }}') {{ transforms.first }}
`,
  });
  const rows = async (...args: string[]) => {
    await ok(project, "run", ...args);
    return await project.json<Record<string, unknown>[]>("query", "FROM transform.x");
  };
  const row = { id: 1, at: "node", today: "node", yesterday: "2026-01-01", n: 7 };
  assert.deepEqual(await rows(), [{ ...row, yes: "BOOLEAN", p: "test_project" }]);
  assert.deepEqual(await rows("--params", '{"today": "typed", "n": 2}', "--date", "2025-03-01"), [
    { ...row, today: "typed", yesterday: "2025-02-28", n: 2, yes: "BOOLEAN", p: "test_project" },
  ]);
});

Deno.test("an edit of nothing but the body of a script is a change, in either language (d.1, h, j.12 31)", async () => {
  const script = (mark: string, body: string) =>
    `${mark} /// seeknal\n${mark} columns: {n: INTEGER}\n${mark} ///\n${body}\n`;
  using project = makeOne({
    "seeknal/ts.ts": script("//", "export default () => [{ n: 1 }];"),
    "seeknal/py.py": script("#", "def run(inputs, context):\n    return [{'n': 1}]"),
  });
  await ok(project, "run");
  project.write("seeknal/ts.ts", project.read("seeknal/ts.ts").replace("n: 1", "n: 2"));
  project.write("seeknal/py.py", project.read("seeknal/py.py").replace("'n': 1", "'n': 2"));
  const { nodes } = await project.json<{ nodes: { id: string; change: string }[] }>("plan", "dev");
  const changed = nodes.filter(({ change }) => change !== "none").map(({ id }) => id);
  assert.deepEqual(changed, ["transform.py", "transform.ts"]);
  await ok(project, "run", "--env", "dev");
  const sql = "SELECT n FROM transform.py UNION ALL SELECT n FROM transform.ts";
  assert.deepEqual(await project.json("query", sql, "--env", "dev"), [{ n: 2 }, { n: 2 }]);
});
