/**
 * The one way to write JSON that is hashed or committed: keys sorted by code unit,
 * `undefined` members left out, two-space indentation (so that `git diff` reads
 * well) and a final newline.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value), null, 2) + "\n";
}

/** Like {@linkcode canonicalJson}, on one line: for hashing only. */
export function compactJson(value: unknown): string {
  return JSON.stringify(sorted(value));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  const object = value as Record<string, unknown>;
  // Without a prototype: a key `__proto__` is one like any other.
  const result: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(object).sort()) {
    if (object[key] !== undefined) result[key] = sorted(object[key]);
  }
  return result;
}
