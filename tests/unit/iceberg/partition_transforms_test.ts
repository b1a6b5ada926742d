import assert from "node:assert/strict";
import { openSession } from "../../../src/engine/registry.ts";
import {
  BUCKET_MACROS,
  readShown,
  shownSql,
  transformSql,
} from "../../../src/iceberg/partition_sql.ts";
import {
  hashValue,
  parsePartitionExpression,
  parseTransform,
  partitionSpecFor,
  transformResult,
  transformValue,
} from "../../../src/iceberg/partition_transforms.ts";
import { parseValue, type PrimitiveValue } from "../../../src/iceberg/single_value.ts";

const text = new TextEncoder();

/** Specification, appendix B: "32-bit hash requirements". */
const HASHES: readonly (readonly [string, PrimitiveValue, number])[] = [
  ["int", 34, 2017239379],
  ["long", 34n, 2017239379],
  ["int", 1, 1392991556],
  ["decimal(9,2)", 1420n, -500754589],
  ["date", 17486, -653330422],
  ["time", 81068000000n, -662762989],
  ["timestamp", 1510871468000000n, -2047944441],
  ["timestamp", 1510871468000001n, -1207196810],
  ["timestamptz", 1510871468000000n, -2047944441],
  ["string", "iceberg", 1210000089],
  ["binary", Uint8Array.of(0, 1, 2, 3), -188683207],
  ["fixed[4]", Uint8Array.of(0, 1, 2, 3), -188683207],
];

Deno.test("hashValue gives the hashes of the specification's appendix B", () => {
  for (const [type, value, hash] of HASHES) assert.equal(hashValue(type, value), hash, type);
  const uuid = parseValue("uuid", "f79c3e09-677c-4bbd-a479-3f349cb785e7");
  assert.equal(hashValue("uuid", uuid ?? ""), 1488055340);
  assert.equal(hashValue("string", text.encode("iceberg")), 1210000089);
});

Deno.test("parsePartitionExpression reads columns and transforms, in either order of arguments", () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ["region", "region identity region"],
    ["day(ts)", "ts day ts_day"],
    ["days(ts)", "ts day ts_day"],
    ["bucket(16, id)", "id bucket[16] id_bucket"],
    ["bucket(id, 16)", "id bucket[16] id_bucket"],
    ['truncate(4, "a name")', "a name truncate[4] a name_trunc"],
    ['"a name"', "a name identity a name"],
    ["hour( ts )", "ts hour ts_hour"],
    ["bucket(id)", null],
    ["bucket(0, id)", null],
    ["week(ts)", null],
    ["day(3, ts)", null],
    ["void(ts)", null],
    ["", null],
  ];
  for (const [written, expected] of cases) {
    const parsed = parsePartitionExpression(written);
    const shown = parsed === null ? null : `${parsed.column} ${parsed.transform} ${parsed.name}`;
    assert.equal(shown, expected, written);
  }
});

Deno.test("partitionSpecFor refuses a transform that the column's type has not", () => {
  const schema = {
    type: "struct" as const,
    fields: [
      { id: 1, name: "name", required: false, type: "string" },
      { id: 2, name: "d", required: false, type: "date" },
    ],
  };
  assert.throws(() => partitionSpecFor(["day(name)"], schema, 0), /cannot be made of string/);
  assert.throws(() => partitionSpecFor(["hour(d)"], schema, 0), /cannot be made of date/);
  assert.throws(() => partitionSpecFor(["day(x)"], schema, 0), /not there/);
  assert.deepEqual(partitionSpecFor(["month(d)", "name"], schema, 3, 1004), {
    "spec-id": 3,
    fields: [
      { "source-id": 2, "field-id": 1005, name: "d_month", transform: "month" },
      { "source-id": 1, "field-id": 1006, name: "name", transform: "identity" },
    ],
  });
});

