import { tokenize } from "./tokens.ts";

const BREAK_BEFORE = new Set(
  ("select from where group having order limit qualify union intersect except window " +
    "join left right inner full cross semi anti asof").split(" "),
);
const JOIN_WORDS = new Set("left right inner full cross semi anti asof".split(" "));

/**
 * Breaks one-line SQL at its clauses and at the commas of its lists, so that a
 * line-by-line diff shows the column or clause that changed. For reading only.
 */
export function layoutSql(sql: string): string {
  return layout(sql.replace(FUNCTION_OF_ENGINE, "$1("));
}

/** DuckDB writes its own functions whose names are words of SQL as `main."trim"(…)`. */
const FUNCTION_OF_ENGINE = /\bmain\."(\w+)"\(/g;

function layout(sql: string): string {
  const lines: string[] = [];
  let line = "";
  let depth = 0;
  const flush = () => {
    if (line.trim() !== "") lines.push("  ".repeat(Math.min(depth, 6)) + line.trim());
    line = "";
  };
  const tokens = tokenize(sql);
  let previousWord = "";
  for (let i = 0; i < tokens.length; i++) {
    const { kind, text } = tokens[i]!;
    const word = kind === "word" ? text.toLowerCase() : "";
    const isCall = tokens[i + 1]?.text === "(";
    const continuesJoin = word === "join" && JOIN_WORDS.has(previousWord);
    if (BREAK_BEFORE.has(word) && !continuesJoin && !isCall) flush();
    line += kind === "space" ? " " : text;
    if (text === "(" && opensQuery(tokens, i)) {
      flush();
      depth++;
    } else if (text === "," && parenthesisDepth(line) === 0) flush();
    else if (text === ")" && parenthesisDepth(line) < 0) {
      line = line.trimEnd().slice(0, -1);
      flush();
      depth = Math.max(0, depth - 1);
      line = ")";
    }
    if (word !== "") previousWord = word;
  }
  flush();
  return lines.join("\n");
}

function opensQuery(tokens: ReturnType<typeof tokenize>, at: number): boolean {
  const next = tokens.slice(at + 1).find((token) => token.kind !== "space");
  return next?.kind === "word" && /^(select|with|from|values)$/i.test(next.text);
}

function parenthesisDepth(line: string): number {
  let depth = 0;
  for (const { kind, text } of tokenize(line.replace(/^\)/, ""))) {
    if (kind !== "other") continue;
    if (text === "(") depth++;
    if (text === ")") depth--;
  }
  return depth;
}
