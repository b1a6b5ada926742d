import type { ReadVariable } from "../base/interpolate.ts";
import type { ConnectionSpec } from "../model/profile.ts";
import type { ConnectionSettings } from "./connection_settings.ts";

/** A connection of type `postgresql` that says what a uri says. */
export interface PostgresTarget {
  readonly spec: ConnectionSpec;
  /** Knows the values of the spec's variables, besides the given ones. */
  readonly env: ReadVariable;
  /** Without secrets. */
  readonly title: string;
}

/** `postgresql://user:password@host:port/database?sslmode=require`; every part may be `${VAR}`. */
const URI =
  /^postgres(?:ql)?:\/\/(?:([^:@/]*|\$\{[^}]*\})(?::(.*))?@)?(\[[^\]]*\]|\$\{[^}]*\}|[^:/?]*)(?::(\$\{[^}]*\}|\d+))?\/(\$\{[^}]*\}|[^?/]+)(?:\?(.*))?$/;

/** What the query of a uri may say, by the option of a `postgresql` connection. */
const PARAMETERS: Readonly<Record<string, string>> = {
  sslmode: "sslmode",
  sslrootcert: "sslrootcert",
  sslcert: "sslcert",
  sslkey: "sslkey",
  connect_timeout: "connect_timeout",
  application_name: "application_name",
  statement_timeout: "statement_timeout",
  lock_timeout: "lock_timeout",
  schema: "schema",
  currentSchema: "schema",
};

/**
 * Reads a connection's `uri` as one of PostgreSQL. Variables are put in part by part, so that
 * a password may hold any character; what stands in the uri itself is percent-decoded. Throws a
 * `UserError` `invalid_option` (2).
 */
export function postgresTarget(settings: ConnectionSettings): PostgresTarget {
  const written = settings.written("uri") ?? "";
  // A variable may also hold the whole of it.
  const uri = /^postgres(ql)?:/.test(written) ? written : settings.text("uri") ?? "";
  const match = URI.exec(uri);
  if (match === null) {
    throw settings.invalid(
      "uri",
      "must be postgresql://user:password@host:port/database",
      "such as postgresql://etl:${PASSWORD}@db.example.org/catalog?sslmode=require",
    );
  }
  const [, user, password, host, port, database, query] = match;
  const parts: Record<string, string | undefined> = { user, password, host, port, database };
  for (const [name, value] of new URLSearchParams(query ?? "")) {
    const option = PARAMETERS[name];
    if (option === undefined) {
      throw settings.invalid(
        "uri",
        `has a parameter "${name}" that is not known`,
        `known are: ${Object.keys(PARAMETERS).join(", ")}`,
      );
    }
    parts[option] = value;
  }
  return targetOf(settings, parts);
}

function targetOf(
  settings: ConnectionSettings,
  parts: Readonly<Record<string, string | undefined>>,
): PostgresTarget {
  const values = new Map<string, string>();
  const options: Record<string, string> = {};
  for (const [option, text] of Object.entries(parts)) {
    if (text === undefined || text === "") continue;
    const variable = `CATALOG_URI_${option}`;
    values.set(variable, resolvePart(settings, text));
    // Behind a variable, so that what it stands for is never read as one again.
    options[option] = `\${${variable}}`;
  }
  const host = values.get("CATALOG_URI_host") ?? "localhost";
  return {
    spec: { ...settings.connection, type: "postgresql", options },
    env: (name) => values.get(name) ?? settings.env(name),
    title: `PostgreSQL at ${host}/${values.get("CATALOG_URI_database") ?? ""}`,
  };
}

function resolvePart(settings: ConnectionSettings, text: string): string {
  if (text.includes("${")) return settings.resolve(text, "uri");
  const bare = text.replace(/^\[(.*)\]$/, "$1");
  try {
    return decodeURIComponent(bare);
  } catch {
    return bare; // a percent sign that encodes nothing stands for itself
  }
}
