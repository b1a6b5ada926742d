import { join } from "node:path";
import { listDir } from "../cache/output_cache.ts";
import { UserError } from "../base/user_error.ts";
import { compare } from "../changes/compare.ts";
import { type CommitId, type EnvName, type NodeId, PROD } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";
import type { RunEvent } from "../model/run.ts";
import type { NodeRecord, Snapshot } from "../model/snapshot.ts";
import { fingerprintFrom } from "../dag/fingerprint.ts";
import { layersOf, reachable, readersOf } from "../dag/graph.ts";
import { ENGINE_VERSION } from "../engine/registry.ts";
import { isPartial, type Selected, type Selection, selectNodes } from "../plan/select_nodes.ts";
import type { WorkerPool } from "../exec/worker_pool.ts";
import { type Executed, executeNodes, type ExecuteOptions, openWorkers } from "./execute_nodes.ts";
import { clip, trailerCommit } from "./messages.ts";
import { isValidRecord } from "./outputs.ts";
import { commitPlan, makePlan, type Planned } from "./plan_environment.ts";
import { requireEnvironment } from "./require_environment.ts";
import { catchUp, publish } from "./publish.ts";
import { RunLog } from "./run_log.ts";
import type { Workspace } from "./workspace.ts";

/** What to run. */
export interface RunRequest extends ExecuteOptions {
  /** Null: plan and run production in one go. */
  readonly env: EnvName | null;
  readonly selection: Selection;
  /** Build selected nodes whatever exists. */
  readonly full: boolean;
  /** Plan again when the plan is stale. */
  readonly force: boolean;
}

/** What a run will do, before it does anything. */
export interface PreparedRun {
  readonly env: EnvName | null;
  /** In execution order, with their layer from 1. */
  readonly steps: readonly { readonly id: NodeId; readonly layer: number }[];
  /** Nodes whose outputs are taken as they are. */
  readonly reused: number;
  readonly dropped: number;
  readonly warnings: readonly string[];
  /** Upstream nodes added because a selected one needs them. */
  readonly included: readonly NodeId[];
  readonly planned: Planned;
  readonly selected: Selected;
  readonly forced: ReadonlySet<NodeId>;
}

/** How a run ended. */
export interface RunResult {
  readonly status: "success" | "failed" | "interrupted";
  readonly commit: CommitId | null;
  /** True when the environment moved to what this run made. */
  readonly published: boolean;
  readonly durationMs: number;
  readonly counts: Counts;
  readonly failures: readonly { readonly id: NodeId; readonly error: string }[];
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
export async function prepareRun(workspace: Workspace, request: RunRequest): Promise<PreparedRun> {
  const env = request.env === PROD ? null : request.env;
  const head = env === null ? null : requireEnvironment(workspace, env);
  const planned = await makePlan(workspace, { env, keepsNothing: request.full && env === null });
  const staleness = head === null ? [] : await findStaleness(workspace, planned, head);
  if (staleness.length > 0 && !request.force) throw stalePlan(env!, staleness);
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
  const prepared = await prepareRun(workspace, request);
  onPrepared(prepared);
  return { prepared, result: await executeRun(workspace, prepared, request, workers) };
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
  workers: WorkerPool,
): Promise<RunResult> {
  const started = performance.now();
  using log = new RunLog(workspace, prepared.env ?? PROD);
  const report = (event: RunEvent) => {
    if (prepared.steps.length > 0) log.add(event);
    request.report(event);
  };
  await catchUp(workspace);
  workspace.versions.save();
  const ready = await settlePlan(workspace, prepared, request);
  const headBefore = workspace.state.head(prepared.env ?? PROD);
  const executed = await execute(workspace, ready, { ...request, report }, workers);
  const counts = count(executed);
  const interrupted = workspace.host.signal.aborted;
  const status = interrupted ? "interrupted" : counts.failed > 0 ? "failed" : "success";
  const commit = interrupted ? null : await commitRun(workspace, ready, executed, request);
  report({
    event: "finished",
    status,
    ...counts,
    reused: prepared.reused,
    dropped: counts.failed > 0 ? 0 : prepared.dropped,
    duration_ms: Math.round(performance.now() - started),
    commit,
  });
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
    log: prepared.steps.length > 0 ? log.path : null,
  };
}

