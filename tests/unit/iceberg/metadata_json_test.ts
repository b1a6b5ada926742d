import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { parseExactJson, stringifyExactJson } from "../../../src/iceberg/exact_json.ts";
import {
  parseMetadata,
  parseMetadataFile,
  serializeMetadata,
} from "../../../src/iceberg/metadata_json.ts";

const V1 = `{
  "format-version": 1, "table-uuid": "d20125c8-7284-442c-9aea-15fee620737c",
  "location": "s3://bucket/test/location", "last-updated-ms": 1602638573874, "last-column-id": 3,
  "schema": {"type": "struct", "fields": [
    {"id": 1, "name": "x", "required": true, "type": "long"},
    {"id": 2, "name": "y", "required": true, "type": "long", "doc": "comment"}]},
  "partition-spec": [{"name": "x", "transform": "identity", "source-id": 1}],
  "properties": {}, "current-snapshot-id": 3055729675574597004,
  "snapshots": [{"snapshot-id": 3055729675574597004, "timestamp-ms": 1515100955770,
    "manifest-list": "s3://a/b/1.avro"}],
  "unheard-of": {"big": 92233720368547758070, "keep": [1.5, null]}
}`;

Deno.test("parseExactJson keeps every digit of ids and of whole numbers beyond doubles", () => {
  const text =
    '{"snapshot-id":3405397333955361279,"snapshot-ids":[1,9007199254740993],"n":9007199254740993,"f":1.5,"timestamp-ms":1}';
  const value = parseExactJson(text);
  assert.deepEqual(value, {
    "snapshot-id": 3405397333955361279n,
    "snapshot-ids": [1n, 9007199254740993n],
    n: 9007199254740993n,
    f: 1.5,
    "timestamp-ms": 1,
  });
  assert.equal(stringifyExactJson(value), text);
});

Deno.test("parseMetadata reads version 1 in the shape of version 2", () => {
  const metadata = parseMetadata(V1, "here");
  assert.equal(metadata["format-version"], 1);
  assert.equal(metadata["current-schema-id"], 0);
  assert.deepEqual(metadata.schemas.map((schema) => schema["schema-id"]), [0]);
  assert.deepEqual(metadata["partition-specs"], [{
    "spec-id": 0,
    fields: [{ name: "x", transform: "identity", "source-id": 1, "field-id": 1000 }],
  }]);
  assert.equal(metadata["last-partition-id"], 1000);
  assert.deepEqual(metadata["sort-orders"], [{ "order-id": 0, fields: [] }]);
  assert.equal(metadata["last-sequence-number"], 0);
  assert.equal(metadata.snapshots[0]?.["sequence-number"], 0);
  assert.equal(metadata["current-snapshot-id"], 3055729675574597004n);
  assert.deepEqual(metadata.refs, {
    main: { "snapshot-id": 3055729675574597004n, type: "branch" },
  });
});

Deno.test("serializeMetadata writes version 1 with what version 1 demands, and fields it does not know", () => {
  const text = serializeMetadata(parseMetadata(V1, "here"));
  const written = parseExactJson(text) as Record<string, unknown>;
  const original = parseExactJson(V1) as Record<string, unknown>;
  assert.deepEqual(
    (written.schema as { fields: unknown }).fields,
    (original.schema as { fields: unknown }).fields,
  );
  assert.deepEqual(written["partition-spec"], [
    { name: "x", transform: "identity", "source-id": 1, "field-id": 1000 },
  ]);
  assert.deepEqual(written["unheard-of"], original["unheard-of"]);
  assert.equal("last-sequence-number" in written, false);
  assert.equal("sequence-number" in (written.snapshots as object[])[0]!, false);
  assert.deepEqual(parseMetadata(text, "here"), parseMetadata(V1, "here"));
});

Deno.test("serializeMetadata says -1 where a table of version 2 has no snapshot, null in version 3", () => {
  const empty = V1.replace('3055729675574597004,\n  "snapshots"', '-1, "snapshots"');
  for (const [version, expected] of [[2, -1n], [3, null]] as const) {
    const metadata = parseMetadata(
      empty.replace('"format-version": 1', `"format-version": ${version}`),
      "here",
    );
    assert.equal(metadata["current-snapshot-id"], null);
    assert.deepEqual(metadata.refs, {});
    const written = parseExactJson(serializeMetadata(metadata)) as Record<string, unknown>;
    assert.equal(written["current-snapshot-id"], expected);
  }
});

Deno.test("parseMetadataFile unpacks gzip", () => {
  assert.deepEqual(parseMetadataFile(gzipSync(V1), "here"), parseMetadata(V1, "here"));
});

Deno.test("parseMetadata names the file and what is wrong with it", () => {
  const cases: [string, RegExp][] = [
    ["{", /s3:\/\/x\/m\.json: it is not JSON/],
    ["[]", /it is not an object/],
    [V1.replace('"location"', '"loc"'), /"location" is missing/],
    [V1.replace('"schema"', '"sch"'), /it has no schema/],
    [
      V1.replace('"manifest-list"', '"manifests"'),
      /snapshot 3055729675574597004 lists its manifests/,
    ],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parseMetadata(text, "s3://x/m.json"), {
      code: "iceberg_metadata_invalid",
      message,
    });
  }
  assert.throws(
    () => parseMetadata(V1.replace('"format-version": 1', '"format-version": 9'), "x"),
    {
      code: "iceberg_version_unsupported",
    },
  );
});
