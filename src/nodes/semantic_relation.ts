import { compactJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/hash.ts";
import { quoteNodeId } from "../engine/quote.ts";
import { nodeId } from "../model/ids.ts";
import { groupings } from "../semantic/catalog.ts";
import { METRIC_TIME, type SemanticModel } from "../semantic/definition.ts";
import { named } from "../semantic/leaf_sql.ts";
import { aggregateSql, joinCondition, measureInputSql } from "../semantic/model_sql.ts";
import { ident } from "../semantic/sql_text.ts";
import type { DescribedNode } from "./node_kind.ts";

/** A column of the relation that a model is, with where its text stands. */
interface ModelColumn {
  readonly name: string;
  readonly sql: string;
  readonly path: readonly (string | number)[];
}

function ownColumns({ entities, dimensions, measures }: SemanticModel): ModelColumn[] {
  const grouping = (field: string, list: readonly { name: string; expr: string }[]) =>
    list.map(({ name, expr }, i) => ({ name, sql: expr, path: [field, i] }));
  return [
    ...grouping("entities", entities),
    ...grouping("dimensions", dimensions),
    ...measures.map((measure, i) => ({
      name: measure.name,
      sql: measureInputSql(measure),
      path: ["measures", i],
    })),
  ];
}

/** A model as SQL. */
export interface ModelRelation {
  readonly sql: string;
  /** Path of the field that a line of it, from 1, comes from; empty for none. */
  fieldAt(line: number): readonly (string | number)[];
}

/**
 * The model as a relation: entities, dimensions and, for every row, what it adds to each measure; for each join whether
 * it finds something. One column a line, so that a problem in one is said where it is written.
 */
export function relationOf(definition: SemanticModel): ModelRelation {
  const own = ownColumns(definition);
  const joins = definition.joins.map((join, i) => ({
    name: join.name,
    sql: `(SELECT bool_or(${joinCondition(definition, join)}) FROM ${
      quoteNodeId(nodeId("semantic_model", join.name))
    } AS ${ident(join.name)})`,
    path: ["joins", i],
  }));
  // Under names that no expression can mean: DuckDB would let one see the column before it.
  const inner = (name: string) => ident(`= ${name}`);
  const lines = [
    { text: `WITH columns_ AS (SELECT`, path: [] },
    ...own.map(({ name, sql, path }, i) => ({
      text: `(${sql}) AS ${inner(name)}${i < own.length - 1 ? "," : ""}`,
      path,
    })),
    {
      text: `FROM ${quoteNodeId(definition.model)}), ${ident(definition.name)} AS (SELECT`,
      path: ["model"],
    },
    {
      text: own.map(({ name }) => `${inner(name)} AS ${ident(name)}`).join(", "),
      path: [],
    },
    { text: `FROM columns_) SELECT ${ident(definition.name)}.*`, path: [] },
    ...joins.map(({ name, sql, path }) => ({ text: `, ${sql} AS ${ident(name)}`, path })),
    { text: `FROM ${ident(definition.name)}`, path: [] },
    {
      text: `-- ${meaningOf(definition).map(([name, how]) => `${name}: ${how}`).join(", ")}`,
      path: [],
    },
  ];
  return {
    sql: lines.map(({ text }) => text).join("\n"),
    fieldAt: (line) => lines[line - 1]?.path ?? [],
  };
}

/** What the relation does not say: how measures add up and joins lead, what times are exact to and which one is the model's. */
function meaningOf(model: SemanticModel): readonly (readonly [string, string])[] {
  const { measures, joins, dimensions, default_time_dimension: time } = model;
  return [
    ...dimensions.filter(({ type }) => type === "time").map((dimension) =>
      [
        dimension.name,
        `time ${dimension.time_granularity ?? ""}${
          dimension.name === time ? ` ${METRIC_TIME}` : ""
        }`,
      ] as const
    ),
    ...measures.map(({ name, agg }) => [name, agg] as const),
    ...joins.map(({ name, relationship }) => [name, relationship] as const),
  ];
}

/**
 * What describing the relation found out, with what the relation does not say: another way of adding up is another
 * expression, though every row adds the same.
 */
export function withMeaning(definition: SemanticModel, found: DescribedNode): DescribedNode {
  const meaning = new Map(meaningOf(definition));
  const columns = found.shape.columns.map((column) => {
    const how = meaning.get(column.name);
    return how === undefined || column.expression === null
      ? column
      : { ...column, expression: sha256(compactJson([column.expression, how])) };
  });
  return {
    ...found,
    shape: { ...found.shape, columns },
    canonicalSql: readableSql(definition),
    queryHash: sha256(compactJson([found.queryHash, ...meaning])),
  };
}

/** The model as somebody would write it by hand, everything in one query. */
function readableSql(model: SemanticModel): string {
  const list = [
    ...groupings(model).map(({ name, expr }) => named(expr, name)),
    ...model.measures.map((measure) =>
      named(
        measure.agg === "count" && measure.expr === null && measure.filters.length === 0
          ? "count(*)"
          : aggregateSql(measure, measureInputSql(measure)),
        measure.name,
      )
    ),
  ];
  const joins = model.joins.map((join) =>
    `\nLEFT JOIN ${quoteNodeId(nodeId("semantic_model", join.name))} AS ${ident(join.name)} ON ${
      joinCondition(model, join)
    } /* ${join.relationship} */`
  );
  return `SELECT ${list.join(", ")}\nFROM ${quoteNodeId(model.model)} AS ${ident(model.name)}${
    joins.join("")
  }\nGROUP BY ALL`;
}