/** With `--force` the new plan is committed first, so that the run executes exactly what a plan says. */
async function settlePlan(
  workspace: Workspace,
  prepared: PreparedRun,
  request: RunRequest,
): Promise<PreparedRun> {
  if (prepared.env === null || !request.force) return prepared;
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
  options: ExecuteOptions,
  workers: WorkerPool,
): Promise<Executed> {
  const { planned: { loaded, reused } } = prepared;
  if (prepared.steps.length === 0) return { outcomes: new Map(), records: new Map() };
  options.report({
    event: "plan",
    environment: prepared.env,
    nodes: prepared.steps.length,
    layers: prepared.steps.at(-1)!.layer,
    workers: Math.min(options.maxWorkers, prepared.steps.length),
  });
  const build = new Set(prepared.steps.map(({ id }) => id));
  const request = { loaded, build, forced: prepared.forced, results: reused };
  return await executeNodes(workspace, request, options, workers);
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
  if (state.manifestTree(loaded.manifest) === snapshot.plan.manifest_fingerprint) return [];
  const changes = compare(snapshot.manifest, loaded.manifest)
    .filter(({ kind }) => kind !== "none");
  const own = changes.filter(({ kind }) => kind !== "indirect");
  const differences = [
    ...endedDecisions(snapshot.manifest, loaded.manifest),
    ...(own.length > 0 ? own : changes).map(({ id, reasons }) => `${id}: ${reasons.join("; ")}`),
  ];
  return differences.length > 0 ? differences : ["node files were moved or rewritten"];
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

/**
 * Commits a run. An environment records everything, failures too. Production moves
 * to a state that is whole: on failure it stays where it is, unless the user asked
 * to go on with what succeeds.
 */
async function commitRun(
  workspace: Workspace,
  prepared: PreparedRun,
  executed: Executed,
  request: RunRequest,
): Promise<CommitId | null> {
  const { base } = prepared.planned;
  const env = prepared.env ?? PROD;
  const head = prepared.env === null ? base.prodHead : base.envHead;
  const failed = count(executed).failed > 0;
  if (prepared.selected.ids.size === 0) return head;
  if (prepared.env === null && failed && !request.continueOnError) return head;
  const snapshot = prepared.env === null
    ? productionAfter(workspace, prepared, executed, request)
    : environmentAfter(workspace, prepared, executed);
  const { state } = workspace;
  if (head !== null && await isUnchanged(workspace, head, snapshot)) {
    const staged = state.stage(await state.snapshot(head));
    if (prepared.env !== null) state.touch(env);
    publish(workspace, {
      env,
      commit: head,
      snapshot,
      staged,
      links: true,
    });
    return head;
  }
  const staged = state.stage(snapshot);
  const { built, cached, failed: bad, skipped } = count(executed);
  const commit = await state.write({
    staged,
    parents: head === null ? [] : [head],
    message: {
      subject: `run ${env}: ${built} built, ${prepared.reused + cached} reused` +
        (bad > 0 ? `, ${bad} failed` : ""),
      body: runBody(executed),
      trailers: {
        "Seeknal-Action": "run",
        Environment: env,
        Previous: trailerCommit(head),
        ...(prepared.env === null ? {} : { Plan: trailerCommit(head) }),
        "Nodes-Built": String(built),
        "Nodes-Reused": String(prepared.reused + cached),
        "Nodes-Failed": String(bad),
        "Nodes-Skipped": String(skipped),
      },
    },
    moves: [{ env, from: head }],
  });
  publish(workspace, { env, commit, snapshot, staged, links: true });
  return commit;
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

function environmentAfter(
  { cache }: Workspace,
  { planned: { base, loaded, reused } }: PreparedRun,
  { records }: Executed,
): Snapshot {
  const results = new Map<NodeId, NodeRecord>();
  for (const node of loaded.manifest.nodes.values()) {
    const record = records.get(node.id) ?? reused.get(node.id) ??
      keptFailure(base.envSnapshot.results.get(node.id), node);
    if (
      record !== undefined && (record.status !== "success" || isValidRecord(record, node, cache))
    ) {
      results.set(node.id, record);
    }
  }
  return { ...base.envSnapshot, manifest: loaded.manifest, results };
}

/** A failure of exactly this node stays on record until the node is built. */
function keptFailure(record: NodeRecord | undefined, node: ManifestNode): NodeRecord | undefined {
  const same = record !== undefined && record.fingerprint === node.fingerprint;
  return same && record.status !== "success" ? record : undefined;
}

/**
 * Production after a run. A run of everything replaces it. A run of a part, or one
 * that went on after failures, puts what it has over what was there: nodes it did
 * not build keep their old definition with their old output.
 */
function productionAfter(
  { cache }: Workspace,
  { planned: { base, loaded, reused }, selected, steps }: PreparedRun,
  { records, outcomes }: Executed,
  { selection }: RunRequest,
): Snapshot {
  const recordOf = (node: ManifestNode) => {
    const record = records.get(node.id) ?? reused.get(node.id);
    return isValidRecord(record, node, cache) ? record! : null;
  };
  const { nodes: current } = loaded.manifest;
  const failed = [...outcomes.values()].some(({ status }) =>
    status === "failed" || status === "skipped"
  );
  const whole = !isPartial(selection) && !failed;
  const built = new Set(steps.map(({ id }) => id));
  const chosen = [...current.values()].filter((node) =>
    whole || ((selected.ids.has(node.id) || built.has(node.id)) && recordOf(node) !== null)
  );
  // What a node was built from comes along, also where it was only taken from the cache.
  const withInputs = reachable(chosen.map(({ id }) => id), (id) => current.get(id)!.inputs);
  const taken = [...current.values()].filter(({ id }) => withInputs.has(id));
  // In SQL and in file names a node that only changed its case is the same one.
  const names = new Set(taken.map(({ id }) => id.toLowerCase()));
  const old = whole
    ? []
    : [...base.prod.manifest.nodes.values()].filter(({ id }) => !names.has(id.toLowerCase()));
  const nodes = new Map<NodeId, ManifestNode>([...old, ...taken].map((node) => [node.id, node]));
  for (const node of old) {
    if (!findsTheSame(node, base.prod.manifest.nodes, nodes)) {
      nodes.set(node.id, { ...node, behind: true });
    }
  }
  const results = new Map<NodeId, NodeRecord>(
    [...base.prod.results].filter(([id]) => nodes.has(id) && !taken.some((node) => node.id === id)),
  );
  for (const node of taken) {
    const record = recordOf(node);
    if (record !== null) results.set(node.id, record);
  }
  return { manifest: sortedManifest(nodes), results, plan: null, environment: null };
}

/** Whether a node that a run left as it was reads what it read before. */
function findsTheSame(
  node: ManifestNode,
  before: Manifest["nodes"],
  after: Manifest["nodes"],
): boolean {
  if (node.inputs.every((id) => before.get(id) === after.get(id))) return true;
  const read = (nodes: Manifest["nodes"]) => fingerprintFrom(node, nodes, ENGINE_VERSION);
  return read(after) !== null && read(after) === read(before);
}

function sortedManifest(nodes: ReadonlyMap<NodeId, ManifestNode>): Manifest {
  return { nodes: new Map([...nodes].sort(([a], [b]) => (a < b ? -1 : 1))) };
}
