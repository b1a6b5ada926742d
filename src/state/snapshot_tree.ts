import { sha256 } from "../base/hash.ts";
import { type NodeId, splitNodeId } from "../model/ids.ts";
import type { ManifestNode } from "../model/manifest.ts";
import type { StoredPlan } from "../model/plan.ts";
import type { EnvironmentRecord, NodeRecord, Snapshot } from "../model/snapshot.ts";

/** Raised when a snapshot's tree changes its shape; readers keep accepting every older number. */
export const FORMAT_VERSION = 1;

/** A document of a snapshot: its path in the tree, and its value. */
export type Documents = ReadonlyMap<string, object>;

const FORMAT_DOCUMENT = { format_version: FORMAT_VERSION };

/**
 * Lays a snapshot out as files, one for every node and document part, so that a
 * commit costs what changed. Nodes are spread over 256 folders by a hash of their
 * id: a folder of 10,000 entries would be written again for every edit.
 */
export function toDocuments(snapshot: Snapshot): Documents {
  const documents = new Map<string, object>([["format.json", FORMAT_DOCUMENT]]);
  if (snapshot.environment !== null) documents.set("environment.json", snapshot.environment);
  if (snapshot.plan !== null) documents.set("plan.json", snapshot.plan);
  for (const node of snapshot.manifest.nodes.values()) documents.set(nodePath(node.id), node);
  for (const record of snapshot.results.values()) documents.set(resultPath(record.id), record);
  return documents;
}

/** Reads a snapshot back. Throws for a format of a later version of seeknal. */
export function fromDocuments(documents: Documents): Snapshot {
  const format = documents.get("format.json") as { format_version?: number } | undefined;
  if ((format?.format_version ?? 0) > FORMAT_VERSION) {
    throw new Error(`State has format ${format?.format_version}: a newer seeknal wrote it`);
  }
  const nodes: ManifestNode[] = [];
  const results: NodeRecord[] = [];
  for (const [path, value] of documents) {
    if (path.startsWith("nodes/")) nodes.push(value as ManifestNode);
    else if (path.startsWith("results/")) results.push(value as NodeRecord);
  }
  return {
    manifest: { nodes: byId(nodes) },
    results: byId(results),
    plan: (documents.get("plan.json") as StoredPlan | undefined) ?? null,
    environment: (documents.get("environment.json") as EnvironmentRecord | undefined) ?? null,
  };
}

/** Path of a node's definition in the tree. */
export function nodePath(id: NodeId): string {
  return shardedPath("nodes", id);
}

/** Path of a node's result in the tree. */
export function resultPath(id: NodeId): string {
  return shardedPath("results", id);
}

const shards = new Map<NodeId, string>();

function shardedPath(folder: string, id: NodeId): string {
  let shard = shards.get(id);
  if (shard === undefined) shards.set(id, shard = sha256(id).slice(0, 2));
  const { kind, name } = splitNodeId(id);
  return `${folder}/${kind}/${shard}/${name}.json`;
}

function byId<T extends { id: NodeId }>(items: T[]): Map<NodeId, T> {
  items.sort((a, b) => (a.id < b.id ? -1 : 1));
  return new Map(items.map((item) => [item.id, item]));
}
