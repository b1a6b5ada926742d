import { UserError } from "../base/user_error.ts";
import type { CheckResult } from "../model/check.ts";
import type { EnvName, NodeId } from "../model/ids.ts";
import type { ManifestNode } from "../model/manifest.ts";
import { type CheckCounts, countChecks } from "../model/quality.ts";
import type { CheckJob, RunEvent } from "../model/run.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { kindOf } from "../nodes/registry.ts";
import { SELECT_ALL, selectNodes } from "../plan/select_nodes.ts";
import { openWorkers } from "./execute_nodes.ts";
import { findNode } from "./find_node.ts";
import { type LoadedManifest, loadManifest } from "./load_manifest.ts";
import { checksOf, readByChecks } from "./node_checks.ts";
import { CheckLog, recordQuality } from "./record_quality.ts";
import { requireEnvironment } from "./require_environment.ts";
import type { Workspace } from "./workspace.ts";

/** What to check. */
export interface AuditRequest {
  readonly env: EnvName;
  /** Names of nodes; empty: all. */
  readonly nodes: readonly string[];
  /** Selector expressions; empty: all. */
  readonly select: readonly string[];
  readonly maxWorkers: number;
}

/** What was found. */
export interface AuditReport {
  readonly env: EnvName;
  /** Nodes that were checked, in id order. */
  readonly nodes: readonly { readonly id: NodeId; readonly results: readonly CheckResult[] }[];
  readonly counts: CheckCounts;
  /** Nodes with audits that have no output there. */
  readonly missing: readonly NodeId[];
  /** Nodes that the project's files would build differently by now. */
  readonly behind: readonly NodeId[];
}

/**
 * Runs audits as the project's files say them against the outputs that an environment has, and builds nothing. What is
 * found goes to the history of its quality; whether it can be promoted stays as it was.
 * Throws `unknown_environment` (2), `unknown_node` (2) and `invalid_project` (3).
 */
export async function auditOutputs(
  workspace: Workspace,
  request: AuditRequest,
): Promise<AuditReport> {
  const { state } = workspace;
  const commit = requireEnvironment(workspace, request.env);
  const snapshot = await state.snapshot(commit);
  const loaded = await loadManifest(workspace, [snapshot.manifest], { env: request.env });
  const chosen = chooseNodes(loaded, request);
  const isThere = ({ id }: ManifestNode) => outputPath(workspace, snapshot, id) !== null;
  const there = chosen.filter(isThere);
  using pool = openWorkers(workspace, Math.max(1, Math.min(request.maxWorkers, there.length)));
  const log = new CheckLog();
  const found = await Promise.all(there.map(async (node) => {
    const job = jobOf(workspace, snapshot, loaded, node);
    const result = await pool.check(job);
    if (result.status === "failed") throw checkFailed(node.id, result.error.message);
    const { rows } = snapshot.results.get(node.id)!;
    const event: RunEvent = {
      event: "checked",
      node: node.id,
      rows: rows!,
      output: job.path,
      results: result.results,
    };
    log.add(event);
    return { id: node.id, results: result.results };
  }));
  await recordQuality(workspace, log, { env: request.env, action: "audit", commit });
  return {
    env: request.env,
    nodes: found,
    counts: countChecks(log.results),
    missing: chosen.filter((node) => !isThere(node)).map(({ id }) => id),
    behind: there.map(({ id }) => id).filter((id) =>
      snapshot.results.get(id)!.fingerprint !== loaded.manifest.nodes.get(id)!.fingerprint
    ),
  };
}

function chooseNodes(
  { manifest, resolved }: LoadedManifest,
  { nodes, select }: AuditRequest,
): ManifestNode[] {
  const isChecked = (node: ManifestNode) =>
    (node.audits ?? []).length > 0 ||
    kindOf(resolved.get(node.id)!.node.spec).rowsAreChecks === true;
  const named = nodes.map((name) => findNode(manifest, name));
  const unchecked = named.find((node) => !isChecked(node));
  if (unchecked !== undefined) {
    throw new UserError(`${unchecked.id} has no audits`, {
      code: "no_audits",
      kind: "usage",
      hint: `write them in ${unchecked.file}: audits: [{type: not_null, columns: [id]}]`,
    });
  }
  const wanted = select.length === 0
    ? new Set(manifest.nodes.keys())
    : selectNodes(manifest, { ...SELECT_ALL, select }, new Set()).ids;
  return [...manifest.nodes.values()].filter((node) =>
    isChecked(node) && wanted.has(node.id) && (named.length === 0 || named.includes(node))
  );
}

function outputPath({ cache }: Workspace, { results }: Snapshot, id: NodeId): string | null {
  const record = results.get(id);
  if (record?.status !== "success") return null;
  return cache.has(record.content_hash!, record.size_bytes!)
    ? cache.objectPath(record.content_hash!)
    : null;
}

function jobOf(
  workspace: Workspace,
  snapshot: Snapshot,
  { resolved }: LoadedManifest,
  node: ManifestNode,
): CheckJob {
  const { cache } = workspace;
  return {
    id: node.id,
    path: outputPath(workspace, snapshot, node.id)!,
    objectsDir: cache.objectsDir,
    temporaryDir: cache.temporaryDir,
    timeoutMs: null,
    inputs: readByChecks(node).flatMap((id) => {
      const path = outputPath(workspace, snapshot, id);
      return path === null ? [] : [{ id, path }];
    }),
    checks: checksOf(node, workspace.host.now(), snapshot.results.get(node.id)?.metrics),
    rowsAreChecks: kindOf(resolved.get(node.id)!.node.spec).rowsAreChecks === true,
  };
}

function checkFailed(id: NodeId, message: string): UserError {
  return new UserError(`Cannot check ${id}: ${message}`, {
    code: "check_failed",
    kind: "execution",
  });
}
