import assert from "node:assert/strict";
import { declaredTransfer, transferOf } from "../../../src/postgres/from_postgres_type.ts";

const plain = (name: string, modifier = -1) => ({ name, modifier, isArray: false });
/** `numeric(p,s)` as the catalog holds it. */
const numeric = (precision: number, scale: number) =>
  plain("numeric", ((precision << 16) | (scale & 0x7ff)) + 4);

Deno.test("transferOf: numerics get room for every value they may have", () => {
  const cases: [number, number, string][] = [
    [10, 2, "DECIMAL(10,2)"],
    [38, 38, "DECIMAL(38,38)"],
    [39, 0, "DECIMAL(38,10)"],
    [3, -2, "DECIMAL(5,0)"],
    [2, 5, "DECIMAL(5,5)"],
    [37, -2, "DECIMAL(38,10)"],
    [1000, 1000, "DECIMAL(38,10)"],
  ];
  for (const [precision, scale, type] of cases) {
    assert.equal(transferOf(numeric(precision, scale)).type, type, `${precision},${scale}`);
  }
});

Deno.test("transferOf: what is not known comes as the server's text", () => {
  const transfer = transferOf(plain("geometry"));
  assert.deepEqual([transfer.type, transfer.send("g"), transfer.isPlain], ["VARCHAR", "g", false]);
});

Deno.test("transferOf: dates and times with a zone are never parsed by the reader of the text", () => {
  assert.equal(transferOf(plain("date")).parsed, null);
  assert.equal(transferOf(plain("timestamptz")).parsed, null);
});

Deno.test("declaredTransfer: a text is the server's own, digits are not cast twice", () => {
  assert.equal(declaredTransfer(plain("bytea"), "VARCHAR").send("b"), "b");
  assert.equal(declaredTransfer(numeric(50, 2), "DOUBLE").value("x"), "CAST(x AS DOUBLE)");
  assert.equal(declaredTransfer({ ...plain("int4"), isArray: true }, "BIGINT[]").type, "BIGINT[]");
});
