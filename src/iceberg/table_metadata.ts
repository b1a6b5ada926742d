/**
 * Documents of the Iceberg table format, version 2, with the field names of the
 * specification (https://iceberg.apache.org/spec/). 64-bit numbers that JSON cannot
 * hold exactly (snapshot ids) are bigints; read and write them with `metadata_json.ts`.
 */

/** A primitive as the specification spells it: `long`, `decimal(10,2)`, `fixed[16]`, … */
export type PrimitiveType = string;

/** A type of a field. */
export type IcebergType = PrimitiveType | StructType | ListType | MapType;

/** Named fields. */
export interface StructType {
  readonly type: "struct";
  readonly fields: readonly SchemaField[];
}

/** A list. */
export interface ListType {
  readonly type: "list";
  readonly "element-id": number;
  readonly element: IcebergType;
  readonly "element-required": boolean;
}

/** A map. */
export interface MapType {
  readonly type: "map";
  readonly "key-id": number;
  readonly key: IcebergType;
  readonly "value-id": number;
  readonly value: IcebergType;
  readonly "value-required": boolean;
}

/** A field of a struct; its id never changes and is never used again. */
export interface SchemaField {
  readonly id: number;
  readonly name: string;
  readonly required: boolean;
  readonly type: IcebergType;
  readonly doc?: string;
}

/** One version of a table's columns. */
export interface TableSchema extends StructType {
  readonly "schema-id": number;
  readonly "identifier-field-ids"?: readonly number[];
}

/** A field that rows are partitioned by. */
export interface PartitionField {
  readonly "source-id": number;
  readonly "field-id": number;
  readonly name: string;
  /** `identity`, `bucket[16]`, `truncate[10]`, `year`, `month`, `day`, `hour`, `void`. */
  readonly transform: string;
}

/** One way of partitioning. */
export interface PartitionSpec {
  readonly "spec-id": number;
  readonly fields: readonly PartitionField[];
}

/** An order of rows. */
export interface SortOrder {
  readonly "order-id": number;
  readonly fields: readonly unknown[];
}

/** The state of a table after one commit. */
export interface TableSnapshot {
  readonly "snapshot-id": bigint;
  readonly "parent-snapshot-id"?: bigint;
  readonly "sequence-number": number;
  readonly "timestamp-ms": number;
  readonly "manifest-list": string;
  readonly summary: Readonly<Record<string, string>> & { readonly operation: string };
  readonly "schema-id"?: number;
}

/** A branch or a tag. */
export interface SnapshotRef {
  readonly "snapshot-id": bigint;
  readonly type: "branch" | "tag";
  readonly "max-ref-age-ms"?: number;
  readonly "max-snapshot-age-ms"?: number;
  readonly "min-snapshots-to-keep"?: number;
}

/** A table's metadata file. */
export interface TableMetadata {
  readonly "format-version": 1 | 2 | 3;
  readonly "table-uuid": string;
  readonly location: string;
  readonly "last-sequence-number": number;
  readonly "last-updated-ms": number;
  readonly "last-column-id": number;
  readonly "current-schema-id": number;
  readonly schemas: readonly TableSchema[];
  readonly "default-spec-id": number;
  readonly "partition-specs": readonly PartitionSpec[];
  readonly "last-partition-id": number;
  readonly "default-sort-order-id": number;
  readonly "sort-orders": readonly SortOrder[];
  readonly properties: Readonly<Record<string, string>>;
  readonly "current-snapshot-id": bigint | null;
  readonly snapshots: readonly TableSnapshot[];
  readonly refs: Readonly<Record<string, SnapshotRef>>;
  readonly "snapshot-log": readonly {
    readonly "timestamp-ms": number;
    readonly "snapshot-id": bigint;
  }[];
  readonly "metadata-log": readonly {
    readonly "timestamp-ms": number;
    readonly "metadata-file": string;
  }[];
}

/** A change of a table's metadata, as the REST protocol names them. */
export type TableUpdate =
  | { readonly action: "assign-uuid"; readonly uuid: string }
  | { readonly action: "upgrade-format-version"; readonly "format-version": number }
  | {
    readonly action: "add-schema";
    readonly schema: TableSchema;
    readonly "last-column-id": number;
  }
  | { readonly action: "set-current-schema"; readonly "schema-id": number }
  | { readonly action: "add-spec"; readonly spec: PartitionSpec }
  | { readonly action: "set-default-spec"; readonly "spec-id": number }
  | { readonly action: "add-sort-order"; readonly "sort-order": SortOrder }
  | { readonly action: "set-default-sort-order"; readonly "sort-order-id": number }
  | { readonly action: "set-location"; readonly location: string }
  | { readonly action: "set-properties"; readonly updates: Readonly<Record<string, string>> }
  | { readonly action: "remove-properties"; readonly removals: readonly string[] }
  | { readonly action: "add-snapshot"; readonly snapshot: TableSnapshot }
  | ({ readonly action: "set-snapshot-ref"; readonly "ref-name": string } & SnapshotRef)
  | { readonly action: "remove-snapshot-ref"; readonly "ref-name": string }
  | { readonly action: "remove-snapshots"; readonly "snapshot-ids": readonly bigint[] };

/** What must be true of a table for a commit to be accepted. */
export type TableRequirement =
  | { readonly type: "assert-create" }
  | { readonly type: "assert-table-uuid"; readonly uuid: string }
  | {
    readonly type: "assert-ref-snapshot-id";
    readonly ref: string;
    readonly "snapshot-id": bigint | null;
  }
  | { readonly type: "assert-current-schema-id"; readonly "current-schema-id": number }
  | { readonly type: "assert-last-assigned-field-id"; readonly "last-assigned-field-id": number }
  | {
    readonly type: "assert-last-assigned-partition-id";
    readonly "last-assigned-partition-id": number;
  }
  | { readonly type: "assert-default-spec-id"; readonly "default-spec-id": number }
  | { readonly type: "assert-default-sort-order-id"; readonly "default-sort-order-id": number };
