import assert from "node:assert/strict";
import { parseYaml, type YamlDocument } from "../../../src/project/yaml_document.ts";

const NODE = `# a comment
kind: transform
name: "a b"
inputs:
  - ref: source.x
  - ref: source.y   # second
columns:
  id: integer
  'odd key': text
transform: |
  SELECT
    id
  FROM x
folded: >
  one
  two
inline: {a: [1, 2]}
`;

function only(text: string): YamlDocument {
  const { documents, problem } = parseYaml("f.yml", text);
  assert.equal(problem, null);
  assert.equal(documents!.length, 1);
  return documents![0]!;
}

const PLACES: readonly [path: (string | number)[], line: number, column: number][] = [
  [["kind"], 2, 7],
  [["inputs", 0], 5, 5],
  [["inputs", 1, "ref"], 6, 10],
  [["columns", "id"], 8, 7],
  [["transform"], 11, 3],
  [["inline", "a", 1], 17, 17],
  [["columns", "missing", "deeper"], 8, 3],
  [["missing"], 2, 1],
];

for (const [path, line, column] of PLACES) {
  Deno.test(`YamlDocument.locate() finds ${path.join(".")}`, () => {
    assert.deepEqual(only(NODE).locate(path), { file: "f.yml", line, column });
  });
}

Deno.test("YamlDocument.locateKey() finds the key, quoted or not", () => {
  const document = only(NODE);
  assert.deepEqual(document.locateKey(["transform"]), { file: "f.yml", line: 10, column: 1 });
  assert.equal(document.locateKey(["columns", "odd key"]).line, 9);
});

Deno.test("YamlDocument.locate() reads a quoted scalar's place at or behind its quote", () => {
  const { line, column } = only(NODE).locate(["name"]);
  assert.equal(line, 3);
  assert.ok(column === 7 || column === 8, `column ${column}`);
});

Deno.test("YamlDocument.locateInText() counts inside a literal block", () => {
  const document = only(NODE);
  assert.deepEqual(document.locateInText(["transform"], 1, 1), {
    file: "f.yml",
    line: 11,
    column: 3,
  });
  assert.deepEqual(document.locateInText(["transform"], 2, 3), {
    file: "f.yml",
    line: 12,
    column: 5,
  });
});

Deno.test("YamlDocument.locateInText() counts inside a deeper literal block whose first line is indented more", () => {
  const document = only("a:\n  b: |2\n      SELECT\n    x\n");
  assert.deepEqual(document.value, { a: { b: "  SELECT\nx\n" } });
  assert.deepEqual(document.locateInText(["a", "b"], 1, 3), { file: "f.yml", line: 3, column: 7 });
  assert.deepEqual(document.locateInText(["a", "b"], 2, 1), { file: "f.yml", line: 4, column: 5 });
});

Deno.test("YamlDocument.locateInText() counts inside a literal block that begins with an empty line", () => {
  const document = only("sql: |\n\n  SELECT\n  x\n");
  assert.deepEqual(document.value, { sql: "\nSELECT\nx\n" });
  assert.deepEqual(document.locateInText(["sql"], 2, 1), { file: "f.yml", line: 3, column: 3 });
  assert.deepEqual(document.locateInText(["sql"], 3, 1), { file: "f.yml", line: 4, column: 3 });
});

Deno.test("YamlDocument.locateInText() counts along a plain one-line scalar", () => {
  const document = only("sql: SELECT nope FROM x\n");
  assert.deepEqual(document.locateInText(["sql"], 1, 8), { file: "f.yml", line: 1, column: 13 });
});

Deno.test("YamlDocument.locateInText() stays at the start of a folded block", () => {
  const { line } = only(NODE).locateInText(["folded"], 1, 5);
  assert.equal(line, 15);
});

Deno.test("YamlDocument.locate() counts lines that end with CR LF", () => {
  const document = only("kind: x\r\nsql: |\r\n  SELECT\r\n  nope\r\n");
  assert.deepEqual(document.locate(["sql"]), { file: "f.yml", line: 3, column: 3 });
  assert.equal(document.locateInText(["sql"], 2, 1).line, 4);
});

Deno.test("parseYaml() reads several documents, each with its own places, and skips empty ones", () => {
  const { documents } = parseYaml("f.yml", "---\nname: a\n---\n---\n# nothing\n---\nname: b\n");
  assert.deepEqual(documents!.map(({ value }) => value), [{ name: "a" }, { name: "b" }]);
  assert.deepEqual(documents!.map((d) => d.locate(["name"]).line), [2, 7]);
});

Deno.test("parseYaml() takes an empty file for no documents", () => {
  for (const text of ["", "\n\n", "# comment\n", "---\n"]) {
    assert.deepEqual(parseYaml("f.yml", text), { documents: [], problem: null }, text);
  }
});

Deno.test("parseYaml() keeps a key named __proto__ from becoming a prototype", () => {
  const value = only("__proto__:\n  admin: true\nname: x\n").value as Record<string, unknown>;
  assert.equal(value["admin"], undefined);
  assert.equal(({} as Record<string, unknown>)["admin"], undefined);
});

const BROKEN: readonly [what: string, text: string, line: number, hint: RegExp][] = [
  ["a tab for indentation", "a:\n\tb: 1\n", 2, /tab/],
  ["a colon in a plain value", "a: b: c\n", 1, /quote/],
  ["an open quote", 'a: "b\n', 1, /quotes/],
  ["a key twice", "a: 1\nb: 2\na: 3\n", 3, /one of the two/],
  ["an open bracket", "a: [1, 2\nb: 3\n", 2, /./],
];

for (const [what, text, line, hint] of BROKEN) {
  Deno.test(`parseYaml() reports ${what} with its place and a hint`, () => {
    const { problem } = parseYaml("f.yml", text);
    assert.equal(problem?.code, "yaml_syntax");
    assert.equal(problem.file, "f.yml");
    assert.ok(Math.abs(problem.line! - line) <= 1, `line ${problem.line}: ${problem.message}`);
    assert.match(problem.hint!, hint);
  });
}

Deno.test("parseYaml() refuses a file of more than 1 MiB", () => {
  const text = `a: ${"x".repeat(1 << 20)}\n`;
  assert.equal(parseYaml("f.yml", text).problem?.code, "yaml_too_large");
});

Deno.test("parseYaml() refuses nesting beyond its limit and accepts less", () => {
  const nested = (depth: number) => `a: ${"[".repeat(depth)}${"]".repeat(depth)}\n`;
  assert.equal(parseYaml("f.yml", nested(40)).problem, null);
  assert.notEqual(parseYaml("f.yml", nested(200)).problem, null);
  assert.notEqual(parseYaml("f.yml", nested(100_000)).problem, null);
});

Deno.test("parseYaml() refuses a file that is all aliases, quickly", () => {
  const levels = Array.from(
    { length: 12 },
    (_, i) => `l${i + 1}: &l${i + 1} [${Array(10).fill(`*l${i}`).join(", ")}]`,
  );
  const started = performance.now();
  const { problem } = parseYaml("f.yml", `l0: &l0 [x]\n${levels.join("\n")}\n`);
  assert.notEqual(problem, null);
  assert.ok(performance.now() - started < 1_000);
  assert.equal(parseYaml("f.yml", "a: &a [1]\nb: *a\n").problem, null);
});
