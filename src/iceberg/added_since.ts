import type { ObjectStorage } from "../storage/object_storage.ts";
import type { ScanPlan } from "./scan.ts";
import { ancestorsOf, readEntries, readManifests } from "./table_files.ts";
import type { TableMetadata, TableSchema, TableSnapshot } from "./table_metadata.ts";

/**
 * The files that snapshots after `from` up to `to` added, when they did nothing else; null when `from` is
 * not before `to`, or a snapshot between them removed or changed rows: then all must be read again.
 */
export async function addedSince(
  storage: ObjectStorage,
  metadata: TableMetadata,
  from: bigint,
  to: TableSnapshot,
  schema: TableSchema,
): Promise<ScanPlan | null> {
  const between: TableSnapshot[] = [];
  let isFound = false;
  for (const snapshot of ancestorsOf(metadata, to["snapshot-id"])) {
    if (snapshot["snapshot-id"] === from) {
      isFound = true;
      break;
    }
    between.push(snapshot);
  }
  const isPlain = between.every(({ summary }) =>
    summary.operation === "append" || summary.operation === "replace"
  );
  if (!isFound || !isPlain) return null;
  const files: ScanPlan["files"][number][] = [];
  for (const snapshot of between) {
    // Compaction writes rows anew that are there already.
    if (snapshot.summary.operation === "replace") continue;
    const id = snapshot["snapshot-id"];
    for (const manifest of await readManifests(storage, snapshot)) {
      if (manifest.snapshotId !== id) continue;
      const { entries } = await readEntries(storage, metadata, manifest);
      for (const entry of entries) {
        if (entry.status !== "added" || entry.snapshotId !== id) continue;
        if (entry.file.content !== "data") return null;
        files.push({
          file: entry.file,
          specId: manifest.specId,
          sequenceNumber: entry.sequenceNumber ?? 0,
          positionDeletes: [],
          equalityDeletes: [],
        });
      }
    }
  }
  return { metadata, schema, files };
}
