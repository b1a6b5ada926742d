import type { Diagnostic } from "../base/diagnostic.ts";
import type { Category, ChangeKind, ColumnChanges } from "./change.ts";
import type { TypedVariables } from "./variables.ts";
import type { CommitId, EnvName, NodeId } from "./ids.ts";

/** What `run` will do with a node. */
export type Action = "build" | "reuse" | "drop" | "none";

/** One node of a plan. */
export interface PlanNode {
  readonly id: NodeId;
  readonly file: string;
  readonly change: ChangeKind;
  readonly category: Category | null;
  readonly action: Action;
  readonly reasons: readonly string[];
  readonly columns: ColumnChanges;
  readonly because: readonly string[];
  /** Where a reused output comes from: `prod`, `dev`, `the cache`; null for any other action. */
  readonly reused_from?: string | null;
  /** Present where somebody decided the category, with who. */
  readonly override?: { readonly category: Category; readonly by: string };
}

/** A write to a table outside. */
export interface PlannedMaterialization {
  readonly node: NodeId;
  readonly type: string;
  /** Name of the table where it is written: `dev_analytics.orders` by a run, `analytics.orders` by a promotion. */
  readonly target: string;
  readonly mode: string;
  /** Which command writes it. */
  readonly by: "run" | "promote";
}

/** Counts over a plan's nodes. */
export interface PlanSummary {
  readonly build: number;
  readonly reuse: number;
  readonly drop: number;
  readonly materialize: number;
  readonly breaking: number;
  readonly non_breaking: number;
  readonly metadata: number;
  readonly new: number;
  readonly removed: number;
}

/** A plan, as `--json` prints it and as every view shows it. */
export interface Plan {
  readonly format_version: 1;
  readonly environment: EnvName | null;
  readonly base: { readonly ref: EnvName; readonly commit: CommitId | null };
  /** The commit that holds the plan; null for a plan that was only shown. */
  readonly plan: CommitId | null;
  /** Profile whose connections the environment uses; null where there is none. */
  readonly profile: string | null;
  readonly summary: PlanSummary;
  /** In id order. */
  readonly nodes: readonly PlanNode[];
  readonly materializations: readonly PlannedMaterialization[];
  /** Tables of production that nothing would write to any more; they stay as they are. Absent: none. */
  readonly released?: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The part of a plan that is committed (`plan.json`): nodes that are merely
 * reused unchanged are left out, so that it costs what changed.
 */
export interface StoredPlan {
  readonly format_version: 1;
  readonly environment: EnvName;
  readonly base: { readonly ref: EnvName; readonly commit: CommitId | null };
  readonly manifest_fingerprint: string;
  readonly profile: string | null;
  /** Hash of what the profile says, as written; absent where there is none. */
  readonly profile_hash?: string;
  /** What the command line said about `{{ name }}`; absent: nothing. */
  readonly variables?: TypedVariables;
  readonly summary: PlanSummary;
  readonly nodes: readonly PlanNode[];
  readonly materializations: readonly PlannedMaterialization[];
}
