import { gunzipSync } from "node:zlib";
import { isMapping } from "../base/field_reader.ts";
import { UserError } from "../base/user_error.ts";
import { parseExactJson, stringifyExactJson } from "./exact_json.ts";
import type {
  PartitionSpec,
  SnapshotRef,
  TableMetadata,
  TableSchema,
  TableSnapshot,
} from "./table_metadata.ts";

/** First id of a partition field; the one before it says that there is none yet. */
export const FIRST_PARTITION_ID = 1000;

type Document = Readonly<Record<string, unknown>>;

/**
 * Reads a metadata file as it is stored, packed by gzip or not. `location` is for messages.
 * Throws a `UserError` `iceberg_metadata_invalid` (4).
 */
export function parseMetadataFile(bytes: Uint8Array, location: string): TableMetadata {
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
  let text: string;
  try {
    text = new TextDecoder().decode(isPacked ? gunzipSync(bytes) : bytes);
  } catch (cause) {
    throw invalid(location, "it cannot be unpacked", cause);
  }
  return parseMetadata(text, location);
}

/**
 * Reads metadata of format version 1, 2 or 3 into the shape of version 2; `format-version`
 * stays what it is. Fields that are not known are kept. `location` is for messages. Throws a
 * `UserError` `iceberg_metadata_invalid` (4).
 */
export function parseMetadata(text: string, location: string): TableMetadata {
  let value: unknown;
  try {
    value = parseExactJson(text);
  } catch (cause) {
    throw invalid(location, "it is not JSON", cause);
  }
  return metadataFromJson(value, location);
}

/** Like {@linkcode parseMetadata}, for JSON that was parsed by `parseExactJson`. */
export function metadataFromJson(value: unknown, location: string): TableMetadata {
  if (!isMapping(value)) throw invalid(location, "it is not an object");
  const version = value["format-version"];
  if (version !== 1 && version !== 2 && version !== 3) {
    throw new UserError(
      `Cannot read ${location}: Iceberg format version ${String(version)} is not supported`,
      {
        code: "iceberg_version_unsupported",
        kind: "execution",
        hint: "seeknal reads versions 1, 2 and 3",
      },
    );
  }
  // Version 1 says these two in the singular; they are written again for version 1 only.
  const { schema: _schema, "partition-spec": _spec, ...kept } = value;
  const current = snapshotId(value["current-snapshot-id"]);
  const specs = partitionSpecs(value, location);
  const schemas = tableSchemas(value, location);
  const sortOrders = list(value["sort-orders"]);
  const metadata = {
    ...kept,
    "format-version": version,
    "table-uuid": typeof value["table-uuid"] === "string" ? value["table-uuid"] : "",
    location: text(value, "location", location),
    "last-sequence-number": optionalInteger(value, "last-sequence-number") ?? 0,
    "last-updated-ms": integer(value, "last-updated-ms", location),
    "last-column-id": integer(value, "last-column-id", location),
    "current-schema-id": optionalInteger(value, "current-schema-id") ?? schemas[0]!["schema-id"],
    schemas,
    "default-spec-id": optionalInteger(value, "default-spec-id") ?? specs[0]!["spec-id"],
    "partition-specs": specs,
    "last-partition-id": optionalInteger(value, "last-partition-id") ?? lastPartitionId(specs),
    "default-sort-order-id": optionalInteger(value, "default-sort-order-id") ?? 0,
    "sort-orders": sortOrders.length === 0 ? [{ "order-id": 0, fields: [] }] : sortOrders,
    properties: isMapping(value.properties) ? value.properties : {},
    "current-snapshot-id": current,
    snapshots: list(value.snapshots).map((snapshot) => readSnapshot(snapshot, location)),
    refs: refs(value.refs, current),
    "snapshot-log": list(value["snapshot-log"]),
    "metadata-log": list(value["metadata-log"]),
  };
  return metadata as TableMetadata; // what is inside the lists is as its writer left it
}

/** The text of a metadata file: of the version that `format-version` says, as Java writes it. */
export function serializeMetadata(metadata: TableMetadata): string {
  return stringifyExactJson(metadataToJson(metadata));
}

