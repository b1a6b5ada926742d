import { join } from "node:path";
import { removeIfExists, statIfExists } from "../base/atomic_write.ts";
import { listDir } from "../cache/output_cache.ts";
import { type CommitId, type ContentHash, PROD } from "../model/ids.ts";
import type { OutsideRecord } from "../model/outside.ts";
import type { NodeRecord } from "../model/snapshot.ts";
import { pendingWork } from "../materialize/recover.ts";
import { DownloadStore } from "../sources/download_store.ts";
import { projectName } from "../project/load_project.ts";
import { repack } from "../state/repack.ts";
import { positions } from "../state/revisions.ts";
import { connectionsOf, storesOf } from "./environment_tables.ts";
import { outsideContext, recoverTables } from "./outside_tables.ts";
import type { Workspace } from "./workspace.ts";

/** What to keep. */
export interface GarbageOptions {
  /** Outputs of states younger than this stay, so that one can roll back to them. */
  readonly keepDays: number;
  /** Outputs of the last states that production had stay, however old they are. */
  readonly keepPromotions: number;
  /** Clean up in the systems outside too. */
  readonly tables: boolean;
  /** With `tables`: snapshots of Iceberg tables older than this go; null: none. */
  readonly expireDays: number | null;
  readonly dryRun: boolean;
}

/** What was (or would be) freed. */
export interface GarbageReport {
  readonly removed: readonly { readonly path: string; readonly bytes: number }[];
  readonly bytes: number;
  readonly kept: number;
  /** Git objects brought together into one pack; 0 when there was no need. */
  readonly repacked: number;
  /** What was (or would be) removed in the systems outside, in words. */
  readonly tables: readonly string[];
}

/** Files of a running command may look like rubbish; younger ones are left alone. */
const GRACE_MS = 60 * 60 * 1000;

/**
 * Removes outputs that no ref names, and no state of the last `keepDays` days.
 * An output is live because something reachable names it, never because of its age alone.
 */
export async function collectGarbage(
  workspace: Workspace,
  options: GarbageOptions,
): Promise<GarbageReport> {
  const { cache, host } = workspace;
  if (!options.dryRun) await recoverTables(workspace, null);
  const live = await liveObjects(workspace, options);
  const tables = options.tables ? await collectOutside(workspace, live, options) : [];
  const removed: { path: string; bytes: number }[] = [];
  const remove = (path: string) => {
    const info = statIfExists(path);
    if (info === null) return;
    removed.push({ path, bytes: info.size });
    if (!options.dryRun) removeIfExists(path);
  };
  const isYoung = (path: string) => {
    const info = statIfExists(path);
    const changed = info?.ctime ?? info?.mtime ?? null;
    return changed !== null && host.now().getTime() - changed.getTime() < GRACE_MS;
  };
  const objects = [
    ...cache.objects().map((hash) => ({ hash, path: cache.objectPath(hash) })),
    ...cache.artifacts().map((hash) => ({ hash, path: cache.artifactPath(hash) })),
  ];
  for (const { hash, path } of objects) {
    if (!live.has(hash) && !isYoung(path)) remove(path);
  }
  for (const name of listDir(cache.temporaryDir)) {
    const path = join(cache.temporaryDir, name);
    if (isYoung(path)) continue;
    // Folders in which a killed process spilled, or downloaded to.
    if (statIfExists(path)?.isDirectory === true) {
      removed.push(...removeFolder(path, options.dryRun));
    } else remove(path);
  }
  const keepMs = options.keepDays * 86_400_000;
  const downloads = new DownloadStore(cache.temporaryDir, true);
  for (const path of downloads.unused(host.now(), { graceMs: GRACE_MS, keepMs })) remove(path);
  if (!options.dryRun) {
    for (const { fingerprint, contentHash, artifact } of cache.entries()) {
      const paths = [
        cache.objectPath(contentHash),
        ...(artifact === undefined ? [] : [cache.artifactPath(artifact.contentHash)]),
      ];
      if (paths.some((path) => statIfExists(path) === null)) cache.forget(fingerprint);
    }
  }
  const repacked = options.dryRun || workspace.state.head(PROD) === null &&
      workspace.state.environments().length === 0
    ? 0
    : await repack(workspace.state, host.now());
  return {
    removed,
    bytes: removed.reduce((sum, { bytes }) => sum + bytes, 0),
    kept: live.size,
    repacked,
    tables,
  };
}

