import type { Diagnostic } from "../base/diagnostic.ts";
import { type Change, NO_COLUMN_CHANGES } from "../model/change.ts";
import type { CommitId, EnvName, NodeId } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";
import type { TypedVariables } from "../model/variables.ts";
import type {
  Action,
  Plan,
  PlannedMaterialization,
  PlanNode,
  PlanSummary,
  StoredPlan,
} from "../model/plan.ts";

/** Where an output that need not be built again comes from, in words (`prod`, `dev`, `the cache`); null when there is none. */
export type FindOutput = (node: ManifestNode) => string | null;

/** What a plan is made of. */
export interface PlanParts {
  readonly environment: EnvName | null;
  readonly base: { readonly ref: EnvName; readonly commit: CommitId | null };
  readonly profile: string | null;
  readonly manifest: Manifest;
  /** From `compare`: one for every node of the base and of the manifest. */
  readonly changes: readonly Change[];
  readonly files: (id: NodeId) => string;
  readonly findOutput: FindOutput;
  /** False for a removed node that never had rows: there is nothing to drop. Absent: all had. */
  readonly hadRows?: (id: NodeId) => boolean;
  /** Why an output is missing although nothing changed, if there is a special reason (a failure). */
  readonly whyMissing: (id: NodeId) => string | null;
  /** Tables outside that will be written. */
  readonly materializations: readonly PlannedMaterialization[];
  /** Tables of production that nothing would write to any more. */
  readonly released?: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Decides for every node what `run` will do with it. */
export function buildPlan(parts: PlanParts): Plan {
  const nodes = parts.changes.map((change) => planNode(change, parts));
  return {
    format_version: 1,
    environment: parts.environment,
    base: parts.base,
    plan: null,
    profile: parts.profile,
    summary: summarize(nodes, parts.materializations),
    nodes,
    materializations: parts.materializations,
    ...(parts.released === undefined || parts.released.length === 0
      ? {}
      : { released: parts.released }),
    diagnostics: parts.diagnostics,
  };
}

function planNode(change: Change, parts: PlanParts): PlanNode {
  const { action, note, from } = decide(change, parts);
  return {
    id: change.id,
    file: parts.files(change.id),
    change: change.kind,
    category: change.category,
    action,
    reasons: note === null ? change.reasons : [...change.reasons, note],
    columns: change.columns,
    because: change.because,
    reused_from: from,
    ...overrideOf(change, parts),
  };
}

function overrideOf({ id, kind }: Change, { manifest }: PlanParts): Pick<PlanNode, "override"> {
  const override = kind === "direct" ? manifest.nodes.get(id)?.override : undefined;
  return override === undefined
    ? {}
    : { override: { category: override.category, by: override.by } };
}

function decide(
  change: Change,
  parts: PlanParts,
): { action: Action; note: string | null; from: string | null } {
  if (change.kind === "removed") {
    const action = parts.hadRows?.(change.id) === false ? "none" : "drop";
    return { action, note: null, from: null };
  }
  const node = parts.manifest.nodes.get(change.id)!;
  if (node.virtual === true) return { action: "none", note: null, from: null };
  const from = parts.findOutput(node);
  const isAsBefore = change.kind === "none" || change.category === "METADATA";
  if (from !== null) {
    return {
      action: "reuse",
      note: isAsBefore ? null : `output exists already, from ${from}`,
      from,
    };
  }
  const missing = parts.whyMissing(change.id);
  return { action: "build", note: missing ?? (isAsBefore ? "has no output yet" : null), from };
}

/** Counts the nodes of a plan, and the tables outside that a run writes. */
export function summarize(
  nodes: readonly PlanNode[],
  materializations: readonly PlannedMaterialization[] = [],
): PlanSummary {
  const count = (test: (node: PlanNode) => boolean) => nodes.filter(test).length;
  return {
    build: count((n) => n.action === "build"),
    reuse: count((n) => n.action === "reuse"),
    drop: count((n) => n.action === "drop"),
    materialize: materializations.filter(({ by }) => by === "run").length,
    breaking: count((n) => n.category === "BREAKING"),
    non_breaking: count((n) => n.category === "NON_BREAKING"),
    metadata: count((n) => n.category === "METADATA"),
    new: count((n) => n.change === "new"),
    removed: count((n) => n.change === "removed"),
  };
}

/** True when a plan asks for anything: a build, a drop, or a change that a promotion would carry. */
export function hasChanges(plan: Plan): boolean {
  return plan.nodes.some((node) => node.change !== "none" || node.action === "build") ||
    plan.materializations.length > 0;
}

/** The part of a plan that is committed. */
export function toStoredPlan(
  plan: Plan,
  environment: EnvName,
  manifestFingerprint: string,
  { profileHash, variables }: {
    readonly profileHash: string;
    readonly variables: TypedVariables;
  },
): StoredPlan {
  return {
    format_version: 1,
    environment,
    base: plan.base,
    manifest_fingerprint: manifestFingerprint,
    profile: plan.profile,
    ...(plan.profile === null ? {} : { profile_hash: profileHash }),
    ...(isSaid(variables) ? { variables } : {}),
    summary: plan.summary,
    nodes: plan.nodes.filter((node) => node.change !== "none" || node.action === "build"),
    materializations: plan.materializations,
  };
}

function isSaid({ params, date }: TypedVariables): boolean {
  return date !== null || Object.keys(params).length > 0;
}

/** The whole plan again: nodes that were left out are unchanged and reused. */
export function fromStoredPlan(
  stored: StoredPlan,
  manifest: Manifest,
  commit: CommitId,
): Plan {
  const kept = new Map(stored.nodes.map((node) => [node.id, node]));
  const unchanged = [...manifest.nodes.values()].filter((node) => !kept.has(node.id));
  const nodes: PlanNode[] = unchanged.map((node) => ({
    id: node.id,
    file: node.file,
    change: "none",
    category: null,
    action: node.virtual === true ? "none" : "reuse",
    reasons: [],
    columns: NO_COLUMN_CHANGES,
    because: [],
    reused_from: null,
  }));
  return {
    format_version: 1,
    environment: stored.environment,
    base: stored.base,
    plan: commit,
    profile: stored.profile,
    summary: stored.summary,
    nodes: [...stored.nodes, ...nodes].sort((a, b) => a.id < b.id ? -1 : 1),
    materializations: stored.materializations,
    diagnostics: [],
  };
}
