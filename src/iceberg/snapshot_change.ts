import type { ObjectStorage } from "../storage/object_storage.ts";
import type { DataFile } from "./manifest.ts";
import type { TableMetadata, TableSchema } from "./table_metadata.ts";

/** What a snapshot changes. */
export interface SnapshotChange {
  /** `append` adds only; `overwrite` replaces rows; `delete` only removes. */
  readonly operation: "append" | "overwrite" | "delete";
  /** Files of the spec `specId`, all new. */
  readonly added: readonly DataFile[];
  readonly specId: number;
  /** Paths of data files that are no longer part of the table, or all of them, with all delete files. */
  readonly removed: ReadonlySet<string> | "all";
  /** Goes into the summary: `seeknal.batch` and the like. */
  readonly properties: Readonly<Record<string, string>>;
}

/** A table in the state that a snapshot is built on. */
export interface SnapshotBase {
  /** With the schemas and specs that the same commit adds. */
  readonly metadata: TableMetadata;
  readonly schema: TableSchema;
  readonly storage: ObjectStorage;
}
