import assert from "node:assert/strict";
import { TempProject } from "../support/project.ts";
import { TestPostgres } from "../support/postgres.ts";

/** A column that goes all the way round. */
interface Column {
  readonly name: string;
  /** Type in PostgreSQL. */
  readonly type: string;
  /** Values as PostgreSQL's literals; a NULL is added to each. */
  readonly values: readonly string[];
  /** Type that the source declares for it, where the usual one is not exact for every value. */
  readonly declared?: string;
  /** True where it comes back as its own type only if the materialization says so: it travels as text. */
  readonly asText?: boolean;
}

const COLUMNS: readonly Column[] = [
  { name: "small", type: "smallint", values: ["-32768", "32767", "0"] },
  { name: "int", type: "integer", values: ["-2147483648", "2147483647"] },
  { name: "big", type: "bigint", values: ["-9223372036854775808", "9223372036854775807"] },
  {
    name: "dec",
    type: "numeric(38, 10)",
    values: ["9999999999999999999999999999.9999999999", "-0.0000000001"],
  },
  {
    name: "num",
    type: "numeric",
    declared: "VARCHAR",
    asText: true,
    values: [
      "NaN",
      "Infinity",
      "-Infinity",
      "1e-300",
      "123456789012345678901234567890123456789.5",
      "0.10",
    ],
  },
  {
    name: "r4",
    type: "real",
    values: ["NaN", "Infinity", "-Infinity", "-0", "3.4028235e38", "1.1754944e-38"],
  },
  {
    name: "r8",
    type: "double precision",
    values: ["NaN", "Infinity", "-Infinity", "-0", "1.7976931348623157e308", "5e-324", "0.1"],
  },
  { name: "yes", type: "boolean", values: ["true", "false"] },
  {
    name: "txt",
    type: "text",
    values: [
      "",
      "NULL",
      "\\N",
      "\\\\",
      'a"b',
      "a,b",
      "tab\there",
      "line\nbreak",
      "cr\rlf\r\n",
      "😀 ünï",
      " spaces ",
    ],
  },
  { name: "vc", type: "varchar(20)", values: ["", "x  ", "NULL"] },
  {
    name: "d",
    type: "date",
    values: ["0001-01-01", "9999-12-31", "2024-02-29", "infinity", "-infinity", "0044-03-15 BC"],
  },
  { name: "t", type: "time", values: ["00:00:00", "23:59:59.999999", "24:00:00"] },
  {
    name: "ts",
    type: "timestamp",
    values: [
      "0001-01-01 00:00:00",
      "9999-12-31 23:59:59.999999",
      "2024-02-29 12:00:00.000001",
      "infinity",
      "-infinity",
    ],
  },
  {
    name: "tz",
    type: "timestamptz",
    values: [
      "0001-01-01 00:00:00+00",
      "9999-12-31 23:59:59.999999+00",
      "2024-03-31 02:30:00+01",
      "infinity",
      "-infinity",
    ],
  },
  {
    name: "iv",
    type: "interval",
    asText: true,
    values: [
      "1 year 2 mons 3 days 04:05:06.000007",
      "-1 mons +30 days",
      "178000000 years",
      "00:00:00.000001",
    ],
  },
  {
    name: "u",
    type: "uuid",
    values: ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
  },
  { name: "j", type: "json", values: ['{"a": 1,  "b" : [1, 2.50, null]}', "null", '"x"', "{}"] },
  {
    name: "jb",
    type: "jsonb",
    asText: true,
    values: ['{"a": 1, "b": [1, 2.50, null]}', "[]", "12345678901234567890.12"],
  },
  { name: "b", type: "bytea", values: ["\\x", "\\x00ff10", "\\xdeadbeef"] },
  { name: "ints", type: "integer[]", values: ["{}", "{1,NULL,-3}", "{2147483647}"] },
  {
    name: "texts",
    type: "text[]",
    values: ["{}", '{"a,b","c\\"d",NULL,"NULL",""}', '{"{x}","\\\\"}'],
  },
  { name: "mood", type: "mood", asText: true, values: ["sad", "so-so", "ha,ppy"] },
];

