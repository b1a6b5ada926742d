import { join } from "node:path";
import { listDir } from "../cache/output_cache.ts";
import { UserError } from "../base/user_error.ts";
import { compare } from "../changes/compare.ts";
import { type CommitId, type EnvName, type NodeId, PROD } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";
import { withTables } from "../model/outside.ts";
import type { StoredPlan } from "../model/plan.ts";
import type { Profile } from "../model/profile.ts";
import type { RunEvent } from "../model/run.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { layersOf, reachable, readersOf } from "../dag/graph.ts";
import type { TableReport } from "../materialize/batch.ts";
import { isPartial, type Selected, selectNodes } from "../plan/select_nodes.ts";
import type { WorkerPool } from "../exec/worker_pool.ts";
import type { CommitRequest, StagedSnapshot } from "../state/state_repo.ts";
import { loadEnvironmentProfile, withPlannedProfile } from "./environment_profile.ts";
import { type Executed, executeNodes, openWorkers } from "./execute_nodes.ts";
import { clip, trailerCommit } from "./messages.ts";
import { isValidRecord } from "./outputs.ts";
import { isOutsideSource, OutsideSources } from "./outside_sources.ts";
import { recoverTables } from "./outside_tables.ts";
import { commitPlan, makePlan } from "./plan_environment.ts";
import type { Planned } from "./planned.ts";
import type { PreparedRun, RunRequest } from "./prepared_run.ts";
import { requireEnvironment } from "./require_environment.ts";
import { catchUp, publish } from "./publish.ts";
import { RunLog } from "./run_log.ts";
import { environmentAfter, productionAfter } from "./run_snapshots.ts";
import {
  changesFor,
  materialized,
  moveTables,
  withFailedTables,
  writeEnvironmentTables,
} from "./run_tables.ts";
import type { Workspace } from "./workspace.ts";

/** How a run ended. */
export interface RunResult {
  readonly status: "success" | "failed" | "interrupted";
  readonly commit: CommitId | null;
  /** True when the environment moved to what this run made. */
  readonly published: boolean;
  readonly durationMs: number;
  readonly counts: Counts;
  readonly failures: readonly { readonly id: NodeId; readonly error: string }[];
  /** Tables outside that were written, held their content already, or could not be written. */
  readonly tables: readonly TableReport[];
  /** Absolute path of the log; null when nothing ran. */
  readonly log: string | null;
}

