import { dirname, join } from "node:path";
import {
  readTextIfExists,
  removeIfExists,
  statIfExists,
  writeFileAtomic,
} from "../base/atomic_write.ts";
import { compactJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/hash.ts";

/** What is remembered of an address. */
export interface Remembered {
  /** Hex SHA-256 of the file that it gave. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** A strong validator of the very bytes; null where the server gave none. */
  readonly etag: string | null;
  /** As the server gave it; null unless it is old enough to stand for the very bytes. */
  readonly lastModified: string | null;
}

/**
 * Files from outside that were downloaded, named by their content, and what addresses gave last. Everything in here can be
 * deleted: it costs a download.
 */
export class DownloadStore {
  /** Absolute folder of the files. */
  readonly folder: string;
  readonly #isReadOnly: boolean;

  /** `temporaryDir` is that of the project's cache; with `isReadOnly` nothing is remembered. */
  constructor(temporaryDir: string, isReadOnly: boolean) {
    this.folder = join(dirname(temporaryDir), "downloads");
    this.#isReadOnly = isReadOnly;
  }

  /** Where the file of that content is, whether or not it is there. */
  path(hash: string): string {
    return join(this.folder, hash);
  }

  /** True where the file is there, as long as it was. */
  has(hash: string, sizeBytes: number | null): boolean {
    const info = statIfExists(this.path(hash));
    return info !== null && (sizeBytes === null || info.size === sizeBytes);
  }

  /** Marks a file as used, so that it is not collected. */
  touch(hash: string): void {
    if (this.#isReadOnly) return;
    const now = new Date(performance.timeOrigin + performance.now());
    Deno.utimeSync(this.path(hash), now, now);
  }

  /** What an address gave last; null where that is not known, or the file is gone. */
  remembered(address: string): Remembered | null {
    const text = readTextIfExists(this.#notePath(address));
    if (text === null) return null;
    try {
      const note = JSON.parse(text) as Remembered;
      return this.has(note.sha256, note.sizeBytes) ? note : null;
    } catch {
      return null; // a damaged note only costs a download
    }
  }

  /** Takes a downloaded file in, by rename, and remembers where it came from. */
  keep(downloaded: string, address: string, note: Remembered): void {
    const path = this.path(note.sha256);
    Deno.mkdirSync(this.folder, { recursive: true });
    if (this.has(note.sha256, note.sizeBytes)) removeIfExists(downloaded);
    else {
      Deno.chmodSync(downloaded, 0o444);
      Deno.renameSync(downloaded, path);
    }
    writeFileAtomic(this.#notePath(address), compactJson(note));
  }

  /** Named by a hash: an address may hold what is secret. */
  #notePath(address: string): string {
    return join(this.folder, `${sha256(address)}.json`);
  }
}
