/**
 * The type a column has after it was written to Parquet and read back.
 *
 * Parquet has no 128-bit integers and DuckDB would write them as DOUBLE, losing
 * digits without a word; they are kept exactly as DECIMAL(38,0) instead.
 * Returns null for a type that cannot be stored at all.
 */
export function storedType(type: string): string | null {
  if (/\bUNION\(|\bVARIANT\b/.test(type)) return null;
  return type
    .replace(
      /"[^"]*"|\bENUM\((?:'(?:[^']|'')*'(?:,\s*)?)*\)/g,
      (part) => part.startsWith('"') ? part : "VARCHAR",
    )
    .replace(
      /"(?:""|[^"])*"|\bU?HUGEINT\b|\bBIT\b|\bBIGNUM\b|\bVARINT\b|\bTIMESTAMP_M?S\b|\bTIME_NS\b|\[\d+\]/g,
      (part) => part.startsWith('"') ? part : REPLACEMENTS[part] ?? "[]",
    );
}

const REPLACEMENTS: Readonly<Record<string, string>> = {
  HUGEINT: "DECIMAL(38,0)",
  UHUGEINT: "DECIMAL(38,0)",
  BIT: "VARCHAR",
  BIGNUM: "VARCHAR",
  VARINT: "VARCHAR",
  TIMESTAMP_S: "TIMESTAMP",
  TIMESTAMP_MS: "TIMESTAMP",
  TIME_NS: "TIME",
};
