import type { Scalar } from "../base/field_reader.ts";
import type { NodeId } from "./ids.ts";
import type { MaterializationSpec } from "./materialization.ts";

/** A value of a source's `params`. */
export type ParamValue = Scalar | readonly Scalar[] | { readonly [key: string]: Scalar };

/** A column that the author declared. */
export interface DeclaredColumn {
  readonly name: string;
  /** SQL type as written; null when only described. */
  readonly type: string | null;
  readonly description: string | null;
}

/** What every kind of node has. */
export interface NodeCommon {
  readonly id: NodeId;
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
}

/** Rows that come from files of the project, or from a table outside. */
export interface SourceSpec extends NodeCommon {
  readonly kind: "source";
  /** Name of a source type (`sources/registry.ts`). */
  readonly source: string;
  /** Project-relative path or glob, or the name of a table; null where `params.query` says what to read. */
  readonly table: string | null;
  readonly params: Readonly<Record<string, ParamValue>>;
}

/** Rows that one SELECT computes from other nodes. */
export interface TransformSpec extends NodeCommon {
  readonly kind: "transform";
  /** The SQL as the author wrote it. */
  readonly transform: string;
  readonly params: Readonly<Record<string, Scalar>>;
}

/** A node as its author wrote it, normalised: nothing is optional because it was left out. */
export type NodeSpec = SourceSpec | TransformSpec;
