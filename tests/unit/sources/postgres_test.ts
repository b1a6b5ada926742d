import assert from "node:assert/strict";
import { parseSeconds } from "../../../src/postgres/rows_request.ts";
import { POSTGRES_SOURCE } from "../../../src/sources/postgres.ts";
import { tableRead } from "../../support/table_read.ts";

Deno.test("POSTGRES_SOURCE.problem: null for reads that can be made", () => {
  for (
    const read of [
      { table: "shop.orders" },
      { table: '"Order Items"', params: { change_detection: "statistics" } },
      { params: { query: "SELECT 1" } },
      { table: "t", params: { time_column: "at", lookback: "3d", unique_keys: ["id"] } },
      { table: "t", params: { time_column: "at", lookback: 90, timeout: "30m" } },
    ]
  ) {
    assert.equal(POSTGRES_SOURCE.problem(tableRead(read)), null);
  }
});

Deno.test("POSTGRES_SOURCE.problem: points at the field that is wrong", () => {
  const cases = [
    [{}, "table"],
    [{ table: "a.b.c" }, "table"],
    [{ table: "a b" }, "table"],
    [{ table: "t", params: { query: "SELECT 1" } }, "params.query"],
    [{ params: { query: "DROP TABLE t" } }, "params.query"],
    [{ table: "t", params: { change_detection: "hope" } }, "params.change_detection"],
    [{ table: "t", params: { change_detection: "watermark" } }, "params.change_detection"],
    [{ table: "t", params: { lookback: "3d" } }, "params.lookback"],
    [{ table: "t", params: { unique_keys: ["id"] } }, "params.unique_keys"],
    [{ table: "t", params: { time_column: "at", lookback: "soon" } }, "params.lookback"],
    [{ table: "t", params: { timeout: "-1" } }, "params.timeout"],
  ] as const;
  for (const [read, path] of cases) {
    const problem = POSTGRES_SOURCE.problem(tableRead(read));
    assert.equal(problem?.path.join("."), path, JSON.stringify(read));
    assert.notEqual(problem?.hint, "");
  }
});

Deno.test("POSTGRES_SOURCE.connection: names the connection or nothing", () => {
  const params = { connection: "warehouse" };
  assert.equal(POSTGRES_SOURCE.connection!(tableRead({ table: "t", params })), "warehouse");
  assert.equal(POSTGRES_SOURCE.connection!(tableRead({ table: "t" })), null);
});

Deno.test("parseSeconds: reads units, and nothing else", () => {
  const texts = ["90", "1.5s", "15m", "2h", "3d", "1w", "10min"];
  assert.deepEqual(texts.map(parseSeconds), [90, 1.5, 900, 7200, 259200, 604800, 600]);
  assert.deepEqual(["", "d", "3 days", "-1", "1e3", "3x"].map(parseSeconds), Array(6).fill(null));
});
