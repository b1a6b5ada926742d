declare global {
  interface JSON {
    /** https://tc39.es/proposal-json-parse-with-source/ */
    parse(
      text: string,
      reviver: (
        this: unknown,
        key: string,
        value: unknown,
        context: { readonly source?: string },
      ) => unknown,
    ): unknown;
    /** https://tc39.es/proposal-json-parse-with-source/ */
    rawJSON(text: string): unknown;
  }
}

/** Fields that hold 64-bit ids: always bigints, so that two of them can be compared whatever their size. */
const ID_FIELDS: ReadonlySet<string> = new Set([
  "snapshot-id",
  "parent-snapshot-id",
  "current-snapshot-id",
]);

/**
 * Parses JSON of Iceberg without losing a digit: snapshot ids are bigints, and so is every
 * other whole number that a double cannot hold. Throws a `SyntaxError`.
 */
export function parseExactJson(text: string): unknown {
  return JSON.parse(text, function (key, value, { source }) {
    if (typeof value === "number" && source !== undefined && /^-?\d+$/.test(source)) {
      return ID_FIELDS.has(key) || !Number.isSafeInteger(value) ? BigInt(source) : value;
    }
    return key === "snapshot-ids" && Array.isArray(value) ? value.map(toId) : value;
  });
}

/** Writes JSON with bigints as plain numbers. */
export function stringifyExactJson(value: unknown): string {
  return JSON.stringify(
    value,
    (_key, part) => typeof part === "bigint" ? JSON.rawJSON(part.toString()) : part,
  );
}

function toId(value: unknown): unknown {
  return typeof value === "number" ? BigInt(value) : value;
}
