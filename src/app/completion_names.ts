import { normalizeEnvName } from "../model/env_name.ts";
import { type EnvName, PROD } from "../model/ids.ts";
import { NODE_KINDS } from "../nodes/registry.ts";
import { loadProject } from "../project/load_project.ts";
import { loadEnvironmentProfile } from "./environment_profile.ts";
import type { Workspace } from "./workspace.ts";

/** What names are wanted of. */
export type CompletedName = "environment" | "node" | "metric" | "kind" | "tag" | "connection";

/**
 * Names for shell completion: of the environment that the line names, else of the project's files, which
 * are read and not bound, so that a project with problems completes too.
 */
export async function completionNames(
  workspace: Workspace,
  wanted: CompletedName,
  env: string | null,
): Promise<string[]> {
  const { state, root } = workspace;
  if (wanted === "environment") return [...new Set([...state.environments(), PROD])];
  if (wanted === "kind") return NODE_KINDS.map(({ kind }) => kind);
  if (wanted === "connection") {
    return [...loadEnvironmentProfile(workspace, null).profile.connections.keys()];
  }
  const nodes = await nodesOf(workspace, env) ?? loadProject(root).nodes.map(({ spec }) => spec);
  if (wanted === "tag") return [...new Set(nodes.flatMap(({ tags }) => tags))];
  if (wanted === "metric") {
    return nodes.filter(({ kind }) => kind === "metric").map(({ name }) => name);
  }
  return nodes.map(({ id }) => id);
}

interface NamedNode {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly tags: readonly string[];
}

async function nodesOf({ state }: Workspace, env: string | null): Promise<NamedNode[] | null> {
  const name = env === null ? null : nameOrNull(env);
  const head = name === null ? null : state.head(name);
  if (head === null) return null;
  return [...(await state.snapshot(head)).manifest.nodes.values()];
}

function nameOrNull(typed: string): EnvName | null {
  try {
    return normalizeEnvName(typed).name;
  } catch {
    // What is half typed is no name yet.
    return null;
  }
}
