import * as arrow from "apache-arrow";
import type { Batch, ColumnType, PlainValue, TypedColumn } from "../engine/column_type.ts";

/**
 * One batch as a complete Arrow IPC stream.
 *
 * Every type keeps its digits: BIGINT is Int64, DECIMAL(p,s) Decimal128, DATE Date32, TIMESTAMP(TZ)
 * in microseconds, lists, structs and maps what Arrow calls so. What Arrow JS has no type for (UUID,
 * INTERVAL, TIMETZ, ENUM, …) is its text.
 */
export function batchIpc(columns: readonly TypedColumn[], batch: Batch): Uint8Array<ArrayBuffer> {
  const fields = columns.map(({ name, type }) => new arrow.Field(name, arrowType(type), true));
  const children = columns.map(({ type }, i) => dataOf(type, batch.values[i]!));
  const schema = new arrow.Schema(fields);
  const data = arrow.makeData({
    type: new arrow.Struct(fields),
    length: batch.length,
    nullCount: 0,
    children,
  });
  const bytes = arrow.tableToIPC(
    new arrow.Table(schema, new arrow.RecordBatch(schema, data)),
    "stream",
  );
  return new Uint8Array(bytes);
}

function arrowType(type: ColumnType): arrow.DataType {
  switch (type.type) {
    case "decimal":
      return new arrow.Decimal(type.scale, type.width, 128);
    case "list":
      return new arrow.List(new arrow.Field("item", arrowType(type.of), true));
    case "struct":
      return structType(type.fields);
    case "map":
      return mapType(type.key, type.value);
    case "scalar":
      return SCALARS[type.name]?.() ?? new arrow.Utf8();
  }
}

const SCALARS: Readonly<Record<string, () => arrow.DataType>> = {
  BOOLEAN: () => new arrow.Bool(),
  TINYINT: () => new arrow.Int8(),
  SMALLINT: () => new arrow.Int16(),
  INTEGER: () => new arrow.Int32(),
  BIGINT: () => new arrow.Int64(),
  UTINYINT: () => new arrow.Uint8(),
  USMALLINT: () => new arrow.Uint16(),
  UINTEGER: () => new arrow.Uint32(),
  UBIGINT: () => new arrow.Uint64(),
  FLOAT: () => new arrow.Float32(),
  DOUBLE: () => new arrow.Float64(),
  DATE: () => new arrow.DateDay(),
  TIME: () => new arrow.TimeMicrosecond(),
  TIMESTAMP: () => new arrow.TimestampMicrosecond(),
  TIMESTAMP_NS: () => new arrow.TimestampNanosecond(),
  "TIMESTAMP WITH TIME ZONE": () => new arrow.TimestampMicrosecond("UTC"),
  BLOB: () => new arrow.Binary(),
};

function structType(
  fields: readonly { readonly name: string; readonly type: ColumnType }[],
): arrow.Struct {
  return new arrow.Struct(
    fields.map(({ name, type }) => new arrow.Field(name, arrowType(type), true)),
  );
}

function mapType(key: ColumnType, value: ColumnType): arrow.Map_ {
  const entries = new arrow.Struct<{ key: arrow.DataType; value: arrow.DataType }>([
    new arrow.Field("key", arrowType(key), false),
    new arrow.Field("value", arrowType(value), true),
  ]);
  return new arrow.Map_(new arrow.Field("entries", entries, false));
}

/** Lays a column out; what is null is told from the values. */
function makeData(
  type: arrow.DataType,
  values: readonly PlainValue[],
  buffers: { readonly data?: ArrayBufferView; readonly offsets?: Int32Array },
  children: arrow.Data[] = [],
): arrow.Data {
  const nullBitmap = new Uint8Array(Math.ceil(values.length / 8));
  let nullCount = 0;
  values.forEach((value, i) => {
    if (value === null) nullCount++;
    else nullBitmap[i >> 3]! |= 1 << (i & 7);
  });
  const { data, offsets } = buffers;
  return new arrow.Data(type, 0, values.length, nullCount, {
    [arrow.BufferType.VALIDITY]: nullBitmap,
    ...(data === undefined ? {} : { [arrow.BufferType.DATA]: data }),
    ...(offsets === undefined ? {} : { [arrow.BufferType.OFFSET]: offsets }),
  }, children);
}

