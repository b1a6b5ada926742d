import { UserError } from "./user_error.ts";

/** Value of an environment variable; undefined when it is not set. */
export type ReadVariable = (name: string) => string | undefined;

/** `${NAME}` and `${NAME:default}`; a default ends at the first `}` and may be empty. */
const VARIABLE_REGEXP = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}/g;

/**
 * Puts environment variables in the place of `${NAME}` and `${NAME:default}`. Called
 * at the moment of connecting and nowhere else: what it returns may hold secrets.
 *
 * Throws a `UserError` `unset_variable` (exit 2) that names the variable and `where`.
 */
export function interpolate(text: string, env: ReadVariable, where: string): string {
  return text.replace(VARIABLE_REGEXP, (_, name: string, fallback: string | undefined) => {
    const value = env(name) ?? fallback;
    if (value !== undefined) return value;
    throw new UserError(`Environment variable "${name}" is not set (${where})`, {
      code: "unset_variable",
      kind: "usage",
      hint:
        `set it (the project's .env will do), or give it a default in the profile: \${${name}:value}`,
    });
  });
}

/** Names of the variables in a text that have no default. */
export function requiredVariables(text: string): string[] {
  return [...text.matchAll(VARIABLE_REGEXP)].flatMap(([, name, fallback]) =>
    fallback === undefined ? [name!] : []
  );
}
