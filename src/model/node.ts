import type { Scalar } from "../base/field_reader.ts";
import type { CheckSeverity } from "./check.ts";
import type { NodeId } from "./ids.ts";
import type { ParamValue } from "./param_value.ts";
import type { MaterializationSpec } from "./materialization.ts";

export type { ParamValue } from "./param_value.ts";

/** A column that the author declared. */
export interface DeclaredColumn {
  readonly name: string;
  /** SQL type as written; null when only described. */
  readonly type: string | null;
  readonly description: string | null;
}

/** A check that an author wrote under `audits:`; its type's own fields are in `params`. */
export interface AuditSpec {
  /** Name of an audit type (`checks/registry.ts`). */
  readonly type: string;
  readonly severity: CheckSeverity;
  /** Columns it looks at; empty for the table as a whole. */
  readonly columns: readonly string[];
  readonly params: Readonly<Record<string, ParamValue>>;
  /** What it is called; absent: after its type and its columns. */
  readonly name?: string;
  /** SQL condition on the rows that are looked at; absent: all of them. */
  readonly where?: string;
  /** Violations up to which it passes all the same; absent: 0. */
  readonly max_violations?: number;
  /** Nodes that it reads besides its own; absent: none. */
  readonly reads?: readonly NodeId[];
}

/** Code in another language than SQL that makes a node's rows. */
export interface ScriptSpec {
  readonly language: "typescript" | "python";
  /** Project-relative path of the file that holds the code: the node's own file where it is one. */
  readonly file: string;
  /** The code itself. */
  readonly code: string;
  /** 1-based line of the file in which it begins. */
  readonly line: number;
  /** Files of the project that it imports, by project-relative path. */
  readonly modules: Readonly<Record<string, string>>;
}

/** How a node is built piece by piece. */
export type IncrementalSpec = IncrementalByTime | IncrementalByKey;

/** Rows belong to intervals of time; each interval is built once. */
export interface IncrementalByTime {
  readonly mode: "incremental_by_time";
  /** Output column that says to which interval a row belongs. */
  readonly time_column: string;
  readonly interval: "hour" | "day" | "week" | "month" | "year";
  /** RFC 3339 UTC: where the first interval begins. */
  readonly start: string;
  /** Intervals before the newest ones that are built again with them. */
  readonly lookback: number;
}

/** New rows replace those with the same key. */
export interface IncrementalByKey {
  readonly mode: "incremental_by_key";
  readonly unique_key: readonly string[];
  /** Output column whose highest value so far `{{ watermark }}` stands for; null: none. */
  readonly time_column: string | null;
}

/** What every kind of node has. */
export interface NodeCommon {
  readonly id: NodeId;
  readonly kind: string;
  readonly name: string;
  readonly description: string | null;
  readonly owner: string | null;
  readonly tags: readonly string[];
  /** Upstream nodes in the order in which they are written: `input_0`, `input_1`, … */
  readonly inputs: readonly NodeId[];
  readonly columns: readonly DeclaredColumn[];
  /** Columns that tell its rows apart; empty where nobody said. */
  readonly grain: readonly string[];
  /** Tables outside that its rows are written to. */
  readonly materializations: readonly MaterializationSpec[];
  /** Checks that its rows have to pass. */
  readonly audits: readonly AuditSpec[];
  /** Where each of the `audits` is written in the node's document; absent where there are none. */
  readonly auditPlaces?: readonly (readonly (string | number)[])[];
}

/** A node as its author wrote it, normalised: nothing is optional because it was left out. Each kind adds fields of its own. */
export type NodeSpec = NodeCommon;

/** Rows that come from files of the project, or from a table outside. */
export interface SourceSpec extends NodeCommon {
  readonly kind: "source";
  /** Name of a source type (`sources/registry.ts`). */
  readonly source: string;
  /** Project-relative path or glob, or the name of a table; null where `params.query` says what to read. */
  readonly table: string | null;
  readonly params: Readonly<Record<string, ParamValue>>;
  /** How old its newest row may be; null where nobody said. */
  readonly freshness: FreshnessSpec | null;
  /** What columns that are not declared mean. */
  readonly contract: ContractMode;
}

/** How old the newest row of a source may be. */
export interface FreshnessSpec {
  /** Column with the time of a row. */
  readonly time_column: string;
  /** Age from which it is said, as `24h`; null: never. */
  readonly warn_after: string | null;
  /** Age from which the source fails; null: never. */
  readonly error_after: string | null;
}

/**
 * What holds between the columns that are declared and those that are there. `enforce`: they are the same, with the
 * same types. `evolve`: others come through, with a warning. `ignore`: others come through.
 */
export type ContractMode = "enforce" | "evolve" | "ignore";

/** Rows that one SELECT computes from other nodes. */
export interface SqlSpec extends NodeCommon {
  /** The SQL as the author wrote it. */
  readonly transform: string;
  readonly params: Readonly<Record<string, Scalar>>;
}

/** A {@linkcode SqlSpec} of the kind that is nothing else. */
export interface TransformSpec extends SqlSpec {
  readonly kind: "transform";
  /** Null: built as a whole. */
  readonly incremental: IncrementalSpec | null;
}

/** How a node is built piece by piece; null where it is built as a whole. */
export function incrementalOf(spec: NodeSpec): IncrementalSpec | null {
  return "incremental" in spec ? (spec as TransformSpec).incremental : null;
}

/** A node of any kind with rows whose rows a script makes. */
export interface ScriptNodeSpec extends NodeCommon {
  readonly script: ScriptSpec;
  readonly params: Readonly<Record<string, ParamValue>>;
  /** What a `model` is told about its training; empty for every other kind. */
  readonly training: Readonly<Record<string, ParamValue>>;
}
