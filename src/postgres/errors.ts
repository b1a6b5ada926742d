import { UserError, type UserErrorOptions } from "../base/user_error.ts";
import type { ConnectionSpec } from "../model/profile.ts";
import { SocketError } from "./open_socket.ts";

/** What an error's translation needs to know of the connection it came from. */
export interface ErrorSource {
  readonly spec: ConnectionSpec;
  /** Whom to grant what is missing. */
  readonly user: string;
  /** `host:port/database as user`. */
  describe(): string;
  /** A text without the connection's secrets. */
  mask(text: string): string;
}

/** What PostgreSQL says about a failure; the client's own errors have a `code` of words. */
interface ServerError {
  readonly code: string;
  readonly message: string;
  readonly detail: string;
  readonly hint: string;
}

/**
 * What an error of a query means for a person. `what` says what was being done: `reading
 * public.orders`. `object` is the qualified, quoted name of the one table that it was done
 * to, for the statement that grants the right to it.
 *
 * `UserError`s pass through. What did not come from the server or its connection comes back as
 * it is: a bug in seeknal is not the database's failure.
 */
export function toUserError(
  error: unknown,
  what: string,
  connection: ErrorSource,
  object?: string,
): Error {
  if (error instanceof UserError) return error;
  const server = serverError(error);
  if (server === null) return error instanceof Error ? error : new Error(String(error));
  const said = connection.mask(
    server.detail === "" ? server.message : `${server.message}: ${server.detail}`,
  );
  const options = optionsFor(server, connection, object);
  return new UserError(
    `${capitalised(what)} failed: ${said} (connection "${connection.spec.name}", ` +
      `${connection.describe()}, ${connection.spec.file})`,
    {
      ...options,
      hint: options.hint ?? (server.hint === "" ? undefined : connection.mask(server.hint)),
    },
  );
}

/**
 * Why a connection could not be opened, from a socket's error or the server's answer.
 * Anything else comes back as it is.
 */
export function connectError(error: unknown, connection: ErrorSource): Error {
  if (error instanceof UserError) return error;
  const { name, file } = connection.spec;
  const server = serverError(error);
  const said = error instanceof SocketError ? error.message : server?.message;
  if (said === undefined) return error instanceof Error ? error : new Error(String(error));
  const denied = server !== null && isDenial(server);
  return new UserError(
    `Connection "${name}" to ${connection.describe()} failed: ${connection.mask(said)} (${file})`,
    {
      code: denied ? "access_denied" : "connection_failed",
      kind: denied ? "security" : "dependency",
      hint: `seeknal connection-test ${name}`,
    },
  );
}

/** The SQLSTATE of an error, or the client's word for a broken connection; null for anything else. */
export function errorCode(error: unknown): string | null {
  return serverError(error)?.code ?? null;
}

/** 28xxx: refused at the door; 42501: no CONNECT; a role that does not exist is 22023 or 22P02 at the start. */
function isDenial(error: ServerError): boolean {
  return /^28/.test(error.code) || error.code === "42501" ||
    /role ".*" does not exist|permission denied to set (role|parameter)/.test(error.message);
}

/** The client's words for a connection that is gone. */
const LOST = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECTION_ENDED",
  "CONNECT_TIMEOUT",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ERR_SOCKET_CLOSED",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_PREMATURE_CLOSE",
]);

