import assert from "node:assert/strict";
import { UserError } from "../../src/base/user_error.ts";
import { TestPostgres } from "../support/postgres.ts";
import { SourceBench } from "../support/postgres_source.ts";

/** Values of one type, as PostgreSQL literals, and what DuckDB shows for them. */
interface TypeCase {
  readonly type: string;
  readonly duckdb: string;
  /** Literal, and DuckDB's text of it where it is not the server's. */
  readonly values: readonly (readonly [literal: string, shown?: string])[];
}

const CASES: readonly TypeCase[] = [
  { type: "smallint", duckdb: "SMALLINT", values: [["-32768"], ["32767"], ["0"]] },
  { type: "integer", duckdb: "INTEGER", values: [["-2147483648"], ["2147483647"]] },
  {
    type: "bigint",
    duckdb: "BIGINT",
    values: [["-9223372036854775808"], ["9223372036854775807"]],
  },
  { type: "oid", duckdb: "UINTEGER", values: [["0"], ["4294967295"]] },
  { type: "numeric(10,2)", duckdb: "DECIMAL(10,2)", values: [["99999999.99"], ["-0.01"]] },
  {
    type: "numeric(38,0)",
    duckdb: "DECIMAL(38,0)",
    values: [["99999999999999999999999999999999999999"]],
  },
  {
    type: "numeric(38,38)",
    duckdb: "DECIMAL(38,38)",
    values: [[`0.${"9".repeat(38)}`, `.${"9".repeat(38)}`]],
  },
  { type: "numeric(3,-2)", duckdb: "DECIMAL(5,0)", values: [["99900"], ["-100"]] },
  { type: "numeric(2,5)", duckdb: "DECIMAL(5,5)", values: [["0.00099", ".00099"]] },
  {
    type: "numeric",
    duckdb: "DECIMAL(38,10)",
    values: [
      ["1.5", "1.5000000000"],
      ["9999999999999999999999999999.9999999999"],
      ["1.500000000000000000000000", "1.5000000000"],
      ["-3", "-3.0000000000"],
    ],
  },
  {
    type: "real",
    duckdb: "FLOAT",
    values: [
      ["NaN", "nan"],
      ["Infinity", "inf"],
      ["-Infinity", "-inf"],
      ["-0", "-0.0"],
      ["3.4028235e38"],
      ["1e-45"],
      ["0.1"],
    ],
  },
  {
    type: "double precision",
    duckdb: "DOUBLE",
    values: [
      ["NaN", "nan"],
      ["Infinity", "inf"],
      ["-Infinity", "-inf"],
      ["-0", "-0.0"],
      ["1.7976931348623157e308"],
      ["5e-324"],
      ["0.1"],
      ["123456789.123456789"],
    ],
  },
  { type: "boolean", duckdb: "BOOLEAN", values: [["true"], ["false"]] },
  {
    type: "text",
    duckdb: "VARCHAR",
    values: [
      [""],
      ["\\N"],
      ["\\\\N"],
      ["NULL"],
      ['a"b,c;d'],
      ["tab\there\nnew\r\nline\b\f\v"],
      ["back\\slash\\n\\\\t\\"],
      ["żółć 🦆"],
      ["\u0001\u001f\u007f"],
      [" spaces "],
      ["#comment"],
      ["\\."],
    ],
  },
  { type: "varchar(5)", duckdb: "VARCHAR", values: [["ab   "], [""]] },
  { type: "char(5)", duckdb: "VARCHAR", values: [["ab   ", "ab"], ["", ""]] },
  { type: '"char"', duckdb: "VARCHAR", values: [["x"]] },
  { type: "name", duckdb: "VARCHAR", values: [["Some Name"]] },
  {
    type: "date",
    duckdb: "DATE",
    values: [
      ["2024-02-29"],
      ["0044-03-15 BC", "0044-03-15 (BC)"],
      ["4714-11-24 BC", "4714-11-24 (BC)"],
      ["5874897-12-31"],
      ["infinity"],
      ["-infinity"],
    ],
  },
  {
    type: "time",
    duckdb: "TIME",
    values: [["00:00:00"], ["24:00:00"], ["23:59:59.999999"]],
  },
  {
    type: "timetz",
    duckdb: "VARCHAR",
    values: [["04:05:06.000007+05:30"], ["24:00:00-15:59"]],
  },
  {
    type: "timestamp",
    duckdb: "TIMESTAMP",
    values: [
      ["2024-02-29 12:34:56.000001"],
      ["0044-03-15 10:00:00.5 BC", "0044-03-15 (BC) 10:00:00.5"],
      ["4714-11-24 00:00:00 BC", "4714-11-24 (BC) 00:00:00"],
      ["294246-12-31 23:59:59.999999"],
      ["infinity"],
      ["-infinity"],
    ],
  },
  {
    type: "timestamptz",
    duckdb: "TIMESTAMP WITH TIME ZONE",
    values: [
      ["2024-02-29 12:34:56.000001+02", "2024-02-29 10:34:56.000001+00"],
      ["0044-03-15 10:00:00+00 BC", "0044-03-15 (BC) 10:00:00+00"],
      ["99999-12-31 23:59:59.999999+00"],
      ["infinity"],
      ["-infinity"],
    ],
  },
  {
    type: "interval",
    duckdb: "VARCHAR",
    values: [
      ["1 year 2 mons 3 days 04:05:06.000007"],
      ["-1 years -2 mons +3 days -04:05:06"],
      ["178000000 years"],
      ["00:00:00.000001"],
    ],
  },
  { type: "uuid", duckdb: "UUID", values: [["ffffffff-ffff-4fff-bfff-ffffffffffff"]] },
  { type: "json", duckdb: "JSON", values: [['{"a":  "b\\n\\\\" , "a": [1,null]}'], ["null"]] },
  { type: "jsonb", duckdb: "JSON", values: [['{"a": "tab\\t", "n": 1.50}'], ["1e2", "100"]] },
  {
    type: "bytea",
    duckdb: "BLOB",
    values: [["\\x00ff5c0a41", "\\x00\\xFF\\x5C\\x0AA"], ["", ""]],
  },
  { type: "mood", duckdb: "VARCHAR", values: [["sad"], ["it's \\ odd"]] },
  { type: "money", duckdb: "VARCHAR", values: [["$1,234.56"], ["-$92,233,720,368,547,758.08"]] },
  { type: "positive", duckdb: "DECIMAL(6,3)", values: [["1.250"]] },
  { type: "inet", duckdb: "VARCHAR", values: [["192.168.0.1"], ["::1/64"]] },
  { type: "cidr", duckdb: "VARCHAR", values: [["10.0.0.0/8"]] },
  { type: "macaddr", duckdb: "VARCHAR", values: [["08:00:2b:01:02:03"]] },
  { type: "bit(3)", duckdb: "VARCHAR", values: [["101"]] },
  { type: "varbit", duckdb: "VARCHAR", values: [["10101"], [""]] },
  { type: "int4range", duckdb: "VARCHAR", values: [["[1,5)"], ["empty"], ["(,)"]] },
  { type: "tstzmultirange", duckdb: "VARCHAR", values: [["{}"]] },
  { type: "pair", duckdb: "VARCHAR", values: [['(1,"a, b")'], ["(,)"]] },
  { type: "point", duckdb: "VARCHAR", values: [["(1.5,-2)"]] },
  { type: "tsvector", duckdb: "VARCHAR", values: [["'a':1 'b'"]] },
  {
    type: "integer[]",
    duckdb: "INTEGER[]",
    values: [["{1,NULL,-3}", "[1, NULL, -3]"], ["{}", "[]"]],
  },
  {
    type: "text[]",
    duckdb: "VARCHAR[]",
    values: [['{a,"NULL",NULL,"x,\\"y\\\\",""}', `[a, 'NULL', NULL, 'x,"y\\\\', '']`]],
  },
  {
    type: "numeric(6,2)[]",
    duckdb: "DECIMAL(6,2)[]",
    values: [["{1.5,NULL}", "[1.50, NULL]"]],
  },
  { type: "numeric[]", duckdb: "DECIMAL(38,10)[]", values: [["{1.5}", "[1.5000000000]"]] },
  {
    type: "timestamptz[]",
    duckdb: "TIMESTAMP WITH TIME ZONE[]",
    values: [["{2024-01-01 00:00:00+00,NULL}", "['2024-01-01 00:00:00+00', NULL]"]],
  },
  { type: "date[]", duckdb: "DATE[]", values: [['{"0044-03-15 BC"}', "['0044-03-15 (BC)']"]] },
  { type: "bytea[]", duckdb: "BLOB[]", values: [['{"\\\\x00ff",NULL}', "[\\x00\\xFF, NULL]"]] },
  { type: "char(3)[]", duckdb: "VARCHAR[]", values: [["{a,NULL}", "[a, NULL]"]] },
  { type: "mood[]", duckdb: "VARCHAR[]", values: [["{sad}", "[sad]"]] },
  { type: "boolean[]", duckdb: "BOOLEAN[]", values: [["{t,f,NULL}", "[true, false, NULL]"]] },
  { type: "positive[]", duckdb: "DECIMAL(6,3)[]", values: [["{1}", "[1.000]"]] },
  { type: "xml", duckdb: "VARCHAR", values: [["<a>&amp;</a>"]] },
];

