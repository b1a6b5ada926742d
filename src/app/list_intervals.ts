import { type Interval, subtractIntervals, unitsOf } from "../base/time_intervals.ts";
import { pendingIntervals } from "../dag/incremental.ts";
import type { CommitId, EnvName, NodeId } from "../model/ids.ts";
import type { ManifestNode } from "../model/manifest.ts";
import type { IncrementalSpec } from "../model/node.ts";
import type { NodeRecord } from "../model/snapshot.ts";
import { findNode } from "./find_node.ts";
import { requireEnvironment } from "./require_environment.ts";
import type { Workspace } from "./workspace.ts";

/** How far a node that is built piece by piece has come in an environment. */
export interface NodeIntervals {
  readonly node: NodeId;
  readonly mode: IncrementalSpec["mode"];
  /** Unit of time; null for a node that is built by key. */
  readonly interval: string | null;
  /** Built: as few intervals as possible, oldest first. */
  readonly done: readonly Interval[];
  /** Not built yet, up to now: a unit each, oldest first. */
  readonly pending: readonly Interval[];
  /** Rows of the output; null where there is none. */
  readonly rows: number | null;
}

/** What {@linkcode listIntervals} found. */
export interface IntervalList {
  readonly format_version: 1;
  readonly environment: EnvName;
  readonly commit: CommitId;
  readonly nodes: readonly NodeIntervals[];
}

/**
 * Intervals of one node, or of all that are built piece by piece, as an environment's state has them.
 * Throws `unknown_environment`, `unknown_node` and `not_incremental` (2).
 */
export async function listIntervals(
  workspace: Workspace,
  env: EnvName,
  typed: string | null,
): Promise<IntervalList> {
  const commit = requireEnvironment(workspace, env);
  const { manifest, results } = await workspace.state.snapshot(commit);
  const named = typed === null ? null : findNode(manifest, typed);
  const nodes = named === null ? [...manifest.nodes.values()] : [named];
  const nowMs = workspace.host.now().getTime();
  return {
    format_version: 1,
    environment: env,
    commit,
    nodes: nodes.flatMap((node) => intervalsOf(node, results.get(node.id), nowMs) ?? []),
  };
}

function intervalsOf(
  node: ManifestNode,
  record: NodeRecord | undefined,
  nowMs: number,
): NodeIntervals | null {
  const { incremental: state, config } = node;
  if (state === undefined || typeof config["incremental"] !== "string") return null;
  const spec = JSON.parse(config["incremental"]) as IncrementalSpec;
  const isBuilt = record?.status === "success" && record.fingerprint === node.fingerprint;
  const before = state.base === null ? [] : subtractIntervals(state.done, state.build);
  const done = isBuilt ? state.done : before;
  const isTime = spec.mode === "incremental_by_time";
  return {
    node: node.id,
    mode: spec.mode,
    interval: isTime ? spec.interval : null,
    done,
    pending: isTime ? unitsOf(pendingIntervals(spec, done, nowMs), spec.interval) : [],
    rows: isBuilt ? record.rows : null,
  };
}
