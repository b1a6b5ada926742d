import { quoteName } from "../engine/quote.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";
import { type Token, tokenize } from "../sql/tokens.ts";
import { nodesNamed } from "./find_node.ts";

const KEYWORDS = (
  "SELECT FROM WHERE GROUP BY ORDER HAVING LIMIT OFFSET JOIN LEFT RIGHT FULL INNER CROSS ASOF ON USING AS AND OR NOT " +
  "IN IS NULL LIKE ILIKE BETWEEN EXISTS DISTINCT CASE WHEN THEN ELSE END CAST UNION ALL EXCEPT INTERSECT WITH " +
  "RECURSIVE VALUES DESC ASC NULLS FIRST LAST OVER PARTITION ROWS QUALIFY FILTER SAMPLE PIVOT UNPIVOT DESCRIBE " +
  "SUMMARIZE EXPLAIN ANALYZE SHOW TABLES EXCLUDE REPLACE COUNT SUM AVG MIN MAX COALESCE INTERVAL DATE TIMESTAMP TRUE FALSE"
).split(" ");
const KEYWORD_SET = new Set(KEYWORDS);

/** Words behind which a node is named. */
const BEFORE_NODES = new Set(["FROM", "JOIN", "DESCRIBE", "SUMMARIZE"]);

/** What may be written at a place of a query. */
export interface QueryCompletion {
  /** Offset at which a candidate is put in, up to the cursor. */
  readonly start: number;
  readonly candidates: readonly string[];
}

/** Nodes, columns of the nodes that the text names, and SQL's own words. */
export function completeQuery(text: string, cursor: number, manifest: Manifest): QueryCompletion {
  const nothing = { start: cursor, candidates: [] };
  const before = text.slice(0, cursor);
  const inside = tokenize(text).find((token) =>
    token.start < cursor && cursor < token.start + token.text.length
  );
  const ending = inside ?? tokenize(before).at(-1);
  if (ending?.kind === "comment") return nothing;
  if (ending?.kind === "string" && (inside !== undefined || !/^'.*'$/s.test(ending.text))) {
    return nothing;
  }
  const prefix = /(?:"[^"]*"?|[\p{L}\p{N}_$.])*$/u.exec(before)![0];
  const start = cursor - prefix.length;
  const words = tokenize(text).filter(({ kind }) => kind !== "space" && kind !== "comment");
  const previous = words.findLast((token) => token.start + token.text.length <= start);
  const wantsNode = BEFORE_NODES.has(previous?.text.toUpperCase() ?? "");
  const known = wantsNode
    ? nodeNames(manifest)
    : prefix.includes(".")
    ? qualified(prefix, words, manifest)
    : [...columnsOf(named(words, manifest).map(({ node }) => node)), ...nodeNames(manifest)];
  const wanted = prefix.toLowerCase();
  const names = known.filter((name) => name.toLowerCase().startsWith(wanted));
  const keywords = prefix === "" || wantsNode || prefix.includes(".")
    ? []
    : KEYWORDS.filter((word) => word.toLowerCase().startsWith(wanted))
      .map((word) => prefix === prefix.toUpperCase() ? word : word.toLowerCase());
  return { start, candidates: [...new Set([...names.sort(), ...keywords])] };
}

/** Ids, and the names that one node alone has. */
export function nodeNames({ nodes }: Manifest): string[] {
  const owners = new Map<string, number>();
  for (const { name } of nodes.values()) owners.set(name, (owners.get(name) ?? 0) + 1);
  return [...nodes.values()].filter(({ virtual }) => virtual !== true).flatMap(({ kind, name }) => [
    `${kind}.${quoted(name)}`,
    ...(owners.get(name) === 1 ? [quoted(name)] : []),
  ]);
}

/** `kind.` gives its nodes, a node or its alias gives its columns. */
function qualified(prefix: string, words: readonly Token[], manifest: Manifest): string[] {
  const owner = prefix.slice(0, prefix.lastIndexOf("."));
  const plain = owner.replaceAll('"', "").toLowerCase();
  const ids = nodeNames(manifest).filter((name) => name.toLowerCase().startsWith(`${plain}.`));
  const alias = named(words, manifest).filter(({ alias }) => alias?.toLowerCase() === plain);
  const nodes = alias.length > 0 ? alias.map(({ node }) => node) : nodesNamed(manifest, plain);
  return [...ids, ...columnsOf(nodes).map((name) => `${owner}.${name}`)];
}

function columnsOf(nodes: readonly ManifestNode[]): string[] {
  return nodes.flatMap(({ shape }) => shape.columns.map(({ name }) => quoted(name)));
}

interface Named {
  readonly node: ManifestNode;
  readonly alias: string | null;
}

/** The nodes that a text names, with what it calls them. */
function named(words: readonly Token[], manifest: Manifest): Named[] {
  const found: Named[] = [];
  for (let i = 0; i < words.length; i++) {
    const isName = (at: number) => words[at]?.kind === "word" || words[at]?.kind === "quoted";
    if (!isName(i) || KEYWORD_SET.has(words[i]!.text.toUpperCase())) continue;
    const plain = (at: number) => words[at]!.text.replaceAll('"', "");
    const isLong = words[i + 1]?.text === "." && isName(i + 2);
    const text = isLong ? `${plain(i)}.${plain(i + 2)}` : plain(i);
    const nodes = nodesNamed(manifest, text);
    if (nodes.length !== 1) continue;
    if (isLong) i += 2;
    let next = i + 1;
    if (words[next]?.text.toUpperCase() === "AS") next++;
    const isAlias = isName(next) && !KEYWORD_SET.has(words[next]!.text.toUpperCase());
    found.push({ node: nodes[0]!, alias: isAlias ? plain(next) : null });
  }
  return found;
}

function quoted(name: string): string {
  return /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) ? name : quoteName(name);
}
