import { sha256 } from "../base/hash.ts";
import { columnPart, fingerprintsOf, partsOf } from "../dag/fingerprint.ts";
import { layersOf } from "../dag/graph.ts";
import type { Change } from "../model/change.ts";
import type { AutoCategorize } from "../model/config.ts";
import type { NodeId } from "../model/ids.ts";
import type { CategoryOverride, Manifest, ManifestNode, NodeParts } from "../model/manifest.ts";
import { categorize } from "./categorize.ts";

/** What a person decided about a change. */
export type Decision = Pick<CategoryOverride, "category" | "by">;

/**
 * The decisions that go on to hold: those of the environment's own last plan, for changes
 * that lead from the same query in production to the same query in the project.
 */
export function keptDecisions(
  base: Manifest,
  former: Manifest,
  current: Manifest,
): Map<NodeId, Decision> {
  const kept = new Map<NodeId, Decision>();
  for (const node of former.nodes.values()) {
    const { override } = node;
    const now = current.nodes.get(node.id);
    const isSameChange = override !== undefined && isSameDefinition(node, now) &&
      base.nodes.get(node.id)?.query_hash === override.before;
    if (isSameChange) kept.set(node.id, { category: override.category, by: override.by });
  }
  return kept;
}

function isSameDefinition(a: ManifestNode, b: ManifestNode | undefined): boolean {
  return a.query_hash === b?.query_hash && a.version?.hash === b.version?.hash;
}

/** Directly changed nodes for which a person has to decide, and nobody has. */
export function undecidedChanges(
  changes: readonly Change[],
  mode: AutoCategorize,
  decisions: ReadonlyMap<NodeId, Decision>,
): Change[] {
  if (mode === "full") return [];
  return changes.filter(({ id, kind, category, undecided }) =>
    kind === "direct" && (category === "BREAKING" || category === "NON_BREAKING") &&
    !decisions.has(id) && (mode === "off" || undecided)
  );
}

/**
 * The manifest as the decisions want it. A change called NON_BREAKING leaves to its readers
 * the columns and rows they knew; one called BREAKING takes all of them along. A decision
 * that says what the program found changes nothing but who is named.
 */
export function applyDecisions(
  base: Manifest,
  manifest: Manifest,
  decisions: ReadonlyMap<NodeId, Decision>,
  engine: string,
): Manifest {
  const isSettled = [...manifest.nodes.values()].every((node) =>
    isAsDecided(node, decisions.get(node.id), base)
  );
  if (isSettled) return manifest;
  const nodes = new Map<NodeId, ManifestNode>();
  for (const layer of layersOf([...manifest.nodes.values()])) {
    for (const node of layer) {
      nodes.set(node.id, decide(node, { base, manifest, nodes, decisions, engine }));
    }
  }
  return { nodes: new Map([...manifest.nodes.keys()].map((id) => [id, nodes.get(id)!])) };
}

/** An override that came with production's very node is history, not a decision of this plan. */
function isAsDecided(
  node: ManifestNode,
  decision: Decision | undefined,
  base: Manifest,
): boolean {
  if (base.nodes.get(node.id) === node) return true;
  return node.override?.category === decision?.category && node.override?.by === decision?.by;
}

interface Context {
  readonly base: Manifest;
  readonly manifest: Manifest;
  readonly nodes: ReadonlyMap<NodeId, ManifestNode>;
  readonly decisions: ReadonlyMap<NodeId, Decision>;
  readonly engine: string;
}

function decide(node: ManifestNode, context: Context): ManifestNode {
  const { base, manifest, nodes, decisions, engine } = context;
  const decision = decisions.get(node.id);
  const movedInput = node.inputs.some((id) => nodes.get(id) !== manifest.nodes.get(id));
  if (!movedInput && isAsDecided(node, decision, base)) return node;
  const { override: _former, ...plain } = node;
  const computed: ManifestNode = {
    ...plain,
    ...fingerprintsOf({
      ...node,
      engine,
      queryHash: node.query_hash,
      inputs: node.inputs.map((id) => nodes.get(id)!),
    }),
  };
  const before = base.nodes.get(node.id);
  if (decision === undefined || before === undefined) return computed;
  return {
    ...computed,
    parts: decidedParts(before, computed, decision),
    override: { ...decision, before: before.query_hash },
  };
}

function decidedParts(
  before: ManifestNode,
  after: ManifestNode,
  { category }: Decision,
): NodeParts {
  const own = partsOf(after);
  if (categorize(before, after)?.category === category) return own;
  if (category === "NON_BREAKING") {
    return {
      rows: partsOf(before).rows,
      columns: after.shape.columns.map(({ name }, i) =>
        columnPart(before, name) ?? own.columns[i]!
      ),
    };
  }
  const salted = (part: string) =>
    sha256(`${part} ${after.fingerprint} ${after.query_hash}`).slice(0, part.length);
  return { rows: salted(own.rows), columns: own.columns.map(salted) };
}
