import { compactJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/hash.ts";
import { quoteText } from "../engine/quote.ts";
import { type Session, SqlError } from "../engine/session.ts";
import type { NodeId } from "../model/ids.ts";
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
  /** Hash of each item of the outer select list; null where there is no such list. */
  readonly expressions: readonly string[] | null;
  /** Hash of all that decides which rows come out; null where that cannot be told. */
  readonly rows: string | null;
}

const BATCH = 50;

/** Reads the trees of queries that are known to bind. */
export async function readTrees(
  session: Session,
  requests: readonly { readonly id: NodeId; readonly sql: string }[],
): Promise<Map<NodeId, SyntaxTree>> {
  const trees = new Map<NodeId, SyntaxTree>();
  for (let i = 0; i < requests.length; i += BATCH) {
    await readBatch(session, requests.slice(i, i + BATCH), trees);
  }
  return trees;
}

async function readBatch(
  session: Session,
  requests: readonly { readonly id: NodeId; readonly sql: string }[],
  trees: Map<NodeId, SyntaxTree>,
): Promise<void> {
  const columns = requests.map(({ sql }, i) =>
    `json_serialize_sql(${quoteText(withoutSemicolon(sql))}) AS j${i}, json_deserialize_sql(j${i})`
  );
  try {
    const row = (await session.read(`SELECT ${columns.join(", ")}`)).rows[0]!;
    requests.forEach(({ id }, i) => {
      trees.set(id, readTree(String(row[2 * i]), String(row[2 * i + 1])));
    });
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    // One statement without a tree (PIVOT) spoils its batch: halve until it stands alone.
    if (requests.length === 1) {
      trees.set(requests[0]!.id, treeless(requests[0]!.sql));
      return;
    }
    const half = requests.length >> 1;
    await readBatch(session, requests.slice(0, half), trees);
    await readBatch(session, requests.slice(half), trees);
  }
}

type Tree = { readonly [key: string]: unknown };

function readTree(json: string, canonicalSql: string): SyntaxTree {
  const normal = json.replace(/"query_location":\d+/g, '"query_location":0');
  const root = JSON.parse(normal) as { statements: { node: Tree }[] };
  const relations = new Set<string>();
  const functions = new Set<string>();
  collectReads(root, relations, functions);
  return {
    canonicalSql,
    queryHash: sha256(normal),
    relations: [...relations],
    foreignFunctions: [...functions].filter((name) => !SAFE_TABLE_FUNCTIONS.has(name)),
    ...readOuterSelect(root.statements[0]!.node),
  };
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
    expressions: null,
    rows: null,
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

/**
 * Separates what computes a column from what decides the rows. An item of the
 * select list counts to the rows unless it is built from parts that give one value
 * for one row (or one group); and all items do where something else may refer to
 * them: DISTINCT, LIMIT, QUALIFY, GROUP BY ALL, positions in GROUP BY or ORDER BY.
 */
function readOuterSelect(node: Tree): Pick<SyntaxTree, "expressions" | "rows"> {
  if (node["type"] !== "SELECT_NODE") return { expressions: null, rows: null };
  const items = node["select_list"] as Tree[];
  if (items.some((item) => item["class"] === "STAR")) return { expressions: null, rows: null };
  const expressions = items.map((item) => sha256(compactJson(item)).slice(0, 16));
  const groups = node["group_expressions"] as Tree[];
  const isAggregated = groups.length > 0 || items.some(hasAggregate);
  const isEntangled = (node["modifiers"] as Tree[]).some((m) => !isPlainOrder(m)) ||
    groups.some((group) => group["class"] === "CONSTANT") ||
    node["aggregate_handling"] !== "STANDARD_HANDLING" || node["qualify"] !== null;
  const deciding = expressions.filter((_, i) => isEntangled || !isRowWise(items[i], isAggregated));
  const rest = { ...node, select_list: deciding, is_aggregated: isAggregated };
  return { expressions, rows: sha256(compactJson(rest)) };
}

/** True for an ORDER BY without positions. */
function isPlainOrder(modifier: Tree): boolean {
  return modifier["type"] === "ORDER_MODIFIER" &&
    (modifier["orders"] as Tree[]).every((order) =>
      (order["expression"] as Tree)["class"] !== "CONSTANT"
    );
}

function hasAggregate(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasAggregate);
  if (typeof value !== "object" || value === null) return false;
  const tree = value as Tree;
  if (tree["class"] === "SUBQUERY" || tree["class"] === "WINDOW") return false;
  const isCall = tree["class"] === "FUNCTION" && AGGREGATES.has(String(tree["function_name"]));
  return isCall || Object.values(tree).some(hasAggregate);
}

const ROW_WISE_CLASSES = new Set([
  "COLUMN_REF",
  "CONSTANT",
  "CAST",
  "COMPARISON",
  "CONJUNCTION",
  "CASE",
  "OPERATOR",
  "BETWEEN",
  "WINDOW",
]);

/** True when every part of an expression gives exactly one value for one row or group. Unknown functions do not count. */
function isRowWise(value: unknown, isAggregated: boolean): boolean {
  if (Array.isArray(value)) return value.every((item) => isRowWise(item, isAggregated));
  if (typeof value !== "object" || value === null) return true;
  const tree = value as Tree;
  const kind = tree["class"];
  if (kind === "SUBQUERY") return tree["subquery_type"] === "SCALAR";
  if (typeof kind === "string") {
    const plain = ROW_WISE_CLASSES.has(kind) ||
      (kind === "FUNCTION" &&
        (tree["is_operator"] === true || SCALAR_FUNCTIONS.has(String(tree["function_name"])) ||
          (isAggregated && AGGREGATES.has(String(tree["function_name"])))));
    if (!plain) return false;
  }
  return Object.values(tree).every((part) => isRowWise(part, isAggregated));
}

/** Everyday functions that are neither aggregates nor set-returning; any other makes us say "cannot tell". */
const SCALAR_FUNCTIONS = new Set(
  ("abs ceil ceiling floor round sign sqrt power pow exp ln log log10 log2 mod greatest least " +
    "upper lower ucase lcase trim ltrim rtrim length len strlen concat concat_ws substring substr " +
    "left right replace regexp_replace regexp_matches regexp_extract split_part lpad rpad reverse " +
    "contains starts_with ends_with prefix suffix position instr strpos md5 sha256 hash " +
    "coalesce ifnull nullif if isnan isinf " +
    "date_trunc datetrunc date_part datepart date_diff datediff date_add date_sub strftime strptime " +
    "year quarter month week day hour minute second dayofweek isodow dayofyear make_date epoch " +
    "to_days to_months to_years last_day monthname dayname cardinality list_value struct_pack " +
    "struct_extract list_extract array_length json_extract json_extract_string").split(" "),
);

/** Everyday aggregates: one value for a group. */
const AGGREGATES = new Set(
  ("sum count count_star avg mean min max median mode any_value first last arg_min arg_max min_by " +
    "max_by stddev stddev_samp stddev_pop variance var_samp var_pop quantile quantile_cont " +
    "quantile_disc approx_count_distinct string_agg listagg group_concat list array_agg bool_and " +
    "bool_or bit_and bit_or product count_if countif corr").split(" "),
);
