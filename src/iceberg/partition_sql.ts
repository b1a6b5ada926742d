import { quoteName } from "../engine/quote.ts";
import { partitionProblem, type Transform } from "./partition_transforms.ts";
import { parseValue, type PrimitiveValue } from "./single_value.ts";
import { decimalOf, fixedLength } from "./types.ts";
import type { PrimitiveType } from "./table_metadata.ts";

/**
 * Functions that {@linkcode transformSql} calls for buckets, to be created once in a session. The hash runs
 * over the hexadecimal digits of the bytes, four bytes at a time, in unsigned 64-bit arithmetic.
 */
export const BUCKET_MACROS = `
CREATE OR REPLACE TEMP MACRO seeknal_rotl(x, r) AS
  ((x << r) | (x >> (32 - r))) & 4294967295::UBIGINT;
CREATE OR REPLACE TEMP MACRO seeknal_mix(k) AS
  (seeknal_rotl((k * 3432918353::UBIGINT) & 4294967295::UBIGINT, 15) * 461845907::UBIGINT) & 4294967295::UBIGINT;
CREATE OR REPLACE TEMP MACRO seeknal_step(h, k) AS
  (seeknal_rotl(xor(h, seeknal_mix(k)), 13) * 5::UBIGINT + 3864292196::UBIGINT) & 4294967295::UBIGINT;
CREATE OR REPLACE TEMP MACRO seeknal_final(x) AS list_reduce([1::UBIGINT, 2::UBIGINT, 3::UBIGINT], lambda h, i: CASE i
  WHEN 1 THEN (xor(h, h >> 16) * 2246822507::UBIGINT) & 4294967295::UBIGINT
  WHEN 2 THEN (xor(h, h >> 13) * 3266489909::UBIGINT) & 4294967295::UBIGINT
  ELSE xor(h, h >> 16) END, x);
CREATE OR REPLACE TEMP MACRO seeknal_hash_words(words, tail, length) AS seeknal_final(
  xor(xor(list_reduce(words, lambda h, k: seeknal_step(h, k), 0::UBIGINT), tail), length));
CREATE OR REPLACE TEMP MACRO seeknal_hash_unsigned(u) AS
  seeknal_hash_words([u & 4294967295::UBIGINT, u >> 32], 0::UBIGINT, 8::UBIGINT);
CREATE OR REPLACE TEMP MACRO seeknal_hash_long(v) AS
  seeknal_hash_unsigned(CAST(CASE WHEN v < 0 THEN v::HUGEINT + 18446744073709551616 ELSE v::HUGEINT END AS UBIGINT));
CREATE OR REPLACE TEMP MACRO seeknal_word(d) AS
  CAST('0x' || d[7:8] || d[5:6] || d[3:4] || d[1:2] AS UBIGINT);
CREATE OR REPLACE TEMP MACRO seeknal_hash_hex(d) AS seeknal_hash_words(
  list_transform(range(0, len(d) // 8), lambda i: seeknal_word(d[i * 8 + 1:i * 8 + 8])),
  CASE WHEN len(d) % 8 = 0 THEN 0::UBIGINT ELSE seeknal_mix(seeknal_word(d[(len(d) // 8) * 8 + 1:])) END,
  (len(d) // 2)::UBIGINT);
CREATE OR REPLACE TEMP MACRO seeknal_twos_complement(v) AS CASE
  WHEN v < 0 THEN regexp_replace(hex(v), '^(?:FF)+([89A-F].)', '\\1')
  ELSE regexp_replace(lpad(hex(v), 32, '0'), '^(?:00)+([0-7].)', '\\1') END;
`;

/** SQL of a partition value in its own type; buckets need {@linkcode BUCKET_MACROS} in the session. */
export function transformSql(transform: Transform, column: string, type: PrimitiveType): string {
  const name = quoteName(column);
  switch (transform.kind) {
    case "identity":
      return name;
    case "bucket":
      return `CAST((${hashSql(name, type)} & 2147483647) % ${transform.width} AS INTEGER)`;
    case "void":
      return `CASE WHEN false THEN ${name} END`;
    case "year":
      return `CAST(year(${name}) - 1970 AS INTEGER)`;
    case "month":
      return `CAST((year(${name}) - 1970) * 12 + month(${name}) - 1 AS INTEGER)`;
    case "day":
      return `CAST(${name} AS DATE)`;
    case "hour":
      // Integer division goes towards zero; hours before 1970 go down.
      return `CAST((epoch_us(${name}) - ((epoch_us(${name}) % 3600000000) + 3600000000) % 3600000000) // 3600000000 AS INTEGER)`;
    case "truncate":
      return truncateSql(name, transform.width, type);
  }
}

