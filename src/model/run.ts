import type { ContentHash, Fingerprint, NodeId } from "./ids.ts";
import type { CheckResult, CheckSpec } from "./check.ts";
import type { ParamValue } from "./node.ts";
import type { CheckCounts } from "./quality.ts";
import type { TableJob } from "./outside_read.ts";

/** A node output that a job may read. */
export interface JobInput {
  readonly id: NodeId;
  /** Absolute path of a Parquet file. */
  readonly path: string;
}

/** A node output that a script may read, with what its own script left beside the rows. */
export interface ScriptInput extends JobInput {
  /** Absolute path of the node's artifact; null where it has none. */
  readonly artifact: string | null;
  readonly metrics: Readonly<Record<string, number>>;
}

/** Work on one node, as it crosses to a worker: plain data, nothing secret. */
export type NodeJob = QueryJob | CopyJob | RowsJob | TableReadJob | ScriptJob;

interface JobCommon {
  readonly id: NodeId;
  /** Folder in which the worker puts the finished object. */
  readonly objectsDir: string;
  /** Folder for files in the making; same file system as `objectsDir`. */
  readonly temporaryDir: string;
  /** Project files that must not change while they are read. */
  readonly watched: readonly WatchedFile[];
  /** Milliseconds after which the node fails; null for never. */
  readonly timeoutMs: number | null;
}

/** Run a SELECT and keep its rows. */
export interface QueryJob extends JobCommon {
  readonly type: "query";
  readonly sql: string;
  readonly inputs: readonly JobInput[];
  /** Folders the session may read besides the cache; empty for a node that reads inputs only. */
  readonly readable: readonly string[];
  /** The columns that were planned: their names and types are what is written. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** True where the SQL can produce other columns than were planned (a dynamic PIVOT). */
  readonly checkColumns: boolean;
}

/** Keep a Parquet file as it is. */
export interface CopyJob extends JobCommon {
  readonly type: "copy";
  readonly path: string;
}

