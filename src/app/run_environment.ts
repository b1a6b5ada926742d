import { type CommitId, type EnvName, type NodeId, PROD } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";
import { type CheckCounts, countChecks } from "../model/quality.ts";
import type { RunEvent } from "../model/run.ts";
import { layersOf, reachable, readersOf } from "../dag/graph.ts";
import type { TableReport } from "../materialize/batch.ts";
import { isPartial, type Selected, selectNodes } from "../plan/select_nodes.ts";
import type { WorkerPool } from "../exec/worker_pool.ts";
import { commitRun, type Committed, count, type Counts } from "./commit_run.ts";
import { loadEnvironmentProfile, withPlannedProfile } from "./environment_profile.ts";
import { deliverAfterRun, type DeliveryReport } from "./deliver_exposures.ts";
import { type Executed, executeNodes, openWorkers } from "./execute_nodes.ts";
import { isChecked, isCheckedAlways, isMadeAlways } from "./node_checks.ts";
import { isValidRecord } from "./outputs.ts";
import { isOutsideSource, OutsideSources } from "./outside_sources.ts";
import { recoverTables } from "./outside_tables.ts";
import { hasIntervalOptions, type IntervalOptions, NO_INTERVALS } from "./interval_options.ts";
import { commitPlan, makePlan, type PlanRequest } from "./plan_environment.ts";
import type { Planned } from "./planned.ts";
import type { PreparedRun, RunRequest } from "./prepared_run.ts";
import { requireEnvironment } from "./require_environment.ts";
import { catchUp } from "./publish.ts";
import { CheckLog, recordQuality } from "./record_quality.ts";
import { RunLog } from "./run_log.ts";
import { findStaleness, stalePlan } from "./run_staleness.ts";
import { checkPlannedTables } from "./run_tables.ts";
import { ownFolders } from "./temporary_folders.ts";
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
  /** Exposures that were delivered, or could not be. */
  readonly deliveries: readonly DeliveryReport[];
  readonly checks: CheckCounts;
  /** Absolute path of the log; null when nothing ran. */
  readonly log: string | null;
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
  const plan = (more: Partial<PlanRequest>) =>
    makePlan(workspace, {
      env,
      keepsNothing: request.full && env === null,
      outside: sources,
      isFresh,
      keepsIntervals: env !== null && !request.force,
      ...more,
    });
  const planned = await plan(env === null ? { intervals: request.intervals } : {});
  const staleness = head === null ? [] : await findStaleness(workspace, planned, head);
  if (staleness.length > 0 && !request.force) throw stalePlan(env!, staleness);
  const prepared = chooseRun(planned, env, request, staleness);
  const moved = env === null ? new Map() : await movedSources(prepared, sources);
  const intervals = wantedIntervals(prepared, request);
  const isOther = moved.size > 0 || intervals !== (env === null ? request.intervals : NO_INTERVALS);
  if (!isOther) return { ...prepared, isReplanned: env !== null && request.force };
  const again = await plan({
    intervals,
    keepsIntervals: env !== null && !request.force && !hasIntervalOptions(intervals),
    isFresh: (id) => isFresh() || moved.has(id),
  });
  const next = chooseRun(again, env, request, staleness);
  return {
    ...next,
    warnings: [...next.warnings, ...moved.values()],
    isReplanned: env !== null,
  };
}

