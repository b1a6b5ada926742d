import type { CommitId, EnvName, NodeId } from "../model/ids.ts";
import type { Plan } from "../model/plan.ts";
import type { NodeRecord, Snapshot } from "../model/snapshot.ts";
import type { LoadedManifest } from "./load_manifest.ts";

/** The states a plan is made from. */
export interface PlanningBase {
  readonly prodHead: CommitId | null;
  readonly prod: Snapshot;
  /** Null when production itself is planned. */
  readonly env: EnvName | null;
  readonly envHead: CommitId | null;
  readonly envSnapshot: Snapshot;
}

/** A plan with what is needed to commit or to run it. */
export interface Planned {
  readonly plan: Plan;
  readonly base: PlanningBase;
  readonly loaded: LoadedManifest;
  /** Outputs that are reused, by node. */
  readonly reused: ReadonlyMap<NodeId, NodeRecord>;
  /** Nodes to build although their output exists: something they read is built again. */
  readonly rebuilt: ReadonlySet<NodeId>;
  /** Nodes that keep their output although what they read changed, because somebody decided so. */
  readonly kept: ReadonlySet<NodeId>;
}
