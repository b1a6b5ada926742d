import { compactJson } from "../base/canonical_json.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import { sha256 } from "../base/hash.ts";
import { UserError } from "../base/user_error.ts";
import { categorize } from "../changes/categorize.ts";
import { compare } from "../changes/compare.ts";
import {
  applyDecisions,
  type Decision,
  endedDecisions,
  keptDecisions,
  undecidedChanges,
} from "../changes/override.ts";
import { reachable, readersOf } from "../dag/graph.ts";
import { ENGINE_VERSION } from "../engine/registry.ts";
import type { Change } from "../model/change.ts";
import type { AutoCategorize } from "../model/config.ts";
import { type CommitId, type EnvName, type NodeId, PROD } from "../model/ids.ts";
import type { CategoryOverride, Manifest, ManifestNode } from "../model/manifest.ts";
import { type Outside, tablesOf, withTables } from "../model/outside.ts";
import type { Plan, PlanNode } from "../model/plan.ts";
import type { EnvironmentRecord, NodeRecord, Snapshot } from "../model/snapshot.ts";
import { buildPlan, summarize, toStoredPlan } from "../plan/build_plan.ts";
import { isPartial, SELECT_ALL, type Selection, selectNodes } from "../plan/select_nodes.ts";
import { type ImpactTree, impactTrees } from "../plan/impact_tree.ts";
import type { StagedSnapshot } from "../state/state_repo.ts";
import { invalidProject, type LoadedManifest, loadManifest } from "./load_manifest.ts";
import { beforeDeliveries } from "./before_deliveries.ts";
import { planBody, summaryWords, trailerCommit } from "./messages.ts";
import { isMadeAlways } from "./node_checks.ts";
import { findNode } from "./find_node.ts";
import {
  checkRestated,
  type IntervalOptions,
  intervalRequest,
  NO_INTERVALS,
} from "./interval_options.ts";
import { findOutput, type FoundOutput, type OutputPlace } from "./outputs.ts";
import type { OutsideSources } from "./outside_sources.ts";
import { planTables } from "./outside_tables.ts";
import type { Planned, PlanningBase } from "./planned.ts";
import { promotedFrom } from "./environment_facts.ts";
import { catchUp, publish } from "./publish.ts";
import { sqlDiff, type SqlDiffLine } from "./sql_diff.ts";
import type { Workspace } from "./workspace.ts";

/** What to plan. */
export interface PlanRequest {
  /** Null, or production: compare the project with production and write nothing. */
  readonly env: EnvName | null;
  /** Time to live to give the environment, in seconds; null leaves it. */
  readonly ttlSeconds?: number | null;
  /** What somebody decided about direct changes, by the name that was typed; null takes a decision back. */
  readonly categories?: ReadonlyMap<string, CategoryOverride["category"] | null>;
  /** Who decides; absent: as the project says. */
  readonly autoCategorize?: AutoCategorize | null;
  /** Asks a person about a change; absent where nobody can answer. */
  readonly decide?: (change: Change) => CategoryOverride["category"];
  /** What of the plan is shown; what is planned and committed is always everything. Absent: all. */
  readonly shown?: Selection;
  /** True where the plan is only looked at: a decision that is missing is then no obstacle. */
  readonly showOnly?: boolean;
  /** True where every node follows what it reads, whatever was decided. */
  readonly keepsNothing?: boolean;
  /** The systems that sources outside read from; absent: opened where needed, and closed again. */
  readonly outside?: OutsideSources;
  /** Limits for intervals, and nodes whose intervals are built again; absent: whatever is pending. */
  readonly intervals?: IntervalOptions;
  /** True where the states of nodes that are built piece by piece are those of the environment's plan. */
  readonly keepsIntervals?: boolean;
  /** Which sources outside are looked at as they are now; absent: all. */
  readonly isFresh?: (id: NodeId) => boolean;
}

