import { compactJson } from "../base/canonical_json.ts";
import { didYouMean } from "../base/closest.ts";
import { UserError } from "../base/user_error.ts";
import { type CheckResult, type CheckSeverity, foundWords } from "../model/check.ts";
import type { CommitId, EnvName, NodeId } from "../model/ids.ts";
import { type CheckCounts, countChecks, qualityStatus } from "../model/quality.ts";
import { projectName } from "../project/load_project.ts";
import { positions } from "../state/revisions.ts";
import { profileHistory, type ProfileSeries } from "./profile_history.ts";
import { requireEnvironment } from "./require_environment.ts";
import type { Workspace } from "./workspace.ts";

/** One time at which a check was made. */
export interface QualityPoint {
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly action: "run" | "audit" | "promote";
  readonly commit: CommitId | null;
  readonly status: "passed" | "warned" | "failed";
  readonly violations: number;
  readonly checked: number;
  /** Part of the rows that failed, 0 to 1; 1 where it is the table as a whole that did. */
  readonly share: number;
}

/** A check with everything that is known of its past. */
export interface CheckHistory {
  readonly node: NodeId;
  readonly name: string;
  readonly type: string;
  readonly severity: CheckSeverity;
  readonly column: string | null;
  /** Of the last time. */
  readonly status: QualityPoint["status"];
  /** What was found the last time, in words; null where it passed. */
  readonly found: string | null;
  readonly query: string | null;
  /** Since when it has not passed; null where it did the last time. */
  readonly failing_since: string | null;
  /** Oldest first. */
  readonly points: readonly QualityPoint[];
}

/** A command that checked something. */
export interface QualityRun extends CheckCounts {
  readonly at: string;
  readonly action: QualityPoint["action"];
  readonly commit: CommitId | null;
  readonly status: QualityPoint["status"];
}

/** What is known of an environment's quality over time. */
export interface DataQuality {
  /** Name of the project. */
  readonly project: string;
  readonly environment: EnvName;
  /** In order of nodes, then as they are written. Checks that their node has no more are left out. */
  readonly checks: readonly CheckHistory[];
  /** Rows of each node when it was checked, oldest first. */
  readonly rows: Readonly<
    Record<NodeId, readonly { readonly at: string; readonly rows: number }[]>
  >;
  /** Oldest first. */
  readonly runs: readonly QualityRun[];
  /** Numbers of profiles over time. */
  readonly profiles: readonly ProfileSeries[];
}

/** Commands that are looked back at. */
const MOST_RUNS = 200;
/** Promotions among the states of an environment that are looked back at. */
const MOST_POSITIONS = 100;

interface Observation {
  readonly date: Date;
  readonly action: QualityPoint["action"];
  readonly commit: CommitId | null;
  readonly nodes: readonly { readonly id: NodeId; readonly rows: number }[];
  readonly checks: readonly CheckResult[];
}

/**
 * What checks found in an environment over time: runs, those of production that failed included, audits, and what
 * promotions brought. Throws `unknown_environment` (2), unless there are results of runs that made none, and
 * `unknown_node` (2).
 */
export async function dataQuality(
  workspace: Workspace,
  { env, nodes }: { readonly env: EnvName; readonly nodes: readonly string[] },
): Promise<DataQuality> {
  const { state } = workspace;
  const stored = await state.quality(env, MOST_RUNS);
  if (stored.length === 0) requireEnvironment(workspace, env);
  const own: Observation[] = stored.map(({ date, record }) => ({ ...record, date }));
  const all = [...own, ...await promoted(workspace, env)]
    .sort((a, b) => a.date.getTime() - b.date.getTime());
  const wanted = namedNodes(all, nodes);
  const seen = all.map((one) => ({
    ...one,
    nodes: one.nodes.filter(({ id }) => wanted(id)),
    checks: one.checks.filter(({ node }) => wanted(node)),
  })).filter((one) => one.nodes.length > 0);
  return {
    project: projectName(workspace.root),
    environment: env,
    checks: histories(seen),
    rows: rowCounts(seen),
    runs: seen.map(({ date, action, commit, checks }) => ({
      at: date.toISOString(),
      action,
      commit,
      status: qualityStatus(checks),
      ...countChecks(checks),
    })),
    profiles: (await profileHistory(workspace, env)).filter(({ node }) => wanted(node)),
  };
}

