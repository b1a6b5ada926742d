import assert from "node:assert/strict";
import { TestPostgres } from "../support/postgres.ts";
import { openStore } from "../support/postgres_target.ts";
import { bringIn, OutputFolder } from "../support/target_contract.ts";

const SPEC = { type: "postgresql", connection: "warehouse" };

/** `[DuckDB expression, PostgreSQL type, text that PostgreSQL shows]`; one list a column, a row each. */
const COLUMNS: Readonly<
  Record<string, { type: string; values: readonly [string, string | null][] }>
> = {
  bool: { type: "boolean", values: [["true", "true"], ["false", "false"]] },
  tiny: { type: "smallint", values: [["(-128)::TINYINT", "-128"], ["127::TINYINT", "127"]] },
  small: { type: "smallint", values: [["(-32768)::SMALLINT", "-32768"]] },
  int: { type: "integer", values: [["(-2147483648)::INTEGER", "-2147483648"]] },
  big: {
    type: "bigint",
    values: [["(-9223372036854775808)::BIGINT", "-9223372036854775808"], [
      "9223372036854775807",
      "9223372036854775807",
    ]],
  },
  utiny: { type: "smallint", values: [["255::UTINYINT", "255"]] },
  usmall: { type: "integer", values: [["65535::USMALLINT", "65535"]] },
  uint: { type: "bigint", values: [["4294967295::UINTEGER", "4294967295"]] },
  ubig: {
    type: "numeric(20,0)",
    values: [["18446744073709551615::UBIGINT", "18446744073709551615"]],
  },
  dec: {
    type: "numeric(38,10)",
    values: [[
      "(-1234567890123456789012345678.0123456789)::DECIMAL(38,10)",
      "-1234567890123456789012345678.0123456789",
    ], ["0::DECIMAL(38,10)", "0.0000000000"]],
  },
  dec4: { type: "numeric(4,1)", values: [["(-999.9)::DECIMAL(4,1)", "-999.9"]] },
  float: {
    type: "real",
    values: [
      ["1.1::FLOAT", "1.1"],
      ["'nan'::FLOAT", "NaN"],
      ["'-inf'::FLOAT", "-Infinity"],
      [
        "3.4028235e38::FLOAT",
        "3.4028235e+38",
      ],
      ["1e-45::FLOAT", "1e-45"],
      ["'-0'::FLOAT", "-0"],
    ],
  },
  double: {
    type: "double precision",
    values: [
      ["0.1::DOUBLE", "0.1"],
      ["'nan'::DOUBLE", "NaN"],
      ["'inf'::DOUBLE", "Infinity"],
      [
        "'-0'::DOUBLE",
        "-0",
      ],
      ["1.7976931348623157e308::DOUBLE", "1.7976931348623157e+308"],
      [
        "5e-324::DOUBLE",
        "5e-324",
      ],
      ["123456789.123456789::DOUBLE", "123456789.12345679"],
    ],
  },
  text: {
    type: "text",
    values: [
      ["''", ""],
      ["'NULL'", "NULL"],
      ["'a,\"b\"'", 'a,"b"'],
      ["'a\nb\r\nc'", "a\nb\r\nc"],
      [
        "'\\.'",
        "\\.",
      ],
      ["'a\n\\.\nb'", "a\n\\.\nb"],
      ["'\\N'", "\\N"],
      ["' x '", " x "],
      ["'żółw 🐢 \\x41'", "żółw 🐢 \\x41"],
      [
        "chr(1) || chr(31) || chr(2)",
        "\u0001\u001f\u0002",
      ],
    ],
  },
  blob: {
    type: "bytea",
    values: [["'\\x00\\xFF\\x0A\\x22,'::BLOB", "\\x00ff0a222c"], ["''::BLOB", "\\x"]],
  },
  uuid: {
    type: "uuid",
    values: [[
      "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID",
      "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    ]],
  },
  date: {
    type: "date",
    values: [
      ["DATE '2024-02-29'", "2024-02-29"],
      ["'infinity'::DATE", "infinity"],
      [
        "'-infinity'::DATE",
        "-infinity",
      ],
      ["'4713-01-01 (BC)'::DATE", "4713-01-01 BC"],
      ["'5874897-12-31'::DATE", "5874897-12-31"],
      [
        "DATE '1969-12-31'",
        "1969-12-31",
      ],
    ],
  },
  time: {
    type: "time without time zone",
    values: [["TIME '23:59:59.999999'", "23:59:59.999999"], ["TIME '00:00:00'", "00:00:00"]],
  },
  ts: {
    type: "timestamp without time zone",
    values: [
      ["TIMESTAMP '2024-02-29 12:34:56.789012'", "2024-02-29 12:34:56.789012"],
      [
        "'infinity'::TIMESTAMP",
        "infinity",
      ],
      ["'-infinity'::TIMESTAMP", "-infinity"],
      ["TIMESTAMP '1999-12-31 23:59:59.999999'", "1999-12-31 23:59:59.999999"],
      ["'4713-01-01 (BC) 00:00:00'::TIMESTAMP", "4713-01-01 00:00:00 BC"],
      ["'294246-12-31 00:00:00'::TIMESTAMP", "294246-12-31 00:00:00"],
    ],
  },
  ts_ns: {
    type: "timestamp without time zone",
    values: [["TIMESTAMP_NS '2024-02-29 12:34:56.789012000'", "2024-02-29 12:34:56.789012"]],
  },
  tstz: {
    type: "timestamp with time zone",
    values: [["TIMESTAMPTZ '2024-02-29 12:34:56.789012+05:30'", "2024-02-29 07:04:56.789012+00"], [
      "'infinity'::TIMESTAMPTZ",
      "infinity",
    ], ["TIMESTAMPTZ '0001-01-01 (BC) 00:00:00+00'", "0001-01-01 00:00:00+00 BC"]],
  },
  interval: {
    type: "interval",
    // Parquet has no negative ones, and none finer than a millisecond.
    values: [
      [
        "INTERVAL '14 months 40 days 30 hours 5 milliseconds'",
        "1 year 2 mons 40 days 30:00:00.005",
      ],
      ["INTERVAL '0 days'", "00:00:00"],
    ],
  },
  json: {
    type: "json",
    values: [[`'{"b": 1.0,  "a":[null,"x"]}'::JSON`, '{"b": 1.0,  "a":[null,"x"]}']],
  },
  enum: { type: "text", values: [["'b'::ENUM('a', 'b')", "b"]] },
  ints: {
    type: "integer[]",
    values: [["[1, NULL, -3]", "{1,NULL,-3}"], ["[]::INTEGER[]", "{}"]],
  },
  texts: {
    type: "text[]",
    values: [[
      `['a,b', '', NULL, 'NULL', '{"}', '\\x', ' y']`,
      `{"a,b","",NULL,"NULL","{\\"}","\\\\x"," y"}`,
    ]],
  },
  array: {
    type: "double precision[]",
    values: [["[1.5::DOUBLE, 'nan', '-0']::DOUBLE[]", "{1.5,NaN,-0}"]],
  },
  dates: {
    type: "date[]",
    values: [["[DATE '2024-01-01', NULL, 'infinity'::DATE]", "{2024-01-01,NULL,infinity}"]],
  },
  stamps: {
    type: "timestamp without time zone[]",
    values: [["[TIMESTAMP '2024-01-01 01:02:03.5']", '{"2024-01-01 01:02:03.5"}']],
  },
  bools: { type: "boolean[]", values: [["[true, NULL, false]", "{t,NULL,f}"]] },
  blobs: { type: "bytea[]", values: [["['\\x00\"'::BLOB]", '{"\\\\x0022"}']] },
  nested: { type: "jsonb", values: [["[[1, 2], [3], NULL, []]", "[[1, 2], [3], null, []]"]] },
  struct: {
    type: "jsonb",
    values: [[
      `{'a b"': 1, 'd': 1234567890123456789.0123456789::DECIMAL(38,10), 'n': 'nan'::DOUBLE, 't': ` +
      `'x"y' || chr(10), 'x': NULL::INTEGER, 'l': [{'k': 'v'}], 'w': TIMESTAMP '2024-01-01 00:00:00'}`,
      '{"d": 1234567890123456789.0123456789, "l": [{"k": "v"}], "n": "nan", "t": "x\\"y\\n", ' +
      '"w": "2024-01-01 00:00:00", "x": null, "a b\\"": 1}',
    ]],
  },
  map: {
    type: "jsonb",
    values: [["MAP {'k\"1': 1.5::DOUBLE, 'k2': NULL}", '{"k2": null, "k\\"1": 1.5}']],
  },
};

/** One query with every column; value n of each in row n, NULL where a column has fewer, and a last row of NULLs. */
function tortureQuery(): string {
  const rows = 1 + Math.max(...Object.values(COLUMNS).map(({ values }) => values.length));
  const columns = Object.entries(COLUMNS).map(([name, { values }]) => {
    const cases = values.map(([sql], i) => `WHEN ${i} THEN ${sql}`);
    return `CASE i ${cases.join(" ")} END AS "${name}"`;
  });
  return `SELECT i::INTEGER AS "Row id", ${columns.join(", ")} FROM range(${rows}) r(i)`;
}

Deno.test("PostgresStore brings every value of every type in, with an equal checksum", async (t) => {
  await using postgres = await TestPostgres.start();
  await postgres.createDatabase("types");
  await postgres.query("types", "ALTER DATABASE types SET TimeZone = 'UTC'");
  using outputs = new OutputFolder(SPEC);
  await using store = await openStore(postgres, "types", outputs.folders);
  for (const mode of ["full", "view"] as const) {
    await t.step(`mode ${mode}, written twice`, async () => {
      const output = await outputs.make(["out", `torture_${mode}`], tortureQuery(), { mode });
      await bringIn(store, `t1${mode}`, output);
      await bringIn(store, `t2${mode}`, output);
      const types = await postgres.query<{ name: string; type: string }>(
        "types",
        `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute ` +
          `WHERE attrelid = 'out.torture_${mode}'::regclass AND attnum > 1`,
      );
      assert.deepEqual(
        types,
        Object.entries(COLUMNS).map(([name, { type }]) => ({ name, type })),
      );
      for (const [name, { values }] of Object.entries(COLUMNS)) {
        const rows = await postgres.query<{ text: string | null }>(
          "types",
          `SELECT "${name}"::text AS text FROM out.torture_${mode} ORDER BY "Row id"`,
        );
        const texts = rows.map(({ text }) => text);
        const expected = values.map(([, text]) => text);
        assert.deepEqual(texts.slice(0, expected.length), expected, name);
        assert(texts.slice(expected.length).every((text) => text === null), name);
      }
    });
  }
  await t.step("a single column of texts keeps lines that COPY has a meaning for", async () => {
    const output = await outputs.make(
      ["out", "single"],
      "SELECT unnest(['\\.', '', NULL, 'x', '\"', 'NULL']) AS c",
    );
    await bringIn(store, "s", output);
    const rows = await postgres.query<{ c: string | null }>("types", "SELECT c FROM out.single");
    assert.deepEqual(rows.map(({ c }) => c), ["\\.", "", null, "x", '"', "NULL"]);
  });
  await t.step("other types on request: column_types", async () => {
    await postgres.query("types", "CREATE TYPE public.mood AS ENUM ('sad', 'ok')");
    const column_types = {
      doc: "jsonb",
      ip: "inet",
      mood: "public.mood",
      price: "numeric(10, 2)",
      matrix: "integer[]",
      code: "varchar(3)",
    };
    const output = await outputs.make(
      ["out", "chosen"],
      `SELECT '{"b":1,"a":2}' AS doc, '10.0.0.1' AS ip, 'ok' AS mood, 1.5::DOUBLE AS price, ` +
        `[[1,2],[3,4]] AS matrix, 'abc' AS code`,
      { spec: { column_types } },
    );
    await bringIn(store, "c1", output);
    await bringIn(store, "c2", output);
    const rows = await postgres.query("types", "SELECT t::text FROM out.chosen t");
    assert.deepEqual(rows, [{
      t: '("{""a"": 2, ""b"": 1}",10.0.0.1,ok,1.50,"{{1,2},{3,4}}",abc)',
    }]);
  });
  const refused: readonly [string, string, RegExp][] = [
    ["texts with a zero character", "SELECT 1 AS id, 'a' || chr(0) AS c", /column "c" .*zero/],
    [
      "nanoseconds",
      "SELECT TIMESTAMP_NS '2024-01-01 00:00:00.000000001' AS c",
      /column "c" .*microsecond/,
    ],
    [
      "dates before PostgreSQL's first",
      "SELECT '5000-01-01 (BC)'::DATE AS c",
      /column "c".*out of range/,
    ],
    ["a zero character inside JSON", "SELECT {'a': chr(0)} AS c", /column "c"/],
  ];
  for (const [what, sql, message] of refused) {
    await t.step(`refused naming the column: ${what}`, async () => {
      const output = await outputs.make(["out", "refused"], sql);
      await assert.rejects(store.stage("r", output.write, output.parquet), {
        code: "validation_failed",
        kind: "execution",
        message,
      });
      assert.equal(await store.progress("r", [output.write]), "none");
    });
  }
  await t.step("many rows go through a pipe, whichever side fails in the middle", async () => {
    const many = (extra: string) =>
      `SELECT i::INTEGER AS id, md5(i::VARCHAR) AS h, ${extra} AS x FROM range(200000) r(i)`;
    const good = await outputs.make(["out", "many"], many("i"));
    assert((await Deno.stat(good.parquet)).size > 1 << 18);
    await bringIn(store, "many", good);
    const sums = "SELECT count(*)::int AS n, sum(x)::text AS x, max(h) AS h FROM out.many";
    const [row] = await postgres.query("types", sums);
    assert.deepEqual(row, { n: 200000, x: "19999900000", h: row!["h"] });
    const early = await outputs.make(["out", "early"], many("'a'"), {
      spec: { column_types: { h: "integer" } },
    });
    const late = await outputs.make(
      ["out", "late"],
      many("CASE WHEN i = 199999 THEN 'a' ELSE '1' END"),
      {
        spec: { column_types: { x: "integer" } },
      },
    );
    const reading = await outputs.make(
      ["out", "reading"],
      many("make_timestamp_ns(CASE WHEN i = 199000 THEN 1001 ELSE 1000 END)"),
    );
    for (const { write, parquet } of [early, late, reading]) {
      await assert.rejects(store.stage("f", write, parquet), { code: "validation_failed" });
      assert.equal(await store.progress("f", [write]), "none");
    }
    assert.deepEqual(
      [...Deno.readDirSync(outputs.folders.temporaryDir)].map(({ name }) => name),
      [],
    );
  });
  await t.step("names that PostgreSQL would cut off or has itself are refused", async () => {
    const long = "é".repeat(32);
    for (const sql of [`SELECT 1 AS "${long}"`, "SELECT 1 AS xmin"]) {
      const output = await outputs.make(["out", "names"], sql);
      const [problem] = await store.check([output.write]);
      assert.equal(problem!.code, "unsupported_column");
    }
  });
});
