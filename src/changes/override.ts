import { sha256 } from "../base/hash.ts";
import {
  fingerprintFrom,
  type FingerprintInput,
  fingerprintsOf,
  partsOf,
} from "../dag/fingerprint.ts";
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
      definitionOf(base.nodes.get(node.id)) === override.before;
    if (isSameChange) kept.set(node.id, { category: override.category, by: override.by });
  }
  return kept;
}

/** Decisions of the environment's last plan that hold no longer, those that production has by now aside. */
export function endedDecisions(
  base: Manifest,
  former: Manifest,
  decisions: ReadonlyMap<NodeId, Decision>,
): ManifestNode[] {
  return [...former.nodes.values()].filter(({ id, override, fingerprint }) => {
    const inProd = base.nodes.get(id);
    return override !== undefined && !decisions.has(id) &&
      (inProd?.override === undefined || inProd.fingerprint !== fingerprint);
  });
}

function isSameDefinition(a: ManifestNode, b: ManifestNode | undefined): boolean {
  return definitionOf(a) === definitionOf(b);
}

/** What a node is, what it reads from other nodes aside. */
function definitionOf(node: ManifestNode | undefined): string | null {
  if (node === undefined) return null;
  return node.version === null ? node.query_hash : `${node.query_hash} ${node.version.hash}`;
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

/** What decisions are applied to. */
export interface DecisionContext {
  readonly base: Manifest;
  readonly decisions: ReadonlyMap<NodeId, Decision>;
  readonly engine: string;
  /** False for a node that has to be built: it cannot keep the output that it has. */
  readonly mayKeep: (id: NodeId) => boolean;
}

/** A manifest in which decisions took effect. */
export interface DecidedManifest {
  readonly manifest: Manifest;
  /** Nodes that keep an output which what they read now would not give. */
  readonly kept: ReadonlySet<NodeId>;
}

/**
 * The manifest as the decisions want it. Readers of a change called NON_BREAKING stay what
 * they are in the base, fingerprint included, as long as nothing else about them changes;
 * whatever is built is named for what it is really built from. A change called BREAKING
 * takes all readers along. A decision that says what the program found changes nothing but
 * who is named.
 */
export function applyDecisions(manifest: Manifest, context: DecisionContext): DecidedManifest {
  const { base, decisions } = context;
  const isSettled = [...manifest.nodes.values()].every((node) =>
    isUndecided(node, base) && node.kept !== true && base.nodes.get(node.id)?.kept !== true
  );
  if (decisions.size === 0 && isSettled) return { manifest, kept: new Set() };
  const pass = new DecisionPass(manifest, context);
  for (const layer of layersOf([...manifest.nodes.values()])) {
    for (const node of layer) pass.add(node);
  }
  const isSame = [...manifest.nodes].every(([id, node]) => pass.nodes.get(id) === node);
  return {
    manifest: isSame
      ? manifest
      : { nodes: new Map([...manifest.nodes.keys()].map((id) => [id, pass.nodes.get(id)!])) },
    kept: pass.kept,
  };
}

/**
 * Whether a node needs nothing taken away: an override that came with production's very
 * node is history, not a decision of this plan.
 */
function isUndecided(node: ManifestNode, base: Manifest): boolean {
  return node.override === undefined || base.nodes.get(node.id) === node;
}

/** Takes the nodes in order, inputs first. */
class DecisionPass {
  readonly nodes = new Map<NodeId, ManifestNode>();
  readonly kept = new Set<NodeId>();
  readonly #manifest: Manifest;
  readonly #context: DecisionContext;
  /** Nodes whose readers are spared the change, as they would be without it. */
  readonly #undone = new Map<NodeId, FingerprintInput>();

  constructor(manifest: Manifest, context: DecisionContext) {
    this.#manifest = manifest;
    this.#context = context;
  }

  add(node: ManifestNode): void {
    const { base, decisions } = this.#context;
    const decision = decisions.get(node.id);
    const before = base.nodes.get(node.id);
    const isMoved = node.inputs.some((id) => this.nodes.get(id) !== this.#manifest.nodes.get(id));
    const isSpared = node.kept === true || before?.kept === true ||
      node.inputs.some((id) => this.#undone.has(id));
    if (!isMoved && !isSpared && decision === undefined && isUndecided(node, base)) {
      this.nodes.set(node.id, node);
      return;
    }
    const computed = this.#computed(node);
    const result = before === undefined
      ? computed
      : decision !== undefined
      ? this.#decided(before, computed, decision)
      : isSpared && this.#keeps(before, computed)
      ? this.#asBefore(before, computed)
      : computed;
    const isUntouched = before === node && node.fingerprint === result.fingerprint;
    this.nodes.set(node.id, isUntouched ? node : result);
  }

  #computed({ override: _former, kept: _kept, ...node }: ManifestNode): ManifestNode {
    const { engine } = this.#context;
    const inputs = node.inputs.map((id) => this.nodes.get(id)!);
    return { ...node, ...fingerprintsOf({ ...node, engine, queryHash: node.query_hash, inputs }) };
  }

  #decided(before: ManifestNode, computed: ManifestNode, decision: Decision): ManifestNode {
    const node = { ...computed, override: { ...decision, before: definitionOf(before)! } };
    if (categorize(before, computed)?.category === decision.category) return node;
    if (decision.category === "BREAKING") return { ...node, parts: saltedParts(computed) };
    this.#undone.set(node.id, this.#without(before));
    return node;
  }

  /** A changed node as it would be for its readers had only what it reads changed. */
  #without(before: ManifestNode): FingerprintInput {
    const { base, engine } = this.#context;
    const inputs = before.inputs.flatMap((id) => this.#input(id) ?? base.nodes.get(id) ?? []);
    const { fingerprint, parts } = inputs.length < before.inputs.length
      ? { fingerprint: before.fingerprint, parts: partsOf(before) }
      : fingerprintsOf({ ...before, engine, queryHash: before.query_hash, inputs });
    return { id: before.id, fingerprint, shape: before.shape, parts };
  }

  #input(id: NodeId): FingerprintInput | undefined {
    return this.#undone.get(id) ?? this.nodes.get(id);
  }

  /** Whether nothing about a node changed but what its readers are spared. */
  #keeps(before: ManifestNode, computed: ManifestNode): boolean {
    const { base, engine, mayKeep } = this.#context;
    if (before.behind === true || !mayKeep(before.id)) return false;
    const inputs = new Map(computed.inputs.map((id) => [id, this.#input(id)!]));
    const former = fingerprintFrom(before, base.nodes, engine);
    const isKnown = former === before.fingerprint || before.kept === true;
    return isKnown && former !== null && former === fingerprintFrom(computed, inputs, engine);
  }

  #asBefore(before: ManifestNode, computed: ManifestNode): ManifestNode {
    const { fingerprint } = before;
    if (fingerprint === computed.fingerprint) return computed;
    this.kept.add(before.id);
    return { ...computed, fingerprint, parts: partsOf(before), kept: true };
  }
}

/** Parts that no reader has found before. */
function saltedParts(node: ManifestNode): NodeParts {
  const { rows, columns, order } = partsOf(node);
  const salted = (part: string) =>
    sha256(`${part} ${node.fingerprint} ${node.query_hash}`).slice(0, part.length);
  return { rows: salted(rows), columns: columns.map(salted), order: order && salted(order) };
}
