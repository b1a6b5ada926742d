import { Buffer } from "node:buffer";
import { UserError } from "../base/user_error.ts";

/** Bytes of an Avro file, read from the front. */
export class AvroInput {
  readonly #data: Uint8Array;
  readonly #location: string;
  #at = 0;

  constructor(data: Uint8Array, location: string) {
    // A slice of a Node buffer would be a view of its memory, not a copy.
    this.#data = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#location = location;
  }

  atEnd(): boolean {
    return this.#at >= this.#data.length;
  }

  problem(why: string): UserError {
    return new UserError(`Cannot read ${this.#location}: ${why}`, {
      code: "avro_unreadable",
      kind: "execution",
      hint: "the file is damaged, or not one of an Iceberg table",
    });
  }

  byte(): number {
    const byte = this.#data[this.#at++];
    if (byte === undefined) throw this.problem("it ends in the middle");
    return byte;
  }

  raw(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#data.length) throw this.problem("it ends in the middle");
    const bytes = this.#data.slice(this.#at, end);
    this.#at = end;
    return bytes;
  }

  view(length: number): DataView {
    return new DataView(this.raw(length).buffer);
  }

  /** A zigzag number of variable length. */
  long(): bigint {
    // Numbers are far more often small than not, and bigints are slow.
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt((low >>> 1) ^ -(low & 1));
    }
    let value = BigInt(low);
    for (let shift = 28n;; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
      if (shift > 63n) throw this.problem("a number is too long");
    }
  }

  count(): number {
    return Number(this.long());
  }

  bytes(): Uint8Array {
    return this.raw(this.count());
  }

  /** Counts through the blocks of an array or a map. */
  *blocks(): Generator<void> {
    for (let count = this.count(); count !== 0; count = this.count()) {
      // A negative count is followed by the size of the block, for readers that skip it.
      if (count < 0) this.long();
      for (let i = Math.abs(count); i > 0; i--) yield;
    }
  }
}

/** Bytes of an Avro file in the making. */
export class AvroOutput {
  #data = Buffer.alloc(1024);
  #length = 0;

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#data.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  bytes(bytes: Uint8Array): void {
    this.long(BigInt(bytes.length));
    this.raw(bytes);
  }

  long(value: bigint): void {
    let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    this.#reserve(10);
    while (rest >= 0x80n) {
      this.#data[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#data[this.#length++] = Number(rest);
  }

  array<T>(items: readonly T[], write: (item: T) => void): void {
    if (items.length > 0) {
      this.long(BigInt(items.length));
      for (const item of items) write(item);
    }
    this.long(0n);
  }

  finish(): Uint8Array {
    return new Uint8Array(this.#data.subarray(0, this.#length));
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#data.length) return;
    const larger = Buffer.alloc(Math.max(this.#data.length * 2, this.#length + bytes));
    larger.set(this.#data.subarray(0, this.#length));
    this.#data = larger;
  }
}
