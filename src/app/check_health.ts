import { join } from "node:path";
import { listDir } from "../cache/output_cache.ts";
import { hasTrueBytes, type ObjectKind, objectPath, verifyObject } from "../cache/object_store.ts";
import { readTextIfExists, removeIfExists, statIfExists } from "../base/atomic_write.ts";
import { ENGINE_VERSION, openSession } from "../engine/registry.ts";
import { isEnvName } from "../model/env_name.ts";
import { type ContentHash, type EnvName, PROD } from "../model/ids.ts";
import { UserError } from "../base/user_error.ts";
import { type PendingWork, pendingWork } from "../materialize/recover.ts";
import { loadEnvironmentProfile } from "./environment_profile.ts";
import { lookAtTables, outsideContext, recoverPending, recoveryWords } from "./outside_tables.ts";
import { publishHead, readableDir } from "./publish.ts";
import { tablesAstray } from "./environment_tables.ts";
import { tablesOf } from "../model/outside.ts";
import { testConnection } from "./test_connections.ts";
import type { Workspace } from "./workspace.ts";

/** One thing that was looked at. */
export interface HealthCheck {
  readonly check: string;
  readonly status: "ok" | "problem" | "fixed";
  readonly detail: string;
  /** Command or step that helps; null when nothing is needed. */
  readonly hint: string | null;
}

/** Options of a check-up. */
export interface HealthOptions {
  /** Mend what can be mended without losing anything. */
  readonly fix: boolean;
  /** Hash every output again instead of looking at size and time. */
  readonly deep: boolean;
}

/** Looks at everything Seeknal keeps for a project. Writes only with `fix`. */
export async function checkHealth(
  workspace: Workspace,
  options: HealthOptions,
): Promise<HealthCheck[]> {
  const state = await checkState(workspace);
  // What follows reads the state: a damaged one is said once.
  if (state.status === "problem") return [await checkEngine(), state];
  return [
    await checkEngine(),
    state,
    ...await checkOutputs(workspace, options),
    ...await checkPendingTables(workspace, options),
    ...await checkCopies(workspace, options),
    ...await checkProfiles(workspace),
    ...await checkTables(workspace),
    checkLeftovers(workspace, options),
  ];
}

/** What killed commands left outside; `fix` finishes or undoes it, and says which. */
async function checkPendingTables(
  workspace: Workspace,
  options: HealthOptions,
): Promise<HealthCheck[]> {
  const checks: HealthCheck[] = [];
  for (const work of await pendingWork(outsideContext(workspace))) {
    checks.push(await checkPending(workspace, work, options));
  }
  return checks;
}

const PENDING_WORDS = {
  running: "a command is at it",
  untouched: "it was killed before any table changed",
  partly: "it was killed, and some of the tables have changed",
} as const;

async function checkPending(
  workspace: Workspace,
  work: PendingWork,
  { fix }: HealthOptions,
): Promise<HealthCheck> {
  const { environment, intent } = work;
  const check = `tables of ${environment}`;
  const what = `${intent.action} of ${environment}, ${intent.writes.length} tables`;
  const hint = "finish or undo it:\n    seeknal doctor --fix";
  try {
    const found = await lookAtTables(workspace, work);
    const detail = `${what}: ${PENDING_WORDS[found]}`;
    if (found === "running") return { check, status: "ok", detail, hint: null };
    if (!fix) return { check, status: "problem", detail, hint };
    const recovery = await recoverPending(workspace, environment);
    return recovery === null || recovery === "busy"
      ? { check, status: "ok", detail: `${what}: somebody else looked after it`, hint: null }
      : { check, status: "fixed", detail: recoveryWords(recovery), hint: null };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { check, status: "problem", detail: `${what}: ${error.message}`, hint };
  }
}

