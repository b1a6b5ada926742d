import { UserError } from "../base/user_error.ts";
import type { TableWrite } from "../model/materialization.ts";
import type { ObjectStorage } from "../storage/object_storage.ts";
import type { LoadedTable } from "./catalog.ts";
import { type StagedWrite, writeStaged } from "./staged_write.ts";
import { baseState, summaryOf } from "./stage_table.ts";
import { KEYS } from "./table_content.ts";
import { ancestorsOf } from "./table_files.ts";
import type { TableMetadata, TableSnapshot } from "./table_metadata.ts";

/**
 * The snapshot to go back to: the newest before the current one with the content. Null when there is none, or when
 * a snapshot on the way is not Seeknal's: what it brought in would be lost.
 */
export function revertTarget(write: TableWrite, metadata: TableMetadata): TableSnapshot | null {
  for (const snapshot of ancestorsOf(metadata, metadata["current-snapshot-id"])) {
    const content = snapshot.summary[KEYS.contentHash];
    if (content === write.content_hash) return snapshot;
    if (content === undefined && snapshot.summary.operation !== "replace") return null;
  }
  return null;
}

/** Prepares to go back to an earlier snapshot; nothing is written but the document. */
export async function stageRevert(
  batch: string,
  write: TableWrite,
  place: {
    readonly table: LoadedTable | null;
    readonly location: string;
    readonly storage: ObjectStorage;
  },
): Promise<StagedWrite> {
  const { table, location, storage } = place;
  const target = table === null ? null : revertTarget(write, table.metadata);
  if (table === null || target === null) {
    throw new UserError(`${write.target} has no snapshot to go back to`, {
      code: "cannot_revert",
      kind: "execution",
      hint: "write it anew with mode overwrite",
    });
  }
  const staged: StagedWrite = {
    version: 1,
    batch,
    action: "revert",
    mode: write.spec.mode,
    uuid: table.metadata["table-uuid"],
    location,
    base: baseState(table.metadata),
    snapshotId: String(target["snapshot-id"]),
    schema: null,
    lastColumnId: table.metadata["last-column-id"],
    spec: null,
    files: null,
    fileCount: 0,
    removed: [],
    owner: write.owner,
    summary: summaryOf(batch, write),
    rows: write.rows,
    checksum: null,
    shared: true,
  };
  await writeStaged(storage, staged);
  return staged;
}