/** A plan with what a person wants to see beside it. */
export interface ShownPlan {
  readonly plan: Plan;
  /** SQL diffs of direct changes, by node. */
  readonly sql: ReadonlyMap<NodeId, readonly SqlDiffLine[]>;
  readonly impact: readonly ImpactTree[];
  /** Nodes that were left out of what is shown although the plan asks for something. */
  readonly hidden: number;
}

/**
 * Plans an environment against production and commits the plan to its ref, or only
 * shows what would change in production. A plan that says the same as the one that
 * is there makes no new commit.
 */
export async function planEnvironment(
  workspace: Workspace,
  request: PlanRequest,
): Promise<ShownPlan> {
  const writes = request.env !== null && request.env !== PROD && request.showOnly !== true;
  const planned = await makePlan(workspace, { ...request, showOnly: !writes });
  const shown = shownPlan(planned, request.shown ?? SELECT_ALL);
  if (!writes) return shown;
  await catchUp(workspace);
  const commit = await commitPlan(workspace, planned, request.ttlSeconds ?? null);
  return { ...shown, plan: { ...shown.plan, plan: commit } };
}

/** The part of a plan that somebody wants to see. Tags that nothing has are warned of, and everything is shown. */
function shownPlan(planned: Planned, selection: Selection): ShownPlan {
  const { plan, loaded: { manifest } } = planned;
  const readers = readersOf(manifest.nodes.values());
  const view = (shown: Plan, hidden: number) => ({
    plan: shown,
    sql: sqlDiffs({ ...planned, plan: shown }),
    impact: impactTrees(shown, (id) => readers.get(id) ?? []),
    hidden,
  });
  if (!isPartial(selection)) return view(plan, 0);
  const asks = ({ change, action }: PlanNode) => change !== "none" || action === "build";
  const modified = new Set(
    plan.nodes.filter(({ id, change }) => change !== "none" && manifest.nodes.has(id))
      .map(({ id }) => id),
  );
  const { ids, warnings } = selectNodes(manifest, selection, modified);
  const diagnostics = [
    ...plan.diagnostics,
    ...warnings.map((message) => ({
      severity: "warning" as const,
      code: "selection",
      message: ids.size === 0 ? `${message}; showing the whole plan` : message,
    })),
  ];
  if (ids.size === 0) return view({ ...plan, diagnostics }, 0);
  const nodes = plan.nodes.filter(({ id }) => ids.has(id));
  const materializations = plan.materializations.filter(({ node }) => ids.has(node));
  const summary = summarize(nodes, materializations);
  return view(
    { ...plan, nodes, materializations, summary, diagnostics },
    plan.nodes.filter(asks).length - nodes.filter(asks).length,
  );
}

/** Direct changes whose SQL is compared line by line; more would not be read. */
const SQL_DIFFS_SHOWN = 20;

function sqlDiffs({ plan, base, loaded }: Planned): Map<NodeId, readonly SqlDiffLine[]> {
  const direct = plan.nodes.filter(({ change, category }) =>
    change === "direct" && category !== "METADATA"
  );
  return new Map(
    direct.slice(0, SQL_DIFFS_SHOWN)
      .map(({ id }) => [id, sqlDiff(id, base.prod.manifest, loaded.manifest)]),
  );
}

/**
 * Makes a plan and writes nothing. Throws `invalid_project` (exit 3), `needs_category` (3)
 * and, for a category of a node that is unknown or has no change of its own, `unknown_node`,
 * `ambiguous_node` and `no_such_change` (2).
 */