/** Types that this server was not built with. */
async function isThere(bench: SourceBench, type: string): Promise<boolean> {
  const probe = type === "xml" ? "SELECT '<a/>'::xml" : "SELECT 1";
  return await bench.sql(probe).then(() => true, () => false);
}

const TYPES = `
  CREATE TYPE mood AS ENUM ('sad', 'it''s \\ odd');
  CREATE DOMAIN exact AS numeric(6,3);
  CREATE DOMAIN positive AS exact CHECK (value > 0);
  CREATE TYPE pair AS (a int, b text);`;

let server: TestPostgres;
Deno.test.beforeAll(async () => {
  server = await TestPostgres.start();
});
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

Deno.test("reading PostgreSQL: every type comes over exactly, with its extremes and NULL", async (t) => {
  await using bench = await SourceBench.create(server, TYPES);
  for (const [i, { type, duckdb, values }] of CASES.entries()) {
    await t.step(type, async () => {
      if (!await isThere(bench, type)) return;
      const list = [...values.map(([literal]) => `(E'${escaped(literal)}'::${type})`), "(NULL)"];
      await bench.sql(
        `CREATE TABLE t${i} (n serial, v ${type}); INSERT INTO t${i} (v) VALUES ${list.join(", ")}`,
      );
      const { path, described } = await bench.read({ table: `t${i}` });
      assert.deepEqual(described.columns, [
        { name: "n", type: "INTEGER" },
        { name: "v", type: duckdb },
      ]);
      const texts = await bench.sql<{ v: string | null }>(
        `SELECT v::text AS v FROM t${i} ORDER BY n`,
      );
      const expected = texts.map(({ v }, k) => values[k]?.[1] ?? own(type, v));
      const shown = (await bench.texts(path, "n, v")).map(([, v]) => v);
      if (["real", "double precision"].includes(type)) {
        assert.deepEqual(shown.map(asNumber), expected.map(asNumber));
      } else assert.deepEqual(shown, expected);
      const { rows } = await bench.session.read(`DESCRIBE FROM read_parquet('${path}')`);
      assert.deepEqual(rows[1]?.[1], duckdb);
    });
  }
  assert.deepEqual(await bench.leftovers(), []);
});

