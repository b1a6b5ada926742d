import { quoteName, quoteNodeId } from "../engine/quote.ts";
import type { NodeId } from "../model/ids.ts";

/** Days before the application date, both ends included: `[1, 7]` is the week before it, `[0, 0]` that day alone. */
export type DayWindow = readonly [from: number, to: number];

/** How one column of the input is aggregated. */
export interface AggregatedFeature {
  /** What output names begin with. */
  readonly name: string;
  /** Column of the input; null: rows are counted. */
  readonly column: string | null;
  /** Over everything up to the application date. */
  readonly basic: readonly string[];
  readonly rolling: readonly { readonly window: DayWindow; readonly aggs: readonly string[] }[];
  /** One window divided by another. */
  readonly ratio: readonly {
    readonly numerator: DayWindow;
    readonly denominator: DayWindow;
    readonly aggs: readonly string[];
  }[];
  /** Over the rows that fulfil a condition. */
  readonly since: readonly { readonly condition: string; readonly aggs: readonly string[] }[];
}

/** An aggregation as its author wrote it. */
export interface AggregationQuery {
  readonly input: NodeId;
  readonly id_cols: readonly string[];
  readonly feature_date_col: string;
  /** Column of the input with the day as of which a row is to be seen; null: the latest feature date of all rows. */
  readonly application_date_col: string | null;
  readonly group_by: readonly string[];
  readonly features: readonly AggregatedFeature[];
}

/** Output name of the application date where no column of the input holds it. */
export const APPLICATION_DATE = "application_date";

const FUNCTIONS: Readonly<Record<string, (value: string) => string>> = {
  sum: (value) => `sum(${value})`,
  mean: (value) => `avg(${value})`,
  avg: (value) => `avg(${value})`,
  min: (value) => `min(${value})`,
  max: (value) => `max(${value})`,
  count: (value) => `count(${value})`,
  count_distinct: (value) => `count(DISTINCT ${value})`,
  std: (value) => `stddev_samp(${value})`,
  stddev: (value) => `stddev_samp(${value})`,
  var: (value) => `var_samp(${value})`,
  variance: (value) => `var_samp(${value})`,
  median: (value) => `median(${value})`,
};

/** Names of the aggregations that there are. */
export const AGGREGATIONS: readonly string[] = Object.keys(FUNCTIONS);

/** True for an aggregation that needs numbers. */
export function needsNumbers(agg: string): boolean {
  return !["min", "max", "count", "count_distinct"].includes(agg);
}

/** A column that an aggregation makes, and what makes it. */
export interface AggregateColumn {
  readonly name: string;
  readonly sql: string;
}

/** The columns that say what a row is about, in output order. */
export function keyColumns(query: AggregationQuery): string[] {
  const { id_cols, application_date_col, group_by } = query;
  return [...id_cols, application_date_col ?? APPLICATION_DATE, ...group_by];
}

/**
 * The columns of a feature: `amount_sum`, `amount_sum_7d` (a window that ends 7 days back),
 * `amount_sum_ratio_30d_90d`, `amount_count_if`.
 */
export function aggregateColumns(
  { name, column, ...feature }: AggregatedFeature,
): AggregateColumn[] {
  const value = column === null ? "*" : quoteName(column);
  const over = (agg: string, condition: string) =>
    `${FUNCTIONS[agg]!(value)} FILTER (WHERE ${condition})`;
  return [
    ...feature.basic.map((agg) => ({ name: `${name}_${agg}`, sql: over(agg, IS_KNOWN) })),
    ...feature.rolling.flatMap(({ window, aggs }) =>
      aggs.map((agg) => ({ name: `${name}_${agg}_${window[1]}d`, sql: over(agg, within(window)) }))
    ),
    ...feature.ratio.flatMap(({ numerator, denominator, aggs }) =>
      aggs.map((agg) => ({
        name: `${name}_${agg}_ratio_${numerator[1]}d_${denominator[1]}d`,
        sql: `CAST(${over(agg, within(numerator))} AS DOUBLE) / ` +
          `nullif(CAST(${over(agg, within(denominator))} AS DOUBLE), 0)`,
      }))
    ),
    ...feature.since.flatMap(({ condition, aggs }) =>
      // A comment at the end of the condition must not take the bracket with it.
      aggs.map((agg) => ({
        name: `${name}_${agg}_if`,
        sql: over(agg, `${IS_KNOWN} AND (${condition}\n)`),
      }))
    ),
  ];
}

/** Days from the feature date to the application date; negative for what was not known yet. */
const DAYS = quoteName("days before");
const IS_KNOWN = `${DAYS} >= 0`;

function within([from, to]: DayWindow): string {
  return `${DAYS} BETWEEN ${from} AND ${to}`;
}

/** One SELECT with a row for every value of the key columns that the input has. */
export function aggregationSql(query: AggregationQuery): string {
  const { input, feature_date_col, application_date_col, features } = query;
  const from = quoteNodeId(input);
  const featureDay = `CAST(i.${quoteName(feature_date_col)} AS DATE)`;
  const isLatest = application_date_col === null;
  const applicationDay = isLatest
    ? 'l."latest"'
    : `CAST(i.${quoteName(application_date_col)} AS DATE)`;
  const latest = `SELECT max(CAST(${
    quoteName(feature_date_col)
  } AS DATE)) AS "latest" FROM ${from}`;
  const keys = keyColumns(query).map(quoteName);
  const columns = features.flatMap(aggregateColumns)
    .map(({ name, sql }) => `  ${sql} AS ${quoteName(name)}`);
  return [
    `WITH "dated" AS (`,
    // Before the input's own columns: of two with one name the first keeps it.
    `  SELECT ${applicationDay} - ${featureDay} AS ${DAYS}` +
    `${isLatest ? `, l."latest" AS ${quoteName(APPLICATION_DATE)}` : ""}, i.*`,
    `  FROM ${from} AS i${isLatest ? ` CROSS JOIN (${latest}) AS l` : ""}`,
    ")",
    "SELECT",
    [...keys.map((key) => `  ${key}`), ...columns].join(",\n"),
    `FROM "dated"`,
    `GROUP BY ${keys.join(", ")}`,
  ].join("\n");
}