export async function makePlan(workspace: Workspace, request: PlanRequest): Promise<Planned> {
  const base = await readBase(workspace, request.env === PROD ? null : request.env);
  const inherited = await formerProduction(workspace, base);
  const load = (decided: ReadonlyMap<NodeId, string>) =>
    loadManifest(workspace, [base.envSnapshot.manifest, base.prod.manifest], {
      env: base.env,
      ...(request.outside === undefined ? {} : { outside: request.outside }),
      isFresh: request.isFresh ?? (() => true),
      incremental: {
        snapshots: [base.envSnapshot, base.prod],
        inherited,
        planned: request.keepsIntervals === true ? [base.envSnapshot.manifest] : [],
        request: intervalRequest(request.intervals ?? NO_INTERVALS),
        decided,
        nowMs: workspace.host.now().getTime(),
        cache: workspace.cache,
      },
    });
  let asWritten = await load(new Map());
  checkRestated(asWritten.manifest, request.intervals ?? NO_INTERVALS);
  const decisions = decideCategories(workspace, base, asWritten, request);
  const fromScratch = decidedUpstream(base.prod.manifest, asWritten.manifest, decisions);
  if (fromScratch.size > 0) asWritten = await load(fromScratch);
  const { manifest, kept, outputs, rebuilt } = settle(workspace, base, asWritten.manifest, {
    decisions,
    keeps: request.keepsNothing !== true,
  });
  const loaded = { ...asWritten, manifest };
  const changes = compare(base.prod.manifest, manifest);
  const isReused = (id: NodeId) => outputs.has(id) && !rebuilt.has(id);
  // What was found the last time stands until the run that the plan is for.
  const isClockCheck = (id: NodeId) => isMadeAlways(manifest.nodes.get(id)!);
  const reused = new Map(
    [...outputs].filter(([id]) => isReused(id)).map(([id, { record }]) => [id, record]),
  );
  const tables = planTables(workspace, { base, loaded, results: reused });
  const broken = tables.diagnostics.filter(({ severity }) => severity === "error");
  if (broken.length > 0) throw invalidProject([...loaded.diagnostics, ...broken]);
  const plan = buildPlan({
    environment: base.env,
    base: { ref: PROD, commit: base.prodHead },
    profile: loaded.profile.file,
    materializations: tables.materializations,
    released: tables.released,
    manifest,
    changes,
    files: (id) => (manifest.nodes.get(id) ?? base.prod.manifest.nodes.get(id)!).file,
    hadRows: (id) => base.prod.manifest.nodes.get(id)?.virtual !== true,
    findOutput: ({ id }) => isReused(id) && !isClockCheck(id) ? outputs.get(id)!.from : null,
    whyMissing: (id) => {
      if (rebuilt.has(id)) return "something it reads is built again";
      return isReused(id) ? "it depends on the clock" : whyMissing(id, base, manifest);
    },
    diagnostics: [
      ...loaded.diagnostics,
      ...tables.diagnostics,
      ...volatileWarnings(changes, manifest, base.env),
      ...endedWarnings(base, decisions, request),
      ...await lostWork(workspace, base, manifest),
    ],
  });
  return { plan, base, loaded, reused: sameAs(base, reused), rebuilt, kept };
}

/** For nodes that are built piece by piece: the changes that they read and that somebody called breaking. */
function decidedUpstream(
  prod: Manifest,
  { nodes }: Manifest,
  decisions: ReadonlyMap<NodeId, Decision>,
): ReadonlyMap<NodeId, string> {
  const breaking = [...decisions].flatMap(([id, { category }]) => {
    const [before, after] = [prod.nodes.get(id), nodes.get(id)];
    if (category !== "BREAKING" || before === undefined || after === undefined) return [];
    // Where nobody disagrees, what is read of it decides.
    const found = categorize(before, after);
    return found === null || found.category === category
      ? []
      : [{ id, change: compactJson([id, after.query_hash, after.version?.hash ?? null]) }];
  });
  if (breaking.length === 0) return new Map();
  const readers = readersOf(nodes.values());
  const found = new Map<NodeId, string[]>();
  for (const { id, change } of breaking) {
    for (const read of reachable([id], (of) => readers.get(of) ?? [])) {
      if (read === id || nodes.get(read)!.incremental === undefined) continue;
      found.set(read, [...found.get(read) ?? [], change]);
    }
  }
  return new Map([...found].map(([id, changes]) => [id, sha256(compactJson(changes.sort()))]));
}

