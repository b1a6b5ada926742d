import type { NodeId } from "../model/ids.ts";
import type { ManifestNode } from "../model/manifest.ts";
import type { NodeOutput } from "../model/run.ts";
import { EMPTY_SNAPSHOT, type NodeRecord, type Snapshot } from "../model/snapshot.ts";
import { isChecked } from "./node_checks.ts";
import type { OutputCache } from "../cache/output_cache.ts";

/** An output that a node can take over instead of being built. */
export interface FoundOutput {
  readonly record: NodeRecord;
  /** `dev`, `prod` or `the cache`. */
  readonly from: string;
}

/** A snapshot in which to look for outputs, with the name to say. */
export interface OutputPlace {
  readonly name: string;
  readonly snapshot: Snapshot;
}

/**
 * Finds an intact output with exactly the node's fingerprint: in the given
 * snapshots first, then anywhere in the cache.
 */
export function findOutput(
  node: ManifestNode,
  places: readonly OutputPlace[],
  cache: OutputCache,
): FoundOutput | null {
  for (const { name, snapshot } of places) {
    const record = snapshot.results.get(node.id);
    if (record !== undefined && isValidRecord(record, node, cache)) return { record, from: name };
  }
  const cached = cache.find(node.fingerprint);
  if (cached === null) return null;
  return { record: successRecord(node, cached), from: "the cache" };
}

/** True when a record is a success of exactly this node and its output is there. */
export function isValidRecord(
  record: NodeRecord | undefined,
  node: ManifestNode,
  cache: OutputCache,
): boolean {
  return record !== undefined && record.status === "success" &&
    record.fingerprint === node.fingerprint && isThere(record, cache);
}

/** True when the rows of a success are there, and its artifact where it has one. */
function isThere({ content_hash, size_bytes, artifact }: NodeRecord, cache: OutputCache): boolean {
  return cache.has(content_hash!, size_bytes!) &&
    (artifact === undefined ||
      cache.hasArtifact({ contentHash: artifact.content_hash, sizeBytes: artifact.size_bytes }));
}

/** The record of a node that was built. */
export function successRecord(
  node: ManifestNode,
  output: Omit<NodeOutput, "durationMs">,
): NodeRecord {
  const { metrics, artifact } = output;
  return {
    format_version: 1,
    id: node.id,
    status: "success",
    fingerprint: node.fingerprint,
    content_hash: output.contentHash,
    head_hash: output.headHash,
    size_bytes: output.sizeBytes,
    rows: output.rows,
    error: null,
    ...(metrics === undefined ? {} : { metrics }),
    ...(artifact === undefined
      ? {}
      : { artifact: { content_hash: artifact.contentHash, size_bytes: artifact.sizeBytes } }),
  };
}

/** The output that a record of a success names. */
export function outputOf(record: NodeRecord): Omit<NodeOutput, "durationMs"> {
  const { content_hash, head_hash, size_bytes, rows, metrics, artifact } = record;
  return {
    contentHash: content_hash!,
    headHash: head_hash!,
    sizeBytes: size_bytes!,
    rows: rows!,
    ...(metrics === undefined ? {} : { metrics }),
    ...(artifact === undefined
      ? {}
      : { artifact: { contentHash: artifact.content_hash, sizeBytes: artifact.size_bytes } }),
  };
}

/** The record of a node that has no output and why. */
export function missingRecord(
  node: ManifestNode,
  status: "failed" | "skipped",
  error: string,
): NodeRecord {
  return {
    format_version: 1,
    id: node.id,
    status,
    fingerprint: node.fingerprint,
    content_hash: null,
    head_hash: null,
    size_bytes: null,
    rows: null,
    error,
  };
}

/**
 * Nodes of a snapshot that have no valid output, or one that was not checked as they say. Those whose record is the one that
 * `trusted` holds are taken to be there.
 */
export function pendingNodes(
  { manifest, results }: Snapshot,
  cache: OutputCache,
  trusted: Snapshot = EMPTY_SNAPSHOT,
): NodeId[] {
  const isPending = (node: ManifestNode) => {
    if (node.virtual === true) return false;
    const record = results.get(node.id);
    if (record !== undefined && !isChecked(node, record, manifest.nodes)) return true;
    const isTrusted = record?.status === "success" && record.fingerprint === node.fingerprint &&
      record.content_hash === trusted.results.get(node.id)?.content_hash &&
      record.artifact?.content_hash === trusted.results.get(node.id)?.artifact?.content_hash;
    return !isTrusted && !isValidRecord(record, node, cache);
  };
  return [...manifest.nodes.values()].filter(isPending).map(({ id }) => id);
}
