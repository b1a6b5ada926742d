import { join } from "node:path";
import { removeIfExists } from "../base/atomic_write.ts";
import { listDir } from "../cache/output_cache.ts";
import type { RunEvent } from "../model/run.ts";
import type { Workspace } from "./workspace.ts";

/** Logs kept; the oldest leave. */
const KEPT = 20;

/** The events of one run as a file of JSON lines in `target/logs/`, written as they come. */
export class RunLog implements Disposable {
  /** Absolute path; the file appears with the first event. */
  readonly path: string;
  readonly #dir: string;
  readonly #now: () => Date;
  #file: Deno.FsFile | null = null;

  constructor({ targetDir, host }: Workspace, name: string) {
    this.#dir = join(targetDir, "logs");
    this.#now = () => host.now();
    const stamp = host.now().toISOString().replace(/[:.]/g, "-");
    this.path = join(this.#dir, `${stamp}_${name}_${Deno.pid}.ndjson`);
  }

  add(event: RunEvent): void {
    this.#file ??= this.#open();
    const line = JSON.stringify({ time: this.#now().toISOString(), ...event });
    this.#file.writeSync(new TextEncoder().encode(`${line}\n`));
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = null;
  }

  /** Opens the log and removes the oldest ones. */
  #open(): Deno.FsFile {
    Deno.mkdirSync(this.#dir, { recursive: true });
    const logs = listDir(this.#dir).filter((name) => name.endsWith(".ndjson"));
    for (const name of logs.slice(0, Math.max(0, logs.length - KEPT + 1))) {
      removeIfExists(join(this.#dir, name));
    }
    return Deno.openSync(this.path, { append: true, create: true });
  }
}
