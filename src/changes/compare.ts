import { compareText } from "../base/diagnostic.ts";
import { layersOf } from "../dag/graph.ts";
import { type Change, NO_COLUMN_CHANGES } from "../model/change.ts";
import type { NodeId } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";
import { categorize } from "./categorize.ts";

/** Causes named for an indirect change; more would not be read. */
const CAUSES_SHOWN = 5;

/**
 * Compares two manifests node by node. Returns one entry for every node of
 * either, in id order; `none` for those that are the same.
 */
export function compare(before: Manifest, after: Manifest): Change[] {
  if (before.nodes === after.nodes) return [...after.nodes.keys()].map((id) => change(id, {}));
  const changes = new Map<NodeId, Change>();
  for (const layer of layersOf([...after.nodes.values()])) {
    for (const node of layer) {
      changes.set(node.id, compareNode(before.nodes.get(node.id), node, changes));
    }
  }
  for (const id of before.nodes.keys()) {
    if (!after.nodes.has(id)) {
      changes.set(id, change(id, { kind: "removed", reasons: ["no longer in the project"] }));
    }
  }
  return [...changes.values()].sort((a, b) => compareText(a.id, b.id));
}

function compareNode(
  before: ManifestNode | undefined,
  after: ManifestNode,
  changes: ReadonlyMap<NodeId, Change>,
): Change {
  if (before === undefined) return change(after.id, { kind: "new", reasons: ["new node"] });
  if (before === after) return change(after.id, {});
  const verdict = categorize(before, after);
  const moved = before.fingerprint !== after.fingerprint;
  const because = moved ? causes(after, changes) : [];
  const upstream = because.length === 0 ? [] : [`upstream changed: ${because.join(", ")}`];
  if (verdict !== null) {
    const reasons = [...verdict.reasons, ...upstream];
    return change(after.id, { kind: "direct", ...verdict, reasons, because });
  }
  if (!moved) return change(after.id, {});
  const reasons = upstream.length > 0 ? upstream : ["the engine or the way of hashing changed"];
  return change(after.id, { kind: "indirect", reasons, because });
}

function change(id: NodeId, parts: Partial<Change>): Change {
  return {
    id,
    kind: "none",
    category: null,
    reasons: [],
    columns: NO_COLUMN_CHANGES,
    because: [],
    ...parts,
  };
}

/** The changed nodes upstream that made this one's fingerprint move. */
function causes(node: ManifestNode, changes: ReadonlyMap<NodeId, Change>): string[] {
  const found = new Set<string>();
  for (const input of node.inputs) {
    const upstream = changes.get(input);
    if (upstream === undefined || upstream.kind === "none") continue;
    const own = upstream.kind === "new" ||
      (upstream.kind === "direct" && upstream.category !== "METADATA");
    if (own) found.add(input);
    for (const cause of upstream.because) found.add(cause);
  }
  return [...found].sort(compareText).slice(0, CAUSES_SHOWN);
}
