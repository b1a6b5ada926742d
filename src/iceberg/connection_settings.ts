import { interpolate, type ReadVariable } from "../base/interpolate.ts";
import { UserError } from "../base/user_error.ts";
import type { ConnectionSpec } from "../model/profile.ts";

/** Reads the options of one connection with `${VAR}` resolved: what it returns may be secret. */
export class ConnectionSettings {
  readonly connection: ConnectionSpec;
  readonly env: ReadVariable;

  constructor(connection: ConnectionSpec, env: ReadVariable) {
    this.connection = connection;
    this.env = env;
  }

  /** The option as it is written; null when it is absent or empty. */
  written(option: string): string | null {
    const value = this.connection.options[option];
    return value === undefined || value === null || value === "" ? null : String(value);
  }

  /** Null when it is absent or empty. Throws `unset_variable` (2). */
  text(option: string): string | null {
    const written = this.written(option);
    if (written === null) return null;
    const text = this.resolve(written, option);
    return text === "" ? null : text;
  }

  /** Resolves the variables of a part of an option's value. */
  resolve(text: string, option: string): string {
    const { name, file } = this.connection;
    return interpolate(text, this.env, `${option} of connection "${name}" in ${file}`);
  }

  boolean(option: string): boolean | null {
    const text = this.text(option);
    if (text === null) return null;
    if (["true", "on", "yes", "1"].includes(text)) return true;
    if (["false", "off", "no", "0"].includes(text)) return false;
    throw this.invalid(option, "must be true or false");
  }

  /** A number of seconds above 0. */
  seconds(option: string): number | null {
    const text = this.text(option);
    if (text === null) return null;
    const value = Number(text);
    if (Number.isFinite(value) && value > 0) return value;
    throw this.invalid(option, "must be a number of seconds above 0");
  }

  oneOf<T extends string>(option: string, values: readonly T[]): T | null {
    const text = this.text(option);
    if (text === null) return null;
    const found = values.find((value) => value === text);
    if (found !== undefined) return found;
    throw this.invalid(option, `must be one of ${values.join(", ")}`);
  }

  /** For an option with a value that cannot be. The value is shown as written: a variable may hold anything. */
  invalid(option: string, problem: string, hint?: string): UserError {
    const { name, file } = this.connection;
    return new UserError(`"${option}" of connection "${name}" ${problem} (${file})`, {
      code: "invalid_option",
      kind: "usage",
      hint: hint ?? `it is written: ${option}: ${this.written(option) ?? ""}`,
    });
  }

  /** For an option that must be there. */
  missing(option: string, example: string): UserError {
    const { name, file } = this.connection;
    return new UserError(`Connection "${name}" has no "${option}" (${file})`, {
      code: "missing_option",
      kind: "usage",
      hint: `add a line to connection "${name}": ${option}: ${example}`,
    });
  }
}
