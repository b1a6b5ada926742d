import { join } from "node:path";
import { removeIfExists, statIfExists } from "../base/atomic_write.ts";
import type { GitObject, ObjectType } from "./git_object.ts";
import { writePack } from "./pack_writer.ts";
import type { StateRepo } from "./state_repo.ts";

/** Fewer loose objects and packs than this are left as they are. */
const LOOSE_LIMIT = 500;
const PACK_LIMIT = 8;

/** Objects younger than this may belong to a commit that is being made. */
const GRACE_MS = 60 * 60 * 1000;

/**
 * Brings all reachable objects together into one pack and removes what it
 * replaces. Does nothing while the repository is tidy. Returns the number of
 * objects packed. Holds the repository lock; readers that come across a file that
 * is gone look again.
 */
export async function repack(repo: StateRepo, now: Date): Promise<number> {
  const { loose, packs } = storedFiles(repo.gitDir);
  if (loose.length < LOOSE_LIMIT && packs.length < PACK_LIMIT) return 0;
  return await repo.locked(async () => {
    const objects = await reachableObjects(repo);
    const kept = writePack(repo.gitDir, objects);
    const isPacked = new Set(objects.map(({ oid }) => oid));
    for (const { path, oid } of loose) {
      if (isPacked.has(oid) || isOld(path, now)) removeIfExists(path);
    }
    for (const path of packs) {
      if (path === kept || !isOld(path, now)) continue;
      removeIfExists(path.replace(/\.pack$/, ".idx"));
      removeIfExists(path);
    }
    return objects.length;
  });
}

function isOld(path: string, now: Date): boolean {
  const mtime = statIfExists(path)?.mtime?.getTime() ?? 0;
  return now.getTime() - mtime > GRACE_MS;
}

function storedFiles(gitDir: string) {
  const root = join(gitDir, "objects");
  const loose: { path: string; oid: string }[] = [];
  const packs: string[] = [];
  for (const folder of Deno.readDirSync(root)) {
    if (!folder.isDirectory) continue;
    for (const { name } of Deno.readDirSync(join(root, folder.name))) {
      const path = join(root, folder.name, name);
      if (folder.name === "pack" && name.endsWith(".pack")) packs.push(path);
      if (/^[0-9a-f]{2}$/.test(folder.name) && /^[0-9a-f]{38}$/.test(name)) {
        loose.push({ path, oid: folder.name + name });
      }
    }
  }
  return { loose, packs };
}

async function reachableObjects(repo: StateRepo): Promise<GitObject[]> {
  const objects = new Map<string, GitObject>();
  const queue: string[] = [...repo.refs().values()];
  for (let oid = queue.pop(); oid !== undefined; oid = queue.pop()) {
    if (objects.has(oid)) continue;
    const { type, data } = await repo.object(oid);
    objects.set(oid, { oid, type: type as ObjectType, data });
    if (type === "commit") {
      for (
        const match of new TextDecoder().decode(data).matchAll(/^(?:tree|parent) ([0-9a-f]{40})$/gm)
      ) {
        queue.push(match[1]!);
      }
    } else if (type === "tree") {
      for (const entry of await repo.treeEntries(oid)) queue.push(entry.oid);
    }
  }
  return [...objects.values()];
}
