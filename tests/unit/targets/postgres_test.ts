import assert from "node:assert/strict";
import type { Diagnostic } from "../../../src/base/diagnostic.ts";
import { FieldReader } from "../../../src/base/field_reader.ts";
import { POSTGRES_TARGET } from "../../../src/targets/postgres.ts";

function parse(fields: Record<string, unknown>) {
  const problems: Diagnostic[] = [];
  const place = (path: readonly (string | number)[]) => ({
    file: path.join("."),
    line: 1,
    column: 1,
  });
  const reader = new FieldReader(fields, {
    locator: {
      locate: place,
      locateKey: place,
      locateInText: place,
      textAt: () => null,
    },
    path: [],
    report: (problem) => problems.push(problem),
  });
  return { spec: POSTGRES_TARGET.parse(reader), problems };
}

const BASE = { type: "postgresql", connection: "warehouse", table: "analytics.orders" };

Deno.test("POSTGRES_TARGET.parse fills in full and keeps what is written", () => {
  assert.deepEqual(parse(BASE), { spec: { ...BASE, mode: "full" }, problems: [] });
  const incremental = { ...BASE, mode: "incremental_by_time", time_column: "ts", lookback: "7d" };
  assert.deepEqual(parse(incremental).spec, { ...incremental, lookback: 7 });
  const upsert = {
    ...BASE,
    mode: "upsert_by_key",
    unique_keys: ["id"],
    null_keys: "skip",
    duplicate_keys: "last",
    column_types: { payload: "jsonb", price: "numeric(10, 2)" },
    existing: "adopt",
    schema_evolution: "auto",
    validation: { row_count_tolerance: 0.01, checksum: false },
    create_table: false,
  };
  assert.deepEqual(parse(upsert), { spec: upsert, problems: [] });
});

Deno.test("POSTGRES_TARGET.parse names what is missing, contradicting or unknown, with its place", () => {
  const cases: readonly [Record<string, unknown>, string, string][] = [
    [{ ...BASE, connection: undefined }, "missing_field", ""],
    [{ ...BASE, table: "orders" }, "invalid_table", "table"],
    [{ ...BASE, table: "a.b.c" }, "invalid_table", "table"],
    [{ ...BASE, mode: "overwrite" }, "invalid_mode", "mode"],
    [{ ...BASE, mode: "upsert_by_key" }, "missing_field", "mode"],
    [{ ...BASE, mode: "incremental_by_time" }, "missing_field", "mode"],
    [{ ...BASE, unique_keys: ["id"] }, "contradicting_field", "unique_keys"],
    [{ ...BASE, cascade: true }, "cascade_refused", "cascade"],
    [
      { ...BASE, mode: "incremental_by_time", time_column: "ts", lookback: "a week" },
      "invalid_lookback",
      "lookback",
    ],
    [{ ...BASE, mode: "view", existing: "adopt" }, "contradicting_field", "existing"],
    [{ ...BASE, column_types: { a: "int; DROP TABLE x" } }, "invalid_type", "column_types.a"],
    [
      { ...BASE, validation: { row_count_tolerance: 7 } },
      "wrong_type",
      "validation.row_count_tolerance",
    ],
    [{ ...BASE, partition_by: ["day(ts)"] }, "unknown_field", "partition_by"],
  ];
  for (const [fields, code, place] of cases) {
    const { problems } = parse(fields);
    assert.deepEqual(problems.map((p) => [p.code, p.file]), [[code, place]]);
  }
});

Deno.test("POSTGRES_TARGET.tableIn names the table in an environment", () => {
  const { spec } = parse(BASE);
  assert.deepEqual(POSTGRES_TARGET.tableIn(spec!, "pr-7"), {
    table: ["pr_7_analytics", "orders"],
    target: "pr_7_analytics.orders",
  });
  assert.deepEqual(POSTGRES_TARGET.tableIn(spec!, null), {
    table: ["analytics", "orders"],
    target: "analytics.orders",
  });
});
