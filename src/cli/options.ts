import { isAbsolute, join } from "node:path";
import { UserError } from "../base/user_error.ts";
import { normalizeEnvName } from "../model/env_name.ts";
import { type EnvName, PROD } from "../model/ids.ts";
import type { CommandContext } from "./command.ts";

/** True when a flag was given. */
export function flag({ options }: CommandContext, name: string): boolean {
  return options[name] === true;
}

/** The text of an option, or null. */
export function text({ options }: CommandContext, name: string): string | null {
  const value = options[name];
  return typeof value === "string" ? value : null;
}

/** All values of an option that repeats; commas separate too. */
export function texts({ options }: CommandContext, name: string): string[] {
  const value = options[name];
  return Array.isArray(value)
    ? value.flatMap((item) => String(item).split(",")).map((item) => item.trim()).filter(Boolean)
    : [];
}

/** All words of a positional argument that takes any number of them. */
export function words({ args }: CommandContext, index: number): string[] {
  const value: unknown = args[index];
  return Array.isArray(value) ? value.map(String) : [];
}

/** A whole number of at least `least`, or null when the option was not given. Throws `invalid_option` (2). */
export function wholeNumber(
  context: CommandContext,
  name: string,
  least: number,
): number | null {
  const value = text(context, name);
  if (value === null) return null;
  if (/^\d+$/.test(value) && Number(value) >= least && Number.isSafeInteger(Number(value))) {
    return Number(value);
  }
  const flagName = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new UserError(
    `Invalid --${flagName} "${value}": expected a whole number of at least ${least}`,
    {
      code: "invalid_option",
      kind: "usage",
      hint: `write --${flagName} ${Math.max(least, 4)}`,
    },
  );
}

/** The file that an option names, from where the user stands; null when it was not given. */
export function filePath(context: CommandContext, name: string): string | null {
  const path = text(context, name);
  return path === null || isAbsolute(path) ? path : join(context.host.cwd, path);
}

/** An environment name as typed, normalised; says so when that changed it. */
export function envName({ terminal }: CommandContext, typed: string): EnvName {
  const { name, notice } = normalizeEnvName(typed);
  if (notice !== null) terminal.err(`${notice}\n`);
  return name;
}

/** The `--env` option or production. */
export function envOption(context: CommandContext): EnvName {
  const typed = text(context, "env");
  return typed === null ? PROD : envName(context, typed);
}

/** A revision as typed. Environment names are taken in every spelling; what is none stays, for a commit. */
export function revision(typed: string): string {
  if (/[@~^.]/.test(typed) || /^[0-9a-f]{7,40}$/.test(typed)) return typed;
  return normalizeEnvName(typed).name;
}

/** Asks before something that cannot be taken lightly. Throws `needs_yes` (2) where nobody can answer; false for no. */
export function confirmed(context: CommandContext, question: string, command: string): boolean {
  if (flag(context, "yes")) return true;
  if (context.terminal.canAsk && !flag(context, "json")) return context.terminal.confirm(question);
  throw new UserError("Cannot ask for confirmation: there is no terminal to answer on", {
    code: "needs_yes",
    kind: "usage",
    hint: `say yes on the command line:\n    ${command} --yes`,
  });
}

/** Prints a value as JSON on stdout. */
export function printJson({ terminal }: CommandContext, value: unknown): void {
  terminal.out(`${JSON.stringify(value, null, 2)}\n`);
}
