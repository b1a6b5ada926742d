import type { SnapshotBase, SnapshotChange } from "./snapshot_change.ts";
import type { DataFile } from "./manifest.ts";
import { readSnapshotFiles } from "./table_files.ts";
import type { TableSnapshot } from "./table_metadata.ts";

/** What a snapshot takes away, counted for its summary. */
export class Removals {
  dataFiles = 0;
  rows = 0;
  bytes = 0;
  deleteFiles = 0;
  positionDeletes = 0;
  equalityDeletes = 0;

  add(file: DataFile): void {
    this.bytes += file.sizeBytes;
    if (file.content === "data") {
      this.dataFiles++;
      this.rows += file.recordCount;
      return;
    }
    this.deleteFiles++;
    if (file.content === "position_deletes") this.positionDeletes += file.recordCount;
    else this.equalityDeletes += file.recordCount;
  }
}

/** Totals of a table's files. */
interface Totals {
  readonly records: number;
  readonly bytes: number;
  readonly dataFiles: number;
  readonly deleteFiles: number;
  readonly positionDeletes: number;
  readonly equalityDeletes: number;
}

const NO_FILES: Totals = {
  records: 0,
  bytes: 0,
  dataFiles: 0,
  deleteFiles: 0,
  positionDeletes: 0,
  equalityDeletes: 0,
};

const TOTAL_KEYS = [
  "total-records",
  "total-files-size",
  "total-data-files",
  "total-delete-files",
  "total-position-deletes",
  "total-equality-deletes",
];

/** What a snapshot's summary says: what it did, and the totals that other writers insist on. */
export async function summaryOf(
  base: SnapshotBase,
  parent: TableSnapshot | null,
  change: SnapshotChange,
  removed: Removals,
): Promise<TableSnapshot["summary"]> {
  const before = change.removed === "all" ? NO_FILES : await totalsOf(base, parent);
  const gone = change.removed === "all" ? new Removals() : removed;
  const rows = sum(change.added, (file) => file.recordCount);
  const bytes = sum(change.added, (file) => file.sizeBytes);
  const totals: Totals = {
    records: before.records + rows - gone.rows,
    bytes: before.bytes + bytes - gone.bytes,
    dataFiles: before.dataFiles + change.added.length - gone.dataFiles,
    deleteFiles: before.deleteFiles - gone.deleteFiles,
    positionDeletes: before.positionDeletes - gone.positionDeletes,
    equalityDeletes: before.equalityDeletes - gone.equalityDeletes,
  };
  const partitions = new Set(change.added.map((file) => file.partition.map(String).join("\0")));
  return {
    operation: change.operation,
    ...counts({
      "added-data-files": change.added.length,
      "added-records": rows,
      "added-files-size": bytes,
      "deleted-data-files": removed.dataFiles,
      "deleted-records": removed.rows,
      "removed-delete-files": removed.deleteFiles,
      "removed-files-size": removed.bytes,
      "changed-partition-count": partitions.size,
    }),
    "total-records": String(totals.records),
    "total-files-size": String(totals.bytes),
    "total-data-files": String(totals.dataFiles),
    "total-delete-files": String(totals.deleteFiles),
    "total-position-deletes": String(totals.positionDeletes),
    "total-equality-deletes": String(totals.equalityDeletes),
    ...change.properties,
  };
}

function counts(values: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value > 0)
      .map(([key, value]) => [key, String(value)]),
  );
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** Totals as the parent's summary has them, or counted where its writer left them out. */
async function totalsOf(base: SnapshotBase, parent: TableSnapshot | null): Promise<Totals> {
  const counted = new Removals();
  if (parent !== null) {
    const written = TOTAL_KEYS.map((key) => parent.summary[key]);
    if (written.every((value) => value !== undefined && /^\d+$/.test(value))) {
      const [
        records = 0,
        bytes = 0,
        dataFiles = 0,
        deleteFiles = 0,
        positionDeletes = 0,
        equalityDeletes = 0,
      ] = written.map(Number);
      return { records, bytes, dataFiles, deleteFiles, positionDeletes, equalityDeletes };
    }
    for (const { entries } of await readSnapshotFiles(base.storage, base.metadata, parent)) {
      for (const entry of entries) if (entry.status !== "deleted") counted.add(entry.file);
    }
  }
  return {
    records: counted.rows,
    bytes: counted.bytes,
    dataFiles: counted.dataFiles,
    deleteFiles: counted.deleteFiles,
    positionDeletes: counted.positionDeletes,
    equalityDeletes: counted.equalityDeletes,
  };
}
