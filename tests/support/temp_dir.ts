import { join } from "node:path";

/** A folder that is removed when it goes out of scope. */
export class TempDir implements Disposable {
  /** Absolute, symbolic links resolved. */
  readonly path: string;

  constructor() {
    this.path = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "seeknal_test_" }));
  }

  /** An absolute path below the folder. */
  join(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  /** Writes a file, its folders included; returns its absolute path. */
  write(path: string, data: string | Uint8Array): string {
    const absolute = this.join(path);
    Deno.mkdirSync(join(absolute, ".."), { recursive: true });
    if (typeof data === "string") Deno.writeTextFileSync(absolute, data);
    else Deno.writeFileSync(absolute, data);
    return absolute;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
