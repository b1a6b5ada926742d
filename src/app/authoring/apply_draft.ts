import { join, relative } from "node:path";
import { writeFileAtomic } from "../../base/atomic_write.ts";
import { faultPoint } from "../../base/fault_point.ts";
import { isLink, resolveInside } from "../../base/project_path.ts";
import { UserError } from "../../base/user_error.ts";
import { compare } from "../../changes/compare.ts";
import type { Change } from "../../model/change.ts";
import { PROD } from "../../model/ids.ts";
import type { Manifest, ManifestNode } from "../../model/manifest.ts";
import type { Plan } from "../../model/plan.ts";
import { loadProject } from "../../project/load_project.ts";
import { loadManifest } from "../load_manifest.ts";
import { planEnvironment } from "../plan_environment.ts";
import { findSchemas, SCHEMAS_DIR, writeSchemas } from "../project_schemas.ts";
import { type SqlDiffLine, textDiff } from "../sql_diff.ts";
import type { Workspace } from "../workspace.ts";
import { loadWithDraft, nodesOf, overlayOf, placesOf } from "./dry_run.ts";
import { mergeSnippet } from "./merge_snippet.ts";
import { type DraftFile, projectText, readDraft } from "./read_draft.ts";

/** What applying a draft would do. */
export interface PreparedApply {
  readonly draft: DraftFile;
  readonly nodes: readonly ManifestNode[];
  /** Project-relative path of the file that is written. */
  readonly target: string;
  /** The whole file as it would be. */
  readonly text: string;
  /** `none`: nothing differs. `create`: there is no such file yet. `replace`: one is written over. */
  readonly action: "none" | "create" | "replace";
  /** Lines that differ, of a file that is replaced. */
  readonly lines: readonly SqlDiffLine[];
  /** What it means for nodes; null where the project as it is does not load. */
  readonly changes: readonly Change[] | null;
  /** True where the project has nodes: there is something to plan. */
  readonly hasNodes: boolean;
}

/** What was done. */
export interface Applied {
  /** True where the draft was a file of its own, which is gone. */
  readonly moved: boolean;
  /** What a plan for production says now; null where it was not asked for. */
  readonly plan: Plan | null;
}

/**
 * Checks a draft as a dry run does and finds out where it goes and what that changes. Writes nothing.
 * Throws what `readDraft` throws, `invalid_project`, `node_elsewhere`, `cannot_merge` (3) and `symbolic_link` (6).
 */
export async function prepareApply(workspace: Workspace, typed: string): Promise<PreparedApply> {
  const { root, host } = workspace;
  const draft = readDraft(root, host.cwd, typed);
  const loaded = await loadWithDraft(workspace, draft, null);
  const target = placeOf(root, draft);
  const before = projectText(root, target);
  const text = draft.type === "nodes"
    ? withSchemaFrom(draft.text, target)
    : mergeSnippet(draft, before);
  const nodes = nodesOf(draft, loaded.manifest);
  const action = before === null ? "create" : before === text ? "none" : "replace";
  return {
    draft,
    nodes,
    target,
    text,
    action,
    hasNodes: loaded.manifest.nodes.size > 0,
    lines: action === "replace" ? textDiff(before!, text) : [],
    changes: action === "none" ? [] : await changesBy(workspace, draft, { target, text }),
  };
}

/**
 * Puts the draft in its place: the file is written whole under its name, then the draft goes. Killed in between,
 * both are there, and applying it again goes on. Without a plan where `parse` is false.
 */
export async function applyDraft(
  workspace: Workspace,
  { draft, target, text, action, hasNodes }: PreparedApply,
  { parse }: { readonly parse: boolean },
): Promise<Applied> {
  const { root } = workspace;
  if (action !== "none") writeFileAtomic(join(root, target), text);
  faultPoint("apply-written");
  const moved = draft.file !== target;
  if (moved) Deno.removeSync(draft.path);
  if (action !== "none") writeSchemas(join(root, SCHEMAS_DIR), findSchemas(null));
  const plan = parse && action !== "none" && hasNodes
    ? (await planEnvironment(workspace, { env: null })).plan
    : null;
  return { moved, plan };
}

/** Where a draft goes: where its node is already, or the folder of its kind. */
function placeOf(root: string, draft: DraftFile): string {
  const target = draft.type === "nodes" ? nodePlace(root, draft) : draft.target;
  const path = resolveInside(root, target);
  if (path === null || isLink(join(root, target))) {
    throw new UserError(`Cannot write "${target}": it leads out of the project`, {
      code: "symbolic_link",
      kind: "security",
      hint: "replace the symbolic link by what it leads to",
    });
  }
  return target;
}

function nodePlace(root: string, draft: DraftFile): string {
  // A file that is part of the project already is where it belongs.
  if (
    /^seeknal\/(?!templates\/|common\/)/.test(draft.file) && !/(^|\/)draft_[^/]*$/.test(draft.file)
  ) {
    return draft.file;
  }
  const places = [...placesOf(root, draft)];
  const files = [...new Set(places.map(([, { file }]) => file))];
  const ending = (file: string) => file.replace(/^.*\./, "").replace("yaml", "yml");
  for (const [id, { file, others }] of places) {
    const why = others.length > 0
      ? `together with ${others.join(", ")}`
      : files.length > 1
      ? "and the draft's other nodes in other files"
      : ending(file) !== ending(draft.file)
      ? "in another language"
      : null;
    if (why === null) continue;
    throw new UserError(`${id} is in ${file} already, ${why}`, {
      code: "node_elsewhere",
      kind: "validation",
      hint: `edit it there, or remove it from ${file} and apply the draft again`,
    });
  }
  const target = files[0] ?? draft.target;
  const taken = loadProject(root).nodes.find(({ file, spec }) =>
    file === target && draft.type === "nodes" && !draft.ids.includes(spec.id)
  );
  if (taken === undefined) return target;
  throw new UserError(`${target} is there already and holds ${taken.spec.id}`, {
    code: "node_elsewhere",
    kind: "validation",
    hint: `rename ${target}, or give the draft another name`,
  });
}

/** The comment that names the schema, as seen from another folder. */
function withSchemaFrom(text: string, target: string): string {
  const pattern = /^(# yaml-language-server: \$schema=)(?!\w+:)(?:\S*\/)?(\w+\.json)[^\n]*\n/;
  const path = relative(join("/", target, ".."), `/${SCHEMAS_DIR}`).replaceAll("\\", "/");
  return text.replace(pattern, (_, start: string, name: string) => `${start}${path}/${name}\n`);
}

/** What a draft changes in the project as it is; null where that does not load. */
async function changesBy(
  workspace: Workspace,
  draft: DraftFile,
  { target, text }: { readonly target: string; readonly text: string },
): Promise<Change[] | null> {
  const { state, root } = workspace;
  const prod = await state.snapshot(state.head(PROD));
  const before = await loadOrNull(workspace, prod.manifest);
  if (before === null) return null;
  const overlay = draft.type === "nodes"
    ? overlayOf(root, { ...draft, text }, target)
    : overlayOf(root, draft);
  const { manifest } = await loadManifest(workspace, [before, prod.manifest], { overlay });
  return compare(before, manifest).filter(({ kind }) => kind !== "none");
}

async function loadOrNull(workspace: Workspace, prod: Manifest): Promise<Manifest | null> {
  try {
    return (await loadManifest(workspace, [prod])).manifest;
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== "invalid_project") throw error;
    const isEmpty = error.diagnostics.every(({ code }) => code === "no_nodes");
    return isEmpty ? { nodes: new Map() } : null;
  }
}
