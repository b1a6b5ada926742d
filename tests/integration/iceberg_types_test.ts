import assert from "node:assert/strict";
import { IcebergLab } from "../support/iceberg.ts";

/** Type, its extremes, and the type it is read back in where that is a wider one. */
const TYPES: readonly (readonly [string, readonly string[], string?])[] = [
  ["BOOLEAN", ["true", "false"]],
  ["TINYINT", ["-128", "127"], "INTEGER"],
  ["SMALLINT", ["-32768", "32767"], "INTEGER"],
  ["INTEGER", ["-2147483648", "2147483647"]],
  ["BIGINT", ["-9223372036854775808", "9223372036854775807"]],
  [
    "HUGEINT",
    ["99999999999999999999999999999999999999", "-99999999999999999999999999999999999999"],
    "DECIMAL(38,0)",
  ],
  ["UTINYINT", ["255", "0"], "INTEGER"],
  ["USMALLINT", ["65535"], "INTEGER"],
  ["UINTEGER", ["4294967295"], "BIGINT"],
  ["UBIGINT", ["18446744073709551615"], "DECIMAL(20,0)"],
  ["FLOAT", ["3.4028235e38", "-1.17549435e-38", "0.1", "nan", "inf", "-inf", "-0.0", "1e-45"]],
  ["DOUBLE", ["1.7976931348623157e308", "5e-324", "0.1", "nan", "inf", "-inf", "-0.0"]],
  ["DECIMAL(4,1)", ["-999.9", "999.9", "0.0"]],
  ["DECIMAL(9,2)", ["-9999999.99", "9999999.99"]],
  ["DECIMAL(18,9)", ["-999999999.999999999", "0.000000001"]],
  ["DECIMAL(38,10)", ["-9999999999999999999999999999.9999999999", "0.0000000001"]],
  ["DECIMAL(38,38)", ["-0.99999999999999999999999999999999999999"]],
  ["VARCHAR", [
    "",
    "NULL",
    "a\u0000b",
    "𝄞 é\u0301 \\ \" ' ,\n\r\t",
    "ÿ".repeat(40),
    "\u{10ffff}".repeat(20),
  ]],
  ["BLOB", ["", "\\x00\\xFF\\x27\\x5C", "\\xFF".repeat(40)]],
  ["DATE", ["0001-01-01", "9999-12-31", "1969-12-31", "5877642-06-25 (BC)", "290000-01-01"]],
  ["TIME", ["00:00:00", "23:59:59.999999", "24:00:00"]],
  ["TIMESTAMP", [
    "1969-12-31 23:59:59.999999",
    "0001-01-01 00:00:00",
    "290308-12-22 (BC) 00:00:00",
    "294247-01-10 04:00:54.775806",
  ]],
  ["TIMESTAMP_S", ["1969-12-31 23:59:59"], "TIMESTAMP"],
  ["TIMESTAMP_MS", ["1969-12-31 23:59:59.999"], "TIMESTAMP"],
  ["TIMESTAMP WITH TIME ZONE", ["1969-12-31 23:59:59.999999+00", "2026-03-29 02:30:00+01"]],
  ["UUID", [
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "550e8400-e29b-41d4-a716-446655440000",
  ]],
  ["ENUM('x', 'it''s')", ["x", "it's"], "VARCHAR"],
  ["JSON", ['{"a": [1, null]}', "null"], "VARCHAR"],
  ["INTEGER[]", ["[]", "[1, NULL, 3]", "[NULL]"]],
  ["VARCHAR[][]", ["[[a], [], NULL]"]],
  ['STRUCT(a INTEGER, "b c" VARCHAR)', ["{a: 1, 'b c': x}", "{a: NULL, 'b c': NULL}"]],
  ["STRUCT(a STRUCT(b STRUCT(c DECIMAL(38,3))))", ["{a: {b: {c: 1.234}}}", "{a: NULL}"]],
  ["MAP(VARCHAR, INTEGER)", ["{k=1, l=NULL}", "{}"]],
  ["MAP(INTEGER, STRUCT(x DOUBLE[]))", ["{1={x: [1.5, NULL]}}"]],
  ["STRUCT(a INTEGER)[]", ["[{a: 1}, NULL, {a: NULL}]"]],
  ["UINTEGER[]", ["[4294967295, NULL]"], "BIGINT[]"],
];

Deno.test("every type is written to Iceberg and read back the same, with extremes and NULLs", async () => {
  await using lab = await IcebergLab.open();
  for (const [i, [type, texts, readAs = type]] of TYPES.entries()) {
    const table = `lake.types.t${i}`;
    const selects = [...texts, null].map((text, n) =>
      `SELECT ${n} AS n, CAST(${text === null ? "NULL" : literal(type, text)} AS ${type}) AS v`
    );
    const sql = selects.join(" UNION ALL ");
    await lab.session.run(`CREATE OR REPLACE TABLE source AS ${sql}`);
    await lab.put("SELECT * FROM source", { table, mode: "full" });
    const scan = await lab.scan(`types.t${i}`);
    const described = await lab.session.read(`DESCRIBE SELECT v FROM ${scan}`);
    assert.equal(described.rows[0]?.[1], readAs, type);
    const { rows } = await lab.session.read(
      `SELECT count(*) AS n, count(*) FILTER (s.v IS NULL AND t.v IS NULL OR ${
        exact("s.v", type)
      } = ${exact("t.v", type)}) FROM source s JOIN ${scan} t USING (n)`,
    );
    assert.deepEqual(rows[0], [String(selects.length), String(selects.length)], type);
  }
});

