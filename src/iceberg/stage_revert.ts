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
 * The snapshot to go back to: the one that the batch made or, where none is named, the newest before the
 * current one with the content. Null when there is none, or when a snapshot on the way is not Seeknal's:
 * what it brought in would be lost.
 */
export function revertTarget(
  { back_to, content_hash }: Pick<TableWrite, "back_to" | "content_hash">,
  metadata: TableMetadata,
): TableSnapshot | null {
  const isTarget = ({ summary }: TableSnapshot) =>
    back_to === undefined
      ? summary[KEYS.contentHash] === content_hash
      : summary[KEYS.batch] === back_to;
  const wanted = back_to === undefined ? undefined : metadata.snapshots.find(isTarget);
  // A rollback may itself be taken back: its target then lies on another branch of the past.
  const past = new Set(
    [...ancestorsOf(metadata, wanted?.["snapshot-id"] ?? null)].map((s) => s["snapshot-id"]),
  );
  for (const snapshot of ancestorsOf(metadata, metadata["current-snapshot-id"])) {
    if (isTarget(snapshot)) return snapshot;
    if (past.has(snapshot["snapshot-id"])) return wanted ?? null;
    const isOurs = snapshot.summary[KEYS.contentHash] !== undefined;
    if (!isOurs && snapshot.summary.operation !== "replace") return null;
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
