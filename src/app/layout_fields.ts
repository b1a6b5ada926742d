import type { ManifestNode } from "../model/manifest.ts";

/** A node's own fields as lines of YAML, what is empty left out: for reading and diffs. */
export function layoutFields(config: ManifestNode["config"]): string[] {
  return entryLines(Object.entries(config).map(([name, value]) => [name, parsed(value)] as const));
}

/** Nested fields are kept as JSON text. */
function parsed(value: unknown): unknown {
  if (typeof value !== "string" || !/^[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch (error) {
    if (error instanceof SyntaxError) return value;
    throw error;
  }
}

function entryLines(entries: readonly (readonly [string, unknown])[]): string[] {
  return entries.flatMap(([name, value]) => {
    if (isEmpty(value)) return [];
    if (isFlat(value)) return [`${name}: ${flatText(value)}`];
    return [`${name}:`, ...nestedLines(value).map((line) => `  ${line}`)];
  });
}

function nestedLines(value: unknown): string[] {
  if (!Array.isArray(value)) return entryLines(Object.entries(value as object));
  return value.flatMap((item) => {
    const lines = isFlat(item) ? [flatText(item)] : nestedLines(item);
    return lines.map((line, i) => `${i === 0 ? "- " : "  "}${line}`);
  });
}

function isEmpty(value: unknown): boolean {
  return value === null || value === "" || (Array.isArray(value) && value.length === 0) ||
    (typeof value === "object" && Object.keys(value).length === 0);
}

/** True for what fits on a line: a scalar, a list of them. */
function isFlat(value: unknown): boolean {
  return Array.isArray(value)
    ? value.every((item) => typeof item !== "object" || item === null)
    : typeof value !== "object" || value === null;
}

function flatText(value: unknown): string {
  return Array.isArray(value) ? `[${value.join(", ")}]` : String(value);
}