/**
 * Applies decisions and looks for outputs. A node that has to be built follows what it
 * reads: its output would otherwise go by the name of another one.
 */
function settle(
  workspace: Workspace,
  base: PlanningBase,
  asWritten: Manifest,
  { decisions, keeps }: {
    readonly decisions: ReadonlyMap<NodeId, Decision>;
    readonly keeps: boolean;
  },
) {
  const followers = new Set<NodeId>();
  for (;;) {
    const { manifest, kept } = applyDecisions(asWritten, {
      base: base.prod.manifest,
      decisions,
      engine: ENGINE_VERSION,
      mayKeep: (id) => keeps && !followers.has(id),
    });
    const outputs = findOutputs(workspace, base, manifest);
    const rebuilt = behindLostOutputs(base, manifest, outputs);
    const built = [...kept].filter((id) => !outputs.has(id) || rebuilt.has(id));
    if (built.length === 0) return { manifest, kept, outputs, rebuilt };
    for (const id of built) followers.add(id);
  }
}

/** What people decided about the changes of a manifest. */
function decideCategories(
  { host }: Workspace,
  base: PlanningBase,
  { manifest, config }: LoadedManifest,
  request: PlanRequest,
): ReadonlyMap<NodeId, Decision> {
  const { categories = new Map(), decide } = request;
  const prod = base.prod.manifest;
  const kept = keptDecisions(prod, base.envSnapshot.manifest, manifest);
  const mode = request.autoCategorize ?? config.autoCategorize;
  if (kept.size === 0 && categories.size === 0 && mode === "full") return kept;
  const by = host.user.name;
  const undecided = applyDecisions(manifest, {
    base: prod,
    decisions: new Map(),
    engine: ENGINE_VERSION,
    mayKeep: () => true,
  });
  const changes = compare(prod, undecided.manifest);
  const named = { nodes: new Map([...prod.nodes, ...manifest.nodes]) };
  for (const [typed, category] of categories) {
    const { id } = findNode(named, typed);
    checkDecidable(id, changes);
    if (category === null) kept.delete(id);
    else kept.set(id, { category, by });
  }
  const open = undecidedChanges(changes, mode, kept);
  if (open.length > 0 && request.showOnly !== true) {
    if (decide === undefined) throw needsCategory(open, base.env);
    for (const change of open) kept.set(change.id, { category: decide(change), by });
  }
  return kept;
}

function checkDecidable(id: NodeId, changes: readonly Change[]): void {
  const direct = changes.filter(({ kind }) => kind === "direct");
  if (direct.some((change) => change.id === id)) return;
  const ids = direct.map((change) => change.id);
  throw new UserError(
    `Cannot give ${id} a category: the node itself is not edited`,
    {
      code: "no_such_change",
      kind: "usage",
      hint: ids.length === 0 ? "nothing is changed" : `changed are: ${ids.slice(0, 5).join(", ")}`,
    },
  );
}

function needsCategory(open: readonly Change[], env: EnvName | null): UserError {
  const lines = open.map(({ id, category, reasons }) =>
    `${id} (seeknal would say ${category}): ${reasons.join("; ")}`
  );
  const flags = open.map(({ id }) => ` --category ${id}=breaking`).join("");
  return new UserError(
    [
      `Somebody has to decide what ${open.length === 1 ? "a change means" : "changes mean"}`,
      ...lines,
    ]
      .join("\n  "),
    {
      code: "needs_category",
      kind: "validation",
      hint: `say breaking or non_breaking for each:\n    seeknal plan ${env ?? "ENV"}${flags}`,
    },
  );
}