function hashSql(name: string, type: PrimitiveType): string {
  if (decimalOf(type) !== null) {
    return `seeknal_hash_hex(seeknal_twos_complement(${digitsSql(name)}))`;
  }
  if (type === "string") return `seeknal_hash_hex(hex(encode(${name})))`;
  if (type === "uuid") return `seeknal_hash_hex(replace(CAST(${name} AS VARCHAR), '-', ''))`;
  if (type === "binary" || fixedLength(type) !== null) return `seeknal_hash_hex(hex(${name}))`;
  return `seeknal_hash_long(${countSql(name, type)})`;
}

/** Days, microseconds or the number itself. */
function countSql(name: string, type: PrimitiveType): string {
  if (type === "date") return `(${name} - DATE '1970-01-01')`;
  return type === "int" || type === "long" ? name : `epoch_us(${name})`;
}

/** The unscaled value of a decimal, which loses no digit. */
function digitsSql(name: string): string {
  return `CAST(replace(CAST(${name} AS VARCHAR), '.', '') AS HUGEINT)`;
}

/** SQL that shows a partition value as text that {@linkcode readShown} reads back exactly. */
export function shownSql(sql: string, type: PrimitiveType): string {
  if (type === "binary" || fixedLength(type) !== null) return `hex(${sql})`;
  if (["date", "time", "timestamp", "timestamptz"].includes(type)) {
    return `CAST(${countSql(sql, type)} AS VARCHAR)`;
  }
  return `CAST(${sql} AS VARCHAR)`;
}

/** Reads {@linkcode shownSql}. Throws a `UserError` `invalid_partition` (3) for NaN. */
export function readShown(type: PrimitiveType, text: string): PrimitiveValue {
  if (type === "date") return Number(text);
  if (["time", "timestamp", "timestamptz"].includes(type)) return BigInt(text);
  const value = parseValue(type, text);
  if (value !== null) return value;
  throw partitionProblem(`A table cannot be partitioned by the value ${text}`, "leave it out");
}

function truncateSql(name: string, width: number, type: PrimitiveType): string {
  if (type === "string") {
    return `array_to_string(list_slice(regexp_extract_all(${name}, '(?s).'), 1, ${width}), '')`;
  }
  if (type === "binary") return `unhex(substr(hex(${name}), 1, ${width * 2}))`;
  const decimal = decimalOf(type);
  if (decimal === null) {
    const wide = `CAST(${name} AS HUGEINT)`;
    return `CAST(${wide} - ((${wide} % ${width}) + ${width}) % ${width} AS ${
      type === "int" ? "INTEGER" : "BIGINT"
    })`;
  }
  const digits = digitsSql(name);
  const cut = `(${digits} - ((${digits} % ${width}) + ${width}) % ${width})`;
  return decimal.scale === 0
    ? `CAST(${cut} AS DECIMAL(${decimal.precision},0))`
    : decimalFromDigits(cut, decimal);
}

/** An unscaled number as a decimal, through its text: multiplication would leave the 38 digits. */
function decimalFromDigits(sql: string, decimal: { precision: number; scale: number }): string {
  const padded =
    `lpad(CAST(abs(${sql}) AS VARCHAR), CAST(greatest(len(CAST(abs(${sql}) AS VARCHAR)), ${
      decimal.scale + 1
    }) AS INTEGER), '0')`;
  return `CAST(CASE WHEN ${sql} < 0 THEN '-' ELSE '' END || ${padded}[:-${
    decimal.scale + 1
  }] || '.' || ${padded}[-${decimal.scale}:] AS DECIMAL(${decimal.precision},${decimal.scale}))`;
}
