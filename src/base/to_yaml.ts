/** A JSON value as YAML in blocks, keys in the order in which they stand. */
export function toYaml(value: unknown): string {
  return `${block(value, 0).replace(/^\n/, "")}\n`;
}

/** Words that YAML reads as something else than a text. */
const OTHER = /^(true|false|yes|no|on|off|null|~|y|n)$/i;

function block(value: unknown, depth: number): string {
  const indent = "  ".repeat(depth);
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return value.map((item) => `\n${indent}- ${block(item, depth + 1).trimStart()}`).join("");
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    if (entries.length === 0) return "{}";
    return entries.map(([key, item]) => {
      const text = block(item, depth + 1);
      return `\n${indent}${scalar(key)}:${text.startsWith("\n") ? text : ` ${text}`}`;
    }).join("");
  }
  return scalar(value);
}

function scalar(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value) ?? "null";
  const isPlain = /^[A-Za-z_][\w./()-]*( [\w./(),-]+)*$/.test(value) && !OTHER.test(value);
  // A string of JSON is one of YAML, in double quotes.
  return isPlain ? value : JSON.stringify(value);
}
