import type { Diagnostic } from "../base/diagnostic.ts";
import { layersOf } from "../dag/graph.ts";
import type { ProjectConfig } from "../model/config.ts";
import { type NodeId, PROD } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";
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
  /** How the nodes differ from those of production, as they are written. */
  readonly changes: ProjectChanges;
}

/** Nodes and edges that production does not have, or has in another form. */
export interface ProjectChanges {
  readonly added: readonly NodeId[];
  readonly removed: readonly NodeId[];
  readonly modified: readonly { readonly id: NodeId; readonly fields: readonly string[] }[];
  readonly edges_added: readonly string[];
  readonly edges_removed: readonly string[];
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
    changes: changesSince(prod.manifest, manifest),
  };
}

/** What an author can write, by the name to say. */
const FIELDS: Readonly<Record<string, keyof ManifestNode>> = {
  file: "file",
  description: "description",
  owner: "owner",
  tags: "tags",
  inputs: "inputs",
  columns: "declared_columns",
  grain: "grain",
  materializations: "materializations",
  audits: "audits",
};

function changesSince(before: Manifest, after: Manifest): ProjectChanges {
  const isIn = ({ nodes }: Manifest) => (id: NodeId) => nodes.has(id);
  const ids = (manifest: Manifest) => [...manifest.nodes.keys()];
  const [old, now] = [edgesOf(before), edgesOf(after)];
  return {
    added: ids(after).filter((id) => !isIn(before)(id)),
    removed: ids(before).filter((id) => !isIn(after)(id)),
    modified: ids(after).flatMap((id) => {
      const [was, is] = [before.nodes.get(id), after.nodes.get(id)!];
      const fields = was === undefined || was === is ? [] : changedFields(was, is);
      return fields.length === 0 ? [] : [{ id, fields }];
    }),
    edges_added: [...now].filter((edge) => !old.has(edge)),
    edges_removed: [...old].filter((edge) => !now.has(edge)),
  };
}

function changedFields(before: ManifestNode, after: ManifestNode): string[] {
  const differs = (a: unknown, b: unknown) =>
    JSON.stringify(a ?? null) !== JSON.stringify(b ?? null);
  const common = Object.entries(FIELDS).filter(([, key]) => differs(before[key], after[key]))
    .map(([name]) => name);
  const own = [...new Set([...Object.keys(before.config), ...Object.keys(after.config)])]
    .filter((key) => differs(before.config[key], after.config[key]));
  const data = differs(before.version?.hash, after.version?.hash) ? ["data"] : [];
  return [...common, ...own, ...data];
}

function edgesOf({ nodes }: Manifest): Set<string> {
  return new Set(
    [...nodes.values()].flatMap(({ id, inputs }) => inputs.map((input) => `${input} -> ${id}`)),
  );
}