function literal(type: string, text: string): string {
  if (type === "BLOB") return `'${text}'::BLOB`;
  return `'${text.replaceAll("'", "''").replaceAll("\u0000", "' || chr(0) || '")}'`;
}

/** Text that differs wherever two values do: NaN and the signs of zero too. */
function exact(sql: string, type: string): string {
  if (type === "BLOB") return `hex(${sql})`;
  // The text of an instant, a number and a list is that of its value; widening does not change it.
  return `CAST(${sql} AS VARCHAR)`;
}

Deno.test("a value that Iceberg cannot hold fails the write with words and leaves nothing", async () => {
  await using lab = await IcebergLab.open();
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["nanoseconds", "TIMESTAMP_NS '2026-01-01 00:00:00.000000001'", /holds nanoseconds/],
    ["interval", "INTERVAL 1 DAY", /no Iceberg type holds/],
    ["time zone", "CAST('12:00:00+01' AS TIMETZ)", /no Iceberg type holds/],
    [
      "nested nanoseconds",
      "[TIMESTAMP_NS '2026-01-01 00:00:00.000000001']",
      /inside a nested type/,
    ],
  ];
  for (const [name, sql, message] of cases) {
    await assert.rejects(() => lab.put(`SELECT ${sql} AS v`), message, name);
  }
  await lab.put("SELECT TIMESTAMP_NS '2026-01-01 00:00:00.000001' AS v", {
    table: "lake.shop.exact",
  });
  assert.deepEqual(await lab.rows("shop.exact"), ['["2026-01-01 00:00:00.000001"]']);
  assert.equal(await lab.catalog.load(["shop", "orders"]), null);
});

Deno.test("a 128-bit number beyond 38 digits fails the write, and one that became floating-point is refused", async () => {
  await using lab = await IcebergLab.open();
  const { write } = await lab.write("SELECT 1::HUGEINT AS v");
  const wide = `${lab.root}/objects/wide.parquet`;
  await lab.session.run(
    `COPY (SELECT '170141183460469231731687303715884105727'::VARCHAR AS v) TO '${wide}' (FORMAT parquet)`,
  );
  await assert.rejects(
    () =>
      lab.store.stage("b1", { ...write, columns: [{ name: "v", type: "DECIMAL(38,0)" }] }, wide),
    /cannot be written to the Iceberg table/,
  );
  const lossy = `${lab.root}/objects/lossy.parquet`;
  await lab.session.run(`COPY (SELECT 1::HUGEINT AS v) TO '${lossy}' (FORMAT parquet)`);
  await assert.rejects(
    () => lab.store.stage("b2", { ...write, columns: [{ name: "v", type: "HUGEINT" }] }, lossy),
    /as DOUBLE, which loses digits/,
  );
});

Deno.test("nested fields that were added and widened later are read from older files too", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(
    `SELECT * FROM (VALUES
      (1, {a: 1, b: 'x'}, [{x: 1}, NULL], MAP {'k': {y: 1.5::FLOAT}}, [[1]]),
      (2, NULL, NULL, NULL, NULL),
      (3, {a: NULL, b: NULL}, [], MAP {}, [NULL])) t(id, s, l, m, n)`,
    { mode: "append" },
  );
  await lab.put(
    `SELECT 4 AS id, {b: 'z', a: 5000000000, c: [true]} AS s, [{x: 5000000000, z: 'n'}] AS l,
      MAP {'q': {y: 2.5::DOUBLE, w: DATE '2026-01-01'}} AS m, [[5000000000]] AS n, {new: 1} AS added`,
    { mode: "append" },
  );
  assert.deepEqual(await lab.rows("shop.orders", "*"), [
    '[1,{"a":"1","b":"x","c":null},[{"x":"1","z":null},null],[{"key":"k","value":{"y":1.5,"w":null}}],[["1"]],null]',
    "[2,null,null,null,null,null]",
    '[3,{"a":null,"b":null,"c":null},[],[],[null],null]',
    '[4,{"a":"5000000000","b":"z","c":[true]},[{"x":"5000000000","z":"n"}],[{"key":"q","value":{"y":2.5,"w":"2026-01-01"}}],[["5000000000"]],{"new":1}]',
  ]);
  await lab.put(
    "SELECT 1 AS id, {a: 9} AS s, NULL::STRUCT(x BIGINT)[] AS l, NULL::MAP(VARCHAR, STRUCT(y DOUBLE)) AS m, [[7]] AS n",
    { mode: "upsert_by_key", unique_keys: ["id"] },
    { schema_evolution: "auto" },
  );
  const [first] = await lab.rows("shop.orders", "*");
  assert.equal(first, '[1,{"a":"9","b":null,"c":null},null,null,[["7"]],null]');
});
