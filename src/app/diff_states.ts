import { didYouMean } from "../base/closest.ts";
import { UserError } from "../base/user_error.ts";
import { compare } from "../changes/compare.ts";
import type { Change } from "../model/change.ts";
import { type NodeId, PROD } from "../model/ids.ts";
import type { Manifest } from "../model/manifest.ts";
import type { NodeRecord } from "../model/snapshot.ts";
import { resolveRevision } from "../state/revisions.ts";
import { loadManifest } from "./load_manifest.ts";
import { findNode } from "./find_node.ts";
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

/** What a comparison is about; empty lists ask for nothing in particular. */
export interface DiffFilter {
  /** `kind.name`, a bare name, or `kinds/name` as the folders are called. */
  readonly nodes: readonly string[];
  /** Kinds, also in the plural. */
  readonly kinds: readonly string[];
}

/**
 * Compares two of: an environment, a commit, `prod@{1}`, or `.` for the project's
 * files. Throws `unknown_revision` (2) and `invalid_project` (3). Writes nothing.
 */
export async function diffStates(
  workspace: Workspace,
  from: string,
  to: string,
  options: { readonly data: boolean; readonly only?: DiffFilter },
): Promise<StateDiff> {
  const before = await readSide(workspace, from, null);
  const after = await readSide(workspace, to, before.snapshot.manifest);
  const [old, current] = [before.snapshot.manifest, after.snapshot.manifest];
  const isWanted = filterOf(options.only ?? { nodes: [], kinds: [] }, old, current);
  const changes = compare(old, current).filter(({ kind, id }) => kind !== "none" && isWanted(id));
  return {
    from: { name: from, commit: before.commit },
    to: { name: to, commit: after.commit },
    nodes: changes.map((change) => ({
      ...change,
      file: (current.nodes.get(change.id) ?? old.nodes.get(change.id)!).file,
      sql: sqlDiff(change.id, old, current),
    })),
    data: options.data
      ? await compareData(workspace, before, after, selectors(isWanted, options.only, old, current))
      : null,
  };
}

/** Throws `unknown_node` and `unknown_kind` (2). */
function filterOf(
  { nodes, kinds }: DiffFilter,
  before: Manifest,
  after: Manifest,
): (id: NodeId) => boolean {
  if (nodes.length + kinds.length === 0) return () => true;
  const all: Manifest = { nodes: new Map([...before.nodes, ...after.nodes]) };
  const known = new Set([...all.nodes.values()].map(({ kind }) => kind));
  const singular = (word: string) =>
    [word, word.replace(/s$/, ""), word.replace(/ies$/, "y")].find((kind) => known.has(kind));
  const ids = new Set(nodes.map((typed) => {
    const [folder, name] = typed.split("/");
    if (name === undefined) return findNode(all, typed).id;
    return findNode(all, `${singular(folder!) ?? folder}.${name}`).id;
  }));
  const wanted = kinds.map((word) => {
    const kind = singular(word);
    if (kind !== undefined) return kind;
    throw new UserError(`No node is of kind "${word}"`, {
      code: "unknown_kind",
      kind: "usage",
      hint: didYouMean(word, known) ?? `there is: ${[...known].sort().join(", ")}`,
    });
  });
  return (id) =>
    (ids.size === 0 || ids.has(id)) &&
    (wanted.length === 0 || wanted.includes(all.nodes.get(id)!.kind));
}

/** The ids of the nodes that a filter wants; nothing where there is none. */
function selectors(
  isWanted: (id: NodeId) => boolean,
  only: DiffFilter | undefined,
  before: Manifest,
  after: Manifest,
): string[] {
  if (only === undefined || only.nodes.length + only.kinds.length === 0) return [];
  return [...new Set([...before.nodes.keys(), ...after.nodes.keys()])].filter(isWanted);
}

/** What became of the rows, for every node that has an output on both sides. */
async function compareData(
  workspace: Workspace,
  before: ComparedState,
  after: ComparedState,
  select: readonly string[],
): Promise<TableDiff> {
  const { compareStates } = await import("./table_diff.ts");
  const { COMPARE_DEFAULTS } = await import("./compare_outputs.ts");
  return await compareStates(workspace, before, after, {
    select,
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
