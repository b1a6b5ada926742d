import { quoteName, quoteText } from "../engine/quote.ts";
import type { Session } from "../engine/session.ts";
import { withoutSemicolon } from "./tokens.ts";

/** A query for one common table expression of a query, null where it has none of that name, and the names of all. */
export interface CteQuery {
  readonly sql: string | null;
  readonly names: readonly string[];
}

/** What a query without common table expressions has in its tree. */
const NO_MAP = '"cte_map":{"map":[]}';

/**
 * The SELECT of a common table expression at the top of a query, with those that stand beside it. Trees are put together as
 * text: what parses JSON here would round the 64-bit integers in them.
 */
export async function cteQuery(session: Session, sql: string, name: string): Promise<CteQuery> {
  const serialised = (text: string) =>
    `CAST(json_serialize_sql(${quoteText(withoutSemicolon(text))}) AS JSON)`;
  const path = "$.statements[0].node.cte_map";
  const { rows } = await session.read(
    `SELECT CAST(json_extract(tree, '${path}') AS VARCHAR), ` +
      `CAST(json_extract(tree, '${path}.map[*].key') AS JSON) ` +
      `FROM (SELECT ${serialised(sql)} AS tree)`,
  );
  const [map, keys] = rows[0]!;
  const names = namesIn(keys);
  const found = names.find((key) => key.toLowerCase() === name.toLowerCase());
  if (found === undefined) return { sql: null, names };
  const plain = await session.read(
    `SELECT CAST(${serialised(`SELECT * FROM ${quoteName(found)}`)} AS VARCHAR)`,
  );
  const tree = String(plain.rows[0]![0]).replace(NO_MAP, () => `"cte_map":${map}`);
  const query = await session.read(`SELECT json_deserialize_sql(CAST(${quoteText(tree)} AS JSON))`);
  return { sql: String(query.rows[0]![0]), names };
}

function namesIn(keys: unknown): string[] {
  if (keys === null || keys === undefined) return [];
  const list: unknown = typeof keys === "string" ? JSON.parse(keys) : keys;
  return Array.isArray(list) ? list.map(String) : [];
}
