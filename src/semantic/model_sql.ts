import { quoteNodeId } from "../engine/quote.ts";
import { nodeId } from "../model/ids.ts";
import { groupings, problem, type Reached, type SemanticCatalog } from "./catalog.ts";
import type { Join, Measure, SemanticModel } from "./definition.ts";
import { dimensionNames, dimensionSql, findDimension } from "./resolve_dimension.ts";
import { ident, replaceNames } from "./sql_text.ts";

/**
 * Where the columns of semantic models come from: `nodes`, computed from the nodes that they describe; `models`, from the
 * models as relations of their own, as a plan knows them.
 */
export type ColumnSource = "nodes" | "models";

/** One row's part in a measure: what its aggregation adds up. */
export function measureInputSql({ expr, filters }: Measure): string {
  const value = expr ?? "1";
  if (filters.length === 0) return value;
  return `CASE WHEN ${filters.map((filter) => `(${filter})`).join(" AND ")} THEN ${value} END`;
}

/** A measure over rows of which a column holds its inputs. */
export function aggregateSql({ agg }: Measure, column: string): string {
  return agg === "count_distinct" ? `count(DISTINCT ${column})` : `${agg}(${column})`;
}

/** The columns of a model that a query needs. */
export class ModelColumns {
  readonly #catalog: SemanticCatalog;
  readonly #columns = new Map<string, Set<string>>();

  constructor(catalog: SemanticCatalog) {
    this.#catalog = catalog;
  }

  add(model: SemanticModel, column: string | null): void {
    const columns = this.#columns.get(model.name) ?? new Set();
    this.#columns.set(model.name, columns);
    if (column !== null) columns.add(column);
  }

  /** `orders AS (SELECT …)` for every model, in the order in which they came up. */
  sql(from: ColumnSource): string[] {
    return [...this.#columns].map(([name, columns]) => {
      const model = this.#catalog.model(name);
      const wanted = [...columns];
      // A model of which only the rows count has to have a column all the same.
      const list = wanted.length === 0
        ? "1 AS one"
        : wanted.map((column) => from === "models" ? ident(column) : columnSql(model, column)).join(
          ",\n    ",
        );
      const place = from === "models" ? nodeId("semantic_model", name) : model.model;
      return `${ident(name)} AS (\n  SELECT\n    ${list}\n  FROM ${quoteNodeId(place)}\n)`;
    });
  }
}

function columnSql(model: SemanticModel, column: string): string {
  const grouping = groupings(model).find(({ name }) => name === column);
  const measure = model.measures.find(({ name }) => name === column);
  const expr = grouping?.expr ?? measureInputSql(measure!);
  return expr === ident(column) ? expr : `${expr} AS ${ident(column)}`;
}

/** `LEFT JOIN`s to every place, each once, nearest first; notes the columns that they need. */
export function joinsSql(
  catalog: SemanticCatalog,
  places: readonly Reached[],
  columns: ModelColumns,
): string[] {
  const joins = new Map<string, string>();
  for (const { path } of [...places].sort((a, b) => a.path.length - b.path.length)) {
    for (const { from, join } of path) {
      if (joins.has(join.name)) continue;
      for (const { model, column } of joinNames(from, join)) {
        columns.add(catalog.model(model), column);
      }
      joins.set(join.name, `LEFT JOIN ${ident(join.name)} ON ${joinCondition(from, join)}`);
    }
  }
  return [...joins.values()];
}

const JOIN_NAME_REGEXP = /\{\s*([^{}\s]+)\s*\}\s*\.\s*("(?:[^"]|"")*"|[\p{L}_][\p{L}\p{N}_]*)/gu;

/** The models and columns that a join's condition names. */
export function joinNames(
  from: { readonly name: string },
  join: Join,
): { readonly model: string; readonly column: string }[] {
  return [...join.sql.matchAll(JOIN_NAME_REGEXP)].map(([, model, column]) => ({
    model: model === "CUBE" ? from.name : model!,
    column: unquoted(column!),
  }));
}

/** The condition with models and columns by their names. */
export function joinCondition(from: { readonly name: string }, join: Join): string {
  return join.sql.replace(
    JOIN_NAME_REGEXP,
    (_, model: string, column: string) =>
      `${ident(model === "CUBE" ? from.name : model)}.${ident(unquoted(column))}`,
  );
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}

/** A condition over dimensions as SQL; says which places it needs. Throws what `findDimension` does, and `measure_in_filter` (3). */
export function filterSql(
  catalog: SemanticCatalog,
  base: SemanticModel,
  filter: string,
  use: (place: Reached, column: string) => void,
): string {
  const sql = replaceNames(filter, ({ name }) => {
    const found = findDimension(catalog, base, name);
    if (found !== null) {
      use(found.place, found.name);
      return dimensionSql(found);
    }
    if (base.measures.some((measure) => measure.name === name)) {
      throw problem(
        "measure_in_filter",
        `Filter "${filter}" names the measure "${name}": filters are about rows, before they are added up`,
        `filter by: ${dimensionNames(catalog, base).join(", ")}`,
      );
    }
    return null;
  });
  return `(${sql})`;
}
