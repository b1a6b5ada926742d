import type { EnvName, NodeId } from "../model/ids.ts";
import type { Selected, Selection } from "../plan/select_nodes.ts";
import type { ExecuteOptions } from "./execute_nodes.ts";
import type { IntervalOptions } from "./interval_options.ts";
import type { Planned } from "./planned.ts";

/** What to run. */
export interface RunRequest extends ExecuteOptions {
  /** Null: plan and run production in one go. */
  readonly env: EnvName | null;
  readonly selection: Selection;
  /** Build selected nodes whatever exists. */
  readonly full: boolean;
  /** Plan again when the plan is stale. */
  readonly force: boolean;
  readonly intervals: IntervalOptions;
  /** Write tables outside. */
  readonly materialize: boolean;
  /** Write them although they hold their content. */
  readonly rematerialize?: boolean;
  /** Deliver exposures whose inputs changed, after the environment moved. Absent: deliver none. */
  readonly deliver?: boolean;
}

/** What a run will do, before it does anything. */
export interface PreparedRun {
  readonly env: EnvName | null;
  /** In execution order, with their layer from 1. */
  readonly steps: readonly { readonly id: NodeId; readonly layer: number }[];
  /** Nodes whose outputs are taken as they are. */
  readonly reused: number;
  readonly dropped: number;
  readonly warnings: readonly string[];
  /** Upstream nodes added because a selected one needs them. */
  readonly included: readonly NodeId[];
  readonly planned: Planned;
  /** True where the plan in the environment is not this one: it goes on to it before anything runs. */
  readonly isReplanned: boolean;
  readonly selected: Selected;
  readonly forced: ReadonlySet<NodeId>;
}
