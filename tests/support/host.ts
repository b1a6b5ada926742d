import type { Host } from "../../src/model/host.ts";

/** What a test may say about its machine; the rest has fixed values. */
export interface TestHostOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: Host["user"];
  readonly signal?: AbortSignal;
  /** Milliseconds that the clock goes on with every look at it. */
  readonly stepMs?: number;
}

/** Where every test clock starts. */
export const TEST_START = Date.parse("2026-01-02T03:04:05Z");

/** A machine whose clock moves on by a fixed step with every look at it. */
export class TestHost implements Host {
  readonly user: Host["user"];
  readonly cwd: string;
  readonly signal: AbortSignal;
  readonly cpuCount = 2;
  readonly programDir = "/opt/seeknal";
  readonly memoryBytes = 4 * 2 ** 30;
  #env: Readonly<Record<string, string>>;
  readonly #stepMs: number;
  #now = TEST_START;

  constructor(options: TestHostOptions) {
    this.cwd = options.cwd;
    this.user = options.user ?? { name: "Ada", email: "ada@example.org" };
    this.signal = options.signal ?? new AbortController().signal;
    this.#env = options.env ?? {};
    this.#stepMs = options.stepMs ?? 1_000;
  }

  now(): Date {
    const date = new Date(this.#now);
    this.#now += this.#stepMs;
    return date;
  }

  env(name: string): string | undefined {
    return this.#env[name];
  }

  addVariables(variables: Readonly<Record<string, string>>): void {
    this.#env = { ...variables, ...this.#env };
  }

  /** Lets time pass. */
  advance(ms: number): void {
    this.#now += ms;
  }
}
