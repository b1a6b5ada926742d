import { removeIfExists, statIfExists } from "../base/atomic_write.ts";
import { hashFile } from "../base/hash.ts";
import type { ContentHash } from "../model/ids.ts";

/**
 * Time of last change of every object. An object that shows another time was
 * touched after it was adopted and is hashed again before anyone reads it.
 */
const ADOPTED_AT = new Date("2000-01-01T00:00:00Z");

/** What an object is, as the end of its name: rows, or a file that a script made beside them. */
export type ObjectKind = "parquet" | "artifact";

/** Absolute path of an object. */
export function objectPath(
  objectsDir: string,
  hash: ContentHash,
  kind: ObjectKind = "parquet",
): string {
  // Not `join`: this is called for every node, and there is nothing to normalise.
  return `${objectsDir}/${hash}.${kind}`;
}

/**
 * Makes a finished temporary file an object named by its content: hashed,
 * made read-only, renamed. An equal object that is there already stays.
 */
export function adoptObject(
  temporary: string,
  objectsDir: string,
  kind: ObjectKind = "parquet",
): { contentHash: ContentHash; headHash: string; sizeBytes: number } {
  const { hash, headHash, sizeBytes } = hashFile(temporary);
  const contentHash = hash as ContentHash;
  const path = objectPath(objectsDir, contentHash, kind);
  if (isIntact(path, sizeBytes)) {
    freshen(path);
    removeIfExists(temporary);
  } else {
    if (Deno.build.os !== "windows") Deno.chmodSync(temporary, 0o444);
    Deno.utimeSync(temporary, ADOPTED_AT, ADOPTED_AT);
    Deno.renameSync(temporary, path);
  }
  return { contentHash, headHash, sizeBytes };
}

/** Makes an object young for `gc`, which goes by the time of its last status change. */
export function freshen(path: string): void {
  Deno.utimeSync(path, ADOPTED_AT, ADOPTED_AT);
}

/**
 * True when the object is there with exactly the bytes its name promises.
 * One that is not is removed: nothing may read it under that name.
 */
export function verifyObject(
  objectsDir: string,
  hash: ContentHash,
  sizeBytes: number,
  options: { readonly deep: boolean; readonly kind?: ObjectKind } = { deep: false },
): boolean {
  const path = objectPath(objectsDir, hash, options.kind);
  const info = statIfExists(path);
  if (info === null) return false;
  const looksIntact = info.size === sizeBytes && info.mtime?.getTime() === ADOPTED_AT.getTime();
  if (looksIntact && !options.deep) return true;
  if (hashFile(path).hash === hash) {
    Deno.utimeSync(path, ADOPTED_AT, ADOPTED_AT);
    return true;
  }
  removeIfExists(path);
  return false;
}

/** Like {@linkcode verifyObject} with `deep`, but removes nothing and believes nothing but the bytes. */
export function hasTrueBytes(
  objectsDir: string,
  hash: ContentHash,
  kind: ObjectKind = "parquet",
): boolean {
  const path = objectPath(objectsDir, hash, kind);
  return statIfExists(path) !== null && hashFile(path).hash === hash;
}

function isIntact(path: string, sizeBytes: number): boolean {
  const info = statIfExists(path);
  return info !== null && info.size === sizeBytes &&
    info.mtime?.getTime() === ADOPTED_AT.getTime();
}
