import { dirname, join } from "node:path";
import { readTextIfExists, removeIfExists } from "../base/atomic_write.ts";
import { compactJson } from "../base/canonical_json.ts";
import type { ContentHash, Fingerprint } from "../model/ids.ts";
import type { Artifact, CachedOutput } from "../model/run.ts";
import { freshen, type ObjectKind, objectPath, verifyObject } from "./object_store.ts";

/**
 * Node outputs that exist, found by content or by fingerprint. Everything in
 * here can be deleted: it costs time, never truth.
 */
export class OutputCache {
  /** Absolute folder of the immutable outputs. */
  readonly objectsDir: string;
  /** Absolute folder of files in the making. */
  readonly temporaryDir: string;
  /** Absolute folder of locks that are held while something outside is written. */
  readonly locksDir: string;
  readonly #indexDir: string;
  readonly #verified = new Map<string, boolean>();

  constructor(targetDir: string) {
    this.objectsDir = join(targetDir, "cache", "objects");
    this.temporaryDir = join(targetDir, "cache", "tmp");
    this.locksDir = join(targetDir, "cache", "locks");
    this.#indexDir = join(targetDir, "cache", "index");
  }

  /** Creates the folders; called before the first write only. */
  prepare(): void {
    Deno.mkdirSync(this.objectsDir, { recursive: true });
    Deno.mkdirSync(this.temporaryDir, { recursive: true });
  }

  objectPath(hash: ContentHash): string {
    return objectPath(this.objectsDir, hash);
  }

  /** Absolute path of a file that a script made beside its rows. */
  artifactPath(hash: ContentHash): string {
    return objectPath(this.objectsDir, hash, "artifact");
  }

  /** Like {@linkcode has}, for an artifact. */
  hasArtifact({ contentHash, sizeBytes }: Artifact): boolean {
    return this.#isIntact(contentHash, sizeBytes, "artifact");
  }

  /** True when the output is there and intact. Looked at once per process. */
  has(hash: ContentHash, sizeBytes: number): boolean {
    return this.#isIntact(hash, sizeBytes, "parquet");
  }

  #isIntact(hash: ContentHash, sizeBytes: number, kind: ObjectKind): boolean {
    const key = `${hash}.${kind}`;
    const known = this.#verified.get(key);
    if (known !== undefined) return known;
    const intact = verifyObject(this.objectsDir, hash, sizeBytes, { deep: false, kind });
    this.#verified.set(key, intact);
    return intact;
  }

  /** The intact output that a node of this fingerprint made, in whatever environment; null when there is none. */
  find(fingerprint: Fingerprint): CachedOutput | null {
    const text = readTextIfExists(this.#indexPath(fingerprint));
    if (text === null) return null;
    const output = parseEntry(text, fingerprint);
    if (output === null || !this.has(output.contentHash, output.sizeBytes)) return null;
    const { artifact } = output;
    if (artifact !== undefined && !this.hasArtifact(artifact)) return null;
    // No ref may name it yet: keep `gc` away until a commit does.
    freshen(this.objectPath(output.contentHash));
    if (artifact !== undefined) freshen(this.artifactPath(artifact.contentHash));
    return output;
  }

  /** Remembers an adopted output. */
  record(output: CachedOutput): void {
    this.#verified.set(`${output.contentHash}.parquet`, true);
    if (output.artifact !== undefined) {
      this.#verified.set(`${output.artifact.contentHash}.artifact`, true);
    }
    // In one write and no rename: an entry that is cut short cannot be read, and counts as none.
    writeText(this.#indexPath(output.fingerprint), compactJson(output));
  }

  /** Every fingerprint that is remembered, with its entry; entries that cannot be read are removed. */
  *entries(): Generator<CachedOutput> {
    for (const folder of listDir(this.#indexDir)) {
      for (const file of listDir(join(this.#indexDir, folder))) {
        if (!/^[0-9a-f]{64}\.json$/.test(file)) continue;
        const fingerprint = file.replace(/\.json$/, "") as Fingerprint;
        const path = join(this.#indexDir, folder, file);
        const output = parseEntry(readTextIfExists(path) ?? "", fingerprint);
        if (output === null) removeIfExists(path);
        else yield output;
      }
    }
  }

  /** Forgets a fingerprint. */
  forget(fingerprint: Fingerprint): void {
    removeIfExists(this.#indexPath(fingerprint));
  }

  /** Content hashes of all artifacts. */
  artifacts(): ContentHash[] {
    return listDir(this.objectsDir)
      .filter((name) => /^[0-9a-f]{64}\.artifact$/.test(name))
      .map((name) => name.slice(0, 64) as ContentHash);
  }

  /** Content hashes of all outputs. */
  objects(): ContentHash[] {
    return listDir(this.objectsDir)
      .filter((name) => /^[0-9a-f]{64}\.parquet$/.test(name))
      .map((name) => name.slice(0, 64) as ContentHash);
  }

  #indexPath(fingerprint: Fingerprint): string {
    return join(this.#indexDir, fingerprint.slice(0, 2), `${fingerprint}.json`);
  }
}

function writeText(path: string, text: string): void {
  try {
    Deno.writeTextFileSync(path, text);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeTextFileSync(path, text);
  }
}

function parseEntry(text: string, fingerprint: Fingerprint): CachedOutput | null {
  try {
    const entry = JSON.parse(text) as CachedOutput;
    return entry.fingerprint === fingerprint ? entry : null;
  } catch {
    // A torn entry is as good as none: the node is built again.
    return null;
  }
}

/** Names in a folder, sorted; none when there is no such folder. */
export function listDir(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map((entry) => entry.name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw error;
  }
}
