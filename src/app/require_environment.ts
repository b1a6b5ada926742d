import { didYouMean } from "../base/closest.ts";
import { UserError } from "../base/user_error.ts";
import { type CommitId, type EnvName, PROD } from "../model/ids.ts";
import type { Workspace } from "./workspace.ts";

/** The head of an environment that must exist. Throws `unknown_environment` (exit 2). */
export function requireEnvironment(
  { state }: Workspace,
  env: EnvName,
  hint = `make it with:\n    ${env === PROD ? "seeknal run" : `seeknal plan ${env}`}`,
): CommitId {
  const head = state.head(env);
  if (head !== null) return head;
  const available = state.environments();
  throw new UserError(
    `Environment "${env}" does not exist` +
      (available.length === 0 ? "" : `; there is ${available.join(", ")}`),
    { code: "unknown_environment", kind: "usage", hint: didYouMean(env, available) ?? hint },
  );
}
