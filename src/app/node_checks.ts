import { compactJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/hash.ts";
import { isMapping } from "../base/field_reader.ts";
import { auditChecks, dependsOnClock } from "../checks/audit_checks.ts";
import { metricChecks } from "../checks/metric_audit.ts";
import { freshnessChecks } from "../checks/freshness_checks.ts";
import { type CheckResult, type CheckSpec, checkWords, isBlocking } from "../model/check.ts";
import type { NodeId } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";
import type { FreshnessSpec } from "../model/node.ts";
import { findNodeKind } from "../nodes/registry.ts";
import type { NodeRecord } from "../model/snapshot.ts";

/** The checks that a node's rows, and the numbers its script gave, have to pass at a moment. */
export function checksOf(
  node: ManifestNode,
  now: Date,
  metrics: Readonly<Record<string, number>> = {},
): CheckSpec[] {
  const freshness = freshnessOf(node);
  const audits = node.audits ?? [];
  return [
    ...(freshness === null ? [] : freshnessChecks(freshness, now)),
    ...auditChecks(audits, node.shape.columns, node.grain ?? []),
    ...metricChecks(audits, metrics),
  ];
}

/** How old the newest row of a node may be; null where nobody said. */
export function freshnessOf({ kind, config }: ManifestNode): FreshnessSpec | null {
  const written = kind === "source" ? config["freshness"] : null;
  if (!isMapping(written)) return null;
  const text = (field: string) => typeof written[field] === "string" ? written[field] : null;
  return {
    time_column: text("time_column") ?? "",
    warn_after: text("warn_after"),
    error_after: text("error_after"),
  };
}

/** True where time alone may make a check fail: such a node is checked in every run. */
export function isCheckedAlways(node: ManifestNode): boolean {
  return freshnessOf(node) !== null || (node.audits ?? []).some(dependsOnClock);
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
  const freshness = freshnessOf(node);
  if (audits.length === 0 && freshness === null) return undefined;
  const reads = [...new Set(audits.flatMap((audit) => audit.reads ?? []))].sort()
    .map((id) => [id, nodes.get(id)?.fingerprint ?? null]);
  const parts = [audits, ...(reads.length === 0 ? [] : [reads])];
  const text = compactJson(freshness === null ? parts : [...parts, freshness]);
  return sha256(text).slice(0, 24);
}

/**
 * True for checks of which what comes out may be another without any change: a rule about how old rows are. They are made
 * again in every run. What is not understood may call the clock as well.
 */
export function isMadeAlways({ kind, shape }: ManifestNode): boolean {
  if (findNodeKind(kind)?.rowsAreChecks !== true) return false;
  return shape.lineage === null || (shape.volatile ?? []).length > 0;
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
