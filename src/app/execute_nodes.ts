import { faultPoint } from "../base/fault_point.ts";
import type { NodeId } from "../model/ids.ts";
import type { ManifestNode } from "../model/manifest.ts";
import type { TableJob } from "../model/outside_read.ts";
import type { CheckResult } from "../model/check.ts";
import type { CheckJob, NodeOutput, RunEvent } from "../model/run.ts";
import type { NodeRecord } from "../model/snapshot.ts";
import { runSteps, type StepOutcome } from "../exec/run_steps.ts";
import { WorkerPool } from "../exec/worker_pool.ts";
import { kindOf } from "../nodes/registry.ts";
import { type LoadedManifest, sourceData } from "./load_manifest.ts";
import { checkFailure, checksHash, checksOf, readByChecks } from "./node_checks.ts";
import { isValidRecord, missingRecord, outputOf, successRecord } from "./outputs.ts";
import type { Workspace } from "./workspace.ts";

/** How nodes are executed; the same for every environment. */
export interface ExecuteOptions {
  readonly maxWorkers: number;
  readonly continueOnError: boolean;
  readonly retries: number;
  readonly timeoutMs: number | null;
  readonly report: (event: RunEvent) => void;
}

/** What to execute. */
export interface ExecuteRequest {
  readonly loaded: LoadedManifest;
  /** Nodes to build; their inputs are in here too or have a record in `results`. */
  readonly build: ReadonlySet<NodeId>;
  /** Build these even if the cache has an output. */
  readonly forced: ReadonlySet<NodeId>;
  /** Outputs that exist already. */
  readonly results: ReadonlyMap<NodeId, NodeRecord>;
  /** How a source outside is read. */
  readonly outside: (id: NodeId) => Pick<TableJob, "connection" | "pin" | "previous">;
}

/** What came of it. */
export interface Executed {
  readonly outcomes: ReadonlyMap<NodeId, StepOutcome>;
  /** Records of the nodes that were built or failed. */
  readonly records: ReadonlyMap<NodeId, NodeRecord>;
}

/** Part of the machine's memory that all workers together may use. */
const MEMORY_SHARE = 0.7;
const MEMORY_MINIMUM_BYTES = 256 * 1024 * 1024;
const BACKOFF_FIRST_MS = 200;
const BACKOFF_MOST_MS = 10_000;

/** The workers of a run, each with its share of the machine. None is started yet. */
export function openWorkers({ host }: Workspace, maxWorkers: number): WorkerPool {
  return new WorkerPool(maxWorkers, {
    // A node that runs alone may use every core; many at once share them by the scheduler.
    threads: host.cpuCount,
    memoryLimitBytes: Math.max(
      MEMORY_MINIMUM_BYTES,
      Math.floor(host.memoryBytes * MEMORY_SHARE / maxWorkers),
    ),
  });
}

