import { isAbsolute, join } from "node:path";
import type { Diagnostic } from "../base/diagnostic.ts";
import { UserError } from "../base/user_error.ts";
import { type EnvName, PROD } from "../model/ids.ts";
import type { Profile } from "../model/profile.ts";
import { loadProfile } from "../project/profiles.ts";
import type { Workspace } from "./workspace.ts";

/** A profile with every problem found in it. */
export interface LoadedProfile {
  readonly profile: Profile;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The profile of an environment (null: production), which `--profile` overrides. Resolves no
 * `${VAR}`. Throws `profile_not_found` (2).
 */
export function loadEnvironmentProfile(workspace: Workspace, env: EnvName | null): LoadedProfile {
  const { host, root, profile: explicit } = workspace;
  const diagnostics: Diagnostic[] = [];
  const request = {
    root,
    cwd: host.cwd,
    explicit,
    environment: env ?? PROD,
    readVariable: (name: string) => host.env(name),
  };
  return { profile: loadProfile(request, (problem) => diagnostics.push(problem)), diagnostics };
}

/** The same where the profile must be in order. Throws `invalid_profile` (2) with all problems, `profile_not_found` (2). */
export function requireProfile(workspace: Workspace, env: EnvName | null): Profile {
  const { profile, diagnostics } = loadEnvironmentProfile(workspace, env);
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  if (errors.length === 0) return profile;
  const first = errors[0]!;
  throw new UserError(
    `Profile ${profile.file} has ${errors.length === 1 ? "a problem" : "problems"}: ` +
      errors.map(({ line, message }) => `${message} (line ${line})`).join("; "),
    { code: "invalid_profile", kind: "usage", hint: first.hint, diagnostics: errors },
  );
}

/**
 * The workspace with the profile that an environment was planned with, where that was named by
 * `--profile` and no other is named now: its tables are where that one leads. The same goes for `--params` and `--date`.
 */
export async function withPlannedProfile(
  workspace: Workspace,
  env: EnvName | null,
): Promise<Workspace> {
  const head = env === null || env === PROD ? null : workspace.state.head(env);
  if (head === null) return workspace;
  const { plan } = await workspace.state.snapshot(head);
  const own = plan?.environment === env ? plan : null;
  const { params, date } = workspace.typed;
  const isSaid = date !== null || Object.keys(params).length > 0;
  return withProfile(
    isSaid || own?.variables === undefined ? workspace : { ...workspace, typed: own.variables },
    env,
    own?.profile ?? null,
  );
}

function withProfile(workspace: Workspace, env: EnvName | null, file: string | null): Workspace {
  if (workspace.profile !== null) return workspace;
  const isFound = file === null || file.startsWith("~") || file === "profiles.yml" ||
    file === `profiles-${env}.yml`;
  return isFound
    ? workspace
    : { ...workspace, profile: isAbsolute(file) ? file : join(workspace.root, file) };
}
