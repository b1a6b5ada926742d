import { join } from "node:path";
import { faultPoint } from "../base/fault_point.ts";
import { withFileLock } from "../base/file_lock.ts";
import { sha256 } from "../base/hash.ts";
import { resolveInside } from "../base/project_path.ts";
import { UserError } from "../base/user_error.ts";
import type { ExposureInput } from "../exposures/exposure_type.ts";
import { type CommitId, type EnvName, type NodeId, PROD } from "../model/ids.ts";
import { deliveriesOf, type DeliveryRecord, withDeliveries } from "../model/outside.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { exposureSettings } from "../nodes/exposure.ts";
import { isPartial } from "../plan/select_nodes.ts";
import { projectName } from "../project/load_project.ts";
import type { Committed } from "./commit_run.ts";
import { belowExports, type DueExposure, exposureStates } from "./exposure_states.ts";
import { clip, trailerCommit } from "./messages.ts";
import type { PreparedRun, RunRequest } from "./prepared_run.ts";
import { publish, readableDir } from "./publish.ts";
import { requireEnvironment } from "./require_environment.ts";
import type { Workspace } from "./workspace.ts";

/** What came of delivering one exposure. */
export interface DeliveryReport {
  readonly id: NodeId;
  readonly type: string;
  readonly target: string;
  readonly status: "delivered" | "failed";
  readonly rows: number;
  readonly durationMs: number;
  readonly error: string | null;
  readonly hint: string | null;
}

/** What came of delivering. */
export interface DeliveryResult {
  readonly reports: readonly DeliveryReport[];
  readonly failed: number;
  /** The commit that records what was delivered; null where nothing was. */
  readonly commit: CommitId | null;
}

const NOTHING: DeliveryResult = { reports: [], failed: 0, commit: null };

/** How to deliver. */
export interface DeliverRequest {
  readonly env: EnvName;
  /** Which exposures; null: all. */
  readonly only: ReadonlySet<NodeId> | null;
  /** Also what was delivered already. */
  readonly force?: boolean;
  readonly report?: (report: DeliveryReport) => void;
}

/**
 * Delivers what is pending in an environment, one after the other, and records what was. A failure keeps none of the
 * others from being delivered; what failed stays pending. A process killed on the way delivers again the next time, under
 * the same idempotency keys. Throws `unknown_environment` (2), and `locked` (4) when somebody is at it.
 */
export async function deliverExposures(
  workspace: Workspace,
  request: DeliverRequest,
): Promise<DeliveryResult> {
  const { env } = request;
  const head = requireEnvironment(workspace, env);
  if (dueOf(workspace, request, await workspace.state.snapshot(head)).length === 0) return NOTHING;
  const path = join(workspace.targetDir, "cache", "locks", `deliver-${env}.lock`);
  const lock = {
    timeoutMs: 10_000,
    holder: `seeknal, process ${Deno.pid}`,
    what: `the exposures of "${env}"`,
  };
  return await withFileLock(path, lock, async () => {
    const at = requireEnvironment(workspace, env);
    const snapshot = await workspace.state.snapshot(at);
    const reports: DeliveryReport[] = [];
    const records = new Map<NodeId, DeliveryRecord>();
    const project = projectName(workspace.root);
    let commit: CommitId | null = null;
    try {
      for (const due of dueOf(workspace, request, snapshot)) {
        if (workspace.host.signal.aborted) break;
        const again = request.force === true ? workspace.host.now().toISOString() : "";
        const report = await deliverOne(workspace, { env, project, snapshot, due, again });
        reports.push(report);
        request.report?.(report);
        if (report.status === "failed") continue;
        const { target, hash } = due;
        records.set(due.id, { target, delivery_hash: hash, rows: report.rows });
      }
    } finally {
      faultPoint("delivered");
      // Whatever stopped it, what was delivered is not delivered again.
      if (records.size > 0) commit = await record(workspace, env, records);
    }
    return { reports, failed: reports.filter(({ status }) => status === "failed").length, commit };
  });
}

function dueOf(
  workspace: Workspace,
  { env, only, force = false }: DeliverRequest,
  snapshot: Snapshot,
): DueExposure[] {
  return exposureStates(workspace, env, snapshot).filter(({ id, status }) =>
    (only === null || only.has(id)) && (status === "pending" || (force && status === "delivered"))
  );
}

