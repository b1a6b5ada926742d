import { UserError } from "../base/user_error.ts";
import { type DuckType, duckTypeSql, parseDuckType } from "./duck_type.ts";
import type { IcebergType, ListType, MapType, SchemaField, StructType } from "./table_metadata.ts";

/** Hands out field ids. */
export type NextId = () => number;

/**
 * Iceberg primitives by the DuckDB type that is written as one. Wider where Iceberg has no type as
 * narrow, so that every value of the DuckDB type fits; HUGEINT and UHUGEINT have values beyond the 38
 * digits of a decimal, and writing one of those fails.
 */
const PRIMITIVES: Readonly<Record<string, string>> = {
  BOOLEAN: "boolean",
  TINYINT: "int",
  SMALLINT: "int",
  INTEGER: "int",
  UTINYINT: "int",
  USMALLINT: "int",
  UINTEGER: "long",
  BIGINT: "long",
  UBIGINT: "decimal(20,0)",
  HUGEINT: "decimal(38,0)",
  UHUGEINT: "decimal(38,0)",
  FLOAT: "float",
  DOUBLE: "double",
  DATE: "date",
  TIME: "time",
  TIMESTAMP: "timestamp",
  TIMESTAMP_S: "timestamp",
  TIMESTAMP_MS: "timestamp",
  TIMESTAMP_NS: "timestamp",
  "TIMESTAMP WITH TIME ZONE": "timestamptz",
  VARCHAR: "string",
  JSON: "string",
  ENUM: "string",
  UUID: "uuid",
  BLOB: "binary",
  '"NULL"': "int",
  NULL: "int",
};

/** What a column of a type without an Iceberg counterpart can be cast to. */
const REMEDIES: Readonly<Record<string, string>> = {
  INTERVAL: "Iceberg has no intervals: write CAST({column} AS VARCHAR), or epoch_us({column})",
  "TIME WITH TIME ZONE": "Iceberg has no time with a time zone: write CAST({column} AS TIME)",
  BIT: "write CAST({column} AS VARCHAR)",
  BIGNUM: "write CAST({column} AS VARCHAR)",
  UNION: "write the members as columns of their own",
};

/**
 * The Iceberg type for a DuckDB type, every nested field optional and with an id of its own.
 * Throws a `UserError` `unsupported_type` (3) where there is none that holds every value exactly.
 */
export function icebergTypeFor(type: DuckType, nextId: NextId, column: string): IcebergType {
  switch (type.kind) {
    case "scalar":
      return primitiveFor(type.name, column);
    case "list": {
      const id = nextId();
      return {
        type: "list",
        "element-id": id,
        element: icebergTypeFor(type.element, nextId, `${column}.element`),
        "element-required": false,
      };
    }
    case "map": {
      const keyId = nextId();
      const valueId = nextId();
      return {
        type: "map",
        "key-id": keyId,
        key: icebergTypeFor(type.key, nextId, `${column}.key`),
        "value-id": valueId,
        value: icebergTypeFor(type.value, nextId, `${column}.value`),
        "value-required": false,
      };
    }
    case "struct":
      return {
        type: "struct",
        fields: type.fields.map((field) => {
          const id = nextId();
          return {
            id,
            name: field.name,
            required: false,
            type: icebergTypeFor(field.type, nextId, `${column}.${field.name}`),
          };
        }),
      };
  }
}

function primitiveFor(name: string, column: string): string {
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(name);
  if (decimal !== null) return `decimal(${decimal[1]},${decimal[2]})`;
  const primitive = PRIMITIVES[name];
  if (primitive !== undefined) return primitive;
  throw new UserError(`Column ${column} is ${name}, which no Iceberg type holds`, {
    code: "unsupported_type",
    kind: "validation",
    hint: (REMEDIES[name] ?? "cast {column} to another type in the query")
      .replaceAll("{column}", column),
  });
}

/** DuckDB type in which values of a primitive are written and read. */
const DUCK_SCALARS: Readonly<Record<string, string>> = {
  boolean: "BOOLEAN",
  int: "INTEGER",
  long: "BIGINT",
  float: "FLOAT",
  double: "DOUBLE",
  date: "DATE",
  time: "TIME",
  timestamp: "TIMESTAMP",
  timestamptz: "TIMESTAMP WITH TIME ZONE",
  timestamp_ns: "TIMESTAMP_NS",
  string: "VARCHAR",
  uuid: "UUID",
  binary: "BLOB",
  unknown: "INTEGER",
};

/** The DuckDB type of an Iceberg type. Throws a `UserError` `unsupported_type` (3). */
export function duckTypeFor(type: IcebergType): DuckType {
  if (typeof type === "string") return { kind: "scalar", name: duckScalar(type) };
  switch (type.type) {
    case "list":
      return { kind: "list", element: duckTypeFor(type.element) };
    case "map":
      return { kind: "map", key: duckTypeFor(type.key), value: duckTypeFor(type.value) };
    case "struct":
      return {
        kind: "struct",
        fields: type.fields.map((field) => ({ name: field.name, type: duckTypeFor(field.type) })),
      };
  }
}

