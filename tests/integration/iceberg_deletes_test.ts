import assert from "node:assert/strict";
import {
  type DataFile,
  type FileContent,
  writeManifest,
  writeManifestList,
} from "../../src/iceberg/manifest.ts";
import { planScan } from "../../src/iceberg/scan.ts";
import {
  currentSchema,
  currentSnapshot,
  partitionTypes,
  readManifests,
  specById,
} from "../../src/iceberg/table_files.ts";
import { clickhouse } from "../support/clickhouse.ts";
import { IcebergLab } from "../support/iceberg.ts";

const SYNC = new Uint8Array(16);

/** Commits a delete file as another engine would. */
async function addDeletes(
  lab: IcebergLab,
  content: FileContent,
  sql: string,
  fieldIds: string,
  partition: DataFile["partition"] = [],
): Promise<void> {
  const table = await lab.load();
  const { metadata, storage } = table;
  const path = `${metadata.location}/data/${crypto.randomUUID()}-deletes.parquet`;
  const local = storage.localPath(path)!;
  const rows = await lab.session.run(
    `COPY (${sql}) TO '${local}' (FORMAT parquet, FIELD_IDS ${fieldIds})`,
  );
  const parent = currentSnapshot(metadata)!;
  const id = parent["snapshot-id"] + 1n;
  const sequence = metadata["last-sequence-number"] + 1;
  const file: DataFile = {
    content,
    path,
    format: "PARQUET",
    partition,
    recordCount: rows,
    sizeBytes: Deno.statSync(local).size,
    columnSizes: new Map(),
    valueCounts: new Map(),
    nullCounts: new Map(),
    nanCounts: new Map(),
    lowerBounds: new Map(),
    upperBounds: new Map(),
    splitOffsets: null,
    equalityIds: content === "equality_deletes" ? [1] : null,
    sortOrderId: null,
    referencedDataFile: null,
  };
  const spec = specById(metadata, metadata["default-spec-id"]);
  const bytes = writeManifest(
    {
      schema: currentSchema(metadata),
      spec,
      partitionTypes: partitionTypes(metadata, spec),
      content: "deletes",
    },
    [{ status: "added", snapshotId: id, sequenceNumber: null, fileSequenceNumber: null, file }],
    SYNC,
  );
  const manifest = `${metadata.location}/metadata/${crypto.randomUUID()}-d.avro`;
  await storage.write(manifest, bytes);
  const list = `${metadata.location}/metadata/snap-${id}.avro`;
  await storage.write(
    list,
    writeManifestList(
      [
        ...await readManifests(storage, parent),
        {
          path: manifest,
          sizeBytes: bytes.length,
          specId: spec["spec-id"],
          content: "deletes",
          sequenceNumber: sequence,
          minSequenceNumber: sequence,
          snapshotId: id,
          addedFiles: 1,
          existingFiles: 0,
          deletedFiles: 0,
          addedRows: rows,
          existingRows: 0,
          deletedRows: 0,
          partitions: [],
        },
      ],
      { id, parent: parent["snapshot-id"], sequence },
      SYNC,
    ),
  );
  const totals = { ...parent.summary, operation: "delete", "total-delete-files": "1" };
  await lab.catalog.commit([{
    identifier: table.identifier,
    base: table,
    requirements: [],
    updates: [
      {
        action: "add-snapshot",
        snapshot: {
          "snapshot-id": id,
          "parent-snapshot-id": parent["snapshot-id"],
          "sequence-number": sequence,
          "timestamp-ms": metadata["last-updated-ms"] + 1,
          "manifest-list": list,
          summary: totals,
          "schema-id": metadata["current-schema-id"],
        },
      },
      { action: "set-snapshot-ref", "ref-name": "main", type: "branch", "snapshot-id": id },
    ],
  }]);
}

const POSITIONS = "{file_path: 2147483546, pos: 2147483545}";

/** Location of the only data file with a partition value, or of the only one. */
async function dataFile(lab: IcebergLab, partition?: unknown): Promise<string> {
  const { metadata, storage } = await lab.load();
  const plan = await planScan(
    storage,
    metadata,
    currentSnapshot(metadata),
    currentSchema(metadata),
  );
  const found = plan.files.filter(({ file }) =>
    partition === undefined || file.partition[0] === partition
  );
  assert.equal(found.length, 1);
  return found[0]!.file.path;
}

async function agree(lab: IcebergLab, expected: readonly number[]): Promise<void> {
  const ours = await lab.rows("shop.orders", "id");
  const [theirs] = await clickhouse(lab.root, [
    `SELECT toInt32(id) FROM icebergLocal('${lab.root}/warehouse/shop/orders')`,
  ]);
  assert.deepEqual(ours, expected.map((id) => `[${id}]`).sort());
  assert.deepEqual(theirs?.sort(), ours, "ClickHouse");
}

const ROWS = (from: number, to: number) =>
  `SELECT i::INTEGER AS id, 'n' || i AS name FROM range(${from}, ${to}) t(i)`;

Deno.test("scanSql leaves out what position and equality deletes of other writers took away", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(ROWS(0, 6), { mode: "append" });
  await addDeletes(
    lab,
    "position_deletes",
    `SELECT '${await dataFile(lab)}' AS file_path, unnest([1, 4])::BIGINT AS pos`,
    POSITIONS,
  );
  await agree(lab, [0, 2, 3, 5]);
  await addDeletes(lab, "equality_deletes", "SELECT unnest([3, 7])::INTEGER AS id", "{id: 1}");
  await agree(lab, [0, 2, 5]);
  // What is added later is not touched by earlier deletes, also with equal values.
  await lab.put(ROWS(3, 8), { mode: "append" });
  await agree(lab, [0, 2, 5, 3, 4, 5, 6, 7]);
  const { metadata } = await lab.load();
  assert.equal(metadata.snapshots.at(-1)?.summary["total-delete-files"], "1");
});

Deno.test("an upsert rewrites files that have deletes without bringing rows back", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(ROWS(0, 6), { mode: "append" });
  await addDeletes(
    lab,
    "position_deletes",
    `SELECT '${await dataFile(lab)}' AS file_path, 1::BIGINT AS pos`,
    POSITIONS,
  );
  await addDeletes(lab, "equality_deletes", "SELECT 3::INTEGER AS id", "{id: 1}");
  await lab.put(ROWS(5, 8), { mode: "upsert_by_key", unique_keys: ["id"] });
  await agree(lab, [0, 2, 4, 5, 6, 7]);
  await lab.put(ROWS(3, 4), { mode: "append" });
  await agree(lab, [0, 2, 3, 4, 5, 6, 7]);
  await lab.put(ROWS(0, 2));
  await agree(lab, [0, 1]);
  const { metadata } = await lab.load();
  assert.equal(metadata.snapshots.at(-1)?.summary["total-delete-files"], "0");
});

Deno.test("equality deletes of a partition leave the others alone", async () => {
  await using lab = await IcebergLab.open();
  await lab.put("SELECT i::INTEGER AS id, (i % 2)::INTEGER AS g FROM range(8) t(i)", {
    mode: "append",
    partition_by: ["g"],
  });
  await addDeletes(lab, "equality_deletes", "SELECT unnest([2, 3])::INTEGER AS id", "{id: 1}", [1]);
  await agree(lab, [0, 1, 2, 4, 5, 6, 7]);
});
