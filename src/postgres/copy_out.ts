import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import type { PostgresConnection } from "./connection.ts";

/** Takes the bytes of a COPY in their order. They are the sink's own from then on. */
export type CopySink = (bytes: Uint8Array) => Promise<void>;

/**
 * Runs a `COPY … TO STDOUT` in the connection's one session and hands its bytes on; the
 * number of rows that the server says it sent. Errors are the server's, the connection's or
 * the sink's own; after the sink's the COPY is cancelled. Memory stays flat: while the sink is behind, the socket is not read.
 *
 * The rows are taken off the socket before the client sees them. It would make an object and an event
 * of each of them, which takes longer than the server needs to write them.
 */
export async function copyOut(
  connection: PostgresConnection,
  statement: string,
  sink: CopySink,
): Promise<number> {
  const [socket, ...others] = connection.sockets;
  if (socket === undefined || others.length > 0) {
    throw new Error("COPY needs a connection with one session");
  }
  let stopping: Promise<void> | null = null;
  const tap = new CopyTap(socket, sink, () => {
    stopping = connection.cancel().catch(() => {});
  });
  try {
    const result = await connection.sql.unsafe(statement);
    await tap.finish();
    return result.count;
  } catch (error) {
    // What stopped the COPY is the reason, not the message that it was stopped.
    throw tap.failure ?? error;
  } finally {
    tap.remove();
    await stopping;
  }
}

/** Bytes gathered before they are handed on. */
const BLOCK = 1 << 20;

/** Blocks that may wait for the sink; then the socket waits, and with it the server. */
const MOST_WAITING = 32;

const COPY_DATA = 0x64;
const COPY_DONE = 0x63;
const COPY_OUT_RESPONSE = 0x48;

/** Sits before a session's listeners: COPY's own messages go to the sink, all others to them. */
class CopyTap {
  readonly #socket: Socket;
  readonly #sink: CopySink;
  readonly #onFailure: () => void;
  readonly #listeners: readonly ((bytes: Buffer) => void)[];
  readonly #onData = (bytes: Buffer) => this.#take(bytes);
  /** Type and length of the message at hand, as far as they have come. */
  readonly #header = new Uint8Array(5);
  #headerBytes = 0;
  /** Bytes of the message's body that are still to come. */
  #bodyBytes = 0;
  #block = new Uint8Array(BLOCK);
  #filled = 0;
  #writing: Promise<void> = Promise.resolve();
  #waiting = 0;
  failure: unknown;

  constructor(socket: Socket, sink: CopySink, onFailure: () => void) {
    this.#socket = socket;
    this.#sink = sink;
    this.#onFailure = onFailure;
    const listeners: readonly unknown[] = socket.listeners("data");
    this.#listeners = listeners.filter(isDataListener);
    socket.on("data", this.#onData);
    for (const listener of this.#listeners) socket.removeListener("data", listener);
  }

  /** Hands on what is left. */
  async finish(): Promise<void> {
    await this.#writing;
    if (this.failure !== undefined) throw this.failure;
    if (this.#filled > 0) await this.#sink(this.#block.subarray(0, this.#filled));
  }

  remove(): void {
    // A lost connection has lost its listeners on purpose.
    if (!this.#socket.destroyed) {
      for (const listener of this.#listeners) this.#socket.on("data", listener);
    }
    this.#socket.removeListener("data", this.#onData);
  }

  #take(bytes: Buffer): void {
    let at = 0;
    const end = bytes.length;
    while (at < end) {
      if (this.#headerBytes === 0 && end - at >= 5) {
        // The usual case, a whole header in one piece.
        this.#bodyBytes = bytes.readUInt32BE(at + 1) - 4;
        this.#header[0] = bytes[at]!;
        this.#headerBytes = 5;
        this.#passOn(bytes, at, at + 5);
        at += 5;
      } else if (this.#headerBytes < 5) {
        const byte = bytes[at]!;
        this.#header[this.#headerBytes++] = byte;
        at++;
        if (this.#headerBytes < 5) continue;
        this.#bodyBytes = new DataView(this.#header.buffer).getUint32(1) - 4;
        this.#passOn(Buffer.from(this.#header), 0, 5);
      }
      const to = Math.min(end, at + this.#bodyBytes);
      if (this.#header[0] === COPY_DATA) this.#gather(bytes, at, to);
      else this.#passOn(bytes, at, to);
      this.#bodyBytes -= to - at;
      at = to;
      if (this.#bodyBytes === 0) this.#headerBytes = 0;
    }
  }

  /** What is not COPY's own goes to the client, piece by piece as it came. */
  #passOn(bytes: Buffer, from: number, to: number): void {
    const type = this.#header[0];
    if (type === COPY_DATA || type === COPY_DONE || type === COPY_OUT_RESPONSE || from === to) {
      return;
    }
    for (const listener of this.#listeners) listener(bytes.subarray(from, to));
  }

  #gather(bytes: Buffer, from: number, to: number): void {
    let at = from;
    while (at < to) {
      const count = Math.min(to - at, BLOCK - this.#filled);
      bytes.copy(this.#block, this.#filled, at, at + count);
      this.#filled += count;
      at += count;
      if (this.#filled === BLOCK) this.#handOn();
    }
  }

  #handOn(): void {
    const block = this.#block;
    this.#block = new Uint8Array(BLOCK);
    this.#filled = 0;
    if (this.failure !== undefined) return;
    if (++this.#waiting > MOST_WAITING) this.#socket.pause();
    this.#writing = this.#writing.then(async () => {
      if (this.failure === undefined) await this.#sink(block);
    }).catch((error) => {
      if (this.failure !== undefined) return;
      this.failure = error;
      this.#onFailure();
    }).finally(() => {
      if (--this.#waiting <= MOST_WAITING) this.#socket.resume();
    });
  }
}

function isDataListener(listener: unknown): listener is (bytes: Buffer) => void {
  return typeof listener === "function";
}
