import type { Fingerprint, NodeId } from "./ids.ts";
import type { IncrementalState } from "./incremental.ts";
import type { MaterializationSpec } from "./materialization.ts";
import type { AuditSpec, DeclaredColumn, ParamValue } from "./node.ts";

/** An output column of a node, as its readers see it. */
export interface ColumnShape {
  readonly name: string;
  /** DuckDB type name, after the round trip through Parquet. */
  readonly type: string;
  /** Hash of what computes it from the inputs, or of a source's values; null: cannot tell. */
  readonly expression: string | null;
  /** True where building the node again may give other values although nothing changed. */
  readonly unstable?: true;
}

/** Upstream nodes with the columns that are read of them; a node without columns is read for its rows. */
export type Reads = Readonly<Record<NodeId, readonly string[]>>;

/** Which upstream columns a query reads, and what for. */
export interface ColumnLineage {
  /** What each output column is computed from. */
  readonly columns: Readonly<Record<string, Reads>>;
  /** What decides which rows come out. */
  readonly rows: Reads;
  /** What decides their order. */
  readonly order: Reads;
}

/** What a node's query means, as far as its readers can notice. */
export interface QueryShape {
  readonly columns: readonly ColumnShape[];
  /** Hash of what decides which rows come out; null: cannot tell. */
  readonly rows: string | null;
  /** True where building the node again may give other rows although nothing changed. */
  readonly unstable_rows?: true;
  /** True where the order of the inputs' rows decides between equals. */
  readonly order_sensitive?: true;
  /** Hash of the order of the rows; null where there is none or it cannot be told. */
  readonly order?: string | null;
  /** Null: cannot tell. Readers must then assume that everything is read. */
  readonly lineage: ColumnLineage | null;
  /** Why it cannot be told. */
  readonly untraced?: string;
  /** Functions called whose value depends on chance, the clock or the session. */
  readonly volatile?: readonly string[];
}

/** What the readers of a node depend on: a part is the same as before when they would find the same. */
export interface NodeParts {
  /** Fingerprint of which rows there are. */
  readonly rows: string;
  /** Fingerprint of each column's values on those rows, in output order. */
  readonly columns: readonly string[];
  /** Fingerprint of the order of the rows; null where there is none. */
  readonly order: string | null;
}

/** One version of the data that a source reads. */
export interface SourceVersion {
  /** Hash over the paths and contents of all files, or what stands for the rows of a table outside. */
  readonly hash: string;
  readonly files: readonly string[];
  /** Where a pattern or folder names the files: the first digits of the hash of each, to tell which of them changed. */
  readonly file_hashes?: readonly string[];
  /** For a table outside: what the hash relies on, in words. */
  readonly relies_on?: string;
  /** For a table outside: stands for the system it is in. */
  readonly system?: string;
  /** Where incremental reading goes on: the last value that was read. */
  readonly watermark?: string;
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
  /** Columns that tell its rows apart, as declared; absent where nobody said. */
  readonly grain?: readonly string[];
  /** Tables outside that its rows are written to; absent where there are none. */
  readonly materializations?: readonly MaterializationSpec[];
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
  /** Stands for the whole output: columns, their order, names and types, rows and their order. */
  readonly fingerprint: Fingerprint;
  /** Absent in what an earlier version wrote: every part then changes with the whole. */
  readonly parts?: NodeParts;
  /** What its output is made of, where that is built piece by piece. */
  readonly incremental?: IncrementalState;
  /** Set for nodes that have no rows of their own: metrics, exposures and the like. */
  readonly virtual?: true;
  /** Checks that its rows have to pass; absent where there are none. */
  readonly audits?: readonly AuditSpec[];
  /** Set where what it reads went on without it: its fingerprint is not that of its inputs. */
  readonly behind?: true;
  /** Set where somebody decided that it stays as it was: its fingerprint is not that of its inputs. */
  readonly kept?: true;
  /** Set where somebody decided what a change means for the readers. */
  readonly override?: CategoryOverride;
}

/** Somebody's decision about a change, and what it was about. */
export interface CategoryOverride {
  readonly category: "BREAKING" | "NON_BREAKING";
  readonly by: string;
  /** The node's query and data before the change it was decided for. */
  readonly before: string;
}

/** All nodes of a project, by id, in id order. */
export interface Manifest {
  readonly nodes: ReadonlyMap<NodeId, ManifestNode>;
}
