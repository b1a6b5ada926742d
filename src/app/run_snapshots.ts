import { intersectIntervals } from "../base/time_intervals.ts";
import { fingerprintFrom } from "../dag/fingerprint.ts";
import { reachable, readersOf } from "../dag/graph.ts";
import { changedIntervals } from "../dag/incremental.ts";
import { ENGINE_VERSION } from "../engine/registry.ts";
import type { NodeId } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";
import type { NodeRecord, Snapshot } from "../model/snapshot.ts";
import { isPartial } from "../plan/select_nodes.ts";
import type { Executed } from "./execute_nodes.ts";
import { isChecked } from "./node_checks.ts";
import { isValidRecord } from "./outputs.ts";
import type { PreparedRun, RunRequest } from "./prepared_run.ts";
import type { Workspace } from "./workspace.ts";

/** An environment after a run: what was built, what was taken over, and what failed. */
export function environmentAfter(
  { cache }: Workspace,
  { planned: { base, loaded, reused } }: PreparedRun,
  { records }: Executed,
): Snapshot {
  const results = new Map<NodeId, NodeRecord>();
  for (const node of loaded.manifest.nodes.values()) {
    const record = records.get(node.id) ?? reused.get(node.id) ??
      keptFailure(base.envSnapshot.results.get(node.id), node);
    if (
      record !== undefined && (record.status !== "success" || isValidRecord(record, node, cache))
    ) {
      results.set(node.id, record);
    }
  }
  return { ...base.envSnapshot, manifest: loaded.manifest, results };
}

/** A failure of exactly this node stays on record until the node is built. */
function keptFailure(record: NodeRecord | undefined, node: ManifestNode): NodeRecord | undefined {
  const same = record !== undefined && record.fingerprint === node.fingerprint;
  return same && record.status !== "success" ? record : undefined;
}

/**
 * Production after a run. A run of everything replaces it. A run of a part, or one
 * that went on after failures, puts what it has over what was there: nodes it did
 * not build keep their old definition with their old output.
 */
export function productionAfter(
  { cache }: Workspace,
  { planned: { base, loaded, reused }, selected, steps }: PreparedRun,
  { records, outcomes }: Executed,
  { selection }: RunRequest,
): Snapshot {
  const recordOf = (node: ManifestNode) => {
    const record = records.get(node.id) ?? reused.get(node.id);
    return isValidRecord(record, node, cache) ? record! : null;
  };
  const { nodes: current } = loaded.manifest;
  const isThere = (node: ManifestNode) => {
    if (node.virtual === true) return true;
    const record = recordOf(node);
    return record !== null && isChecked(node, record, current);
  };
  const failed = [...outcomes.values()].some(({ status }) =>
    status === "failed" || status === "skipped"
  );
  const whole = !isPartial(selection) && !failed;
  const built = new Set(steps.map(({ id }) => id));
  // A node cannot come without what it reads, which would take the place of what production has of that.
  const readers = readersOf(current.values());
  const missing = [...current.values()].filter((node) => !isThere(node)).map(({ id }) => id);
  const incomplete = reachable(missing, (id) => readers.get(id) ?? []);
  const chosen = [...current.values()].filter(({ id }) =>
    whole || ((selected.ids.has(id) || built.has(id)) && !incomplete.has(id))
  );
  // What a node was built from comes along, also where it was only taken from the cache.
  const withInputs = reachable(chosen.map(({ id }) => id), (id) => current.get(id)!.inputs);
  const taken = [...current.values()].filter(({ id }) => withInputs.has(id));
  // In SQL and in file names a node that only changed its case is the same one.
  const names = new Set(taken.map(({ id }) => id.toLowerCase()));
  const old = whole
    ? []
    : [...base.prod.manifest.nodes.values()].filter(({ id }) => !names.has(id.toLowerCase()));
  const nodes = new Map<NodeId, ManifestNode>([...old, ...taken].map((node) => [node.id, node]));
  for (const node of old) {
    if (!findsTheSame(node, base.prod.manifest.nodes, nodes)) {
      nodes.set(node.id, { ...node, behind: true });
    }
  }
  const results = new Map<NodeId, NodeRecord>(
    [...base.prod.results].filter(([id]) => nodes.has(id) && !taken.some((node) => node.id === id)),
  );
  for (const node of taken) {
    const record = recordOf(node);
    if (record !== null) results.set(node.id, record);
  }
  return {
    manifest: sortedManifest(nodes),
    results,
    outside: base.prod.outside,
    plan: null,
    environment: null,
  };
}

/** Whether a node that a run left as it was reads what it read before. */
function findsTheSame(
  node: ManifestNode,
  before: Manifest["nodes"],
  after: Manifest["nodes"],
): boolean {
  if (node.incremental !== undefined) return findsTheSameIntervals(node, before, after);
  if (node.inputs.every((id) => before.get(id) === after.get(id))) return true;
  const read = (nodes: Manifest["nodes"]) => fingerprintFrom(node, nodes, ENGINE_VERSION);
  return read(after) !== null && read(after) === read(before);
}

/** Whether what is built piece by piece reads what it read, of the intervals that it has. Data of sources does not count. */
function findsTheSameIntervals(
  { id, incremental }: ManifestNode,
  before: Manifest["nodes"],
  after: Manifest["nodes"],
): boolean {
  const upstream = reachable([id], (read) => after.get(read)?.inputs ?? []);
  return [...upstream].every((read) => {
    const node = after.get(read);
    if (read === id || node === undefined) return true;
    const changed = changedIntervals(before.get(read), node);
    return intersectIntervals(changed, incremental!.done).length === 0;
  });
}

function sortedManifest(nodes: ReadonlyMap<NodeId, ManifestNode>): Manifest {
  return { nodes: new Map([...nodes].sort(([a], [b]) => (a < b ? -1 : 1))) };
}
