import { isNumber, isTime } from "./input_columns.ts";

/** Words of feature stores that stand for several SQL types. */
const FAMILIES: Readonly<Record<string, (type: string) => boolean>> = {
  int: isInteger,
  integer: isInteger,
  float: isNumber,
  number: isNumber,
  numeric: isNumber,
  decimal: isNumber,
  string: (type) => type === "VARCHAR",
  text: (type) => type === "VARCHAR",
  bool: (type) => type === "BOOLEAN",
  datetime: isTime,
  timestamp: isTime,
};

function isInteger(type: string): boolean {
  return isNumber(type) && (/INT/.test(type) || type.endsWith(",0)"));
}

/**
 * What to write instead of a feature's `dtype` where a column of this SQL type does not keep it; null where it does. A
 * `dtype` is a word such as `float` or `string`, or the SQL type itself.
 */
export function dtypeProblem(dtype: string, type: string): string | null {
  const written = dtype.trim();
  const family = Object.entries(FAMILIES).find(([word]) => word === written.toLowerCase())?.[1];
  const spaceless = (text: string) => text.replaceAll(/\s/g, "").toUpperCase();
  const isKept = family === undefined ? spaceless(written) === spaceless(type) : family(type);
  if (isKept) return null;
  const word = Object.entries(FAMILIES).find(([, includes]) => includes(type))?.[0];
  return `declare ${word === undefined ? type : `${word} or ${type}`}, or cast it in the query`;
}
