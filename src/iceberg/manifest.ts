import { AvroFields } from "./avro_fields.ts";
import { type AvroFile, type AvroValue, readAvro, writeAvro } from "./avro_file.ts";
import { avroName, entrySchema, MANIFEST_LIST_SCHEMA } from "./manifest_schemas.ts";
import { decimalOf } from "./types.ts";
import { decimalBytes, fromTwosComplement, type PrimitiveValue } from "./single_value.ts";
import type { PartitionSpec, PrimitiveType, TableSchema } from "./table_metadata.ts";

/** What a file holds: rows, or which rows of other files are gone. */
export type FileContent = "data" | "position_deletes" | "equality_deletes";

const CONTENTS: readonly FileContent[] = ["data", "position_deletes", "equality_deletes"];

/** Metrics by field id. */
export type Metric<T> = ReadonlyMap<number, T>;

/** A data file or a delete file. */
export interface DataFile {
  readonly content: FileContent;
  readonly path: string;
  /** `PARQUET`, `ORC`, `AVRO`, `PUFFIN`. */
  readonly format: string;
  /** One value for each field of the file's partition spec. */
  readonly partition: readonly (PrimitiveValue | null)[];
  readonly recordCount: number;
  readonly sizeBytes: number;
  readonly columnSizes: Metric<number>;
  readonly valueCounts: Metric<number>;
  readonly nullCounts: Metric<number>;
  readonly nanCounts: Metric<number>;
  readonly lowerBounds: Metric<Uint8Array>;
  readonly upperBounds: Metric<Uint8Array>;
  readonly splitOffsets: readonly number[] | null;
  readonly equalityIds: readonly number[] | null;
  readonly sortOrderId: number | null;
  /** The one data file that position deletes are about, where the writer says so. */
  readonly referencedDataFile: string | null;
}

/** A file as a manifest lists it. Sequence numbers and the snapshot are null until they are inherited. */
export interface ManifestEntry {
  readonly status: "existing" | "added" | "deleted";
  readonly snapshotId: bigint | null;
  readonly sequenceNumber: number | null;
  readonly fileSequenceNumber: number | null;
  readonly file: DataFile;
}

const STATUSES = ["existing", "added", "deleted"] as const;

/** Partition values of a manifest's files, for one field. */
export interface PartitionSummary {
  readonly containsNull: boolean;
  readonly containsNan: boolean | null;
  readonly lower: Uint8Array | null;
  readonly upper: Uint8Array | null;
}

/** A manifest as a manifest list names it. */
export interface ManifestFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly specId: number;
  readonly content: "data" | "deletes";
  readonly sequenceNumber: number;
  readonly minSequenceNumber: number;
  readonly snapshotId: bigint;
  readonly addedFiles: number;
  readonly existingFiles: number;
  readonly deletedFiles: number;
  readonly addedRows: number;
  readonly existingRows: number;
  readonly deletedRows: number;
  readonly partitions: readonly PartitionSummary[];
}

/** What a manifest says of the files in it. */
export interface ManifestHead {
  readonly schema: TableSchema;
  readonly spec: PartitionSpec;
  readonly partitionTypes: readonly PrimitiveType[];
  readonly content: "data" | "deletes";
}

/** A manifest, as bytes. `sync`: 16 bytes that mark its blocks. */
export function writeManifest(
  head: ManifestHead,
  entries: readonly ManifestEntry[],
  sync: Uint8Array,
): Uint8Array {
  const schema = entrySchema(head.spec, head.partitionTypes);
  return writeAvro(
    schema,
    entries.map((entry) => entryRecord(entry, head)),
    {
      schema: JSON.stringify(head.schema),
      "schema-id": String(head.schema["schema-id"]),
      "partition-spec": JSON.stringify(head.spec.fields),
      "partition-spec-id": String(head.spec["spec-id"]),
      "format-version": "2",
      content: head.content,
    },
    sync,
  );
}

function entryRecord(entry: ManifestEntry, head: ManifestHead): AvroValue {
  const file = entry.file;
  const partition: Record<string, AvroValue> = {};
  head.spec.fields.forEach((field, i) => {
    partition[avroName(field.name)] = partitionValue(
      head.partitionTypes[i] ?? "int",
      file.partition[i] ?? null,
    );
  });
  return {
    status: STATUSES.indexOf(entry.status),
    snapshot_id: entry.snapshotId,
    sequence_number: entry.sequenceNumber,
    file_sequence_number: entry.fileSequenceNumber,
    data_file: {
      content: CONTENTS.indexOf(file.content),
      file_path: file.path,
      file_format: file.format,
      partition,
      record_count: file.recordCount,
      file_size_in_bytes: file.sizeBytes,
      column_sizes: metric(file.columnSizes),
      value_counts: metric(file.valueCounts),
      null_value_counts: metric(file.nullCounts),
      nan_value_counts: metric(file.nanCounts),
      lower_bounds: metric(file.lowerBounds),
      upper_bounds: metric(file.upperBounds),
      key_metadata: null,
      split_offsets: file.splitOffsets,
      equality_ids: file.equalityIds,
      sort_order_id: file.sortOrderId,
      referenced_data_file: file.referencedDataFile,
    },
  };
}

function metric(values: Metric<number | Uint8Array>): AvroValue {
  return [...values].map(([key, value]) => ({ key, value }));
}

function partitionValue(type: PrimitiveType, value: PrimitiveValue | null): AvroValue {
  const decimal = decimalOf(type);
  if (value === null || decimal === null) return value;
  const bytes = new Uint8Array(decimalBytes(decimal.precision));
  let rest = typeof value === "bigint" ? value : 0n;
  for (let i = bytes.length - 1; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 255n);
  return bytes;
}

