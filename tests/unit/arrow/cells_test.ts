import assert from "node:assert/strict";
import * as arrow from "apache-arrow";
import { batchIpc } from "../../../src/arrow/batch_ipc.ts";
import { columnReader } from "../../../src/arrow/cells.ts";
import { inputTable } from "../../../src/arrow/input_table.ts";
import type { ColumnType, PlainValue } from "../../../src/engine/column_type.ts";

const scalar = (name: string): ColumnType => ({ type: "scalar", name });

/** Values through Arrow and back, in two batches. */
function through(type: ColumnType, ...values: PlainValue[]): unknown[] {
  const ipc = batchIpc([{ name: "x", type }], { length: values.length, values: [values] });
  const table = inputTable([ipc, ipc]);
  const rows = [...table.rows()].map((row) => row["x"]);
  assert.deepEqual(rows.slice(0, values.length), rows.slice(values.length));
  return rows.slice(0, values.length);
}

Deno.test("dates and timestamps are text as SQL writes it, before 1970 and before our era, too", () => {
  assert.deepEqual(
    through(scalar("DATE"), 0, -1, -719162, -719528, 2932896, 2_147_483_647, -2_147_483_647, null),
    [
      "1970-01-01",
      "1969-12-31",
      "0001-01-01",
      "0001-01-01 (BC)",
      "9999-12-31",
      "infinity",
      "-infinity",
      null,
    ],
  );
  assert.deepEqual(
    through(scalar("TIMESTAMP"), -1n, 1_500_000n, 2n ** 63n - 1n, -62_167_219_200_000_000n),
    [
      "1969-12-31 23:59:59.999999",
      "1970-01-01 00:00:01.5",
      "infinity",
      "0001-01-01 (BC) 00:00:00",
    ],
  );
  assert.deepEqual(through(scalar("TIMESTAMP_NS"), 1n), ["1970-01-01 00:00:00.000000001"]);
  assert.deepEqual(through(scalar("TIMESTAMP WITH TIME ZONE"), 0n, 2n ** 63n - 1n), [
    "1970-01-01 00:00:00+00",
    "infinity",
  ]);
  assert.deepEqual(through(scalar("TIME"), 86_399_999_999n), ["23:59:59.999999"]);
});

Deno.test("decimals keep all of their digits, and their sign", () => {
  const decimal = (width: number, scale: number): ColumnType => ({ type: "decimal", width, scale });
  assert.deepEqual(through(decimal(38, 0), 10n ** 38n - 1n, 1n - 10n ** 38n), [
    "9".repeat(38),
    `-${"9".repeat(38)}`,
  ]);
  assert.deepEqual(through(decimal(5, 3), 5n, -5n, 0n, null), ["0.005", "-0.005", "0.000", null]);
});

Deno.test("lists, structs and maps nest; empty and NULL differ", () => {
  const list: ColumnType = { type: "list", of: scalar("BIGINT") };
  assert.deepEqual(through(list, [1n, null], [], null), [[1n, null], [], null]);
  const struct: ColumnType = {
    type: "struct",
    fields: [{ name: "b", type: list }, { name: "1", type: scalar("VARCHAR") }],
  };
  assert.deepEqual(through(struct, [[2n], "x"], null), [{ b: [2n], 1: "x" }, null]);
  const map: ColumnType = { type: "map", key: scalar("VARCHAR"), value: struct };
  assert.deepEqual(through(map, [["k", [null, "y"]]], []), [{ k: { b: null, 1: "y" } }, {}]);
});

Deno.test("columnReader reads slices, dictionaries and what other programs wrote", () => {
  const words = arrow.vectorFromArray(["a", "b", "a", null]);
  const read = columnReader(words.slice(1, 4));
  assert.deepEqual([0, 1, 2].map(read), ["b", "a", null]);
  const lists = arrow.vectorFromArray(
    [[1], [2, 3]],
    new arrow.List(arrow.Field.new("x", new arrow.Int32())),
  );
  assert.deepEqual(columnReader(lists.slice(1, 2))(0), [2, 3]);
  const days = arrow.vectorFromArray(
    [new Date("2026-01-31T00:00:00Z")],
    new arrow.DateMillisecond(),
  );
  assert.equal(columnReader(days)(0), "2026-01-31");
});
