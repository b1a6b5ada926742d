import { incrementalOf } from "../../model/node.ts";
import { tokenize } from "../../sql/tokens.ts";
import type { LintNode, LintRule } from "./lint_rule.ts";
import {
  isQuery,
  isTree,
  namedQueries,
  parts,
  rootQuery,
  selectsIn,
  tablesOf,
  type Tree,
  treesIn,
} from "./sql_tree.ts";

/** SELECT * of another node, where readers get whatever it gets. */
export const NO_SELECT_STAR: LintRule = {
  id: "no-select-star",
  summary: "name the columns that a node hands on, instead of SELECT * of another node",
  why: "a column added or dropped upstream changes the node, and everything that reads it, unasked",
  level: "warn",
  *check(node) {
    const query = queryOf(node);
    if (query === null || node.readers.length === 0) return;
    for (const star of outputStars(query, new Map())) {
      yield {
        message: `SELECT * hands on whatever its input has, and ${node.readers[0]} reads it` +
          (node.readers.length > 1 ? `, among ${node.readers.length} nodes` : ""),
        hint: columnsHint(node),
        at: node.sql!.locateTree(star["query_location"]),
      };
    }
  },
};

/** A column without its table's name, where there are several tables. */
export const AMBIGUOUS_COLUMN: LintRule = {
  id: "ambiguous-column",
  summary: "say of which table a column is, where several are joined",
  why: "the query breaks, or means another column, when a second table gets one of that name",
  level: "warn",
  *check(node) {
    const query = queryOf(node);
    if (query === null) return;
    for (const select of selectsIn(query)) {
      if (tablesOf(select["from_table"]).length < 2) continue;
      const seen = new Set<string>();
      for (const column of bareColumns(select)) {
        const name = String((column["column_names"] as unknown[])[0]);
        if (seen.has(name.toLowerCase())) continue;
        seen.add(name.toLowerCase());
        yield {
          message: `Column "${name}" does not say of which of the joined tables it is`,
          hint: `write table.${name}`,
          at: node.sql!.locateTree(column["query_location"]),
        };
      }
    }
  },
};

/** FROM a, b. */
export const COMMA_JOIN: LintRule = {
  id: "comma-join",
  summary: "join tables with JOIN … ON, or CROSS JOIN where every pair is meant",
  why: "a condition forgotten in WHERE makes every pair of rows, and nothing says so",
  level: "warn",
  *check(node) {
    const query = queryOf(node);
    if (query === null || node.sql === null) return;
    const crossWords = wordCount(node.sql.raw, "cross");
    for (const select of selectsIn(query)) {
      for (const join of parts(select["from_table"], isQuery)) {
        const right = tablesOf(join["right"])[0];
        if (join["type"] !== "JOIN" || join["ref_type"] !== "CROSS") continue;
        // unnest(a.list) and other calls belong to the table before them.
        if (right?.["type"] !== "BASE_TABLE" || crossWords > 0) continue;
        const named = [right["alias"], right["table_name"]].find((name) => name !== "");
        yield {
          message: `"${named}" is joined by a comma`,
          hint: `write JOIN ${named} ON …, or CROSS JOIN ${named}`,
          at: node.sql.locateTree(right["query_location"]),
        };
      }
    }
  },
};

/** UNION that leaves out duplicates without saying so. */
export const AMBIGUOUS_UNION: LintRule = {
  id: "ambiguous-union",
  summary: "write UNION ALL, or UNION DISTINCT where duplicates are to go",
  why: "UNION alone drops equal rows and sorts or hashes all of them for it",
  level: "warn",
  *check(node) {
    if (node.sql === null) return;
    const words = tokenize(node.sql.raw).filter(({ kind }) =>
      kind !== "space" && kind !== "comment"
    );
    for (const [i, { kind, text, start }] of words.entries()) {
      if (kind !== "word" || text.toLowerCase() !== "union" || words[i - 1]?.text === ".") continue;
      const next = words[i + 1]?.text.toLowerCase() ?? "";
      if (next === "all" || next === "distinct" || next === "(") continue;
      // A column of that name, or the type UNION(…).
      if (!/^(select|from|with|values|by)$/.test(next)) continue;
      if (next === "by") continue;
      yield {
        message: "UNION drops equal rows",
        hint: "write UNION ALL, or UNION DISTINCT if that is meant",
        at: node.sql.locateRaw(start),
      };
    }
  },
};

