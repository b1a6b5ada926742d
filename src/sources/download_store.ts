import { dirname, join } from "node:path";
import {
  readTextIfExists,
  removeIfExists,
  statIfExists,
  writeFileAtomic,
} from "../base/atomic_write.ts";
import { compactJson } from "../base/canonical_json.ts";
import { hashFile, sha256 } from "../base/hash.ts";

/** What is remembered of an address. */
export interface Remembered {
  /** Hex SHA-256 of the file that it gave. */
  readonly sha256: string;
  /** A strong validator of the very bytes; null where the server gave none. */
  readonly etag: string | null;
  /** As the server gave it; null unless it is old enough to stand for the very bytes. */
  readonly lastModified: string | null;
}

/** Time of change that every file in the store has; one that shows another may have been written to. */
const FIXED = new Date("2000-01-01T00:00:00Z");
const CONTENT_REGEXP = /^[0-9a-f]{64}$/;

/**
 * Files from outside that were downloaded, named by their content, and what addresses gave last. Everything in here can be
 * deleted: it costs a download.
 */
export class DownloadStore {
  /** Absolute folder of the files. */
  readonly folder: string;
  readonly #isReadOnly: boolean;

  /** `temporaryDir` is that of the project's cache; with `isReadOnly` nothing is written. */
  constructor(temporaryDir: string, isReadOnly: boolean) {
    this.folder = join(dirname(temporaryDir), "downloads");
    this.#isReadOnly = isReadOnly;
  }

  /** Where the file of that content is, whether or not it is there. */
  path(hash: string): string {
    return join(this.folder, hash);
  }

  /** True where the file is there and holds what its name says: read again where its time of change is not ours. */
  has(hash: string): boolean {
    const path = this.path(hash);
    const info = statIfExists(path);
    if (info === null) return false;
    if (info.mtime?.getTime() === FIXED.getTime()) return true;
    if (hashFile(path).hash !== hash) {
      if (!this.#isReadOnly) removeIfExists(path);
      return false;
    }
    if (!this.#isReadOnly) Deno.utimeSync(path, FIXED, FIXED);
    return true;
  }

  /** Marks a file as used, so that it is not collected. */
  touch(hash: string): void {
    if (!this.#isReadOnly) writeFileAtomic(this.#markPath(hash), "");
  }

  /** What an address gave last; null where that is not known, or the file is gone. */
  remembered(address: string): Remembered | null {
    const note = readNote(this.#notePath(address));
    return note !== null && this.has(note.sha256) ? note : null;
  }

  /** Takes a downloaded file in, by rename, and remembers where it came from. */
  keep(downloaded: string, address: string, note: Remembered): void {
    const path = this.path(note.sha256);
    Deno.mkdirSync(this.folder, { recursive: true });
    if (this.has(note.sha256)) removeIfExists(downloaded);
    else {
      if (Deno.build.os !== "windows") Deno.chmodSync(downloaded, 0o444);
      Deno.utimeSync(downloaded, FIXED, FIXED);
      Deno.renameSync(downloaded, path);
    }
    this.touch(note.sha256);
    writeFileAtomic(this.#notePath(address), compactJson(note));
  }

  /**
   * Absolute paths of what is not needed: files that no address gave last and nobody used for `graceMs`, those that
   * nobody used for `keepMs`, and what was noted of them.
   */
  unused(now: Date, { graceMs, keepMs }: { graceMs: number; keepMs: number }): string[] {
    if (statIfExists(this.folder) === null) return [];
    const names = [...Deno.readDirSync(this.folder)].map(({ name }) => name).sort();
    const notes = new Map(
      names.filter((name) => name.endsWith(".json"))
        .map((name) => [name, readNote(join(this.folder, name))?.sha256 ?? null]),
    );
    const named = new Set(notes.values());
    const isOlder = (path: string, ms: number) =>
      now.getTime() - (statIfExists(path)?.mtime?.getTime() ?? 0) > ms;
    const isUnused = (hash: string) =>
      isOlder(this.#markPath(hash), named.has(hash) ? Math.max(graceMs, keepMs) : graceMs);
    return names.filter((name) => {
      // A lock is let be: another command may be about to take it.
      if (name.endsWith(".lock")) return false;
      const hash = CONTENT_REGEXP.test(name)
        ? name
        : notes.get(name) ?? /^(\w+)\.used$/.exec(name)?.[1];
      return hash === undefined ? isOlder(join(this.folder, name), graceMs) : isUnused(hash);
    }).map((name) => join(this.folder, name));
  }

  /** Its time of change says when the file was last used. */
  #markPath(hash: string): string {
    return join(this.folder, `${hash}.used`);
  }

  /** Named by a hash: an address may hold what is secret. */
  #notePath(address: string): string {
    return join(this.folder, `${sha256(address)}.json`);
  }
}

function readNote(path: string): Remembered | null {
  const text = readTextIfExists(path);
  if (text === null) return null;
  try {
    return JSON.parse(text) as Remembered;
  } catch {
    return null; // a damaged note only costs a download
  }
}
