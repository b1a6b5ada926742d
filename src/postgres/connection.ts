import { Socket } from "node:net";
import postgres from "postgres";
import type { ReadVariable } from "../base/interpolate.ts";
import type { ConnectionSpec } from "../model/profile.ts";
import { connectError, errorCode, type ErrorSource } from "./errors.ts";
import { type OpenSocket, openSocket, type TlsAttempt, tlsAttempts } from "./open_socket.ts";
import { type PostgresSettings, readSettings, secretsOf } from "./settings.ts";

/** How a connection is opened. */
export interface PostgresOptions {
  /** Every transaction is read only unless it says otherwise. */
  readonly readOnly?: boolean;
  /** Default: the connection's own, else `seeknal`. */
  readonly applicationName?: string;
  /** Where relative paths of certificates start; absent: the process's folder. */
  readonly root?: string;
  /** Sessions; all are opened at once. Default 1. */
  readonly max?: number;
  /** Cancels what is running when it aborts; what the server does not let go of within two seconds is cut off. */
  readonly signal?: AbortSignal;
}

/**
 * Open sessions of one database. A session that is lost is not replaced: what was set, locked
 * or begun in it is gone, so everything after that fails instead of going on without it.
 */
export interface PostgresConnection extends ErrorSource, AsyncDisposable {
  readonly sql: postgres.Sql;
  readonly spec: ConnectionSpec;
  readonly user: string;
  readonly database: string;
  /** Where names without a schema are looked for. */
  readonly schema: string;
  /** Version of TLS in use, or null. */
  readonly tls: string | null;
  /** `16.4`. */
  readonly serverVersion: string;
  /** The sessions' sockets, for {@linkcode ./copy_out.ts}. */
  readonly sockets: readonly Socket[];
  /** Asks the server to stop what the sessions are doing; that then throws. */
  cancel(): Promise<void>;
}

/**
 * Connects by a profile's connection. Throws `UserError`s: `connection_failed` (5),
 * `access_denied` (6), `unset_variable`, `missing_option` and `invalid_option` (2).
 */
export async function openPostgres(
  connection: ConnectionSpec,
  env: ReadVariable,
  options: PostgresOptions = {},
): Promise<PostgresConnection> {
  const settings = readSettings(connection, env, options);
  const attempts = tlsAttempts(settings);
  for (const [i, attempt] of attempts.entries()) {
    const source = new Endpoint(connection, settings);
    try {
      return await openSessions(source, settings, attempt, options);
    } catch (error) {
      const isLast = i === attempts.length - 1;
      if (isLast || !mayTryOtherTls(error)) throw connectError(error, source);
    }
  }
  throw new Error("a mode of TLS has at least one attempt");
}

/** As libpq: another mode of TLS helps where the handshake or the server's access rules refused this one. */
function mayTryOtherTls(error: unknown): boolean {
  if (errorCode(error) === "28000") return true;
  return error instanceof Error && "reason" in error && error.reason === "tls";
}

class Endpoint implements ErrorSource {
  readonly spec: ConnectionSpec;
  readonly user: string;
  readonly #settings: PostgresSettings;

  constructor(spec: ConnectionSpec, settings: PostgresSettings) {
    this.spec = spec;
    this.user = settings.user;
    this.#settings = settings;
  }

  describe(): string {
    const { host, port, database, user } = this.#settings;
    return `${host.includes(":") ? `[${host}]` : host}:${port}/${database} as ${user}`;
  }

  mask(text: string): string {
    return secretsOf(this.#settings).reduce(
      (masked, secret) => masked.replaceAll(secret, "***"),
      text,
    );
  }
}

async function openSessions(
  source: ErrorSource,
  settings: PostgresSettings,
  attempt: TlsAttempt,
  options: PostgresOptions,
): Promise<PostgresConnection> {
  const max = options.max ?? 1;
  const opened: OpenSocket[] = [];
  let sql: postgres.Sql | null = null;
  try {
    for (let i = 0; i < max; i++) opened.push(await openSocket(settings, attempt));
    sql = createClient(settings, opened.map(({ socket }) => socket), max);
    const states = await firstQueries(sql, max);
    return new Sessions(source, settings, { attempt, opened, sql, states }, options.signal);
  } catch (error) {
    await sql?.end({ timeout: 0 });
    for (const { socket } of opened) socket.destroy();
    throw error;
  }
}

