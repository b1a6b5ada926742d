import { basename, dirname, join } from "node:path";

let counter = 0;

/**
 * A name beside `path` that no other process or call uses. It begins as Git's own
 * temporary objects do, so that `git fsck` and `git gc` know what a killed process left.
 */
export function temporaryName(path: string): string {
  return join(dirname(path), `tmp_obj_${basename(path).slice(0, 64)}.${Deno.pid}.${counter++}`);
}

/**
 * Replaces a file as a whole: readers see the old content or the new, never a
 * part, also when the process is killed. Creates the folder if need be.
 */
export function writeFileAtomic(path: string, data: string | Uint8Array): void {
  replaceFile(path, (temporary) => {
    if (typeof data === "string") Deno.writeTextFileSync(temporary, data);
    else Deno.writeFileSync(temporary, data);
  });
}

/** Like {@linkcode writeFileAtomic}, for what is too long to be held as a whole. */
export function writeChunksAtomic(path: string, chunks: () => Iterable<Uint8Array>): void {
  replaceFile(path, (temporary) => {
    using file = Deno.openSync(temporary, { write: true, create: true, truncate: true });
    for (const chunk of chunks()) {
      for (let done = 0; done < chunk.length;) done += file.writeSync(chunk.subarray(done));
    }
  });
}

/** The bytes of a file, or null when there is none. */
export function readBytesIfExists(path: string): Uint8Array | null {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Like {@linkcode writeFileAtomic}, and the bytes are on the disk before the name is: also a loss of power leaves all or nothing. */
export function writeFileDurably(path: string, data: Uint8Array, mode = 0o644): void {
  replaceFile(path, (temporary) => {
    using file = Deno.openSync(temporary, { write: true, create: true, mode });
    for (let done = 0; done < data.length;) done += file.writeSync(data.subarray(done));
    file.syncDataSync();
  });
}

/** Puts a hard link to `existing` at `path`, atomically replacing what was there; copies where links are not possible. */
export function linkAtomic(existing: string, path: string): void {
  if (linkIfFree(existing, path)) return;
  let lastTemporary = "";
  replaceFile(path, (temporary) => {
    lastTemporary = temporary;
    try {
      Deno.linkSync(existing, temporary);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) throw error;
      Deno.copyFileSync(existing, temporary);
    }
  });
  // Renaming a link onto another one of the same file does nothing, and leaves both (POSIX rename).
  removeIfExists(lastTemporary);
}

/** Making a link is one step already where the name is free. */
function linkIfFree(existing: string, path: string): boolean {
  try {
    Deno.linkSync(existing, path);
    return true;
  } catch {
    return false; // taken, no such folder, or no links here: the long way says which
  }
}

/** Puts a copy of `existing` at `path`, atomically replacing what was there. */
export function copyAtomic(existing: string, path: string): void {
  replaceFile(path, (temporary) => Deno.copyFileSync(existing, temporary));
}

function replaceFile(path: string, write: (temporary: string) => void): void {
  const temporary = temporaryName(path);
  try {
    writeInto(temporary, write);
    Deno.renameSync(temporary, path);
  } catch (error) {
    removeIfExists(temporary);
    throw error;
  }
}

function writeInto(temporary: string, write: (temporary: string) => void): void {
  try {
    write(temporary);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    Deno.mkdirSync(dirname(temporary), { recursive: true });
    write(temporary);
  }
}

/** Removes a file; a file that is not there is fine. */
export function removeIfExists(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The text of a file, or null when there is none. */
export function readTextIfExists(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** What stands at a path, or null. */
export function statIfExists(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return null;
    }
    throw error;
  }
}
