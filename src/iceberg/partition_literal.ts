import { quoteText } from "../engine/quote.ts";
import { decimalOf, duckTypeText } from "./types.ts";
import type { PrimitiveValue } from "./single_value.ts";
import type { PrimitiveType } from "./table_metadata.ts";

/** A partition value of an identity transform as SQL. */
export function partitionLiteral(type: PrimitiveType, value: PrimitiveValue): string {
  if (value instanceof Uint8Array) {
    return type === "uuid" ? `CAST('${value.toHex()}' AS UUID)` : `unhex('${value.toHex()}')`;
  }
  const decimal = decimalOf(type);
  if (decimal !== null) {
    const digits = String(value).replace("-", "").padStart(decimal.scale + 1, "0");
    const cut = digits.length - decimal.scale;
    const sign = String(value).startsWith("-") ? "-" : "";
    const text = `${sign}${digits.slice(0, cut)}.${digits.slice(cut)}`;
    return `CAST('${text}' AS ${duckTypeText(type)})`;
  }
  switch (type) {
    case "date":
      return `(DATE '1970-01-01' + CAST(${value} AS INTEGER))`;
    case "time":
      return `CAST(make_timestamp(${value}) AS TIME)`;
    case "timestamp":
      return `make_timestamp(${value})`;
    case "timestamptz":
      return `CAST(make_timestamp(${value}) AS TIMESTAMP WITH TIME ZONE)`;
    default:
      return `CAST(${quoteText(String(value))} AS ${duckTypeText(type)})`;
  }
}
