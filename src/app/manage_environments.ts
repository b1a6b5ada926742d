import { UserError } from "../base/user_error.ts";
import { type CommitId, type EnvName, PROD } from "../model/ids.ts";
import type { MaterializationRecord } from "../model/materialization.ts";
import { tablesOf } from "../model/outside.ts";
import { fromStoredPlan } from "../plan/build_plan.ts";
import type { Plan } from "../model/plan.ts";
import { loadEnvironmentProfile, withPlannedProfile } from "./environment_profile.ts";
import { type EnvironmentFacts, environmentFacts } from "./environment_facts.ts";
import { requireEnvironment } from "./require_environment.ts";
import { publishHead, unpublish } from "./publish.ts";
import type { Workspace } from "./workspace.ts";

/** All environments, production first, then by name. */
export async function listEnvironments(workspace: Workspace): Promise<EnvironmentFacts[]> {
  const names = workspace.state.environments();
  const ordered = [...names.filter((n) => n === PROD), ...names.filter((n) => n !== PROD)];
  const facts: EnvironmentFacts[] = [];
  for (const name of ordered) facts.push(await environmentFacts(workspace, name));
  return facts;
}

/** An environment with the plan it holds. */
export interface EnvironmentDetails extends EnvironmentFacts {
  readonly plan: Plan | null;
  readonly failures: readonly { readonly node: string; readonly error: string }[];
  /** Profile that counts for it now; null where there is none. */
  readonly profile: string | null;
  /** Tables outside that it wrote, by the state. */
  readonly tables: readonly (MaterializationRecord & { readonly node: string })[];
}

/** One environment in detail. Throws `unknown_environment` (2). */
export async function showEnvironment(
  workspace: Workspace,
  env: EnvName,
): Promise<EnvironmentDetails> {
  const head = requireEnvironment(workspace, env);
  const snapshot = await workspace.state.snapshot(head);
  const stored = snapshot.plan?.environment === env ? snapshot.plan : null;
  return {
    ...await environmentFacts(workspace, env),
    plan: stored === null ? null : fromStoredPlan(stored, snapshot.manifest, head),
    failures: [...snapshot.results.values()].flatMap(({ id, status, error }) =>
      status === "failed" ? [{ node: id, error: error ?? "" }] : []
    ),
    profile: loadEnvironmentProfile(await withPlannedProfile(workspace, env), env).profile.file,
    tables: [...tablesOf(snapshot.outside, env)].flatMap(([node, tables]) =>
      tables.map((table) => ({ node, ...table }))
    ),
  };
}

/** Commit of an environment that may be deleted. Throws `protected_environment` (3), `unknown_environment` (2). */
export function requireDeletable(workspace: Workspace, env: EnvName): CommitId {
  if (env === PROD) {
    throw new UserError(`Cannot delete "${PROD}": it is production`, {
      code: "protected_environment",
      kind: "validation",
      hint: "to go back to an earlier state:\n    seeknal rollback",
    });
  }
  return requireEnvironment(workspace, env, "see what there is:\n    seeknal env list");
}

/** Deletes an environment's ref and readable copy; its outputs stay until `gc`. Throws `ref_moved` (4). */
export async function deleteEnvironment(
  workspace: Workspace,
  env: EnvName,
  from: CommitId,
): Promise<void> {
  await workspace.state.deleteEnvironment(env, from);
  unpublish(workspace, env);
}

/** Environments whose time to live is over. */
export async function expiredEnvironments(workspace: Workspace): Promise<EnvironmentFacts[]> {
  return (await listEnvironments(workspace)).filter(({ status }) => status === "expired");
}

/** Writes an environment's readable copy again. Throws `unknown_environment` (2). */
export async function checkoutEnvironment(workspace: Workspace, env: EnvName): Promise<void> {
  requireEnvironment(workspace, env);
  await publishHead(workspace, env);
  workspace.state.touch(env);
}