/** Builds nodes in parallel workers. Writes objects and the index of the cache, nothing else. */
export async function executeNodes(
  workspace: Workspace,
  request: ExecuteRequest,
  options: ExecuteOptions,
  pool: WorkerPool,
): Promise<Executed> {
  const { host, cache } = workspace;
  const { nodes } = request.loaded.manifest;
  const records = new Map<NodeId, NodeRecord>();
  cache.prepare();
  const checked = new Map<NodeId, readonly CheckResult[]>();
  // A script may run for hours: Ctrl-C does not wait for it as it does for a query.
  const stop = () => pool.stopScripts();
  host.signal.addEventListener("abort", stop, { once: true });
  const now = host.now();
  const outcomes = await runSteps(
    [...request.build].map((id) => ({
      id,
      inputs: nodes.get(id)!.inputs.filter((input) => request.build.has(input)),
    })),
    {
      maxWorkers: options.maxWorkers,
      continueOnError: options.continueOnError,
      retries: options.retries,
      signal: host.signal,
      report: options.report,
      backoff: (attempt) => Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** (attempt - 1)),
      findCached: (id) => {
        if (request.forced.has(id)) return null;
        const own = request.results.get(id);
        // Only its checks are new: the very rows that its readers were built from are looked at, and no others.
        if (isValidRecord(own, nodes.get(id)!, cache)) return { ...outputOf(own!), durationMs: 0 };
        const found = cache.find(nodes.get(id)!.fingerprint);
        return found === null ? null : { ...found, durationMs: 0 };
      },
      build: (id) =>
        pool.run(
          makeJob(workspace, request, nodes.get(id)!, records, options),
          (message) => options.report({ event: "log", node: id, message }),
        ),
      check: async (id, output) => {
        const node = nodes.get(id)!;
        const job = checkJob(workspace, request, { node, output, records, now }, options);
        if (job === null) return null;
        const result = await pool.check(job);
        if (result.status === "failed") return result.error.message;
        faultPoint("node-checked");
        checked.set(id, result.results);
        options.report({
          event: "checked",
          node: id,
          rows: output.rows,
          output: job.path,
          results: result.results,
        });
        return checkFailure(result.results);
      },
      onOutput: (id, output, cached) => {
        const node = nodes.get(id)!;
        records.set(
          id,
          withChecks(successRecord(node, output), checksHash(node, nodes), checked.get(id)),
        );
        if (cached) return;
        const { durationMs: _, ...kept } = output;
        cache.record({ fingerprint: node.fingerprint, ...kept });
      },
    },
  );
  for (const [id, outcome] of outcomes) {
    if (outcome.status === "failed" || outcome.status === "skipped") {
      const record = missingRecord(nodes.get(id)!, outcome.status, outcome.error);
      const results = checked.get(id);
      records.set(id, results === undefined ? record : { ...record, checks: results });
    }
  }
  return { outcomes, records };
}

function withChecks(
  record: NodeRecord,
  hash: string | undefined,
  results: readonly CheckResult[] | undefined,
): NodeRecord {
  return {
    ...record,
    ...(results === undefined ? {} : { checks: results }),
    ...(hash === undefined ? {} : { checks_hash: hash }),
  };
}

/** What has to be checked of an output; null where nothing is. */
function checkJob(
  { cache }: Workspace,
  { loaded, results }: ExecuteRequest,
  { node, output, records, now }: {
    readonly node: ManifestNode;
    readonly output: NodeOutput;
    readonly records: ReadonlyMap<NodeId, NodeRecord>;
    readonly now: Date;
  },
  { timeoutMs }: ExecuteOptions,
): CheckJob | null {
  const checks = checksOf(node, now, output.metrics);
  const rowsAreChecks = kindOf(loaded.resolved.get(node.id)!.node.spec).rowsAreChecks === true;
  if (checks.length === 0 && !rowsAreChecks) return null;
  return {
    id: node.id,
    path: cache.objectPath(output.contentHash),
    objectsDir: cache.objectsDir,
    temporaryDir: cache.temporaryDir,
    timeoutMs,
    inputs: readByChecks(node).flatMap((id) => {
      const hash = (records.get(id) ?? results.get(id))?.content_hash ?? null;
      return hash === null ? [] : [{ id, path: cache.objectPath(hash) }];
    }),
    checks,
    rowsAreChecks,
  };
}

function makeJob(
  workspace: Workspace,
  { loaded, results, outside }: ExecuteRequest,
  node: ManifestNode,
  records: ReadonlyMap<NodeId, NodeRecord>,
  options: ExecuteOptions,
) {
  const { cache } = workspace;
  const { node: { spec }, sql, sqlFor } = loaded.resolved.get(node.id)!;
  return kindOf(spec).job(node, spec, sql, {
    data: sourceData(workspace, loaded.profile),
    outside,
    objectsDir: cache.objectsDir,
    temporaryDir: cache.temporaryDir,
    timeoutMs: options.timeoutMs,
    objectPath: (hash) => cache.objectPath(hash),
    sqlFor: (literals) => sqlFor?.(literals) ?? sql,
    output: (id) => (records.get(id) ?? results.get(id))!.content_hash!,
    extras: (id) => {
      const { artifact, metrics } = (records.get(id) ?? results.get(id))!;
      return {
        artifact: artifact === undefined ? null : cache.artifactPath(artifact.content_hash),
        metrics: metrics ?? {},
      };
    },
  });
}
