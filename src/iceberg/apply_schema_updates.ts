import { compactJson } from "../base/canonical_json.ts";
import { type Draft, invalid, LAST_ADDED, set } from "./metadata_draft.ts";
import type { IcebergType, PartitionSpec, SortOrder, TableSchema } from "./table_metadata.ts";

/** Adds a schema unless there is one of the same fields. */
export function addSchema(
  draft: Draft,
  schema: TableSchema,
  lastColumnId: number | undefined,
): void {
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

/** Makes a schema the current one. */
export function setCurrentSchema(draft: Draft, id: number): void {
  const chosen = id === LAST_ADDED ? draft.lastAdded.schema : id;
  if (!draft.metadata.schemas.some((schema) => schema["schema-id"] === chosen) || chosen === null) {
    throw invalid(`there is no schema ${id}`);
  }
  set(draft, { "current-schema-id": chosen });
}

/** Adds a way of partitioning unless there is one of the same fields. */
export function addSpec(draft: Draft, spec: PartitionSpec): void {
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

/** Makes a partition spec the one for new files. */
export function setDefaultSpec(draft: Draft, id: number): void {
  const chosen = id === LAST_ADDED ? draft.lastAdded.spec : id;
  if (
    chosen === null ||
    !draft.metadata["partition-specs"].some((spec) => spec["spec-id"] === chosen)
  ) {
    throw invalid(`there is no partition spec ${id}`);
  }
  set(draft, { "default-spec-id": chosen });
}

/** Adds an order of rows unless there is the same. */
export function addSortOrder(draft: Draft, order: SortOrder): void {
  const orders = draft.metadata["sort-orders"];
  const same = orders.find((other) => compactJson(other.fields) === compactJson(order.fields));
  // Order 0 is reserved for rows in no order.
  const id = same?.["order-id"] ??
    (order.fields.length === 0 ? 0 : nextId(orders.map((other) => other["order-id"]), 1));
  if (same === undefined) set(draft, { "sort-orders": [...orders, { ...order, "order-id": id }] });
  draft.lastAdded.order = id;
}

/** Makes a sort order the one for new files. */
export function setDefaultSortOrder(draft: Draft, id: number): void {
  const chosen = id === LAST_ADDED ? draft.lastAdded.order : id;
  if (
    chosen === null || !draft.metadata["sort-orders"].some((order) => order["order-id"] === chosen)
  ) {
    throw invalid(`there is no sort order ${id}`);
  }
  set(draft, { "default-sort-order-id": chosen });
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
