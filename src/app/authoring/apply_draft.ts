import { join, relative } from "node:path";
import { writeFileAtomic } from "../../base/atomic_write.ts";
import { faultPoint } from "../../base/fault_point.ts";
import { UserError } from "../../base/user_error.ts";
import { compare } from "../../changes/compare.ts";
import type { Change } from "../../model/change.ts";
import { PROD } from "../../model/ids.ts";
import type { Manifest, ManifestNode } from "../../model/manifest.ts";
import type { Plan } from "../../model/plan.ts";
import { loadManifest } from "../load_manifest.ts";
import { planEnvironment } from "../plan_environment.ts";
import { findSchemas, SCHEMAS_DIR, writeSchemas } from "../project_schemas.ts";
import { type SqlDiffLine, textDiff } from "../sql_diff.ts";
import type { Workspace } from "../workspace.ts";
import { loadWithDraft, nodesOf, runDraftTests } from "./dry_run.ts";
import { findPlace } from "./draft_place.ts";
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
  const { target } = findPlace(root, draft);
  if (draft.type === "test") return await prepareTest(workspace, draft, target);
  const loaded = await loadWithDraft(workspace, draft, { target, env: null });
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
    changes: action === "none" ? [] : await changesTo(workspace, loaded.manifest),
  };
}

/** Tests have to be in order, not to pass: they may be written before what they test. */
async function prepareTest(
  workspace: Workspace,
  draft: DraftFile,
  target: string,
): Promise<PreparedApply> {
  await runDraftTests(workspace, draft, target, null);
  const text = withSchemaFrom(draft.text, target);
  const before = projectText(workspace.root, target);
  const action = before === null ? "create" : before === text ? "none" : "replace";
  return {
    draft,
    nodes: [],
    target,
    text,
    action,
    hasNodes: false,
    lines: action === "replace" ? textDiff(before!, text) : [],
    changes: [],
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

/** The comment that names the schema, as seen from another folder. */
function withSchemaFrom(text: string, target: string): string {
  const pattern = /^(# yaml-language-server: \$schema=)(?!\w+:)(?:\S*\/)?(\w+\.json)[^\n]*\n/;
  const path = relative(join("/", target, ".."), `/${SCHEMAS_DIR}`).replaceAll("\\", "/");
  return text.replace(pattern, (_, start: string, name: string) => `${start}${path}/${name}\n`);
}

/** What differs between the project as it is and as it would be; null where it does not load as it is. */
async function changesTo(workspace: Workspace, after: Manifest): Promise<Change[] | null> {
  const before = await loadOrNull(workspace, after);
  return before === null ? null : compare(before, after).filter(({ kind }) => kind !== "none");
}

async function loadOrNull(workspace: Workspace, after: Manifest): Promise<Manifest | null> {
  const { state } = workspace;
  const prod = await state.snapshot(state.head(PROD));
  try {
    return (await loadManifest(workspace, [after, prod.manifest])).manifest;
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== "invalid_project") throw error;
    const isEmpty = error.diagnostics.every(({ code }) => code === "no_nodes");
    return isEmpty ? { nodes: new Map() } : null;
  }
}
