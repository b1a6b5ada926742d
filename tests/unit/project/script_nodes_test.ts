import assert from "node:assert/strict";
import { loadProject } from "../../../src/project/load_project.ts";
import type { ScriptNodeSpec } from "../../../src/model/node.ts";
import { isScriptNode } from "../../../src/nodes/script_node.ts";
import { makeProject } from "../../support/project.ts";

function load(files: Readonly<Record<string, string>>) {
  using project = makeProject(files);
  const { nodes, diagnostics } = loadProject(project.root);
  const scripts = new Map<string, ScriptNodeSpec>();
  for (const { spec } of nodes) {
    if (isScriptNode(spec)) scripts.set(spec.id, spec);
  }
  return {
    scripts,
    problems: diagnostics.map(({ code, message, line }) => `${code} ${line}: ${message}`),
  };
}

const RUN = "def run(inputs, context):\n    return []\n";

Deno.test("a model reads the node that its labels come from, its columns, tests and training", () => {
  const { scripts, problems } = load({
    "code/m.py": RUN,
    "seeknal/m.yml": `kind: model
name: m
script: code/m.py
inputs: [{ref: feature_group.f}]
output_columns: {prediction: DOUBLE, why: {type: VARCHAR, description: Because}}
training: {label_source: "ref('source.labels')", label_column: churned, params: {n: 50}}
tests: [{min_accuracy: 0.8}, {max_loss: 0.1, severity: warn}]
`,
  });
  assert.deepEqual(problems, []);
  const model = scripts.get("model.m")!;
  assert.deepEqual(model.inputs, ["feature_group.f", "source.labels"]);
  assert.deepEqual(model.columns, [
    { name: "prediction", type: "DOUBLE", description: null },
    { name: "why", type: "VARCHAR", description: "Because" },
  ]);
  assert.deepEqual(model.training["params"], { n: 50 });
  assert.deepEqual(model.audits.map(({ type, severity, params }) => [type, severity, params]), [
    ["metric", "error", { metric: "accuracy", min: 0.8 }],
    ["metric", "warn", { metric: "loss", max: 0.1 }],
  ]);
});

Deno.test("what is wrong with a model is said with its line", () => {
  const { problems } = load({
    "code/m.py": RUN,
    "seeknal/a.yml": "kind: model\nname: a\ncolumns: {x: DOUBLE}\n",
    "seeknal/b.yml":
      "kind: model\nname: b\nscript: code/m.py\ncolumns: {x: DOUBLE}\ntests:\n  - no_skew: true\n  - min_accuracy: high\ntraining: {a: {b: {c: 1}}}\nentity: x\n",
    "seeknal/c.yml": "kind: model\nname: c\nscript: code/none.py\ncolumns: {x: DOUBLE}\n",
  });
  assert.deepEqual(problems, [
    "script_missing 1: A model is made by a script",
    'wrong_type 8: "a" is nested too deeply',
    'unknown_test 6: Unknown test "no_skew"',
    'wrong_type 7: "min_accuracy" must be a number, not the string "high"',
    'unknown_field 9: Unknown field "entity" in a model',
    'script_file 3: Script "code/none.py" does not exist',
  ]);
});

Deno.test("a TypeScript node carries the files it imports, theirs included, each once", () => {
  const { scripts, problems } = load({
    "seeknal/a.ts":
      '// /// seeknal\n// columns: {x: INTEGER}\n// ///\nimport { b } from "./lib/b.ts";\nimport type { T } from "npm:none";\nexport default (): T => b;\nimport * as arrow from "apache-arrow";\nexport { arrow };\n',
    "seeknal/lib/b.ts": 'import { c } from "../../c.ts";\nexport const b = c;\nimport "../a.ts";\n',
    "c.ts": 'import "./seeknal/lib/b.ts";\nexport const c = 1;\n',
  });
  assert.deepEqual(problems, []);
  const { script } = scripts.get("transform.a")!;
  assert.equal(script.line, 4);
  assert.deepEqual(Object.keys(script.modules).sort(), ["c.ts", "seeknal/lib/b.ts"]);
});

Deno.test("a header of PEP 723 stays in the code, and the node's own header does not", () => {
  const pep = '# /// script\n# dependencies = ["x"]\n# ///\n';
  const { scripts } = load({
    "seeknal/a.py": `# /// seeknal\n# columns: {x: INTEGER}\n# ///\n${pep}${RUN}`,
  });
  assert.equal(scripts.get("transform.a")!.script.code, `${pep}${RUN}`);
});
