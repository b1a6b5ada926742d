import { decimalOf, fixedLength } from "./types.ts";
import type { PrimitiveType } from "./table_metadata.ts";

/**
 * A value of a primitive: numbers for int, float, double and date (days), bigints for long, time,
 * timestamps (microseconds) and the unscaled decimal, bytes for binary, fixed and uuid.
 */
export type PrimitiveValue = boolean | number | bigint | string | Uint8Array;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Single-value serialization as the specification's appendix D has it. */
export function encodeValue(type: PrimitiveType, value: PrimitiveValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return encoder.encode(value);
  if (typeof value === "boolean") return Uint8Array.of(value ? 1 : 0);
  if (decimalOf(type) !== null) return twosComplement(BigInt(value));
  const view = new DataView(new ArrayBuffer(widthOf(type)));
  switch (type) {
    case "int":
    case "date":
      view.setInt32(0, Number(value), true);
      break;
    case "float":
      view.setFloat32(0, Number(value), true);
      break;
    case "double":
      view.setFloat64(0, Number(value), true);
      break;
    default:
      view.setBigInt64(0, BigInt(value), true);
  }
  return new Uint8Array(view.buffer);
}

/** Reads what {@linkcode encodeValue} writes; bytes of a narrower type, written before it was widened, are read as such. */
export function decodeValue(type: PrimitiveType, bytes: Uint8Array): PrimitiveValue {
  if (type === "string") return decoder.decode(bytes);
  if (type === "boolean") return bytes[0] !== 0;
  if (decimalOf(type) !== null) return fromTwosComplement(bytes);
  if (type === "binary" || type === "uuid" || fixedLength(type) !== null) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (type) {
    case "int":
    case "date":
      return view.getInt32(0, true);
    case "float":
      return view.getFloat32(0, true);
    case "double":
      return bytes.length === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
    default:
      return bytes.length === 4 ? BigInt(view.getInt32(0, true)) : view.getBigInt64(0, true);
  }
}

function widthOf(type: PrimitiveType): number {
  return type === "int" || type === "date" || type === "float" ? 4 : 8;
}

/** Big-endian two's complement in as few bytes as hold the value. */
export function twosComplement(value: bigint): Uint8Array {
  let length = 1;
  while (BigInt.asIntN(length * 8, value) !== value) length++;
  const bytes = new Uint8Array(length);
  let rest = value;
  for (let i = length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 255n);
    rest >>= 8n;
  }
  return bytes;
}

/** Reads {@linkcode twosComplement}. */
export function fromTwosComplement(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return BigInt.asIntN(bytes.length * 8, value);
}

/** Bytes that hold the unscaled value of a decimal of a precision. */
export function decimalBytes(precision: number): number {
  const largest = 10n ** BigInt(precision) - 1n;
  return twosComplement(largest).length;
}

/** Code points of a text that a bound keeps (the default of other writers). */
const BOUND_LENGTH = 16;

/** A lower or upper bound of a column; null when there is none that holds. Long texts and bytes are cut. */
export function boundOf(
  type: PrimitiveType,
  value: PrimitiveValue,
  side: "lower" | "upper",
): Uint8Array | null {
  if (typeof value === "string") {
    const text = side === "lower" ? cutText(value) : cutTextUp(value);
    return text === null ? null : encoder.encode(text);
  }
  if (type === "binary" && value instanceof Uint8Array) {
    return side === "lower" ? value.slice(0, BOUND_LENGTH) : cutBytesUp(value);
  }
  if (type === "float" || type === "double") {
    // Zero has two signs, and a bound must hold for both.
    if (value === 0) return encodeValue(type, side === "lower" ? -0 : 0);
  }
  return encodeValue(type, value);
}

function cutText(text: string): string {
  return [...text].slice(0, BOUND_LENGTH).join("");
}

