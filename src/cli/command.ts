import type { Workspace } from "../app/workspace.ts";
import type { Host } from "../model/host.ts";
import type { Terminal } from "./terminal.ts";

/** A positional argument. */
export interface CommandArgument {
  /** `ENV` is required, `[ENV]` is not. */
  readonly name: string;
  readonly doc: string;
  /** What shell completion offers. */
  readonly completes?: Completes;
}

/** What shell completion offers for a value. */
export type Completes =
  | "environment"
  | "node"
  | "metric"
  | "kind"
  | "tag"
  | "connection"
  | readonly string[];

/** An option. */
export interface CommandOption {
  /** As commander writes it: `-n, --nodes <NODE>`. */
  readonly flags: string;
  readonly doc: string;
  /** May be given several times; values are collected. */
  readonly repeats?: boolean;
  readonly completes?: Completes;
}

/** What a command's `run` gets. */
export interface CommandContext {
  readonly host: Host;
  readonly terminal: Terminal;
  /** Positional arguments in order; undefined where an optional one was left out. */
  readonly args: readonly (string | undefined)[];
  /** What stands behind `--`, for a command that takes another one; null where there is no `--`. */
  readonly rest: readonly string[] | null;
  /** Option values by camelCase name. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Opens the project that the options name. */
  workspace(mode: "read" | "write"): Promise<Workspace>;
}

/** A verb of the command line, as data: parsing, help and completion come from it. */
export interface Command {
  /** `plan`, or `env list` for a verb of a group. */
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly CommandArgument[];
  readonly options: readonly CommandOption[];
  /** Lines of help behind the options. */
  readonly examples?: readonly string[];
  /** Left out of the help. */
  readonly hidden?: boolean;
  /** Words that stand for options and could not be named as such: short options have one letter. */
  readonly spellings?: Readonly<Record<string, string>>;
  /** Takes another command behind `--`. */
  readonly takesCommand?: boolean;
  /** Takes options it does not know as words. */
  readonly takesAnyOption?: boolean;
  /** Returns the exit code; throws `UserError` for what the user can act on. */
  run(context: CommandContext): Promise<number>;
}

/** Options that every command has. */
export const COMMON_OPTIONS: readonly CommandOption[] = [
  { flags: "-p, --project-path <DIR>", doc: "folder of the project (default: the nearest upward)" },
  { flags: "--json", doc: "print JSON on stdout" },
  { flags: "--no-color", doc: "no colours" },
  { flags: "--verbose", doc: "show the stack of an unexpected error" },
];

/** The option of commands that use connections. */
export const PROFILE: CommandOption = {
  flags: "--profile <FILE>",
  doc: "profile to use (default: profiles-ENV.yml, then profiles.yml)",
};

/** The answer-yes option. */
export const YES: CommandOption = { flags: "-y, --yes", doc: "do not ask" };
