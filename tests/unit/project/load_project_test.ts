import assert from "node:assert/strict";
import type { Diagnostic } from "../../../src/base/diagnostic.ts";
import { loadProject } from "../../../src/project/load_project.ts";
import { makeProject } from "../../support/project.ts";

const SOURCE = "kind: source\nname: orders\nsource: csv\ntable: data/orders.csv\n";

function load(files: Record<string, string>) {
  using project = makeProject(files);
  return loadProject(project.root);
}

function problem(files: Record<string, string>): Diagnostic {
  const { diagnostics } = load(files);
  assert.equal(diagnostics.length, 1, JSON.stringify(diagnostics));
  return diagnostics[0]!;
}

Deno.test("loadProject() reads nodes at any depth, .yml and .yaml, in id order", () => {
  const { nodes, diagnostics, config } = load({
    "seeknal/z/deep/deeper/a.yaml": "kind: transform\nname: b\ntransform: SELECT 1\n",
    "seeknal/orders.yml": SOURCE,
    "seeknal/notes.txt": "not: a node",
    "seeknal/.hidden.yml": "not a node",
    "seeknal/.hidden/x.yml": "not a node",
    "other/x.yml": "not a node",
  });
  assert.deepEqual(diagnostics, []);
  assert.equal(config.name, "test_project");
  assert.deepEqual(nodes.map(({ spec, file }) => [spec.id, file]), [
    ["source.orders", "seeknal/orders.yml"],
    ["transform.b", "seeknal/z/deep/deeper/a.yaml"],
  ]);
});

Deno.test("loadProject() leaves out seeknal/common at the top only", () => {
  const { nodes, diagnostics } = load({
    "seeknal/common/snippet.yml": "anything: goes\n",
    "seeknal/common/deep/snippet.yml": ": broken",
    "seeknal/sales/common/orders.yml": SOURCE,
  });
  assert.deepEqual(diagnostics, []);
  assert.deepEqual(nodes.map(({ spec }) => spec.id), ["source.orders"]);
});

Deno.test("loadProject() reads several nodes from one file", () => {
  const { nodes } = load({
    "seeknal/all.yml": `${SOURCE}---\n${SOURCE.replace("orders", "users")}`,
  });
  assert.deepEqual(nodes.map(({ spec }) => spec.id), ["source.orders", "source.users"]);
  assert.deepEqual(nodes.map(({ locator }) => locator.locate(["name"]).line), [2, 7]);
});

Deno.test("loadProject() reads what a node says", () => {
  const { nodes } = load({
    "seeknal/a.yml": `kind: transform
name: a
description: Text
owner: me
tags: daily
inputs:
  - ref: source.b
  - source.a
  - ref: ref('source.c')
columns:
  id: integer
  note:
  x: {type: text, description: an x}
grain: [id, note]
params: {n: 1}
transform: SELECT {{ n }}
`,
  });
  assert.deepEqual(nodes[0]!.spec, {
    id: "transform.a",
    name: "a",
    description: "Text",
    owner: "me",
    tags: ["daily"],
    inputs: ["source.b", "source.a", "source.c"],
    columns: [
      { name: "id", type: "integer", description: null },
      { name: "note", type: null, description: null },
      { name: "x", type: "text", description: "an x" },
    ],
    grain: ["id", "note"],
    materializations: [],
    audits: [],
    kind: "transform",
    transform: "SELECT {{ n }}",
    params: { n: "1" },
    incremental: null,
  });
});

Deno.test("loadProject() takes the inputs of a transform without inputs from its ref() calls", () => {
  const { nodes } = load({
    "seeknal/a.yml":
      `kind: transform\nname: a\ntransform: "SELECT * FROM ref('source.b') JOIN ref('source.a') USING (id) -- ref('source.c')"\n`,
  });
  assert.deepEqual(nodes[0]!.spec.inputs, ["source.b", "source.a"]);
});

Deno.test("loadProject() reports an unknown field at its key, with what was meant", () => {
  const { code, file, line, column, hint } = problem({
    "seeknal/a.yml": SOURCE + "descripton: x\n",
  });
  assert.deepEqual([code, file, line, column], ["unknown_field", "seeknal/a.yml", 5, 1]);
  assert.match(hint!, /description/);
});

Deno.test("loadProject() says what the SQL of a transform is called", () => {
  const { diagnostics } = load({ "seeknal/a.yml": "kind: transform\nname: a\nsql: SELECT 1\n" });
  const unknown = diagnostics.find(({ code }) => code === "unknown_field");
  assert.equal(unknown?.hint, "write transform:");
});

Deno.test("loadProject() reports an unknown kind, with what was meant", () => {
  const { code, line, column, hint } = problem({
    "seeknal/a.yml": "kind: trasform\nname: a\ntransform: SELECT 1\n",
  });
  assert.deepEqual([code, line, column], ["unknown_kind", 1, 7]);
  assert.match(hint!, /transform/);
});

Deno.test("loadProject() reports broken YAML once and goes on with the other files", () => {
  const { nodes, diagnostics, broken } = load({
    "seeknal/a.yml": "kind: source\nname: [\n",
    "seeknal/orders.yml": SOURCE,
  });
  assert.deepEqual(diagnostics.map(({ code, file }) => [code, file]), [
    ["yaml_syntax", "seeknal/a.yml"],
  ]);
  assert.deepEqual(nodes.map(({ spec }) => spec.id), ["source.orders"]);
  assert.ok(broken.has("a"));
});