function findOutputs(
  { cache }: Workspace,
  base: PlanningBase,
  { nodes }: Manifest,
): Map<NodeId, FoundOutput> {
  const places = outputPlaces(base);
  const outputs = new Map<NodeId, FoundOutput>();
  for (const node of nodes.values()) {
    if (node.virtual === true) continue;
    // What the clock made fail does not pass again because it once did.
    if (isMadeAlways(node) && hasFailed(node, places[0]?.snapshot)) continue;
    const found = findOutput(node, places, cache);
    if (found === null) continue;
    // An environment holds what it took over: production is where that came from.
    const made = base.prod.results.get(node.id);
    const inProd = made?.fingerprint === node.fingerprint &&
      made.content_hash === found.record.content_hash;
    outputs.set(node.id, inProd ? { ...found, from: PROD } : found);
  }
  return outputs;
}

function hasFailed({ id, fingerprint }: ManifestNode, snapshot: Snapshot | undefined): boolean {
  const record = snapshot?.results.get(id);
  return record?.status === "failed" && record.fingerprint === fingerprint;
}

/**
 * Nodes downstream of an output that was lost. A query that is not deterministic gives
 * other rows when it is built again: what reads them has to follow.
 */
function behindLostOutputs(
  base: PlanningBase,
  manifest: Manifest,
  outputs: ReadonlyMap<NodeId, FoundOutput>,
): ReadonlySet<NodeId> {
  const lost = [...manifest.nodes.keys()].filter((id) =>
    manifest.nodes.get(id)!.virtual !== true && !outputs.has(id) &&
    whyMissing(id, base, manifest) === LOST
  );
  if (lost.length === 0) return new Set();
  const readers = readersOf(manifest.nodes.values());
  const behind = reachable(lost, (id) => readers.get(id) ?? []);
  for (const id of lost) behind.delete(id);
  return behind;
}

const LOST = "its output is missing from the cache";

/** The very map of a former state when nothing differs: it need not be laid out again. */
function sameAs(
  { envSnapshot, prod }: PlanningBase,
  reused: ReadonlyMap<NodeId, NodeRecord>,
): ReadonlyMap<NodeId, NodeRecord> {
  const isSame = ({ results }: Snapshot) =>
    results.size === reused.size && [...reused].every(([id, record]) => results.get(id) === record);
  return [envSnapshot, prod].find(isSame)?.results ?? reused;
}

async function readBase(workspace: Workspace, env: EnvName | null): Promise<PlanningBase> {
  const { state } = workspace;
  const prodHead = state.head(PROD);
  const envHead = env === null ? null : state.head(env);
  const prod = await state.snapshot(prodHead);
  return { prodHead, prod, env, envHead, envSnapshot: await state.snapshot(envHead) };
}

function outputPlaces({ env, envSnapshot, prod }: PlanningBase): OutputPlace[] {
  const production = { name: PROD, snapshot: prod };
  return env === null ? [production] : [{ name: env, snapshot: envSnapshot }, production];
}

function whyMissing(
  id: NodeId,
  { envSnapshot, prod }: PlanningBase,
  manifest: Manifest,
): string | null {
  const fingerprint = manifest.nodes.get(id)!.fingerprint;
  for (const { results } of [envSnapshot, prod]) {
    const record = results.get(id);
    if (record?.fingerprint !== fingerprint) continue;
    if (record.status === "failed") return "failed in the last run";
    if (record.status === "success") return LOST;
  }
  return null;
}

/** Says that a decision of the last plan holds no longer, unless it was just taken back. */
function endedWarnings(
  { env, prod, envSnapshot }: PlanningBase,
  decisions: ReadonlyMap<NodeId, Decision>,
  { categories }: PlanRequest,
): Diagnostic[] {
  const ended = endedDecisions(prod.manifest, envSnapshot.manifest, decisions);
  return ended.filter(({ id, name }) => !categories?.has(id) && !categories?.has(name as NodeId))
    .map(({ id, file, override }) => ({
      severity: "warning",
      code: "decision_ended",
      message: `${id} was decided to be ${override!.category} by ${override!.by}; that was for ` +
        "another change, and holds no longer",
      file,
      hint: `decide again if it is still so:\n    seeknal plan ${env} --category ${id}=${
        override!.category.toLowerCase()
      }`,
    }));
}

