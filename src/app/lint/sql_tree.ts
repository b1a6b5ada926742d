/** A part of DuckDB's syntax tree (`json_serialize_sql`). */
export interface Tree {
  readonly [key: string]: unknown;
}

/** True for a part with keys. */
export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The parts of a list. */
export function treesIn(value: unknown): Tree[] {
  return Array.isArray(value) ? value.filter(isTree) : [];
}

/** The query of a statement's tree; null for what is none. */
export function rootQuery(statement: Tree): Tree | null {
  return isTree(statement["node"]) ? statement["node"] : null;
}

/** Every part of a tree, itself first, except below parts for which `stop` holds. */
export function* parts(
  tree: unknown,
  stop: (tree: Tree) => boolean = () => false,
): Generator<Tree> {
  const waiting: unknown[] = [tree];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (Array.isArray(next)) waiting.push(...next.toReversed());
    else if (isTree(next)) {
      yield next;
      if (next === tree || !stop(next)) waiting.push(...Object.values(next).toReversed());
    }
  }
}

/** Every SELECT of a query, in subqueries too. */
export function* selectsIn(query: Tree): Generator<Tree> {
  for (const part of parts(query)) if (part["type"] === "SELECT_NODE") yield part;
}

/** The tables that a FROM joins, from left to right. */
export function tablesOf(from: unknown): Tree[] {
  if (!isTree(from) || from["type"] === "EMPTY") return [];
  return from["type"] === "JOIN" ? [...tablesOf(from["left"]), ...tablesOf(from["right"])] : [from];
}

/** The queries that a query names in its WITH, by name in lower case. */
export function namedQueries(query: Tree): Map<string, Tree> {
  const map = isTree(query["cte_map"]) ? query["cte_map"]["map"] : [];
  return new Map(
    treesIn(map).flatMap(({ key, value }): [string, Tree][] => {
      const inner = isTree(value) && isTree(value["query"]) ? rootQuery(value["query"]) : null;
      return inner === null ? [] : [[String(key).toLowerCase(), inner]];
    }),
  );
}

/** A subquery, or the query of a table in FROM. */
export function isQuery(tree: Tree): boolean {
  const type = tree["type"];
  return type === "SELECT_NODE" || type === "SET_OPERATION_NODE" || type === "RECURSIVE_CTE_NODE";
}

/** Offset in UTF-16 of an offset in UTF-8 bytes; 0 for what is none. */
export function fromByteOffset(text: string, bytes: unknown): number {
  if (typeof bytes !== "number" || bytes > text.length * 4) return 0;
  let seen = 0;
  let offset = 0;
  for (const character of text) {
    if (seen >= bytes) break;
    const code = character.codePointAt(0)!;
    seen += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    offset += character.length;
  }
  return offset;
}
