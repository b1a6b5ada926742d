import { quoteNodeId } from "../engine/quote.ts";

/** Texts and comments, in which nothing is a name; then what is one. */
const WORDS =
  /'(?:''|[^'])*'|"(?:""|[^"])*"|--[^\n]*|\/\*[\s\S]*?\*\/|\b__THIS__\b|\bref\s*\(\s*(?:'([^']*)'|"([^"]*)")\s*\)/gi;

/** The SQL of a check with `__THIS__` and `ref('kind.name')` as the engine knows them; lines stay where they are. */
export function nameThis(sql: string): string {
  return sql.replace(WORDS, (word, single?: string, double?: string) => {
    const id = (single ?? double)?.trim();
    // As long as the word it stands for, so that a place in the line stays, too.
    if (/^__this__$/i.test(word)) return `"this"  `;
    return id !== undefined && id.includes(".") ? quoteNodeId(id) : word;
  }).replace(/[\s;]+$/, "");
}

/** The nodes that SQL names by `ref('…')`, each once. */
export function refsIn(sql: string): string[] {
  const ids = [...sql.matchAll(WORDS)].flatMap(([, single, double]) => single ?? double ?? []);
  return [...new Set(ids.map((id) => id.trim()))];
}

/** Accepts `ref('kind.name')` as well as the bare id. */
export function unwrapRef(ref: string): string {
  return /^\s*ref\(\s*(['"])(.*)\1\s*\)\s*$/.exec(ref)?.[2]?.trim() ?? ref.trim();
}