/** Warns of new and edited nodes whose rows depend on the clock or on chance: they are reused like any others. */
function volatileWarnings(
  changes: readonly Change[],
  { nodes }: Manifest,
  env: EnvName | null,
): Diagnostic[] {
  return changes.flatMap(({ id, kind, category }) => {
    const node = nodes.get(id);
    const functions = node?.shape.volatile ?? [];
    const isEdited = kind === "new" || (kind === "direct" && category !== "METADATA");
    if (node === undefined || functions.length === 0 || !isEdited) return [];
    if (isMadeAlways(node)) return [];
    const calls = functions.map((name) => name === "sample" ? "a sample" : `${name}()`).join(", ");
    return [{
      severity: "warning",
      code: "volatile_query",
      message: `${id} depends on ${calls}: its output is kept until its query or its inputs change`,
      file: node.file,
      hint: `build it again when it should be fresh:\n    seeknal run${
        env === null ? "" : ` --env ${env}`
      } --nodes ${id} --full`,
    }];
  });
}

/**
 * Warns of nodes that somebody brought to production after this environment was
 * planned and that the project's files do not have: promoting would take them away again.
 */
async function lostWork(
  workspace: Workspace,
  base: PlanningBase,
  manifest: Manifest,
): Promise<Diagnostic[]> {
  const oldBase = base.envSnapshot.plan?.base.commit ?? null;
  if (base.envHead === null || oldBase === base.prodHead || base.prodHead === null) return [];
  const { state } = workspace;
  if (await state.isAncestor(base.prodHead, base.envHead)) return [];
  const before = await state.snapshot(oldBase);
  const theirs = compare(before.manifest, base.prod.manifest)
    .filter(({ kind }) => kind === "new" || kind === "direct")
    .filter(({ id }) => {
      const mine = manifest.nodes.get(id);
      return mine?.query_hash !== base.prod.manifest.nodes.get(id)!.query_hash &&
        mine?.query_hash === before.manifest.nodes.get(id)?.query_hash;
    });
  const { trailers } = await state.commit(await beforeDeliveries(state, base.prodHead));
  const isRollback = trailers["Seeknal-Action"] === "rollback";
  return theirs.map(({ id, kind }) => ({
    severity: "warning",
    code: "production_moved",
    message: isRollback
      ? `production was rolled back after ${base.env} was planned: promoting these files brings ` +
        `back what they say of ${id}`
      : `${id} was ${kind === "new" ? "added to" : "changed in"} production after ${base.env} ` +
        `was planned, and these files do not have that: promoting would undo it`,
    file: base.prod.manifest.nodes.get(id)!.file,
    hint: isRollback
      ? "take the edit back in the files if production is to stay as it is"
      : "bring your branch up to date with the one production was promoted from",
  }));
}

/** Production as it was when the environment was last planned; null where it did not move since. */
async function formerProduction(
  { state }: Workspace,
  { envSnapshot: { plan }, prodHead }: PlanningBase,
): Promise<Manifest | null> {
  const former = plan?.base.commit ?? null;
  return former === null || former === prodHead ? null : (await state.snapshot(former)).manifest;
}

