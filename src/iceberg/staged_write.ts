import { UserError } from "../base/user_error.ts";
import type { MaterializationMode, TableOwner } from "../model/materialization.ts";
import type { ObjectStorage } from "../storage/object_storage.ts";
import type { PartitionSpec, TableSchema } from "./table_metadata.ts";

/** What a table was before a batch touched it. */
export interface BaseState {
  /** Null: it had no rows and no snapshot. */
  readonly snapshotId: string | null;
  readonly schemaId: number;
  readonly specId: number;
  /** Its `seeknal.*` properties. */
  readonly properties: Readonly<Record<string, string>>;
}

/**
 * A write that is prepared and not committed: a JSON document beside the table, by which any process can
 * go on with it or take it back. Snapshot ids are text: JSON has no 64-bit numbers.
 */
export interface StagedWrite {
  readonly version: 1;
  readonly batch: string;
  readonly action: "write" | "revert";
  readonly mode: MaterializationMode;
  readonly uuid: string;
  readonly location: string;
  /** Null: the table is made by this batch. */
  readonly base: BaseState | null;
  /** The snapshot that will be current: a new one, or for `revert` the one to go back to. */
  readonly snapshotId: string;
  /** Columns that the commit adds as a new schema; null: those of the table. */
  readonly schema: TableSchema | null;
  readonly lastColumnId: number;
  /** Partitioning that the commit adds; null: that of the table. */
  readonly spec: PartitionSpec | null;
  /** Manifest of the files that come; null: none do. */
  readonly files: string | null;
  readonly fileCount: number;
  /** Paths of the files that go, or all. */
  readonly removed: readonly string[] | "all";
  readonly owner: TableOwner;
  /** Goes into the snapshot's summary. */
  readonly summary: Readonly<Record<string, string>>;
  readonly rows: number;
  readonly checksum: string | null;
  readonly shared: boolean;
}

/** A batch's id as a part of a file's name. */
export function batchName(batch: string): string {
  return batch.replaceAll(/[^A-Za-z0-9_-]/g, "_");
}

/** Folder of the data files of a batch. */
export function batchFolder(location: string, batch: string): string {
  return `${location}/data/seeknal-${batchName(batch)}`;
}

/** The document of a batch. */
export function stagedLocation(location: string, batch: string): string {
  return `${location}/metadata/seeknal-${batchName(batch)}.json`;
}

/** The manifest of a batch's new files. */
export function stagedFilesLocation(location: string, batch: string): string {
  return `${location}/metadata/seeknal-${batchName(batch)}-files.avro`;
}

/** Null when nothing is staged. */
export async function readStaged(
  storage: ObjectStorage,
  location: string,
  batch: string,
): Promise<StagedWrite | null> {
  const path = stagedLocation(location, batch);
  if (await storage.stat(path) === null) return null;
  const staged: StagedWrite = JSON.parse(new TextDecoder().decode(await storage.read(path)));
  if (staged.version === 1) return staged;
  throw new UserError(`${path} was written by a newer Seeknal`, {
    code: "newer_format",
    kind: "dependency",
    hint: "use the version that began the promotion",
  });
}

/** Writes the document, replacing an older one. */
export async function writeStaged(storage: ObjectStorage, staged: StagedWrite): Promise<void> {
  const data = new TextEncoder().encode(JSON.stringify(staged, null, 1));
  await storage.write(stagedLocation(staged.location, staged.batch), data);
}

/** Removes the document and the list of files, and with `data` also the files themselves. */
export async function removeStaged(
  storage: ObjectStorage,
  location: string,
  batch: string,
  data: "with data" | "without data",
): Promise<void> {
  if (data === "with data") {
    const files = await Array.fromAsync(storage.list(`${batchFolder(location, batch)}/`));
    await storage.remove(files.map((file) => file.location));
  }
  // The document goes last: as long as it is there, the rest can be found.
  await storage.remove([stagedFilesLocation(location, batch)]);
  await storage.remove([stagedLocation(location, batch)]);
  await removeUnfinished(storage, location, batch);
}

/** Documents that a killed process was writing under another name. */
async function removeUnfinished(
  storage: ObjectStorage,
  location: string,
  batch: string,
): Promise<void> {
  // In an object store a file is there whole or not at all.
  if (storage.localPath(location) === null) return;
  const unfinished: string[] = [];
  for await (const { location: file } of storage.list(`${location}/metadata/`)) {
    if (file.includes(`seeknal-${batchName(batch)}`)) unfinished.push(file);
  }
  await storage.remove(unfinished);
}
