import type { AvroSchema, AvroValue } from "./avro_file.ts";
import { FIELD_IDS } from "./manifest_schemas.ts";

/** A record of an Avro file, by field ids: writers name the fields differently, the ids are the specification's. */
export class AvroFields {
  readonly #record: { readonly [name: string]: AvroValue };
  readonly #names: ReadonlyMap<number, { readonly name: string; readonly type: AvroSchema }>;

  constructor(record: AvroValue, schema: AvroSchema) {
    this.#record = isRecord(record) ? record : {};
    this.#names = namesById(schema);
  }

  value(id: number): AvroValue {
    const field = this.#names.get(id);
    return field === undefined ? null : this.#record[field.name] ?? null;
  }

  named(name: string): AvroValue {
    return this.#record[name] ?? null;
  }

  number(id: number): number | null {
    const value = this.value(id);
    return typeof value === "number" || typeof value === "bigint" ? Number(value) : null;
  }

  bigint(id: number): bigint | null {
    const value = this.value(id);
    return typeof value === "number" || typeof value === "bigint" ? BigInt(value) : null;
  }

  optionalText(id: number): string | null {
    const value = this.value(id);
    return typeof value === "string" ? value : null;
  }

  text(id: number): string {
    return this.optionalText(id) ?? "";
  }

  bytes(id: number): Uint8Array | null {
    const value = this.value(id);
    return value instanceof Uint8Array ? value : null;
  }

  numbers(id: number): number[] | null {
    const value = this.value(id);
    return Array.isArray(value) ? value.map(Number) : null;
  }

  record(id: number): AvroFields {
    return new AvroFields(this.value(id), this.#names.get(id)?.type ?? "null");
  }

  records(id: number): AvroFields[] {
    const value = this.value(id);
    const schema = itemsOf(this.#names.get(id)?.type ?? "null");
    return Array.isArray(value) ? value.map((item) => new AvroFields(item, schema)) : [];
  }

  counts(id: number): Map<number, number> {
    return new Map(
      this.#entries(id).map(([key, value]) => [key, Number(value)]),
    );
  }

  bounds(id: number): Map<number, Uint8Array> {
    return new Map(
      this.#entries(id).flatMap(([key, value]) =>
        value instanceof Uint8Array ? [[key, value]] : []
      ),
    );
  }

  #entries(id: number): [number, AvroValue][] {
    const value = this.value(id);
    if (Array.isArray(value)) {
      return value.flatMap((item): [number, AvroValue][] =>
        isRecord(item) ? [[Number(item["key"]), item["value"] ?? null]] : []
      );
    }
    return isRecord(value) ? Object.entries(value).map(([key, item]) => [Number(key), item]) : [];
  }
}

function isRecord(value: AvroValue): value is { readonly [name: string]: AvroValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Uint8Array);
}

const NAMES = new WeakMap<
  object,
  ReadonlyMap<number, { readonly name: string; readonly type: AvroSchema }>
>();

function namesById(
  schema: AvroSchema,
): ReadonlyMap<number, { readonly name: string; readonly type: AvroSchema }> {
  if (typeof schema === "string") return new Map();
  const known = NAMES.get(schema);
  if (known !== undefined) return known;
  const record = recordOf(schema);
  const names = new Map<number, { readonly name: string; readonly type: AvroSchema }>();
  for (const field of record?.fields ?? []) {
    // ClickHouse leaves the ids out.
    const id = field["field-id"] ?? FIELD_IDS.get(field.name);
    if (id !== undefined) names.set(id, field);
  }
  NAMES.set(schema, names);
  return names;
}

/** The record in a schema that may be an optional one. */
function recordOf(schema: AvroSchema): Exclude<AvroSchema, string | readonly AvroSchema[]> | null {
  if (typeof schema === "string") return null;
  if (isUnion(schema)) {
    for (const branch of schema) {
      const record = recordOf(branch);
      if (record !== null) return record;
    }
    return null;
  }
  return typeof schema.type === "string" ? schema : recordOf(schema.type);
}

function itemsOf(schema: AvroSchema): AvroSchema {
  return recordOf(schema)?.items ?? "null";
}

function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema);
}