/** Read files that the engine cannot read itself. */
export interface RowsJob extends JobCommon {
  readonly type: "rows";
  /** Name of a source type (`sources/registry.ts`). */
  readonly source: string;
  /** Absolute. */
  readonly files: readonly string[];
  readonly root: string;
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly columnTypes: Readonly<Record<string, string>>;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/** Read a table outside. */
export interface TableReadJob extends JobCommon {
  readonly type: "table";
  readonly table: TableJob;
}

/** Run a script and keep the rows that it returns. */
export interface ScriptJob extends JobCommon {
  readonly type: "script";
  readonly language: "typescript" | "python";
  /** Project-relative path of the code, for messages. */
  readonly file: string;
  readonly code: string;
  /** 1-based line of the file in which the code begins. */
  readonly line: number;
  /** Files that it imports, by project-relative path. */
  readonly modules: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, ParamValue>>;
  /** What a `model` is told about its training. */
  readonly training: Readonly<Record<string, ParamValue>>;
  readonly inputs: readonly ScriptInput[];
  /** What the rows must be: by name, cast to these types. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/** Check the rows of a node's output. */
export interface CheckJob {
  readonly id: NodeId;
  /** Absolute path of the output. */
  readonly path: string;
  readonly objectsDir: string;
  readonly temporaryDir: string;
  readonly timeoutMs: number | null;
  readonly inputs: readonly JobInput[];
  readonly checks: readonly CheckSpec[];
  /** True where the rows of the output are results themselves. */
  readonly rowsAreChecks: boolean;
}

/** A file with the size and time of last change it had when its content was hashed. */
export interface WatchedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

/** What a worker made. */
export interface NodeOutput {
  readonly contentHash: ContentHash;
  /** Hash of the first 4 KB. */
  readonly headHash: string;
  readonly sizeBytes: number;
  readonly rows: number;
  readonly durationMs: number;
  /** Numbers that a script gave about its work: accuracy and the like. */
  readonly metrics?: Readonly<Record<string, number>>;
  /** A file that a script made beside its rows: a trained model. */
  readonly artifact?: Artifact;
}

/** A file kept with an output, named by its content in `target/cache/objects/`. */
export interface Artifact {
  readonly contentHash: ContentHash;
  readonly sizeBytes: number;
}

/** What came of a job. */
export type NodeResult =
  | { readonly status: "success"; readonly output: NodeOutput }
  | { readonly status: "failed"; readonly error: NodeFailure };

/** What came of checking; failed: the checks could not be run at all. */
export type CheckJobResult =
  | { readonly status: "checked"; readonly results: readonly CheckResult[] }
  | { readonly status: "failed"; readonly error: NodeFailure };

/** Why a node failed. */
export interface NodeFailure {
  readonly message: string;
  /** A second try may succeed: I/O, memory, connections. */
  readonly transient: boolean;
}

/** Terminal state of one node in one run. */
export type NodeStatus = "success" | "failed" | "skipped" | "cached";

/** Everything that can happen in a run; `run --json` prints these, one a line. */
export type RunEvent =
  | {
    readonly event: "plan";
    readonly environment: string | null;
    readonly nodes: number;
    readonly layers: number;
    readonly workers: number;
  }
  | {
    readonly event: "node_started";
    readonly node: NodeId;
    readonly layer: number;
    readonly attempt: number;
  }
  | {
    readonly event: "node_retry";
    readonly node: NodeId;
    readonly attempt: number;
    readonly wait_ms: number;
    readonly error: string;
  }
  | {
    readonly event: "node_finished";
    readonly node: NodeId;
    readonly layer: number;
    readonly status: NodeStatus;
    readonly rows: number | null;
    readonly bytes: number | null;
    readonly duration_ms: number;
    readonly error: string | null;
    /** Numbers that a script gave about its work; absent where there are none. */
    readonly metrics?: Readonly<Record<string, number>>;
  }
  | {
    /** Something that a script said. */
    readonly event: "log";
    readonly node: NodeId;
    readonly message: string;
  }
  | {
    readonly event: "checked";
    readonly node: NodeId;
    /** Rows of the output that was checked. */
    readonly rows: number;
    /** Absolute path of it, where the rows can be looked at that failed; it is nobody's output unless it is accepted. */
    readonly output: string;
    readonly results: readonly CheckResult[];
  }
  | {
    readonly event: "materialized";
    readonly node: NodeId;
    readonly type: string;
    /** Name of the table. */
    readonly target: string;
    readonly mode: string;
    /** `staged`: nothing has changed yet. `unchanged`: the table held the content already. */
    readonly status: "staged" | "written" | "unchanged" | "failed";
    /** Rows of the node's output that were brought in. */
    readonly rows: number | null;
    readonly duration_ms: number;
    readonly error: string | null;
  }
  | {
    readonly event: "delivered";
    readonly node: NodeId;
    /** Type of the exposure. */
    readonly type: string;
    /** Where to, as written. */
    readonly target: string;
    readonly status: "delivered" | "failed";
    readonly rows: number;
    readonly duration_ms: number;
    readonly error: string | null;
  }
  | {
    readonly event: "finished";
    readonly status: "success" | "failed" | "interrupted";
    readonly built: number;
    readonly cached: number;
    readonly failed: number;
    readonly skipped: number;
    readonly reused: number;
    readonly dropped: number;
    readonly checks: CheckCounts;
    readonly duration_ms: number;
    readonly commit: string | null;
  };

/** Outputs that exist, by the fingerprint of the node that made them. */
export interface CachedOutput {
  readonly fingerprint: Fingerprint;
  readonly contentHash: ContentHash;
  readonly headHash: string;
  readonly sizeBytes: number;
  readonly rows: number;
  readonly metrics?: Readonly<Record<string, number>>;
  readonly artifact?: Artifact;
}
