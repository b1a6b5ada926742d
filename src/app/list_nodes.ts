import type { NodeId } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";
import type { NodeRecord } from "../model/snapshot.ts";

/** A node in a list, as `list --json` prints it. */
export interface ListedNode {
  readonly id: NodeId;
  readonly kind: string;
  readonly name: string;
  readonly file: string;
  readonly description: string | null;
  readonly owner: string | null;
  readonly tags: readonly string[];
  readonly inputs: readonly NodeId[];
  readonly columns: number;
  /** Of the last run; null where nothing was built for what the node is now. */
  readonly rows: number | null;
  readonly size_bytes: number | null;
  /** `success`, `failed`, `skipped`; `none` where it was not run; `virtual` where it has no rows of its own. */
  readonly status: "success" | "failed" | "skipped" | "none" | "virtual";
}

/** The nodes of a manifest that `ids` names, in id order, with what was recorded for exactly these. */
export function listNodes(
  { nodes }: Manifest,
  results: ReadonlyMap<NodeId, NodeRecord>,
  ids: ReadonlySet<NodeId> | null,
): ListedNode[] {
  return [...nodes.values()].filter(({ id }) => ids === null || ids.has(id))
    .map((node) => listed(node, results.get(node.id)));
}

function listed(node: ManifestNode, record: NodeRecord | undefined): ListedNode {
  const { id, kind, name, file, description, owner, tags, inputs, shape } = node;
  const own = record?.fingerprint === node.fingerprint ? record : undefined;
  return {
    ...{ id, kind, name, file, description, owner, tags, inputs },
    columns: shape.columns.length,
    rows: own?.rows ?? null,
    size_bytes: own?.size_bytes ?? null,
    status: node.virtual === true ? "virtual" : own?.status ?? "none",
  };
}