function optionsFor(
  error: ServerError,
  connection: ErrorSource,
  object: string | undefined,
): UserErrorOptions {
  const { code } = error;
  const test = `seeknal connection-test ${connection.spec.name}`;
  if (LOST.has(code) || code.startsWith("08") || /^57P0[1-5]$/.test(code)) {
    return { code: "connection_lost", kind: "dependency", hint: test };
  }
  if (code.startsWith("28")) return { code: "access_denied", kind: "security", hint: test };
  if (code === "42501") {
    return {
      code: "missing_privilege",
      kind: "security",
      hint: grantStatement(error.message, connection.user, object),
    };
  }
  if (code === "53100") {
    return {
      code: "disk_full",
      kind: "dependency",
      hint: "free space on the database server, then repeat the command",
    };
  }
  if (code.startsWith("53")) return { code: "server_overloaded", kind: "dependency", hint: test };
  if (code === "55P03") {
    return {
      code: "lock_timeout",
      kind: "execution",
      hint: "somebody holds a lock on the table; find out who, then repeat the command: " +
        "SELECT * FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
    };
  }
  if (code === "57014") {
    const isTimeout = /statement timeout/.test(error.message);
    return {
      code: isTimeout ? "statement_timeout" : "query_cancelled",
      kind: isTimeout ? "execution" : "interrupted",
      ...(isTimeout
        ? { hint: `give it longer in ${connection.spec.file}: statement_timeout: 30min` }
        : {}),
    };
  }
  if (code === "40001" || code === "40P01") {
    return {
      code: "write_conflict",
      kind: "execution",
      hint: "another transaction was in the way; repeat the command",
    };
  }
  if (
    /^(could not import the requested snapshot|invalid snapshot identifier|snapshot ".*" does not exist)/
      .test(error.message)
  ) {
    return {
      code: "snapshot_gone",
      kind: "execution",
      hint: "the transaction that held the snapshot has ended; repeat the command",
    };
  }
  if (code === "25006") {
    return {
      code: "read_only",
      kind: "validation",
      hint: "a source only reads: take what writes out of the query",
    };
  }
  if (/^(3D000|3F000|42P01|42703|42883|42704)$/.test(code)) {
    return { code: "not_found", kind: "validation" };
  }
  if (code.startsWith("42")) return { code: "query_invalid", kind: "validation" };
  return { code: "query_failed", kind: "execution" };
}

/** The statement that would give the right whose lack the server reports. */
function grantStatement(message: string, user: string, object: string | undefined): string {
  const role = quote(user);
  const owner = /^must be owner of (table|view|materialized view|schema|sequence|index) (.+)$/.exec(
    message,
  );
  if (owner !== null) {
    return `ALTER ${owner[1]!.toUpperCase()} ${object ?? quote(owner[2]!)} OWNER TO ${role};`;
  }
  const denied =
    /^permission denied for (schema|database|sequence|function|foreign server|(?:foreign )?table|(?:materialized )?view) (.+)$/
      .exec(message);
  const name = denied === null ? null : quote(denied[2]!);
  switch (denied?.[1]) {
    case "schema":
      return `GRANT USAGE ON SCHEMA ${name} TO ${role};`;
    case "database":
      return `GRANT CONNECT, CREATE ON DATABASE ${name} TO ${role};`;
    case "sequence":
      return `GRANT USAGE ON SEQUENCE ${object ?? name} TO ${role};`;
    case "function":
      return `GRANT EXECUTE ON FUNCTION ${name} TO ${role};`;
    case "foreign server":
      return `GRANT USAGE ON FOREIGN SERVER ${name} TO ${role};`;
    case "table":
    case "view":
    case "materialized view":
    case "foreign table":
      return `GRANT SELECT ON TABLE ${object ?? name} TO ${role};`;
  }
  return `a superuser or the owner must grant it to ${role}`;
}

function serverError(error: unknown): ServerError | null {
  if (error instanceof SocketError) {
    return { code: "CONNECTION_CLOSED", message: error.message, detail: "", hint: "" };
  }
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") {
    return null;
  }
  const isServer = error.name === "PostgresError";
  if (!isServer && !LOST.has(error.code)) return null;
  const field = (name: "detail" | "hint") =>
    isServer && name in error ? String(Reflect.get(error, name) ?? "") : "";
  const message = isServer ? error.message : "the connection to the server was lost";
  return { code: error.code, message, detail: field("detail"), hint: field("hint") };
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
