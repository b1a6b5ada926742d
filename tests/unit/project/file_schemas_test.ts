import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { FieldReader } from "../../../src/base/field_reader.ts";
import type { Diagnostic } from "../../../src/base/diagnostic.ts";
import { AUDIT_TYPES } from "../../../src/checks/registry.ts";
import { NODE_KINDS } from "../../../src/nodes/registry.ts";
import { fileSchemas } from "../../../src/project/file_schemas.ts";
import { loadProject } from "../../../src/project/load_project.ts";
import { loadTests } from "../../../src/project/load_tests.ts";
import { testSchema } from "../../../src/project/test_schema.ts";
import { kindSchema } from "../../../src/project/node_schemas.ts";
import { YamlDocument } from "../../../src/project/yaml_document.ts";
import { TARGET_TYPES } from "../../../src/targets/registry.ts";
import { TempDir } from "../../support/temp_dir.ts";
import { schemaProblems, validatorOf } from "../../support/schemas.ts";

const ROOT = join(import.meta.dirname!, "../../..");
/** Like no field there is, so that the loader lists the fields it knows instead of guessing. */
const UNKNOWN = "zzzzzzzzzzzzzzzzzzzzzzzz";

/** Fields that are read where others are written only. */
const VARIANTS = ["", "depends_on: []\n", "materialization: []\n", "script: a.ts\n"];
const OWN_VARIANTS: Readonly<Record<string, readonly string[]>> = {
  source: ["freshness: {time_column: a}\nsource: csv\n"],
  semantic_model: ["model: ref('source.a')\n"],
  metric: [
    "filter: x = 1\nmeasure: m\n",
    "type: ratio\n",
    "type: cumulative\nmeasure: m\ngrain_to_date: month\n",
    "type: cumulative\nmeasure: m\nwindow: 7 days\n",
    "type: derived\nexpr: a\ninputs: [{metric: m, alias: a}]\n",
  ],
};

Deno.test("every schema is one of draft 2020-12, by an independent validator", () => {
  for (const { name, schema } of fileSchemas()) {
    assert.equal(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", name);
    validatorOf(name);
  }
});

Deno.test("there is a schema for every kind of node, and one for all of them", () => {
  const names = new Set(fileSchemas().map(({ name }) => name));
  for (const { kind } of NODE_KINDS) assert.ok(names.has(kind), kind);
  for (const name of ["node", "project", "profiles"]) assert.ok(names.has(name), name);
});

Deno.test("every YAML file of the fixture projects is valid by its schema", () => {
  const checked: string[] = [];
  for (const file of yamlFiles(join(ROOT, "fixtures/projects"))) {
    const path = relative(ROOT, file).replaceAll("\\", "/");
    const schema = schemaFor(path);
    if (schema === null) continue;
    assert.deepEqual(schemaProblems(schema, Deno.readTextFileSync(file)), [], path);
    checked.push(path);
  }
  assert.ok(checked.length >= 5);
});

for (const kind of NODE_KINDS) {
  Deno.test(`the schema of a ${kind.kind} has the fields that the loader reads, no more and no fewer`, () => {
    const schema = Object.keys(kindSchema(kind)["properties"] as object);
    const read = [...VARIANTS, ...OWN_VARIANTS[kind.kind] ?? []].flatMap((text) =>
      loaderFields(kind.kind, text)
    );
    assert.deepEqual(schema.toSorted(), [...new Set(read)].sort());
  });
}

for (const type of TARGET_TYPES) {
  Deno.test(`the schema of a ${type.name} materialization has the fields that it reads`, () => {
    const value = { validation: { checksum: true }, partition_by: ["a"], [UNKNOWN]: 1 };
    const read = askedFields(value, (reader) => type.parse(reader));
    const own = ["type", "enabled", ...Object.keys(type.schema)];
    const known = read.filter((field) => field !== "partition_by" || own.includes(field));
    assert.deepEqual(own.sort(), [...new Set([...known, "type", "enabled"])].sort());
  });
}

for (const type of AUDIT_TYPES) {
  Deno.test(`the schema of a ${type.name} audit has the fields that it reads`, () => {
    const read = askedFields({ [UNKNOWN]: 1 }, (reader) => {
      type.parse(reader);
      reader.rejectUnknown("an audit");
    });
    assert.deepEqual(Object.keys(type.schema).sort(), read.sort());
  });
}

Deno.test("the schema of a unit test has the fields that are read, of given and expected rows as well", () => {
  using dir = new TempDir();
  const fields = (text: string) => {
    dir.write("tests/a.yml", text);
    return fieldsIn(loadTests(dir.path).diagnostics).sort();
  };
  const { else: { else: test } } = testSchema() as unknown as Nested;
  const head = "name: a\nnode: transform.a\n";
  const own = [`${head}expect: []\n`, "name: a\nmodel: a\nexpect: []\n"].flatMap((text) =>
    fields(`${text}${UNKNOWN}: 1\n`)
  );
  assert.deepEqual([...new Set(own)].sort(), Object.keys(test.properties).sort());
  const forms = ["rows: []", "csv: a.csv", "sql: SELECT 1"];
  const given = ["ref: a.b", "input: a.b"].flatMap((ref) =>
    forms.flatMap((form) =>
      fields(`${head}expect: []\ngiven: [{${ref}, ${form}, ${UNKNOWN}: 1}]\n`)
    )
  );
  const item = test.properties["given"]!.items!.properties;
  assert.deepEqual([...new Set(given)].sort(), Object.keys(item).sort());
  const expected = forms.flatMap((form) => fields(`${head}expect: {${form}, ${UNKNOWN}: 1}\n`));
  const mapping = test.properties["expect"]!.anyOf![1]!.properties;
  assert.deepEqual([...new Set(expected)].sort(), Object.keys(mapping).sort());
});

/** As much of a schema as is looked at here. */
interface Part {
  readonly properties: Readonly<Record<string, Part>>;
  readonly items?: Part;
  readonly anyOf?: readonly Part[];
}

interface Nested {
  readonly else: { readonly else: Part };
}

Deno.test("a schema refuses what the loader refuses: unknown fields, params of another type, a missing field", () => {
  const refused: readonly (readonly [string, string])[] = [
    ["transform", "kind: transform\nname: a\ntransfrom: SELECT 1\n"],
    ["transform", "kind: transform\nname: a\n"],
    ["transform", "kind: transform\nname: 1a\ntransform: SELECT 1\n"],
    ["source", "kind: source\nname: a\nsource: parquet\ntable: a\nparams: {delimiter: x}\n"],
    ["source", "kind: source\nname: a\nsource: hive\ntable: a\n"],
    ["node", "kind: transfrom\nname: a\n"],
    ["node", "kind: transform\nname: a\nsource: csv\ntransform: SELECT 1\n"],
    ["transform", "kind: transform\nname: a\ntransform: x\naudits: [{not_nul: [id]}]\n"],
    ["transform", "kind: transform\nname: a\ntransform: x\naudits: [{type: not_null}]\n"],
    ["test", "name: a\nnode: b\n"],
    ["test", "unit_tests: [{name: a, node: b, expect: {rows: [], sql: SELECT 1}}]\n"],
    ["project", "nmae: a\n"],
    ["profiles", "connections: {a: {type: postgresql, hots: x}}\n"],
  ];
  for (const [schema, text] of refused) {
    assert.notDeepEqual(schemaProblems(schema, text), [], text);
  }
  const taken: readonly (readonly [string, string])[] = [
    ["test", "[{name: a, node: b, expect: []}]\n"],
    ["test", "unit_tests: [{name: a, node: b, given: [{ref: c, rows: []}], expect: []}]\n"],
    ["transform", "kind: transform\nname: a\ntransform: SELECT 1\ntags: x\naudits:\n"],
    ["source", "kind: source\nname: a\nsource: postgres\nparams: {connection: c}\n"],
    ["node", "kind: source\nname: a\nsource: csv\ntable: a\nparams: {delimiter: x}\n"],
    [
      "transform",
      "kind: transform\nname: a\ntransform: x\naudits: [not_null: [id], {type: row_count, min: 1}]\n" +
      "columns: {id: {type: INTEGER, tests: [not_null, {unique: null, severity: warn}]}}\n",
    ],
    [
      "transform",
      "kind: transform\nname: a\ntransform: x\nmaterialization: {type: postgresql, connection: c, table: a.b}\n",
    ],
  ];
  for (const [schema, text] of taken) assert.deepEqual(schemaProblems(schema, text), [], text);
});

function schemaFor(path: string): string | null {
  if (path.endsWith("seeknal_project.yml")) return "project";
  if (/\/profiles[^/]*\.yml$/.test(path)) return "profiles";
  const common = /\/seeknal\/common\/(\w+)\.yml$/.exec(path);
  if (common !== null) return `common_${common[1]}`;
  return /\/seeknal\//.test(path) ? "node" : null;
}

function yamlFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory) return yamlFiles(path);
    return /\.ya?ml$/.test(entry.name) ? [path] : [];
  });
}