/** The cut text with its last code point raised; null when none can be. */
function cutTextUp(text: string): string | null {
  const points = [...text];
  if (points.length <= BOUND_LENGTH) return text;
  for (let end = BOUND_LENGTH - 1; end >= 0; end--) {
    const raised = (points[end]?.codePointAt(0) ?? 0) + 1;
    if (raised > 0x10ffff) continue;
    // Surrogates are no characters of their own.
    const next = raised >= 0xd800 && raised <= 0xdfff ? 0xe000 : raised;
    return points.slice(0, end).join("") + String.fromCodePoint(next);
  }
  return null;
}

function cutBytesUp(bytes: Uint8Array): Uint8Array | null {
  if (bytes.length <= BOUND_LENGTH) return bytes;
  const cut = bytes.slice(0, BOUND_LENGTH);
  for (let end = BOUND_LENGTH - 1; end >= 0; end--) {
    const byte = cut[end] ?? 255;
    if (byte === 255) continue;
    cut[end] = byte + 1;
    return cut.slice(0, end + 1);
  }
  return null;
}

/**
 * Reads a value as DuckDB's statistics and its JSON rows write it; null for what cannot be told
 * exactly (infinite and BC dates, NaN). Bytes are hexadecimal.
 */
export function parseValue(type: PrimitiveType, text: string): PrimitiveValue | null {
  const decimal = decimalOf(type);
  if (decimal !== null) return parseDecimal(text, decimal.scale);
  if (fixedLength(type) !== null) return parseHex(text);
  switch (type) {
    case "boolean":
      return text === "1" || text === "true";
    case "int":
      return parseFinite(text);
    case "long":
      return /^-?\d+$/.test(text) ? BigInt(text) : null;
    case "float":
    case "double":
      return parseFloatText(text);
    case "date":
      return parseDate(text);
    case "time":
      return parseTime(text);
    case "timestamp":
    case "timestamptz":
      return parseTimestamp(text);
    case "string":
      return text;
    case "uuid":
      return parseHex(text.replaceAll("-", ""));
    case "binary":
      return parseHex(text);
    default:
      return null;
  }
}

function parseFinite(text: string): number | null {
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

function parseFloatText(text: string): number | null {
  if (text === "inf" || text === "Infinity") return Infinity;
  if (text === "-inf" || text === "-Infinity") return -Infinity;
  const value = Number(text);
  return Number.isNaN(value) ? null : value;
}

function parseDecimal(text: string, scale: number): bigint | null {
  const match = /^(-?)(\d*)(?:\.(\d*))?$/.exec(text);
  if (match === null) return null;
  const fraction = (match[3] ?? "").padEnd(scale, "0");
  const unscaled = BigInt(`${match[2]}${fraction}`);
  return match[1] === "-" ? -unscaled : unscaled;
}

function parseDate(text: string): number | null {
  const match = /^(\d{4,6})-(\d\d)-(\d\d)$/.exec(text);
  return match === null ? null : daysOf(Number(match[1]), Number(match[2]), Number(match[3]));
}

function daysOf(year: number, month: number, day: number): number | null {
  const date = Date.UTC(2000, month - 1, day);
  // Years are shifted by whole 400-year cycles: Date.UTC takes two-digit years for 19xx and ends in 275760.
  const cycles = Math.floor((year - 2000) / 400);
  const shifted = Date.UTC(year - cycles * 400, month - 1, day);
  if (Number.isNaN(date) || Number.isNaN(shifted)) return null;
  return shifted / 86_400_000 + cycles * 146_097;
}

function parseTime(text: string): bigint | null {
  const match = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/.exec(text);
  if (match === null) return null;
  const seconds = (Number(match[1]) * 60 + Number(match[2])) * 60 + Number(match[3]);
  return BigInt(seconds) * 1_000_000n + BigInt((match[4] ?? "").padEnd(6, "0") || "0");
}

function parseTimestamp(text: string): bigint | null {
  const match = /^(\d{4,6}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)(?:\+00)?$/.exec(text);
  const days = parseDate(match?.[1] ?? "");
  const time = parseTime(match?.[2] ?? "");
  return days === null || time === null ? null : BigInt(days) * 86_400_000_000n + time;
}

function parseHex(text: string): Uint8Array | null {
  if (!/^([0-9a-fA-F]{2})*$/.test(text)) return null;
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
