import {
  type ManifestEntry,
  type ManifestFile,
  type PartitionSummary,
  writeManifest,
  writeManifestList,
} from "./manifest.ts";
import type { SnapshotBase, SnapshotChange } from "./snapshot_change.ts";
import { Removals, summaryOf } from "./snapshot_summary.ts";
import { encodeValue, type PrimitiveValue } from "./single_value.ts";
import {
  currentSnapshot,
  partitionTypes,
  readEntries,
  type ReadManifest,
  readManifests,
  specById,
} from "./table_files.ts";
import type {
  PartitionSpec,
  PrimitiveType,
  TableMetadata,
  TableSnapshot,
} from "./table_metadata.ts";

/** A snapshot's own numbers. */
export interface SnapshotIdentity {
  readonly snapshotId: bigint;
  /** Names the files of this attempt. */
  readonly attempt: string;
  readonly timestampMs: number;
}

/** A snapshot that nothing refers to yet. */
export interface BuiltSnapshot {
  readonly snapshot: TableSnapshot;
  /** Files that were written for it, to be removed when it is not committed. */
  readonly written: readonly string[];
}

/**
 * Writes the manifests and the manifest list of a new snapshot on top of the current one. Nothing
 * refers to them until the snapshot is committed. Existing manifests are taken over as they are
 * unless a file in them goes.
 */
export async function buildSnapshot(
  base: SnapshotBase,
  change: SnapshotChange,
  identity: SnapshotIdentity,
): Promise<BuiltSnapshot> {
  const { metadata, storage } = base;
  const parent = currentSnapshot(metadata);
  const sequence = metadata["last-sequence-number"] + 1;
  const writer = new ManifestWriter(base, identity, sequence);
  const kept: ManifestFile[] = [];
  const removed = new Removals();
  for (const manifest of parent === null ? [] : await readManifests(storage, parent)) {
    // What was deleted before this snapshot is history of an older one.
    if (manifest.addedFiles + manifest.existingFiles === 0) continue;
    if (change.removed !== "all" && (change.removed.size === 0 || manifest.content === "deletes")) {
      kept.push(manifest);
      continue;
    }
    const read = await readEntries(storage, metadata, manifest);
    kept.push(await writer.without(read, change.removed, removed));
  }
  const added = change.added.length === 0 ? [] : [
    await writer.write(
      "data",
      change.specId,
      change.added.map((file) => ({
        status: "added",
        snapshotId: identity.snapshotId,
        sequenceNumber: null,
        fileSequenceNumber: null,
        file,
      })),
    ),
  ];
  const parentId = parent?.["snapshot-id"] ?? null;
  const list = `${metadata.location}/metadata/snap-${identity.snapshotId}-${identity.attempt}.avro`;
  await storage.write(
    list,
    writeManifestList(
      [...added, ...await writer.merged(kept)],
      { id: identity.snapshotId, parent: parentId, sequence },
      syncMark(),
    ),
  );
  const snapshot: TableSnapshot = {
    "snapshot-id": identity.snapshotId,
    ...(parentId === null ? {} : { "parent-snapshot-id": parentId }),
    "sequence-number": sequence,
    // Clocks differ: a snapshot is never older than the state it follows.
    "timestamp-ms": Math.max(identity.timestampMs, metadata["last-updated-ms"] + 1),
    "manifest-list": list,
    summary: await summaryOf(base, parent, change, removed),
    "schema-id": base.schema["schema-id"],
  };
  return { snapshot, written: [list, ...writer.written] };
}

/** Sixteen bytes that stand between blocks. */
function syncMark(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(16));
}

/** Manifests of one kind from which on they are merged, unless the table says otherwise (Iceberg's default). */
const MANIFESTS_TO_MERGE = 100;
/** Size from which on a manifest is left alone. */
const MANIFEST_BYTES = 8 * 1024 * 1024;

class ManifestWriter {
  readonly #base: SnapshotBase;
  readonly #identity: SnapshotIdentity;
  readonly #sequence: number;
  readonly written: string[] = [];

  constructor(base: SnapshotBase, identity: SnapshotIdentity, sequence: number) {
    this.#base = base;
    this.#identity = identity;
    this.#sequence = sequence;
  }

