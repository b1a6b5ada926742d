import { statIfExists } from "../base/atomic_write.ts";

/**
 * Files beside a SQLite file that are part of what it holds, as they are now: what was committed may still be in the
 * write-ahead log, and a journal holds what has to be taken back. https://www.sqlite.org/tempfiles.html
 */
export function filesBeside(file: string): string[] {
  return ["-wal", "-journal"].map((end) => `${file}${end}`)
    .filter((path) => (statIfExists(path)?.size ?? 0) > 0);
}
