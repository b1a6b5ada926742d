import { compactJson } from "../base/canonical_json.ts";
import { UserError } from "../base/user_error.ts";
import { FIRST_PARTITION_ID } from "./metadata_json.ts";
import type {
  IcebergType,
  PartitionSpec,
  SortOrder,
  TableMetadata,
  TableSchema,
  TableSnapshot,
  TableUpdate,
} from "./table_metadata.ts";

export { checkRequirements } from "./check_requirements.ts";

/** What the new metadata is to say besides the updates. */
export interface UpdateOptions {
  readonly now: Date;
  /** Metadata file of the state before, for `metadata-log`; null where there is none. */
  readonly previousFile?: string | null;
}

/** Metadata files that `metadata-log` names when the table does not say how many (Iceberg's default). */
const PREVIOUS_VERSIONS = 100;

/** Id that stands for what the same commit added last. */
const LAST_ADDED = -1;

/** What a commit has done so far. */
interface Draft {
  metadata: TableMetadata;
  readonly now: number;
  readonly lastAdded: { schema: number | null; spec: number | null; order: number | null };
  /** Snapshots of this commit. */
  readonly added: Set<bigint>;
  /** Time of the change; null until something says it. */
  changed: number | null;
}

type Update<A extends TableUpdate["action"]> = Extract<TableUpdate, { readonly action: A }>;

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

function addSchema(draft: Draft, schema: TableSchema, lastColumnId: number | undefined): void {
  const { schemas } = draft.metadata;
  const same = schemas.find((other) => contentOf(other) === contentOf(schema));
  const id = same?.["schema-id"] ?? nextId(schemas.map((other) => other["schema-id"]), 0);
  set(draft, {
    schemas: same === undefined ? [...schemas, { ...schema, "schema-id": id }] : schemas,
    "last-column-id": Math.max(
      draft.metadata["last-column-id"],
      lastColumnId ?? 0,
      ...fieldIds(schema),
    ),
  });
  draft.lastAdded.schema = id;
}

function setCurrentSchema(draft: Draft, id: number): void {
  const chosen = id === LAST_ADDED ? draft.lastAdded.schema : id;
  if (!draft.metadata.schemas.some((schema) => schema["schema-id"] === chosen) || chosen === null) {
    throw invalid(`there is no schema ${id}`);
  }
  set(draft, { "current-schema-id": chosen });
}

function addSpec(draft: Draft, spec: PartitionSpec): void {
  const specs = draft.metadata["partition-specs"];
  const same = specs.find((other) => partitioningOf(other) === partitioningOf(spec));
  const id = same?.["spec-id"] ?? nextId(specs.map((other) => other["spec-id"]), 0);
  let last = draft.metadata["last-partition-id"];
  // The protocol lets clients leave the ids of new fields to the catalog.
  const fields = spec.fields.map((field) => {
    const fieldId = (field["field-id"] as number | undefined) ?? last + 1;
    last = Math.max(last, fieldId);
    return { ...field, "field-id": fieldId };
  });
  if (same === undefined) {
    set(draft, {
      "partition-specs": [...specs, { ...spec, "spec-id": id, fields }],
      "last-partition-id": last,
    });
  }
  draft.lastAdded.spec = id;
}

function setDefaultSpec(draft: Draft, id: number): void {
  const chosen = id === LAST_ADDED ? draft.lastAdded.spec : id;
  if (
    chosen === null ||
    !draft.metadata["partition-specs"].some((spec) => spec["spec-id"] === chosen)
  ) {
    throw invalid(`there is no partition spec ${id}`);
  }
  set(draft, { "default-spec-id": chosen });
}

function addSortOrder(draft: Draft, order: SortOrder): void {
  const orders = draft.metadata["sort-orders"];
  const same = orders.find((other) => compactJson(other.fields) === compactJson(order.fields));
  // Order 0 is reserved for rows in no order.
  const id = same?.["order-id"] ??
    (order.fields.length === 0 ? 0 : nextId(orders.map((other) => other["order-id"]), 1));
  if (same === undefined) set(draft, { "sort-orders": [...orders, { ...order, "order-id": id }] });
  draft.lastAdded.order = id;
}

function setDefaultSortOrder(draft: Draft, id: number): void {
  const chosen = id === LAST_ADDED ? draft.lastAdded.order : id;
  if (
    chosen === null || !draft.metadata["sort-orders"].some((order) => order["order-id"] === chosen)
  ) {
    throw invalid(`there is no sort order ${id}`);
  }
  set(draft, { "default-sort-order-id": chosen });
}

