import { envCategory } from "../model/env_name.ts";
import { type EnvName, PROD } from "../model/ids.ts";
import { DEFAULT_TTL_SECONDS, type Snapshot } from "../model/snapshot.ts";
import { positions } from "../state/revisions.ts";
import type { CommitInfo, StateRepo } from "../state/state_repo.ts";
import { tablesOf } from "../model/outside.ts";
import { beforeDeliveries } from "./before_deliveries.ts";
import { pendingNodes } from "./outputs.ts";
import type { Workspace } from "./workspace.ts";

/** Where an environment stands. */
export type EnvironmentStatus =
  | "planned"
  | "applied"
  | "failed"
  | "stale"
  | "promoted"
  | "expired";

/** One environment, as `env list --json` prints it. */
export interface EnvironmentFacts {
  readonly name: EnvName;
  readonly category: "local" | "remote";
  readonly status: EnvironmentStatus;
  readonly commit: string;
  readonly base: string | null;
  readonly created_at: string;
  readonly last_accessed: string;
  /** Null for production, which does not expire. */
  readonly ttl_seconds: number | null;
  readonly expires_at: string | null;
  readonly promoted_from: string | null;
  readonly nodes: { readonly built: number; readonly referenced: number };
}

/** Moves looked back through for the promotion an environment came from. */
const POSITIONS_LOOKED_AT = 50;

/** The environment whose promotion last moved this one; null when there was none lately. */
export async function promotedFrom(state: StateRepo, env: EnvName): Promise<EnvName | null> {
  let looked = 0;
  for await (const { trailers } of positions(state, env)) {
    if (trailers["Seeknal-Action"] === "promote" && trailers["Target"] === env) {
      return trailers["Environment"] as EnvName;
    }
    if (++looked >= POSITIONS_LOOKED_AT) break;
  }
  return null;
}

/** Collects the facts of an environment that exists. */
export async function environmentFacts(
  workspace: Workspace,
  env: EnvName,
): Promise<EnvironmentFacts> {
  const { state, host } = workspace;
  const head = await state.commit(state.head(env)!);
  const snapshot = await state.snapshot(head.id);
  const lastAccessed = await state.lastAccessed(env, head.id);
  const own = snapshot.environment?.name === env ? snapshot.environment : null;
  const ttl = env === PROD ? null : own?.ttl_seconds ?? DEFAULT_TTL_SECONDS;
  const expires = ttl === null ? null : new Date(lastAccessed.getTime() + ttl * 1000);
  const planned = snapshot.plan?.environment === env ? snapshot.plan : null;
  const built =
    (planned?.nodes ?? []).filter((node) =>
      node.action === "build" && snapshot.results.get(node.id)?.status === "success"
    ).length;
  return {
    name: env,
    category: envCategory(env).place,
    status: expires !== null && expires <= host.now()
      ? "expired"
      : await statusOf(workspace, env, head, snapshot),
    commit: head.id,
    base: planned?.base.commit ?? null,
    created_at: own?.created_at ?? await firstSeen(state, env),
    last_accessed: lastAccessed.toISOString(),
    ttl_seconds: ttl,
    expires_at: expires?.toISOString() ?? null,
    promoted_from: own?.promoted_from ?? await promotedFrom(state, env),
    nodes: { built, referenced: countSuccess(snapshot) - built },
  };
}

function countSuccess({ results }: Snapshot): number {
  let count = 0;
  for (const { status } of results.values()) if (status === "success") count++;
  return count;
}

async function statusOf(
  { state, cache }: Workspace,
  env: EnvName,
  head: CommitInfo,
  snapshot: Snapshot,
): Promise<EnvironmentStatus> {
  const failed = [...snapshot.results.values()].some(({ status }) => status === "failed");
  const prodHead = state.head(PROD);
  if (env !== PROD && prodHead !== null) {
    const prod = await beforeDeliveries(state, prodHead);
    if (await state.isAncestor(head.id, prodHead)) {
      const { trailers } = await state.commit(prod);
      return trailers["Seeknal-Action"] === "rollback" ? "stale" : "promoted";
    }
    if (!failed && !await state.isAncestor(prod, head.id)) return "stale";
  }
  if (failed) return "failed";
  return pendingNodes(snapshot, cache).length > 0 || hasTablesToWrite(env, snapshot)
    ? "planned"
    : "applied";
}

/** True where the plan has tables that the environment does not have yet. */
function hasTablesToWrite(env: EnvName, { plan, outside, results }: Snapshot): boolean {
  if (plan?.environment !== env) return false;
  const held = tablesOf(outside, env);
  return plan.materializations.some(({ node, target, by }) =>
    by === "run" &&
    !(held.get(node) ?? []).some((record) =>
      record.target === target && record.content_hash === results.get(node)?.content_hash
    )
  );
}

async function firstSeen(state: StateRepo, env: EnvName): Promise<string> {
  let first: CommitInfo | null = null;
  let looked = 0;
  for await (const position of positions(state, env)) {
    first = position;
    if (++looked >= POSITIONS_LOOKED_AT) break;
  }
  return first!.date.toISOString();
}