/** `inet::text` shows a mask that the type's own text leaves out. */
function own(type: string, text: string | null): string | null {
  return type === "inet" ? text?.replace(/\/32$/, "") ?? null : text;
}

function asNumber(value: unknown): unknown {
  if (value === null) return null;
  const words: Record<string, number> = { inf: Infinity, "-inf": -Infinity, nan: NaN };
  return words[String(value)] ?? Number(value);
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("'", "''");
}

Deno.test("reading PostgreSQL: what has no exact place fails with the column, the value and the line to write", async (t) => {
  const cases: readonly [type: string, literal: string, shown: string][] = [
    ["numeric", "0.12345678901", "0.12345678901"],
    ["numeric", "NaN", "NaN"],
    ["numeric", "1e40", "10000000000000000000000000000000000000000"],
    ["numeric(50,2)", `${"9".repeat(40)}.00`, `${"9".repeat(40)}.00`],
    ["numeric(10,2)", "NaN", "NaN"],
    ["timestamp", "294276-12-31 23:59:59.999999", "294276-12-31 23:59:59.999999"],
    ["timestamptz", "294276-12-31 23:59:59+00", "294276-12-31 23:59:59+00"],
    ["integer[]", "{{1,2},{3,4}}", '[["1","2"],["3","4"]]'],
    ["numeric[]", "{1,0.12345678901}", '["1","0.12345678901"]'],
  ];
  for (const [type, literal, shown] of cases) {
    await t.step(`${type} ${literal}`, async () => {
      await using bench = await SourceBench.create(
        server,
        `CREATE TABLE t (id int, v ${type}); INSERT INTO t VALUES (1, NULL), (2, '${literal}')`,
      );
      const error = await bench.read({ table: "t" }).catch((error) => error);
      assert.ok(error instanceof UserError, String(error));
      assert.equal(error.code, "value_out_of_range");
      assert.match(error.message, /column "v" of public\.t/);
      assert.ok(error.message.includes(`value ${shown}`), error.message);
      assert.ok(error.hint?.endsWith("columns:\n  v: VARCHAR"), error.hint);
      assert.deepEqual(await bench.leftovers(), []);
      const { path } = await bench.read({ table: "t", columnTypes: { v: "VARCHAR" } });
      const [, found] = await bench.texts(path);
      assert.equal(
        found?.[1],
        (await bench.sql<{ v: string }>("SELECT v::text AS v FROM t"))[1]?.v,
      );
    });
  }
});