/** With `--full`, what is selected and built piece by piece is built from scratch. */
function wantedIntervals(
  { planned: { loaded }, selected }: Pick<PreparedRun, "planned" | "selected">,
  { full, intervals }: RunRequest,
): IntervalOptions {
  if (!full) return intervals;
  const whole = [...selected.ids].filter((id) =>
    loaded.manifest.nodes.get(id)?.incremental !== undefined
  );
  return whole.length === 0
    ? intervals
    : { ...intervals, restate: [...intervals.restate, ...whole] };
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
  for (const id of clockChecks(manifest, selected.ids)) forced.add(id);
  const { build, included, warnings } = chooseSteps(planned, selected, forced, request);
  const layers = layersOf(
    [...manifest.nodes.values()].filter((node) => build.has(node.id))
      .map((node) => ({ id: node.id, inputs: node.inputs.filter((input) => build.has(input)) })),
  );
  const partial = isPartial(request.selection);
  return {
    env,
    steps: layers.flatMap((layer, n) => layer.map(({ id }) => ({ id, layer: n + 1 }))),
    reused: [...manifest.nodes.values()]
      .filter(({ id, virtual }) => virtual !== true && !build.has(id)).length,
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

/** Checks that depend on the clock are made in every run, with what reads them. */
function clockChecks({ nodes }: Manifest, selected: ReadonlySet<NodeId>): Set<NodeId> {
  const own = [...selected].filter((id) => isMadeAlways(nodes.get(id)!));
  if (own.length === 0) return new Set();
  const readers = readersOf(nodes.values());
  return reachable(own, (id) => readers.get(id) ?? []);
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
  using _folders = ownFolders(workspace);
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
  const checkLog = new CheckLog();
  const report = (event: RunEvent) => {
    if (prepared.steps.length > 0) log.add(event);
    checkLog.add(event);
    request.report(event);
  };
  await catchUp(workspace);
  workspace.versions.save();
  const ready = await settlePlan(workspace, prepared);
  const headBefore = workspace.state.head(prepared.env ?? PROD);
  await checkPlannedTables(workspace, ready, request);
  const built = await execute(workspace, ready, { ...request, report }, { workers, outside });
  const isStopped = () => workspace.host.signal.aborted;
  const finish = async (
    status: RunResult["status"],
    executed: Executed,
    commit: CommitId | null,
  ) => {
    const env = prepared.env ?? PROD;
    await recordQuality(workspace, checkLog, { env, action: "run", commit });
    report({
      event: "finished",
      status,
      ...count(executed),
      reused: prepared.reused,
      dropped: count(executed).failed > 0 ? 0 : prepared.dropped,
      checks: countChecks(checkLog.results),
      duration_ms: Math.round(performance.now() - started),
      commit,
    });
  };
  let committed: Committed;
  try {
    committed = isStopped()
      ? { commit: null, executed: built, tables: [] }
      : await commitRun(workspace, ready, built, { ...request, report });
  } catch (error) {
    await finish(isStopped() ? "interrupted" : "failed", built, null);
    throw error;
  }
  const { executed, tables } = committed;
  const counts = count(executed);
  const delivered = await deliverAfterRun(workspace, ready, { ...request, report }, committed);
  const commit = delivered.commit ?? committed.commit;
  const isFailed = counts.failed + delivered.failed > 0;
  const status = isStopped() ? "interrupted" : isFailed ? "failed" : "success";
  await finish(status, executed, commit);
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
    deliveries: delivered.reports,
    checks: countChecks(checkLog.results),
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
  { base, loaded: { manifest }, reused }: Planned,
  selected: Selected,
  forced: ReadonlySet<NodeId>,
  { selection }: RunRequest,
): { build: Set<NodeId>; included: NodeId[]; warnings: string[] } {
  const isAccepted = (id: NodeId) => {
    const node = manifest.nodes.get(id)!;
    const record = reused.get(id);
    return node.virtual === true ||
      (record !== undefined && isChecked(node, record, manifest.nodes));
  };
  const exists = (id: NodeId) => {
    const node = manifest.nodes.get(id)!;
    return isAccepted(id) && (node.virtual === true || !(forced.has(id) || isCheckedAlways(node)));
  };
  // A node without rows is whole when what it is made of is there.
  const isVirtual = (id: NodeId) => manifest.nodes.get(id)!.virtual === true;
  const made = reachable(
    [...selected.ids].filter(isVirtual),
    (id) => isVirtual(id) ? manifest.nodes.get(id)!.inputs : [],
  );
  const targets = [...new Set([...selected.ids, ...made])].filter((id) => !exists(id));
  // What production takes over brings what it was made from along, which has to be there then.
  const origins = base.env === null
    ? reachable(selected.ids, (id) => manifest.nodes.get(id)!.inputs)
    : new Set<NodeId>();
  targets.push(...[...origins].filter((id) => !isAccepted(id)));
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
