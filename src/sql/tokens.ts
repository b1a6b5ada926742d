/** What a stretch of SQL text is. */
export type TokenKind =
  | "comment"
  | "space"
  | "string"
  | "quoted"
  | "template"
  | "word"
  | "other";

/** A stretch of SQL text; tokens lie end to end. */
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Offset of the first character. */
  readonly start: number;
}

const TOKEN_REGEXP = new RegExp(
  [
    "(?<comment>--[^\\n]*|/\\*[\\s\\S]*?(?:\\*/|$))",
    "(?<space>\\s+)",
    "(?<string>[eE]'(?:\\\\[\\s\\S]|''|[^'\\\\])*'?|'(?:''|[^'])*'?|\\$(?<tag>(?:[A-Za-z_\\u0080-\\uffff][\\w\\u0080-\\uffff]*)?)\\$[\\s\\S]*?\\$\\k<tag>\\$)",
    '(?<quoted>"(?:""|[^"])*"?)',
    "(?<template>\\{\\{[\\s\\S]*?\\}\\})",
    "(?<word>[\\p{L}_][\\p{L}\\p{N}_$]*)",
    "(?<other>[\\s\\S])",
  ].join("|"),
  "gyu",
);

const KINDS: readonly TokenKind[] = [
  "comment",
  "space",
  "string",
  "quoted",
  "template",
  "word",
  "other",
];

/**
 * Cuts SQL into words, strings, comments and the rest: enough to find a name
 * that is really code. Everything deeper is DuckDB's business.
 */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  for (const match of sql.matchAll(TOKEN_REGEXP)) {
    const kind = KINDS.find((kind) => match.groups![kind] !== undefined)!;
    tokens.push({ kind, text: match[0], start: match.index });
  }
  return tokens;
}

/** A statement without the semicolons, blanks and comments at its end. */
export function withoutSemicolon(sql: string): string {
  if (!/[;\s]$|--|\/\*/.test(sql)) return sql;
  const tokens = tokenize(sql);
  const last = tokens.findLast(({ kind, text }) =>
    kind !== "space" && kind !== "comment" && text !== ";"
  );
  return last === undefined ? "" : sql.slice(0, last.start + last.text.length);
}