/** x = NULL. */
export const NULL_COMPARISON: LintRule = {
  id: "null-comparison",
  summary: "write IS NULL instead of = NULL",
  why: "a comparison with NULL is never true",
  level: "error",
  *check(node) {
    const query = queryOf(node);
    if (query === null) return;
    for (const part of parts(query)) {
      const type = String(part["type"]);
      if (part["class"] !== "COMPARISON" || /DISTINCT_FROM/.test(type)) continue;
      const isNull = (side: unknown) =>
        isTree(side) && side["class"] === "CONSTANT" && isTree(side["value"]) &&
        side["value"]["is_null"] === true;
      const nulls = [part["left"], part["right"]].filter(isTree).filter(isNull);
      if (nulls.length === 0 || nulls.every((side) => standsForWatermark(node, side))) continue;
      yield {
        message: "A comparison with NULL is never true",
        hint: type === "COMPARE_NOTEQUAL" ? "write IS NOT NULL" : "write IS NULL",
        at: node.sql!.locateTree(part["query_location"]),
      };
    }
  },
};

/** `{{ watermark }}` is NULL only while a query is bound: no build sees it (`nodes/incremental_sql.ts`). */
function standsForWatermark({ loaded: { spec }, sql }: LintNode, constant: Tree): boolean {
  if (incrementalOf(spec)?.mode !== "incremental_by_key") return false;
  const { line, column } = sql!.locateTree(constant["query_location"]);
  return tokenize(sql!.raw).filter(({ text }) => text.toLowerCase() === "null")
    .map(({ start }) => sql!.locateRaw(start))
    .every((written) => written.line !== line || written.column !== column);
}

/** LIMIT without ORDER BY. */
export const LIMIT_WITHOUT_ORDER: LintRule = {
  id: "limit-without-order",
  summary: "say by ORDER BY which rows a LIMIT keeps",
  why: "which rows come out is left to chance, and may differ from run to run",
  level: "warn",
  *check(node) {
    const query = queryOf(node);
    if (query === null) return;
    for (const part of parts(query)) {
      if (!isQuery(part)) continue;
      const kinds = treesIn(part["modifiers"]).map((modifier) => modifier["type"]);
      const limit = treesIn(part["modifiers"]).find((m) => String(m["type"]).startsWith("LIMIT"));
      if (limit === undefined || kinds.includes("ORDER_MODIFIER")) continue;
      const count = isTree(limit["limit"]) ? limit["limit"] : limit;
      if (isTree(count["value"]) && count["value"]["value"] === 0) continue;
      yield {
        message: "LIMIT without ORDER BY keeps any rows",
        hint: "add ORDER BY with columns that tell the rows apart",
        at: node.sql!.locateTree(count["query_location"]),
      };
    }
  },
};

/** ORDER BY of a node's rows. */
export const USELESS_ORDER: LintRule = {
  id: "useless-order",
  summary: "sort where rows are looked at, not where they are stored",
  why: "readers need not keep the order, and sorting costs time and memory in every run",
  level: "off",
  *check(node) {
    const query = queryOf(node);
    if (query === null) return;
    const modifiers = treesIn(query["modifiers"]);
    const order = modifiers.find(({ type }) => type === "ORDER_MODIFIER");
    if (order === undefined || modifiers.some(({ type }) => String(type).startsWith("LIMIT"))) {
      return;
    }
    const first = treesIn(order["orders"])[0]?.["expression"];
    yield {
      message: "ORDER BY without LIMIT sorts what is stored",
      at: node.sql!.locateTree(isTree(first) ? first["query_location"] : null),
    };
  },
};

/** Dates written into the SQL. */
export const HARDCODED_DATE: LintRule = {
  id: "hardcoded-date",
  summary: "give dates as params instead of writing them into the SQL",
  why: "nobody remembers to move them",
  level: "off",
  *check({ sql }) {
    if (sql === null) return;
    for (const { kind, text, start } of tokenize(sql.raw)) {
      if (kind !== "string" || !/^'\d{4}-\d{2}-\d{2}([ T][\d:.]+)?'$/.test(text)) continue;
      yield {
        message: `The date ${text} is written into the SQL`,
        hint: `write params: {from_date: ${text.replaceAll("'", "")}} and '{{ from_date }}'`,
        at: sql.locateRaw(start),
      };
    }
  },
};

