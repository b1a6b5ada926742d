import { join } from "node:path";
import { readTextIfExists, writeFileDurably } from "../../base/atomic_write.ts";

/** Statements that are kept. */
const KEPT = 1_000;
/** Longer ones are not kept. */
const LONGEST = 20_000;

/** What was typed before, oldest first, in `target/repl_history`: a JSON string a line. */
export class History {
  readonly #path: string;
  readonly #entries: string[];

  /** `targetDir` is where the file is; it need not exist. */
  constructor(targetDir: string) {
    this.#path = join(targetDir, "repl_history");
    this.#entries = readEntries(this.#path);
  }

  get entries(): readonly string[] {
    return this.#entries;
  }

  /** Keeps a statement, also for the next session. Only its owner can read the file. */
  add(entry: string): void {
    if (entry.trim() === "" || entry.length > LONGEST || this.#entries.at(-1) === entry) return;
    // Another session may have added to it since.
    const known = [...readEntries(this.#path), entry].slice(-KEPT);
    this.#entries.push(entry);
    const text = known.map((line) => `${JSON.stringify(line)}\n`).join("");
    writeFileDurably(this.#path, new TextEncoder().encode(text), 0o600);
  }
}

function readEntries(path: string): string[] {
  return (readTextIfExists(path) ?? "").split("\n").flatMap((line) => {
    try {
      const entry: unknown = JSON.parse(line);
      return typeof entry === "string" ? [entry] : [];
    } catch {
      // A line that is no entry is lost, the others are not.
      return [];
    }
  });
}
