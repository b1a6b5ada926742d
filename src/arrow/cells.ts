import * as arrow from "apache-arrow";

/**
 * A value of an Arrow column as scripts see it in rows: exact, and given back unchanged when it is
 * returned. Integers of 64 bits are `bigint`; decimals, dates, times and timestamps are text as SQL
 * writes it; binary is `Uint8Array`; lists are arrays, structs and maps with text keys objects.
 */
export type RowValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly RowValue[]
  | { readonly [field: string]: RowValue };

type Reader = (index: number) => RowValue;

/** Reads the cells of a column by row number. */
export function columnReader(vector: arrow.Vector): Reader {
  const parts = vector.data.map((data) => ({ length: data.length, read: dataReader(data) }));
  const only = parts[0];
  if (parts.length === 1 && only !== undefined) return only.read;
  let current = 0;
  let start = 0;
  return (index) => {
    if (index < start) current = start = 0;
    while (index >= start + parts[current]!.length) start += parts[current++]!.length;
    return parts[current]!.read(index - start);
  };
}

function dataReader(data: arrow.Data): Reader {
  const read = valueReader(data);
  return data.nullCount === 0 ? read : (index) => data.getValid(index) ? read(index) : null;
}

function valueReader(data: arrow.Data): Reader {
  const { type, values } = data;
  if (arrow.DataType.isDecimal(type)) return decimalReader(data, type.scale);
  if (arrow.DataType.isDate(type)) {
    const isDay = type.unit === arrow.DateUnit.DAY;
    return (i) => dateText(isDay ? Number(values[i]) : Math.floor(Number(values[i]) / 86_400_000));
  }
  if (arrow.DataType.isTimestamp(type)) {
    const zone = type.timezone ? "+00" : "";
    return (i) => timestampText(BigInt(values[i]), type.unit, zone);
  }
  if (arrow.DataType.isTime(type)) return (i) => timeText(BigInt(values[i]), type.unit);
  if (arrow.DataType.isMap(type)) return mapReader(data);
  if (arrow.DataType.isList(type) || arrow.DataType.isFixedSizeList(type)) return listReader(data);
  if (arrow.DataType.isStruct(type)) {
    const fields = type.children.map(({ name }, n) => ({
      name,
      read: dataReader(data.children[n]!),
    }));
    return (i) => Object.fromEntries(fields.map(({ name, read }) => [name, read(i)]));
  }
  if (arrow.DataType.isDictionary(type) && data.dictionary !== undefined) {
    const read = columnReader(data.dictionary);
    return (i) => read(Number(values[i]));
  }
  if (arrow.DataType.isBinary(type)) {
    const vector = new arrow.Vector([data]);
    return (i) => (vector.get(i) as Uint8Array).slice();
  }
  const vector = new arrow.Vector([data]);
  return (i) => vector.get(i) as RowValue;
}

function listReader(data: arrow.Data): Reader {
  const child = data.children[0]!;
  const read = dataReader(child);
  const { valueOffsets, stride } = data;
  const isFixed = arrow.DataType.isFixedSizeList(data.type);
  return (i) => {
    const from = isFixed ? i * stride : Number(valueOffsets[i]);
    const to = isFixed ? from + stride : Number(valueOffsets[i + 1]);
    return Array.from({ length: to - from }, (_, n) => read(from + n));
  };
}

function mapReader(data: arrow.Data): Reader {
  const entries = data.children[0]!;
  const [key, value] = [dataReader(entries.children[0]!), dataReader(entries.children[1]!)];
  const { valueOffsets } = data;
  return (i) => {
    const result: Record<string, RowValue> = {};
    for (let n = Number(valueOffsets[i]); n < Number(valueOffsets[i + 1]); n++) {
      result[String(key(n))] = value(n);
    }
    return result;
  };
}

function decimalReader(data: arrow.Data, scale: number): Reader {
  const { values, stride } = data;
  return (i) => {
    let value = 0n;
    for (let n = stride - 1; n >= 0; n--) value = value << 32n | BigInt(values[stride * i + n]);
    value = BigInt.asIntN(32 * stride, value);
    const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, "0");
    const whole = digits.slice(0, digits.length - scale);
    const sign = value < 0n ? "-" : "";
    return scale === 0 ? sign + whole : `${sign}${whole}.${digits.slice(-scale)}`;
  };
}

/** What DuckDB keeps for dates and timestamps without end, in days and in their units. */
const INFINITE_DAYS = 2_147_483_647;
const INFINITE = 2n ** 63n - 1n;

function dateText(days: number): string {
  if (days >= INFINITE_DAYS) return "infinity";
  if (days <= -INFINITE_DAYS) return "-infinity";
  const date = new Date(days * 86_400_000);
  if (Number.isNaN(date.getTime())) throw new RangeError(`${days} days are beyond what dates hold`);
  const year = date.getUTCFullYear();
  const shown = year > 0 ? year : 1 - year;
  const rest = date.toISOString().slice(-19, -14);
  return `${String(shown).padStart(4, "0")}-${rest}${year > 0 ? "" : " (BC)"}`;
}

/** Digits behind the second, by `arrow.TimeUnit`. */
const DIGITS = [0, 3, 6, 9] as const;

function timestampText(value: bigint, unit: arrow.TimeUnit, zone: string): string {
  if (value === INFINITE) return "infinity";
  if (value === -INFINITE) return "-infinity";
  const day = 86_400n * 10n ** BigInt(DIGITS[unit]);
  const within = (value % day + day) % day;
  return `${dateText(Number((value - within) / day))} ${timeText(within, unit)}${zone}`;
}

function timeText(value: bigint, unit: arrow.TimeUnit): string {
  const digits = DIGITS[unit];
  const scale = 10n ** BigInt(digits);
  const seconds = Number(value / scale);
  const two = (n: number) => String(n).padStart(2, "0");
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${
    two(seconds % 60)
  }`;
  const fraction = (value % scale).toString().padStart(digits, "0").replace(/0+$/, "");
  return fraction === "" ? clock : `${clock}.${fraction}`;
}
