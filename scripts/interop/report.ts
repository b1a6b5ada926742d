import { Unavailable } from "./programs.ts";

/** Runs checks one after the other, prints each, and counts. */
export class Report {
  passed = 0;
  failed = 0;
  skipped = 0;

  /** Runs one check; it fails by throwing. */
  async check(what: string, work: () => Promise<void>): Promise<void> {
    const start = performance.now();
    try {
      await work();
      this.passed++;
      print(`  ok       ${what} (${Math.round(performance.now() - start)} ms)`);
    } catch (error) {
      if (error instanceof Unavailable) return this.skip(what, error);
      this.failed++;
      print(`  FAILED   ${what}\n${indented(error)}`);
    }
  }

  /** Runs a group of checks with what they need; skips it where that cannot be had. */
  async group<T>(
    title: string,
    prepare: () => Promise<T>,
    work: (prepared: T) => Promise<void>,
  ): Promise<void> {
    print(title);
    try {
      await work(await prepare());
    } catch (error) {
      if (error instanceof Unavailable) return this.skip(title, error);
      this.failed++;
      print(`  FAILED   ${title}\n${indented(error)}`);
    }
  }

  /** Says what was not done and why. */
  skip(what: string, why: Unavailable): void {
    this.skipped++;
    print(`  skipped  ${what}: ${why.message}`);
  }

  /** The last line; true when nothing failed. */
  finish(): boolean {
    print(`${this.passed} passed, ${this.failed} failed, ${this.skipped} skipped`);
    return this.failed === 0;
  }
}

/** Throws when two values are not the same JSON. */
export function equal(found: unknown, expected: unknown, what = "value"): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what} is ${a}, not ${b}`);
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

function indented(error: unknown): string {
  const text = error instanceof Error ? error.stack ?? error.message : String(error);
  return text.split("\n").map((line) => `           ${line}`).join("\n");
}
