import { layoutQuery } from "./format/layout.ts";
import { toPieces } from "./format/pieces.ts";
import { tokenize } from "./tokens.ts";

/** Layouts after which one has to stay as it is. */
const PASSES = 4;

/**
 * SQL with one layout: clauses begin lines, lists that do not fit are broken, words of SQL in capitals.
 * Comments, templates, names and literals stay as they are. Null where that cannot be done without
 * changing anything else, for what is not one statement, and where no layout is stable.
 */
export function formatSql(sql: string): string | null {
  let text = sql;
  for (let pass = 0; pass < PASSES; pass++) {
    const next = layoutOnce(text);
    if (next === null || !hasSameTokens(sql, next)) return null;
    if (next === text) return next;
    text = next;
  }
  return null;
}

function layoutOnce(sql: string): string | null {
  const pieces = toPieces(sql);
  if (pieces === null) return null;
  const end = pieces.findIndex((piece) => piece.type === "atom" && piece.text === ";");
  if (end >= 0 && pieces.slice(end + 1).some(({ type }) => type !== "comment")) return null;
  return layoutQuery(pieces, "").split("\n").map((line) => line.trimEnd()).join("\n").trim();
}

/** True where two texts are the same words, literals, signs and comments, apart from the case of words of SQL. */
function hasSameTokens(a: string, b: string): boolean {
  const [left, right] = [words(a), words(b)];
  return left.length === right.length && left.every((word, i) => word === right[i]);
}

/** Commas and comments may change places: a comment goes behind the comma. */
function words(sql: string): string[] {
  const tokens = tokenize(sql).filter(({ kind }) => kind !== "space");
  const code = tokens.filter(({ kind }) => kind !== "comment")
    .map(({ kind, text }) => kind === "word" ? text.toLowerCase() : text);
  const comments = tokens.filter(({ kind }) => kind === "comment").map(({ text }) =>
    text.trimEnd()
  );
  return [...code, "\0", ...comments];
}
