import type { Keyboard, Terminal } from "../../src/cli/terminal.ts";

/** A piece of what is typed; a function is asked when its turn comes, and may wait. */
export type TypedKeys = string | ((terminal: TestTerminal) => Promise<string>);

/** A terminal that keeps what is written; without `answer` nobody is there to ask. */
export class TestTerminal implements Terminal {
  readonly canAsk: boolean;
  readonly isScreen = false;
  readonly colorOut = false;
  readonly colorErr = false;
  readonly width = 100;
  readonly outWidth: number | null;
  stdout = "";
  stderr = "";
  readonly #answer: boolean;
  readonly #input: string;
  readonly #choices: number[];
  readonly #keys: readonly TypedKeys[] | null;

  constructor(
    options: {
      readonly answer?: boolean;
      readonly input?: string;
      readonly choices?: readonly number[];
      /** What is typed, piece by piece; absent: there is no keyboard. */
      readonly keys?: readonly TypedKeys[];
      readonly outWidth?: number;
    } = {},
  ) {
    this.outWidth = options.outWidth ?? null;
    this.#keys = options.keys ?? null;
    this.canAsk = options.answer !== undefined || options.choices !== undefined;
    this.#answer = options.answer ?? false;
    this.#input = options.input ?? "";
    this.#choices = [...(options.choices ?? [])];
  }

  out(text: string): void {
    this.stdout += text;
  }

  err(text: string): void {
    this.stderr += text;
  }

  confirm(question: string): boolean {
    this.stderr += `${question} [y/N] `;
    return this.#answer;
  }

  choose(question: string, options: readonly string[]): number | null {
    this.stderr += `${question}\n  ${options.join(" | ")}: `;
    return this.#choices.shift() ?? null;
  }

  readInput(): Promise<string> {
    return Promise.resolve(this.#input);
  }

  takeKeyboard(): Keyboard | null {
    if (this.#keys === null) return null;
    const left = [...this.#keys];
    return {
      read: async () => {
        const next = left.shift() ?? null;
        return typeof next === "function" ? await next(this) : next;
      },
      [Symbol.dispose]: () => {},
    };
  }
}