  /** The manifest without some files; the same one when none of them is in it. */
  async without(
    read: ReadManifest,
    paths: ReadonlySet<string> | "all",
    removed: Removals,
  ): Promise<ManifestFile> {
    const live = read.entries.filter((entry) => entry.status !== "deleted");
    const isGone = (entry: ManifestEntry) => paths === "all" || paths.has(entry.file.path);
    if (!live.some(isGone)) return read.manifest;
    const entries = live.map((entry): ManifestEntry => {
      if (!isGone(entry)) return { ...entry, status: "existing" };
      removed.add(entry.file);
      return { ...entry, status: "deleted", snapshotId: this.#identity.snapshotId };
    });
    return await this.write(read.manifest.content, read.manifest.specId, entries);
  }

  /** Small manifests as one, when there are so many that reading them takes its time. */
  async merged(manifests: readonly ManifestFile[]): Promise<readonly ManifestFile[]> {
    const { metadata, storage } = this.#base;
    const written = Number(metadata.properties["commit.manifest.min-count-to-merge"]);
    const least = Number.isInteger(written) && written > 1 ? written : MANIFESTS_TO_MERGE;
    const result: ManifestFile[] = [];
    const groups = Map.groupBy(manifests, (manifest) => {
      const isSmall = manifest.content === "data" && manifest.sizeBytes < MANIFEST_BYTES;
      return isSmall ? String(manifest.specId) : "kept";
    });
    for (const [key, group] of groups) {
      if (key === "kept" || group.length < least) {
        result.push(...group);
        continue;
      }
      const entries: ManifestEntry[] = [];
      for (const manifest of group) {
        const read = await readEntries(storage, metadata, manifest);
        const isOwn = manifest.snapshotId === this.#identity.snapshotId;
        for (const entry of read.entries) {
          // What this very snapshot deleted stays on record.
          if (entry.status !== "deleted") entries.push({ ...entry, status: "existing" });
          else if (isOwn) entries.push(entry);
        }
      }
      result.push(await this.write("data", Number(key), entries));
    }
    return result;
  }

  async write(
    content: "data" | "deletes",
    specId: number,
    entries: readonly ManifestEntry[],
  ): Promise<ManifestFile> {
    const { metadata, schema, storage } = this.#base;
    const spec = specById(metadata, specId);
    const types = partitionTypes(metadata, spec);
    const path =
      `${metadata.location}/metadata/${this.#identity.attempt}-m${this.written.length}.avro`;
    const data = writeManifest(
      { schema, spec, partitionTypes: types, content },
      entries,
      syncMark(),
    );
    this.written.push(path);
    await storage.write(path, data);
    return {
      path,
      sizeBytes: data.length,
      specId,
      content,
      sequenceNumber: this.#sequence,
      minSequenceNumber: Math.min(
        this.#sequence,
        ...entries.filter(({ status }) => status !== "deleted")
          .map((entry) => entry.sequenceNumber ?? this.#sequence),
      ),
      snapshotId: this.#identity.snapshotId,
      ...countsOf(entries),
      partitions: partitionSummaries(entries, spec, types),
    };
  }
}

function countsOf(
  entries: readonly ManifestEntry[],
): Pick<
  ManifestFile,
  "addedFiles" | "existingFiles" | "deletedFiles" | "addedRows" | "existingRows" | "deletedRows"
> {
  const of = (status: ManifestEntry["status"]) => {
    const some = entries.filter((entry) => entry.status === status);
    return {
      files: some.length,
      rows: some.reduce((sum, entry) => sum + entry.file.recordCount, 0),
    };
  };
  const added = of("added");
  const existing = of("existing");
  const deleted = of("deleted");
  return {
    addedFiles: added.files,
    existingFiles: existing.files,
    deletedFiles: deleted.files,
    addedRows: added.rows,
    existingRows: existing.rows,
    deletedRows: deleted.rows,
  };
}

function partitionSummaries(
  entries: readonly ManifestEntry[],
  spec: PartitionSpec,
  types: readonly PrimitiveType[],
): PartitionSummary[] {
  return spec.fields.map((_, i) => {
    const type = types[i] ?? "int";
    let containsNull = false;
    let containsNan = false;
    let lower: PrimitiveValue | null = null;
    let upper: PrimitiveValue | null = null;
    for (const { file } of entries) {
      const value = file.partition[i] ?? null;
      if (value === null) containsNull = true;
      else if (Number.isNaN(value)) containsNan = true;
      else {
        if (lower === null || compareValues(value, lower) < 0) lower = value;
        if (upper === null || compareValues(value, upper) > 0) upper = value;
      }
    }
    return {
      containsNull,
      containsNan,
      lower: lower === null ? null : encodeValue(type, lower),
      upper: upper === null ? null : encodeValue(type, upper),
    };
  });
}

/** Order of two values of one type: bytes unsigned, text by code points as its UTF-8 bytes are. */
export function compareValues(a: PrimitiveValue, b: PrimitiveValue): number {
  if (typeof a === "string" && typeof b === "string") {
    return compareValues(new TextEncoder().encode(a), new TextEncoder().encode(b));
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      const difference = (a[i] ?? 0) - (b[i] ?? 0);
      if (difference !== 0) return difference;
    }
    return a.length - b.length;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A new snapshot id: positive, 63 bits, not one of the table's. */
export function newSnapshotId(metadata: TableMetadata | null): bigint {
  const random = crypto.getRandomValues(new BigUint64Array(1))[0] ?? 1n;
  const id = BigInt.asUintN(63, random);
  const isTaken = metadata?.snapshots.some((snapshot) => snapshot["snapshot-id"] === id) ?? false;
  return id === 0n || isTaken ? newSnapshotId(metadata) : id;
}
