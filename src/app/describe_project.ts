import type { Diagnostic } from "../base/diagnostic.ts";
import { layersOf } from "../dag/graph.ts";
import type { ProjectConfig } from "../model/config.ts";
import { PROD } from "../model/ids.ts";
import type { ManifestNode } from "../model/manifest.ts";
import { loadManifest } from "./load_manifest.ts";
import type { Workspace } from "./workspace.ts";

/** A project that loads, as `parse` shows it. */
export interface ProjectDescription {
  readonly config: ProjectConfig;
  readonly root: string;
  /** In id order. */
  readonly nodes: readonly ManifestNode[];
  readonly edges: number;
  readonly layers: number;
  readonly diagnostics: readonly Diagnostic[];
}

/** Loads and binds the whole project and writes nothing. Throws `invalid_project` (3). */
export async function describeProject(workspace: Workspace): Promise<ProjectDescription> {
  const prod = await workspace.state.snapshot(workspace.state.head(PROD));
  const { config, manifest, diagnostics } = await loadManifest(workspace, [prod.manifest]);
  const nodes = [...manifest.nodes.values()];
  return {
    config,
    root: workspace.root,
    nodes,
    edges: nodes.reduce((sum, node) => sum + new Set(node.inputs).size, 0),
    layers: layersOf(nodes).length,
    diagnostics,
  };
}
