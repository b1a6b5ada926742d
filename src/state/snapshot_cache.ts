import { join } from "node:path";
import { readTextIfExists, removeIfExists, writeFileAtomic } from "../base/atomic_write.ts";
import { sha256 } from "../base/hash.ts";

/** Documents of one tree with the names of their blobs and folders. */
export interface LoadedTree {
  readonly documents: ReadonlyMap<string, object>;
  readonly blobs: ReadonlyMap<string, string>;
  readonly folders: ReadonlyMap<string, string>;
}

/** Snapshots kept on disk; the oldest leave. */
const KEPT = 8;

/**
 * Reading ten thousand blobs takes seconds, reading one file does not. Named by
 * the tree it stands for and sealed with a hash; what does not match is ignored
 * and read from Git again.
 */
export class SnapshotCache {
  readonly #dir: string;
  readonly #readOnly: boolean;

  constructor(targetDir: string, readOnly: boolean) {
    this.#readOnly = readOnly;
    this.#dir = join(targetDir, "cache", "snapshots");
  }

  read(tree: string): LoadedTree | null {
    const text = readTextIfExists(this.#path(tree));
    if (text === null) return null;
    const newline = text.indexOf("\n");
    const body = text.slice(newline + 1);
    if (seal(tree, body) !== text.slice(0, newline)) return null;
    const { folders, documents } = JSON.parse(body) as {
      folders: [string, string][];
      documents: [string, string, object][];
    };
    return {
      documents: new Map(documents.map(([path, , value]) => [path, value])),
      blobs: new Map(documents.map(([path, oid]) => [path, oid])),
      folders: new Map(folders),
    };
  }

  write(tree: string, loaded: LoadedTree): void {
    if (this.#readOnly) return;
    const body = JSON.stringify({
      folders: [...loaded.folders],
      documents: [...loaded.documents].map((
        [path, value],
      ) => [path, loaded.blobs.get(path), value]),
    });
    writeFileAtomic(this.#path(tree), `${seal(tree, body)}\n${body}`);
    this.#prune();
  }

  #path(tree: string): string {
    return join(this.#dir, `${tree}.json`);
  }

  #prune(): void {
    const files = [...Deno.readDirSync(this.#dir)]
      .filter((entry) => /^[0-9a-f]{40}\.json$/.test(entry.name))
      .map(({ name }) => join(this.#dir, name));
    if (files.length <= KEPT) return;
    const aged = files.map((path) => ({ path, age: modifiedAt(path) }));
    aged.sort((a, b) => b.age - a.age);
    for (const { path } of aged.slice(KEPT)) removeIfExists(path);
  }
}

function seal(tree: string, body: string): string {
  return sha256(tree + sha256(body));
}

function modifiedAt(path: string): number {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch (error) {
    // Another process pruned it first.
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
