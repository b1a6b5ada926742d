import assert from "node:assert/strict";
import {
  type DataFile,
  type ManifestEntry,
  type ManifestFile,
  readManifest,
  readManifestList,
  writeManifest,
  writeManifestList,
} from "../../../src/iceberg/manifest.ts";
import { writeAvro } from "../../../src/iceberg/avro_file.ts";
import type { PartitionSpec, TableSchema } from "../../../src/iceberg/table_metadata.ts";

const SYNC = new Uint8Array(16);
const SCHEMA: TableSchema = {
  type: "struct",
  "schema-id": 3,
  fields: [{ id: 1, name: "id", required: false, type: "long" }],
};
const TYPES = [
  "string",
  "date",
  "decimal(9,2)",
  "uuid",
  "timestamptz",
  "decimal(9,2)",
  "boolean",
  "double",
  "binary",
  "int",
];
const SPEC: PartitionSpec = {
  "spec-id": 5,
  fields: TYPES.map((type, i) => ({
    "source-id": 1,
    "field-id": 1000 + i,
    name: i === 0 ? "a name-é" : `${i}_${type.slice(0, 3)}`,
    transform: "identity",
  })),
};
const PARTITION = [
  "x",
  17486,
  -1420n,
  Uint8Array.fromHex("f79c3e09677c4bbda4793f349cb785e7"),
  1n,
  0n,
  true,
  -0.5,
  Uint8Array.of(),
  7,
];

function file(partition: DataFile["partition"]): DataFile {
  return {
    content: "data",
    path: "s3://b/data/é.parquet",
    format: "PARQUET",
    partition,
    recordCount: 2 ** 40,
    sizeBytes: 2 ** 41,
    columnSizes: new Map([[1, 5]]),
    valueCounts: new Map([[1, 6]]),
    nullCounts: new Map([[1, 0]]),
    nanCounts: new Map(),
    lowerBounds: new Map([[1, Uint8Array.of(1)]]),
    upperBounds: new Map([[1, Uint8Array.of()]]),
    splitOffsets: [4, 2 ** 40],
    equalityIds: null,
    sortOrderId: 0,
    referencedDataFile: null,
  };
}

const LISTED: ManifestFile = {
  path: "s3://b/m.avro",
  sizeBytes: 100,
  specId: 5,
  content: "data",
  sequenceNumber: 9,
  minSequenceNumber: 2,
  snapshotId: 3405397333955361279n,
  addedFiles: 1,
  existingFiles: 2,
  deletedFiles: 3,
  addedRows: 4,
  existingRows: 5,
  deletedRows: 6,
  partitions: [{ containsNull: true, containsNan: null, lower: null, upper: Uint8Array.of(1) }],
};

Deno.test("readManifest gives back entries, and what they inherit from their manifest", () => {
  const entries: ManifestEntry[] = [
    {
      status: "added",
      snapshotId: null,
      sequenceNumber: null,
      fileSequenceNumber: null,
      file: file(PARTITION),
    },
    {
      status: "existing",
      snapshotId: 1n,
      sequenceNumber: 2,
      fileSequenceNumber: 1,
      file: file(TYPES.map(() => null)),
    },
    {
      status: "deleted",
      snapshotId: 2n,
      sequenceNumber: 3,
      fileSequenceNumber: 3,
      file: {
        ...file(PARTITION),
        content: "equality_deletes",
        equalityIds: [1],
        referencedDataFile: "s3://b/x",
      },
    },
  ];
  const data = writeManifest(
    { schema: SCHEMA, spec: SPEC, partitionTypes: TYPES, content: "data" },
    entries,
    SYNC,
  );
  assert.deepEqual(readManifest(data, LISTED, TYPES, SPEC), [
    { ...entries[0], snapshotId: LISTED.snapshotId, sequenceNumber: 9, fileSequenceNumber: 9 },
    entries[1],
    entries[2],
  ]);
});

Deno.test("readManifestList gives back manifests with 63-bit snapshot ids", () => {
  const data = writeManifestList([LISTED, { ...LISTED, content: "deletes", partitions: [] }], {
    id: 1n,
    parent: null,
    sequence: 9,
  }, SYNC);
  assert.deepEqual(readManifestList(data, "list"), [LISTED, {
    ...LISTED,
    content: "deletes",
    partitions: [],
  }]);
});

Deno.test("readManifest and readManifestList read format version 1, which has no sequence numbers", () => {
  const entry = {
    type: "record",
    name: "manifest_entry",
    fields: [
      { name: "status", type: "int", "field-id": 0 },
      { name: "snapshot_id", type: "long", "field-id": 1 },
      {
        name: "data_file",
        "field-id": 2,
        type: {
          type: "record",
          name: "r2",
          fields: [
            { name: "file_path", type: "string", "field-id": 100 },
            { name: "file_format", type: "string", "field-id": 101 },
            {
              name: "partition",
              "field-id": 102,
              type: { type: "record", name: "r102", fields: [] },
            },
            { name: "record_count", type: "long", "field-id": 103 },
            { name: "file_size_in_bytes", type: "long", "field-id": 104 },
            { name: "block_size_in_bytes", type: "long", "field-id": 105 },
          ],
        },
      },
    ],
  } as const;
  const row = {
    status: 1,
    snapshot_id: 8n,
    data_file: {
      file_path: "a",
      file_format: "parquet",
      partition: {},
      record_count: 3n,
      file_size_in_bytes: 4n,
      block_size_in_bytes: 5n,
    },
  };
  const data = writeAvro(entry, [row], { "format-version": "1" }, SYNC);
  const [read] = readManifest(data, LISTED, [], { "spec-id": 0, fields: [] });
  assert.equal(read?.sequenceNumber, 0);
  assert.equal(read?.snapshotId, 8n);
  assert.deepEqual([read?.file.content, read?.file.format, read?.file.recordCount], [
    "data",
    "PARQUET",
    3,
  ]);
  const list = {
    type: "record",
    name: "manifest_file",
    fields: [
      { name: "manifest_path", type: "string", "field-id": 500 },
      { name: "manifest_length", type: "long", "field-id": 501 },
      { name: "partition_spec_id", type: "int", "field-id": 502 },
      { name: "added_snapshot_id", type: ["null", "long"], "field-id": 503 },
      { name: "added_data_files_count", type: ["null", "int"] },
    ],
  } as const;
  const listRow = {
    manifest_path: "m",
    manifest_length: 1n,
    partition_spec_id: 0,
    added_snapshot_id: 4n,
    added_data_files_count: 2,
  };
  const [manifest] = readManifestList(writeAvro(list, [listRow], {}, SYNC), "l");
  assert.deepEqual(
    [manifest?.content, manifest?.sequenceNumber, manifest?.snapshotId, manifest?.addedFiles],
    ["data", 0, 4n, 2],
  );
});
