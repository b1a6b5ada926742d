import { UserError } from "../base/user_error.ts";
import { applyUpdates } from "./apply_updates.ts";
import { buildSnapshot } from "./build_commit.ts";
import { type Catalog, CommitConflict, type LoadedTable, type TableCommit } from "./catalog.ts";
import { displayName } from "./catalog_names.ts";
import { type ManifestFile, readManifest } from "./manifest.ts";
import { type StagedWrite, writeStaged } from "./staged_write.ts";
import { baseState } from "./stage_table.ts";
import { KEYS } from "./table_content.ts";
import {
  currentSchema,
  findSnapshot,
  partitionTypes,
  schemaById,
  specById,
} from "./table_files.ts";
import type { DataFile } from "./manifest.ts";
import type { TableMetadata, TableUpdate } from "./table_metadata.ts";
import type { ObjectStorage } from "../storage/object_storage.ts";

/** A staged write and its table as it is now. */
export interface StagedTableWrite {
  readonly identifier: readonly string[];
  readonly staged: StagedWrite;
  readonly table: LoadedTable | null;
  readonly storage: ObjectStorage;
}

/** A commit, and the files to remove when it is not made. */
export interface PreparedCommit {
  readonly commit: TableCommit;
  readonly written: readonly string[];
  readonly storage: ObjectStorage;
}

/** How often a commit is tried that others get ahead of. */
const ATTEMPTS = 5;

/**
 * Commits staged writes, all at once where the catalog can, otherwise one after the other. What adds rows
 * only is put on top of what others have committed meanwhile; for the other modes that is a `UserError` `table_changed` (4).
 */
export async function commitStaged(
  catalog: Catalog,
  load: () => Promise<StagedTableWrite[]>,
  now: () => Date,
): Promise<void> {
  for (let attempt = 1;; attempt++) {
    const writes = await load();
    const prepared: PreparedCommit[] = [];
    const groups = catalog.isAtomic ? [writes] : writes.map((write) => [write]);
    try {
      for (const group of groups) {
        const some: PreparedCommit[] = [];
        for (const write of group) {
          const commit = await prepareCommit(write, now());
          some.push(commit);
          prepared.push(commit);
        }
        await catalog.commit(some.map(({ commit }) => commit));
        prepared.splice(0);
      }
      return;
    } catch (error) {
      // Whether the commit went through is not known after an error of another kind: its files stay.
      if (!(error instanceof CommitConflict)) throw error;
      for (const { storage, written } of prepared) await storage.remove(written);
      const isAppend = writes.every(({ staged }) => staged.mode === "append");
      if (!isAppend || attempt === ATTEMPTS) throw changed(error.identifier, error);
    }
  }
}

function changed(identifier: readonly string[], cause: unknown): UserError {
  return new UserError(
    `${
      displayName(identifier)
    } was changed by somebody else while it was written; nothing of it is replaced`,
    {
      code: "table_changed",
      kind: "execution",
      hint: "run the command again: it starts from the table as it is now",
      cause,
    },
  );
}

async function prepareCommit(write: StagedTableWrite, now: Date): Promise<PreparedCommit> {
  const { staged, table } = write;
  if (staged.action === "revert") {
    return { commit: revertCommit(write), written: [], storage: write.storage };
  }
  if (staged.base === null) return await createCommit(write, now);
  if (table === null) throw changed(write.identifier, null);
  const base = baseState(table.metadata);
  const isMoved = base?.snapshotId !== staged.base.snapshotId;
  if (isMoved && staged.mode !== "append") throw changed(write.identifier, null);
  if (base?.schemaId !== staged.base.schemaId) throw changed(write.identifier, null);
  // `undo` must go back to what others have put in between, not to what was there before them.
  if (isMoved) await writeStaged(write.storage, { ...staged, base });
  return await changeCommit(write, table, now);
}

async function createCommit(write: StagedTableWrite, now: Date): Promise<PreparedCommit> {
  const { staged, identifier } = write;
  if (write.table !== null) throw changed(identifier, null);
  if (staged.schema === null || staged.spec === null) throw new Error("a new table has columns");
  const updates: TableUpdate[] = [
    { action: "assign-uuid", uuid: staged.uuid },
    { action: "upgrade-format-version", "format-version": 2 },
    { action: "add-schema", schema: staged.schema, "last-column-id": staged.lastColumnId },
    { action: "set-current-schema", "schema-id": -1 },
    { action: "add-spec", spec: staged.spec },
    { action: "set-default-spec", "spec-id": -1 },
    { action: "add-sort-order", "sort-order": { "order-id": 0, fields: [] } },
    { action: "set-default-sort-order", "sort-order-id": -1 },
    { action: "set-location", location: staged.location },
    { action: "set-properties", updates: propertiesOf(staged) },
  ];
  const metadata = applyUpdates(null, updates, { now });
  const built = await snapshotOf(write, metadata, now);
  return {
    commit: {
      identifier,
      base: null,
      requirements: [{ type: "assert-create" }],
      updates: [...updates, ...snapshotUpdates(built.snapshot)],
    },
    written: built.written,
    storage: write.storage,
  };
}

