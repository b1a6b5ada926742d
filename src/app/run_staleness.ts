import { UserError } from "../base/user_error.ts";
import { compare } from "../changes/compare.ts";
import type { CommitId, EnvName } from "../model/ids.ts";
import type { Manifest } from "../model/manifest.ts";
import type { StoredPlan } from "../model/plan.ts";
import type { Profile } from "../model/profile.ts";
import type { Planned } from "./planned.ts";
import type { Workspace } from "./workspace.ts";

/** What keeps the committed plan from describing the project as it is now. */
export async function findStaleness(
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

/** The refusal of a plan that no longer describes the project, with what differs. */
export function stalePlan(env: EnvName, differences: readonly string[]): UserError {
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
