import { didYouMean } from "../../base/closest.ts";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { UserError } from "../../base/user_error.ts";
import { type EnvName, type NodeId, PROD } from "../../model/ids.ts";
import type { Manifest, ManifestNode } from "../../model/manifest.ts";
import { loadProject, NO_OVERLAY, type Overlay } from "../../project/load_project.ts";
import { type LoadedManifest, loadManifest } from "../load_manifest.ts";
import type { Workspace } from "../workspace.ts";
import { mergeSnippet } from "./merge_snippet.ts";
import { type Preview, previewNode, type PreviewRequest } from "./preview_node.ts";
import { type DraftFile, projectText, readDraft } from "./read_draft.ts";

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
  /** Its nodes, as they would be in the project, in the order of the file. */
  readonly nodes: readonly ManifestNode[];
  /** Files of the project that have nodes of its already. */
  readonly replaces: ReadonlyMap<NodeId, string>;
  /** Warnings about the draft. */
  readonly diagnostics: readonly Diagnostic[];
  /** Null where nothing is to be shown. */
  readonly preview: Preview | null;
}

/**
 * Checks a draft in the project as it would be with it, and computes its first rows. Writes nothing.
 * Throws what {@linkcode readDraft} and {@linkcode previewNode} throw, and `invalid_project` (3).
 */
export async function dryRun(workspace: Workspace, request: DryRunRequest): Promise<DryRun> {
  const draft = readDraft(workspace.root, workspace.host.cwd, request.file);
  const loaded = await loadWithDraft(workspace, draft, request.env);
  const nodes = nodesOf(draft, loaded.manifest);
  const first = nodes[0];
  const preview = request.schemaOnly || first === undefined || first.virtual === true
    ? null
    : await previewNode(workspace, loaded, first.id, request);
  return {
    draft,
    nodes,
    replaces: new Map([...placesOf(workspace.root, draft)].map(([id, { file }]) => [id, file])),
    diagnostics: [
      ...loaded.diagnostics.filter(({ file }) => file === draft.file),
      ...unknownRef(draft, loaded.manifest),
    ],
    preview,
  };
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

/** Where the project has nodes of a draft already, in files other than the draft itself. */
export function placesOf(root: string, draft: DraftFile): Map<NodeId, NodePlace> {
  const places = new Map<NodeId, NodePlace>();
  if (draft.type !== "nodes") return places;
  const wanted = new Set(draft.ids.map((id) => id.toLowerCase()));
  const { nodes } = loadProject(root);
  for (const { spec, file } of nodes) {
    if (file === draft.file || !wanted.has(spec.id.toLowerCase())) continue;
    const others = nodes.filter((node) => node.file === file).map((node) => node.spec.id)
      .filter((id) => !wanted.has(id.toLowerCase()));
    places.set(spec.id, { file, others });
  }
  return places;
}

/** A file of the project that holds a node. */
export interface NodePlace {
  readonly file: string;
  /** Nodes in it that a draft does not have. */
  readonly others: readonly NodeId[];
}

/** The project as it would be with a draft under a path; absent: its own. */
export function overlayOf(root: string, draft: DraftFile, path: string = draft.file): Overlay {
  return draft.type === "nodes" ? { ...NO_OVERLAY, nodes: new Map([[path, draft.text]]) } : {
    ...NO_OVERLAY,
    snippets: new Map([[draft.target, mergeSnippet(draft, projectText(root, draft.target))]]),
  };
}

/** Loads the project with a draft in it. Throws `invalid_project` (3), the draft's own problems first. */
export async function loadWithDraft(
  workspace: Workspace,
  draft: DraftFile,
  env: EnvName | null,
): Promise<LoadedManifest> {
  const { state, root } = workspace;
  const prod = await state.snapshot(state.head(PROD));
  const others = env === null ? [] : [(await state.snapshot(state.head(env))).manifest];
  try {
    return await loadManifest(workspace, [...others, prod.manifest], {
      env,
      overlay: overlayOf(root, draft),
    });
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== "invalid_project") throw error;
    throw draftProblems(draft, error.diagnostics);
  }
}

function draftProblems(draft: DraftFile, diagnostics: readonly Diagnostic[]): UserError {
  const isOwn = ({ file }: Diagnostic) => file === draft.file || file === draft.target;
  const own = diagnostics.filter(isOwn);
  const others = diagnostics.filter((diagnostic) => !isOwn(diagnostic));
  const count = (found: readonly Diagnostic[]) => {
    const errors = found.filter(({ severity }) => severity === "error").length;
    return `${errors} ${errors === 1 ? "problem" : "problems"}`;
  };
  const message = own.some(({ severity }) => severity === "error")
    ? `${draft.file} has ${count(own)}`
    : `${draft.file} has no problem of its own, and the project would have ${
      count(others)
    } with it`;
  return new UserError(message, {
    code: "invalid_project",
    kind: "validation",
    diagnostics: [...own, ...others],
  });
}
