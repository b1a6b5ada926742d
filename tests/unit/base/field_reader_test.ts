import assert from "node:assert/strict";
import type { Diagnostic } from "../../../src/base/diagnostic.ts";
import { FieldReader, type Locator } from "../../../src/base/field_reader.ts";

/** Puts every path on line 1 and shows it as the file's name. */
const LOCATOR: Locator = {
  locate: (path) => ({ file: path.join("/"), line: 1, column: 1 }),
  locateKey: (path) => ({ file: `${path.join("/")}#key`, line: 1, column: 1 }),
  locateInText: (path, line, column) => ({ file: path.join("/"), line, column }),
  textAt: () => null,
};

function read(value: Record<string, unknown>) {
  const problems: Diagnostic[] = [];
  const reader = new FieldReader(value, {
    locator: LOCATOR,
    path: ["node"],
    report: (diagnostic) => problems.push(diagnostic),
  });
  return { reader, problems, said: () => problems.map(({ code, file }) => [code, file]) };
}

Deno.test("FieldReader.requiredText() reports a missing, an empty and a wrong value", () => {
  const { reader, said } = read({ empty: "", number: 3, blank: "  ", good: "x" });
  assert.equal(reader.requiredText("good", "y"), "x");
  for (const field of ["none", "empty", "number", "blank"]) {
    assert.equal(reader.requiredText(field, "y"), null, field);
  }
  assert.deepEqual(said(), [
    ["missing_field", "node"],
    ["missing_field", "node"],
    ["wrong_type", "node/number"],
    ["missing_field", "node/blank"],
  ]);
});

Deno.test("FieldReader.optionalText() makes a number a text and refuses a list", () => {
  const { reader, said } = read({ a: "x", b: 1.5, c: null, d: ["x"] });
  const values = ["a", "b", "c", "d", "e"].map((field) => reader.optionalText(field));
  assert.deepEqual(values, ["x", "1.5", null, null, null]);
  assert.deepEqual(said(), [["wrong_type", "node/d"]]);
});

Deno.test("FieldReader.optionalPositive() refuses zero, negative numbers and texts", () => {
  const { reader, said } = read({ a: 7, b: 0, c: -1, d: "7" });
  const values = ["a", "b", "c", "d"].map((field) => reader.optionalPositive(field));
  assert.deepEqual(values, [7, null, null, null]);
  assert.equal(said().length, 3);
});

Deno.test("FieldReader.texts() takes one text for a list of one", () => {
  const { reader, said } = read({ a: "x", b: ["x", 2], c: [["x"]] });
  assert.deepEqual(["a", "b", "c", "d"].map((f) => reader.texts(f)), [["x"], ["x", "2"], [], []]);
  assert.deepEqual(said(), [["wrong_type", "node/c"]]);
});

Deno.test("FieldReader.scalars() names the entry that is not a single value", () => {
  const { reader, said } = read({ params: { a: 1, b: null, c: [1] } });
  assert.deepEqual(reader.scalars("params"), { a: 1, b: null });
  assert.deepEqual(said(), [["wrong_type", "node/params/c"]]);
});

Deno.test("FieldReader.list() and mapping() refuse each other's values", () => {
  const { reader, said } = read({ list: { a: 1 }, mapping: [1] });
  assert.deepEqual(reader.list("list"), []);
  assert.deepEqual(reader.mapping("mapping"), {});
  assert.deepEqual(said(), [["wrong_type", "node/list"], ["wrong_type", "node/mapping"]]);
});

Deno.test("FieldReader.rejectUnknown() points at the key and proposes a field", () => {
  const { reader, problems } = read({ name: "x", desciption: "y", sql: "z", zebra: 1 });
  reader.requiredText("name", "x");
  reader.optionalText("description");
  reader.rejectUnknown("a node", { sql: "write transform:" });
  assert.deepEqual(problems.map(({ message, file, hint }) => [message, file, hint]), [
    ['Unknown field "desciption" in a node', "node/desciption#key", 'did you mean "description"?'],
    ['Unknown field "sql" in a node', "node/sql#key", "write transform:"],
    ['Unknown field "zebra" in a node', "node/zebra#key", "a node has: description, name"],
  ]);
});

Deno.test("FieldReader.child() reports with the whole path", () => {
  const { reader, said } = read({ columns: { id: { type: [1] } } });
  const columns = reader.mapping("columns");
  const child = reader.child(columns["id"] as Record<string, unknown>, ["columns", "id"]);
  assert.equal(child.optionalText("type"), null);
  assert.deepEqual(said(), [["wrong_type", "node/columns/id/type"]]);
});