function addSnapshot(draft: Draft, snapshot: TableSnapshot): void {
  const { metadata } = draft;
  const id = snapshot["snapshot-id"];
  if (metadata.snapshots.some((other) => other["snapshot-id"] === id)) {
    throw invalid(`there is a snapshot ${id} already`);
  }
  const version = metadata["format-version"];
  if (version > 2 && !("first-row-id" in snapshot)) {
    throw invalid("a table of format version 3 numbers its rows, which the snapshot does not");
  }
  const number = snapshot["sequence-number"];
  const last = metadata["last-sequence-number"];
  if (version > 1 && number <= last && snapshot["parent-snapshot-id"] !== undefined) {
    throw invalid(`sequence number ${number} of snapshot ${id} is not above ${last}`);
  }
  set(draft, {
    snapshots: [...metadata.snapshots, snapshot],
    "last-sequence-number": Math.max(last, number),
  });
  draft.added.add(id);
  draft.changed = snapshot["timestamp-ms"];
}

function setRef(draft: Draft, update: Update<"set-snapshot-ref">): void {
  const { action: _, "ref-name": name, ...ref } = update;
  const { metadata } = draft;
  const snapshot = metadata.snapshots.find((other) => other["snapshot-id"] === ref["snapshot-id"]);
  if (snapshot === undefined) {
    throw invalid(`there is no snapshot ${ref["snapshot-id"]} for ${name}`);
  }
  if (name === "main" && ref.type !== "branch") throw invalid("main can be a branch only");
  if (compactText(metadata.refs[name]) === compactText(ref)) return;
  set(draft, { refs: { ...metadata.refs, [name]: ref } });
  if (name !== "main" || metadata["current-snapshot-id"] === ref["snapshot-id"]) return;
  const isNew = draft.added.has(ref["snapshot-id"]);
  const timestamp = isNew ? snapshot["timestamp-ms"] : draft.now;
  draft.changed = timestamp;
  set(draft, {
    "current-snapshot-id": ref["snapshot-id"],
    "snapshot-log": [
      ...metadata["snapshot-log"],
      { "timestamp-ms": timestamp, "snapshot-id": ref["snapshot-id"] },
    ],
  });
}

function removeRef(draft: Draft, name: string): void {
  set(draft, { refs: without(draft.metadata.refs, [name]) });
  if (name === "main") set(draft, { "current-snapshot-id": null, "snapshot-log": [] });
}

function removeSnapshots(draft: Draft, ids: ReadonlySet<bigint>): void {
  const { metadata } = draft;
  set(draft, {
    snapshots: metadata.snapshots.filter((snapshot) => !ids.has(snapshot["snapshot-id"])),
    "snapshot-log": afterLastGap(metadata["snapshot-log"], ids),
    ...remainingStatistics(metadata, ids),
  });
  for (const [name, ref] of Object.entries(metadata.refs)) {
    if (ids.has(ref["snapshot-id"])) removeRef(draft, name);
  }
}

/** History must be whole: what came before a snapshot that is gone cannot be told any more. */
function afterLastGap(
  log: TableMetadata["snapshot-log"],
  gone: ReadonlySet<bigint>,
): TableMetadata["snapshot-log"] {
  const last = log.findLastIndex((entry) => gone.has(entry["snapshot-id"]));
  return log.slice(last + 1);
}

/** Statistics files belong to a snapshot; without it they describe nothing. */
function remainingStatistics(
  metadata: TableMetadata,
  gone: ReadonlySet<bigint>,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const field of ["statistics", "partition-statistics"]) {
    const entries = (metadata as unknown as Record<string, unknown>)[field];
    if (!Array.isArray(entries)) continue;
    result[field] = entries.filter((entry: { "snapshot-id"?: bigint }) =>
      entry["snapshot-id"] === undefined || !gone.has(entry["snapshot-id"])
    );
  }
  return result;
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

function set(draft: Draft, fields: Partial<TableMetadata> & Record<string, unknown>): void {
  draft.metadata = { ...draft.metadata, ...fields };
}

function contentOf(schema: TableSchema): string {
  return compactJson([schema.fields, [...schema["identifier-field-ids"] ?? []].sort(ascending)]);
}

function partitioningOf(spec: PartitionSpec): string {
  return compactJson(
    spec.fields.map((field) => [field["source-id"], field.name, field.transform]),
  );
}

function fieldIds(type: IcebergType): number[] {
  if (typeof type === "string") return [];
  switch (type.type) {
    case "struct":
      return type.fields.flatMap((field) => [field.id, ...fieldIds(field.type)]);
    case "list":
      return [type["element-id"], ...fieldIds(type.element)];
    case "map":
      return [type["key-id"], type["value-id"], ...fieldIds(type.key), ...fieldIds(type.value)];
  }
}

function nextId(ids: readonly number[], first: number): number {
  return Math.max(first - 1, ...ids) + 1;
}

function ascending(a: number, b: number): number {
  return a - b;
}

function without<V>(
  values: Readonly<Record<string, V>>,
  names: readonly string[],
): Record<string, V> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));
}

function compactText(value: unknown): string {
  return JSON.stringify(value, (_, part) => typeof part === "bigint" ? `${part}` : part) ?? "";
}

function invalid(why: string): UserError {
  return new UserError(`Cannot change the Iceberg table: ${why}`, {
    code: "iceberg_update_invalid",
    kind: "execution",
  });
}
