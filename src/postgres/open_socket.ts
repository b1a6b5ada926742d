import { connect, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type TLSSocket } from "node:tls";
import type { PostgresSettings } from "./settings.ts";

/** What one attempt does about TLS: none, when the server offers it, or nothing without it. */
export type TlsAttempt = "off" | "offered" | "required";

/** An open socket on which the PostgreSQL protocol has not begun yet. */
export interface OpenSocket {
  readonly socket: Socket;
  /** Version of TLS in use (`TLSv1.3`), or null. */
  readonly tls: string | null;
}

/** Why no socket could be opened. */
export class SocketError extends Error {
  override readonly name = "SocketError";
  /** `tls` also stands for a server without it. */
  readonly reason: "unresolved" | "refused" | "timeout" | "tls" | "other";

  constructor(reason: SocketError["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

/**
 * The attempts a mode stands for, in their order: `allow` tries TLS after plain,
 * `prefer` plain after TLS.
 * https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-SSLMODE-STATEMENTS
 */
export function tlsAttempts(settings: PostgresSettings): readonly TlsAttempt[] {
  if (settings.host.startsWith("/")) return ["off"];
  switch (settings.sslmode) {
    case "disable":
      return ["off"];
    case "allow":
      return ["off", "required"];
    case "prefer":
      return ["offered", "off"];
    default:
      return ["required"];
  }
}

/** Connects and, as the attempt says, agrees on TLS. Throws `SocketError` within the connect timeout. */
export async function openSocket(
  settings: PostgresSettings,
  attempt: TlsAttempt,
): Promise<OpenSocket> {
  const deadline = AbortSignal.timeout(settings.connectTimeout * 1000);
  const plain = await connectTcp(settings, deadline);
  try {
    if (settings.keepalivesIdle !== null) plain.setKeepAlive(true, settings.keepalivesIdle * 1000);
    plain.setNoDelay(true);
    if (attempt === "off") return { socket: plain, tls: null };
    if (!await offersTls(plain, settings, deadline)) {
      if (attempt === "offered") return { socket: plain, tls: null };
      throw new SocketError("tls", `the server does not offer TLS and sslmode asks for it`);
    }
    const secure = await startTls(plain, settings, deadline);
    return { socket: secure, tls: secure.getProtocol() ?? "TLS" };
  } catch (error) {
    plain.destroy();
    throw error;
  }
}

/** Bytes of the message that asks for TLS (SSLRequest). */
const SSL_REQUEST = new Uint8Array([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

function connectTcp(settings: PostgresSettings, deadline: AbortSignal): Promise<Socket> {
  const { host, port } = settings;
  const socket = host.startsWith("/")
    ? connect({ path: `${host}/.s.PGSQL.${port}` })
    : connect({ host, port });
  return settled(socket, settings, deadline, (resolve) => {
    socket.once("connect", () => resolve(socket));
  });
}

function offersTls(
  socket: Socket,
  settings: PostgresSettings,
  deadline: AbortSignal,
): Promise<boolean> {
  return settled(socket, settings, deadline, (resolve, reject) => {
    socket.once("data", (answer: Uint8Array) => {
      // More than one byte could only have been put there by somebody in between (CVE-2021-23222).
      if (answer.length === 1) resolve(answer[0] === 0x53);
      else {reject(
          new SocketError("tls", "the server's answer to the request for TLS is no answer"),
        );}
    });
    socket.write(SSL_REQUEST);
  });
}

function startTls(
  plain: Socket,
  settings: PostgresSettings,
  deadline: AbortSignal,
): Promise<TLSSocket> {
  const { host, sslmode, sslrootcert, sslcert, sslkey } = settings;
  const ca = sslrootcert === null || sslrootcert === "system" ? null : readFile(sslrootcert);
  // As in libpq, a root certificate makes `require` verify like verify-ca.
  const verifies = sslmode.startsWith("verify") || (sslmode === "require" && ca !== null);
  const socket = connectTls({
    socket: plain,
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    rejectUnauthorized: verifies,
    ...(ca === null ? {} : { ca: [ca] }),
    ...(sslcert === null ? {} : { cert: readFile(sslcert) }),
    ...(sslkey === null ? {} : { key: readFile(sslkey) }),
    checkServerIdentity: (_, certificate) =>
      sslmode === "verify-full" ? checkServerIdentity(host, certificate) : undefined,
  });
  return settled(socket, settings, deadline, (resolve) => {
    socket.once("secureConnect", () => resolve(socket));
  }, "tls");
}

function readFile(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    throw new SocketError("tls", `cannot read the file ${path}`);
  }
}

/** Waits for one event of a socket; its failing, closing or being late ends the wait. */
function settled<T>(
  socket: Socket,
  settings: PostgresSettings,
  deadline: AbortSignal,
  begin: (resolve: (value: T) => void, reject: (error: Error) => void) => void,
  reason: SocketError["reason"] = "other",
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const failed = (error: Error) => reject(socketError(error, reason));
  const closed = () => reject(new SocketError(reason, "the server closed the connection"));
  const late = () =>
    reject(new SocketError("timeout", `no answer within ${settings.connectTimeout} s`));
  socket.once("error", failed);
  socket.once("close", closed);
  deadline.addEventListener("abort", late, { once: true });
  begin(resolve, reject);
  return promise.finally(() => {
    socket.removeListener("error", failed);
    socket.removeListener("close", closed);
    deadline.removeEventListener("abort", late);
  }).catch((error) => {
    // Errors that come after the first have nobody to hear them.
    socket.on("error", () => {});
    socket.destroy();
    throw error;
  });
}

function socketError(error: Error, reason: SocketError["reason"]): SocketError {
  const code = "code" in error ? String(error.code) : "";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN" || code === "EAI_NONAME") {
    return new SocketError("unresolved", "the host name cannot be resolved");
  }
  if (code === "ECONNREFUSED") return new SocketError("refused", "the connection was refused");
  if (code === "ENOENT") return new SocketError("refused", "there is no such socket");
  if (code === "ETIMEDOUT") return new SocketError("timeout", "the host does not answer");
  return new SocketError(reason, error.message);
}
