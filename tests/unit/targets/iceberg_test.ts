import assert from "node:assert/strict";
import type { Diagnostic } from "../../../src/base/diagnostic.ts";
import { FieldReader, type Locator } from "../../../src/base/field_reader.ts";
import { ICEBERG_TARGET } from "../../../src/targets/iceberg.ts";

function parse(fields: Record<string, unknown>) {
  const problems: Diagnostic[] = [];
  const place = { file: "orders.yml", line: 1, column: 1 };
  const locator: Locator = {
    locate: () => place,
    locateKey: () => place,
    locateInText: () => place,
    textAt: () => null,
  };
  const reader = new FieldReader(fields, {
    locator,
    path: [],
    report: (problem) => problems.push(problem),
  });
  const spec = ICEBERG_TARGET.parse(reader);
  return { spec, codes: problems.map((problem) => problem.code) };
}

Deno.test("ICEBERG_TARGET.parse reads every field, and overwrite as full", () => {
  assert.deepEqual(parse({ type: "iceberg", table: "atlas.shop.orders", mode: "overwrite" }), {
    spec: { type: "iceberg", connection: "atlas", table: "atlas.shop.orders", mode: "full" },
    codes: [],
  });
  assert.equal(parse({ table: "atlas.shop.orders" }).spec?.mode, "full");
  assert.deepEqual(
    parse({
      table: "atlas.shop.eu.orders",
      connection: "atlas",
      mode: "upsert_by_key",
      unique_keys: ["a", "b"],
      null_keys: "skip",
      duplicate_keys: "last",
      partition_by: ["day(ts)", "region"],
      existing: "adopt",
      schema_evolution: "auto",
      validation: { checksum: false, row_count_tolerance: 0.01 },
    }),
    {
      spec: {
        type: "iceberg",
        connection: "atlas",
        table: "atlas.shop.eu.orders",
        mode: "upsert_by_key",
        unique_keys: ["a", "b"],
        null_keys: "skip",
        duplicate_keys: "last",
        partition_by: ["day(ts)", "region"],
        existing: "adopt",
        schema_evolution: "auto",
        validation: { checksum: false, row_count_tolerance: 0.01 },
      },
      codes: [],
    },
  );
  assert.deepEqual(
    parse({ table: "a.b.c", mode: "incremental_by_time", time_column: "ts", lookback: 3 }).spec,
    {
      type: "iceberg",
      connection: "a",
      table: "a.b.c",
      mode: "incremental_by_time",
      time_column: "ts",
      lookback: 3,
    },
  );
});

Deno.test("ICEBERG_TARGET.parse reports what is wrong, with a code for each", () => {
  const table = "a.b.c";
  const cases: readonly (readonly [Record<string, unknown>, readonly string[]])[] = [
    [{}, ["missing_field"]],
    [{ table: "shop.orders" }, ["invalid_table"]],
    [{ table: "a.b;drop.c" }, ["invalid_table"]],
    [{ table, connection: "other" }, ["invalid_table"]],
    [{ table, mode: "merge" }, ["invalid_mode"]],
    [{ table, mode: "view" }, ["invalid_mode"]],
    [{ table, mode: "upsert_by_key" }, ["missing_field"]],
    [{ table, mode: "incremental_by_time" }, ["missing_field"]],
    [{ table, mode: "append", unique_keys: ["a"] }, ["contradicting_field"]],
    [{ table, mode: "incremental_by_time", time_column: "t", lookback: "7d" }, ["wrong_type"]],
    [{ table, partition_by: ["week(ts)"] }, ["invalid_partition"]],
    [{ table, existing: "replace" }, ["wrong_value"]],
    [{ table, schema_evolution: "loose" }, ["wrong_value"]],
    [{ table, validation: { row_count_tolerance: 2 } }, ["wrong_type"]],
    [{ table, validation: { rows: 2 } }, ["unknown_field"]],
    [{ table, unique_key: "a" }, ["unknown_field"]],
  ];
  for (const [fields, codes] of cases) {
    assert.deepEqual(parse(fields).codes, codes, JSON.stringify(fields));
  }
});
