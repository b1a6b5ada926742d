import { UserError } from "../base/user_error.ts";
import {
  type ManifestEntry,
  type ManifestFile,
  readManifest,
  readManifestList,
} from "./manifest.ts";
import { mapAtOnce } from "./map_at_once.ts";
import { parseTransform, transformResult } from "./partition_transforms.ts";
import type { ObjectStorage } from "../storage/object_storage.ts";
import type {
  PartitionSpec,
  PrimitiveType,
  TableMetadata,
  TableSchema,
  TableSnapshot,
} from "./table_metadata.ts";

/** A manifest with what is in it. */
export interface ReadManifest {
  readonly manifest: ManifestFile;
  readonly entries: readonly ManifestEntry[];
}

/** The snapshot that readers see; null for a table without rows. */
export function currentSnapshot(metadata: TableMetadata): TableSnapshot | null {
  const id = metadata["current-snapshot-id"];
  return id === null ? null : findSnapshot(metadata, id);
}

/** A snapshot by id, or null. */
export function findSnapshot(metadata: TableMetadata, id: bigint): TableSnapshot | null {
  return metadata.snapshots.find((snapshot) => snapshot["snapshot-id"] === id) ?? null;
}

/** A snapshot and those it follows, newest first, as far as they are still there. */
export function ancestorsOf(metadata: TableMetadata, id: bigint | null): TableSnapshot[] {
  const byId = new Map(metadata.snapshots.map((snapshot) => [snapshot["snapshot-id"], snapshot]));
  const ancestors: TableSnapshot[] = [];
  for (
    let snapshot = id === null ? undefined : byId.get(id);
    snapshot !== undefined;
    snapshot = byId.get(snapshot["parent-snapshot-id"] ?? -1n)
  ) {
    ancestors.push(snapshot);
    byId.delete(snapshot["snapshot-id"]);
  }
  return ancestors;
}

/** The columns of a table, in all their versions. */
export type TableColumns = Pick<TableMetadata, "schemas" | "current-schema-id" | "location">;

/** The columns as they are now. Throws a `UserError` `iceberg_metadata_invalid` (4). */
export function currentSchema(metadata: TableColumns): TableSchema {
  return schemaById(metadata, metadata["current-schema-id"]);
}

/** A version of the columns. Throws a `UserError` `iceberg_metadata_invalid` (4). */
export function schemaById(metadata: TableColumns, id: number): TableSchema {
  const schema = metadata.schemas.find((candidate) => candidate["schema-id"] === id);
  if (schema === undefined) throw inconsistent(metadata, `schema ${id}`);
  return schema;
}

/** A way of partitioning. Throws a `UserError` `iceberg_metadata_invalid` (4). */
export function specById(metadata: TableMetadata, id: number): PartitionSpec {
  const spec = metadata["partition-specs"].find((candidate) => candidate["spec-id"] === id);
  if (spec === undefined) throw inconsistent(metadata, `partition spec ${id}`);
  return spec;
}

function inconsistent(metadata: TableColumns, what: string): UserError {
  return new UserError(`The table at ${metadata.location} has no ${what}, which it refers to`, {
    code: "iceberg_metadata_invalid",
    kind: "execution",
    hint: "its metadata is damaged; go back to an earlier metadata file",
  });
}

/** Types of a spec's partition values; a column that is gone is looked for in older schemas. */
export function partitionTypes(metadata: TableColumns, spec: PartitionSpec): PrimitiveType[] {
  const schemas = [currentSchema(metadata), ...metadata.schemas.toReversed()];
  return spec.fields.map((field) => {
    const source = schemas.flatMap((schema) => schema.fields)
      .find((candidate) => candidate.id === field["source-id"]);
    const transform = parseTransform(field.transform);
    const type = typeof source?.type === "string" ? source.type : "string";
    return transform === null ? "int" : transformResult(transform, type);
  });
}

/** The manifests of a snapshot. */
export async function readManifests(
  storage: ObjectStorage,
  snapshot: TableSnapshot,
): Promise<ManifestFile[]> {
  const location = snapshot["manifest-list"];
  return readManifestList(await storage.read(location), location);
}

/** What a manifest lists, deleted files too. */
export async function readEntries(
  storage: ObjectStorage,
  metadata: TableMetadata,
  manifest: ManifestFile,
): Promise<ReadManifest> {
  const spec = specById(metadata, manifest.specId);
  const data = await storage.read(manifest.path);
  return {
    manifest,
    entries: readManifest(data, manifest, partitionTypes(metadata, spec), spec),
  };
}

/** All manifests of a snapshot with what they list. */
export async function readSnapshotFiles(
  storage: ObjectStorage,
  metadata: TableMetadata,
  snapshot: TableSnapshot,
): Promise<ReadManifest[]> {
  const manifests = await readManifests(storage, snapshot);
  return await mapAtOnce(manifests, (manifest) => readEntries(storage, metadata, manifest));
}