/** Rows so that every value of every column is in one, and a last row of NULLs. */
function rowsSql(): string[] {
  const count = Math.max(...COLUMNS.map(({ values }) => values.length));
  const literal = (text: string) => `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
  const rows = [...Array(count).keys()].map((i) =>
    `(${i}, ${
      COLUMNS.map(({ values, type }) => `${literal(values[i % values.length]!)}::${type}`).join(
        ", ",
      )
    })`
  );
  return [...rows, `(${count}, ${COLUMNS.map(() => "NULL").join(", ")})`];
}

/** Every value of a table as the server writes it. */
async function texts(postgres: TestPostgres, table: string): Promise<Record<string, unknown>[]> {
  const columns = COLUMNS.map(({ name, type }) =>
    `${
      type === "real"
        ? `float4send("${name}")`
        : type === "double precision"
        ? `float8send("${name}")`
        : `"${name}"`
    }::text AS "${name}"`
  );
  return await postgres.query(
    "types",
    `SELECT id, ${columns.join(", ")} FROM ${table} ORDER BY id`,
  );
}

Deno.test("every type goes from PostgreSQL through Parquet back to PostgreSQL, and by way of Iceberg, byte for byte", async () => {
  await using postgres = await TestPostgres.start();
  await postgres.createDatabase("types");
  const definitions = COLUMNS.map(({ name, type }) => `"${name}" ${type}`).join(", ");
  await postgres.query(
    "types",
    `SET TimeZone = 'UTC'; CREATE TYPE mood AS ENUM ('sad', 'so-so', 'ha,ppy'); CREATE SCHEMA raw;
     CREATE TABLE raw.torture (id int, ${definitions});
     INSERT INTO raw.torture VALUES ${rowsSql().join(",\n")}`,
  );
  using project = new TempProject();
  project.write("seeknal_project.yml", "name: types\n");
  const options = Object.entries(postgres.connection("types"))
    .map(([key, value]) => `    ${key}: ${value}\n`).join("");
  project.write(
    "profiles.yml",
    `connections:\n  db:\n    type: postgresql\n${options}  lake:\n    type: iceberg\n    warehouse: lake\n` +
      "source_defaults:\n  postgresql: { connection: db }\n",
  );
  const declared = COLUMNS.flatMap(({ name, declared }) =>
    declared === undefined ? [] : [`  ${name}: ${declared}\n`]
  ).join("");
  const columnTypes = COLUMNS.filter(({ asText }) => asText).map(({ name, type }) =>
    `${name}: ${type}`
  )
    .join(", ");
  const toPostgres = (table: string) =>
    `  - type: postgresql\n    connection: db\n    table: ${table}\n    column_types: { ${columnTypes} }\n`;
  project.write(
    "seeknal/torture.yml",
    `kind: source\nname: torture\nsource: postgresql\ntable: raw.torture\ncolumns:\n${declared}` +
      `materializations:\n${
        toPostgres("copies.direct")
      }  - type: iceberg\n    table: lake.copies.torture\n    mode: overwrite\n`,
  );
  const run = async () => {
    const { code, stdout, stderr } = await project.run("run");
    assert.equal(code, 0, `${stdout}${stderr}`);
  };
  await run();
  const original = await texts(postgres, "raw.torture");
  assert.deepEqual(await texts(postgres, "copies.direct"), original);
  project.write(
    "seeknal/back.yml",
    "kind: source\nname: back\nsource: iceberg\ntable: lake.copies.torture\n" +
      `materializations:\n${toPostgres("copies.by_iceberg")}`,
  );
  await run();
  assert.deepEqual(await texts(postgres, "copies.by_iceberg"), original);
});
