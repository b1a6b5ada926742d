/** Parts of a table's name, unquoted: `Shop."Order Items"` is `["shop", "Order Items"]`; null when it is no such name. */
export function tableNameParts(text: string): readonly string[] | null {
  const parts: string[] = [];
  const part = /\s*(?:"((?:[^"]|"")+)"|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*))\s*(\.|$)/y;
  while (part.lastIndex < text.length || parts.length === 0) {
    const match = part.exec(text);
    if (match === null) return null;
    const [, quoted, plain, after] = match;
    parts.push(quoted === undefined ? plain!.toLowerCase() : quoted.replaceAll('""', '"'));
    if (after === "") return parts;
  }
  return null;
}

/** Why a text is not one query that reads; null when it looks like one. The server has the last word. */
export function queryProblem(text: string): string | null {
  const tokens = significantText(text);
  if (tokens === null) return "a quote or comment in it is never closed";
  const body = tokens.trim().replace(/;\s*$/, "").trim();
  if (body === "") return "it is empty";
  if (!/^(select|with)\b/i.test(body)) return "it must start with SELECT or WITH";
  if (body.includes(";")) return "it must be one statement";
  let depth = 0;
  for (const character of body) {
    if (character === "(") depth++;
    if (character === ")" && --depth < 0) break;
  }
  if (depth !== 0) return "its parentheses do not match";
  const writes = /\b(insert\s+into|update\s+\S+\s+set|delete\s+from|merge\s+into)\b/i.exec(body);
  return writes === null ? null : `it must not write: ${writes[1]!.replace(/\s+/g, " ")}`;
}

/** A query that can stand in parentheses: without the semicolon at its end. */
export function queryBody(text: string): string {
  const end = significantText(text)?.trimEnd() ?? text;
  return end.endsWith(";") ? text.slice(0, end.length - 1) : text;
}

/**
 * The text with comments and what stands in quotes blanked out, character for character;
 * null when one of them does not end. Quoted names become underscores, so that they are still a word.
 * https://www.postgresql.org/docs/current/sql-syntax-lexical.html
 */
function significantText(text: string): string | null {
  let result = "";
  for (let at = 0; at < text.length;) {
    const length = skippedLength(text, at);
    if (length < 0) return null;
    if (length === 0) {
      // A word is taken whole: `$` and quotes inside it begin nothing.
      const word = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
      word.lastIndex = at;
      const found = word.exec(text)?.[0] ?? "";
      const isPrefix = /^[eE]$/.test(found) && text[at + 1] === "'";
      const taken = isPrefix || found === "" ? text[at]! : found;
      result += taken;
      at += taken.length;
    } else {
      result += (text[at] === '"' ? "_" : " ").repeat(length);
      at += length;
    }
  }
  return result;
}

/** Length of the comment or quoted text that starts here, 0 when none does, -1 when it does not end. */
function skippedLength(text: string, at: number): number {
  if (text.startsWith("--", at)) {
    const end = text.indexOf("\n", at);
    return (end < 0 ? text.length : end) - at;
  }
  if (text.startsWith("/*", at)) return commentLength(text, at);
  if (text[at] === '"') return endOfQuoted(text, at, '"', false);
  if (text[at] === "'") {
    return endOfQuoted(text, at, "'", /(^|[^\w$])[eE]$/.test(text.slice(Math.max(0, at - 2), at)));
  }
  const dollar = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
  dollar.lastIndex = at;
  const tag = dollar.exec(text)?.[0];
  if (tag === undefined) return 0;
  const end = text.indexOf(tag, at + tag.length);
  return end < 0 ? -1 : end + tag.length - at;
}

/** Comments of this kind nest. */
function commentLength(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    if (text.startsWith("/*", i)) {
      depth++;
      i++;
    } else if (text.startsWith("*/", i)) {
      i++;
      if (--depth === 0) return i + 1 - at;
    }
  }
  return -1;
}

function endOfQuoted(text: string, at: number, quote: string, hasEscapes: boolean): number {
  for (let i = at + 1; i < text.length; i++) {
    if (hasEscapes && text[i] === "\\") i++;
    else if (text[i] === quote) {
      if (text[i + 1] !== quote) return i + 1 - at;
      i++;
    }
  }
  return -1;
}
