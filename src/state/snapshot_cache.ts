import { createHash } from "node:crypto";
import { join } from "node:path";
import {
  readBytesIfExists,
  removeIfExists,
  statIfExists,
  writeChunksAtomic,
} from "../base/atomic_write.ts";
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
const KEPT = 12;

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

  /** A folder, or null where it is not here or damaged. Documents that `known` has by the name of their blob are not read. */
  read(tree: string, known: (oid: string) => object | undefined): LoadedFolder | null {
    const bytes = readBytesIfExists(this.#path(tree));
    if (bytes === null) return null;
    const bodyEnd = bytes.length - SEAL_BYTES;
    const seal = decode(bytes.subarray(Math.max(0, bodyEnd)));
    if (bodyEnd < 0 || sealOf(tree, [bytes.subarray(0, bodyEnd)]) !== seal) return null;
    const documents = new Map<NodeId, object>();
    const blobs = new Map<NodeId, string>();
    let trees: readonly string[] | null = null;
    for (let start = 0; start < bodyEnd;) {
      const end = bytes.indexOf(NEWLINE, start);
      const line = bytes.subarray(start, end);
      start = end + 1;
      if (trees === null) {
        trees = JSON.parse(decode(line)) as string[];
        continue;
      }
      const oid = decode(line.subarray(0, OID_LENGTH));
      const document = known(oid) ?? JSON.parse(decode(line.subarray(OID_LENGTH))) as object;
      const { id } = document as { id: NodeId };
      documents.set(id, document);
      blobs.set(id, oid);
    }
    return { documents, blobs, trees: trees ?? [] };
  }

  write(tree: string, folder: LoadedFolder): void {
    if (this.#readOnly || statIfExists(this.#path(tree)) !== null) return;
    const seal = new TextEncoder().encode(sealOf(tree, bodyOf(folder)));
    writeChunksAtomic(this.#path(tree), function* () {
      yield* bodyOf(folder);
      yield seal;
    });
    this.#prune();
  }

  #path(tree: string): string {
    return join(this.#dir, `${tree}.jsonl`);
  }

  #prune(): void {
    const files = [...Deno.readDirSync(this.#dir)]
      .filter((entry) => /^[0-9a-f]{40}\.jsonl?$/.test(entry.name))
      .map(({ name }) => join(this.#dir, name));
    if (files.length <= KEPT) return;
    const aged = files.map((path) => ({ path, age: modifiedAt(path) }));
    aged.sort((a, b) => b.age - a.age);
    for (const { path } of aged.slice(KEPT)) removeIfExists(path);
  }
}

const NEWLINE = 10;
/** Hex digits of the name of a blob. */
const OID_LENGTH = 40;
/** Hex digits of a SHA-256. */
const SEAL_BYTES = 64;
/** Characters written at once. */
const CHUNK = 1 << 18;

const DECODER = new TextDecoder();

function decode(bytes: Uint8Array): string {
  return DECODER.decode(bytes);
}

/** The names of the trees, then a line for each document: the name of its blob and its JSON. */
function* bodyOf({ documents, blobs, trees }: LoadedFolder): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let text = `${JSON.stringify(trees)}\n`;
  for (const [id, document] of documents) {
    text += `${blobs.get(id)}${JSON.stringify(document)}\n`;
    if (text.length < CHUNK) continue;
    yield encoder.encode(text);
    text = "";
  }
  yield encoder.encode(text);
}

function sealOf(tree: string, body: Iterable<Uint8Array>): string {
  const hash = createHash("sha256").update(tree);
  for (const chunk of body) hash.update(chunk);
  return hash.digest("hex");
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
