import { didYouMean } from "../../base/closest.ts";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { UserError } from "../../base/user_error.ts";
import { type EnvName, type NodeId, PROD } from "../../model/ids.ts";
import type { Manifest, ManifestNode } from "../../model/manifest.ts";
import { NO_OVERLAY, type Overlay } from "../../project/load_project.ts";
import { type LoadedManifest, loadManifest } from "../load_manifest.ts";
import type { TestResult } from "../../model/test.ts";
import { runTests } from "../run_tests.ts";
import type { Workspace } from "../workspace.ts";
import { findPlace } from "./draft_place.ts";
import { mergeSnippet } from "./merge_snippet.ts";
import { type Preview, previewNode, type PreviewRequest } from "./preview_node.ts";
import {
  type DraftFile,
  type NodeDraft,
  projectText,
  readDraft,
  type SnippetDraft,
} from "./read_draft.ts";

/** What to look at. */
export interface DryRunRequest extends PreviewRequest {
  /** The draft as typed. */
  readonly file: string;
  /** Show no rows. */
  readonly schemaOnly: boolean;
}

/** A draft that is in order. */
export interface DryRun {
  readonly draft: DraftFile;
  /** Project-relative path of the place it belongs to. */
  readonly target: string;
  /** Its nodes, as they would be in the project, in the order of the file. */
  readonly nodes: readonly ManifestNode[];
  /** Files of the project that have nodes of its already. */
  readonly replaces: ReadonlyMap<NodeId, string>;
  /** Warnings about the draft. */
  readonly diagnostics: readonly Diagnostic[];
  /** Null where nothing is to be shown. */
  readonly preview: Preview | null;
  /** How the draft's tests ended. */
  readonly tests: readonly TestResult[];
}

/**
 * Checks a draft in the project as it would be with it, and computes its first rows. Writes nothing.
 * Throws what {@linkcode readDraft} and {@linkcode previewNode} throw, and `invalid_project` (3).
 */
export async function dryRun(workspace: Workspace, request: DryRunRequest): Promise<DryRun> {
  const draft = readDraft(workspace.root, workspace.host.cwd, request.file);
  const { target, replaces } = findPlace(workspace.root, draft);
  if (draft.type === "test") {
    const tests = request.schemaOnly
      ? []
      : await runDraftTests(workspace, draft, target, request.env);
    return { draft, target, nodes: [], replaces, diagnostics: [], preview: null, tests };
  }
  const loaded = await loadWithDraft(workspace, draft, { target, env: request.env });
  const nodes = nodesOf(draft, loaded.manifest);
  const first = nodes[0];
  const preview = request.schemaOnly || first === undefined || first.virtual === true
    ? null
    : await previewNode(workspace, loaded, first.id, request);
  return {
    draft,
    target,
    nodes,
    replaces,
    diagnostics: [
      ...loaded.diagnostics.filter(({ file }) => file === target)
        .map((diagnostic) => ({ ...diagnostic, file: draft.file })),
      ...unknownRef(draft, loaded.manifest),
    ],
    preview,
    tests: [],
  };
}

/** Runs the tests of a draft. Throws `invalid_project` (3) with what is wrong with them. */
export async function runDraftTests(
  workspace: Workspace,
  draft: DraftFile,
  target: string,
  env: EnvName | null,
): Promise<readonly TestResult[]> {
  const drafts = new Map([[target, draft.text]]);
  try {
    const request = { env, names: [target], select: [], drafts };
    return (await runTests(workspace, request)).results.map((result) => ({
      ...result,
      file: result.file === target ? draft.file : result.file,
    }));
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== "invalid_project") throw error;
    // A query over outputs needs no nodes to be one, only to be run.
    const isEmpty = error.diagnostics.every(({ code }) => code === "no_nodes");
    if (isEmpty && draft.file.endsWith(".sql")) return [];
    throw draftProblems(draft, target, error.diagnostics);
  }
}

/** A name for a node that is not there is of no use yet, and does no harm. */
function unknownRef(draft: DraftFile, { nodes }: Manifest): Diagnostic[] {
  if (draft.type !== "snippet" || draft.ref === null || nodes.has(draft.ref as NodeId)) return [];
  return [{
    severity: "warning",
    code: "missing_input",
    message: `${draft.id} stands for ${draft.ref}, which does not exist`,
    file: draft.file,
    hint: didYouMean(draft.ref, nodes.keys()) ?? "make that node, or name another one",
  }];
}

/** The nodes of a draft in the manifest that was made with it. */
export function nodesOf(draft: DraftFile, { nodes }: Manifest): ManifestNode[] {
  return draft.type === "nodes" ? draft.ids.flatMap((id) => nodes.get(id as NodeId) ?? []) : [];
}

/** The project with a draft in its place. */
function overlayOf(root: string, draft: NodeDraft | SnippetDraft, target: string): Overlay {
  return draft.type === "nodes" ? { ...NO_OVERLAY, nodes: new Map([[target, draft.text]]) } : {
    ...NO_OVERLAY,
    snippets: new Map([[target, mergeSnippet(draft, projectText(root, target))]]),
  };
}

/** Loads the project with a draft in its place. Throws `invalid_project` (3), the draft's own problems first. */
export async function loadWithDraft(
  workspace: Workspace,
  draft: NodeDraft | SnippetDraft,
  { target, env }: { readonly target: string; readonly env: EnvName | null },
): Promise<LoadedManifest> {
  const { state, root } = workspace;
  const prod = await state.snapshot(state.head(PROD));
  const others = env === null ? [] : [(await state.snapshot(state.head(env))).manifest];
  // Where it lies is no input of it; where it will lie says what it may import.
  const overlay = overlayOf(root, draft, target);
  try {
    return await loadManifest(workspace, [...others, prod.manifest], { env, overlay });
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== "invalid_project") throw error;
    throw draftProblems(draft, target, error.diagnostics);
  }
}

/** Problems at the place where a draft belongs are problems of the draft. */
function draftProblems(
  { type, file }: DraftFile,
  target: string,
  diagnostics: readonly Diagnostic[],
): UserError {
  const isOwn = (diagnostic: Diagnostic) => diagnostic.file === target;
  const own = diagnostics.filter(isOwn)
    .map((diagnostic) => type === "snippet" ? diagnostic : { ...diagnostic, file });
  const others = diagnostics.filter((diagnostic) => !isOwn(diagnostic));
  const count = (found: readonly Diagnostic[]) => {
    const errors = found.filter(({ severity }) => severity === "error").length;
    return `${errors} ${errors === 1 ? "problem" : "problems"}`;
  };
  const message = own.some(({ severity }) => severity === "error")
    ? `${file} has ${count(own)}`
    : `${file} has no problem of its own, and the project would have ${count(others)} with it`;
  return new UserError(message, {
    code: "invalid_project",
    kind: "validation",
    diagnostics: [...own, ...others],
  });
}
