import { join } from "node:path";
import { withFileLock } from "../base/file_lock.ts";
import type { OutputCache } from "../cache/output_cache.ts";
import type { Host } from "../model/host.ts";
import type { ContentHash, EnvName } from "../model/ids.ts";
import type { TableWrite } from "../model/materialization.ts";
import type { Profile } from "../model/profile.ts";
import type { StateRepo } from "../state/state_repo.ts";
import { Stores } from "./stores.ts";

/** What moving tables outside needs of a workspace. */
export interface OutsideContext {
  readonly host: Host;
  /** Absolute project folder. */
  readonly root: string;
  readonly state: StateRepo;
  readonly cache: OutputCache;
  /** Absolute path of `--profile`; null: each environment has its own. */
  readonly profile: string | null;
}

/** Opens the stores of a profile when they are needed. */
export function openStores({ host, root, cache }: OutsideContext, profile: Profile): Stores {
  cache.prepare();
  return new Stores(profile, {
    env: (name) => host.env(name),
    root,
    temporaryDir: cache.temporaryDir,
    objectsDir: cache.objectsDir,
    now: () => host.now(),
    signal: host.signal,
  });
}

/** The output that a write brings in. */
export function parquetOf({ cache }: OutsideContext, { content_hash }: TableWrite): string {
  return cache.objectPath(content_hash as ContentHash);
}

/**
 * Runs `work` while no other process writes tables of an environment. Waits for nobody: throws a
 * `UserError` `locked` (4) at once when another process does.
 */
export function whileTablesLocked<T>(
  { host, cache }: OutsideContext,
  env: EnvName,
  work: () => Promise<T>,
): Promise<T> {
  const holder = `process ${Deno.pid} of ${host.user.name}`;
  const what = env === "prod" ? "production's tables" : `the tables of ${env}`;
  const path = join(cache.locksDir, `tables-${env}.lock`);
  return withFileLock(path, { timeoutMs: 0, holder, what }, work);
}