/** The DuckDB type of an Iceberg type, as SQL. */
export function duckTypeText(type: IcebergType): string {
  return duckTypeSql(duckTypeFor(type));
}

function duckScalar(primitive: string): string {
  const decimal = decimalOf(primitive);
  if (decimal !== null) return `DECIMAL(${decimal.precision},${decimal.scale})`;
  if (fixedLength(primitive) !== null) return "BLOB";
  const name = DUCK_SCALARS[primitive];
  if (name !== undefined) return name;
  throw new UserError(`Iceberg type ${primitive} cannot be read`, {
    code: "unsupported_type",
    kind: "validation",
    hint: "leave the column out, or change its type with the engine that wrote the table",
  });
}

/** Precision and scale of `decimal(p,s)`; null for another type. */
export function decimalOf(type: IcebergType): { precision: number; scale: number } | null {
  if (typeof type !== "string") return null;
  const match = /^decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)$/.exec(type);
  return match === null ? null : { precision: Number(match[1]), scale: Number(match[2]) };
}

/** Bytes of `fixed[n]`; null for another type. */
export function fixedLength(type: IcebergType): number | null {
  if (typeof type !== "string") return null;
  const match = /^fixed\[\s*(\d+)\s*\]$/.exec(type);
  return match === null ? null : Number(match[1]);
}

/**
 * SQL that brings a value of a DuckDB type into the type it is stored in, exactly or with an error
 * of the engine. Throws a `UserError` `unsupported_type` (3) for nanoseconds inside a nested type.
 */
export function storedExpression(
  sql: string,
  from: DuckType,
  to: IcebergType,
  column: string,
): string {
  const target = duckTypeText(to);
  if (duckTypeSql(from) === target) return sql;
  if (from.kind === "scalar" && from.name === "TIMESTAMP_NS" && to !== "timestamp_ns") {
    // A cast would cut the nanoseconds off without a word.
    return `CASE WHEN isfinite(${sql}) AND epoch_ns(${sql}) % 1000 <> 0 THEN error('column ${
      column.replaceAll("'", "''")
    } holds nanoseconds, and Iceberg keeps microseconds: ' || ${sql}) ELSE CAST(${sql} AS ${target}) END`;
  }
  if (from.kind !== "scalar" && /\bTIMESTAMP_NS\b/.test(duckTypeSql(from))) {
    throw new UserError(`Column ${column} holds nanoseconds inside a nested type`, {
      code: "unsupported_type",
      kind: "validation",
      hint: "Iceberg keeps microseconds: cast the nested field to TIMESTAMP in the query",
    });
  }
  return `CAST(${sql} AS ${target})`;
}

/** Fields below a type, in the order of their ids' meaning: `element`, `key`, `value`, or the struct's own. */
export function childFields(type: IcebergType): readonly SchemaField[] {
  if (typeof type === "string") return [];
  switch (type.type) {
    case "struct":
      return type.fields;
    case "list":
      return [listElement(type)];
    case "map":
      return mapFields(type);
  }
}

function listElement(type: ListType): SchemaField {
  return {
    id: type["element-id"],
    name: "element",
    required: type["element-required"],
    type: type.element,
  };
}

function mapFields(type: MapType): SchemaField[] {
  return [
    { id: type["key-id"], name: "key", required: true, type: type.key },
    {
      id: type["value-id"],
      name: "value",
      required: type["value-required"],
      type: type.value,
    },
  ];
}

/** Every field of a schema, also nested ones, by id. */
export function fieldsById(struct: StructType): Map<number, SchemaField> {
  const fields = new Map<number, SchemaField>();
  const visit = (list: readonly SchemaField[]): void => {
    for (const field of list) {
      fields.set(field.id, field);
      visit(childFields(field.type));
    }
  };
  visit(struct.fields);
  return fields;
}

/** Columns of a schema with the DuckDB types they are read in. */
export function duckColumns(struct: StructType): { name: string; type: string }[] {
  return struct.fields.map((field) => ({ name: field.name, type: duckTypeText(field.type) }));
}

/** A new schema for columns of DuckDB types; ids count from 1, the columns' own first. */
export function structFor(
  columns: readonly { readonly name: string; readonly type: string }[],
  nextId: NextId,
): StructType {
  const ids = columns.map(() => nextId());
  return {
    type: "struct",
    fields: columns.map((column, i) => ({
      id: ids[i] ?? 0,
      name: column.name,
      required: false,
      type: icebergTypeFor(parseDuckType(column.type), nextId, column.name),
    })),
  };
}
