import * as arrow from "apache-arrow";
import type { Table } from "../engine/session.ts";

/**
 * Rows as an Arrow IPC file. Integers, floating point numbers, booleans, dates and
 * timestamps keep their type; decimals and everything nested are text, so that no
 * digit is lost.
 */
export function arrowIpc({ columns, rows }: Table): Uint8Array {
  const vectors: Record<string, arrow.Vector> = {};
  columns.forEach(({ name, type }, i) => {
    const target = arrowType(type);
    const cells = rows.map((row) => row[i]);
    vectors[name] = arrow.DataType.isTimestamp(target)
      ? timestampVector(cells, target)
      : arrow.vectorFromArray(cells.map((cell) => arrowValue(cell, target)), target);
  });
  return arrow.tableToIPC(new arrow.Table(vectors), "file");
}

function arrowType(type: string): arrow.DataType {
  switch (type) {
    case "BOOLEAN":
      return new arrow.Bool();
    case "TINYINT":
      return new arrow.Int8();
    case "SMALLINT":
      return new arrow.Int16();
    case "INTEGER":
      return new arrow.Int32();
    case "BIGINT":
      return new arrow.Int64();
    case "UTINYINT":
      return new arrow.Uint8();
    case "USMALLINT":
      return new arrow.Uint16();
    case "UINTEGER":
      return new arrow.Uint32();
    case "UBIGINT":
      return new arrow.Uint64();
    case "FLOAT":
      return new arrow.Float32();
    case "DOUBLE":
      return new arrow.Float64();
    case "DATE":
      return new arrow.DateDay();
    case "TIMESTAMP":
      return new arrow.TimestampMicrosecond();
    case "TIMESTAMP WITH TIME ZONE":
      return new arrow.TimestampMicrosecond("UTC");
    default:
      return new arrow.Utf8();
  }
}

function arrowValue(cell: unknown, type: arrow.DataType): unknown {
  if (cell === null || cell === undefined) return null;
  if (arrow.DataType.isInt(type)) return type.bitWidth === 64 ? BigInt(String(cell)) : Number(cell);
  if (arrow.DataType.isFloat(type)) return Number(cell);
  if (arrow.DataType.isBool(type)) return cell;
  if (arrow.DataType.isDate(type)) return new Date(`${cell}T00:00:00Z`);
  return typeof cell === "object" ? JSON.stringify(cell) : String(cell);
}

/** Laid out by hand: the library's own conversion goes through milliseconds as a floating point number. */
function timestampVector(cells: readonly unknown[], type: arrow.Timestamp): arrow.Vector {
  const data = new BigInt64Array(cells.length);
  const nullBitmap = new Uint8Array(Math.ceil(cells.length / 8));
  let nullCount = 0;
  cells.forEach((cell, i) => {
    if (cell === null || cell === undefined) nullCount++;
    else {
      data[i] = microseconds(String(cell));
      nullBitmap[i >> 3]! |= 1 << (i & 7);
    }
  });
  return arrow.makeVector(
    arrow.makeData({ type, length: cells.length, nullCount, nullBitmap, data }),
  );
}

/** Microseconds since 1970 of `2026-01-02 03:04:05.678901`, UTC. */
function microseconds(text: string): bigint {
  const match = /^(.+?)(?:\.(\d{1,6}))?(?:\+00(?::00)?)?$/.exec(text)!;
  const seconds = BigInt(Date.parse(`${match[1]!.replace(" ", "T")}Z`)) * 1000n;
  return seconds + BigInt((match[2] ?? "").padEnd(6, "0"));
}