/** Reads the entries of a manifest of format version 1 or 2; those of `listed` inherit its numbers. */
export function readManifest(
  data: Uint8Array,
  listed: ManifestFile,
  partitionTypes: readonly PrimitiveType[],
  spec: PartitionSpec,
): ManifestEntry[] {
  const file = readAvro(data, listed.path);
  const isV1 = file.metadata["format-version"] === "1";
  return file.records.map((record) => {
    const fields = new AvroFields(record, file.schema);
    const status = STATUSES[fields.number(0) ?? 1] ?? "added";
    const inherits = status === "added";
    return {
      status,
      snapshotId: fields.bigint(1) ?? listed.snapshotId,
      sequenceNumber: fields.number(3) ?? (isV1 ? 0 : inherits ? listed.sequenceNumber : null),
      fileSequenceNumber: fields.number(4) ?? (isV1 ? 0 : inherits ? listed.sequenceNumber : null),
      file: dataFile(fields.record(2), partitionTypes, spec),
    };
  });
}

function dataFile(
  fields: AvroFields,
  types: readonly PrimitiveType[],
  spec: PartitionSpec,
): DataFile {
  const partition = fields.record(102);
  return {
    content: CONTENTS[fields.number(134) ?? 0] ?? "data",
    path: fields.text(100),
    format: fields.text(101).toUpperCase(),
    partition: spec.fields.map((field, i) =>
      readPartitionValue(
        types[i] ?? "int",
        partition.value(field["field-id"]) ?? partition.named(avroName(field.name)),
      )
    ),
    recordCount: fields.number(103) ?? 0,
    sizeBytes: fields.number(104) ?? 0,
    columnSizes: fields.counts(108),
    valueCounts: fields.counts(109),
    nullCounts: fields.counts(110),
    nanCounts: fields.counts(137),
    lowerBounds: fields.bounds(125),
    upperBounds: fields.bounds(128),
    splitOffsets: fields.numbers(132),
    equalityIds: fields.numbers(135),
    sortOrderId: fields.number(140),
    referencedDataFile: fields.optionalText(143),
  };
}

function readPartitionValue(type: PrimitiveType, value: AvroValue): PrimitiveValue | null {
  if (value === null || value === undefined) return null;
  if (decimalOf(type) !== null && value instanceof Uint8Array) return fromTwosComplement(value);
  if (typeof value === "object" && !(value instanceof Uint8Array)) return null;
  if (typeof value === "bigint" && (type === "int" || type === "date")) return Number(value);
  // A column that was widened has older values in the narrower type.
  if (typeof value === "number" && type === "long") return BigInt(value);
  return value;
}

/** A manifest list, as bytes. */
export function writeManifestList(
  manifests: readonly ManifestFile[],
  snapshot: { readonly id: bigint; readonly parent: bigint | null; readonly sequence: number },
  sync: Uint8Array,
): Uint8Array {
  const records = manifests.map((manifest): AvroValue => ({
    manifest_path: manifest.path,
    manifest_length: manifest.sizeBytes,
    partition_spec_id: manifest.specId,
    content: manifest.content === "data" ? 0 : 1,
    sequence_number: manifest.sequenceNumber,
    min_sequence_number: manifest.minSequenceNumber,
    added_snapshot_id: manifest.snapshotId,
    added_files_count: manifest.addedFiles,
    existing_files_count: manifest.existingFiles,
    deleted_files_count: manifest.deletedFiles,
    added_rows_count: manifest.addedRows,
    existing_rows_count: manifest.existingRows,
    deleted_rows_count: manifest.deletedRows,
    partitions: manifest.partitions.map((summary) => ({
      contains_null: summary.containsNull,
      contains_nan: summary.containsNan,
      lower_bound: summary.lower,
      upper_bound: summary.upper,
    })),
    key_metadata: null,
  }));
  return writeAvro(
    MANIFEST_LIST_SCHEMA,
    records,
    {
      "snapshot-id": String(snapshot.id),
      "parent-snapshot-id": snapshot.parent === null ? "null" : String(snapshot.parent),
      "sequence-number": String(snapshot.sequence),
      "format-version": "2",
    },
    sync,
  );
}

/** Reads a manifest list of format version 1 or 2. */
export function readManifestList(data: Uint8Array, location: string): ManifestFile[] {
  const file: AvroFile = readAvro(data, location);
  return file.records.map((record) => {
    const fields = new AvroFields(record, file.schema);
    return {
      path: fields.text(500),
      sizeBytes: fields.number(501) ?? 0,
      specId: fields.number(502) ?? 0,
      content: fields.number(517) === 1 ? "deletes" : "data",
      sequenceNumber: fields.number(515) ?? 0,
      minSequenceNumber: fields.number(516) ?? 0,
      snapshotId: fields.bigint(503) ?? 0n,
      addedFiles: fields.number(504) ?? 0,
      existingFiles: fields.number(505) ?? 0,
      deletedFiles: fields.number(506) ?? 0,
      addedRows: fields.number(512) ?? 0,
      existingRows: fields.number(513) ?? 0,
      deletedRows: fields.number(514) ?? 0,
      partitions: fields.records(507).map((summary) => ({
        containsNull: summary.value(509) === true,
        containsNan: summary.value(518) === null ? null : summary.value(518) === true,
        lower: summary.bytes(510),
        upper: summary.bytes(511),
      })),
    };
  });
}