function dataOf(type: ColumnType, values: readonly PlainValue[]): arrow.Data {
  const target = arrowType(type);
  switch (type.type) {
    case "decimal":
      return decimalData(target, values);
    case "list": {
      const { offsets, items } = flatten(values);
      return makeData(target, values, { offsets }, [dataOf(type.of, items)]);
    }
    case "struct":
      return makeData(target, values, {}, members(type.fields.map((field) => field.type), values));
    case "map": {
      const { offsets, items } = flatten(values);
      const entries = mapType(type.key, type.value).children[0]!.type;
      const children = members([type.key, type.value], items);
      return makeData(target, values, { offsets }, [makeData(entries, items, {}, children)]);
    }
    case "scalar":
      return scalarData(target, values);
  }
}

/** The fields of structs, each as a column. */
function members(fields: readonly ColumnType[], values: readonly PlainValue[]): arrow.Data[] {
  return fields.map((field, n) =>
    dataOf(field, values.map((value) => Array.isArray(value) ? value[n] : null))
  );
}

/** Where the items of each list begin among the items of all. */
function flatten(
  values: readonly PlainValue[],
): { offsets: Int32Array; items: PlainValue[] } {
  const offsets = new Int32Array(values.length + 1);
  const items: PlainValue[] = [];
  values.forEach((value, i) => {
    if (Array.isArray(value)) { for (const item of value) items.push(item); }
    offsets[i + 1] = items.length;
  });
  return { offsets, items };
}

/** Values of 128 bits as Arrow lays them out: four words of 32 bits, the lowest first. */
function decimalData(type: arrow.DataType, values: readonly PlainValue[]): arrow.Data {
  const data = new Uint32Array(values.length * 4);
  const words = new BigUint64Array(data.buffer);
  values.forEach((value, i) => {
    if (typeof value !== "bigint") return;
    words[2 * i] = BigInt.asUintN(64, value);
    words[2 * i + 1] = BigInt.asUintN(64, value >> 64n);
  });
  return makeData(type, values, { data });
}

function scalarData(type: arrow.DataType, values: readonly PlainValue[]): arrow.Data {
  if (arrow.DataType.isUtf8(type) || arrow.DataType.isBinary(type)) {
    return bytesData(type, values);
  }
  if (arrow.DataType.isBool(type)) {
    const data = new Uint8Array(Math.ceil(values.length / 8));
    values.forEach((value, i) => {
      if (value === true) data[i >> 3]! |= 1 << (i & 7);
    });
    return makeData(type, values, { data });
  }
  const data = new type.ArrayType(values.length);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    values.forEach((value, i) => {
      if (typeof value === "bigint") data[i] = value;
    });
  } else {
    values.forEach((value, i) => {
      if (typeof value === "number") data[i] = value;
    });
  }
  return makeData(type, values, { data });
}

const UTF8 = new TextEncoder();

function bytesData(
  type: arrow.Utf8 | arrow.Binary,
  values: readonly PlainValue[],
): arrow.Data {
  const valueOffsets = new Int32Array(values.length + 1);
  let data = new Uint8Array(values.length * 16);
  let length = 0;
  const reserve = (more: number) => {
    if (length + more <= data.length) return;
    const larger = new Uint8Array(Math.max(2 * data.length, length + more));
    larger.set(data);
    data = larger;
  };
  values.forEach((value, i) => {
    if (typeof value === "string") {
      reserve(value.length * 3);
      length += UTF8.encodeInto(value, data.subarray(length)).written;
    } else if (value instanceof Uint8Array) {
      reserve(value.length);
      data.set(value, length);
      length += value.length;
    }
    valueOffsets[i + 1] = length;
  });
  return makeData(type, values, { offsets: valueOffsets, data: data.subarray(0, length) });
}
