import assert from "node:assert/strict";
import { JobExecutor } from "../../../src/exec/execute_job.ts";
import { openSession } from "../../../src/engine/registry.ts";
import type { NodeId } from "../../../src/model/ids.ts";
import { storedType } from "../../../src/sql/stored_type.ts";
import { TestBinder } from "../../support/binding.ts";
import { TempDir } from "../../support/temp_dir.ts";

const TYPES: readonly [type: string, stored: string | null][] = [
  ["INTEGER", "INTEGER"],
  ["HUGEINT", "DECIMAL(38,0)"],
  ["UHUGEINT", "DECIMAL(38,0)"],
  ["HUGEINT[]", "DECIMAL(38,0)[]"],
  ["INTEGER[3]", "INTEGER[]"],
  ["STRUCT(a HUGEINT, b INTEGER[2])", "STRUCT(a DECIMAL(38,0), b INTEGER[])"],
  ['STRUCT("HUGEINT" BIT)', 'STRUCT("HUGEINT" VARCHAR)'],
  ['STRUCT("a""BIT" BIT)', 'STRUCT("a""BIT" VARCHAR)'],
  ["STRUCT(\"ENUM('x')\" BIT)", "STRUCT(\"ENUM('x')\" VARCHAR)"],
  ["ENUM('a', 'it''s', 'HUGEINT')", "VARCHAR"],
  ["MAP(VARCHAR, ENUM('x)')[])", "MAP(VARCHAR, VARCHAR[])"],
  ["TIMESTAMP_S", "TIMESTAMP"],
  ["TIMESTAMP_MS", "TIMESTAMP"],
  ["TIMESTAMP_NS", "TIMESTAMP_NS"],
  ["TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE"],
  ["UNION(a INTEGER, b VARCHAR)", null],
  ["STRUCT(u UNION(a INTEGER))[]", null],
  ["STRUCT(TIMESTAMP_S INTEGER, x BIT)", "STRUCT(TIMESTAMP_S INTEGER, x VARCHAR)"],
  ["STRUCT(HUGEINT HUGEINT)", "STRUCT(HUGEINT DECIMAL(38,0))"],
  ["STRUCT(VARIANT INTEGER)", "STRUCT(VARIANT INTEGER)"],
  ["ENUM('UNION(', 'VARIANT')", "VARCHAR"],
];

for (const [type, stored] of TYPES) {
  Deno.test(`storedType() stores ${type} as ${stored ?? "nothing"}`, () => {
    assert.equal(storedType(type), stored);
  });
}

/** Expressions of every type a query may return. */
const EXPRESSIONS: Readonly<Record<string, string>> = {
  bool: "true",
  tiny: "1::TINYINT",
  small: "1::SMALLINT",
  int: "1",
  big: "1::BIGINT",
  utiny: "1::UTINYINT",
  ubig: "18446744073709551615::UBIGINT",
  huge: "99999999999999999999999999999999999999::HUGEINT",
  negative: "-99999999999999999999999999999999999999::HUGEINT",
  uhuge: "99999999999999999999999999999999999999::UHUGEINT",
  real: "1.5::REAL",
  double: "1.5::DOUBLE",
  dec: "123.456::DECIMAL(18,3)",
  text: "'x'",
  blob: "'x'::BLOB",
  bits: "'0101'::BIT",
  date: "DATE '2026-01-02'",
  time: "TIME '01:02:03.000004'",
  timetz: "'01:02:03+00'::TIMETZ",
  ts: "TIMESTAMP '2026-01-02 03:04:05.000006'",
  ts_s: "'2026-01-02 03:04:05'::TIMESTAMP_S",
  ts_ms: "'2026-01-02 03:04:05.006'::TIMESTAMP_MS",
  ts_ns: "'2026-01-02 03:04:05.000000006'::TIMESTAMP_NS",
  tstz: "'2026-01-02 03:04:05+00'::TIMESTAMPTZ",
  span: "INTERVAL 1 MONTH",
  uuid: "'6f9619ff-8b86-d011-b42d-00c04fc964ff'::UUID",
  color: "'red'::ENUM('red', 'it''s')",
  list: "[1, 2]",
  hugelist: "[1::HUGEINT]",
  fixed: "[1, 2]::INTEGER[2]",
  struct: "{'a': 1::HUGEINT, 'BIT': '01'::BIT, 'enum': 1}",
  deep: "[{'a': [1, 2]::INTEGER[2], 'c': 'red'::ENUM('red')}]",
  map: "MAP {'a': 1::HUGEINT}",
  json: "'{\"a\": 1}'::JSON",
  none: "NULL",
};

Deno.test("a column of every type has, after a real Parquet file, the type the binder planned", async () => {
  using dir = new TempDir();
  await using binder = await TestBinder.open();
  const list = Object.entries(EXPRESSIONS).map(([name, sql]) => `${sql} AS "${name}"`).join(", ");
  const { shape } = await binder.bind(`SELECT ${list}`);
  await using executor = new JobExecutor({ threads: 1, memoryLimitBytes: 2 ** 28 });
  const result = await executor.execute({
    type: "query",
    id: "transform.t" as NodeId,
    objectsDir: dir.path,
    temporaryDir: dir.path,
    timeoutMs: null,
    watched: [],
    sql: `SELECT ${list}`,
    inputs: [],
    readable: [],
    columns: shape.columns,
    checkColumns: false,
  });
  assert.equal(result.status, "success", JSON.stringify(result));
  const { contentHash } = (result as { output: { contentHash: string } }).output;
  await using session = await openSession({ threads: 1, allowedDirs: [dir.path] });
  const table = await session.read(`FROM read_parquet('${dir.join(`${contentHash}.parquet`)}')`);
  assert.deepEqual(
    (await session.read(`DESCRIBE FROM read_parquet('${dir.join(`${contentHash}.parquet`)}')`)).rows
      .map(([name, type]) => `${name} ${type}`),
    shape.columns.map(({ name, type }) => `${name} ${type}`),
  );
  const row = Object.fromEntries(table.columns.map(({ name }, i) => [name, table.rows[0]![i]]));
  assert.equal(row["huge"], "99999999999999999999999999999999999999");
  assert.equal(row["negative"], "-99999999999999999999999999999999999999");
  assert.equal(row["uhuge"], "99999999999999999999999999999999999999");
  assert.equal(row["color"], "red");
  assert.deepEqual(row["fixed"], [1, 2]);
});
