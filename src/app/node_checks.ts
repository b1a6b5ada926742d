import { compactJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/hash.ts";
import { auditChecks } from "../checks/audit_checks.ts";
import { type CheckResult, type CheckSpec, checkWords, isBlocking } from "../model/check.ts";
import type { NodeId } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";
import type { NodeRecord } from "../model/snapshot.ts";

/** The checks that a node's rows have to pass. */
export function checksOf(node: ManifestNode): CheckSpec[] {
  return auditChecks(node.audits ?? [], node.shape.columns, node.grain ?? []);
}

/**
 * Stands for a node's checks and for the data of other nodes that they read; undefined where it has none. A node
 * upstream that changed without changing this one has its rows compared again.
 */
export function checksHash(
  node: ManifestNode,
  nodes: Manifest["nodes"],
): string | undefined {
  const { audits = [] } = node;
  if (audits.length === 0) return undefined;
  const reads = [...new Set(audits.flatMap((audit) => audit.reads ?? []))].sort()
    .map((id) => [id, nodes.get(id)?.fingerprint ?? null]);
  const text = reads.length === 0 ? compactJson(audits) : compactJson([audits, reads]);
  return sha256(text).slice(0, 24);
}

/** True where a record's output was checked as the node says now. */
export function isChecked(
  node: ManifestNode,
  record: NodeRecord,
  nodes: Manifest["nodes"],
): boolean {
  return checksHash(node, nodes) === record.checks_hash;
}

/** Nodes that the checks of a node read: its inputs, and what its audits name. */
export function readByChecks({ inputs, audits = [] }: ManifestNode): NodeId[] {
  return [...new Set([...inputs, ...audits.flatMap((audit) => audit.reads ?? [])])];
}

/** Why checks keep a node from succeeding; null where they do not. */
export function checkFailure(results: readonly CheckResult[]): string | null {
  const blocking = results.filter(isBlocking);
  return blocking.length === 0 ? null : blocking.map(checkWords).join("\n");
}
