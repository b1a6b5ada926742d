import { UserError } from "../base/user_error.ts";
import type { IntervalRequest } from "../dag/incremental.ts";
import { type NodeId, splitNodeId } from "../model/ids.ts";
import type { Manifest } from "../model/manifest.ts";
import { findNode } from "./find_node.ts";

/** What the command line says about intervals. */
export interface IntervalOptions {
  readonly startMs: number | null;
  readonly endMs: number | null;
  /** Nodes whose intervals are built again, by id or name; `*` for all. */
  readonly restate: readonly string[];
}

/** Nothing was said: whatever is pending. */
export const NO_INTERVALS: IntervalOptions = { startMs: null, endMs: null, restate: [] };

/** What is asked of a node. */
export function intervalRequest(options: IntervalOptions): (id: NodeId) => IntervalRequest {
  const { startMs, endMs } = options;
  const restated = new Set(options.restate);
  return (id) => ({
    startMs,
    endMs,
    restate: restated.has("*") || restated.has(id) || restated.has(splitNodeId(id).name),
  });
}

/** Throws `unknown_node` and `not_incremental` (2) for names whose intervals cannot be built again. */
export function checkRestated(manifest: Manifest, { restate }: IntervalOptions): void {
  for (const typed of restate.filter((name) => name !== "*")) {
    const { id, incremental } = findNode(manifest, typed);
    if (incremental !== undefined) continue;
    throw new UserError(`Cannot restate ${id}: it is not built by intervals or keys`, {
      code: "not_incremental",
      kind: "usage",
      hint: `build it again as a whole:\n    seeknal run --nodes ${id} --full`,
    });
  }
}

/** True where anything was said. */
export function hasIntervalOptions({ startMs, endMs, restate }: IntervalOptions): boolean {
  return startMs !== null || endMs !== null || restate.length > 0;
}