function removeFolder(path: string, dryRun: boolean): { path: string; bytes: number }[] {
  const files = listDir(path).map((name) => {
    const file = join(path, name);
    return { path: file, bytes: statIfExists(file)?.size ?? 0 };
  });
  if (!dryRun) Deno.removeSync(path, { recursive: true });
  return files;
}

/** Leftovers and versions in the systems that production and the environments write to. */
async function collectOutside(
  workspace: Workspace,
  live: ReadonlySet<string>,
  { dryRun, expireDays, keepPromotions }: GarbageOptions,
): Promise<string[]> {
  const context = outsideContext(workspace);
  const pending = new Set((await pendingWork(context)).map(({ intent }) => intent.id));
  const removed = new Set<string>();
  for (const env of workspace.state.environments()) {
    const connections = await connectionsOf(workspace, env);
    if (connections.length === 0) continue;
    await using stores = await storesOf(workspace, env);
    for (const { type, connection } of connections) {
      const store = await stores.get(type, connection);
      const project = projectName(workspace.root);
      const found = await store.collectGarbage({
        pending,
        live,
        project,
        expireBefore: expireDays === null
          ? null
          : new Date(workspace.host.now().getTime() - expireDays * 86_400_000),
        // One more: what the oldest of them is to be taken back to.
        keepSnapshots: keepPromotions + 1,
        dryRun,
      });
      for (const what of found) removed.add(`${connection}: ${what}`);
    }
  }
  return [...removed].sort();
}

/** Content hashes that some ref names, a commit younger than `keepDays`, or one of the last states of production. */
async function liveObjects(
  workspace: Workspace,
  { keepDays, keepPromotions }: GarbageOptions,
): Promise<Set<ContentHash>> {
  const { state, host } = workspace;
  const horizon = host.now().getTime() - keepDays * 86_400_000;
  const live = new Set<ContentHash>();
  const trees = new Set<string>();
  const seen = new Set<CommitId>();
  const queue: CommitId[] = [];
  for (const head of state.refs().values()) {
    if (!seen.has(head)) queue.push(head);
    seen.add(head);
    await addResults(workspace, (await state.commit(head)).tree, live, trees);
  }
  // What a planned build goes on from, though production may have left it behind.
  for (const env of state.environments()) {
    const { manifest } = await state.snapshot(state.head(env));
    for (const { incremental } of manifest.nodes.values()) {
      const base = incremental?.base ?? null;
      if (base !== null) live.add(base.content_hash);
    }
  }
  let kept = 0;
  for await (const { tree } of positions(state, PROD)) {
    if (kept++ >= keepPromotions) break;
    await addResults(workspace, tree, live, trees);
  }
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    const info = await state.commit(id);
    if (info.date.getTime() >= horizon) {
      // What it replaced was current until then, however old it is.
      const replaced = info.trailers["Previous"];
      const before = replaced === undefined || replaced === "none" ? [] : [replaced as CommitId];
      for (const commit of [id, ...info.parents, ...before]) {
        await addResults(workspace, (await state.commit(commit)).tree, live, trees);
      }
    }
    for (const parent of info.parents) {
      if (seen.has(parent)) continue;
      seen.add(parent);
      queue.push(parent);
    }
  }
  return live;
}

/**
 * Walks the `results` and `outside` folders of a tree: a rollback goes to what was built, and to what
 * tables held, which may be older. Folders seen before are not read again.
 */
async function addResults(
  { state }: Workspace,
  tree: string,
  live: Set<ContentHash>,
  seen: Set<string>,
): Promise<void> {
  const entries = await state.treeEntries(tree);
  const contentsOf = (document: NodeRecord | OutsideRecord) =>
    "tables" in document
      ? document.tables.map((table) => table.content_hash)
      : [document.content_hash, document.artifact?.content_hash ?? null];
  const visit = async (oid: string): Promise<void> => {
    if (seen.has(oid)) return;
    seen.add(oid);
    for (const entry of await state.treeEntries(oid)) {
      if (entry.type === "tree") await visit(entry.oid);
      else if (!seen.has(entry.oid)) {
        seen.add(entry.oid);
        const { data } = await state.object(entry.oid);
        for (const hash of contentsOf(JSON.parse(new TextDecoder().decode(data)))) {
          if (hash !== null) live.add(hash as ContentHash);
        }
      }
    }
  };
  for (const { path, oid } of entries) {
    if (path === "results" || path === "outside") await visit(oid);
  }
}
