import { compare } from "../changes/compare.ts";
import type { Change } from "../model/change.ts";
import { type NodeId, PROD } from "../model/ids.ts";
import type { Manifest } from "../model/manifest.ts";
import type { NodeRecord } from "../model/snapshot.ts";
import { resolveRevision } from "../state/revisions.ts";
import { loadManifest } from "./load_manifest.ts";
import { findOutput } from "./outputs.ts";
import { sqlDiff, type SqlDiffLine } from "./sql_diff.ts";
import type { ComparedState, TableDiff } from "./table_diff.ts";
import type { Workspace } from "./workspace.ts";

/** The word for the project as its files are now. */
export const WORKING = ".";

/** A node that differs between two states. */
export interface NodeDiff extends Change {
  readonly file: string;
  /** Empty when the query's meaning is the same. */
  readonly sql: readonly SqlDiffLine[];
}

/** Two states compared. */
export interface StateDiff {
  readonly from: { readonly name: string; readonly commit: string | null };
  readonly to: { readonly name: string; readonly commit: string | null };
  /** Nodes that differ, in id order. */
  readonly nodes: readonly NodeDiff[];
  /** What became of the rows; null when that was not asked for. */
  readonly data: TableDiff | null;
}

/**
 * Compares two of: an environment, a commit, `prod@{1}`, or `.` for the project's
 * files. Throws `unknown_revision` (2) and `invalid_project` (3). Writes nothing.
 */
export async function diffStates(
  workspace: Workspace,
  from: string,
  to: string,
  options: { readonly data: boolean },
): Promise<StateDiff> {
  const before = await readSide(workspace, from, null);
  const after = await readSide(workspace, to, before.snapshot.manifest);
  const [old, current] = [before.snapshot.manifest, after.snapshot.manifest];
  const changes = compare(old, current).filter(({ kind }) => kind !== "none");
  return {
    from: { name: from, commit: before.commit },
    to: { name: to, commit: after.commit },
    nodes: changes.map((change) => ({
      ...change,
      file: (current.nodes.get(change.id) ?? old.nodes.get(change.id)!).file,
      sql: sqlDiff(change.id, old, current),
    })),
    data: options.data ? await compareData(workspace, before, after) : null,
  };
}

/** What became of the rows, for every node that has an output on both sides. */
async function compareData(
  workspace: Workspace,
  before: ComparedState,
  after: ComparedState,
): Promise<TableDiff> {
  const { compareStates } = await import("./table_diff.ts");
  const { COMPARE_DEFAULTS } = await import("./compare_outputs.ts");
  return await compareStates(workspace, before, after, {
    select: [],
    skipKeyless: false,
    options: COMPARE_DEFAULTS,
  });
}

async function readSide(
  workspace: Workspace,
  name: string,
  known: Manifest | null,
): Promise<ComparedState> {
  const { state } = workspace;
  if (name === WORKING) {
    const prod = await state.snapshot(state.head(PROD));
    const previous = known === null ? [prod.manifest] : [known, prod.manifest];
    const { manifest } = await loadManifest(workspace, previous);
    return {
      name,
      commit: null,
      snapshot: { manifest, results: builtBefore(workspace, manifest) },
    };
  }
  if (name === PROD && state.head(PROD) === null) {
    return { name, commit: null, snapshot: { manifest: { nodes: new Map() }, results: new Map() } };
  }
  const commit = await resolveRevision(state, name);
  return { name, commit, snapshot: await state.snapshot(commit) };
}

/** Outputs that some environment made already for the project as its files are now. */
function builtBefore({ cache }: Workspace, { nodes }: Manifest): Map<NodeId, NodeRecord> {
  const results = new Map<NodeId, NodeRecord>();
  for (const node of nodes.values()) {
    const found = findOutput(node, [], cache);
    if (found !== null) results.set(node.id, found.record);
  }
  return results;
}
