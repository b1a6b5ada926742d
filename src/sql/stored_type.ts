/**
 * The type a column has after it was written to Parquet and read back.
 *
 * Parquet has no 128-bit integers and DuckDB would write them as DOUBLE, losing
 * digits without a word; they are kept exactly as DECIMAL(38,0) instead.
 * Returns null for a type that cannot be stored at all.
 */
export function storedType(type: string): string | null {
  const array = /^(.*)\[\d*\]$/s.exec(type);
  if (array !== null) {
    const element = storedType(array[1]!);
    return element === null ? null : `${element}[]`;
  }
  const call = /^([A-Z]+)\((.*)\)$/s.exec(type);
  switch (call?.[1]) {
    case "STRUCT":
      return structType(splitMembers(call[2]!));
    case "MAP": {
      const [key, value] = splitMembers(call[2]!).map(storedType);
      return typeof key !== "string" || typeof value !== "string" ? null : `MAP(${key}, ${value})`;
    }
    case "ENUM":
      return "VARCHAR";
    case "UNION":
      return null;
  }
  return type === "VARIANT" ? null : REPLACEMENTS[type] ?? type;
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

/** Parquet needs a name for every field; DuckDB leaves them out for `row(…)`. */
function structType(members: readonly string[]): string | null {
  const fields = members.map((member) => {
    const match = /^("(?:""|[^"])*"|\S+) (?!WITH )(.+)$/s.exec(member);
    const type = match === null ? null : storedType(match[2]!);
    if (type === null) return null;
    return `${match![1]} ${type}`;
  });
  return fields.includes(null) ? null : `STRUCT(${fields.join(", ")})`;
}

/** Splits at commas that stand outside parentheses and quotes. */
function splitMembers(text: string): string[] {
  const members: string[] = [];
  let depth = 0;
  let member = "";
  for (const [token] of text.matchAll(/"(?:""|[^"])*"|'(?:''|[^'])*'|[^"']/gs)) {
    if (token === "(") depth++;
    if (token === ")") depth--;
    if (token === "," && depth === 0) {
      members.push(member.trim());
      member = "";
    } else member += token;
  }
  return [...members, member.trim()];
}
