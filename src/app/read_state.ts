import type { Diagnostic } from "../base/diagnostic.ts";
import { compare } from "../changes/compare.ts";
import { type CommitId, type EnvName, type NodeId, PROD } from "../model/ids.ts";
import type { Manifest } from "../model/manifest.ts";
import { EMPTY_SNAPSHOT, type Snapshot } from "../model/snapshot.ts";
import { loadManifest } from "./load_manifest.ts";
import { requireEnvironment } from "./require_environment.ts";
import type { Workspace } from "./workspace.ts";

/** The project's files, or an environment, with what runs left for its nodes. */
export interface ProjectState {
  /** Null: the files as they are now. */
  readonly env: EnvName | null;
  /** The commit that results are of; null where nothing was run yet. */
  readonly commit: CommitId | null;
  readonly manifest: Manifest;
  /** Of the environment; for the files those of production. */
  readonly results: Snapshot["results"];
  readonly outside: Snapshot["outside"];
  /** Production, to compare with. */
  readonly production: Manifest;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads an environment, or the files for null. Writes nothing. Throws `unknown_environment` (2) and `invalid_project` (3). */
export async function readState(
  workspace: Workspace,
  env: EnvName | null,
): Promise<ProjectState> {
  const { state } = workspace;
  const head = state.head(PROD);
  const prod = head === null ? EMPTY_SNAPSHOT : await state.snapshot(head);
  if (env === null) {
    const { manifest, diagnostics } = await loadManifest(workspace, [prod.manifest]);
    return {
      ...{ env, commit: head, manifest, diagnostics, production: prod.manifest },
      results: prod.results,
      outside: prod.outside,
    };
  }
  const commit = requireEnvironment(workspace, env);
  const { manifest, results, outside } = await state.snapshot(commit);
  return {
    ...{ env, commit, manifest, results, outside, production: prod.manifest, diagnostics: [] },
  };
}

/** What `state:modified` stands for: nodes that are not as in production. */
export function modifiedNodes({ production, manifest }: ProjectState): Set<NodeId> {
  return new Set(
    compare(production, manifest).filter(({ kind }) => kind !== "none").map(({ id }) => id),
  );
}
