import { sha256 } from "../base/hash.ts";
import type { Session } from "../engine/session.ts";
import type { NodeId } from "../model/ids.ts";
import { readEach } from "./read_each.ts";
import { tokenize, withoutSemicolon } from "./tokens.ts";

/** What DuckDB's syntax tree says about a query. */
export interface SyntaxTree {
  /** DuckDB's own spelling of it. */
  readonly canonicalSql: string;
  /** Equal for two spellings of the same syntax tree. */
  readonly queryHash: string;
  /** Relations it names as `kind.name`; null where the syntax tree cannot be had. */
  readonly relations: readonly string[] | null;
  /** Table functions it calls that are not in `SAFE_TABLE_FUNCTIONS`. */
  readonly foreignFunctions: readonly string[];
}

/** Reads the trees of queries that are known to bind. */
export async function readTrees(
  session: Session,
  requests: readonly { readonly id: NodeId; readonly sql: string }[],
): Promise<Map<NodeId, SyntaxTree>> {
  const texts = await readEach(session, requests, (sql, i) => [
    `json_serialize_sql(${sql}) AS j${i}`,
    `json_deserialize_sql(j${i})`,
  ]);
  return new Map(requests.map(({ id, sql }) => {
    const pair = texts.get(id);
    // A PIVOT has no tree.
    return [id, pair ? readTree(pair[0]!, pair[1]!, keptTables(sql)) : treeless(sql)];
  }));
}

type Tree = { readonly [key: string]: unknown };

function readTree(json: string, canonicalSql: string, kept: string): SyntaxTree {
  const normal = json.replace(/"query_location":\d+/g, '"query_location":0');
  const root = JSON.parse(normal) as { statements: { node: Tree }[] };
  const relations = new Set<string>();
  const functions = new Set<string>();
  collectReads(root, relations, functions);
  return {
    canonicalSql,
    queryHash: sha256(normal + kept),
    relations: [...relations],
    foreignFunctions: [...functions].filter((name) => !SAFE_TABLE_FUNCTIONS.has(name)),
  };
}

/**
 * What the tree leaves out: which tables of a WITH are to be MATERIALIZED, and which are not.
 * Of what is drawn, each reference then sees the same, or its own.
 */
function keptTables(sql: string): string {
  if (!/\bmaterialized\b/i.test(sql)) return "";
  const words = tokenize(sql).filter(({ kind }) => kind !== "space" && kind !== "comment")
    .map(({ text }) => text.toLowerCase());
  return words.flatMap((word, i) =>
    word === "materialized"
      ? [words[i - 1], words.slice(0, i).filter((other) => other === "as").length]
      : []
  ).join();
}

/** Without a syntax tree the words themselves, white space and comments aside, are the identity. */
function treeless(sql: string): SyntaxTree {
  const words = tokenize(withoutSemicolon(sql))
    .filter((token) => token.kind !== "space" && token.kind !== "comment")
    .map((token) => token.text);
  return {
    canonicalSql: words.join(" "),
    queryHash: sha256(words.join("\0")),
    relations: null,
    foreignFunctions: foreignCalls(sql),
  };
}

/** Table functions that make rows of their arguments alone. */
const SAFE_TABLE_FUNCTIONS = new Set(
  ["range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree"],
);

/** Without a tree every call counts whose name is that of a function that reads something. */
function foreignCalls(sql: string): string[] {
  const tokens = tokenize(sql).filter(({ kind }) => kind !== "space" && kind !== "comment");
  return tokens.flatMap(({ kind, text }, i) => {
    const name = text.replaceAll('"', "").toLowerCase();
    const isCall = (kind === "word" || kind === "quoted") && tokens[i + 1]?.text === "(";
    const reads =
      /^(query|query_table|glob|sniff_csv|which_secret)$|^(read|parquet|duckdb|pragma)_|_scan$/;
    return isCall && reads.test(name) ? [name] : [];
  });
}

function collectReads(value: unknown, relations: Set<string>, functions: Set<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) collectReads(item, relations, functions);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  const tree = value as Tree;
  if (tree["type"] === "BASE_TABLE" && tree["schema_name"] !== "") {
    relations.add(`${tree["schema_name"]}.${tree["table_name"]}`);
  }
  if (tree["type"] === "TABLE_FUNCTION") {
    functions.add(String((tree["function"] as Tree | null)?.["function_name"]).toLowerCase());
  }
  for (const key of Object.keys(tree)) collectReads(tree[key], relations, functions);
}
