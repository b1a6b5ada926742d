import * as fs from "node:fs";
import git from "isomorphic-git";

/** Reads a packed (or loose) object; what pack indexes say is remembered in `cache`. */
export async function readPacked(
  gitdir: string,
  oid: string,
  cache: object,
): Promise<{ type: string; data: Uint8Array }> {
  const result = await git.readObject({ fs, gitdir, oid, format: "content", cache });
  return { type: result.type, data: result.object as Uint8Array };
}

/** Full name for the beginning of one; null when nothing or more than one thing begins like that. */
export async function expandOid(gitdir: string, prefix: string): Promise<string | null> {
  try {
    return await git.expandOid({ fs, gitdir, oid: prefix });
  } catch (error) {
    const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
    if (code === "NotFoundError" || code === "AmbiguousError") return null;
    throw error;
  }
}

/** Creates an empty bare repository whose HEAD is `prod`. */
export async function initBare(gitdir: string): Promise<void> {
  await git.init({ fs, gitdir, bare: true, defaultBranch: "prod" });
}
