import assert from "node:assert/strict";
import { parseTableName, showTable, tableInEnvironment } from "../../../src/postgres/table_name.ts";

Deno.test("parseTableName reads schema.table, parts in quotes too", () => {
  const cases: readonly [string, string, string][] = [
    ["analytics.orders", "analytics", "orders"],
    ["crisp_data.sp_x", "crisp_data", "sp_x"],
    ['"x.y"."z ""q"', "x.y", 'z "q'],
  ];
  for (const [text, schema, name] of cases) {
    assert.deepEqual(parseTableName(text), { schema, name });
    assert.deepEqual(parseTableName(showTable({ schema, name })), { schema, name });
  }
});

Deno.test("parseTableName refuses anything but two parts, and names that belong to others", () => {
  const refused = ["orders", "a.b.c", "a.", ".b", "a..b", 'a."b', "pg_catalog.x", "_seeknal.x"];
  for (const text of refused) assert("problem" in parseTableName(text), text);
});

Deno.test("tableInEnvironment prefixes the schema, never production's, and refuses long names", () => {
  const table = { schema: "public", name: "orders" };
  assert.deepEqual(tableInEnvironment(table, null), table);
  assert.deepEqual(tableInEnvironment(table, "ci-42"), { schema: "ci_42_public", name: "orders" });
  const long = { schema: "s".repeat(60), name: "orders" };
  assert.deepEqual(tableInEnvironment(long, null), long);
  assert("problem" in tableInEnvironment(long, "dev"));
  assert("problem" in tableInEnvironment({ schema: "s", name: "é".repeat(32) }, null));
});
