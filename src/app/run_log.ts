import { join } from "node:path";
import { removeIfExists } from "../base/atomic_write.ts";
import { listDir } from "../cache/output_cache.ts";
import type { RunEvent } from "../model/run.ts";
import type { Workspace } from "./workspace.ts";

/** Logs kept; the oldest leave. */
const KEPT = 20;

/** The events of one run as a file of JSON lines in `target/logs/`. */
export class RunLog {
  /** Absolute path; the file appears with the first event. */
  readonly path: string;
  readonly #dir: string;
  readonly #lines: string[] = [];
  readonly #now: () => Date;

  constructor({ targetDir, host }: Workspace, name: string) {
    this.#dir = join(targetDir, "logs");
    this.#now = () => host.now();
    const stamp = host.now().toISOString().replace(/[:.]/g, "-");
    this.path = join(this.#dir, `${stamp}_${name}_${Deno.pid}.ndjson`);
  }

  add(event: RunEvent): void {
    this.#lines.push(JSON.stringify({ time: this.#now().toISOString(), ...event }));
  }

  /** Writes the log and removes the oldest ones. */
  save(): void {
    if (this.#lines.length === 0) return;
    Deno.mkdirSync(this.#dir, { recursive: true });
    Deno.writeTextFileSync(this.path, this.#lines.join("\n") + "\n");
    const logs = listDir(this.#dir).filter((name) => name.endsWith(".ndjson"));
    for (const name of logs.slice(0, Math.max(0, logs.length - KEPT))) {
      removeIfExists(join(this.#dir, name));
    }
  }
}
