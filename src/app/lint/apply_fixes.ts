import { join } from "node:path";
import { writeFileAtomic } from "../../base/atomic_write.ts";
import { offsetAt } from "../../sql/rewritten_text.ts";
import type { FixableFinding } from "./finding.ts";

/** A file as it is and as it is to be. */
export interface FileEdit {
  /** Project-relative. */
  readonly file: string;
  readonly before: string;
  readonly after: string;
  /** What is done away with. */
  readonly findings: readonly FixableFinding[];
}

/** The files that fixes change. A fix whose place in the file is not exactly what it says is left out. */
export function planEdits(root: string, findings: readonly FixableFinding[]): FileEdit[] {
  const byFile = new Map<string, FixableFinding[]>();
  for (const finding of findings) {
    if (finding.fix === null) continue;
    const list = byFile.get(finding.file);
    if (list === undefined) byFile.set(finding.file, [finding]);
    else list.push(finding);
  }
  return [...byFile].flatMap(([file, all]) => {
    const before = Deno.readTextFileSync(join(root, file));
    const done: FixableFinding[] = [];
    let after = before;
    // From the end on, so that the places before stay where they are.
    for (const finding of all.toReversed()) {
      const { start, end, text } = finding.fix!;
      const written = finding.sql!.raw.slice(start, end);
      const at = offsetAt(before, finding.line, finding.column);
      if (before.slice(at, at + written.length) !== written) continue;
      after = after.slice(0, at) + text + after.slice(at + written.length);
      done.push(finding);
    }
    return done.length === 0 ? [] : [{ file, before, after, findings: done.toReversed() }];
  });
}

/** Writes the files; what is returned puts them back. */
export function writeEdits(root: string, edits: readonly FileEdit[]): () => void {
  for (const { file, after } of edits) writeFileAtomic(join(root, file), after);
  return () => {
    for (const { file, before } of edits) writeFileAtomic(join(root, file), before);
  };
}
