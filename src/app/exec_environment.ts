import { join } from "node:path";
import type { EnvName } from "../model/ids.ts";
import { publishHead, readableDir } from "./publish.ts";
import { requireEnvironment } from "./require_environment.ts";
import type { Workspace } from "./workspace.ts";

/**
 * What a program is told that is to work with an environment, after the readable copy of it was brought up to date:
 * variables of its process. Throws `unknown_environment` (2).
 */
export async function environmentVariables(
  workspace: Workspace,
  env: EnvName,
): Promise<Readonly<Record<string, string>>> {
  requireEnvironment(workspace, env);
  await publishHead(workspace, env);
  workspace.state.touch(env);
  const target = readableDir(workspace, env);
  return {
    SEEKNAL_ENV: env,
    SEEKNAL_PROJECT_PATH: workspace.root,
    SEEKNAL_TARGET: target,
    SEEKNAL_CACHE: join(target, "cache"),
  };
}
