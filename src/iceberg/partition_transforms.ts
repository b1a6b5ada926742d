import { Buffer } from "node:buffer";
import { UserError } from "../base/user_error.ts";
import { type PrimitiveValue, twosComplement } from "./single_value.ts";
import { decimalOf } from "./types.ts";
import type { PartitionField, PartitionSpec, PrimitiveType, StructType } from "./table_metadata.ts";

/** How a partition value is made of a column. */
export type Transform =
  | { readonly kind: "identity" | "year" | "month" | "day" | "hour" | "void" }
  | { readonly kind: "bucket" | "truncate"; readonly width: number };

/** Reads the specification's spelling: `bucket[16]`; null for a transform that is not known. */
export function parseTransform(text: string): Transform | null {
  const width = /^(bucket|truncate)\[(\d+)\]$/.exec(text);
  if (width !== null) {
    return { kind: width[1] === "bucket" ? "bucket" : "truncate", width: Number(width[2]) };
  }
  switch (text) {
    case "identity":
    case "year":
    case "month":
    case "day":
    case "hour":
    case "void":
      return { kind: text };
    default:
      return null;
  }
}

/** A partition field as people write it, taken apart. */
export interface PartitionExpression {
  readonly column: string;
  /** As the specification spells it. */
  readonly transform: string;
  /** Name of the partition field: `ts_day`, `id_bucket`, or the column. */
  readonly name: string;
}

const CALL_REGEXP =
  /^\s*([a-z]+)\s*\(\s*(?:(\d+)\s*,\s*)?("(?:[^"]|"")+"|[^\s,()"]+)\s*(?:,\s*(\d+)\s*)?\)\s*$/i;
const SINGULAR: Readonly<Record<string, string>> = {
  years: "year",
  months: "month",
  days: "day",
  hours: "hour",
};

/** Reads `region`, `day(ts)`, `bucket(16, id)`, `truncate(4, "a name")`; null when it is none of these. */
export function parsePartitionExpression(text: string): PartitionExpression | null {
  const call = CALL_REGEXP.exec(text);
  if (call === null) {
    if (/[()]/.test(text) || text.trim() === "") return null;
    const column = unquote(text.trim());
    return { column, transform: "identity", name: column };
  }
  const word = (call[1] ?? "").toLowerCase();
  const kind = SINGULAR[word] ?? word;
  const column = unquote(call[3] ?? "");
  const width = call[2] ?? call[4];
  if (kind === "bucket" || kind === "truncate") {
    if (width === undefined || Number(width) < 1 || Number(width) > 0x7fffffff) return null;
    return {
      column,
      transform: `${kind}[${Number(width)}]`,
      name: `${column}_${kind === "truncate" ? "trunc" : kind}`,
    };
  }
  if (width !== undefined || kind === "void") return null;
  if (kind === "identity") return { column, transform: kind, name: column };
  return parseTransform(kind) === null
    ? null
    : { column, transform: kind, name: `${column}_${kind}` };
}

function unquote(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}

/** The first id of partition fields. */
const FIRST_PARTITION_FIELD = 1000;

/**
 * A partition spec of expressions over a schema; `lastId` is the last partition field id given so far
 * (999: none). Throws a `UserError` `invalid_partition` (3).
 */
export function partitionSpecFor(
  expressions: readonly string[],
  schema: StructType,
  specId: number,
  lastId = FIRST_PARTITION_FIELD - 1,
): PartitionSpec {
  const names = new Set<string>();
  const fields = expressions.map((text, i): PartitionField => {
    const expression = parsePartitionExpression(text);
    if (expression === null) {
      throw partitionProblem(
        `"${text}" is not a partition field`,
        "write a column, year(c), month(c), day(c), hour(c), bucket(16, c) or truncate(4, c)",
      );
    }
    const source = schema.fields.find((field) => field.name === expression.column);
    if (source === undefined) {
      throw partitionProblem(
        `Partition field "${text}" names a column that is not there`,
        `the columns are: ${schema.fields.map((field) => field.name).join(", ")}`,
      );
    }
    checkTransform(text, expression.transform, source.type);
    let name = expression.name;
    while (
      names.has(name) ||
      (expression.transform !== "identity" && schema.fields.some((field) => field.name === name))
    ) name += "_part";
    names.add(name);
    return {
      "source-id": source.id,
      "field-id": lastId + 1 + i,
      name,
      transform: expression.transform,
    };
  });
  return { "spec-id": specId, fields };
}

