import { compareText } from "../base/diagnostic.ts";
import {
  intersectIntervals,
  type Interval,
  intervalWords,
  subtractIntervals,
} from "../base/time_intervals.ts";
import { layersOf } from "../dag/graph.ts";
import { type Change, NO_COLUMN_CHANGES } from "../model/change.ts";
import type { NodeId } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";
import { categorize } from "./categorize.ts";
import { impactOf, readsChanged } from "./impact.ts";

/** Causes named for an indirect change; more would not be read. */
const CAUSES_SHOWN = 5;

/**
 * Compares two manifests node by node. Returns one entry for every node of
 * either, in id order; `none` for those that are the same.
 */
export function compare(before: Manifest, after: Manifest): Change[] {
  if (before.nodes === after.nodes) {
    return [...after.nodes.values()].map((node) => unchanged(node, before, after));
  }
  const changes = new Map<NodeId, Change>();
  for (const layer of layersOf([...after.nodes.values()])) {
    for (const node of layer) changes.set(node.id, compareNode(before, after, node, changes));
  }
  for (const id of before.nodes.keys()) {
    if (!after.nodes.has(id)) {
      changes.set(id, change(id, { kind: "removed", reasons: ["no longer in the project"] }));
    }
  }
  return [...changes.values()].sort((a, b) => compareText(a.id, b.id));
}

function compareNode(
  beforeAll: Manifest,
  afterAll: Manifest,
  after: ManifestNode,
  changes: ReadonlyMap<NodeId, Change>,
): Change {
  const before = beforeAll.nodes.get(after.id);
  if (before === undefined) return change(after.id, { kind: "new", reasons: ["new node"] });
  if (before === after) return unchanged(after, beforeAll, afterAll);
  const verdict = categorize(before, after);
  const moved = before.fingerprint !== after.fingerprint;
  const comparison = { before: beforeAll, after: afterAll, changes };
  const pieces = moved ? incrementalReason(before, after) : null;
  const upstream = moved && pieces === null
    ? [...new Set(after.inputs)].flatMap((id) => impactOf(after, id, comparison))
    : [];
  const because = [...new Set(upstream.flatMap((item) => item.because))].sort(compareText)
    .slice(0, CAUSES_SHOWN);
  const reasons = [
    ...(pieces === null ? [] : [pieces]),
    ...upstream.slice(0, CAUSES_SHOWN).map(({ reason }) => reason),
  ];
  if (verdict !== null) {
    return change(after.id, {
      kind: "direct",
      category: after.override?.category ?? verdict.category,
      undecided: verdict.undecided,
      reasons: [...verdict.reasons, ...reasons, ...overrideReasons(after)],
      columns: verdict.columns,
      because,
    });
  }
  if (!moved) return unchanged(after, beforeAll, afterAll);
  return change(after.id, {
    kind: "indirect",
    reasons: reasons.length > 0 ? reasons : [ownReason(before, after, beforeAll)],
    because,
  });
}

/** What a node that is built piece by piece adds to its output; null where it is built from scratch for another reason. */
function incrementalReason(before: ManifestNode, after: ManifestNode): string | null {
  const [old, now] = [before.incremental, after.incremental];
  if (now === undefined) return null;
  const { base, build } = now;
  if (base === null && old?.logic !== now.logic) return null;
  if (build.length === 0) return base === null ? "built from scratch" : "new rows in what it reads";
  const fresh = subtractIntervals(build, old?.done ?? []);
  const again = intersectIntervals(build, old?.done ?? []);
  const words = (intervals: readonly Interval[]) =>
    intervals.slice(0, 3).map(intervalWords).join(", ") + (intervals.length > 3 ? ", ..." : "");
  return [
    ...(fresh.length > 0 ? [`intervals pending: ${words(fresh)}`] : []),
    ...(again.length > 0 ? [`intervals built again: ${words(again)}`] : []),
  ].join("; ");
}

/** Why a fingerprint moved although nothing that is read changed. */
function ownReason(before: ManifestNode, after: ManifestNode, { nodes }: Manifest): string {
  if (before.behind === true) return "what it reads was built by a run that left it out";
  if (before.kept === true) return spareReason(before, nodes);
  const columns = ({ shape }: ManifestNode) =>
    JSON.stringify(shape.columns.map((c) => [c.name, c.type]));
  return columns(before) === columns(after)
    ? "the engine or the way of hashing changed"
    : "returns other columns or types, because its inputs do";
}

function spareReason({ inputs }: ManifestNode, nodes: Manifest["nodes"]): string {
  const spared = inputs.find((id) => nodes.get(id)?.override?.category === "NON_BREAKING");
  return spared === undefined
    ? "was kept when what it reads changed"
    : `reads ${spared}, whose change was kept from readers until now, as decided by ` +
      nodes.get(spared)!.override!.by;
}

/** Production itself holds an output that what it reads now would not give. */
function keptReason({ inputs }: ManifestNode, { nodes }: Manifest): string {
  const deciding = inputs.find((id) => nodes.get(id)?.override?.category === "NON_BREAKING");
  const input = deciding ?? inputs.find((id) => nodes.get(id)?.kept === true);
  const by = deciding === undefined ? "" : `, as decided by ${nodes.get(deciding)!.override!.by}`;
  return `keeps its output from before ${input ?? "what it reads"} changed${by}`;
}

function overrideReasons({ override }: ManifestNode): string[] {
  return override === undefined ? [] : [`${override.category} as decided by ${override.by}`];
}

/** Nothing changed; when something it reads did, the reason says why that does not matter. */
function unchanged(node: ManifestNode, before: Manifest, after: Manifest): Change {
  const moved = [...new Set(node.inputs)].filter((id) => {
    const [old, now] = [before.nodes.get(id), after.nodes.get(id)];
    return old !== undefined && now !== undefined && old.fingerprint !== now.fingerprint;
  });
  const isKept = node.kept === true && before.nodes.get(node.id)?.kept === true;
  return change(node.id, {
    reasons: isKept ? [keptReason(node, after)] : moved.map((id) => {
      if (node.incremental !== undefined) return `${id} changed; what is built of it stays`;
      const input = after.nodes.get(id)!;
      const spared = input.override?.category === "NON_BREAKING" &&
        readsChanged(node, before.nodes.get(id)!, input);
      return spared
        ? `${id} changed, and was decided to be non-breaking`
        : `${id} changed, but not in what this node reads`;
    }),
  });
}

function change(id: NodeId, parts: Partial<Change>): Change {
  return {
    id,
    kind: "none",
    category: null,
    undecided: false,
    reasons: [],
    columns: NO_COLUMN_CHANGES,
    because: [],
    ...parts,
  };
}
