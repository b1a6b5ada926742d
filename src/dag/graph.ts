import { closest } from "../base/closest.ts";
import type { NodeId } from "../model/ids.ts";

/** A node as far as its edges go. */
export interface GraphNode {
  readonly id: NodeId;
  readonly inputs: readonly NodeId[];
}

/** What is wrong with the edges of a project. */
export type GraphProblem =
  | {
    readonly type: "missing";
    readonly node: NodeId;
    readonly input: NodeId;
    /** Position in the node's inputs. */
    readonly index: number;
    readonly suggestion: string | null;
  }
  | { readonly type: "cycle"; readonly path: readonly NodeId[] };

/** Finds inputs that do not exist, and one cycle for every group of nodes that wait for each other. */
export function findGraphProblems(nodes: readonly GraphNode[]): GraphProblem[] {
  const ids = new Set(nodes.map((node) => node.id));
  const problems: GraphProblem[] = [];
  for (const node of nodes) {
    node.inputs.forEach((input, index) => {
      if (ids.has(input)) return;
      problems.push({
        type: "missing",
        node: node.id,
        input,
        index,
        suggestion: likelyInput(input, [...ids].filter((id) => id !== node.id)),
      });
    });
  }
  return [...problems, ...findCycles(nodes)];
}

/** The node that is meant: one of that name and another kind or none, else one that is spelt alike. */
function likelyInput(input: NodeId, ids: readonly NodeId[]): string | null {
  const nameOf = (id: string) => id.slice(id.lastIndexOf(".") + 1).toLowerCase();
  return ids.find((id) => nameOf(id) === nameOf(input)) ?? closest(input, ids);
}

/**
 * Sorts nodes into layers: a node's layer is one more than the highest of its
 * inputs'. Inside a layer the given order stays. Nodes on a cycle, and those
 * behind one, are left out.
 */
export function layersOf<N extends GraphNode>(nodes: readonly N[]): N[][] {
  const { layerOf } = sortTopologically(nodes);
  const layers: N[][] = [];
  for (const node of nodes) {
    const layer = layerOf.get(node.id);
    if (layer !== undefined) (layers[layer] ??= []).push(node);
  }
  return layers;
}

/** Direct readers of every node. */
export function readersOf(nodes: Iterable<GraphNode>): Map<NodeId, NodeId[]> {
  const readers = new Map<NodeId, NodeId[]>();
  for (const node of nodes) {
    for (const input of new Set(node.inputs)) {
      const list = readers.get(input);
      if (list === undefined) readers.set(input, [node.id]);
      else list.push(node.id);
    }
  }
  return readers;
}

/** The start nodes and all that can be reached from them along `next`, `depth` steps at most. */
export function reachable(
  start: Iterable<NodeId>,
  next: (id: NodeId) => Iterable<NodeId>,
  depth = Infinity,
): Set<NodeId> {
  const found = new Set(start);
  let frontier = [...found];
  for (let step = 0; step < depth && frontier.length > 0; step++) {
    const following: NodeId[] = [];
    for (const id of frontier) {
      for (const neighbour of next(id)) {
        if (found.has(neighbour)) continue;
        found.add(neighbour);
        following.push(neighbour);
      }
    }
    frontier = following;
  }
  return found;
}

function sortTopologically(nodes: readonly GraphNode[]): { layerOf: Map<NodeId, number> } {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const readers = readersOf(nodes);
  const waiting = new Map<NodeId, number>();
  const layerOf = new Map<NodeId, number>();
  let ready: NodeId[] = [];
  for (const node of nodes) {
    const count = new Set(node.inputs.filter((input) => byId.has(input))).size;
    waiting.set(node.id, count);
    if (count === 0) ready.push(node.id);
  }
  for (let layer = 0; ready.length > 0; layer++) {
    const following: NodeId[] = [];
    for (const id of ready) {
      layerOf.set(id, layer);
      for (const reader of readers.get(id) ?? []) {
        const left = waiting.get(reader)! - 1;
        waiting.set(reader, left);
        if (left === 0) following.push(reader);
      }
    }
    ready = following;
  }
  return { layerOf };
}

function findCycles(nodes: readonly GraphNode[]): GraphProblem[] {
  const { layerOf } = sortTopologically(nodes);
  const stuck = new Map(
    nodes.filter((node) => !layerOf.has(node.id)).map((node) => [node.id, node]),
  );
  const problems: GraphProblem[] = [];
  const seen = new Set<NodeId>();
  for (const start of stuck.keys()) {
    const path: NodeId[] = [];
    let id: NodeId | undefined = start;
    while (id !== undefined && !seen.has(id)) {
      seen.add(id);
      path.push(id);
      id = stuck.get(id)!.inputs.find((input) => stuck.has(input));
    }
    const from = id === undefined ? -1 : path.indexOf(id);
    if (from >= 0) problems.push({ type: "cycle", path: [...path.slice(from), id!] });
  }
  return problems;
}
