import { type CommitId, type EnvName, type NodeId, nodeId } from "../model/ids.ts";
import type { Manifest } from "../model/manifest.ts";
import { nodePath, resultPath } from "../state/snapshot_tree.ts";
import type { CommitInfo } from "../state/state_repo.ts";
import { findNode, nodesNamed } from "./find_node.ts";
import { requireEnvironment } from "./require_environment.ts";
import type { Workspace } from "./workspace.ts";

/** One entry of a history, as `history --json` prints it. */
export interface HistoryEntry {
  readonly commit: CommitId;
  readonly parents: readonly CommitId[];
  readonly author: string;
  readonly date: string;
  readonly action: string;
  readonly subject: string;
  readonly body: string;
  readonly trailers: Readonly<Record<string, string>>;
}

/** Commits of an environment, newest first; with a node, only those that changed its definition or its output. */
export async function showHistory(
  workspace: Workspace,
  options: { readonly env: EnvName; readonly node: string | null; readonly limit: number },
): Promise<HistoryEntry[]> {
  const head = requireEnvironment(workspace, options.env);
  if (options.node === null) {
    return (await workspace.state.log(head, options.limit)).map(toEntry);
  }
  const { manifest } = await workspace.state.snapshot(head);
  const id = idNamed(manifest, options.node, options.env);
  const entries: HistoryEntry[] = [];
  const states = new Map<string, string>();
  for (const info of await workspace.state.log(head, Infinity)) {
    if (!await touches(workspace, info, id, states)) continue;
    entries.push(toEntry(info));
    if (entries.length >= options.limit) break;
  }
  return entries;
}

function toEntry(info: CommitInfo): HistoryEntry {
  return {
    commit: info.id,
    parents: info.parents,
    author: info.author,
    date: info.date.toISOString(),
    action: info.trailers["Seeknal-Action"] ?? "",
    subject: info.subject,
    body: info.body,
    trailers: info.trailers,
  };
}

/** As `git log -- <path>` simplifies: a commit counts when it differs from every parent. */
async function touches(
  workspace: Workspace,
  info: CommitInfo,
  id: NodeId,
  states: Map<string, string>,
): Promise<boolean> {
  const stateIn = async (tree: string) => {
    const known = states.get(tree) ?? await nodeState(workspace, tree, id);
    states.set(tree, known);
    return known;
  };
  const own = await stateIn(info.tree);
  const parents = await Promise.all(
    info.parents.map(async (parent) => stateIn((await workspace.state.commit(parent)).tree)),
  );
  return parents.length === 0 ? own !== "-/-" : parents.every((parent) => parent !== own);
}

async function nodeState(workspace: Workspace, tree: string, id: NodeId): Promise<string> {
  return `${await lookUp(workspace, tree, nodePath(id))}/${await lookUp(
    workspace,
    tree,
    resultPath(id),
  )}`;
}

async function lookUp({ state }: Workspace, tree: string, path: string): Promise<string> {
  let oid = tree;
  for (const part of path.split("/")) {
    const entry = (await state.treeEntries(oid)).find((candidate) => candidate.path === part);
    if (entry === undefined) return "-";
    oid = entry.oid;
  }
  return oid;
}

/** An id may also be of a node that is gone. */
function idNamed(manifest: Manifest, typed: string, env: EnvName): NodeId {
  const dot = typed.indexOf(".");
  return dot > 0 && nodesNamed(manifest, typed).length === 0
    ? nodeId(typed.slice(0, dot), typed.slice(dot + 1))
    : findNode(manifest, typed, env).id;
}
