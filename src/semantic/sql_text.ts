import { quoteName } from "../engine/quote.ts";
import { type Token, tokenize } from "../sql/tokens.ts";

/** Words that mean something else when they are not in quotes: reserved, or names of functions and types, in DuckDB. */
const RESERVED = new Set(
  ("all analyse analyze and any anti array as asc asof asymmetric at authorization between binary bit both case cast char " +
    "check coalesce collate collation column columns concurrently constraint create cross current_date current_time " +
    "current_timestamp date day decimal default deferrable desc describe distinct do else end except exists extract false " +
    "fetch first float for foreign freeze from full generated glob grant group grouping having hour ilike in initially inner " +
    "int integer intersect interval into is isnull join lambda last lateral leading left like limit map minute month natural " +
    "not notnull null nullif offset on only or order outer overlaps overlay pivot pivot_longer pivot_wider placing position " +
    "positional primary qualify references returning right row select semi show similar some struct substring summarize " +
    "symmetric table tablesample then time timestamp to trailing treat trim true try_cast union unique unpivot using values " +
    "varchar variadic verbose week when where window with within without year").split(" "),
);

/** A name as SQL, in quotes only where it needs them: what is compiled is for reading too. */
export function ident(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name) ? name : quoteName(name);
}

/** Why a text cannot be an expression inside a larger query; null where nothing speaks against it. */
export function expressionProblem(sql: string): string | null {
  const tokens = tokenize(sql);
  if (tokens.some(({ kind }) => kind === "comment")) return "it has a comment in it";
  if (tokens.some(({ text }) => text === ";")) return "it has a semicolon in it";
  if (tokens.some(({ kind }) => kind === "template")) return "{{ }} is not filled in here";
  let open = 0;
  for (const { text } of tokens) {
    if (text === "(") open++;
    if (text === ")" && --open < 0) break;
  }
  if (open !== 0) return "its brackets do not match";
  return tokens.every(({ kind }) => kind === "space") ? "it is empty" : null;
}

/** A stretch of an expression that names something: `status`, `"Status"`, `customers.region`. */
export interface NamedPart {
  /** Without quotes, parts joined by dots. */
  readonly name: string;
  readonly isQuoted: boolean;
}

/**
 * Puts what `replace` gives in the place of names; null leaves one. Names of functions and types and
 * what stands behind AS are no names here.
 */
export function replaceNames(sql: string, replace: (part: NamedPart) => string | null): string {
  const tokens = tokenize(sql);
  let result = "";
  for (let i = 0; i < tokens.length;) {
    const chain = nameAt(tokens, i);
    if (chain === null) {
      result += tokens[i++]!.text;
      continue;
    }
    const { end, part } = chain;
    const text = tokens.slice(i, end).map((token) => token.text).join("");
    result += isName(tokens, i, end) ? replace(part) ?? text : text;
    i = end;
  }
  return result;
}

function nameAt(
  tokens: readonly Token[],
  start: number,
): { end: number; part: NamedPart } | null {
  const isWord = (token: Token | undefined) => token?.kind === "word" || token?.kind === "quoted";
  if (!isWord(tokens[start])) return null;
  const names = [bare(tokens[start]!)];
  let end = start + 1;
  while (tokens[end]?.text === "." && isWord(tokens[end + 1])) {
    names.push(bare(tokens[end + 1]!));
    end += 2;
  }
  return { end, part: { name: names.join("."), isQuoted: tokens[start]!.kind === "quoted" } };
}

function bare({ kind, text }: Token): string {
  return kind === "quoted" ? text.slice(1, -1).replaceAll('""', '"') : text;
}

function isName(tokens: readonly Token[], start: number, end: number): boolean {
  const seen = (token: Token) => token.kind !== "space" && token.kind !== "comment";
  const before = tokens.slice(0, start).findLast(seen);
  const after = tokens.slice(end).find(seen);
  if (after?.text === "(" || after?.kind === "string") return false;
  if (before?.text === ":" || before?.text === ".") return false;
  return !(before?.kind === "word" && before.text.toLowerCase() === "as");
}