/** Like {@linkcode serializeMetadata}, as values for `stringifyExactJson`. */
export function metadataToJson(metadata: TableMetadata): Document {
  // Readers of versions 1 and 2 may insist on a number where there is no snapshot.
  const current = metadata["current-snapshot-id"] ?? (metadata["format-version"] < 3 ? -1 : null);
  const common = { ...metadata, "current-snapshot-id": current };
  if (metadata["format-version"] > 1) return common;
  const { "last-sequence-number": _, ...first } = common;
  return {
    ...first,
    schema: metadata.schemas.find((schema) =>
      schema["schema-id"] === metadata["current-schema-id"]
    ),
    "partition-spec": metadata["partition-specs"].find((spec) =>
      spec["spec-id"] === metadata["default-spec-id"]
    )?.fields,
    snapshots: metadata.snapshots.map(({ "sequence-number": _, ...snapshot }) => snapshot),
  };
}

function tableSchemas(value: Document, location: string): readonly TableSchema[] {
  const several = list(value.schemas);
  const found = several.length > 0 ? several : list([value.schema].filter(isMapping));
  if (found.length === 0) throw invalid(location, "it has no schema");
  return found.map((schema) => {
    if (!isMapping(schema) || !Array.isArray(schema.fields)) {
      throw invalid(location, "a schema has no fields");
    }
    const id = schema["schema-id"];
    return { ...schema, "schema-id": typeof id === "number" ? id : 0 } as TableSchema;
  });
}

function partitionSpecs(value: Document, location: string): readonly PartitionSpec[] {
  const several = list(value["partition-specs"]);
  const found = several.length > 0
    ? several
    : [{ "spec-id": 0, fields: list(value["partition-spec"]) }];
  return found.map((spec) => {
    if (!isMapping(spec) || !Array.isArray(spec.fields)) {
      throw invalid(location, "a partition spec has no fields");
    }
    // Version 1 may leave the ids out: they count from 1000 then.
    const fields = spec.fields.map((field, i) => ({
      ...(isMapping(field) ? field : {}),
      "field-id": isMapping(field) && typeof field["field-id"] === "number"
        ? field["field-id"]
        : FIRST_PARTITION_ID + i,
    }));
    return { ...spec, fields } as unknown as PartitionSpec;
  });
}

function lastPartitionId(specs: readonly PartitionSpec[]): number {
  return Math.max(
    FIRST_PARTITION_ID - 1,
    ...specs.flatMap(({ fields }) => fields.map((field) => field["field-id"])),
  );
}

function readSnapshot(value: unknown, location: string): TableSnapshot {
  if (!isMapping(value) || typeof value["snapshot-id"] !== "bigint") {
    throw invalid(location, "a snapshot has no id");
  }
  return snapshotFromJson(value, location);
}

function snapshotFromJson(value: Document, location: string): TableSnapshot {
  const parent = snapshotId(value["parent-snapshot-id"]);
  if (typeof value["manifest-list"] !== "string") {
    throw invalid(
      location,
      `snapshot ${value["snapshot-id"]} lists its manifests in place, as tables before 2019 did`,
    );
  }
  const { "parent-snapshot-id": _, ...rest } = value;
  const snapshot = {
    ...rest,
    ...(parent === null ? {} : { "parent-snapshot-id": parent }),
    "sequence-number": optionalInteger(value, "sequence-number") ?? 0,
    summary: isMapping(value.summary) ? value.summary : { operation: "unknown" },
  };
  return snapshot as unknown as TableSnapshot;
}

function refs(value: unknown, current: bigint | null): Readonly<Record<string, SnapshotRef>> {
  const named = isMapping(value) ? value as Readonly<Record<string, SnapshotRef>> : {};
  if (current === null || named.main !== undefined) return named;
  return { ...named, main: { "snapshot-id": current, type: "branch" } };
}

/** -1 is how some writers say that there is none. */
function snapshotId(value: unknown): bigint | null {
  return typeof value === "bigint" && value !== -1n ? value : null;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function optionalInteger(value: Document, field: string): number | null {
  const found = value[field];
  return typeof found === "number" && Number.isInteger(found) ? found : null;
}

function integer(value: Document, field: string, location: string): number {
  const found = optionalInteger(value, field);
  if (found === null) throw invalid(location, `"${field}" is missing`);
  return found;
}

function text(value: Document, field: string, location: string): string {
  const found = value[field];
  if (typeof found !== "string") throw invalid(location, `"${field}" is missing`);
  return found;
}

function invalid(location: string, why: string, cause?: unknown): UserError {
  return new UserError(`Cannot read the table metadata ${location}: ${why}`, {
    code: "iceberg_metadata_invalid",
    kind: "execution",
    hint: "look at the file: it was written by another program, or the storage damaged it",
    cause,
  });
}
