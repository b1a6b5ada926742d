import { quoteName, quoteText } from "../engine/quote.ts";
import type { Session } from "../engine/session.ts";
import { withoutSemicolon } from "./tokens.ts";

/** A query for one common table expression of a query, or the names of those that it has. */
export type CteQuery =
  | { readonly sql: string; readonly names: readonly string[] }
  | { readonly sql: null; readonly names: readonly string[] };

interface Tree {
  readonly statements: { readonly node: { cte_map?: { readonly map: { key: string }[] } } }[];
}

/** The SELECT of a common table expression at the top of a query, with those that stand beside it. */
export async function cteQuery(session: Session, sql: string, name: string): Promise<CteQuery> {
  const treeOf = async (text: string): Promise<Tree> => {
    const { rows } = await session.read(
      `SELECT CAST(json_serialize_sql(${quoteText(withoutSemicolon(text))}) AS VARCHAR)`,
    );
    return JSON.parse(String(rows[0]![0]));
  };
  const whole = await treeOf(sql);
  const map = whole.statements?.[0]?.node.cte_map;
  const names = map?.map.map(({ key }) => key) ?? [];
  const found = names.find((key) => key.toLowerCase() === name.toLowerCase());
  if (map === undefined || found === undefined) return { sql: null, names };
  const tree = await treeOf(`SELECT * FROM ${quoteName(found)}`);
  tree.statements[0]!.node.cte_map = map;
  const { rows } = await session.read(
    `SELECT json_deserialize_sql(CAST(${quoteText(JSON.stringify(tree))} AS JSON))`,
  );
  return { sql: String(rows[0]![0]), names };
}