/** `FROM kind.name`, `FROM input_0`. */
export const USE_REF: LintRule = {
  id: "use-ref",
  summary: "name inputs as ref('kind.name')",
  why: "ref() is found by searching, checked for misspellings, and does not depend on an order",
  level: "warn",
  fixable: true,
  *check(node) {
    const { sql, loaded: { spec } } = node;
    if (sql === null) return;
    const words = tokenize(sql.raw).filter(({ kind }) => kind !== "space" && kind !== "comment");
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!;
      const before = words[i - 1]?.text.toLowerCase() ?? "";
      if (before !== "from" && before !== "join") continue;
      const plain = (at: number) => words[at]?.text.replaceAll('"', "") ?? "";
      const isLong = words[i + 1]?.text === "." && words[i + 3]?.text !== ".";
      const long = `${plain(i)}.${plain(i + 2)}`;
      const positional = /^input_(\d+)$/i.exec(word.text)?.[1];
      const id = isLong && spec.inputs.some((input) => input === long)
        ? long
        : isLong
        ? undefined
        : positional !== undefined
        ? spec.inputs[Number(positional)]
        : word.text === "__THIS__"
        ? spec.inputs[0]
        : undefined;
      if (id === undefined) continue;
      const last = isLong ? words[i + 2]! : word;
      const written = sql.raw.slice(word.start, last.start + last.text.length);
      // Without an alias the name itself is what columns are called by.
      const following = words[i + (isLong ? 3 : 1)];
      const isNamed = following?.text.toLowerCase() === "as" ||
        (following?.kind === "word" && !CLAUSES.test(following.text));
      const isUsed = wordCount(sql.raw, plain(isLong ? i + 2 : i)) > 1;
      yield {
        message: `"${written}" is not written as a ref()`,
        hint: `write ref('${id}')`,
        at: sql.locateRaw(word.start),
        ...(isNamed || !isUsed || isLong
          ? { fix: { start: word.start, end: last.start + last.text.length, text: `ref('${id}')` } }
          : {}),
      };
    }
  },
};

/** Words that end the name of a table. */
const CLAUSES =
  /^(where|group|having|order|limit|join|left|right|full|inner|cross|semi|anti|asof|natural|positional|on|using|union|intersect|except|qualify|window|sample|tablesample|pivot|unpivot|offset)$/i;

function queryOf({ sql }: LintNode): Tree | null {
  return sql?.tree === null || sql === null ? null : rootQuery(sql.tree);
}

function columnsHint({ node }: LintNode): string {
  const names = node.shape.columns.map(({ name }) => name);
  return names.length <= 12
    ? `write SELECT ${names.join(", ")}`
    : `write its ${names.length} columns out`;
}

/** Stars through which columns of other nodes get out of a query. */
function* outputStars(query: Tree, outer: ReadonlyMap<string, Tree>): Generator<Tree> {
  const known = new Map([...outer, ...namedQueries(query)]);
  for (const side of ["left", "right"]) {
    if (query["type"] !== "SELECT_NODE" && isTree(query[side])) {
      yield* outputStars(query[side], known);
    }
  }
  for (const item of treesIn(query["select_list"])) {
    if (item["class"] !== "STAR" || item["columns"] === true) continue;
    const relation = String(item["relation_name"] ?? "").toLowerCase();
    const names = (table: Tree) =>
      [table["alias"], table["table_name"]].map((name) => String(name ?? "").toLowerCase());
    const tables = tablesOf(query["from_table"]).filter((table) =>
      relation === "" || names(table).includes(relation)
    );
    for (const table of tables) {
      const name = String(table["table_name"] ?? "").toLowerCase();
      const inner = known.get(name);
      if (table["type"] === "SUBQUERY" && isTree(table["subquery"])) {
        const subquery = rootQuery(table["subquery"]);
        if (subquery !== null) yield* outputStars(subquery, known);
      } else if (table["schema_name"] !== "" && table["type"] === "BASE_TABLE") {
        yield item;
        break;
      } else if (inner !== undefined) {
        // A query that reads itself is looked into once.
        yield* outputStars(inner, new Map([...known].filter(([key]) => key !== name)));
      }
    }
  }
}

/** Functions that are called without parentheses. */
const BARE_FUNCTIONS =
  /^(current_date|current_time|current_timestamp|current_user|current_schema|current_catalog|localtime|localtimestamp|user|session_user)$/i;

/** Columns of a SELECT, not of its subqueries, without the name of a table. */
function* bareColumns(select: Tree): Generator<Tree> {
  const shared = new Set<string>();
  for (const part of parts(select["from_table"], isQuery)) {
    const using = part["using_columns"];
    if (Array.isArray(using)) using.forEach((name) => shared.add(String(name).toLowerCase()));
    if (part["ref_type"] === "NATURAL") return;
  }
  for (const item of treesIn(select["select_list"])) {
    if (item["alias"] !== "") shared.add(String(item["alias"]).toLowerCase());
  }
  const places = [
    "select_list",
    "from_table",
    "where_clause",
    "group_expressions",
    "having",
    "qualify",
  ];
  for (const place of places) {
    const stop = (tree: Tree) => isQuery(tree) || tree["class"] === "LAMBDA";
    const value = select[place];
    for (const tree of Array.isArray(value) ? value : [value]) {
      if (!isTree(tree)) continue;
      for (const part of parts(tree, stop)) {
        const names = part["column_names"];
        if (part["class"] !== "COLUMN_REF" || !Array.isArray(names) || names.length !== 1) continue;
        const name = String(names[0]);
        if (!shared.has(name.toLowerCase()) && !BARE_FUNCTIONS.test(name)) yield part;
      }
    }
  }
}

function wordCount(sql: string, word: string): number {
  return tokenize(sql).filter(({ text }) =>
    text.replaceAll('"', "").toLowerCase() === word.toLowerCase()
  ).length;
}
