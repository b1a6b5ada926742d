import { deflateRawSync, inflateRawSync, zstdDecompressSync } from "node:zlib";
import { AvroInput, AvroOutput } from "./avro_binary.ts";

/** An Avro schema as JSON has it. Other writers add attributes of their own (`field-id`), which stay. */
export type AvroSchema = string | readonly AvroSchema[] | AvroComplex;

/** A named or composed schema. */
export interface AvroComplex {
  readonly type: string | AvroSchema;
  readonly name?: string;
  readonly namespace?: string;
  readonly fields?: readonly AvroField[];
  readonly items?: AvroSchema;
  readonly values?: AvroSchema;
  readonly symbols?: readonly string[];
  readonly size?: number;
  readonly logicalType?: string;
  readonly precision?: number;
  readonly scale?: number;
  readonly "adjust-to-utc"?: boolean;
  readonly "element-id"?: number;
}

/** A field of a record. */
export interface AvroField {
  readonly name: string;
  readonly type: AvroSchema;
  readonly "field-id"?: number;
  readonly default?: unknown;
  readonly doc?: string;
}

/** `long` is a bigint, `bytes` and `fixed` are bytes, a map is a record of its keys. */
export type AvroValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly AvroValue[]
  | { readonly [name: string]: AvroValue };

/** An object container file, read. */
export interface AvroFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly schema: AvroSchema;
  readonly records: readonly AvroValue[];
}

const MAGIC = [0x4f, 0x62, 0x6a, 1];
const SYNC_BYTES = 16;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Writes an Avro object container file (https://avro.apache.org/docs/1.12.0/specification/),
 * deflated, as one block. `sync` are the 16 bytes between blocks.
 */
export function writeAvro(
  schema: AvroSchema,
  records: readonly AvroValue[],
  metadata: Readonly<Record<string, string>>,
  sync: Uint8Array,
): Uint8Array {
  const file = new AvroOutput();
  file.raw(Uint8Array.from(MAGIC));
  const header: Record<string, string> = {
    ...metadata,
    "avro.schema": JSON.stringify(schema),
    "avro.codec": "deflate",
  };
  file.long(BigInt(Object.keys(header).length));
  for (const [key, value] of Object.entries(header)) {
    file.bytes(encoder.encode(key));
    file.bytes(encoder.encode(value));
  }
  file.long(0n);
  file.raw(sync);
  if (records.length > 0) {
    const block = new AvroOutput();
    const names = new NamedSchemas(schema);
    for (const record of records) encode(block, schema, record, names);
    file.long(BigInt(records.length));
    file.bytes(deflateRawSync(block.finish()));
    file.raw(sync);
  }
  return file.finish();
}

/** Reads a file of any writer. Throws a `UserError` `avro_unreadable` (4) naming `location`. */
export function readAvro(data: Uint8Array, location: string): AvroFile {
  const input = new AvroInput(data, location);
  if (!MAGIC.every((byte) => byte === input.byte())) throw input.problem("it has no Avro header");
  const metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries(header(input))) metadata[key] = decoder.decode(value);
  const schema: AvroSchema = JSON.parse(metadata["avro.schema"] ?? '"null"');
  const names = new NamedSchemas(schema);
  const sync = input.raw(SYNC_BYTES);
  const records: AvroValue[] = [];
  while (!input.atEnd()) {
    const count = input.count();
    const block = decompress(input, metadata["avro.codec"] ?? "null", input.bytes());
    const content = new AvroInput(block, location);
    for (let i = 0; i < count; i++) records.push(decode(content, schema, names));
    if (!input.raw(SYNC_BYTES).every((byte, i) => byte === sync[i])) {
      throw input.problem("a block does not end where it says");
    }
  }
  return { metadata, schema, records };
}

function header(input: AvroInput): Record<string, Uint8Array> {
  const result: Record<string, Uint8Array> = {};
  for (const _ of input.blocks()) result[decoder.decode(input.bytes())] = input.bytes();
  return result;
}

function decompress(input: AvroInput, codec: string, block: Uint8Array): Uint8Array {
  switch (codec) {
    case "null":
      return block;
    case "deflate":
      return inflateRawSync(block);
    case "zstandard":
      return zstdDecompressSync(block);
    default:
      throw input.problem(`its codec ${codec} is not known`);
  }
}

/** Schemas that later parts of a schema refer to by name. */
class NamedSchemas {
  readonly #schemas = new Map<string, AvroSchema>();

  constructor(schema: AvroSchema) {
    this.#collect(schema);
  }

  resolve(name: string): AvroSchema | null {
    return this.#schemas.get(name) ?? this.#schemas.get(name.slice(name.lastIndexOf(".") + 1)) ??
      null;
  }

