import { type Token, tokenize } from "../sql/tokens.ts";

/**
 * `a / b` becomes `a / nullif(b, 0)`, as does `a % b`: DuckDB divides by zero to infinity, and a number that is no
 * number adds up to nonsense.
 */
export function guardDivisions(sql: string): string {
  const tokens = tokenize(sql);
  return guard(tokens, 0, tokens.length);
}

function guard(tokens: readonly Token[], start: number, end: number): string {
  let result = "";
  for (let i = start; i < end;) {
    const { text, kind } = tokens[i]!;
    result += text;
    i++;
    if (kind !== "other" || (text !== "/" && text !== "%")) continue;
    if (tokens[i]?.text === "/") result += tokens[i++]!.text;
    const from = skipSpace(tokens, i);
    const to = operandEnd(tokens, from);
    if (to === from) continue;
    result += ` nullif(${guard(tokens, from, to)}, 0)`;
    i = to;
  }
  return result;
}

function skipSpace(tokens: readonly Token[], at: number): number {
  let i = at;
  while (tokens[i]?.kind === "space") i++;
  return i;
}

/** Behind a name, a call or what is in brackets; where it stands for numbers and all else. */
function operandEnd(tokens: readonly Token[], start: number): number {
  const first = tokens[start];
  const isName = first?.kind === "word" || first?.kind === "quoted";
  if (first?.text === "(") return closing(tokens, start);
  if (!isName) return start;
  const next = skipSpace(tokens, start + 1);
  return tokens[next]?.text === "(" ? closing(tokens, next) : start + 1;
}

function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    if (tokens[i]!.text === "(") depth++;
    if (tokens[i]!.text === ")" && --depth === 0) return i + 1;
  }
  return tokens.length;
}
