import { join } from "node:path";
import { isLink, resolveInside } from "../../base/project_path.ts";
import { UserError } from "../../base/user_error.ts";
import type { NodeId } from "../../model/ids.ts";
import type { LoadedNode } from "../../nodes/node_kind.ts";
import { loadProject } from "../../project/load_project.ts";
import type { DraftFile, NodeDraft } from "./read_draft.ts";

/** Where a draft belongs. */
export interface DraftPlace {
  /** Project-relative path of the file that it becomes, or becomes a part of. */
  readonly target: string;
  /** Files of the project that have nodes of its already. */
  readonly replaces: ReadonlyMap<NodeId, string>;
}

/**
 * Where a draft goes: where its node is already, or the folder of its kind. Throws `node_elsewhere` (3) where that
 * cannot be told or somebody else is there, `symbolic_link` (6).
 */
export function findPlace(root: string, draft: DraftFile): DraftPlace {
  const place = draft.type === "nodes"
    ? nodePlace(loadProject(root).nodes, draft)
    : { target: draft.target, replaces: new Map() };
  const { target } = place;
  if (resolveInside(root, target) !== null && !isLink(join(root, target))) return place;
  throw new UserError(`Cannot write "${target}": it leads out of the project`, {
    code: "symbolic_link",
    kind: "security",
    hint: "replace the symbolic link by what it leads to",
  });
}

function nodePlace(nodes: readonly LoadedNode[], draft: NodeDraft): DraftPlace {
  const wanted = new Set(draft.ids.map((id) => id.toLowerCase()));
  const isOwn = ({ spec }: LoadedNode) => wanted.has(spec.id.toLowerCase());
  const there = nodes.filter((node) => isOwn(node) && node.file !== draft.file);
  const replaces = new Map(there.map(({ spec, file }) => [spec.id, file]));
  // A file that is part of the project already is where it belongs.
  if (isPartOfProject(draft.file)) return { target: draft.file, replaces };
  const files = [...new Set(replaces.values())];
  for (const { spec, file } of there) {
    const others = nodes.filter((node) => node.file === file && !isOwn(node))
      .map((node) => node.spec.id);
    const why = others.length > 0
      ? `together with ${others.join(", ")}`
      : files.length > 1
      ? "and other nodes of the draft in other files"
      : endingOf(file) !== endingOf(draft.file)
      ? "in another language"
      : null;
    if (why !== null) throw elsewhere(spec.id, file, why);
  }
  const target = files[0] ?? draft.target;
  const taken = nodes.find((node) => node.file === target && !isOwn(node));
  if (taken === undefined) return { target, replaces };
  throw new UserError(`${target} is there already and holds ${taken.spec.id}`, {
    code: "node_elsewhere",
    kind: "validation",
    hint: `rename ${target}, or give the draft another name`,
  });
}

/** Drafts that lie among the nodes are drafts still. */
function isPartOfProject(file: string): boolean {
  return /^seeknal\/(?!templates\/|common\/)/.test(file) && !/(^|\/)draft_[^/]*$/.test(file);
}

function endingOf(file: string): string {
  return file.replace(/^.*\./, "").replace("yaml", "yml");
}

function elsewhere(id: NodeId, file: string, why: string): UserError {
  return new UserError(`${id} is in ${file} already, ${why}`, {
    code: "node_elsewhere",
    kind: "validation",
    hint: `edit it there, or remove it from ${file} and apply the draft again`,
  });
}
