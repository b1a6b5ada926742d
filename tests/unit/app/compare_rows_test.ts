import assert from "node:assert/strict";
import { compareRows } from "../../../src/app/compare_rows.ts";
import type { TestCell } from "../../../src/model/test.ts";
import { randomNumbers } from "../../support/random.ts";

function compare(
  expected: readonly (readonly TestCell[])[],
  actual: readonly (readonly TestCell[])[],
  { ordered = false, types = ["INTEGER", "VARCHAR", "DOUBLE"] } = {},
) {
  return compareRows({ columns: ["a", "b", "c"], types, expected, actual, ordered });
}

Deno.test("compareRows pairs rows that are nearly the same and tells missing from extra ones", () => {
  const diff = compare(
    [["1", "x", "1.0"], ["2", "y", "2.0"], ["9", "q", "9.0"]],
    [["2", "z", "2.0"], ["1", "x", "1.0"], ["5", "p", "0.0"]],
  );
  assert.deepEqual(diff, {
    columns: ["a", "b", "c"],
    expected: 3,
    actual: 3,
    changed: [{ expected: ["2", "y", "2.0"], actual: ["2", "z", "2.0"] }],
    missing: [["9", "q", "9.0"]],
    extra: [["5", "p", "0.0"]],
  });
});

Deno.test("compareRows counts equal rows, and NULL is not the text NULL", () => {
  const row = ["1", "x", "1.0"];
  assert.deepEqual(compare([row], [row, row])!.extra, [row]);
  assert.deepEqual(compare([row, row], [row])!.missing, [row]);
  assert.equal(compare([["1", null, null]], [["1", "NULL", null]])!.changed.length, 1);
});

Deno.test("compareRows compares floating point numbers but for their last digits, decimals and texts to the letter", () => {
  assert.equal(compare([["1", "x", "0.3"]], [["1", "x", "0.30000000000000004"]]), null);
  assert.equal(compare([["1", "x", "-0.0"]], [["1", "x", "0.0"]]), null);
  assert.equal(compare([["1", "x", "inf"]], [["1", "x", "inf"]]), null);
  assert.notEqual(compare([["1", "x", "0.3"]], [["1", "x", "0.3001"]]), null);
  const types = ["INTEGER", "VARCHAR", "DECIMAL(18,17)"];
  assert.notEqual(
    compare([["1", "x", "0.30000000000000000"]], [["1", "x", "0.30000000000000004"]], { types }),
    null,
  );
});

Deno.test("compareRows in order takes rows one after the other", () => {
  const [a, b] = [["1", "x", "1.0"], ["2", "y", "2.0"]];
  assert.equal(compare([a!, b!], [b!, a!]), null);
  assert.equal(compare([a!, b!], [a!, b!], { ordered: true }), null);
  assert.equal(compare([a!, b!], [b!, a!], { ordered: true })!.changed.length, 2);
  assert.deepEqual(compare([a!], [a!, b!], { ordered: true })!.extra, [b]);
});

Deno.test("compareRows finds no difference exactly where the bags are equal, and its parts account for every row", () => {
  const next = randomNumbers(3);
  const row = () => [0, 1, 2].map(() => String(Math.floor(next() * 2)));
  for (let i = 0; i < 500; i++) {
    const expected = Array.from({ length: Math.floor(next() * 5) }, row);
    const actual = Array.from({ length: Math.floor(next() * 5) }, row);
    const key = (rows: readonly string[][]) => rows.map((cells) => cells.join()).sort().join(";");
    const diff = compare(expected, actual, { types: ["INTEGER", "INTEGER", "INTEGER"] });
    assert.equal(diff === null, key(expected) === key(actual));
    if (diff === null) continue;
    const { missing, extra, changed } = diff;
    assert.equal(expected.length - missing.length, actual.length - extra.length);
    assert.ok(changed.every((pair) => pair.expected.join() !== pair.actual.join()));
  }
});
