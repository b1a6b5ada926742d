import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { statIfExists, writeFileDurably } from "../base/atomic_write.ts";
import { type GitObject, gitOid, type ObjectType } from "./git_object.ts";
import { writePack } from "./pack_writer.ts";

/** More objects than this go into one pack instead of a file each. */
const LOOSE_LIMIT = 32;

/**
 * Collects Git objects and stores them at once. Every file is written under a
 * temporary name and renamed, so that a killed process leaves no half object
 * (isomorphic-git writes objects in place, hence this class).
 */
export class ObjectBatch {
  readonly #objects = new Map<string, GitObject>();
  readonly #loose = new Set<string>();

  /**
   * Adds an object and returns its name. `loose` keeps it out of a pack: what every
   * command reads first must not need a pack's index.
   */
  add(
    type: ObjectType,
    data: Uint8Array,
    options: { readonly loose: boolean } = { loose: false },
  ): string {
    const oid = gitOid(type, data);
    this.#objects.set(oid, { oid, type, data });
    if (options.loose) this.#loose.add(oid);
    return oid;
  }

  /** Stores what `isStored` does not know yet, children before parents. */
  flush(gitDir: string, isStored: (oid: string) => boolean): void {
    const missing = [...this.#objects.values()].filter(({ oid }) => !isStored(oid));
    const packed = missing.length > LOOSE_LIMIT
      ? missing.filter(({ oid }) => !this.#loose.has(oid))
      : [];
    if (packed.length > 0) writePack(gitDir, packed);
    const isPacked = new Set(packed);
    for (const object of missing) if (!isPacked.has(object)) writeLoose(gitDir, object);
    this.#objects.clear();
    this.#loose.clear();
  }
}

function writeLoose(gitDir: string, { oid, type, data }: GitObject): void {
  const path = join(gitDir, "objects", oid.slice(0, 2), oid.slice(2));
  if (statIfExists(path) !== null) return;
  const header = new TextEncoder().encode(`${type} ${data.length}\0`);
  const whole = new Uint8Array(header.length + data.length);
  whole.set(header);
  whole.set(data, header.length);
  writeFileDurably(path, deflateSync(whole), 0o444);
}
