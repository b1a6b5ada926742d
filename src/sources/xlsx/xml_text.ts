const NAMED: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};

/** The text that stands for itself behind XML's references. */
export function unescapeXml(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(
    /&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g,
    (all, hex: string | undefined, decimal: string | undefined, name: string | undefined) => {
      if (name !== undefined) return NAMED[name] ?? all;
      return String.fromCodePoint(hex === undefined ? Number(decimal) : parseInt(hex, 16));
    },
  );
}

const attributePatterns = new Map<string, RegExp>();

/** The value of an attribute in the text of a start tag, without regard to a prefix of its name; null when it is not there. */
export function attribute(tag: string, name: string): string | null {
  let pattern = attributePatterns.get(name);
  if (pattern === undefined) {
    pattern = new RegExp(`(?:^|[\\s:])${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`);
    attributePatterns.set(name, pattern);
  }
  const match = pattern.exec(tag);
  return match === null ? null : unescapeXml(match[1] ?? match[2] ?? "");
}

/** Elements of a name in a text, none inside another of that name: their start tag's text and what is in them. */
export function* elements(xml: string, name: string): Generator<{ tag: string; inner: string }> {
  const pattern = elementPattern(name);
  for (const [, tag, inner] of xml.matchAll(pattern)) yield { tag: tag ?? "", inner: inner ?? "" };
}

const patterns = new Map<string, RegExp>();

function elementPattern(name: string): RegExp {
  let pattern = patterns.get(name);
  if (pattern === undefined) {
    pattern = new RegExp(
      `<(?:\\w+:)?${name}(?=[\\s/>])((?:[^>"']|"[^"]*"|'[^']*')*?)(?:/>|>([\\s\\S]*?)</(?:\\w+:)?${name}\\s*>)`,
      "g",
    );
    patterns.set(name, pattern);
  }
  return pattern;
}

/** The first element of a name, or null. */
export function firstElement(xml: string, name: string): { tag: string; inner: string } | null {
  return elements(xml, name).next().value ?? null;
}

/** Texts of a string item or inline string: its runs one after the other, without what only says how they sound. */
export function stringText(inner: string): string {
  const spoken = inner.includes("rPh")
    ? inner.replace(/<(?:\w+:)?rPh\b[\s\S]*?<\/(?:\w+:)?rPh\s*>/g, "")
    : inner;
  let text = "";
  for (const run of elements(spoken, "t")) text += run.inner;
  return unescapeString(unescapeXml(text));
}

/** Characters that XML cannot hold are written `_x000D_` in workbooks (ECMA-376, ST_Xstring). */
export function unescapeString(text: string): string {
  if (!text.includes("_x")) return text;
  return text.replace(
    /_x([0-9A-Fa-f]{4})_/g,
    (_, hex: string) => String.fromCharCode(parseInt(hex, 16)),
  );
}

/**
 * Complete elements of a name out of pieces of a text, one after the other; no more than one of them is held.
 * Ends where `end` begins. Throws a `RangeError` for an element of more than 256 MB.
 */
export async function* streamElements(
  pieces: AsyncIterable<string>,
  name: string,
  end: string,
): AsyncGenerator<{ tag: string; inner: string }> {
  const start = new RegExp(`<(?:\\w+:)?(?:${name}(?=[\\s/>])|/${end}\\s*>)`, "g");
  const close = new RegExp(`</(?:\\w+:)?${name}\\s*>`, "g");
  let text = "";
  let at = 0;
  for await (const piece of pieces) {
    text = text.slice(at) + piece;
    at = 0;
    if (text.length > 1 << 28) throw new RangeError("an element is too large");
    for (;;) {
      start.lastIndex = at;
      const found = start.exec(text);
      if (found === null) {
        at = Math.max(at, text.lastIndexOf("<"));
        break;
      }
      if (found[0].includes(`/`)) return;
      at = found.index;
      const tagEnd = text.indexOf(">", at);
      if (tagEnd < 0) break;
      const tag = text.slice(at + found[0].length, tagEnd);
      if (tag.endsWith("/")) {
        at = tagEnd + 1;
        yield { tag, inner: "" };
        continue;
      }
      close.lastIndex = tagEnd;
      const closed = close.exec(text);
      if (closed === null) break;
      at = closed.index + closed[0].length;
      yield { tag, inner: text.slice(tagEnd + 1, closed.index) };
    }
  }
}