/** Every environment's profile, and whether its connections answer. */
async function checkProfiles(workspace: Workspace): Promise<HealthCheck[]> {
  const checks: HealthCheck[] = [];
  const seen = new Set<string>();
  for (
    const env of new Set([PROD, ...workspace.state.environments(), ...namedProfiles(workspace)])
  ) {
    const { profile, diagnostics } = loadEnvironmentProfile(workspace, env);
    if (profile.file === null || seen.has(profile.file)) continue;
    seen.add(profile.file);
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    checks.push({
      check: `profile ${profile.file}`,
      status: errors.length === 0 ? "ok" : "problem",
      detail: errors.length === 0
        ? `${profile.connections.size} connections`
        : errors.map(({ message, line }) => `${message} (line ${line})`).join("; "),
      hint: errors[0]?.hint ?? null,
    });
    for (const connection of profile.connections.values()) {
      const { status, detail, hint } = await testConnection(workspace, connection);
      const check = `connection ${connection.name} (${profile.file})`;
      checks.push({ check, status: status === "ok" ? "ok" : "problem", detail, hint });
    }
  }
  return checks;
}

/** Environments that have a profile in the project, whether they exist yet or not. */
function namedProfiles({ root }: Workspace): EnvName[] {
  return listDir(root).flatMap((file) => {
    const name = /^profiles-(.+)\.yml$/.exec(file)?.[1] ?? "";
    return isEnvName(name) ? [name as EnvName] : [];
  });
}

/** Whether tables outside are there, and hold what the state says by their own account. */
async function checkTables(workspace: Workspace): Promise<HealthCheck[]> {
  const checks: HealthCheck[] = [];
  for (const env of workspace.state.environments()) {
    const { outside } = await workspace.state.snapshot(workspace.state.head(env));
    const records = [...tablesOf(outside, env).values()].flat();
    if (records.length === 0) continue;
    const check = `what the tables of ${env} hold`;
    try {
      const astray = await tablesAstray(workspace, env, records);
      checks.push({
        check,
        status: astray.length === 0 ? "ok" : "problem",
        detail: astray.length === 0
          ? `${records.length} tables are there, as the state has them`
          : astray.slice(0, 5).join("; ") +
            (astray.length > 5 ? ` and ${astray.length - 5} more` : ""),
        hint: astray.length === 0
          ? null
          : `write them anew:\n    seeknal run${
            env === PROD ? "" : ` --env ${env}`
          } --rematerialize`,
      });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      checks.push({ check, status: "problem", detail: error.message, hint: error.hint ?? null });
    }
  }
  return checks;
}

