/**
 * What `JSON` of the engine can do besides what its types say:
 * https://tc39.es/proposal-json-parse-with-source/
 */
interface JsonWithSource {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  stringify(value: unknown, replacer: (key: string, value: unknown) => unknown): string;
  rawJSON(text: string): unknown;
}

const EXACT_JSON = JSON as unknown as JsonWithSource;

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
  return EXACT_JSON.parse(text, (key, value, { source }) => {
    if (typeof value === "number" && source !== undefined && /^-?\d+$/.test(source)) {
      return ID_FIELDS.has(key) || !Number.isSafeInteger(value) ? BigInt(source) : value;
    }
    return key === "snapshot-ids" && Array.isArray(value) ? value.map(toId) : value;
  });
}

/** Writes JSON with bigints as plain numbers. */
export function stringifyExactJson(value: unknown): string {
  return EXACT_JSON.stringify(
    value,
    (_key, part) => typeof part === "bigint" ? EXACT_JSON.rawJSON(part.toString()) : part,
  );
}

function toId(value: unknown): unknown {
  return typeof value === "number" ? BigInt(value) : value;
}
