import { sha256 } from "../base/hash.ts";
import { UserError } from "../base/user_error.ts";
import { type NodeId, splitNodeId } from "../model/ids.ts";

/** Raised when a snapshot's tree changes its shape; readers keep accepting every older number. */
export const FORMAT_VERSION = 1;

/** The document that says which shape a tree has. */
export const FORMAT_DOCUMENT = { format_version: FORMAT_VERSION } as const;

/** The folders of a snapshot that hold one document for every node. */
export type NodeFolder = "nodes" | "outside" | "results";

/** Throws a `UserError` `newer_format` (exit 5) for the tree of a later version of seeknal. */
export function checkFormat(document: unknown): void {
  const version = (document as { format_version?: number } | undefined)?.format_version ?? 0;
  if (version > FORMAT_VERSION) {
    throw new UserError(`Cannot read the state: format ${version} was written by a newer seeknal`, {
      code: "newer_format",
      kind: "dependency",
      hint: "use the version that wrote it, or a newer one",
    });
  }
}

/** Path of a node's definition in the tree. */
export function nodePath(id: NodeId): string {
  return `nodes/${pathInFolder(id)}`;
}

/** Path of a node's result in the tree. */
export function resultPath(id: NodeId): string {
  return `results/${pathInFolder(id)}`;
}

const shards = new Map<NodeId, string>();

/**
 * Path of a node's document inside `nodes` or `results`. Nodes are spread over 256
 * folders by a hash of their id: a folder of 10,000 entries would be written again
 * for every edit.
 */
export function pathInFolder(id: NodeId): string {
  let shard = shards.get(id);
  if (shard === undefined) shards.set(id, shard = sha256(id).slice(0, 2));
  const { kind, name } = splitNodeId(id);
  return `${kind}/${shard}/${name}.json`;
}