/** What promotions brought along that was checked elsewhere. */
async function promoted({ state }: Workspace, env: EnvName): Promise<Observation[]> {
  const found: Observation[] = [];
  const before = new Map<NodeId, string>();
  const moves = [];
  for await (const info of positions(state, env)) {
    if (moves.push(info) >= MOST_POSITIONS) break;
  }
  for (const { id, date, trailers } of moves.reverse()) {
    if (trailers["Seeknal-Action"] !== "promote") continue;
    const { results } = await state.snapshot(id);
    const fresh = [...results.values()].filter((record) => {
      const text = compactJson([record.checks ?? [], record.content_hash]);
      const isNew = before.get(record.id) !== text;
      before.set(record.id, text);
      return record.checks !== undefined && record.checks.length > 0 && isNew;
    });
    if (fresh.length === 0) continue;
    found.push({
      date,
      action: "promote",
      commit: id,
      nodes: fresh.map((record) => ({ id: record.id, rows: record.rows ?? 0 })),
      checks: fresh.flatMap(({ checks }) => checks ?? []),
    });
  }
  return found;
}

function namedNodes(
  all: readonly Observation[],
  names: readonly string[],
): (id: NodeId) => boolean {
  if (names.length === 0) return () => true;
  const known = [...new Set(all.flatMap(({ nodes }) => nodes.map(({ id }) => id)))].sort();
  const wanted = new Set(names.flatMap((name) => {
    const found = known.filter((id) => id === name || id.slice(id.indexOf(".") + 1) === name);
    if (found.length > 0) return found;
    throw new UserError(`Nothing was checked of "${name}"`, {
      code: "unknown_node",
      kind: "usage",
      hint: didYouMean(name, known.flatMap((id) => [id, id.slice(id.indexOf(".") + 1)])) ??
        (known.length === 0
          ? "nothing was checked yet"
          : `there is: ${known.slice(0, 10).join(", ")}`),
    });
  }));
  return (id) => wanted.has(id);
}

function histories(all: readonly Observation[]): CheckHistory[] {
  const points = new Map<string, QualityPoint[]>();
  const last = new Map<string, CheckResult>();
  /** The checks that each node had the last time that it was checked. */
  const current = new Map<NodeId, string[]>();
  for (const { date, action, commit, nodes, checks } of all) {
    for (const { id } of nodes) current.set(id, []);
    for (const check of checks) {
      const key = JSON.stringify([check.node, check.name]);
      const { violations, checked } = check;
      const point = {
        at: date.toISOString(),
        action,
        commit,
        status: qualityStatus([check]),
        violations,
        checked,
        share: shareOf(check),
      };
      points.set(key, [...(points.get(key) ?? []), point]);
      last.set(key, check);
      current.get(check.node)?.push(key);
    }
  }
  return [...current].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, keys]) =>
    keys.map((key) => {
      const result = last.get(key)!;
      const { node, name, type, severity, column, query } = result;
      const own = points.get(key)!;
      const passed = own.findLastIndex(({ status }) => status === "passed");
      return {
        node,
        name,
        type,
        severity,
        column,
        status: own.at(-1)!.status,
        found: result.status === "passed" ? null : foundWords(result),
        query: query ?? null,
        failing_since: own[passed + 1]?.at ?? null,
        points: own,
      };
    })
  );
}

function shareOf({ status, violations, checked, query }: CheckResult): number {
  if (status === "error" || (violations > 0 && (query === undefined || checked === 0))) {
    return status === "passed" ? 0 : 1;
  }
  return checked === 0 ? 0 : Math.min(1, violations / checked);
}

function rowCounts(all: readonly Observation[]): DataQuality["rows"] {
  const rows: Record<NodeId, { at: string; rows: number }[]> = {};
  for (const { date, nodes } of all) {
    for (const node of nodes) {
      (rows[node.id] ??= []).push({ at: date.toISOString(), rows: node.rows });
    }
  }
  return rows;
}
