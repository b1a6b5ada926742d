import assert from "node:assert/strict";
import { duckTypeSql, parseDuckType } from "../../../src/iceberg/duck_type.ts";
import { duckTypeText, fieldsById, icebergTypeFor, structFor } from "../../../src/iceberg/types.ts";

function iceberg(type: string): string {
  let id = 0;
  return JSON.stringify(icebergTypeFor(parseDuckType(type), () => ++id, "c"));
}

Deno.test("parseDuckType reads types as DuckDB writes them", () => {
  const same = [
    "INTEGER",
    "DECIMAL(10,2)",
    "TIMESTAMP WITH TIME ZONE",
    "INTEGER[][]",
    'STRUCT("a" INTEGER, "b c" STRUCT("x" VARCHAR[]))[]',
    "MAP(VARCHAR, MAP(INTEGER, DOUBLE))",
  ];
  for (const type of same) assert.equal(duckTypeSql(parseDuckType(type)), type);
  assert.equal(duckTypeSql(parseDuckType("INTEGER[3]")), "INTEGER[]");
  assert.equal(
    duckTypeSql(parseDuckType('STRUCT(a INTEGER, "q""q" TIME)')),
    'STRUCT("a" INTEGER, "q""q" TIME)',
  );
  assert.equal(duckTypeSql(parseDuckType("ENUM('a)', 'it''s')[]")), "ENUM[]");
  assert.equal(duckTypeSql(parseDuckType("UNION(a INTEGER, b STRUCT(c VARCHAR))")), "UNION");
  assert.throws(() => parseDuckType("STRUCT(a"), /not one that can be read/);
  assert.throws(() => parseDuckType("INTEGER,"), /not one that can be read/);
});

Deno.test("icebergTypeFor takes the narrowest type that holds every value", () => {
  const cases = {
    TINYINT: "int",
    USMALLINT: "int",
    UINTEGER: "long",
    UBIGINT: "decimal(20,0)",
    HUGEINT: "decimal(38,0)",
    UHUGEINT: "decimal(38,0)",
    TIMESTAMP_S: "timestamp",
    JSON: "string",
    "ENUM('a')": "string",
    UUID: "uuid",
    "DECIMAL(38,38)": "decimal(38,38)",
  };
  for (const [type, expected] of Object.entries(cases)) {
    assert.equal(iceberg(type), JSON.stringify(expected), type);
  }
  for (
    const type of [
      "INTERVAL",
      "TIME WITH TIME ZONE",
      "BIT",
      "UNION(a INTEGER)",
      "VARIANT",
      "INTERVAL[]",
    ]
  ) {
    assert.throws(() => iceberg(type), /which no Iceberg type holds/, type);
  }
});

Deno.test("structFor gives every field an id of its own, the columns first", () => {
  let id = 0;
  const struct = structFor(
    [{ name: "a", type: "STRUCT(x INTEGER, y VARCHAR[])" }, {
      name: "b",
      type: "MAP(VARCHAR, DOUBLE)",
    }],
    () => ++id,
  );
  assert.deepEqual([...fieldsById(struct)].map(([key, field]) => `${key} ${field.name}`), [
    "1 a",
    "3 x",
    "4 y",
    "5 element",
    "2 b",
    "6 key",
    "7 value",
  ]);
  assert.deepEqual(struct.fields.map((field) => duckTypeText(field.type)), [
    'STRUCT("x" INTEGER, "y" VARCHAR[])',
    "MAP(VARCHAR, DOUBLE)",
  ]);
});

Deno.test("duckTypeText refuses types of later format versions with words", () => {
  assert.equal(duckTypeText("fixed[16]"), "BLOB");
  assert.equal(duckTypeText("decimal(9, 2)"), "DECIMAL(9,2)");
  assert.throws(() => duckTypeText("geography"), /Iceberg type geography cannot be read/);
});
