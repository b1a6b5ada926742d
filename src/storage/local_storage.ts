import { dirname, isAbsolute } from "node:path";
import {
  readBytesIfExists,
  removeIfExists,
  statIfExists,
  temporaryName,
} from "../base/atomic_write.ts";
import { UserError } from "../base/user_error.ts";
import type { ObjectStorage, StoredObject } from "./object_storage.ts";
import { objectExists, objectMissing } from "./storage_errors.ts";

/**
 * Files on this machine's disk, by `file:///…`, `file:/…` (as Java writes it) or an absolute path.
 *
 * What follows the scheme is the path itself, nothing is percent-decoded: that is how Java, pyiceberg and
 * ClickHouse read locations, and partition folders may be named `city=a%2Fb`.
 */
export class LocalStorage implements ObjectStorage {
  async read(location: string): Promise<Uint8Array> {
    const bytes = readBytesIfExists(localPathOf(location));
    if (bytes === null) throw objectMissing(location);
    return bytes;
  }

  async write(
    location: string,
    data: Uint8Array,
    options: { readonly ifAbsent?: boolean } = {},
  ): Promise<void> {
    await place(location, options.ifAbsent ?? false, async (temporary) => {
      using file = await Deno.open(temporary, { write: true, createNew: true });
      await writeAll(file, data);
    });
  }

  async upload(localPath: string, location: string): Promise<void> {
    await place(location, false, (temporary) => copy(localPath, temporary));
  }

  async download(location: string, localPath: string): Promise<void> {
    const source = localPathOf(location);
    if (statIfExists(source) === null) throw objectMissing(location);
    await place(localPath, false, (temporary) => copy(source, temporary));
  }

  localPath(location: string): string {
    return localPathOf(location);
  }

  async stat(location: string): Promise<StoredObject | null> {
    const info = statIfExists(localPathOf(location));
    return info === null || !info.isFile ? null : storedObject(location, info);
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    const folder = prefix.replace(/\/+$/, "");
    for (const { name, isDirectory } of await entriesOf(localPathOf(folder))) {
      const location = `${folder}/${name}`;
      if (isDirectory) {
        yield* this.list(location);
        continue;
      }
      const info = statIfExists(localPathOf(location));
      if (info?.isFile) yield storedObject(location, info);
    }
  }

  async remove(locations: readonly string[]): Promise<void> {
    for (const location of locations) removeIfExists(localPathOf(location));
  }
}

/** True for a location on this machine's disk. */
export function isLocalLocation(location: string): boolean {
  return location.startsWith("file:") || isAbsolute(location);
}

/** The path that a location names. Throws a `UserError` `location_unsupported` (2). */
export function localPathOf(location: string): string {
  const match = /^file:(?:\/\/(?:localhost)?(\/.*)|(\/(?!\/).*))$/.exec(location);
  const path = match === null ? location : match[1] ?? match[2]!;
  // `file:///C:/…` names a drive.
  const native = /^\/[A-Za-z]:\//.test(path) && Deno.build.os === "windows" ? path.slice(1) : path;
  if (isAbsolute(native)) return native;
  throw new UserError(`${location} does not name a file on this machine`, {
    code: "location_unsupported",
    kind: "usage",
    hint: "write it as file:///folder/file",
  });
}

/** Lets `write` fill a temporary file and gives it its name in one step. */
async function place(
  location: string,
  ifAbsent: boolean,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  const path = localPathOf(location);
  const temporary = temporaryName(path);
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    await write(temporary);
    if (ifAbsent) await linkExclusively(temporary, path, location);
    else await Deno.rename(temporary, path);
  } finally {
    removeIfExists(temporary);
  }
}

/** Renaming replaces what is there; linking, or creating where there are no links, never does. */
async function linkExclusively(temporary: string, path: string, location: string): Promise<void> {
  try {
    await Deno.link(temporary, path).catch(async (error) => {
      if (error instanceof Deno.errors.AlreadyExists) throw error;
      using file = await Deno.open(path, { write: true, createNew: true });
      const data = await Deno.readFile(temporary);
      await writeAll(file, data);
    });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw objectExists(location);
    throw error;
  }
}

async function writeAll(file: Deno.FsFile, data: Uint8Array): Promise<void> {
  for (let done = 0; done < data.length;) done += await file.write(data.subarray(done));
  await file.syncData();
}

async function copy(from: string, to: string): Promise<void> {
  await Deno.copyFile(from, to);
  // The copy of a read-only file is one too, and could not be opened to be synced.
  if (Deno.build.os !== "windows") await Deno.chmod(to, 0o644);
  using file = await Deno.open(to, { write: true });
  await file.syncData();
}

async function entriesOf(folder: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw error;
  }
}

function storedObject(location: string, info: Deno.FileInfo): StoredObject {
  return { location, sizeBytes: info.size, modified: info.mtime ?? new Date(0) };
}

/** A location for a folder of this machine: `file:///…`. */
export function fileLocation(path: string): string {
  return Deno.build.os === "windows" ? `file:///${path.replaceAll("\\", "/")}` : `file://${path}`;
}
