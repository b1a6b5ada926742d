import assert from "node:assert/strict";
import {
  type AvroSchema,
  type AvroValue,
  readAvro,
  writeAvro,
} from "../../../src/iceberg/avro_file.ts";

const SYNC = new Uint8Array(16).fill(7);
const text = new TextEncoder();

const SCHEMA: AvroSchema = {
  type: "record",
  name: "r",
  fields: [
    { name: "b", type: "boolean", "field-id": 1 },
    { name: "i", type: "int" },
    { name: "l", type: ["null", "long"], default: null },
    { name: "f", type: "float" },
    { name: "d", type: "double" },
    { name: "s", type: "string" },
    { name: "y", type: "bytes" },
    { name: "x", type: { type: "fixed", name: "four", size: 4 } },
    { name: "x2", type: ["null", "four"] },
    { name: "a", type: { type: "array", items: ["null", "string"] } },
    {
      name: "n",
      type: {
        type: "array",
        logicalType: "map",
        items: {
          type: "record",
          name: "kv",
          fields: [{ name: "key", type: "int" }, { name: "value", type: "long" }],
        },
      },
    },
  ],
};

function record(l: bigint | null): AvroValue {
  return {
    b: true,
    i: -2147483648,
    l,
    f: 1.5,
    d: -0.1,
    s: "ü𝄞",
    y: Uint8Array.of(0, 255),
    x: Uint8Array.of(1, 2, 3, 4),
    x2: l === null ? null : Uint8Array.of(4, 3, 2, 1),
    a: ["one", null, ""],
    n: [{ key: 1, value: 2n }],
  };
}

Deno.test("readAvro gives back what writeAvro wrote, with its metadata and the schema's own attributes", () => {
  const numbers = [
    0n,
    -1n,
    1n,
    63n,
    64n,
    -64n,
    -65n,
    2n ** 31n,
    -(2n ** 31n),
    2n ** 63n - 1n,
    -(2n ** 63n),
  ];
  const records = [...numbers.map(record), record(null)];
  const file = readAvro(writeAvro(SCHEMA, records, { owner: "seeknal" }, SYNC), "f.avro");
  assert.deepEqual(file.records, records);
  assert.deepEqual(file.schema, SCHEMA);
  assert.equal(file.metadata["owner"], "seeknal");
  assert.deepEqual(readAvro(writeAvro(SCHEMA, [], {}, SYNC), "empty.avro").records, []);
});

/** A file put together by hand, as other writers do: blocks of arrays with their sizes, enums, maps, several blocks. */
Deno.test("readAvro reads enums, maps, sized blocks, several blocks and the codec null", () => {
  const schema = JSON.stringify({
    type: "record",
    name: "r",
    namespace: "n.s",
    fields: [
      { name: "e", type: { type: "enum", name: "color", symbols: ["red", "green"] } },
      { name: "m", type: { type: "map", values: "int" } },
      { name: "a", type: { type: "array", items: "int" } },
      { name: "again", type: "n.s.color" },
    ],
  });
  const string = (value: string) => [value.length * 2, ...text.encode(value)];
  const longString = (
    value: string,
  ) => [(value.length * 2) & 0x7f | 0x80, (value.length * 2) >> 7, ...text.encode(value)];
  const row = (e: number) => [
    e * 2,
    ...[2, ...string("k"), 10, 0],
    // A negative count is followed by the block's size.
    ...[3, 4, 2, 4, 0],
    0,
  ];
  const block = (...rows: number[][]) => {
    const bytes = rows.flat();
    return [rows.length * 2, bytes.length * 2, ...bytes, ...SYNC];
  };
  const data = Uint8Array.from([
    ...text.encode("Obj"),
    1,
    2,
    ...string("avro.schema"),
    ...longString(schema),
    0,
    ...SYNC,
    ...block(row(1), row(0)),
    ...block(row(1)),
  ]);
  const expected = (e: string) => ({ e, m: { k: 5 }, a: [1, 2], again: "red" });
  assert.deepEqual(readAvro(data, "x").records, ["green", "red", "green"].map(expected));
});

Deno.test("readAvro names a damaged file and what is wrong with it", () => {
  const whole = writeAvro(SCHEMA, [record(1n)], {}, SYNC);
  const damaged = (change: (bytes: Uint8Array) => Uint8Array) => () =>
    readAvro(change(whole.slice()), "s3://b/f.avro");
  assert.throws(
    damaged((bytes) => bytes.fill(0, 0, 4)),
    /Cannot read s3:\/\/b\/f\.avro: it has no Avro header/,
  );
  assert.throws(damaged((bytes) => bytes.slice(0, -20)), /it ends in the middle/);
  assert.throws(
    damaged((bytes) => bytes.fill(9, bytes.length - 16)),
    /a block does not end where it says/,
  );
  assert.throws(damaged(() => Uint8Array.of()), /Cannot read/);
});
