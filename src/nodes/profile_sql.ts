import { quoteName, quoteNodeId, quoteText } from "../engine/quote.ts";
import type { NodeId } from "../model/ids.ts";
import type { OutputColumn } from "../shape/query_shape.ts";
import { isNumber, isTime } from "./input_columns.ts";

/** What is looked at. */
export interface ProfileQuery {
  readonly input: NodeId;
  readonly columns: readonly OutputColumn[];
  /** Values of a text column that are listed, the most frequent first. */
  readonly max_top_values: number;
  /** Time with which the newest value of a time column is compared, as SQL text; null: it is not. */
  readonly as_of: string | null;
}

/** What stands for the table in `column_name`. */
export const TABLE = "_table_";

/** Every figure that there is: of the table, of all columns, and of columns of some types. */
export const METRICS: readonly string[] = [
  "row_count",
  "null_count",
  "null_percent",
  "distinct_count",
  "min",
  "max",
  "avg",
  "sum",
  "stddev",
  "p25",
  "p50",
  "p75",
  "top_values",
  "freshness_hours",
];

/** A row of a profile: an SQL value, and JSON of what it is made of. */
interface Metric {
  readonly column: string;
  readonly metric: string;
  readonly value: string;
  readonly detail?: string;
}

const ROWS = quoteName("rows");
const NO_DETAIL = "CAST(NULL AS VARCHAR)";

/**
 * A SELECT of `column_name, metric, value, detail` with one row for each figure of each column. Quantiles and distinct
 * counts are exact. Figures that sum up floating-point numbers are given with 12 digits: the last ones depend on
 * the order in which rows were added up.
 */
export function profileSql(query: ProfileQuery): string {
  const aggregates: string[] = [`count(*) AS ${ROWS}`];
  const metrics: Metric[] = [
    { column: TABLE, metric: "row_count", value: `CAST(${ROWS} AS VARCHAR)` },
  ];
  query.columns.forEach((column, i) => {
    const figures = new ColumnFigures(column, i);
    metrics.push(...figures.metrics(query));
    aggregates.push(...figures.aggregates);
  });
  const names = (texts: readonly string[]) =>
    `unnest(from_json(${quoteText(JSON.stringify(texts))}, '["VARCHAR"]'))`;
  const list = (values: readonly string[]) => `unnest([\n    ${values.join(",\n    ")}\n  ])`;
  return [
    `WITH "figures" AS MATERIALIZED (`,
    "  SELECT",
    aggregates.map((sql) => `    ${sql}`).join(",\n"),
    `  FROM ${quoteNodeId(query.input)}`,
    ")",
    // Lists side by side: a list of structs would be many times as large a plan.
    "SELECT",
    [
      `  ${names(metrics.map(({ column }) => column))} AS column_name`,
      `  ${names(metrics.map(({ metric }) => metric))} AS metric`,
      `  ${list(metrics.map(({ value }) => value))} AS value`,
      `  ${list(metrics.map(({ detail }) => detail ?? NO_DETAIL))} AS detail`,
    ].join(",\n"),
    `FROM "figures"`,
  ].join("\n");
}

/** The figures of one column: aggregates of one pass over the input, and what is said of them. */
class ColumnFigures {
  readonly aggregates: string[] = [];
  readonly #column: OutputColumn;
  readonly #i: number;

  constructor(column: OutputColumn, i: number) {
    this.#column = column;
    this.#i = i;
  }

  metrics({ input, max_top_values, as_of }: ProfileQuery): Metric[] {
    const { name, type } = this.#column;
    const value = quoteName(name);
    const nulls = this.#add(`count(*) - count(${value})`);
    const text = (sql: string) => `CAST(${sql} AS VARCHAR)`;
    const metric = (metric: string, value: string, detail?: string): Metric => ({
      column: name,
      metric,
      value,
      ...(detail === undefined ? {} : { detail }),
    });
    const common = [
      metric("null_count", text(nulls)),
      metric("null_percent", digits(`100.0 * ${nulls} / nullif(${ROWS}, 0)`)),
      metric("distinct_count", text(this.#add(`count(DISTINCT ${value})`))),
    ];
    if (isNumber(type)) return [...common, ...this.#numbers(metric)];
    const ends = () => [
      metric("min", text(this.#add(`min(${value})`))),
      metric("max", text(this.#add(`max(${value})`))),
    ];
    if (isTime(type)) {
      const [min, max] = ends();
      const newest = `CAST(${this.aggregates.at(-1)!.split(" AS ").at(-1)!} AS TIMESTAMP)`;
      return as_of === null ? [...common, min!, max!] : [
        ...common,
        min!,
        max!,
        metric(
          "freshness_hours",
          digits(
            `date_diff('second', ${newest}, CAST(${quoteText(as_of)} AS TIMESTAMP)) / 3600.0`,
          ),
        ),
      ];
    }
    if (type !== "VARCHAR") return common;
    return [
      ...common,
      metric(
        "top_values",
        `(SELECT CAST(count(*) AS VARCHAR) FROM ${topValues(input, value, max_top_values)})`,
        `(SELECT CAST(to_json(coalesce(list({'value': "value", 'count': "count", 'percent': ` +
          `round(100.0 * "count" / "of", 6)} ORDER BY "count" DESC, "value"), [])) AS VARCHAR) ` +
          `FROM ${topValues(input, value, max_top_values)})`,
      ),
    ];
  }

  #numbers(metric: (metric: string, value: string) => Metric): Metric[] {
    const { name, type } = this.#column;
    const value = quoteName(name);
    const isFloat = type === "DOUBLE" || type === "FLOAT";
    // Infinities and NaN have no sum and no deviation; they show in min and max.
    const finite = isFloat ? ` FILTER (WHERE isfinite(${value}))` : "";
    const sum = this.#add(`sum(${value})${finite}`);
    // One aggregate for all of them: each would keep and sort the values of its own.
    const quantiles = this.#add(
      `quantile_cont(CAST(${value} AS DOUBLE), [0.25, 0.5, 0.75])${finite}`,
    );
    const exact = (sql: string) => `CAST(${sql} AS VARCHAR)`;
    return [
      metric("min", exact(this.#add(`min(${value})`))),
      metric("max", exact(this.#add(`max(${value})`))),
      metric("avg", digits(this.#add(`avg(${value})${finite}`))),
      metric("sum", isFloat ? digits(sum) : exact(sum)),
      metric("stddev", digits(this.#add(`stddev_samp(${value})${finite}`))),
      metric("p25", digits(`${quantiles}[1]`)),
      metric("p50", digits(`${quantiles}[2]`)),
      metric("p75", digits(`${quantiles}[3]`)),
    ];
  }

  /** The name under which an aggregate is found. */
  #add(sql: string): string {
    const name = quoteName(`${this.#i}.${this.aggregates.length}`);
    this.aggregates.push(`${sql} AS ${name}`);
    return name;
  }
}

/** A number with as many digits as do not depend on the order in which it was added up. */
function digits(sql: string): string {
  return `format('{:.12g}', CAST(${sql} AS DOUBLE))`;
}

function topValues(input: NodeId, value: string, most: number): string {
  return `(SELECT ${value} AS "value", count(*) AS "count", sum(count(*)) OVER () AS "of" ` +
    `FROM ${quoteNodeId(input)} WHERE ${value} IS NOT NULL GROUP BY ${value} ` +
    `ORDER BY count(*) DESC, ${value} LIMIT ${most})`;
}
