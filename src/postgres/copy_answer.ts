import type { Socket } from "node:net";

/** What the server says about a COPY that could not be done, as the client's own errors say it. */
class CopyError extends Error {
  override readonly name = "PostgresError";
  readonly code: string;
  readonly detail: string;
  readonly hint: string;
  readonly where: string;

  constructor(fields: ReadonlyMap<string, string>) {
    super(fields.get("M") ?? "COPY failed");
    this.code = fields.get("C") ?? "XX000";
    this.detail = fields.get("D") ?? "";
    this.hint = fields.get("H") ?? "";
    this.where = fields.get("W") ?? "";
  }
}

/** Listens for the answer to one COPY … FROM STDIN. */
export interface CopyAnswer {
  /** Settles when the server is done with the COPY; rejects with its refusal. */
  readonly done: Promise<void>;
  stop(): void;
}

const ERROR = 69;
const READY = 90;

/**
 * Reads a COPY's answer off the socket beside the client, which forgets a refusal that comes
 * after the last byte was sent: its stream would then end well with the next statement.
 * To be called once the server has asked for the rows.
 */
export function listenForCopy(socket: Socket): CopyAnswer {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {});
  let rest: Uint8Array = new Uint8Array();
  let refusal: CopyError | null = null;
  const onData = (chunk: Uint8Array) => {
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    const view = new DataView(bytes.buffer);
    let at = 0;
    // A type, then the length of what follows, itself included.
    while (at + 5 <= bytes.length && at + 1 + view.getUint32(at + 1) <= bytes.length) {
      const end = at + 1 + view.getUint32(at + 1);
      if (bytes[at] === ERROR) refusal = new CopyError(fieldsOf(bytes.subarray(at + 5, end)));
      if (bytes[at] === READY) {
        if (refusal === null) resolve();
        else reject(refusal);
      }
      at = end;
    }
    rest = bytes.slice(at);
  };
  const onClose = () =>
    reject(Object.assign(new Error("the connection was lost"), { code: "CONNECTION_CLOSED" }));
  socket.on("data", onData);
  socket.once("close", onClose);
  return {
    done: promise,
    stop: () => {
      socket.off("data", onData);
      socket.off("close", onClose);
    },
  };
}

/** Fields of an error: a letter and a text that ends with a zero, each. */
function fieldsOf(body: Uint8Array): Map<string, string> {
  const fields = new Map<string, string>();
  for (const part of new TextDecoder().decode(body).split("\0")) {
    if (part !== "") fields.set(part.charAt(0), part.slice(1));
  }
  return fields;
}
