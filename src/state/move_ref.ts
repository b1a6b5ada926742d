import { join } from "node:path";
import {
  readTextIfExists,
  removeIfExists,
  statIfExists,
  temporaryName,
  writeFileAtomic,
} from "../base/atomic_write.ts";
import { UserError } from "../base/user_error.ts";
import type { CommitId } from "../model/ids.ts";

/** A ref's way from an old value to a new one; null is "does not exist". */
export interface RefMove {
  /** Full name, `refs/heads/dev`. */
  readonly ref: string;
  readonly from: CommitId | null;
  readonly to: CommitId | null;
}

/** Who moves refs, when and why: one line in each ref's log. */
export interface RefMoveNote {
  /** `Name <email>`. */
  readonly who: string;
  /** Seconds since 1970. */
  readonly when: number;
  readonly why: string;
}

/** A ref that is not where the mover thought. */
export interface RefConflict {
  readonly ref: string;
  readonly expected: CommitId | null;
  readonly found: CommitId | null;
}

const NO_COMMIT = "0".repeat(40);

/**
 * Moves refs from expected old values to new ones. Compares all of them first and
 * moves none when one is elsewhere. The caller holds the repository lock; this is
 * the only function that writes a ref.
 *
 * Each move is one rename. With several, the first is the one that counts: a
 * process killed between two must leave a state that the caller can go on from.
 */
export function moveRefs(
  gitDir: string,
  moves: readonly RefMove[],
  note: RefMoveNote,
): RefConflict | null {
  for (const { ref, from } of moves) {
    const found = readRef(gitDir, ref);
    if (found !== from) return { ref, expected: from, found };
  }
  for (const move of moves) {
    if (move.to === null) deleteRef(gitDir, move.ref);
    else setRef(gitDir, move.ref, move.to);
    appendLog(gitDir, move, note);
  }
  return null;
}

/** Where a ref points; null when it does not exist. */
export function readRef(gitDir: string, ref: string): CommitId | null {
  const loose = readTextIfExists(join(gitDir, ref))?.trim();
  if (loose === undefined) return packedRefs(gitDir).get(ref) ?? null;
  if (/^[0-9a-f]{40}$/.test(loose)) return loose as CommitId;
  throw damagedRef(gitDir, ref);
}

/** A file that should hold a commit and does not must not pass for an environment that never was. */
function damagedRef(gitDir: string, ref: string): UserError {
  const last = readRefLog(gitDir, ref)[0]?.oid;
  return new UserError(`Cannot read ref "${ref}" of the state repository: its file is damaged`, {
    code: "damaged_ref",
    kind: "execution",
    hint: last === undefined
      ? `look for its commit, then: git -C ${gitDir} update-ref ${ref} COMMIT`
      : `its log says where it was:\n    git -C ${gitDir} update-ref ${ref} ${last}`,
  });
}

/** All refs below a prefix such as `refs/heads/`, by full name, sorted. */
export function listRefs(gitDir: string, prefix: string): string[] {
  const names = new Set([...packedRefs(gitDir).keys()].filter((ref) => ref.startsWith(prefix)));
  const visit = (folder: string) => {
    const path = join(gitDir, folder);
    if (statIfExists(path)?.isDirectory !== true) return;
    for (const entry of Deno.readDirSync(path)) {
      if (/^\.|^tmp_obj_|\.lock$/.test(entry.name)) continue;
      if (entry.isDirectory) visit(`${folder}${entry.name}/`);
      else names.add(`${folder}${entry.name}`);
    }
  };
  visit(prefix);
  return [...names].sort();
}

/** Earlier values of a ref, newest first, as `ref@{n}` counts them; empty without a log. */
export function readRefLog(gitDir: string, ref: string): { oid: CommitId; when: number }[] {
  const text = readTextIfExists(join(gitDir, "logs", ref)) ?? "";
  return text.split("\n").flatMap((line) => {
    const match = /^[0-9a-f]{40} ([0-9a-f]{40}) .*> (\d+) [+-]\d{4}/.exec(line);
    return match === null ? [] : [{ oid: match[1] as CommitId, when: Number(match[2]) }];
  }).reverse();
}

function packedRefs(gitDir: string): Map<string, CommitId> {
  const text = readTextIfExists(join(gitDir, "packed-refs")) ?? "";
  return new Map([...text.matchAll(/^([0-9a-f]{40}) (refs\/\S+)$/gm)].map((match) => [
    match[2]!,
    match[1] as CommitId,
  ]));
}

function setRef(gitDir: string, ref: string, to: CommitId): void {
  const path = join(gitDir, ref);
  // Outside refs/, so that no Git takes an unfinished file for a ref.
  const temporary = temporaryName(join(gitDir, "seeknal", "ref"));
  {
    using file = Deno.openSync(temporary, { write: true, create: true });
    file.writeSync(new TextEncoder().encode(`${to}\n`));
    file.syncDataSync();
  }
  Deno.mkdirSync(join(path, ".."), { recursive: true });
  Deno.renameSync(temporary, path);
}

function deleteRef(gitDir: string, ref: string): void {
  const packed = readTextIfExists(join(gitDir, "packed-refs"));
  if (packed !== null && packedRefs(gitDir).has(ref)) {
    const kept = packed.split("\n").filter((line) => !line.endsWith(` ${ref}`));
    writeFileAtomic(join(gitDir, "packed-refs"), kept.join("\n"));
  }
  removeIfExists(join(gitDir, ref));
}

function appendLog(gitDir: string, { ref, from, to }: RefMove, note: RefMoveNote): void {
  const path = join(gitDir, "logs", ref);
  if (to === null) {
    removeIfExists(path);
    return;
  }
  Deno.mkdirSync(join(path, ".."), { recursive: true });
  const line = `${from ?? NO_COMMIT} ${to} ${note.who} ${note.when} +0000\t${note.why}\n`;
  Deno.writeTextFileSync(path, line, { append: true });
}