async function changeCommit(
  write: StagedTableWrite,
  table: LoadedTable,
  now: Date,
): Promise<PreparedCommit> {
  const { staged, identifier } = write;
  const schemaUpdates = schemaUpdatesOf(staged, table.metadata);
  const metadata = applyUpdates(table.metadata, schemaUpdates, { now });
  const built = await snapshotOf(write, metadata, now);
  return {
    commit: {
      identifier,
      base: table,
      requirements: [
        { type: "assert-table-uuid", uuid: staged.uuid },
        {
          type: "assert-ref-snapshot-id",
          ref: "main",
          "snapshot-id": table.metadata["current-snapshot-id"],
        },
        {
          type: "assert-current-schema-id",
          "current-schema-id": table.metadata["current-schema-id"],
        },
        { type: "assert-default-spec-id", "default-spec-id": table.metadata["default-spec-id"] },
      ],
      updates: [
        ...schemaUpdates,
        ...snapshotUpdates(built.snapshot),
        { action: "set-properties", updates: propertiesOf(staged) },
      ],
    },
    written: built.written,
    storage: write.storage,
  };
}

function schemaUpdatesOf(staged: StagedWrite, metadata: TableMetadata): TableUpdate[] {
  const updates: TableUpdate[] = [];
  if (staged.schema !== null) {
    const id = staged.schema["schema-id"];
    const isKnown = metadata.schemas.some((schema) => schema["schema-id"] === id);
    if (!isKnown) {
      updates.push({
        action: "add-schema",
        schema: staged.schema,
        "last-column-id": staged.lastColumnId,
      });
    }
    updates.push({ action: "set-current-schema", "schema-id": isKnown ? id : -1 });
  }
  if (staged.spec !== null) {
    const id = staged.spec["spec-id"];
    const isKnown = metadata["partition-specs"].some((spec) => spec["spec-id"] === id);
    if (!isKnown) updates.push({ action: "add-spec", spec: staged.spec });
    updates.push({ action: "set-default-spec", "spec-id": isKnown ? id : -1 });
  }
  return updates;
}

function propertiesOf(staged: StagedWrite): Record<string, string> {
  return {
    [KEYS.project]: staged.owner.project,
    [KEYS.environment]: staged.owner.environment,
    [KEYS.batch]: staged.batch,
  };
}

function snapshotUpdates(snapshot: TableMetadata["snapshots"][number]): TableUpdate[] {
  return [
    { action: "add-snapshot", snapshot },
    {
      action: "set-snapshot-ref",
      "ref-name": "main",
      type: "branch",
      "snapshot-id": snapshot["snapshot-id"],
    },
  ];
}

async function snapshotOf(write: StagedTableWrite, metadata: TableMetadata, now: Date) {
  const { staged, storage } = write;
  const added = await stagedFiles(write, metadata);
  const isAppend = staged.removed !== "all" && staged.removed.length === 0;
  return await buildSnapshot(
    { metadata, schema: currentSchema(metadata), storage },
    {
      operation: isAppend ? "append" : added.length === 0 ? "delete" : "overwrite",
      added,
      specId: metadata["default-spec-id"],
      removed: staged.removed === "all" ? "all" : new Set(staged.removed),
      properties: staged.summary,
    },
    {
      snapshotId: BigInt(staged.snapshotId),
      attempt: crypto.randomUUID(),
      timestampMs: now.getTime(),
    },
  );
}

async function stagedFiles(
  { staged, storage }: StagedTableWrite,
  metadata: TableMetadata,
): Promise<DataFile[]> {
  if (staged.files === null) return [];
  const spec = specById(metadata, metadata["default-spec-id"]);
  const data = await storage.read(staged.files);
  return readManifest(
    data,
    { ...NO_MANIFEST, path: staged.files },
    partitionTypes(metadata, spec),
    spec,
  ).map((entry) => entry.file);
}

/** Numbers that the files of a staged manifest inherit from nobody. */
const NO_MANIFEST: ManifestFile = {
  path: "",
  sizeBytes: 0,
  specId: 0,
  content: "data",
  sequenceNumber: 0,
  minSequenceNumber: 0,
  snapshotId: 0n,
  addedFiles: 0,
  existingFiles: 0,
  deletedFiles: 0,
  addedRows: 0,
  existingRows: 0,
  deletedRows: 0,
  partitions: [],
};

/** Goes back to a snapshot that the table still has, and to its columns. */
function revertCommit(write: StagedTableWrite): TableCommit {
  const { staged, table, identifier } = write;
  if (table === null || staged.base === null) throw changed(identifier, null);
  const { metadata } = table;
  const target = findSnapshot(metadata, BigInt(staged.snapshotId));
  const current = metadata["current-snapshot-id"];
  if (target === null || String(current) !== staged.base.snapshotId) {
    throw changed(identifier, null);
  }
  const schemaId = target["schema-id"] ?? metadata["current-schema-id"];
  return {
    identifier,
    base: table,
    requirements: [
      { type: "assert-table-uuid", uuid: staged.uuid },
      { type: "assert-ref-snapshot-id", ref: "main", "snapshot-id": current },
    ],
    updates: [
      {
        action: "set-snapshot-ref",
        "ref-name": "main",
        type: "branch",
        "snapshot-id": target["snapshot-id"],
      },
      ...schemaBack(metadata, schemaById(metadata, schemaId)["schema-id"]),
      { action: "set-properties", updates: propertiesOf(staged) },
    ],
  };
}

/** The update that makes a schema current, when it is not. */
export function schemaBack(metadata: TableMetadata, schemaId: number): TableUpdate[] {
  return metadata["current-schema-id"] === schemaId
    ? []
    : [{ action: "set-current-schema", "schema-id": schemaId }];
}
