import { statIfExists } from "../base/atomic_write.ts";
import { compactJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/hash.ts";
import type { OutputCache } from "../cache/output_cache.ts";
import { type FingerprintInput, fingerprintsOf } from "../dag/fingerprint.ts";
import {
  changedIntervals,
  type IncrementalCandidate,
  type IntervalRequest,
  logicInput,
  NO_INTERVAL_REQUEST,
  planIncremental,
} from "../dag/incremental.ts";
import { ENGINE_VERSION } from "../engine/registry.ts";
import type { NodeId } from "../model/ids.ts";
import type { IncrementalState } from "../model/incremental.ts";
import type { Manifest, ManifestNode, QueryShape, SourceVersion } from "../model/manifest.ts";
import { incrementalOf, type IncrementalSpec, type NodeSpec } from "../model/node.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { isScriptNode } from "../nodes/script_node.ts";
import { isValidRecord } from "./outputs.ts";

/** How nodes that are built piece by piece take part in a plan. */
export interface IncrementalContext {
  /** Where outputs to go on from are looked for, the preferred one first. */
  readonly snapshots: readonly Snapshot[];
  /**
   * What production was when the first of the snapshots, an environment's, was planned: what it has of that
   * is not its own, and gives way to what production has now. Null where there is none.
   */
  readonly inherited: Manifest | null;
  /** Manifests whose states are taken as they are wherever the query is the same: nothing is planned anew. */
  readonly planned: readonly Manifest[];
  readonly request: (id: NodeId) => IntervalRequest;
  /** Changes upstream of nodes that somebody decided to be breaking; absent: none. */
  readonly decided?: ReadonlyMap<NodeId, string>;
  readonly nowMs: number;
  readonly cache: OutputCache;
}

/** A node of which everything but its fingerprint is known. */
export interface SettledNode {
  readonly spec: NodeSpec;
  readonly version: SourceVersion | null;
  readonly shape: QueryShape;
  readonly queryHash: string;
  readonly inputs: readonly ManifestNode[];
}

/** Decides for nodes that are built piece by piece what their next output is made of. */
export class IncrementalNodes {
  readonly #context: IncrementalContext;
  /** Nodes as they are whatever their data, for what reads them. */
  readonly #logic = new Map<NodeId, FingerprintInput>();
  readonly #settled = new Map<NodeId, SettledNode>();

  constructor(context: IncrementalContext) {
    this.#context = context;
  }

  /** Makes a node known to those that read it. Inputs come first. */
  add(node: SettledNode): void {
    this.#settled.set(node.spec.id, node);
  }

  /** What the output of a node has to be made of; undefined for a node that is built as a whole. */
  stateOf(node: SettledNode): IncrementalState | undefined {
    const { spec, version, shape, queryHash, inputs } = node;
    const incremental = incrementalOf(spec);
    if (incremental === null) return undefined;
    const logic = sha256(
      compactJson([this.#logicOf(spec.id).fingerprint, definitionOf(incremental)]),
    );
    const { planned, request, nowMs } = this.#context;
    const decided = this.#context.decided?.get(spec.id);
    for (const { nodes } of planned) {
      const known = nodes.get(spec.id)?.incremental;
      const isAsDecided = decided === undefined || known?.decided === decided;
      if (known?.logic === logic && isAsDecided && this.#isThere(known)) return known;
    }
    const whole = { id: spec.id, engine: ENGINE_VERSION, queryHash, version, shape, inputs };
    return planIncremental({
      spec: incremental,
      logic,
      inputs: fingerprintsOf(whole).fingerprint,
      candidates: this.#candidates(spec.id, incremental, this.#builtByTime(inputs)),
      decided,
      nowMs,
      request: request(spec.id),
    });
  }

  /** A plan whose former output is gone cannot be carried out as it was made. */
  #isThere({ base }: IncrementalState): boolean {
    return base === null ||
      statIfExists(this.#context.cache.objectPath(base.content_hash)) !== null;
  }

  /** Nodes upstream, however far, that are built by intervals of time. */
  #builtByTime(inputs: readonly ManifestNode[]): ManifestNode[] {
    const found = new Map<NodeId, ManifestNode>();
    const visit = (nodes: readonly ManifestNode[]) => {
      for (const node of nodes) {
        if (found.has(node.id)) continue;
        found.set(node.id, node);
        visit(this.#settled.get(node.id)!.inputs);
      }
    };
    visit(inputs);
    return [...found.values()].filter(({ id }) =>
      incrementalOf(this.#settled.get(id)!.spec)?.mode === "incremental_by_time"
    );
  }

  #candidates(
    id: NodeId,
    spec: IncrementalSpec,
    upstream: readonly ManifestNode[],
  ): IncrementalCandidate[] {
    const { snapshots, inherited, cache } = this.#context;
    const candidates = snapshots.flatMap(({ manifest, results }) => {
      const node = manifest.nodes.get(id);
      const record = results.get(id);
      if (node?.incremental === undefined || !isValidRecord(record, node, cache)) return [];
      // Without a row there is no highest value to go on from.
      if (spec.mode === "incremental_by_key" && record!.rows === 0) return [];
      const base = { fingerprint: node.fingerprint, content_hash: record!.content_hash! };
      const stale = node.behind === true
        ? node.incremental.done
        : upstream.flatMap((read) => changedIntervals(manifest.nodes.get(read.id), read));
      return [{ base, state: node.incremental, stale }];
    });
    const former = inherited?.nodes.get(id)?.fingerprint;
    const own = candidates.filter(({ base }) => base.fingerprint !== former);
    return own.length > 0 ? own : candidates;
  }

  #logicOf(id: NodeId): FingerprintInput {
    let logic = this.#logic.get(id);
    if (logic === undefined) {
      const { spec, version, shape, queryHash } = this.#settled.get(id)!;
      logic = logicInput({
        id,
        queryHash,
        shape,
        isSource: spec.kind === "source" && !isScriptNode(spec),
        version,
        inputs: [...new Set(spec.inputs)].map((input) => this.#logicOf(input)),
      });
      this.#logic.set(id, logic);
    }
    return logic;
  }
}

/** What of the fields decides what is in an output; where it begins and how late rows come does not. */
function definitionOf(spec: IncrementalSpec): unknown {
  return spec.mode === "incremental_by_time"
    ? [spec.mode, spec.time_column, spec.interval]
    : [spec.mode, spec.unique_key, spec.time_column];
}

/** Takes the states that some manifests have, and plans nothing anew. */
export function asPlanned(
  planned: readonly Manifest[],
  { cache, nowMs }: Pick<IncrementalContext, "cache" | "nowMs">,
): IncrementalContext {
  return {
    snapshots: [],
    inherited: null,
    planned,
    request: () => NO_INTERVAL_REQUEST,
    nowMs,
    cache,
  };
}