/** Commits a plan to its environment's ref; returns the commit that holds it. */
export async function commitPlan(
  workspace: Workspace,
  planned: Planned,
  ttlSeconds: number | null = null,
): Promise<CommitId> {
  const { state } = workspace;
  const { base } = planned;
  const env = base.env!;
  workspace.versions.save();
  const { snapshot, staged } = await stagePlan(workspace, planned, ttlSeconds);
  if (base.envHead !== null && await isUpToDate(workspace, base, staged)) {
    state.touch(env);
    return base.envHead;
  }
  const commit = await state.write({
    staged,
    parents: await planParents(workspace, base),
    message: {
      subject: `plan ${env}: ${summaryWords(planned.plan.summary)}`,
      body: planBody(planned.plan),
      trailers: {
        "Seeknal-Action": "plan",
        Environment: env,
        Base: trailerCommit(base.prodHead),
        Previous: trailerCommit(base.envHead),
      },
    },
    moves: [{ env, from: base.envHead }],
  });
  publish(workspace, { env, commit, snapshot, staged, links: false });
  return commit;
}

async function stagePlan(
  workspace: Workspace,
  planned: Planned,
  ttlSeconds: number | null,
): Promise<{ snapshot: Snapshot; staged: StagedSnapshot }> {
  const { base, plan, loaded, reused } = planned;
  const env = base.env!;
  const environment = await environmentRecord(workspace, planned, ttlSeconds);
  const { manifest } = loaded;
  const manifestTree = workspace.state.manifestTree(manifest);
  const snapshot: Snapshot = {
    manifest,
    results: withFailures(reused, base.envSnapshot, manifest),
    outside: ownTables(base.envSnapshot.outside, env),
    plan: toStoredPlan(plan, env, manifestTree, {
      profileHash: loaded.profile.hash,
      variables: workspace.typed,
    }),
    environment,
  };
  return { snapshot, staged: workspace.state.stage(snapshot) };
}

/** Tables of the environment alone: what it was once promoted to keeps the account of its own. */
function ownTables(outside: Outside, env: EnvName): Outside {
  return withTables(outside, env, tablesOf(outside, env), []);
}

/**
 * A failure stays on record until its node is built or changed, or its tables are written: planning again
 * does not hide it.
 */
function withFailures(
  reused: ReadonlyMap<NodeId, NodeRecord>,
  { results }: Snapshot,
  { nodes }: Manifest,
): ReadonlyMap<NodeId, NodeRecord> {
  const failures = [...results.values()].filter(({ id, status, fingerprint, tables_failed }) =>
    status !== "success" && (tables_failed === true || !reused.has(id)) &&
    nodes.get(id)?.fingerprint === fingerprint
  );
  if (failures.length === 0) return reused;
  const all = new Map([...reused.values(), ...failures].map((record) => [record.id, record]));
  return new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function environmentRecord(
  workspace: Workspace,
  { base, loaded }: Planned,
  ttlSeconds: number | null,
): Promise<EnvironmentRecord> {
  const env = base.env!;
  const old = base.envSnapshot.environment;
  const ttl = { ttl_seconds: ttlSeconds ?? loaded.config.ttlSeconds };
  if (old?.name === env) return ttlSeconds === null ? old : { ...old, ...ttl };
  return {
    format_version: 1,
    name: env,
    created_at: workspace.host.now().toISOString(),
    ...ttl,
    promoted_from: base.envHead === null ? null : await promotedFrom(workspace.state, env),
  };
}

async function isUpToDate(
  { state }: Workspace,
  { envHead, prodHead }: PlanningBase,
  staged: StagedSnapshot,
): Promise<boolean> {
  if ((await state.commit(envHead!)).tree !== staged.tree) return false;
  return prodHead === null || await state.isAncestor(prodHead, envHead!);
}

/** The environment's own past and, when production went on without it, production: promoting is a fast-forward again. */
async function planParents(
  { state }: Workspace,
  { envHead, prodHead }: PlanningBase,
): Promise<CommitId[]> {
  if (envHead === null || prodHead === null) {
    return [envHead, prodHead].filter((id) => id !== null);
  }
  if (await state.isAncestor(prodHead, envHead)) return [envHead];
  if (await state.isAncestor(envHead, prodHead)) return [prodHead];
  return [envHead, prodHead];
}
