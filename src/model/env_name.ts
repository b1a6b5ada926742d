import { UserError } from "../base/user_error.ts";
import type { EnvName } from "./ids.ts";

const ENV_NAME_REGEXP = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const ALIASES: Readonly<Record<string, string>> = {
  development: "dev",
  production: "prod",
  test: "sandbox",
  testing: "sandbox",
};

/** True for a name as it is stored; `normalizeEnvName` makes one of what a user typed. */
export function isEnvName(name: string): boolean {
  return ENV_NAME_REGEXP.test(name);
}

/** What became of a name as typed. */
export interface NormalizedEnvName {
  readonly name: EnvName;
  /** Said once to the user when the name is not what they typed; null when it is. */
  readonly notice: string | null;
}

/**
 * The one function that turns what a user typed into an environment name.
 *
 * Trims and lower-cases, applies the aliases, cleans `sandbox_…` names down to
 * `[a-z0-9_]`, and refuses the rest unless it matches `^[a-z0-9][a-z0-9_-]{0,62}$`.
 * Names that Git cannot hold as a branch (`x.lock`, `..`) do not match either.
 *
 * Throws a `UserError` `invalid_environment` (exit 2).
 */
export function normalizeEnvName(typed: string): NormalizedEnvName {
  const trimmed = typed.trim();
  const lower = trimmed.toLowerCase();
  const alias = Object.hasOwn(ALIASES, lower) ? ALIASES[lower] : undefined;
  const name = alias ?? (lower.startsWith("sandbox_") ? cleanSandbox(lower) : lower);
  if (!isEnvName(name)) throw invalid(typed, lower);
  return { name: name as EnvName, notice: noticeOf(trimmed, name, alias) };
}

function noticeOf(trimmed: string, name: string, alias: string | undefined): string | null {
  if (trimmed.toLowerCase() === name) return null;
  return alias === undefined
    ? `Environment '${trimmed}' normalized to '${name}'`
    : `'${trimmed}' is an alias of '${name}'`;
}

function cleanSandbox(lower: string): string {
  const rest = lower.slice("sandbox_".length).replace(/[^a-z0-9_]/g, "").slice(0, 55);
  return rest === "" ? "sandbox" : `sandbox_${rest}`;
}

function invalid(typed: string, lower: string): UserError {
  const suggestion = lower.replace(/[^a-z0-9_-]+/g, "_").replace(/^[_-]+|_+$/g, "").slice(0, 63);
  return new UserError(
    `Invalid environment "${typed}": use lower-case letters, digits, "_" or "-", at most 63, starting with a letter or digit`,
    {
      code: "invalid_environment",
      kind: "usage",
      hint: isEnvName(suggestion) ? `try "${suggestion}"` : undefined,
    },
  );
}

/** Where an environment lives and how careful one must be with it. */
export interface EnvCategory {
  readonly place: "local" | "remote";
  readonly testing: boolean;
  readonly dangerous: boolean;
}

/** `prod` is dangerous, `prod` and `staging` are remote, `dev` and `sandbox…` are for testing; every other name is local and safe. */
export function envCategory(name: EnvName): EnvCategory {
  return {
    place: name === "prod" || name === "staging" ? "remote" : "local",
    testing: name === "dev" || name === "sandbox" || name.startsWith("sandbox_"),
    dangerous: name === "prod",
  };
}

/** The category in words: `local, testing`, `remote, dangerous`. */
export function describeEnvCategory(name: EnvName): string {
  const { place, testing, dangerous } = envCategory(name);
  return `${place}, ${dangerous ? "dangerous" : testing ? "testing" : "safe"}`;
}
