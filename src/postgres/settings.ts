import { isAbsolute, join } from "node:path";
import { interpolate, type ReadVariable } from "../base/interpolate.ts";
import { UserError } from "../base/user_error.ts";
import type { ConnectionSpec } from "../model/profile.ts";

/** How much TLS a connection asks for; the words and their meaning are libpq's. */
export type SslMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";

/** The values of {@linkcode SslMode}, weakest first. */
export const SSL_MODES: readonly SslMode[] = [
  "disable",
  "allow",
  "prefer",
  "require",
  "verify-ca",
  "verify-full",
];

/** A connection's options with every `${VAR}` resolved: holds secrets, lives only while connecting. */
export interface PostgresSettings {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Where names without a schema are looked for. */
  readonly schema: string;
  readonly sslmode: SslMode;
  /** Null, or `system`: the system's authorities. */
  readonly sslrootcert: string | null;
  readonly sslcert: string | null;
  readonly sslkey: string | null;
  /** Seconds. */
  readonly connectTimeout: number;
  /** Keepalive probes of our end of the socket: seconds of silence before the first; null: off. */
  readonly keepalivesIdle: number | null;
  /** Settings that the server applies when the session starts. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * What every session has, whatever server, role or database say: texts that the server
 * sends are read by us, so their form must not depend on anybody's settings.
 */
const FIXED_PARAMETERS: Readonly<Record<string, string>> = {
  TimeZone: "UTC",
  DateStyle: "ISO, MDY",
  IntervalStyle: "postgres",
  extra_float_digits: "1",
  bytea_output: "hex",
  xmlbinary: "base64",
  client_encoding: "UTF8",
  standard_conforming_strings: "on",
};

/** Options of a profile that the server takes by another name, or by the same. */
const SERVER_PARAMETERS: Readonly<Record<string, string>> = {
  statement_timeout: "statement_timeout",
  lock_timeout: "lock_timeout",
  idle_in_transaction_session_timeout: "idle_in_transaction_session_timeout",
  keepalives_idle: "tcp_keepalives_idle",
  keepalives_interval: "tcp_keepalives_interval",
  keepalives_count: "tcp_keepalives_count",
  role: "role",
};

/** What {@linkcode readSettings} adds to a connection's own options. */
export interface SettingsRequest {
  readonly readOnly?: boolean;
  readonly applicationName?: string;
  /** Where relative paths start; absent: the process's folder. */
  readonly root?: string;
}

/**
 * Resolves a connection's options. Throws `UserError`s of kind `usage`: `unset_variable`,
 * `missing_option`, `invalid_option`.
 */
export function readSettings(
  connection: ConnectionSpec,
  env: ReadVariable,
  request: SettingsRequest = {},
): PostgresSettings {
  const options = new OptionReader(connection, env);
  const database = options.text("database");
  if (database === null) {
    throw new UserError(
      `Connection "${connection.name}" does not say which database (${connection.file})`,
      {
        code: "missing_option",
        kind: "usage",
        hint: `add a line to connection "${connection.name}": database: NAME`,
      },
    );
  }
  const user = options.text("user");
  if (user === null) {
    throw new UserError(
      `Connection "${connection.name}" does not say as which user (${connection.file})`,
      {
        code: "missing_option",
        kind: "usage",
        hint: `add a line to connection "${connection.name}": user: NAME`,
      },
    );
  }
  const schema = options.text("schema") ?? "public";
  return {
    host: options.text("host") ?? "localhost",
    port: options.integer("port", 1, 65535) ?? 5432,
    user,
    password: options.text("password") ?? "",
    database,
    schema,
    sslmode: options.oneOf("sslmode", SSL_MODES) ?? "prefer",
    sslrootcert: options.path("sslrootcert", request.root),
    sslcert: options.path("sslcert", request.root),
    sslkey: options.path("sslkey", request.root),
    connectTimeout: options.number("connect_timeout") ?? 10,
    keepalivesIdle: options.boolean("keepalives") === false
      ? null
      : options.integer("keepalives_idle", 1, 32767) ?? 60,
    parameters: {
      ...FIXED_PARAMETERS,
      // Listed last, temporary tables cannot stand in for a table or function of that name.
      search_path: `"${schema.replaceAll('"', '""')}", pg_temp`,
      application_name: request.applicationName ?? options.text("application_name") ?? "seeknal",
      ...(request.readOnly === true ? { default_transaction_read_only: "on" } : {}),
      ...serverParameters(options),
    },
  };
}

/** The option values that are secret and stand in the options as `${VAR}` or in the clear. */
export function secretsOf(settings: PostgresSettings): string[] {
  return settings.password === "" ? [] : [settings.password];
}

function serverParameters(options: OptionReader): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const [option, parameter] of Object.entries(SERVER_PARAMETERS)) {
    const value = option.endsWith("_timeout") ? options.duration(option) : options.text(option);
    if (value !== null) parameters[parameter] = value;
  }
  return parameters;
}

/** Reads one connection's options, `${VAR}` resolved. */
class OptionReader {
  readonly #connection: ConnectionSpec;
  readonly #env: ReadVariable;

  constructor(connection: ConnectionSpec, env: ReadVariable) {
    this.#connection = connection;
    this.#env = env;
  }

  /** Null when it is absent or empty. */
  text(option: string): string | null {
    const value = this.#connection.options[option];
    if (value === undefined || value === null) return null;
    const where = `${option} of connection "${this.#connection.name}" in ${this.#connection.file}`;
    const text = interpolate(String(value), this.#env, where);
    return text === "" ? null : text;
  }

  /** A file; `~/` is the user's folder. */
  path(option: string, root: string | undefined): string | null {
    const text = this.text(option);
    if (text === null || text === "system") return text;
    if (text.startsWith("~/")) return join(this.#env("HOME") ?? "", text.slice(2));
    return root === undefined || isAbsolute(text) ? text : join(root, text);
  }

  integer(option: string, least: number, most: number): number | null {
    const text = this.text(option);
    if (text === null) return null;
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw this.#invalid(option, `a whole number from ${least} to ${most}`);
  }

  number(option: string): number | null {
    const text = this.text(option);
    if (text === null) return null;
    const value = Number(text);
    if (Number.isFinite(value) && value > 0) return value;
    throw this.#invalid(option, "a number of seconds above 0");
  }

  boolean(option: string): boolean | null {
    const text = this.text(option);
    if (text === null) return null;
    if (["true", "on", "yes", "1"].includes(text)) return true;
    if (["false", "off", "no", "0"].includes(text)) return false;
    throw this.#invalid(option, "true or false");
  }

  /** A time as PostgreSQL writes it: milliseconds when it has no unit. */
  duration(option: string): string | null {
    const text = this.text(option);
    if (text === null || /^\d+(\.\d+)?\s*(us|ms|s|min|h|d)?$/.test(text)) return text;
    throw this.#invalid(option, "a time such as 30s, 5min or, in milliseconds, 30000");
  }

  oneOf<T extends string>(option: string, values: readonly T[]): T | null {
    const text = this.text(option);
    if (text === null) return null;
    const found = values.find((value) => value === text);
    if (found !== undefined) return found;
    throw this.#invalid(option, `one of ${values.join(", ")}`);
  }

  /** The value is not shown: what a variable holds may be anything. */
  #invalid(option: string, expected: string): UserError {
    return new UserError(
      `"${option}" of connection "${this.#connection.name}" must be ${expected} ` +
        `(${this.#connection.file})`,
      {
        code: "invalid_option",
        kind: "usage",
        hint: `it is written: ${option}: ${String(this.#connection.options[option])}`,
      },
    );
  }
}
