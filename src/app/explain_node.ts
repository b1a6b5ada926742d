import type { Category, ChangeKind } from "../model/change.ts";
import { type EnvName, type NodeId, PROD } from "../model/ids.ts";
import type { Manifest } from "../model/manifest.ts";
import type { PlanNode } from "../model/plan.ts";
import type { NodeRecord } from "../model/snapshot.ts";
import { findNode } from "./find_node.ts";
import { makePlan } from "./plan_environment.ts";
import type { Planned } from "./planned.ts";
import { requireEnvironment } from "./require_environment.ts";
import type { Workspace } from "./workspace.ts";

/** A change upstream that reaches a node, with how it gets there. */
export interface Cause {
  readonly node: NodeId;
  readonly change: ChangeKind;
  readonly category: Category | null;
  readonly reasons: readonly string[];
  /** From the change to the node that was asked about. */
  readonly path: readonly NodeId[];
}

/** What will become of a node and why, as `why --json` prints it. */
export interface Explanation {
  readonly format_version: 1;
  readonly environment: EnvName;
  readonly node: NodeId;
  readonly file: string;
  /**
   * `build`, `reuse`, `drop`, or, where the last run left it without an output, `failed` or
   * `skipped`.
   */
  readonly status: "build" | "reuse" | "drop" | "none" | "failed" | "skipped";
  readonly change: ChangeKind;
  readonly category: Category | null;
  readonly reasons: readonly string[];
  readonly reused_from: string | null;
  readonly causes: readonly Cause[];
  /** Why its columns cannot be followed; null where they can. */
  readonly untraced: string | null;
  /** For a table outside: by what it is known whether its rows changed; null for others. */
  readonly relies_on: string | null;
  /** What the last run recorded for exactly this node; null when nothing. */
  readonly result: Pick<NodeRecord, "status" | "rows" | "size_bytes" | "error"> | null;
  /** True where the plan committed to the environment no longer describes the project. */
  readonly stale: boolean;
}

/**
 * Explains a node as the next run of an environment will see it, compared with production.
 * Writes nothing. Throws `unknown_environment`, `unknown_node` (2) and `invalid_project` (3).
 */
export async function explainNode(
  workspace: Workspace,
  typed: string,
  env: EnvName,
): Promise<Explanation> {
  if (env !== PROD) requireEnvironment(workspace, env);
  const planned = await makePlan(workspace, { env, showOnly: true });
  const { manifest } = planned.loaded;
  const all: Manifest = {
    nodes: new Map([...planned.base.prod.manifest.nodes, ...manifest.nodes]),
  };
  const node = findNode(all, typed);
  const entry = planned.plan.nodes.find(({ id }) => id === node.id)!;
  const record = recordOf(planned, node.id);
  const failed = entry.action === "build" && record !== null && record.status !== "success";
  return {
    format_version: 1,
    environment: env,
    node: node.id,
    file: entry.file,
    status: failed ? record.status as "failed" | "skipped" : entry.action,
    change: entry.change,
    category: entry.category,
    reasons: entry.reasons,
    reused_from: entry.reused_from ?? null,
    causes: causesOf(entry, planned),
    untraced: node.shape.untraced ?? null,
    relies_on: node.version?.relies_on ?? null,
    result: record,
    stale: isStale(workspace, planned),
  };
}

function recordOf(
  { base, loaded }: Planned,
  id: NodeId,
): Explanation["result"] {
  const fingerprint = loaded.manifest.nodes.get(id)?.fingerprint;
  for (const { results } of [base.envSnapshot, base.prod]) {
    const record = results.get(id);
    if (record === undefined || record.fingerprint !== fingerprint) continue;
    const { status, rows, size_bytes, error } = record;
    return { status, rows, size_bytes, error };
  }
  return null;
}

function isStale({ state }: Workspace, { base, loaded }: Planned): boolean {
  const { plan } = base.envSnapshot;
  return plan !== null && plan.environment === base.env &&
    plan.manifest_fingerprint !== state.manifestTree(loaded.manifest);
}

/** The direct changes that a node's own change goes back to. */
function causesOf(entry: PlanNode, { plan, loaded }: Planned): Cause[] {
  const byId = new Map(plan.nodes.map((node) => [node.id, node]));
  const origins = new Set(
    entry.because.map((cause) => [...byId.keys()].find((id) => isPartOf(cause, id)))
      .filter((id) => id !== undefined && id !== entry.id),
  );
  return [...origins].map((id) => {
    const { change, category, reasons } = byId.get(id!)!;
    return {
      node: id!,
      change,
      category,
      reasons,
      path: pathBetween(id!, entry.id, loaded.manifest, byId),
    };
  });
}

function isPartOf(cause: string, id: NodeId): boolean {
  return cause === id || cause.startsWith(`${id}.`);
}

/** The shortest way down through changed nodes. */
function pathBetween(
  from: NodeId,
  to: NodeId,
  { nodes }: Manifest,
  plan: ReadonlyMap<NodeId, PlanNode>,
): NodeId[] {
  const next = new Map<NodeId, NodeId | null>([[to, null]]);
  const queue: NodeId[] = [to];
  for (let id = queue.shift(); id !== undefined && id !== from; id = queue.shift()) {
    for (const input of nodes.get(id)?.inputs ?? []) {
      if (next.has(input) || plan.get(input)?.change === "none") continue;
      next.set(input, id);
      queue.push(input);
    }
  }
  const path: NodeId[] = [];
  for (let id: NodeId | null | undefined = from; id; id = next.get(id)) path.push(id);
  return path;
}
