import type { ParamValue } from "./node.ts";
import type { ConnectionSpec } from "./profile.ts";

/** Rows of an outside system, as a source node asks for them. JSON-safe. */
export interface TableRead {
  /** `schema.table`, or `catalog.namespace.table`; null when `params.query` says what to read. */
  readonly table: string | null;
  /** The node's params over the profile's defaults. */
  readonly params: Readonly<Record<string, ParamValue>>;
  /** Types the node declares, by column: what comes is cast to them. */
  readonly columnTypes: Readonly<Record<string, string>>;
}

/** A read that a worker does: plain data, `${VAR}` unresolved. */
export interface TableJob {
  /** Name of a table source type (`sources/registry.ts`). */
  readonly source: string;
  readonly connection: ConnectionSpec;
  readonly read: TableRead;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** What to read exactly: an exported snapshot, a snapshot id; from `SourceReader.pin`. */
  readonly pin: string | null;
  /** Rows read before, to be gone on with; null: read everything. */
  readonly previous: { readonly parquet: string; readonly watermark: string } | null;
  readonly root: string;
  readonly temporaryDir: string;
}
