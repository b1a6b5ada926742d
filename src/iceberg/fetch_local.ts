import { join } from "node:path";
import { statIfExists } from "../base/atomic_write.ts";
import { sha256 } from "../base/hash.ts";
import type { ObjectStorage } from "../storage/object_storage.ts";

/**
 * Absolute path of a data file on this disk; what lies in a store is downloaded to `cacheDir` once.
 * Data files never change, so what is there already is the very file.
 */
export async function fetchLocal(
  storage: ObjectStorage,
  location: string,
  cacheDir: string,
): Promise<string> {
  const there = storage.localPath(location);
  if (there !== null && !PATTERN_REGEXP.test(there)) return there;
  const path = join(cacheDir, `${sha256(location)}.parquet`);
  if (statIfExists(path) !== null) return path;
  await Deno.mkdir(cacheDir, { recursive: true });
  await storage.download(location, path);
  return path;
}

/** Folder of this process's downloads; whoever opened `temporaryDir` removes it at the end. */
export function downloadsDir(temporaryDir: string): string {
  return join(temporaryDir, `download-${Deno.pid}-iceberg`);
}

/** Characters that DuckDB takes for a pattern in a path; another writer may have put them into a folder's name. */
const PATTERN_REGEXP = /[*?[\]{}]/;
