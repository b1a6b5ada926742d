import { schemaBack, type StagedTableWrite } from "./commit_staged.ts";
import { UserError } from "../base/user_error.ts";
import { type Catalog, CommitConflict, type LoadedTable, type TableCommit } from "./catalog.ts";
import { displayName } from "./catalog_names.ts";
import { ownProperties } from "./table_content.ts";
import { findSnapshot, readManifests } from "./table_files.ts";
import type { TableMetadata } from "./table_metadata.ts";
import type { ObjectStorage } from "../storage/object_storage.ts";

/**
 * The commit that takes a swapped write back. Throws a `UserError` `undo_conflict` (4) when somebody
 * committed after it.
 */
export function undoCommit(write: StagedTableWrite, table: LoadedTable): TableCommit {
  const { staged, identifier } = write;
  const { metadata } = table;
  const { base } = staged;
  refuseUndo(write, table);
  if (base === null) throw new Error("a table that was made is dropped");
  const current = BigInt(staged.snapshotId);
  const removals = Object.keys(ownProperties(metadata.properties))
    .filter((key) => base.properties[key] === undefined);
  return {
    identifier,
    base: table,
    requirements: [
      { type: "assert-table-uuid", uuid: staged.uuid },
      { type: "assert-ref-snapshot-id", ref: "main", "snapshot-id": current },
    ],
    updates: [
      base.snapshotId === null ? { action: "remove-snapshot-ref", "ref-name": "main" } : {
        action: "set-snapshot-ref",
        "ref-name": "main",
        type: "branch",
        "snapshot-id": BigInt(base.snapshotId),
      },
      ...schemaBack(metadata, base.schemaId),
      ...(metadata["default-spec-id"] === base.specId
        ? []
        : [{ action: "set-default-spec", "spec-id": base.specId } as const]),
      ...(removals.length === 0 ? [] : [{ action: "remove-properties", removals } as const]),
      ...(Object.keys(base.properties).length === 0
        ? []
        : [{ action: "set-properties", updates: base.properties } as const]),
      ...(staged.action === "revert"
        ? []
        : [{ action: "remove-snapshots", "snapshot-ids": [current] } as const]),
    ],
  };
}

/** Makes the commits that take writes back. Throws a `UserError` `undo_conflict` (4) when somebody is faster. */
export async function commitUndo(
  catalog: Catalog,
  commits: readonly TableCommit[],
): Promise<void> {
  if (commits.length === 0) return;
  const groups = catalog.isAtomic ? [commits] : commits.map((commit) => [commit]);
  try {
    for (const group of groups) await catalog.commit(group);
  } catch (error) {
    if (!(error instanceof CommitConflict)) throw error;
    throw new UserError(
      `${displayName(error.identifier)} cannot be taken back: somebody is changing it`,
      { code: "undo_conflict", kind: "execution", hint: "run the command again", cause: error },
    );
  }
}

/** Throws a `UserError` `undo_conflict` (4) when the table is not as the batch left it. */
export function refuseUndo({ staged, identifier }: StagedTableWrite, table: LoadedTable): void {
  const current = table.metadata["current-snapshot-id"];
  if (String(current) === staged.snapshotId) return;
  throw new UserError(
    `${
      displayName(identifier)
    } cannot be taken back: somebody has committed snapshot ${current} after it`,
    {
      code: "undo_conflict",
      kind: "execution",
      hint: `go back by hand to snapshot ${
        staged.base?.snapshotId ?? "none"
      }, or write the table anew`,
    },
  );
}

/** Files that only a snapshot of this batch has: its manifest list and the manifests written for it. */
export async function snapshotFiles(
  storage: ObjectStorage,
  metadata: TableMetadata,
  snapshotId: bigint,
): Promise<string[]> {
  const snapshot = findSnapshot(metadata, snapshotId);
  if (snapshot === null) return [];
  const manifests = await readManifests(storage, snapshot);
  return [
    snapshot["manifest-list"],
    ...manifests.filter((manifest) => manifest.snapshotId === snapshotId).map(({ path }) => path),
  ];
}
