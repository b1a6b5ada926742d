import { runCli } from "../../src/cli/cli.ts";
import type { Host } from "../../src/model/host.ts";
import { TestHost } from "./host.ts";
import { TempDir } from "./temp_dir.ts";
import { TestTerminal, type TypedKeys } from "./terminal.ts";

/** What a command line left behind. */
export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command line is run, where a test cares. */
export interface RunOptions {
  readonly host?: Host;
  /** What a person at the terminal says to every question; absent: nobody is there. */
  readonly answer?: boolean;
  /** Which of the options a person chooses, question by question, from 0. */
  readonly choices?: readonly number[];
  /** All of stdin. */
  readonly input?: string;
  /** What is typed on the keyboard, piece by piece; absent: there is none. */
  readonly keys?: readonly TypedKeys[];
  /** Characters in a line of the screen; absent: results go to a pipe. */
  readonly outWidth?: number;
}

/** A project in a temporary folder, with the command line in this process. */
export class TempProject implements Disposable {
  /** The machine of every command; its clock goes on from command to command. */
  readonly host: TestHost;
  readonly #dir = new TempDir();

  constructor(options: { readonly env?: Readonly<Record<string, string>> } = {}) {
    this.host = new TestHost({ cwd: this.#dir.path, ...options });
  }

  /** Absolute folder. */
  get root(): string {
    return this.#dir.path;
  }

  /** An absolute path below the project. */
  path(...parts: string[]): string {
    return this.#dir.join(...parts);
  }

  /** Writes a project file, its folders included. */
  write(path: string, text: string | Uint8Array): void {
    this.#dir.write(path, text);
  }

  read(path: string): string {
    return Deno.readTextFileSync(this.path(path));
  }

  remove(path: string): void {
    Deno.removeSync(this.path(path), { recursive: true });
  }

  exists(path: string): boolean {
    try {
      Deno.lstatSync(this.path(path));
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  /** Runs `seeknal …args` in the project. */
  run(...args: string[]): Promise<CliResult> {
    return runSeeknal(this, args);
  }

  /** Like {@linkcode run} with `--json`; fails with the whole output unless the exit code is 0. */
  async json<T = unknown>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.run(...args, "--json");
    if (code !== 0) throw new Error(`seeknal ${args.join(" ")}: exit ${code}\n${stdout}${stderr}`);
    return JSON.parse(stdout) as T;
  }

  [Symbol.dispose](): void {
    this.#dir[Symbol.dispose]();
  }
}

/** A project of the given files; `seeknal_project.yml` is written unless it is among them. */
export function makeProject(
  files: Readonly<Record<string, string | Uint8Array>> = {},
): TempProject {
  const project = new TempProject();
  project.write("seeknal_project.yml", "name: test_project\n");
  for (const [path, text] of Object.entries(files)) project.write(path, text);
  return project;
}

/** Runs a command line in this process and returns what it wrote. */
export async function runSeeknal(
  project: TempProject,
  args: readonly string[],
  options: RunOptions = {},
): Promise<CliResult> {
  const terminal = new TestTerminal({
    ...(options.answer === undefined ? {} : { answer: options.answer }),
    ...(options.choices === undefined ? {} : { choices: options.choices }),
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.keys === undefined ? {} : { keys: options.keys }),
    ...(options.outWidth === undefined ? {} : { outWidth: options.outWidth }),
  });
  const code = await runCli(args, { host: options.host ?? project.host, terminal });
  return { code, stdout: terminal.stdout, stderr: terminal.stderr };
}
