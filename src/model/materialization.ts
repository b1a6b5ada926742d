import type { NodeId } from "./ids.ts";
import type { SchemaEvolution } from "./profile.ts";

/** How rows get into a table outside. */
export type MaterializationMode =
  | "full"
  | "append"
  | "upsert_by_key"
  | "incremental_by_time"
  | "overwrite_partitions"
  | "view";

/** What must hold between a node's output and what was staged, or nothing is swapped. */
export interface ValidationPolicy {
  /** Most by which the row counts may differ, as a part of the output's rows (0.01: one in a hundred). Default 0. */
  readonly row_count_tolerance: number;
  /** Compare contents by checksum. Default true. */
  readonly checksum: boolean;
}

/** A table outside that a node's output is written to, as its author wrote it. JSON-safe; goes into the manifest. */
export interface MaterializationSpec {
  /** Name of a target type (`targets/registry.ts`): `postgresql`, `iceberg`. */
  readonly type: string;
  /** Connection of the profile. For Iceberg the first part of `table`. */
  readonly connection: string;
  /** As written: `schema.table`, or `catalog.namespace.table`. */
  readonly table: string;
  readonly mode: MaterializationMode;
  /** Column by which `incremental_by_time` replaces. */
  readonly time_column?: string;
  /** Days before the first new time that are replaced too (`incremental_by_time`). */
  readonly lookback?: number;
  /** Columns that tell rows apart (`upsert_by_key`). */
  readonly unique_keys?: readonly string[];
  /** What to do with rows whose key is NULL. Default `error`. */
  readonly null_keys?: "error" | "skip";
  /** What to do with several rows of one key. Default `error`; `last` keeps the last in output order. */
  readonly duplicate_keys?: "error" | "last";
  /** Types of columns in the outside system, where not the usual ones: `{ payload: jsonb }`. */
  readonly column_types?: Readonly<Record<string, string>>;
  /** Partition fields of an Iceberg table, such as `day(ts)`, `bucket(16, id)`, `region`. */
  readonly partition_by?: readonly string[];
  /** What to do with a table of that name that Seeknal did not write. Default `refuse`. */
  readonly existing?: "refuse" | "adopt";
  /** Default: the profile's. */
  readonly schema_evolution?: SchemaEvolution;
  readonly validation?: Partial<ValidationPolicy>;
}

/** What an environment's state says about one table outside: the tree of a commit holds these. */
export interface MaterializationRecord {
  readonly type: string;
  readonly connection: string;
  /** The system that the connection led to, see `systemOf`; absent: unknown. */
  readonly system?: string;
  /** The name in the environment: `dev_analytics.orders`, `atlas.dev_shop.orders`. */
  readonly target: string;
  readonly mode: MaterializationMode;
  /** Content of the node output that it holds or, for modes that add, that was added last. */
  readonly content_hash: string;
  /** Hash of everything about how it is written besides the content. */
  readonly spec_hash: string;
  /** Rows of the output. */
  readonly rows: number;
  /** The batch that brought the content in: contents may come again, batches do not. */
  readonly batch?: string;
}

/** Who writes a table: recorded outside, so that nobody else's table is overwritten. */
export interface TableOwner {
  readonly project: string;
  readonly environment: string;
}

/** One table to write in one promotion or run. JSON-safe: intents keep it. */
export interface TableWrite {
  readonly node: NodeId;
  /** Name in the environment, in parts: `["dev_analytics", "orders"]`; without the catalog. */
  readonly table: readonly string[];
  /** For messages: `dev_analytics.orders`, `atlas.dev_shop.orders`. */
  readonly target: string;
  /** The system that the connection leads to, see `systemOf`; absent: unknown. */
  readonly system?: string;
  readonly spec: MaterializationSpec;
  /**
   * `write`: bring the output in, by the spec's mode. `revert`: take back what brought the
   * current content in, so that the table is as it was right after the batch `back_to` (absent:
   * when it last had `content_hash`). A rollback; for modes other than full and view, and where a table
   * was written whole after it had been added to.
   */
  readonly action: "write" | "revert";
  /** The batch to go back to. */
  readonly back_to?: string;
  /** Columns of the output, with DuckDB types. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: number;
  readonly content_hash: string;
  readonly spec_hash: string;
  readonly owner: TableOwner;
  readonly schema_evolution: SchemaEvolution;
  /** A table of the same store that may hold the very content (an environment's, when production is written). */
  readonly like?: readonly string[];
  /** Write although the table holds the content already. */
  readonly forced?: boolean;
}
