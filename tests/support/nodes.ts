import { compactJson } from "../../src/base/canonical_json.ts";
import { sha256 } from "../../src/base/hash.ts";
import type { Fingerprint, NodeId } from "../../src/model/ids.ts";
import type { Manifest, ManifestNode } from "../../src/model/manifest.ts";

/** A manifest node; what is not given has a plain value that follows from the rest. */
export function makeNode(parts: Partial<ManifestNode> = {}): ManifestNode {
  const kind = parts.kind ?? "transform";
  const name = parts.name ?? "t";
  const sql = parts.sql ?? "SELECT 1 AS a";
  const node = {
    format_version: 1 as const,
    id: `${kind}.${name}` as NodeId,
    kind,
    name,
    file: `seeknal/${kind}s/${name}.yml`,
    description: null,
    owner: null,
    tags: [],
    inputs: [],
    declared_columns: [],
    config: { transform: sql },
    sql,
    query_hash: sha256(sql),
    bind_key: sha256(`bind ${sql}`),
    shape: { columns: [], rows: null, lineage: null },
    version: null,
    ...parts,
  };
  const { query_hash, version, inputs } = node;
  const fingerprint = sha256(compactJson([node.id, query_hash, version, inputs])) as Fingerprint;
  return { fingerprint, ...node };
}

/** A manifest of nodes, in id order. */
export function makeManifest(nodes: readonly ManifestNode[]): Manifest {
  const sorted = [...nodes].sort((a, b) => (a.id < b.id ? -1 : 1));
  return { nodes: new Map(sorted.map((node) => [node.id, node])) };
}