/** A client that speaks on these sockets and opens none. */
function createClient(
  settings: PostgresSettings,
  sockets: readonly Socket[],
  max: number,
): postgres.Sql {
  const waiting = [...sockets];
  const options: postgres.Options<Record<string, never>> & { socket: () => Socket } = {
    host: settings.host,
    port: settings.port,
    user: settings.user,
    // A function: of an empty text the client would fall back on PGPASSWORD.
    password: () => settings.password,
    database: settings.database,
    max,
    ssl: false,
    connect_timeout: settings.connectTimeout,
    idle_timeout: 0,
    max_lifetime: null,
    keep_alive: null,
    backoff: false,
    connection: settings.parameters,
    onnotice: () => {},
    socket: () => waiting.shift() ?? closedSocket(),
  };
  return postgres(options);
}

/** Stands in for a session that was lost: what is asked of it fails at once. */
function closedSocket(): Socket {
  const lost = Object.assign(new Error("the connection to the server was lost"), {
    code: "CONNECTION_CLOSED",
  });
  const socket = new Socket();
  // Not before the client listens.
  setTimeout(() => socket.destroy(lost));
  return socket;
}

/** What a server must be told to cancel a session's query. */
interface SessionKey {
  readonly pid: number;
  readonly secret: number;
}

/** Starts every session; which of them is whose is only known once each has answered. */
async function firstQueries(sql: postgres.Sql, max: number): Promise<SessionKey[]> {
  if (max === 1) return [(await sql.unsafe("SELECT 1")).state];
  const reserved = await Promise.all(Array.from({ length: max }, () => sql.reserve()));
  try {
    return await Promise.all(
      reserved.map(async (session) => (await session.unsafe("SELECT 1")).state),
    );
  } finally {
    for (const session of reserved) session.release();
  }
}

/** Milliseconds that a cancelled query has to end before its socket is cut. */
const CANCEL_GRACE_MS = 2000;

class Sessions implements PostgresConnection {
  readonly sql: postgres.Sql;
  readonly spec: ConnectionSpec;
  readonly user: string;
  readonly database: string;
  readonly schema: string;
  readonly tls: string | null;
  readonly sockets: readonly Socket[];
  readonly #source: ErrorSource;
  readonly #settings: PostgresSettings;
  readonly #attempt: TlsAttempt;
  readonly #states: readonly SessionKey[];
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => void this.#stop();
  #grace: ReturnType<typeof setTimeout> | undefined;

  constructor(
    source: ErrorSource,
    settings: PostgresSettings,
    open: {
      readonly attempt: TlsAttempt;
      readonly opened: readonly OpenSocket[];
      readonly sql: postgres.Sql;
      readonly states: readonly SessionKey[];
    },
    signal: AbortSignal | undefined,
  ) {
    this.sql = open.sql;
    this.spec = source.spec;
    this.user = settings.user;
    this.database = settings.database;
    this.schema = settings.schema;
    this.tls = open.opened[0]?.tls ?? null;
    this.sockets = open.opened.map(({ socket }) => socket);
    this.#source = source;
    this.#settings = settings;
    this.#attempt = open.attempt;
    this.#states = open.states;
    this.#signal = signal;
    if (signal?.aborted === true) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get serverVersion(): string {
    return String(this.sql.parameters["server_version"] ?? "").split(" ")[0]!;
  }

  describe(): string {
    return this.#source.describe();
  }

  mask(text: string): string {
    return this.#source.mask(text);
  }

  async cancel(): Promise<void> {
    await Promise.all(this.#states.map((state) => this.#cancelOne(state)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    clearTimeout(this.#grace);
    // A client whose socket is gone would wait for it.
    await this.sql.end({ timeout: this.sockets.some(({ destroyed }) => destroyed) ? 0 : 2 });
    for (const socket of this.sockets) socket.destroy();
  }

  /** The request to cancel goes on a connection of its own and is answered by its end. */
  async #cancelOne({ pid, secret }: SessionKey): Promise<void> {
    const { socket } = await openSocket(this.#settings, this.#attempt);
    const request = new DataView(new ArrayBuffer(16));
    [16, 80877102, pid, secret].forEach((value, i) => request.setUint32(i * 4, value));
    await new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
      socket.once("error", () => resolve());
      socket.resume();
      socket.end(new Uint8Array(request.buffer));
    });
    socket.destroy();
  }

  async #stop(): Promise<void> {
    this.#grace = setTimeout(() => {
      for (const socket of this.sockets) socket.destroy();
    }, CANCEL_GRACE_MS);
    await this.cancel().catch(() => {});
  }
}