interface Counts {
  readonly built: number;
  readonly cached: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Decides what a run will do and writes nothing.
 *
 * With an environment, the plan committed to it must still describe the project:
 * otherwise a `UserError` `stale_plan` (exit 4) unless `force` is set.
 */
export async function prepareRun(
  typedFor: Workspace,
  request: RunRequest,
  outside?: OutsideSources,
): Promise<PreparedRun> {
  const env = request.env === PROD ? null : request.env;
  const head = env === null ? null : requireEnvironment(typedFor, env);
  const workspace = await withPlannedProfile(typedFor, env);
  const own = outside === undefined ? openSources(workspace, env) : null;
  await using _sources = own;
  const sources = outside ?? own!;
  const isFresh = () => env === null || request.force;
  const planned = await makePlan(workspace, {
    env,
    keepsNothing: request.full && env === null,
    outside: sources,
    isFresh,
  });
  const staleness = head === null ? [] : await findStaleness(workspace, planned, head);
  if (staleness.length > 0 && !request.force) throw stalePlan(env!, staleness);
  const prepared = chooseRun(planned, env, request, staleness);
  const moved = env === null ? new Map() : await movedSources(prepared, sources);
  if (moved.size === 0) return { ...prepared, isReplanned: env !== null && request.force };
  const again = await makePlan(workspace, {
    env,
    outside: sources,
    isFresh: (id) => isFresh() || moved.has(id),
  });
  const next = chooseRun(again, env, request, staleness);
  return {
    ...next,
    warnings: [...next.warnings, ...moved.values()],
    isReplanned: true,
  };
}

/** The systems that a run of an environment reads from. Throws `invalid_profile` (2). */
function openSources(workspace: Workspace, env: EnvName | null): OutsideSources {
  return new OutsideSources(workspace, loadEnvironmentProfile(workspace, env).profile);
}

/** Sources outside that are to be read and hold something else than when the plan was made, with what to say. */
async function movedSources(
  { planned: { loaded }, steps }: Pick<PreparedRun, "planned" | "steps">,
  sources: OutsideSources,
): Promise<Map<NodeId, string>> {
  const moved = new Map<NodeId, string>();
  for (const { id } of steps) {
    const { spec } = loaded.resolved.get(id)!.node;
    if (!isOutsideSource(spec)) continue;
    const now = await sources.version(spec);
    if (now.hash === loaded.manifest.nodes.get(id)!.version!.hash) continue;
    moved.set(id, `${id} went on since the plan, and is read as it is now (${now.relies_on})`);
  }
  return moved;
}

function chooseRun(
  planned: Planned,
  env: EnvName | null,
  request: RunRequest,
  staleness: readonly string[],
): Omit<PreparedRun, "isReplanned"> {
  const { manifest } = planned.loaded;
  const changed = new Set(
    planned.plan.nodes.filter((n) => n.change !== "none" && manifest.nodes.has(n.id)).map((n) =>
      n.id
    ),
  );
  const selected = widenFull(manifest, selectNodes(manifest, request.selection, changed), request);
  const spared = request.full ? [...selected.ids].filter((id) => planned.kept.has(id)) : [];
  const forced = new Set([...planned.rebuilt, ...(request.full ? selected.ids : [])]);
  for (const id of spared) forced.delete(id);
  const { build, included, warnings } = chooseSteps(planned, selected, forced, request);
  const layers = layersOf(
    [...manifest.nodes.values()].filter((node) => build.has(node.id))
      .map((node) => ({ id: node.id, inputs: node.inputs.filter((input) => build.has(input)) })),
  );
  const partial = isPartial(request.selection);
  return {
    env,
    steps: layers.flatMap((layer, n) => layer.map(({ id }) => ({ id, layer: n + 1 }))),
    reused: manifest.nodes.size - build.size,
    dropped: partial ? 0 : planned.plan.summary.drop,
    warnings: [
      ...selected.warnings,
      ...warnings,
      ...spared.map((id) =>
        `'${id}' keeps its output: what it reads was decided to be non-breaking`
      ),
      ...staleness.map((what) => `Plan was stale, planned again: ${what}`),
    ],
    included,
    planned,
    selected,
    forced,
  };
}

/**
 * Prepares a run, shows it to `onPrepared`, executes it and commits what came of it.
 * Throws what {@linkcode prepareRun} throws, and `ref_moved` (exit 4).
 */
export async function runEnvironment(
  workspace: Workspace,
  request: RunRequest,
  onPrepared: (prepared: PreparedRun) => void,
): Promise<{ prepared: PreparedRun; result: RunResult }> {
  using _spill = spillFolders(workspace);
  using workers = openWorkers(workspace, request.maxWorkers);
  workers.warmUp(await expectedBuilds(workspace, request));
  const env = request.env === PROD ? null : request.env;
  await recoverTables(workspace, request.env ?? PROD);
  const planned = await withPlannedProfile(workspace, env);
  await using outside = openSources(planned, env);
  const prepared = await prepareRun(planned, request, outside);
  onPrepared(prepared);
  return { prepared, result: await executeRun(planned, prepared, request, { workers, outside }) };
}

/** Removes what this process's workers spilled to disk, after they have ended. */
function spillFolders({ cache }: Workspace): Disposable {
  return {
    [Symbol.dispose]: () => {
      for (const name of listDir(cache.temporaryDir)) {
        if (!name.startsWith(`spill-${Deno.pid}-`)) continue;
        Deno.removeSync(join(cache.temporaryDir, name), { recursive: true });
      }
    },
  };
}

/** How many nodes the committed plan will build: their workers can start while the project loads. */
async function expectedBuilds({ state }: Workspace, request: RunRequest): Promise<number> {
  const env = request.env ?? PROD;
  const head = state.head(env);
  if (head === null) return env === PROD ? request.maxWorkers : 0;
  const { plan, results } = await state.snapshot(head);
  const isPending = (id: NodeId) => results.get(id)?.status !== "success";
  return plan?.environment === env
    ? plan.nodes.filter(({ id, action }) => action === "build" && isPending(id)).length
    : 0;
}

async function executeRun(
  workspace: Workspace,
  prepared: PreparedRun,
  request: RunRequest,
  { workers, outside }: { readonly workers: WorkerPool; readonly outside: OutsideSources },
): Promise<RunResult> {
  const started = performance.now();
  using log = new RunLog(workspace, prepared.env ?? PROD);
  const report = (event: RunEvent) => {
    if (prepared.steps.length > 0) log.add(event);
    request.report(event);
  };
  await catchUp(workspace);
  workspace.versions.save();
  const ready = await settlePlan(workspace, prepared);
  const headBefore = workspace.state.head(prepared.env ?? PROD);
  const built = await execute(workspace, ready, { ...request, report }, { workers, outside });
  const isStopped = () => workspace.host.signal.aborted;
  const finish = (status: RunResult["status"], executed: Executed, commit: CommitId | null) =>
    report({
      event: "finished",
      status,
      ...count(executed),
      reused: prepared.reused,
      dropped: count(executed).failed > 0 ? 0 : prepared.dropped,
      duration_ms: Math.round(performance.now() - started),
      commit,
    });
  let committed: Committed;
  try {
    committed = isStopped()
      ? { commit: null, executed: built, tables: [] }
      : await commitRun(workspace, ready, built, { ...request, report });
  } catch (error) {
    finish(isStopped() ? "interrupted" : "failed", built, null);
    throw error;
  }
  const { commit, executed, tables } = committed;
  const counts = count(executed);
  const status = isStopped() ? "interrupted" : counts.failed > 0 ? "failed" : "success";
  finish(status, executed, commit);
  const failures = [...executed.outcomes].flatMap(([id, outcome]) =>
    outcome.status === "failed" ? [{ id, error: outcome.error }] : []
  );
  return {
    status,
    commit,
    published: commit !== null && commit !== headBefore,
    durationMs: performance.now() - started,
    counts,
    failures,
    tables,
    log: prepared.steps.length > 0 ? log.path : null,
  };
}

/** A plan that is not the one in the environment is committed first, so that the run executes exactly what a plan says. */
async function settlePlan(workspace: Workspace, prepared: PreparedRun): Promise<PreparedRun> {
  if (!prepared.isReplanned) return prepared;
  const head = await commitPlan(workspace, prepared.planned);
  const { planned } = prepared;
  const envSnapshot = await workspace.state.snapshot(head);
  return {
    ...prepared,
    planned: { ...planned, base: { ...planned.base, envHead: head, envSnapshot } },
  };
}

async function execute(
  workspace: Workspace,
  prepared: PreparedRun,
  options: RunRequest,
  { workers, outside }: { readonly workers: WorkerPool; readonly outside: OutsideSources },
): Promise<Executed> {
  const { planned: { base, loaded, reused } } = prepared;
  if (prepared.steps.length === 0) return { outcomes: new Map(), records: new Map() };
  const read = prepared.steps.flatMap(({ id }) => {
    const { spec } = loaded.resolved.get(id)!.node;
    return isOutsideSource(spec) ? [spec] : [];
  });
  await outside.prepareJobs(read);
  options.report({
    event: "plan",
    environment: prepared.env,
    nodes: prepared.steps.length,
    layers: prepared.steps.at(-1)!.layer,
    workers: Math.min(options.maxWorkers, prepared.steps.length),
  });
  const build = new Set(prepared.steps.map(({ id }) => id));
  const request = {
    loaded,
    build,
    forced: prepared.forced,
    results: reused,
    outside: (id: NodeId) => ({
      ...outside.job(id),
      previous: options.full ? null : previousRead(workspace, base, loaded.manifest.nodes.get(id)!),
    }),
  };
  return await executeNodes(workspace, request, options, workers);
}

/** Rows of a source outside that were read before, and how far; null where it is read whole. */
function previousRead(
  { cache }: Workspace,
  { envSnapshot, prod }: Planned["base"],
  node: ManifestNode,
): { parquet: string; watermark: string } | null {
  if (node.version?.watermark === undefined) return null;
  for (const { manifest, results } of [envSnapshot, prod]) {
    const [before, record] = [manifest.nodes.get(node.id), results.get(node.id)];
    const watermark = before?.version?.watermark;
    if (before === undefined || watermark === undefined || record === undefined) continue;
    if (before.query_hash !== node.query_hash || before.version?.system !== node.version.system) {
      continue;
    }
    if (!isValidRecord(record, before, cache)) continue;
    return { parquet: cache.objectPath(record.content_hash!), watermark };
  }
  return null;
}

/** What keeps the committed plan from describing the project as it is now. */
async function findStaleness(
  { state }: Workspace,
  { base, loaded }: Planned,
  head: CommitId,
): Promise<string[]> {
  const snapshot = await state.snapshot(head);
  const env = base.env!;
  if (snapshot.plan === null || snapshot.plan.environment !== env) throw noPlan(env);
  const profile = profileChange(snapshot.plan, loaded.profile);
  if (state.manifestTree(loaded.manifest) === snapshot.plan.manifest_fingerprint) return profile;
  const changes = compare(snapshot.manifest, loaded.manifest)
    .filter(({ kind }) => kind !== "none");
  const own = changes.filter(({ kind }) => kind !== "indirect");
  const differences = [
    ...profile,
    ...endedDecisions(snapshot.manifest, loaded.manifest),
    ...(own.length > 0 ? own : changes).map(({ id, reasons }) => `${id}: ${reasons.join("; ")}`),
  ];
  return differences.length > 0 ? differences : ["node files were moved or rewritten"];
}

function profileChange({ profile, profile_hash }: StoredPlan, now: Profile): string[] {
  if (profile !== now.file) {
    return [`profile: planned with ${profile ?? "none"}, now ${now.file ?? "none"}`];
  }
  return (profile_hash ?? "") === now.hash ? [] : [`profile ${now.file} was edited`];
}

/** Decisions that nobody took back: the change they were about is another one now. */
function endedDecisions({ nodes: before }: Manifest, { nodes: after }: Manifest): string[] {
  return [...before.values()].flatMap(({ id, override }) =>
    override === undefined || !after.has(id) || after.get(id)!.override !== undefined ? [] : [
      `${id}: ${override.category} was decided by ${override.by} for another change than this is now`,
    ]
  );
}

function noPlan(env: EnvName): UserError {
  return new UserError(`Cannot run "${env}": no plan found for it`, {
    code: "no_plan",
    kind: "validation",
    hint: `plan it first:\n    seeknal plan ${env}`,
  });
}

function stalePlan(env: EnvName, differences: readonly string[]): UserError {
  const shown = differences.slice(0, 5);
  const more = differences.length - shown.length;
  return new UserError(
    [
      "Plan is stale -- manifest has changed since the plan was made",
      ...shown,
      ...(more > 0 ? [`and ${more} more`] : []),
    ]
      .join("\n  "),
    {
      code: "stale_plan",
      kind: "execution",
      hint:
        `look at the new plan, or run what is there now:\n    seeknal plan ${env}\n    seeknal run --env ${env} --force`,
    },
  );
}

/**
 * With `--full` what reads a node is built with it: a query that is not deterministic
 * gives other rows the second time. Where the user narrowed by kind or tag, a warning
 * says what stays on the former rows.
 */
function widenFull(
  { nodes }: Manifest,
  selected: Selected,
  { full, selection }: RunRequest,
): Selected {
  if (!full || selected.ids.size === nodes.size) return selected;
  const readers = readersOf(nodes.values());
  const ids = reachable(selected.ids, (id) => readers.get(id) ?? []);
  const isNarrowed = selection.types.length + selection.excludeTags.length > 0;
  if (!isNarrowed) return { ...selected, ids };
  const left = [...ids].filter((id) => !selected.ids.has(id));
  const warning = `Built again without what reads them; these keep the rows they have: ${
    left.slice(0, 5).join(", ")
  }${left.length > 5 ? ", ..." : ""}`;
  return { ...selected, warnings: [...selected.warnings, ...(left.length > 0 ? [warning] : [])] };
}

function chooseSteps(
  { loaded: { manifest }, reused }: Planned,
  selected: Selected,
  forced: ReadonlySet<NodeId>,
  { selection }: RunRequest,
): { build: Set<NodeId>; included: NodeId[]; warnings: string[] } {
  const exists = (id: NodeId) => reused.has(id) && !forced.has(id);
  const targets = [...selected.ids].filter((id) => !exists(id));
  const needed = reachable(
    targets,
    (id) => manifest.nodes.get(id)!.inputs.filter((i) => !exists(i)),
  );
  const excluded = (id: NodeId) =>
    manifest.nodes.get(id)!.tags.some((tag) => selection.excludeTags.includes(tag));
  const readers = readersOf([...needed].map((id) => manifest.nodes.get(id)!));
  const behind = reachable([...needed].filter(excluded), (id) => readers.get(id) ?? []);
  const build = new Set([...needed].filter((id) => !behind.has(id)));
  return {
    build,
    included: [...build].filter((id) => !selected.ids.has(id)),
    warnings: [...behind].filter((id) => !excluded(id))
      .map((id) => `'${id}' is left out: it needs an output that --exclude-tags leaves out`),
  };
}

function count({ outcomes }: Executed): Counts {
  const of = (status: string) => [...outcomes.values()].filter((o) => o.status === status).length;
  return {
    built: of("success"),
    cached: of("cached"),
    failed: of("failed"),
    skipped: of("skipped"),
  };
}

/** What a run came to. */
interface Committed {
  readonly commit: CommitId | null;
  /** Nodes whose tables could not be written have failed. */
  readonly executed: Executed;
  readonly tables: readonly TableReport[];
}

/**
 * Writes tables outside and commits a run. An environment records everything, failures too.
 * Production moves to a state that is whole, its tables included: on failure it stays where it is,
 * unless the user asked to go on with what succeeds.
 */
async function commitRun(
  workspace: Workspace,
  prepared: PreparedRun,
  built: Executed,
  request: RunRequest,
): Promise<Committed> {
  const { base } = prepared.planned;
  const head = prepared.env === null ? base.prodHead : base.envHead;
  const nothing = { commit: head, executed: built, tables: [] };
  if (prepared.selected.ids.size === 0) return nothing;
  if (prepared.env === null) {
    if (count(built).failed > 0 && !request.continueOnError) return nothing;
    const snapshot = productionAfter(workspace, prepared, built, request);
    return {
      ...await commitProduction(workspace, prepared, snapshot, built, request),
      executed: built,
    };
  }
  const snapshot = environmentAfter(workspace, prepared, built);
  return await writeEnvironmentTables(workspace, prepared, snapshot, request, async (after) => {
    const executed = withFailedTables(built, after);
    return { executed, commit: await commitSnapshot(workspace, prepared, after, executed, head) };
  });
}

/** Production moves together with its tables, or neither does. */
async function commitProduction(
  workspace: Workspace,
  prepared: PreparedRun,
  snapshot: Snapshot,
  executed: Executed,
  request: RunRequest,
): Promise<{ commit: CommitId; tables: readonly TableReport[] }> {
  const head = prepared.planned.base.prodHead;
  const { profile, config } = prepared.planned.loaded;
  const changes = request.materialize && profile.materialize
    ? changesFor({ env: PROD, profile, project: config.name, snapshot })
    : null;
  const after = changes === null
    ? snapshot
    : { ...snapshot, outside: withTables(snapshot.outside, PROD, changes.after, "all") };
  if (changes === null || changes.writes.length === 0) {
    return { commit: await commitSnapshot(workspace, prepared, after, executed, head), tables: [] };
  }
  const staged = workspace.state.stage(after);
  const commit = runCommit(prepared, staged, executed, head);
  const tables = await moveTables(workspace, {
    action: "run",
    env: PROD,
    profile,
    writes: changes.writes,
    commit,
    report: (table) => request.report(materialized(table)),
  });
  publish(workspace, { env: PROD, commit: tables.commit, snapshot: after, staged, links: true });
  return tables;
}

async function commitSnapshot(
  workspace: Workspace,
  prepared: PreparedRun,
  snapshot: Snapshot,
  executed: Executed,
  head: CommitId | null,
): Promise<CommitId> {
  const { state } = workspace;
  const env = prepared.env ?? PROD;
  if (head !== null && await isUnchanged(workspace, head, snapshot)) {
    const staged = state.stage(await state.snapshot(head));
    if (prepared.env !== null) state.touch(env);
    publish(workspace, { env, commit: head, snapshot, staged, links: true });
    return head;
  }
  const staged = state.stage(snapshot);
  const commit = await state.write(runCommit(prepared, staged, executed, head));
  publish(workspace, { env, commit, snapshot, staged, links: true });
  return commit;
}

function runCommit(
  prepared: PreparedRun,
  staged: StagedSnapshot,
  executed: Executed,
  head: CommitId | null,
): CommitRequest {
  const env = prepared.env ?? PROD;
  const { built, cached, failed, skipped } = count(executed);
  return {
    staged,
    parents: head === null ? [] : [head],
    message: {
      subject: `run ${env}: ${built} built, ${prepared.reused + cached} reused` +
        (failed > 0 ? `, ${failed} failed` : ""),
      body: runBody(executed),
      trailers: {
        "Seeknal-Action": "run",
        Environment: env,
        Previous: trailerCommit(head),
        ...(prepared.env === null ? {} : { Plan: trailerCommit(head) }),
        "Nodes-Built": String(built),
        "Nodes-Reused": String(prepared.reused + cached),
        "Nodes-Failed": String(failed),
        "Nodes-Skipped": String(skipped),
      },
    },
    moves: [{ env, from: head }],
  };
}

/** True when a commit holds these nodes and results already, whatever plan led to them. */
async function isUnchanged(
  { state }: Workspace,
  head: CommitId,
  snapshot: Snapshot,
): Promise<boolean> {
  const { plan, environment } = await state.snapshot(head);
  return state.stage({ ...snapshot, plan, environment }).tree === (await state.commit(head)).tree;
}

function runBody({ outcomes }: Executed): string {
  const lines = [...outcomes].map(([id, outcome]) =>
    "output" in outcome
      ? `${outcome.status === "cached" ? "cached" : "built"} ${id}`
      : `${outcome.status} ${id}`
  ).sort();
  return clip(lines);
}