Deno.test("loadProject() reports all problems of all files at once", () => {
  const { diagnostics } = load({
    "seeknal/a.yml": "kind: source\nname: a\n",
    "seeknal/b.yml": "name: b\n",
    "seeknal/c.yml": "- kind: source\n",
    "seeknal/d.yml":
      "kind: transform\nname: d\ninputs: [{ref: 1}, {ref: nodot}, {ref: a.b, x: 1}]\ntransform: SELECT 1\n",
  });
  const codes = diagnostics.map(({ code, file }) => `${file}: ${code}`).sort();
  assert.deepEqual(codes, [
    "seeknal/a.yml: missing_field",
    "seeknal/a.yml: missing_field",
    "seeknal/b.yml: missing_field",
    "seeknal/c.yml: not_a_node",
    "seeknal/d.yml: invalid_input",
    "seeknal/d.yml: invalid_input",
    "seeknal/d.yml: invalid_input",
  ]);
  assert.ok(diagnostics.every(({ line, column }) => line! >= 1 && column! >= 1));
});

Deno.test("loadProject() reports a second node of one id, also in other case, and names the first", () => {
  for (const name of ["orders", "ORDERS"]) {
    const { code, file, line, message } = problem({
      "seeknal/a.yml": SOURCE,
      "seeknal/b.yml": SOURCE.replace("orders", name),
    });
    assert.deepEqual([code, file, line], ["duplicate_node", "seeknal/b.yml", 2]);
    assert.match(message, /seeknal\/a\.yml:2/);
  }
});

Deno.test("loadProject() lets two kinds share a name", () => {
  const { diagnostics } = load({
    "seeknal/a.yml": SOURCE,
    "seeknal/b.yml": "kind: transform\nname: orders\ntransform: SELECT 1\n",
  });
  assert.deepEqual(diagnostics, []);
});

for (const name of ["a.b", "a/b", "../x", "1a", "a b", "", "a".repeat(129), "-a", "a\\u0000b"]) {
  Deno.test(`loadProject() refuses the name "${name.slice(0, 20)}"`, () => {
    const { nodes, diagnostics } = load({ "seeknal/a.yml": SOURCE.replace("orders", `"${name}"`) });
    assert.deepEqual(nodes, []);
    assert.equal(diagnostics.length, 1);
    assert.equal(diagnostics[0]!.line, name === "" ? 1 : 2);
  });
}

for (const name of ["a", "_a", "größe", "a-b_c1", "名前", "a".repeat(128)]) {
  Deno.test(`loadProject() accepts the name "${name.slice(0, 20)}"`, () => {
    const { nodes, diagnostics } = load({ "seeknal/a.yml": SOURCE.replace("orders", name) });
    assert.deepEqual(diagnostics, []);
    assert.equal(nodes[0]!.spec.name, name);
  });
}

Deno.test("loadProject() reports a wrong option of a source at its place", () => {
  const { code, line, hint } = problem({
    "seeknal/a.yml": `${SOURCE}params:\n  header: true\n  delimeter: ";"\n`,
  });
  assert.deepEqual([code, line], ["unknown_param", 7]);
  assert.match(hint!, /delimiter/);
  const wrong = problem({ "seeknal/a.yml": `${SOURCE}params:\n  header: 3\n` });
  assert.deepEqual([wrong.code, wrong.line, wrong.column], ["wrong_type", 6, 11]);
});

Deno.test("loadProject() does not follow symbolic links", () => {
  using project = makeProject({ "seeknal/orders.yml": SOURCE, "elsewhere/x.yml": "kind: x\n" });
  Deno.symlinkSync(project.path("elsewhere"), project.path("seeknal/linked"));
  Deno.symlinkSync(project.path("elsewhere/x.yml"), project.path("seeknal/x.yml"));
  const { nodes, diagnostics } = loadProject(project.root);
  assert.equal(nodes.length, 1);
  assert.deepEqual(diagnostics.map(({ code, severity }) => `${severity} ${code}`), [
    "warning symbolic_link",
    "warning symbolic_link",
  ]);
});

Deno.test("loadProject() reports problems of seeknal_project.yml itself", () => {
  const codes = (text: string) =>
    load({ "seeknal_project.yml": text, "seeknal/a.yml": SOURCE }).diagnostics.map((d) => d.code);
  assert.deepEqual(codes("name: x\nnam: y\n"), ["unknown_field"]);
  assert.deepEqual(codes(""), ["empty_project"]);
  assert.deepEqual(codes("- a\n"), ["empty_project"]);
  assert.deepEqual(codes("name: [\n"), ["yaml_syntax"]);
  assert.deepEqual(codes("version: 1\n"), ["missing_field"]);
  assert.deepEqual(codes("name: x\nenvironments: {ttl_days: -1}\n"), ["wrong_type"]);
});

Deno.test("loadProject() reads the time to live of environments in days", () => {
  const files = { "seeknal/a.yml": SOURCE };
  const ttl = (text: string) => load({ ...files, "seeknal_project.yml": text }).config.ttlSeconds;
  assert.equal(ttl("name: x\nenvironments: {ttl_days: 2}\n"), 172_800);
  assert.equal(ttl("name: x\n"), 604_800);
});

Deno.test("loadProject() reports a project without nodes", () => {
  assert.equal(problem({}).code, "no_nodes");
  assert.equal(problem({ "seeknal/common/a.yml": SOURCE }).code, "no_nodes");
});
