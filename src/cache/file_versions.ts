import { join } from "node:path";
import { readTextIfExists, writeFileAtomic } from "../base/atomic_write.ts";
import { compactJson } from "../base/canonical_json.ts";
import { hashFile } from "../base/hash.ts";
import type { WatchedFile } from "../model/run.ts";

interface Entry {
  readonly size: number;
  readonly mtime: number;
  /** Time of the last change of the file's data, name or rights; moving another file here changes it. */
  readonly ctime: number;
  readonly inode: number;
  readonly hash: string;
  /** When the file was hashed. */
  readonly seen: number;
}

/**
 * A file changed within this many milliseconds before it was hashed may change
 * again without its time showing it; such an entry is not believed.
 */
const RACY_MS = 2_000;

/** Content hashes of project files, remembered by size and time of last change. */
export class FileVersions {
  readonly #root: string;
  readonly #path: string;
  readonly #now: () => Date;
  readonly #readOnly: boolean;
  readonly #used = new Map<string, Entry>();
  #remembered: Map<string, Entry> | null = null;

  constructor(
    root: string,
    targetDir: string,
    options: { readonly now: () => Date; readonly readOnly: boolean },
  ) {
    this.#root = root;
    this.#path = join(targetDir, "cache", "file_versions.json");
    this.#now = options.now;
    this.#readOnly = options.readOnly;
  }

  /** Hex SHA-256 of a project-relative file. */
  hash(file: string): string {
    return this.#entry(file).hash;
  }

  /** The file as it was when it was hashed. */
  watched(file: string): WatchedFile {
    const { size, mtime } = this.#entry(file);
    return { path: join(this.#root, file), sizeBytes: size, mtimeMs: mtime };
  }

  /** Keeps what was learned for the next command. */
  save(): void {
    if (this.#readOnly) return;
    const remembered = this.#load();
    const isNew = [...this.#used].some(([file, entry]) => remembered.get(file) !== entry);
    if (!isNew && remembered.size === this.#used.size) return;
    writeFileAtomic(this.#path, compactJson(Object.fromEntries(this.#used)));
  }

  #entry(file: string): Entry {
    const used = this.#used.get(file);
    if (used !== undefined) return used;
    const path = join(this.#root, file);
    const info = Deno.statSync(path);
    const mtime = info.mtime?.getTime() ?? 0;
    const old = this.#load().get(file);
    const ctime = info.ctime?.getTime() ?? 0;
    const inode = info.ino ?? 0;
    const isSame = old !== undefined && old.size === info.size && old.mtime === mtime &&
      old.ctime === ctime && old.inode === inode && old.seen - Math.max(mtime, ctime) > RACY_MS;
    const { size } = info;
    const entry = isSame
      ? old
      : { size, mtime, ctime, inode, hash: hashFile(path).hash, seen: this.#now().getTime() };
    this.#used.set(file, entry);
    return entry;
  }

  #load(): Map<string, Entry> {
    if (this.#remembered !== null) return this.#remembered;
    this.#remembered = new Map();
    const text = readTextIfExists(this.#path);
    if (text === null) return this.#remembered;
    try {
      this.#remembered = new Map(Object.entries(JSON.parse(text) as Record<string, Entry>));
    } catch {
      // A damaged memory only costs the time to hash again.
    }
    return this.#remembered;
  }
}