  #collect(schema: AvroSchema): void {
    if (typeof schema === "string") return;
    if (isUnion(schema)) {
      for (const branch of schema) this.#collect(branch);
      return;
    }
    if (schema.name !== undefined) {
      this.#schemas.set(schema.name, schema);
      if (schema.namespace !== undefined) {
        this.#schemas.set(`${schema.namespace}.${schema.name}`, schema);
      }
    }
    if (typeof schema.type !== "string") this.#collect(schema.type);
    for (const field of schema.fields ?? []) this.#collect(field.type);
    if (schema.items !== undefined) this.#collect(schema.items);
    if (schema.values !== undefined) this.#collect(schema.values);
  }
}

function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema);
}

function decode(input: AvroInput, schema: AvroSchema, names: NamedSchemas): AvroValue {
  if (isUnion(schema)) {
    const branch = schema[input.count()];
    if (branch === undefined) throw input.problem("a union has no such branch");
    return decode(input, branch, names);
  }
  const type = typeof schema === "string" ? schema : schema.type;
  if (typeof type !== "string") return decode(input, type, names);
  switch (type) {
    case "null":
      return null;
    case "boolean":
      return input.byte() !== 0;
    case "int":
      return Number(input.long());
    case "long":
      return input.long();
    case "float":
      return input.view(4).getFloat32(0, true);
    case "double":
      return input.view(8).getFloat64(0, true);
    case "bytes":
      return input.bytes();
    case "string":
      return decoder.decode(input.bytes());
  }
  if (typeof schema === "string") {
    const named = names.resolve(schema);
    if (named === null) throw input.problem(`its schema has no type ${schema}`);
    return decode(input, named, names);
  }
  return decodeComplex(input, type, schema, names);
}

function decodeComplex(
  input: AvroInput,
  type: string,
  schema: AvroComplex,
  names: NamedSchemas,
): AvroValue {
  switch (type) {
    case "record": {
      const record: Record<string, AvroValue> = {};
      for (const field of schema.fields ?? []) {
        record[field.name] = decode(input, field.type, names);
      }
      return record;
    }
    case "array": {
      const items: AvroValue[] = [];
      for (const _ of input.blocks()) items.push(decode(input, schema.items ?? "null", names));
      return items;
    }
    case "map": {
      const entries: Record<string, AvroValue> = {};
      for (const _ of input.blocks()) {
        const key = decoder.decode(input.bytes());
        entries[key] = decode(input, schema.values ?? "null", names);
      }
      return entries;
    }
    case "fixed":
      return input.raw(schema.size ?? 0);
    case "enum":
      return schema.symbols?.[input.count()] ?? null;
  }
  const named = names.resolve(type);
  if (named === null) throw input.problem(`its schema has no type ${type}`);
  return decode(input, named, names);
}

function encode(
  out: AvroOutput,
  schema: AvroSchema,
  value: AvroValue,
  names: NamedSchemas,
): void {
  if (isUnion(schema)) {
    // All unions written here are "nothing, or this".
    const index = schema.findIndex((branch) => (branch === "null") === (value === null));
    const branch = schema[index];
    if (branch === undefined) throw new Error("no branch of the union takes the value");
    out.long(BigInt(index));
    if (branch !== "null") encode(out, branch, value, names);
    return;
  }
  if (typeof schema !== "string" && typeof schema.type !== "string") {
    return encode(out, schema.type, value, names);
  }
  const type = typeof schema === "string" ? schema : String(schema.type);
  if (typeof value === "boolean" && type === "boolean") return out.raw(Uint8Array.of(+value));
  if (typeof value === "string" && type === "string") return out.bytes(encoder.encode(value));
  if (value instanceof Uint8Array) return type === "bytes" ? out.bytes(value) : out.raw(value);
  if (typeof value === "number" || typeof value === "bigint") return number(out, type, value);
  if (Array.isArray(value) && typeof schema !== "string" && type === "array") {
    return out.array(value, (item) => encode(out, schema.items ?? "null", item, names));
  }
  if (isRecord(value) && typeof schema !== "string" && type === "record") {
    for (const field of schema.fields ?? []) {
      encode(out, field.type, value[field.name] ?? null, names);
    }
    return;
  }
  const named = names.resolve(type);
  if (named === null || named === schema) throw new Error(`value does not fit the schema ${type}`);
  encode(out, named, value, names);
}

function isRecord(value: AvroValue): value is { readonly [name: string]: AvroValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Uint8Array);
}

function number(out: AvroOutput, type: string, value: number | bigint): void {
  if (type === "float" || type === "double") {
    const view = new DataView(new ArrayBuffer(type === "float" ? 4 : 8));
    if (type === "float") view.setFloat32(0, Number(value), true);
    else view.setFloat64(0, Number(value), true);
    return out.raw(new Uint8Array(view.buffer));
  }
  out.long(BigInt(value));
}
