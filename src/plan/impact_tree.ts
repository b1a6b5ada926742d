import type { NodeId } from "../model/ids.ts";
import type { Plan, PlanNode } from "../model/plan.ts";

/** A node below a change: what reaches it, or why nothing does. */
export interface ImpactNode {
  readonly node: PlanNode;
  /** False for a reader of something changed that finds what it reads unchanged. */
  readonly affected: boolean;
  /** True for a node that stands with its own readers somewhere before. */
  readonly again: boolean;
  readonly readers: readonly ImpactNode[];
}

/** A direct change with everything that notices it, and what reads it without noticing. */
export interface ImpactTree {
  readonly root: PlanNode;
  readonly readers: readonly ImpactNode[];
}

/**
 * One tree for every direct change of a plan that has readers. Each affected node is
 * followed once; below a node that is not affected there is nothing to tell.
 */
export function impactTrees(
  { nodes }: Plan,
  readersOf: (id: NodeId) => readonly NodeId[],
): ImpactTree[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const followed = new Set<NodeId>();
  const below = (id: NodeId): ImpactNode[] =>
    readersOf(id).flatMap((reader) => {
      const node = byId.get(reader);
      if (node === undefined || node.reasons.length === 0 || node.change === "new") return [];
      const affected = node.change !== "none";
      const again = followed.has(reader);
      followed.add(reader);
      const goesOn = affected && !again && node.change !== "direct";
      return [{ node, affected, again, readers: goesOn ? below(reader) : [] }];
    });
  return nodes.filter(({ change, category }) => change === "direct" && category !== "METADATA")
    .map((root) => ({ root, readers: below(root.id) }))
    .filter(({ readers }) => readers.length > 0);
}