/** What a transform takes. */
function checkTransform(text: string, transform: string, type: unknown): void {
  const ok = typeof type === "string" && takes(parseTransform(transform), type);
  if (ok) return;
  const what = typeof type === "string" ? type : "a nested type";
  throw partitionProblem(
    `Partition field "${text}" cannot be made of ${what}`,
    "partition by another column, or by another transform of this one",
  );
}

function takes(transform: Transform | null, type: PrimitiveType): boolean {
  const isTime = type === "timestamp" || type === "timestamptz";
  switch (transform?.kind) {
    case "year":
    case "month":
    case "day":
      return isTime || type === "date";
    case "hour":
      return isTime;
    case "truncate":
      return ["int", "long", "string", "binary"].includes(type) || decimalOf(type) !== null;
    case "bucket":
      return !["boolean", "float", "double"].includes(type);
    default:
      return true;
  }
}

/** A partitioning that cannot be. */
export function partitionProblem(message: string, hint: string): UserError {
  return new UserError(message, { code: "invalid_partition", kind: "validation", hint });
}

/** The type of a partition value. */
export function transformResult(transform: Transform, source: PrimitiveType): PrimitiveType {
  switch (transform.kind) {
    case "identity":
    case "truncate":
    case "void":
      return source;
    case "day":
      return "date";
    default:
      return "int";
  }
}

/** The partition value of a value of its column (specification, "Partition Transforms"). */
export function transformValue(
  transform: Transform,
  type: PrimitiveType,
  value: PrimitiveValue | null,
): PrimitiveValue | null {
  if (value === null || transform.kind === "void") return null;
  switch (transform.kind) {
    case "identity":
      return value;
    case "bucket":
      return (hashValue(type, value) & 0x7fffffff) % transform.width;
    case "truncate":
      return truncate(transform.width, value);
    case "hour":
      return Number(floorDiv(BigInt(micros(value)), 3_600_000_000n));
    case "day":
      return daysOf(type, value);
    default: {
      const { year, month } = civil(daysOf(type, value));
      return transform.kind === "year" ? year - 1970 : (year - 1970) * 12 + month - 1;
    }
  }
}

function micros(value: PrimitiveValue): bigint {
  return typeof value === "bigint" ? value : 0n;
}

function daysOf(type: PrimitiveType, value: PrimitiveValue): number {
  return type === "date" ? Number(value) : Number(floorDiv(micros(value), 86_400_000_000n));
}

function floorDiv(a: bigint, b: bigint): bigint {
  return a >= 0n ? a / b : -((-a + b - 1n) / b);
}

/** Year and month of a day since 1970 in the proleptic Gregorian calendar. */
function civil(days: number): { year: number; month: number } {
  const cycles = Math.floor(days / 146_097);
  const date = new Date((days - cycles * 146_097) * 86_400_000);
  return { year: date.getUTCFullYear() + cycles * 400, month: date.getUTCMonth() + 1 };
}

function truncate(width: number, value: PrimitiveValue): PrimitiveValue {
  if (typeof value === "string") return [...value].slice(0, width).join("");
  if (value instanceof Uint8Array) return value.slice(0, width);
  if (typeof value === "bigint") {
    const w = BigInt(width);
    return value - ((value % w) + w) % w;
  }
  return typeof value === "number" ? value - (((value % width) + width) % width) : value;
}

/** The 32-bit hash that buckets are made of (specification, appendix B). */
export function hashValue(type: PrimitiveType, value: PrimitiveValue): number {
  if (typeof value === "string") return murmur3(Buffer.from(value));
  if (value instanceof Uint8Array) return murmur3(value);
  if (decimalOf(type) !== null) return murmur3(twosComplement(BigInt(value)));
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setBigInt64(0, BigInt(value), true);
  return murmur3(new Uint8Array(bytes.buffer));
}

/** Murmur3, x86, 32 bits, seed 0. */
export function murmur3(bytes: Uint8Array): number {
  let hash = 0;
  const blocks = bytes.length & ~3;
  for (let i = 0; i < blocks; i += 4) {
    const block = (bytes[i] ?? 0) | (bytes[i + 1] ?? 0) << 8 | (bytes[i + 2] ?? 0) << 16 |
      (bytes[i + 3] ?? 0) << 24;
    hash ^= mixBlock(block);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = bytes.length - 1; i >= blocks; i--) tail = (tail << 8) | (bytes[i] ?? 0);
  hash ^= mixBlock(tail);
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function mixBlock(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}
