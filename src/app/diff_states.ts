import { compare } from "../changes/compare.ts";
import type { Change } from "../model/change.ts";
import { PROD } from "../model/ids.ts";
import type { Manifest } from "../model/manifest.ts";
import { resolveRevision } from "../state/revisions.ts";
import { loadManifest } from "./load_manifest.ts";
import { sqlDiff, type SqlDiffLine } from "./sql_diff.ts";
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
}

/**
 * Compares two of: an environment, a commit, `prod@{1}`, or `.` for the project's
 * files. Throws `unknown_revision` (2) and `invalid_project` (3). Writes nothing.
 */
export async function diffStates(
  workspace: Workspace,
  from: string,
  to: string,
): Promise<StateDiff> {
  const before = await readSide(workspace, from, null);
  const after = await readSide(workspace, to, before.manifest);
  const changes = compare(before.manifest, after.manifest).filter(({ kind }) => kind !== "none");
  return {
    from: { name: from, commit: before.commit },
    to: { name: to, commit: after.commit },
    nodes: changes.map((change) => ({
      ...change,
      file: (after.manifest.nodes.get(change.id) ?? before.manifest.nodes.get(change.id)!).file,
      sql: sqlDiff(change.id, before.manifest, after.manifest),
    })),
  };
}

async function readSide(
  workspace: Workspace,
  name: string,
  known: Manifest | null,
): Promise<{ manifest: Manifest; commit: string | null }> {
  if (name === WORKING) {
    const prod = await workspace.state.snapshot(workspace.state.head(PROD));
    const previous = known === null ? [prod.manifest] : [known, prod.manifest];
    return { manifest: (await loadManifest(workspace, previous)).manifest, commit: null };
  }
  if (name === PROD && workspace.state.head(PROD) === null) {
    return { manifest: { nodes: new Map() }, commit: null };
  }
  const commit = await resolveRevision(workspace.state, name);
  return { manifest: (await workspace.state.snapshot(commit)).manifest, commit };
}
