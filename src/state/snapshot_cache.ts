import { join } from "node:path";
import {
  readTextIfExists,
  removeIfExists,
  statIfExists,
  writeFileAtomic,
} from "../base/atomic_write.ts";
import { sha256 } from "../base/hash.ts";
import type { NodeId } from "../model/ids.ts";

/** The documents of one folder of a snapshot, by node, with the names Git gives them. */
export interface LoadedFolder {
  readonly documents: ReadonlyMap<NodeId, object>;
  /** Names of the documents' blobs. */
  readonly blobs: ReadonlyMap<NodeId, string>;
  /** Names of the folder's own trees. */
  readonly trees: readonly string[];
}

/** Folders kept on disk; the oldest leave. */
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

  read(tree: string): LoadedFolder | null {
    const text = readTextIfExists(this.#path(tree));
    if (text === null) return null;
    const newline = text.indexOf("\n");
    const body = text.slice(newline + 1);
    if (seal(tree, body) !== text.slice(0, newline)) return null;
    const { trees, documents } = JSON.parse(body) as {
      trees: string[];
      documents: [NodeId, string, object][];
    };
    return {
      documents: new Map(documents.map(([id, , value]) => [id, value])),
      blobs: new Map(documents.map(([id, oid]) => [id, oid])),
      trees,
    };
  }

  write(tree: string, { documents, blobs, trees }: LoadedFolder): void {
    if (this.#readOnly || statIfExists(this.#path(tree)) !== null) return;
    const body = JSON.stringify({
      trees,
      documents: [...documents].map(([id, value]) => [id, blobs.get(id), value]),
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