/** Fields that a node of a kind has, as the loader says about one it does not know. */
function loaderFields(kind: string, text: string): string[] {
  using dir = new TempDir();
  dir.write("seeknal_project.yml", "name: p\n");
  dir.write("a.ts", "");
  dir.write("seeknal/a.yml", `kind: ${kind}\nname: a\n${text}${UNKNOWN}: 1\n`);
  return fieldsIn(loadProject(dir.path).diagnostics);
}

function askedFields(
  value: Readonly<Record<string, unknown>>,
  read: (reader: FieldReader) => unknown,
): string[] {
  const found: Diagnostic[] = [];
  const locator = new YamlDocument("a.yml", "", 0, value);
  read(new FieldReader(value, { locator, path: [], report: (problem) => found.push(problem) }));
  return fieldsIn(found);
}

function fieldsIn(diagnostics: readonly Diagnostic[]): string[] {
  const hint = diagnostics.find(({ message }) => message.includes(UNKNOWN))?.hint;
  const unknown = new Set(
    diagnostics.filter(({ code }) => code === "no_script").map(() => "script"),
  );
  const list = / has: (.*)$/.exec(hint ?? "")?.[1];
  assert.ok(list !== undefined, JSON.stringify(diagnostics));
  const read = list === "" ? [] : list.split(", ");
  // A kind that does not know a field says so of itself.
  return read.filter((field) => !unknown.has(field));
}

Deno.test("the schema of a project has the fields that the loader reads", () => {
  const schema = fileSchemas().find(({ name }) => name === "project")!.schema;
  using dir = new TempDir();
  dir.write("seeknal_project.yml", "name: p\nnone_of_them: 1\n");
  const { diagnostics } = loadProject(dir.path);
  const unknown = diagnostics.find(({ code }) => code === "unknown_field");
  const read = /has: (.*)$/.exec(unknown?.hint ?? "")?.[1]?.split(", ") ?? [];
  assert.deepEqual(Object.keys(schema["properties"] as object).sort(), read.sort());
});