async function checkEngine(): Promise<HealthCheck> {
  const session = await openSession({ allowedDirs: [] });
  try {
    const version = String((await session.read("SELECT version()")).rows[0]![0]);
    const ok = ENGINE_VERSION === `duckdb ${version}`;
    return {
      check: "engine",
      status: ok ? "ok" : "problem",
      detail: `duckdb ${version}`,
      hint: ok ? null : `this seeknal was made for ${ENGINE_VERSION}`,
    };
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

async function checkState(workspace: Workspace): Promise<HealthCheck> {
  const { state } = workspace;
  const broken: string[] = [];
  for (const env of state.environments()) {
    try {
      await state.snapshot(state.head(env));
    } catch (error) {
      broken.push(`${env}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return broken.length === 0
    ? {
      check: "state",
      status: "ok",
      detail: `target/state.git holds ${state.environments().join(", ") || "no environment yet"}`,
      hint: null,
    }
    : {
      check: "state",
      status: "problem",
      detail: broken.join("; "),
      hint: "see what Git says:\n    git -C target/state.git fsck --strict",
    };
}

async function checkOutputs(
  { state, cache }: Workspace,
  { deep, fix }: HealthOptions,
): Promise<HealthCheck[]> {
  const checks: HealthCheck[] = [];
  for (const env of state.environments()) {
    const { manifest, results } = await state.snapshot(state.head(env));
    const good = [...results.values()].filter(({ status }) => status === "success");
    const isLost = (hash: ContentHash, sizeBytes: number, kind: ObjectKind) => {
      if (fix) return !verifyObject(cache.objectsDir, hash, sizeBytes, { deep, kind });
      if (deep) return !hasTrueBytes(cache.objectsDir, hash, kind);
      return statIfExists(objectPath(cache.objectsDir, hash, kind))?.size !== sizeBytes;
    };
    const lost = good.filter(({ content_hash, size_bytes, artifact }) => {
      // Both are looked at: `fix` removes what is damaged.
      const isArtifactLost = artifact !== undefined &&
        isLost(artifact.content_hash, artifact.size_bytes, "artifact");
      return isLost(content_hash!, size_bytes!, "parquet") || isArtifactLost;
    });
    const unbuilt = env === PROD
      ? [...manifest.nodes.values()].filter(({ id, virtual }) =>
        virtual !== true && results.get(id)?.status !== "success"
      ).map(({ id }) => id)
      : [];
    if (unbuilt.length > 0) {
      checks.push({
        check: "nodes of production",
        status: "problem",
        detail: `without a result: ${unbuilt.slice(0, 5).join(", ")}`,
        hint: rebuildHint(env),
      });
    }
    checks.push({
      check: `outputs of ${env}`,
      status: lost.length === 0 ? "ok" : "problem",
      detail: lost.length === 0
        ? `${good.length} outputs are there`
        : `missing or damaged: ${lost.slice(0, 5).map(({ id }) => id).join(", ")}` +
          (lost.length > 5 ? ` and ${lost.length - 5} more` : ""),
      hint: lost.length === 0 ? null : rebuildHint(env),
    });
  }
  return checks;
}

function rebuildHint(env: EnvName): string {
  return env === PROD
    ? "build them again:\n    seeknal run"
    : `build them again:\n    seeknal plan ${env}\n    seeknal run --env ${env}`;
}

async function checkCopies(
  workspace: Workspace,
  { fix }: HealthOptions,
): Promise<HealthCheck[]> {
  const checks: HealthCheck[] = [];
  for (const env of workspace.state.environments()) {
    const folder = readableDir(workspace, env);
    const text = readTextIfExists(join(folder, env === PROD ? "cache" : ".", ".published.json"));
    const isCurrent = text?.includes(workspace.state.head(env)!) === true &&
      statIfExists(join(folder, "manifest.json")) !== null;
    if (!isCurrent && fix) await publishHead(workspace, env);
    checks.push({
      check: `readable copy of ${env}`,
      status: isCurrent ? "ok" : fix ? "fixed" : "problem",
      detail: isCurrent ? "up to date" : "behind its ref, or incomplete",
      hint: isCurrent || fix ? null : `write it again:\n    seeknal env checkout ${env}`,
    });
  }
  return checks;
}

/** Files of a killed command: harmless, and in nobody's way for the first hour. */
const LEFTOVER_MS = 60 * 60 * 1000;

function checkLeftovers(
  { cache, host, targetDir }: Workspace,
  { fix }: HealthOptions,
): HealthCheck {
  const isOld = (path: string) => {
    const info = statIfExists(path);
    return info !== null && host.now().getTime() - (info.mtime?.getTime() ?? 0) > LEFTOVER_MS;
  };
  const paths = [
    ...listDir(cache.temporaryDir).map((name) => join(cache.temporaryDir, name)),
    ...listDir(targetDir).filter((n) => /^state\.git\.\d+\.tmp$/.test(n)).map((n) =>
      join(targetDir, n)
    ),
  ].filter(isOld);
  if (fix) { for (const path of paths) removeTree(path); }
  return {
    check: "leftovers of killed commands",
    status: paths.length === 0 ? "ok" : fix ? "fixed" : "problem",
    detail: paths.length === 0 ? "none" : `${paths.length} files`,
    hint: paths.length === 0 || fix ? null : "remove them:\n    seeknal doctor --fix",
  };
}

function removeTree(path: string): void {
  if (statIfExists(path)?.isDirectory === true) Deno.removeSync(path, { recursive: true });
  else removeIfExists(path);
}
