import type { Fingerprint, NodeId } from "./ids.ts";
import type { DeclaredColumn, ParamValue } from "./node.ts";

/** An output column of a node, as its readers see it. */
export interface ColumnShape {
  readonly name: string;
  /** DuckDB type name, after the round trip through Parquet. */
  readonly type: string;
  /** Hash of the expression that computes it; null: cannot tell. */
  readonly expression: string | null;
}

/** Which upstream columns a query reads. */
export interface ColumnLineage {
  /** Output column to the upstream columns (`kind.name.column`) it is computed from. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
  /** Upstream columns that decide which rows come out. */
  readonly rows: readonly string[];
}

/** What the binder found out about a node's query. */
export interface QueryShape {
  readonly columns: readonly ColumnShape[];
  /**
   * Hash of everything that decides which rows come out (FROM, WHERE, GROUP BY, …
   * and expressions that can multiply or fold rows); null: cannot tell.
   */
  readonly rows: string | null;
  /** Null: cannot tell. Readers must then assume that everything is read. */
  readonly lineage: ColumnLineage | null;
}

/** One version of the data that a source reads. */
export interface SourceVersion {
  /** Hash over the paths and contents of all files. */
  readonly hash: string;
  readonly files: readonly string[];
}

/**
 * A node with everything known about it before it runs. Holds no time, host or
 * absolute path: the same project files give the same bytes on every machine.
 */
export interface ManifestNode {
  readonly format_version: 1;
  readonly id: NodeId;
  readonly kind: string;
  readonly name: string;
  /** Project-relative. */
  readonly file: string;
  readonly description: string | null;
  readonly owner: string | null;
  readonly tags: readonly string[];
  readonly inputs: readonly NodeId[];
  readonly declared_columns: readonly DeclaredColumn[];
  /** The kind's own fields, as written. */
  readonly config: Readonly<Record<string, ParamValue>>;
  /** The query in DuckDB's spelling, inputs named `kind.name`. For reading and diffs. */
  readonly sql: string;
  /** Hash of what the query means; equal for two spellings of one syntax tree. */
  readonly query_hash: string;
  /** Hash of everything that went into `shape` and `query_hash`: equal keys need no second look. */
  readonly bind_key: string;
  readonly shape: QueryShape;
  /** Null when the node reads nothing but its inputs. */
  readonly version: SourceVersion | null;
  readonly fingerprint: Fingerprint;
}

/** All nodes of a project, by id, in id order. */
export interface Manifest {
  readonly nodes: ReadonlyMap<NodeId, ManifestNode>;
}
