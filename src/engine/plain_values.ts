import {
  DuckDBArrayType,
  DuckDBArrayValue,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalType,
  DuckDBDecimalValue,
  DuckDBListType,
  DuckDBListValue,
  DuckDBMapType,
  DuckDBMapValue,
  DuckDBStructType,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  type DuckDBType,
  type DuckDBValue,
} from "@duckdb/node-api";
import type { ColumnType, PlainValue } from "./column_type.ts";

/** The type as a tree. */
export function columnType(type: DuckDBType): ColumnType {
  if (type instanceof DuckDBDecimalType) {
    return { type: "decimal", width: type.width, scale: type.scale };
  }
  if (type instanceof DuckDBListType || type instanceof DuckDBArrayType) {
    return { type: "list", of: columnType(type.valueType) };
  }
  if (type instanceof DuckDBStructType) {
    return {
      type: "struct",
      fields: type.entryNames.map((name, i) => ({ name, type: columnType(type.entryTypes[i]!) })),
    };
  }
  if (type instanceof DuckDBMapType) {
    return { type: "map", key: columnType(type.keyType), value: columnType(type.valueType) };
  }
  return { type: "scalar", name: type.alias ?? String(type) };
}

/** A value without the engine's classes; see {@linkcode PlainValue}. */
export function plainValue(value: DuckDBValue, type: ColumnType): PlainValue {
  if (value === null) return null;
  if (typeof value !== "object") return value;
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue) {
    return value.micros;
  }
  if (value instanceof DuckDBDecimalValue) return value.value;
  if (value instanceof DuckDBDateValue) return value.days;
  if (value instanceof DuckDBTimeValue) return value.micros;
  if (value instanceof DuckDBTimestampNanosecondsValue) return value.nanos;
  if (value instanceof DuckDBTimestampMillisecondsValue) return value.millis;
  if (value instanceof DuckDBTimestampSecondsValue) return value.seconds;
  if (value instanceof DuckDBBlobValue) return value.bytes;
  if (type.type === "list") {
    return value instanceof DuckDBListValue || value instanceof DuckDBArrayValue
      ? value.items.map((item) => plainValue(item, type.of))
      : String(value);
  }
  if (value instanceof DuckDBStructValue && type.type === "struct") {
    return type.fields.map((field) => plainValue(value.entries[field.name]!, field.type));
  }
  if (value instanceof DuckDBMapValue && type.type === "map") {
    return value.entries.map((entry) => [
      plainValue(entry.key, type.key),
      plainValue(entry.value, type.value),
    ]);
  }
  return String(value);
}