async function deliverOne(
  workspace: Workspace,
  { env, project, snapshot, due, again }: {
    readonly env: EnvName;
    readonly project: string;
    readonly snapshot: Snapshot;
    readonly due: DueExposure;
    /** Not empty where the same content is delivered again on purpose. */
    readonly again: string;
  },
): Promise<DeliveryReport> {
  const { host, cache, root } = workspace;
  const { id, type, target, node, exposure, hash } = due;
  const started = performance.now();
  const report = { id, type, target };
  const inputs = node.inputs.flatMap((input): ExposureInput[] => {
    const record = snapshot.results.get(input);
    const { columns } = snapshot.manifest.nodes.get(input)!.shape;
    return record?.content_hash === undefined || record.content_hash === null ? [] : [{
      id: input,
      rows: record.rows ?? 0,
      path: cache.objectPath(record.content_hash),
      columns,
    }];
  });
  try {
    const rows = await exposure.deliver!({
      id,
      name: node.name,
      project,
      environment: env,
      settings: exposureSettings(node.config),
      inputs,
      hash: sha256(`${env} ${hash} ${again}`),
      filePath: (path) =>
        env === PROD
          ? resolveInside(root, path)
          : resolveInside(root, join(readableDir(workspace, env), "exports", belowExports(path))),
      variable: (name) => host.env(name),
      signal: host.signal,
    });
    const durationMs = performance.now() - started;
    return { ...report, status: "delivered", rows, durationMs, error: null, hint: null };
  } catch (error) {
    const durationMs = performance.now() - started;
    const isOurs = error instanceof UserError;
    if (!isOurs && !host.signal.aborted) throw error;
    const why = isOurs ? error.message : "stopped";
    const hint = isOurs ? error.hint ?? null : null;
    return { ...report, status: "failed", rows: 0, durationMs, error: why, hint };
  }
}

/** Commits what was delivered, on top of whatever the environment has become meanwhile: it was delivered all the same. */
async function record(
  workspace: Workspace,
  env: EnvName,
  records: ReadonlyMap<NodeId, DeliveryRecord>,
): Promise<CommitId> {
  const { state } = workspace;
  for (let attempt = 1;; attempt++) {
    const head = requireEnvironment(workspace, env);
    const before = await state.snapshot(head);
    const kept = [...deliveriesOf(before.outside, env)].filter(([id]) =>
      before.manifest.nodes.has(id)
    );
    const all = new Map([...kept, ...records]);
    const snapshot = { ...before, outside: withDeliveries(before.outside, env, all) };
    const staged = state.stage(snapshot);
    if (staged.tree === (await state.commit(head)).tree) return head;
    const lines = [...records].map(([id, { target, rows }]) =>
      `delivered ${id}: ${rows} rows to ${target}`
    );
    try {
      const commit = await state.write({
        staged,
        parents: [head],
        message: {
          subject: `deliver ${env}: ${records.size} ${
            records.size === 1 ? "exposure" : "exposures"
          }`,
          body: clip(lines),
          trailers: {
            "Seeknal-Action": "deliver",
            Environment: env,
            Previous: trailerCommit(head),
            "Exposures-Delivered": String(records.size),
          },
        },
        moves: [{ env, from: head }],
      });
      publish(workspace, { env, commit, snapshot, staged, links: true });
      return commit;
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== "ref_moved" || attempt >= 5) throw error;
    }
  }
}

/** Delivers after a run what is pending where it ran: nothing after one that moved nothing because it failed. */
export async function deliverAfterRun(
  workspace: Workspace,
  { env, selected }: PreparedRun,
  { deliver = false, selection, report }: RunRequest,
  { commit, executed }: Committed,
): Promise<DeliveryResult> {
  const failed = [...executed.outcomes.values()].some(({ status }) => status === "failed");
  if (!deliver || commit === null || (failed && env !== null)) return NOTHING;
  if (workspace.state.head(env ?? PROD) !== commit) return NOTHING;
  faultPoint("run-moved");
  return await deliverExposures(workspace, {
    env: env ?? PROD,
    only: isPartial(selection) ? selected.ids : null,
    report: ({ id, type, target, status, rows, durationMs, error }) =>
      report({
        event: "delivered",
        node: id,
        type,
        target,
        status,
        rows,
        duration_ms: Math.round(durationMs),
        error,
      }),
  });
}
