import * as fs from "node:fs";
import git from "isomorphic-git";

/** A commit as the repository holds it. */
export interface RawCommit {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly message: string;
}

/** Reads Git objects, loose or packed, through isomorphic-git. */
export class GitReader {
  readonly #gitDir: string;
  #cache: object = {};

  constructor(gitDir: string) {
    this.#gitDir = gitDir;
  }

  /** Throws an error with code `NotFoundError` when there is no such commit. */
  async commit(oid: string): Promise<RawCommit> {
    const { commit } = await this.#retrying(() =>
      git.readCommit({ fs, gitdir: this.#gitDir, oid, cache: this.#cache })
    );
    return {
      tree: commit.tree,
      parents: commit.parent,
      author: commit.author.name,
      timestamp: commit.author.timestamp,
      message: commit.message,
    };
  }

  /** Full name for the beginning of one; null when nothing or more than one thing begins like that. */
  async expand(prefix: string): Promise<string | null> {
    try {
      return await git.expandOid({ fs, gitdir: this.#gitDir, oid: prefix, cache: this.#cache });
    } catch (error) {
      if (isGitError(error, "NotFoundError") || isGitError(error, "AmbiguousError")) return null;
      throw error;
    }
  }

  /** Entries of a tree. */
  async tree(oid: string): Promise<{ path: string; oid: string; type: string }[]> {
    const { tree } = await this.#retrying(() =>
      git.readTree({ fs, gitdir: this.#gitDir, oid, cache: this.#cache })
    );
    return tree;
  }

  async blob(oid: string): Promise<Uint8Array> {
    const { blob } = await this.#retrying(() =>
      git.readBlob({ fs, gitdir: this.#gitDir, oid, cache: this.#cache })
    );
    return blob;
  }

  /** The raw content of any object. */
  async object(oid: string): Promise<{ type: string; data: Uint8Array }> {
    const result = await this.#retrying(() =>
      git.readObject({ fs, gitdir: this.#gitDir, oid, format: "content", cache: this.#cache })
    );
    return { type: result.type, data: result.object as Uint8Array };
  }

  /** A repack by another process moves objects: look once more without what was remembered. */
  async #retrying<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch {
      this.#cache = {};
      return await read();
    }
  }
}

/** True for an error of isomorphic-git with that code. */
export function isGitError(error: unknown, code: string): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === code;
}

/** Creates an empty bare repository whose HEAD is `prod`. */
export async function initBare(gitDir: string): Promise<void> {
  await git.init({ fs, gitdir: gitDir, bare: true, defaultBranch: "prod" });
}
