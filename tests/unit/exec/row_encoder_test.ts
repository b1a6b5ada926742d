import assert from "node:assert/strict";
import { RowEncoder } from "../../../src/exec/row_encoder.ts";

const COLUMNS = [{ name: "id", type: "BIGINT" }, { name: "day", type: "DATE" }, {
  name: "any",
  type: "VARCHAR",
}];

async function encode(...rows: unknown[]): Promise<unknown[]> {
  let text = "";
  const encoder = new RowEncoder(COLUMNS, (bytes) => {
    text += new TextDecoder().decode(bytes);
    return Promise.resolve();
  });
  for (const row of rows) encoder.add(row);
  await encoder.flush();
  const lines = text.trimEnd().split("\n");
  assert.equal(encoder.rows, rows.length);
  assert.equal(encoder.longestLine, Math.max(...lines.map((line) => line.length)));
  return lines.map((line) => JSON.parse(line));
}

const refusal = (row: unknown, words: RegExp) => assert.rejects(() => encode(row), words);

Deno.test("RowEncoder writes values so that SQL can cast them, columns by place", async () => {
  const bytes = new Uint8Array([0, 255]);
  const rows = await encode(
    { any: NaN, id: 9007199254740993n, day: new Date("2026-01-31T00:00:00Z") },
    { id: null, day: undefined, any: [1n, -Infinity, bytes, new Date(0), new Set([1])] },
    { id: -0, day: "2026-01-31", any: { a: 1n, b: new Map([["k", 2n]]) } },
    { id: 1, day: null, any: new Float32Array([0.5]) },
  );
  assert.deepEqual(rows, [
    { c0: "9007199254740993", c1: "2026-01-31", c2: "NaN" },
    { c0: null, c1: null, c2: ["1", "-Infinity", "\\x00\\xff", "1970-01-01T00:00:00.000Z", [1]] },
    { c0: 0, c1: "2026-01-31", c2: { a: "1", b: { k: "2" } } },
    { c0: 1, c1: null, c2: [0.5] },
  ]);
});

Deno.test("RowEncoder refuses rows and values that would lose something", async () => {
  await refusal([1], /Row 1 is an array, not an object/);
  await refusal(null, /Row 1 is null, not an object/);
  await refusal({ id: 1, day: null }, /Row 1 lacks "any"/);
  await refusal({ id: 1, dya: null, any: 1 }, /lacks "day" and has "dya", which columns: does not/);
  await refusal({ id: 1, day: null, any: 1, more: 1 }, /has "more"/);
  await refusal({ id: 0.5, day: null, any: 1 }, /column "id" is BIGINT, and 0.5 is not a whole/);
  await refusal({ id: 1, day: new Date(1), any: 1 }, /1970-01-01T00:00:00.001Z is not midnight/);
  await refusal({ id: 1, day: null, any: new Date(NaN) }, /invalid Date/);
  await refusal({ id: 1, day: null, any: () => 1 }, /a function is not a value/);
  await refusal({ id: 1, day: null, any: [new (class Odd {})()] }, /a Odd is not a value/);
});
