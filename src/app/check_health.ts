import { join } from "node:path";
import { listDir } from "../cache/output_cache.ts";
import { hasTrueBytes, verifyObject } from "../cache/object_store.ts";
import { readTextIfExists, removeIfExists, statIfExists } from "../base/atomic_write.ts";
import { ENGINE_VERSION, openSession } from "../engine/registry.ts";
import { type EnvName, PROD } from "../model/ids.ts";
import { publishHead, readableDir } from "./publish.ts";
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
    ...await checkCopies(workspace, options),
    checkLeftovers(workspace, options),
  ];
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
    const lost = good.filter(({ content_hash, size_bytes }) => {
      if (fix) return !verifyObject(cache.objectsDir, content_hash!, size_bytes!, { deep });
      if (deep) return !hasTrueBytes(cache.objectsDir, content_hash!);
      return statIfExists(cache.objectPath(content_hash!))?.size !== size_bytes;
    });
    const unbuilt = env === PROD
      ? [...manifest.nodes.keys()].filter((id) => results.get(id)?.status !== "success")
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
