import { UserError } from "../base/user_error.ts";
import { didYouMean } from "../base/closest.ts";
import { isEnvName } from "../model/env_name.ts";
import type { CommitId, EnvName } from "../model/ids.ts";
import type { CommitInfo, StateRepo } from "./state_repo.ts";

/**
 * The commits an environment pointed at, newest first. Read from the commits
 * themselves (`Previous:` trailers), so that a clone without logs knows them too.
 */
export async function* positions(
  repo: StateRepo,
  env: EnvName,
  from: CommitId | null = repo.head(env),
): AsyncGenerator<CommitInfo> {
  for (let id = from; id !== null;) {
    const info = await repo.commit(id);
    yield info;
    id = previousPosition(info, env);
  }
}

function previousPosition(info: CommitInfo, env: EnvName): CommitId | null {
  const { Environment, Target, Previous } = info.trailers;
  if ((Target ?? Environment) !== env) return info.parents[0] ?? null;
  return Previous === undefined || Previous === "none" ? null : Previous as CommitId;
}

/**
 * The commit that a revision names: an environment, a commit id (4 digits or
 * more), and behind either `@{n}` for where the environment was n moves ago or
 * `~n` for the n-th first parent.
 * Throws a `UserError` `unknown_revision` (exit 2).
 */
export async function resolveRevision(repo: StateRepo, revision: string): Promise<CommitId> {
  const [, name, at, up] = /^(.*?)(?:@\{(\d+)\}|~(\d*)|\^)?$/.exec(revision)!;
  const env = name as EnvName;
  const start = (isEnvName(name!) ? repo.head(env) : null) ??
    (/^[0-9a-f]{4,40}$/.test(name!) ? await repo.expand(name!) : null);
  if (start === null) throw unknownRevision(repo, revision);
  if (at !== undefined) return await stepsBack(repo, env, Number(at), revision);
  const steps = up !== undefined ? Number(up === "" ? 1 : up) : revision.endsWith("^") ? 1 : 0;
  let id = start;
  for (let i = 0; i < steps; i++) {
    const parent = (await repo.commit(id)).parents[0];
    if (parent === undefined) throw unknownRevision(repo, revision);
    id = parent;
  }
  return (await repo.commit(id)).id;
}

async function stepsBack(
  repo: StateRepo,
  env: EnvName,
  n: number,
  revision: string,
): Promise<CommitId> {
  let step = 0;
  for await (const position of positions(repo, env)) {
    if (step++ === n) return position.id;
  }
  throw unknownRevision(repo, revision);
}

function unknownRevision(repo: StateRepo, revision: string): UserError {
  const environments = repo.environments();
  return new UserError(`Unknown revision "${revision}"`, {
    code: "unknown_revision",
    kind: "usage",
    hint: didYouMean(revision, environments) ??
      `use an environment (${
        environments.join(", ") || "there is none yet"
      }), a commit of seeknal history, or prod@{1}`,
  });
}
