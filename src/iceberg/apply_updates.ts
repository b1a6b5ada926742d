import {
  addSchema,
  addSortOrder,
  addSpec,
  setCurrentSchema,
  setDefaultSortOrder,
  setDefaultSpec,
} from "./apply_schema_updates.ts";
import { addSnapshot, removeRef, removeSnapshots, setRef } from "./apply_snapshot_updates.ts";
import { type Draft, invalid, LAST_ADDED, set, without } from "./metadata_draft.ts";
import { FIRST_PARTITION_ID } from "./metadata_json.ts";
import type { TableMetadata, TableUpdate } from "./table_metadata.ts";

export { checkRequirements } from "./check_requirements.ts";

/** What the new metadata is to say besides the updates. */
export interface UpdateOptions {
  readonly now: Date;
  /** Metadata file of the state before, for `metadata-log`; null where there is none. */
  readonly previousFile?: string | null;
}

/** Metadata files that `metadata-log` names when the table does not say how many (Iceberg's default). */
const PREVIOUS_VERSIONS = 100;

/**
 * The metadata after a commit, by the rules of the REST protocol (and Java's
 * `TableMetadata.Builder`). `base` is null for a table that is being created. Without
 * updates the result is `base` itself. Throws a `UserError` `iceberg_update_invalid` (4) for an
 * update that cannot be made.
 */
export function applyUpdates(
  base: TableMetadata | null,
  updates: readonly TableUpdate[],
  options: UpdateOptions,
): TableMetadata {
  if (base !== null && updates.length === 0) return base;
  const draft: Draft = {
    metadata: base ?? EMPTY,
    now: Math.max(options.now.getTime(), base?.["last-updated-ms"] ?? 0),
    lastAdded: { schema: null, spec: null, order: null },
    added: new Set(),
    changed: null,
  };
  for (const update of updates) apply(draft, update);
  if (base === null) complete(draft);
  const log = draft.metadata["snapshot-log"];
  const current = draft.metadata["current-snapshot-id"];
  set(draft, {
    "last-updated-ms": Math.max(draft.changed ?? draft.now, base?.["last-updated-ms"] ?? 0),
    // Snapshots that were current within this commit only were never seen by anybody.
    "snapshot-log": log.filter((entry) =>
      entry["snapshot-id"] === current || !draft.added.has(entry["snapshot-id"])
    ),
  });
  return withPreviousFile(draft.metadata, base, options.previousFile ?? null);
}

/** What a table starts from; whatever is not set by then is refused or filled in by {@linkcode complete}. */
const EMPTY: TableMetadata = {
  "format-version": 2,
  "table-uuid": "",
  location: "",
  "last-sequence-number": 0,
  "last-updated-ms": 0,
  "last-column-id": 0,
  "current-schema-id": LAST_ADDED,
  schemas: [],
  "default-spec-id": LAST_ADDED,
  "partition-specs": [],
  "last-partition-id": FIRST_PARTITION_ID - 1,
  "default-sort-order-id": LAST_ADDED,
  "sort-orders": [],
  properties: {},
  "current-snapshot-id": null,
  snapshots: [],
  refs: {},
  "snapshot-log": [],
  "metadata-log": [],
};

function complete(draft: Draft): void {
  const { metadata } = draft;
  if (metadata["table-uuid"] === "") throw invalid("a new table needs assign-uuid");
  if (metadata.location === "") throw invalid("a new table needs set-location");
  if (metadata.schemas.length === 0) throw invalid("a new table needs add-schema");
  if (metadata["current-schema-id"] === LAST_ADDED) {
    set(draft, { "current-schema-id": draft.lastAdded.schema ?? 0 });
  }
  if (metadata["partition-specs"].length === 0) addSpec(draft, { "spec-id": 0, fields: [] });
  if (metadata["default-spec-id"] === LAST_ADDED) {
    set(draft, { "default-spec-id": draft.lastAdded.spec ?? 0 });
  }
  if (metadata["sort-orders"].length === 0) addSortOrder(draft, { "order-id": 0, fields: [] });
  if (metadata["default-sort-order-id"] === LAST_ADDED) {
    set(draft, { "default-sort-order-id": draft.lastAdded.order ?? 0 });
  }
}

function apply(draft: Draft, update: TableUpdate): void {
  const { metadata } = draft;
  switch (update.action) {
    case "assign-uuid":
      return assignUuid(draft, update.uuid);
    case "upgrade-format-version":
      return upgrade(draft, update["format-version"]);
    case "add-schema":
      return addSchema(draft, update.schema, update["last-column-id"]);
    case "set-current-schema":
      return setCurrentSchema(draft, update["schema-id"]);
    case "add-spec":
      return addSpec(draft, update.spec);
    case "set-default-spec":
      return setDefaultSpec(draft, update["spec-id"]);
    case "add-sort-order":
      return addSortOrder(draft, update["sort-order"]);
    case "set-default-sort-order":
      return setDefaultSortOrder(draft, update["sort-order-id"]);
    case "set-location":
      return set(draft, { location: update.location });
    case "set-properties":
      return set(draft, { properties: { ...metadata.properties, ...update.updates } });
    case "remove-properties":
      return set(draft, { properties: without(metadata.properties, update.removals) });
    case "add-snapshot":
      return addSnapshot(draft, update.snapshot);
    case "set-snapshot-ref":
      return setRef(draft, update);
    case "remove-snapshot-ref":
      return removeRef(draft, update["ref-name"]);
    case "remove-snapshots":
      return removeSnapshots(draft, new Set(update["snapshot-ids"]));
    default:
      throw invalid(`the update ${JSON.stringify(update["action"])} is not known`);
  }
}

function assignUuid(draft: Draft, uuid: string): void {
  const existing = draft.metadata["table-uuid"];
  if (existing !== "" && existing !== uuid) {
    throw invalid(`the table has the uuid ${existing}; it cannot have another`);
  }
  set(draft, { "table-uuid": uuid });
}

function upgrade(draft: Draft, version: number): void {
  const existing = draft.metadata["format-version"];
  if (version !== 1 && version !== 2 && version !== 3) {
    throw invalid(`there is no format version ${version}`);
  }
  // A table that is being created has no version yet that could be lowered.
  if (version < existing && draft.metadata.schemas.length > 0) {
    throw invalid(`the format version cannot go from ${existing} back to ${version}`);
  }
  set(draft, { "format-version": version });
}

function withPreviousFile(
  metadata: TableMetadata,
  base: TableMetadata | null,
  file: string | null,
): TableMetadata {
  if (base === null || file === null) return metadata;
  const written = Number(metadata.properties["write.metadata.previous-versions-max"]);
  const most = Number.isInteger(written) && written > 0 ? written : PREVIOUS_VERSIONS;
  const entry = { "timestamp-ms": base["last-updated-ms"], "metadata-file": file };
  return { ...metadata, "metadata-log": [...metadata["metadata-log"], entry].slice(-most) };
}
