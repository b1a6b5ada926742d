import { tokenize, withoutSemicolon } from "../sql/tokens.ts";

/** Statements of a text, and what stands behind the last semicolon. */
export interface SplitText {
  /** Without their semicolons; empty ones are left out. */
  readonly statements: readonly string[];
  /** Not yet ended by a semicolon; blank where there is nothing but blanks and comments. */
  readonly rest: string;
}

/** Cuts SQL at its semicolons: those in strings, quoted names and comments are none. */
export function splitStatements(text: string): SplitText {
  const statements: string[] = [];
  let start = 0;
  for (const token of tokenize(text)) {
    if (token.kind !== "other" || token.text !== ";") continue;
    statements.push(text.slice(start, token.start));
    start = token.start + 1;
  }
  const rest = text.slice(start);
  return {
    statements: statements.filter((statement) => withoutSemicolon(statement).trim() !== "")
      .map((statement) => statement.trim()),
    rest: withoutSemicolon(rest).trim() === "" && !endsOpen(rest) ? "" : rest,
  };
}

/** True where a comment, a string or a quoted name was begun and not ended. */
function endsOpen(text: string): boolean {
  const last = tokenize(text).at(-1);
  return last?.kind === "comment" && last.text.startsWith("/*") && !last.text.endsWith("*/");
}
