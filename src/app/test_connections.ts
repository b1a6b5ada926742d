import { UserError } from "../base/user_error.ts";
import { findConnectionType } from "../connections/registry.ts";
import type { EnvName } from "../model/ids.ts";
import { connectionOf, type ConnectionSpec, type Profile } from "../model/profile.ts";
import { didYouMean } from "../base/closest.ts";
import { requireProfile } from "./environment_profile.ts";
import type { Workspace } from "./workspace.ts";

/** How one connection did. */
export interface ConnectionCheck {
  readonly connection: string;
  readonly type: string;
  readonly status: "ok" | "failed";
  /** What answered, or why nothing did; without secrets. */
  readonly detail: string;
  readonly facts: readonly string[];
  readonly hint: string | null;
  /** Kind of error, for the exit code; null when it is fine. */
  readonly kind: UserError["kind"] | null;
  readonly duration_ms: number;
}

/**
 * Connects through the connections of an environment's profile (or one of them), one after the other,
 * and writes nothing. Throws `invalid_profile`, `profile_not_found`, `unknown_connection` (2).
 */
export async function testConnections(
  workspace: Workspace,
  env: EnvName | null,
  name: string | null,
): Promise<{ profile: string | null; checks: ConnectionCheck[] }> {
  const profile = requireProfile(workspace, env);
  const chosen = name === null ? [...profile.connections.values()] : [pick(profile, name)];
  if (profile.catalog !== null && name === null) chosen.push(profile.catalog);
  const checks: ConnectionCheck[] = [];
  for (const connection of chosen) checks.push(await testConnection(workspace, connection));
  return { profile: profile.file, checks };
}

function pick(profile: Profile, name: string): ConnectionSpec {
  const found = profile.connections.get(name);
  if (found !== undefined) return found;
  const names = [...profile.connections.keys()];
  if (names.length === 0) return connectionOf(profile, name, "postgresql");
  throw new UserError(`Unknown connection "${name}" (${profile.file})`, {
    code: "unknown_connection",
    kind: "usage",
    hint: didYouMean(name, names) ?? `available: ${names.join(", ")}`,
  });
}

/** Connects through one connection. Never throws for one that does not work. */
export async function testConnection(
  { host, root }: Pick<Workspace, "host" | "root">,
  connection: ConnectionSpec,
): Promise<ConnectionCheck> {
  const started = performance.now();
  const common = { connection: connection.name, type: connection.type };
  const elapsed = () => Math.round(performance.now() - started);
  try {
    const { server, facts } = await findConnectionType(connection.type)!.test(connection, {
      env: (name) => host.env(name),
      root,
    });
    return {
      ...common,
      status: "ok",
      detail: server,
      facts,
      hint: null,
      kind: null,
      duration_ms: elapsed(),
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return {
      ...common,
      status: "failed",
      detail: error.message,
      facts: [],
      hint: error.hint ?? null,
      kind: error.kind,
      duration_ms: elapsed(),
    };
  }
}
