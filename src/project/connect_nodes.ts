import type { Report } from "../base/field_reader.ts";
import type { LoadedNode } from "../nodes/node_kind.ts";
import { kindOf } from "../nodes/registry.ts";

/** All nodes, those that are written inside others included. */
export function withInnerNodes(nodes: readonly LoadedNode[]): LoadedNode[] {
  return nodes.flatMap((node) => [node, ...(kindOf(node.spec).innerNodes?.(node) ?? [])]);
}

/** Finds the inputs of nodes whose fields name something of the project instead of a node. Nodes that it cannot be found for are broken. */
export function connectNodes(
  nodes: readonly LoadedNode[],
  broken: Set<string>,
  report: Report,
): LoadedNode[] {
  // What a node does not find may be in one that is reported already.
  const isIncomplete = broken.size > 0;
  return nodes.flatMap((node) => {
    const { findInputs } = kindOf(node.spec);
    if (findInputs === undefined) return [node];
    const inputs = findInputs(node, nodes, (diagnostic) => {
      if (!isIncomplete || !diagnostic.code.startsWith("unknown_")) report(diagnostic);
    });
    if (inputs !== null) return [{ ...node, spec: { ...node.spec, inputs } }];
    broken.add(node.spec.name);
    return [];
  });
}
