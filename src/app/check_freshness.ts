import { parseDuration } from "../base/quantities.ts";
import { UserError } from "../base/user_error.ts";
import { quoteName, readParquet } from "../engine/quote.ts";
import { openSession } from "../engine/registry.ts";
import { type EnvName, type NodeId, PROD } from "../model/ids.ts";
import type { ManifestNode } from "../model/manifest.ts";
import type { FreshnessSpec } from "../model/node.ts";
import { SELECT_ALL, selectNodes } from "../plan/select_nodes.ts";
import { loadEnvironmentProfile } from "./environment_profile.ts";
import { executeNodes, openWorkers } from "./execute_nodes.ts";
import { freshnessOf } from "./node_checks.ts";
import { isOutsideSource, OutsideSources } from "./outside_sources.ts";
import { makePlan } from "./plan_environment.ts";
import type { Planned } from "./planned.ts";
import { requireEnvironment } from "./require_environment.ts";
import { ownFolders } from "./temporary_folders.ts";
import type { Workspace } from "./workspace.ts";

/** How old the newest row of a source is. */
export interface SourceFreshness {
  readonly node: NodeId;
  readonly time_column: string;
  readonly warn_after: string | null;
  readonly error_after: string | null;
  /** `unknown`: its rows could not be read. */
  readonly status: "pass" | "warn" | "error" | "unknown";
  /** Time of the newest row as `2026-01-31 12:00:00`, UTC; null where no row has one. */
  readonly newest: string | null;
  readonly age_seconds: number | null;
  /** Why it is unknown. */
  readonly error: string | null;
}

/** What to look at. */
export interface FreshnessRequest {
  /** Null: production. */
  readonly env: EnvName | null;
  readonly select: readonly string[];
}

/**
 * How old the newest row of each source with `freshness:` is, as the source is now. Sources that were not read
 * since they changed are read, and what was read is kept for the next run; nothing else is written.
 * Throws `invalid_project` (3), `unknown_node` (2) and what connecting throws.
 */
export async function checkFreshness(
  workspace: Workspace,
  request: FreshnessRequest,
): Promise<SourceFreshness[]> {
  const env = request.env === PROD ? null : request.env;
  if (env !== null) requireEnvironment(workspace, env);
  using _folders = ownFolders(workspace);
  const { profile } = loadEnvironmentProfile(workspace, env);
  await using outside = new OutsideSources(workspace, profile);
  const planned = await makePlan(workspace, { env, outside });
  const { manifest } = planned.loaded;
  const { ids } = selectNodes(manifest, { ...SELECT_ALL, select: request.select }, new Set());
  const sources = [...ids].flatMap((id) => {
    const node = manifest.nodes.get(id)!;
    const freshness = freshnessOf(node);
    return freshness === null ? [] : [{ node, freshness }];
  });
  if (sources.length === 0) return [];
  const outputs = await readSources(workspace, planned, sources.map(({ node }) => node), outside);
  return await measure(workspace, sources, outputs);
}

/** Contents of sources by node, or why there are none. */
type Outputs = ReadonlyMap<NodeId, { readonly path: string } | { readonly error: string }>;

async function readSources(
  workspace: Workspace,
  { loaded, reused }: Planned,
  nodes: readonly ManifestNode[],
  outside: OutsideSources,
): Promise<Outputs> {
  const { cache, host } = workspace;
  const missing = nodes.filter(({ id }) => !reused.has(id));
  const specs = missing.flatMap(({ id }) => {
    const { spec } = loaded.resolved.get(id)!.node;
    return isOutsideSource(spec) ? [spec] : [];
  });
  await outside.prepareJobs(specs);
  using workers = openWorkers(workspace, Math.max(1, Math.min(host.cpuCount, missing.length)));
  const { records } = missing.length === 0 ? { records: reused } : await executeNodes(
    workspace,
    {
      loaded: { ...loaded, manifest: { nodes: unchecked(loaded.manifest.nodes) } },
      build: new Set(missing.map(({ id }) => id)),
      forced: new Set(),
      results: reused,
      outside: (id) => ({ ...outside.job(id), previous: null }),
    },
    {
      maxWorkers: host.cpuCount,
      continueOnError: true,
      retries: 1,
      timeoutMs: null,
      report: () => {},
    },
    workers,
  );
  return new Map(nodes.map(({ id }) => {
    const record = records.get(id) ?? reused.get(id);
    const content = record?.content_hash ?? null;
    return [
      id,
      content === null
        ? { error: record?.error ?? "it was not read" }
        : { path: cache.objectPath(content) },
    ];
  }));
}

/** The same nodes without checks: what is kept of them counts as not checked, and a run does it. */
function unchecked(nodes: ReadonlyMap<NodeId, ManifestNode>): Map<NodeId, ManifestNode> {
  return new Map([...nodes].map(([id, { audits: _, ...node }]) => {
    const { freshness: __, ...config } = node.config;
    return [id, { ...node, config }];
  }));
}

async function measure(
  { cache, host }: Workspace,
  sources: readonly { readonly node: ManifestNode; readonly freshness: FreshnessSpec }[],
  outputs: Outputs,
): Promise<SourceFreshness[]> {
  const now = host.now().getTime();
  await using session = await openSession({ allowedDirs: [cache.objectsDir] });
  const found: SourceFreshness[] = [];
  for (const { node, freshness } of sources) {
    const output = outputs.get(node.id)!;
    const common = { node: node.id, ...freshness };
    if ("error" in output) {
      const unknown = { status: "unknown", newest: null, age_seconds: null } as const;
      found.push({ ...common, ...unknown, error: output.error });
      continue;
    }
    const column = `CAST(max(${quoteName(freshness.time_column)}) AS TIMESTAMP)`;
    const { rows } = await session.read(
      `SELECT CAST(date_trunc('second', t) AS VARCHAR), epoch_ms(t) FROM (SELECT ${column} AS t FROM ${
        readParquet(output.path)
      })`,
    );
    const [newest = null, epoch = null] = rows[0] ?? [];
    const ageMs = epoch === null ? null : now - Number(epoch);
    found.push({
      ...common,
      status: statusOf(freshness, ageMs),
      newest: newest === null ? null : String(newest),
      age_seconds: ageMs === null ? null : Math.floor(ageMs / 1000),
      error: null,
    });
  }
  return found;
}

/** A source without rows is as old as can be. */
function statusOf(
  { warn_after, error_after }: FreshnessSpec,
  ageMs: number | null,
): "pass" | "warn" | "error" {
  const isOlder = (after: string | null) =>
    after !== null && (ageMs === null || ageMs > parseDuration(after)!);
  if (isOlder(error_after)) return "error";
  return isOlder(warn_after) ? "warn" : "pass";
}

/** What stands for sources that are too old or could not be read; null where there are none. */
export function freshnessError(found: readonly SourceFreshness[]): UserError | null {
  const broken = found.filter(({ status }) => status === "error" || status === "unknown");
  if (broken.length === 0) return null;
  return new UserError(
    `${broken.length === 1 ? "1 source is" : `${broken.length} sources are`} not fresh: ` +
      broken.map(({ node }) => node).join(", "),
    {
      code: "not_fresh",
      kind: "execution",
      hint: "see that new rows arrive, or allow for older ones with error_after",
    },
  );
}
