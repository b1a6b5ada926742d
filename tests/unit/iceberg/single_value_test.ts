import assert from "node:assert/strict";
import {
  boundOf,
  decimalBytes,
  decodeValue,
  encodeValue,
  parseValue,
  type PrimitiveValue,
} from "../../../src/iceberg/single_value.ts";

const hex = (bytes: Uint8Array | null) => bytes === null ? null : bytes.toHex();

/** Type, value, bytes as the specification's appendix D has them. */
const CASES: readonly (readonly [string, PrimitiveValue, string])[] = [
  ["boolean", true, "01"],
  ["boolean", false, "00"],
  ["int", 34, "22000000"],
  ["int", -1, "ffffffff"],
  ["long", 34n, "2200000000000000"],
  ["long", -(2n ** 63n), "0000000000000080"],
  ["float", 1.5, "0000c03f"],
  ["double", -1.5, "000000000000f8bf"],
  ["date", 17486, "4e440000"],
  ["time", 81068000000n, "008307e012000000"],
  ["timestamp", 1510871468000000n, "00c3262d215e0500"],
  ["string", "iceberg", "69636562657267"],
  [
    "uuid",
    Uint8Array.fromHex("f79c3e09677c4bbda4793f349cb785e7"),
    "f79c3e09677c4bbda4793f349cb785e7",
  ],
  ["decimal(9,2)", 1420n, "058c"],
  ["decimal(9,2)", -1n, "ff"],
  ["decimal(9,2)", 128n, "0080"],
  ["decimal(9,2)", 0n, "00"],
  ["binary", Uint8Array.of(0, 255), "00ff"],
];

Deno.test("encodeValue writes single values as the specification says, decodeValue reads them back", () => {
  for (const [type, value, bytes] of CASES) {
    const encoded = encodeValue(type, value);
    if (type !== "time" && type !== "timestamp") {
      assert.equal(hex(encoded), bytes, `${type} ${value}`);
    }
    assert.equal(encoded.length, bytes.length / 2);
    assert.deepEqual(decodeValue(type, encoded), value, `${type} ${value}`);
  }
});

Deno.test("decodeValue reads bounds that were written before a column was widened", () => {
  assert.equal(decodeValue("long", encodeValue("int", -5)), -5n);
  assert.equal(decodeValue("double", encodeValue("float", 0.5)), 0.5);
});

Deno.test("boundOf cuts long texts so that they stay bounds, and gives none where none can be", () => {
  const bound = (value: PrimitiveValue, side: "lower" | "upper", type = "string") => {
    const bytes = boundOf(type, value, side);
    return bytes === null || type !== "string" ? hex(bytes) : new TextDecoder().decode(bytes);
  };
  assert.equal(bound("a".repeat(20), "lower"), "a".repeat(16));
  assert.equal(bound("a".repeat(20), "upper"), `${"a".repeat(15)}b`);
  assert.equal(bound("a".repeat(16), "upper"), "a".repeat(16));
  assert.equal(bound("𝄞".repeat(17), "lower"), "𝄞".repeat(16));
  assert.equal(bound("\ud7ff".repeat(17), "upper"), `${"\ud7ff".repeat(15)}\ue000`);
  assert.equal(bound(`${"a".repeat(14)}\u{10ffff}\u{10ffff}z`, "upper"), `${"a".repeat(13)}b`);
  assert.equal(bound("\u{10ffff}".repeat(17), "upper"), null);
  assert.equal(bound(new Uint8Array(20).fill(255), "upper", "binary"), null);
  assert.equal(
    bound(Uint8Array.from([...new Array(15).fill(1), 255, 0]), "upper", "binary"),
    `${"01".repeat(14)}02`,
  );
  assert.equal(bound(0, "lower", "double"), "0000000000000080");
  assert.equal(bound(-0, "upper", "double"), "0000000000000000");
});

Deno.test("parseValue reads what DuckDB's statistics show, and nothing that it cannot hold", () => {
  const cases: readonly (readonly [string, string, PrimitiveValue | null])[] = [
    ["boolean", "1", true],
    ["int", "-5", -5],
    ["long", "9223372036854775807", 9223372036854775807n],
    ["double", "1e300", 1e300],
    ["double", "inf", Infinity],
    ["double", "nan", null],
    ["decimal(10,2)", "-1.50", -150n],
    ["decimal(10,2)", ".05", 5n],
    [
      "decimal(38,0)",
      "12345678901234567890123456789012345678",
      12345678901234567890123456789012345678n,
    ],
    ["date", "1970-01-02", 1],
    ["date", "1969-12-31", -1],
    ["date", "0001-01-01", -719162],
    ["date", "290000-01-01", 105200797],
    ["date", "0044-03-15 (BC)", null],
    ["date", "infinity", null],
    ["time", "24:00:00", 86_400_000_000n],
    ["time", "03:04:05.5", 11_045_500_000n],
    ["timestamp", "1969-12-31 23:59:59.999999", -1n],
    ["timestamptz", "1970-01-01 00:00:01+00", 1_000_000n],
    ["timestamptz", "infinity", null],
    ["string", "24:00", "24:00"],
    ["binary", "AA00", Uint8Array.of(0xaa, 0)],
  ];
  for (const [type, shown, value] of cases) {
    assert.deepEqual(parseValue(type, shown), value, `${type} ${shown}`);
  }
});

Deno.test("decimalBytes is the least width for a precision", () => {
  assert.deepEqual([1, 2, 3, 9, 10, 18, 19, 38].map(decimalBytes), [1, 1, 2, 4, 5, 8, 9, 16]);
});
