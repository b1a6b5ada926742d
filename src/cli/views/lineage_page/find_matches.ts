import type { PageData, Selection } from "./page_data.ts";

/** What a search found: the best first, and how many there are in all. */
export interface Matches {
  readonly best: readonly Selection[];
  readonly count: number;
}

/**
 * Nodes and columns whose full name contains every word of the query. Those that are called exactly
 * so come first, then those that start so; nodes before columns, otherwise in the order of the
 * data.
 *
 * Runs in the page, so it uses nothing from outside of itself.
 */
export function findMatches(data: PageData, query: string, limit: number): Matches {
  const words = query.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const found: (Selection & { readonly rank: number })[] = [];
  if (words.length === 0) return { best: [], count: 0 };
  const look = (node: number, column: number, full: string, name: string) => {
    if (!words.every((word) => full.includes(word))) return;
    const word = words[words.length - 1]!;
    const rank = name === word || full === word
      ? 0
      : name.startsWith(word)
      ? 1
      : name.includes(word)
      ? 2
      : 3;
    found.push({ node, column, rank: rank * 2 + (column === -1 ? 0 : 1) });
  };
  data.nodes.forEach(({ id, kind, columns }, node) => {
    const full = id.toLowerCase();
    look(node, -1, full, full.slice(kind.length + 1));
    columns.forEach(({ name }, column) => {
      const lower = name.toLowerCase();
      look(node, column, `${full}.${lower}`, lower);
    });
  });
  found.sort((a, b) => a.rank - b.rank || a.node - b.node || a.column - b.column);
  return {
    best: found.slice(0, limit).map(({ node, column }) => ({ node, column })),
    count: found.length,
  };
}