/** Values as DuckDB literals with the Iceberg type they are of. */
const VALUES: readonly (readonly [string, readonly string[]])[] = [
  ["int", ["34", "0", "-1", "2147483647", "-2147483640", "7"].map((v) => `(${v})::INTEGER`)],
  [
    "long",
    ["34", "-1", "9223372036854775807", "-9223372036854775800"].map((v) => `(${v})::BIGINT`),
  ],
  [
    "decimal(9,2)",
    ["14.20", "-14.20", "0", "-0.01", "1.28", "-1.28", "2.55", "9999999.99"]
      .map((v) => `(${v})::DECIMAL(9,2)`),
  ],
  [
    "decimal(38,0)",
    [
      "99999999999999999999999999999999999999",
      "-99999999999999999999999999999999999990",
      "128",
      "-129",
    ]
      .map((v) => `(${v})::DECIMAL(38,0)`),
  ],
  [
    "decimal(38,38)",
    ["0.99999999999999999999999999999999999999", "0.00000000000000000000000000000000000128"]
      .map((v) => `'${v}'::DECIMAL(38,38)`),
  ],
  [
    "date",
    ["2017-11-16", "1969-12-31", "1970-01-01", "0001-01-01", "9999-12-31"].map((v) =>
      `DATE '${v}'`
    ),
  ],
  ["time", ["22:31:08", "00:00:00", "23:59:59.999999"].map((v) => `TIME '${v}'`)],
  [
    "timestamp",
    [
      "2017-11-16 22:31:08",
      "2017-11-16 22:31:08.000001",
      "1969-12-31 23:59:59.999999",
      "1969-01-01 00:30:00",
    ]
      .map((v) => `TIMESTAMP '${v}'`),
  ],
  [
    "timestamptz",
    ["2017-11-16 14:31:08-08", "1969-12-31 23:00:00+00"].map((v) => `TIMESTAMPTZ '${v}'`),
  ],
  ["string", ["iceberg", "", "a", "ab", "abc", "abcd", "äöü𝄞x", "a\nb"].map((v) => `'${v}'`)],
  ["uuid", ["UUID 'f79c3e09-677c-4bbd-a479-3f349cb785e7'"]],
  ["binary", ["'\\x00\\x01\\x02\\x03'::BLOB", "''::BLOB", "'\\xFF\\xFE\\xFD\\xFC\\xFB'::BLOB"]],
];
const TRANSFORMS = [
  "identity",
  "year",
  "month",
  "day",
  "hour",
  "void",
  "bucket[16]",
  "bucket[2147483647]",
  "truncate[3]",
  "truncate[10]",
];

Deno.test("transformSql and transformValue give the same partition for every value", async () => {
  await using session = await openSession({ allowedDirs: [], threads: 1 });
  await session.run(BUCKET_MACROS);
  let compared = 0;
  for (const [type, literals] of VALUES) {
    for (const written of TRANSFORMS) {
      const transform = parseTransform(written);
      assert.ok(transform);
      const schema = {
        type: "struct" as const,
        fields: [{ id: 1, name: "v", required: false, type }],
      };
      const call = written.replace(/\[(\d+)\]/, "($1, v)");
      const expression = call === written ? (written === "identity" ? "v" : `${written}(v)`) : call;
      if (written !== "void") {
        try {
          partitionSpecFor([expression], schema, 0);
        } catch {
          continue; // not for this type
        }
      }
      const result = transformResult(transform, type);
      const sql = transformSql(transform, "v", type);
      for (const literal of [...literals, "NULL"]) {
        const cast = literal === "NULL" ? literals[0] : literal;
        const from = `(SELECT CASE WHEN ${literal === "NULL"} THEN NULL ELSE ${cast} END AS v)`;
        const { rows } = await session.read(
          `SELECT ${shownSql(sql, result)}, ${shownSql("v", type)} FROM ${from}`,
        );
        const [shown, value] = rows[0] ?? [];
        const expected = transformValue(
          transform,
          type,
          value === null ? null : readShown(type, String(value)),
        );
        const actual = shown === null ? null : readShown(result, String(shown));
        assert.deepEqual(actual, expected, `${written} of ${literal}`);
        compared++;
      }
    }
  }
  assert.ok(compared > 200, String(compared));
});
