import { join } from "node:path";
import { inflateSync } from "node:zlib";
import type { CommitId } from "../model/ids.ts";
import { PackReader } from "./pack_reader.ts";

/** A commit as the repository holds it. */
export interface RawCommit {
  readonly tree: string;
  readonly parents: readonly CommitId[];
  readonly author: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly message: string;
}

/** An entry of a tree as the repository holds it. */
export interface RawTreeEntry {
  readonly path: string;
  readonly oid: string;
  readonly type: "blob" | "tree";
}

/**
 * Reads Git objects. Loose ones and those that a pack holds as a whole directly; deltas,
 * which only other programs write, through isomorphic-git, which is loaded for the first of them.
 */
export class GitReader {
  readonly #gitDir: string;
  readonly #packs: PackReader;
  #cache: object = {};

  constructor(gitDir: string) {
    this.#gitDir = gitDir;
    this.#packs = new PackReader(gitDir);
  }

  /** The raw content of any object. Throws when there is no such object. */
  async object(oid: string): Promise<{ type: string; data: Uint8Array }> {
    const loose = readLoose(this.#gitDir, oid);
    if (loose !== null) return loose;
    const packed = this.#readWhole(oid);
    if (packed !== null) return packed;
    const { readPacked } = await import("./isomorphic.ts");
    try {
      return await readPacked(this.#gitDir, oid, this.#cache);
    } catch {
      // A repack by another process moves objects: look once more without what was remembered.
      this.#cache = {};
      this.#packs.reset();
      return readLoose(this.#gitDir, oid) ?? await readPacked(this.#gitDir, oid, this.#cache);
    }
  }

  #readWhole(oid: string): { type: string; data: Uint8Array } | null {
    try {
      return this.#packs.read(oid);
    } catch {
      // A pack that went away or is damaged: the long way says which.
      this.#packs.reset();
      return null;
    }
  }

  async commit(oid: string): Promise<RawCommit> {
    return parseCommit(new TextDecoder().decode(await this.#typed(oid, "commit")));
  }

  async tree(oid: string): Promise<RawTreeEntry[]> {
    return parseTree(await this.#typed(oid, "tree"));
  }

  blob(oid: string): Promise<Uint8Array> {
    return this.#typed(oid, "blob");
  }

  /** Full name for the beginning of one; null when nothing or more than one thing begins like that. */
  async expand(prefix: string): Promise<string | null> {
    const { expandOid } = await import("./isomorphic.ts");
    return await expandOid(this.#gitDir, prefix);
  }

  async #typed(oid: string, type: string): Promise<Uint8Array> {
    const object = await this.object(oid);
    if (object.type !== type) throw new Error(`Object ${oid} is a ${object.type}, not a ${type}`);
    return object.data;
  }
}

function readLoose(gitDir: string, oid: string): { type: string; data: Uint8Array } | null {
  let bytes: Uint8Array;
  try {
    bytes = inflateSync(Deno.readFileSync(join(gitDir, "objects", oid.slice(0, 2), oid.slice(2))));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const end = bytes.indexOf(0);
  const [type] = new TextDecoder().decode(bytes.subarray(0, end)).split(" ");
  return { type: type!, data: bytes.subarray(end + 1) };
}

/** Reads the text of a commit object (headers, an empty line, the message). */
function parseCommit(text: string): RawCommit {
  const end = text.indexOf("\n\n");
  const headers = text.slice(0, end).split("\n");
  const values = (name: string) =>
    headers.filter((line) => line.startsWith(`${name} `)).map((line) =>
      line.slice(name.length + 1)
    );
  const author = /^(.*) <.*> (\d+) [+-]\d{4}$/.exec(values("author")[0] ?? "");
  return {
    tree: values("tree")[0]!,
    parents: values("parent") as CommitId[],
    author: author?.[1] ?? "unknown",
    timestamp: Number(author?.[2] ?? 0),
    message: text.slice(end + 2),
  };
}

/** Reads the entries of a tree object: `mode name`, a zero byte, twenty bytes of name. */
function parseTree(data: Uint8Array): RawTreeEntry[] {
  const entries: RawTreeEntry[] = [];
  const decoder = new TextDecoder();
  for (let at = 0; at < data.length;) {
    const end = data.indexOf(0, at);
    const head = decoder.decode(data.subarray(at, end));
    const space = head.indexOf(" ");
    entries.push({
      path: head.slice(space + 1),
      oid: data.subarray(end + 1, end + 21).toHex(),
      type: head.slice(0, space).endsWith("40000") ? "tree" : "blob",
    });
    at = end + 21;
  }
  return entries;
}