Deno.test("reading PostgreSQL: declared types are cast to from the exact value", async () => {
  await using bench = await SourceBench.create(
    server,
    `CREATE TABLE t (id int, n numeric, d numeric(10,2), a int[], s text, dt date);
     INSERT INTO t VALUES (7, 123456789012345678901234567890.5, 1.25, '{1,2}', '2024-01-02', '0044-03-15 BC')`,
  );
  const { path, described } = await bench.read({
    table: "t",
    columnTypes: { ID: "BIGINT", n: "DECIMAL(38,1)", d: "DOUBLE", a: "BIGINT[]", s: "DATE" },
  });
  assert.deepEqual(described.columns.map(({ type }) => type), [
    "BIGINT",
    "DECIMAL(38,1)",
    "DOUBLE",
    "BIGINT[]",
    "DATE",
    "DATE",
  ]);
  assert.deepEqual(await bench.texts(path), [
    ["7", "123456789012345678901234567890.5", "1.25", "[1, 2]", "2024-01-02", "0044-03-15 (BC)"],
  ]);
});

Deno.test("reading PostgreSQL: a first value with a byte order mark and the last moments keep every bit", async () => {
  await using bench = await SourceBench.create(
    server,
    `CREATE TABLE t (v text, z timestamptz);
     INSERT INTO t VALUES (U&'\\FEFFmark', '294246-12-31 23:59:59.999999+00'),
       ('x', '4714-11-24 00:00:00+00 BC')`,
  );
  const { path } = await bench.read({ table: "t" });
  assert.deepEqual(
    await bench.texts(path, "length(v) AS l, md5(v) AS m, epoch_us(z) AS us"),
    (await bench.sql<Record<string, string>>(
      "SELECT length(v)::text, md5(v), (extract(epoch FROM z) * 1000000)::bigint::text AS us FROM t",
    )).map((row) => Object.values(row)),
  );
});

Deno.test("reading PostgreSQL: a column alone, long lines and no rows at all", async () => {
  await using bench = await SourceBench.create(
    server,
    `CREATE TABLE one (v text); INSERT INTO one VALUES (''), (NULL), ('x'), ('');
     CREATE TABLE none (id int, v text);
     CREATE TABLE long (id int, v text, w text);
     INSERT INTO long SELECT i, repeat('a\\', i * 1000000), 'end' FROM generate_series(0, 6) i`,
  );
  const one = await bench.read({ table: "one" });
  assert.deepEqual(await bench.texts(one.path), [[""], [null], ["x"], [""]]);
  const none = await bench.read({ table: "none" });
  assert.equal(none.rows, 0);
  assert.deepEqual(await bench.texts(none.path), []);
  const long = await bench.read({ table: "long" });
  assert.deepEqual(
    await bench.texts(long.path, "id, length(v) AS l, md5(v) AS h, w"),
    (await bench.sql<Record<string, string>>(
      "SELECT id::text, length(v)::text AS l, md5(v) AS h, w FROM long ORDER BY id",
    )).map((row) => Object.values(row)),
  );
});
