import type { Keyboard, Terminal } from "./terminal.ts";

/**
 * The process's own terminal. `NO_COLOR` and `--no-color` turn colour off,
 * `FORCE_COLOR` and `CLICOLOR_FORCE` turn it on where there is no terminal.
 */
export function realTerminal(args: readonly string[]): Terminal {
  const encoder = new TextEncoder();
  const write = (stream: { writeSync(data: Uint8Array): number }, text: string) => {
    const bytes = encoder.encode(text);
    for (let done = 0; done < bytes.length;) done += stream.writeSync(bytes.subarray(done));
  };
  const isOn = (name: string) => ![undefined, "", "0"].includes(Deno.env.get(name));
  const isOff = isOn("NO_COLOR") || args.includes("--no-color");
  const isForced = isOn("FORCE_COLOR") || isOn("CLICOLOR_FORCE");
  const color = (isTerminal: boolean) => !isOff && (isTerminal || isForced);
  const stderrIsTerminal = Deno.stderr.isTerminal();
  const stdoutIsTerminal = Deno.stdout.isTerminal();
  return {
    out: (text) => writeUnlessClosed(() => write(Deno.stdout, text)),
    err: (text) => writeUnlessClosed(() => write(Deno.stderr, text)),
    canAsk: Deno.stdin.isTerminal() && stderrIsTerminal,
    isScreen: stderrIsTerminal && Deno.env.get("TERM") !== "dumb" &&
      Deno.env.get("CI") === undefined,
    colorOut: color(stdoutIsTerminal),
    colorErr: color(stderrIsTerminal),
    get width() {
      return stderrIsTerminal ? Deno.consoleSize().columns : 100;
    },
    get outWidth() {
      return stdoutIsTerminal ? Deno.consoleSize().columns : null;
    },
    confirm: (question) => {
      write(Deno.stderr, `${question} [y/N] `);
      return /^y(es)?$/i.test((readLine() ?? "").trim());
    },
    choose: (question, options) => {
      const list = options.map((option, i) => `[${i + 1}] ${option}`).join("  ");
      for (;;) {
        write(Deno.stderr, `${question}\n  ${list}: `);
        const line = readLine();
        if (line === null) return null;
        const chosen = Number(line.trim()) - 1;
        if (options[chosen] !== undefined) return chosen;
      }
    },
    readInput: async () => await new Response(Deno.stdin.readable).text(),
    takeKeyboard: () =>
      Deno.stdin.isTerminal() && stdoutIsTerminal && Deno.env.get("TERM") !== "dumb"
        ? new RawKeyboard()
        : null,
  };
}

/** Stdin without the line editing of the system. */
class RawKeyboard implements Keyboard {
  readonly #decoder = new TextDecoder();
  readonly #buffer = new Uint8Array(16_384);

  constructor() {
    Deno.stdin.setRaw(true);
  }

  async read(): Promise<string | null> {
    const count = await Deno.stdin.read(this.#buffer);
    return count === null
      ? null
      : this.#decoder.decode(this.#buffer.subarray(0, count), { stream: true });
  }

  [Symbol.dispose](): void {
    Deno.stdin.setRaw(false);
  }
}

/** A reader that has seen enough (`| head`) closes the pipe: not an error of ours. */
function writeUnlessClosed(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** A line of stdin; null at its end. */
function readLine(): string | null {
  const bytes: number[] = [];
  const buffer = new Uint8Array(1);
  let count = Deno.stdin.readSync(buffer);
  if (count === null) return null;
  for (; count === 1 && buffer[0] !== 10; count = Deno.stdin.readSync(buffer)) {
    bytes.push(buffer[0]!);
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
