import { type StageRequest, writeFiles } from "./table_stager.ts";
import type { TableWrite } from "../model/materialization.ts";
import { newSnapshotId } from "./build_commit.ts";
import type { LoadedTable } from "./catalog.ts";
import { type DataFile, writeManifest } from "./manifest.ts";
import { type Layout } from "./plan_write.ts";
import { sharedFiles } from "./share_files.ts";
import { stagedFilesLocation, type StagedWrite, writeStaged } from "./staged_write.ts";
import { KEYS, ownProperties } from "./table_content.ts";
import { partitionTypes, type TableColumns } from "./table_files.ts";
import type { TableMetadata } from "./table_metadata.ts";

/**
 * Writes a write's data files beside the table, compares them with the output and remembers it in
 * a document. Throws a `UserError` `validation_failed` (4) when they differ.
 */
export async function stageTable(request: StageRequest): Promise<StagedWrite> {
  const { batch, write, table, location, storage } = request;
  const shared = await sharedFiles(write, table, request.like);
  const change = shared ?? await writeFiles(request);
  const { layout } = change;
  const staged: StagedWrite = {
    version: 1,
    batch,
    action: "write",
    mode: write.spec.mode,
    uuid: table?.metadata["table-uuid"] ?? crypto.randomUUID(),
    location,
    base: table === null ? null : baseState(table.metadata),
    snapshotId: String(newSnapshotId(table?.metadata ?? null)),
    schema: layout.isNewSchema ? layout.schema : null,
    lastColumnId: layout.lastColumnId,
    spec: layout.isNewSpec ? layout.spec : null,
    files: change.added.length === 0 ? null : stagedFilesLocation(location, batch),
    fileCount: change.added.length,
    removed: change.removed,
    owner: write.owner,
    summary: summaryOf(batch, write),
    rows: change.rows,
    checksum: change.checksum,
    shared: change.shared,
  };
  if (staged.files !== null) {
    await storage.write(staged.files, filesManifest(table, layout, change.added));
  }
  await writeStaged(storage, staged);
  return staged;
}

/** What `undo` goes back to. */
export function baseState(metadata: TableMetadata): StagedWrite["base"] {
  const snapshot = metadata["current-snapshot-id"];
  return {
    snapshotId: snapshot === null ? null : String(snapshot),
    schemaId: metadata["current-schema-id"],
    specId: metadata["default-spec-id"],
    properties: ownProperties(metadata.properties),
  };
}

/** What a snapshot says of the write that made it. */
export function summaryOf(batch: string, write: TableWrite): Record<string, string> {
  return {
    [KEYS.project]: write.owner.project,
    [KEYS.environment]: write.owner.environment,
    [KEYS.node]: write.node,
    [KEYS.mode]: write.spec.mode,
    [KEYS.contentHash]: write.content_hash,
    [KEYS.specHash]: write.spec_hash,
    [KEYS.batch]: batch,
  };
}

function filesManifest(
  table: LoadedTable | null,
  layout: Layout,
  added: readonly DataFile[],
): Uint8Array {
  const { schema, spec } = layout;
  const metadata = layoutColumns(table?.metadata ?? null, layout);
  return writeManifest(
    { schema, spec, partitionTypes: partitionTypes(metadata, spec), content: "data" },
    added.map((file) => ({
      status: "added",
      snapshotId: null,
      sequenceNumber: null,
      fileSequenceNumber: null,
      file,
    })),
    crypto.getRandomValues(new Uint8Array(16)),
  );
}

/** The columns of a table with those that a layout adds. */
function layoutColumns(metadata: TableMetadata | null, layout: Layout): TableColumns {
  const { schema } = layout;
  const others = (metadata?.schemas ?? []).filter((other) =>
    other["schema-id"] !== schema["schema-id"]
  );
  return {
    location: metadata?.location ?? "",
    schemas: [...others, schema],
    "current-schema-id": schema["schema-id"],
  };
}
