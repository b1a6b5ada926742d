import { problem, type Reached, type SemanticCatalog } from "./catalog.ts";
import type { Measure, SemanticModel } from "./definition.ts";
import { commonGrain, intervalSql, nests, spanWords } from "./grain.ts";
import type { CumulativeWindow } from "./metric_tree.ts";
import { aggregateSql, filterSql, joinsSql, type ModelColumns } from "./model_sql.ts";
import { dimensionSql, type ResolvedDimension, truncated } from "./resolve_dimension.ts";
import { ident } from "./sql_text.ts";

/** Measures of one model over the same rows and windows, added up by the same dimensions. */
export interface LeafGroup {
  /** Name of the relation that holds the sums. */
  readonly name: string;
  /** Equal for the leaves that are in it. */
  readonly key: string;
  readonly model: SemanticModel;
  readonly measures: readonly Measure[];
  readonly filters: readonly string[];
  readonly window: CumulativeWindow | null;
  readonly dimensions: readonly ResolvedDimension[];
}

/** A relation of a `WITH`. */
export interface Relation {
  readonly name: string;
  readonly sql: string;
}

/** What a group's rows come from. */
interface Rows {
  /** `FROM … LEFT JOIN …`, each on a line of its own. */
  readonly from: readonly string[];
  readonly where: readonly string[];
}

/** The relations that add a group up, the last one of its name; notes the columns that they need. */
export function leafRelations(
  catalog: SemanticCatalog,
  group: LeafGroup,
  columns: ModelColumns,
): { relations: Relation[]; joined: readonly Reached[] } {
  const places = new Map<string, Reached>();
  const use = (place: Reached, column: string) => {
    places.set(place.model.name, place);
    columns.add(place.model, column);
  };
  columns.add(group.model, null);
  for (const { place, name } of group.dimensions) use(place, name);
  for (const { name } of group.measures) columns.add(group.model, name);
  const where = group.filters.map((filter) => filterSql(catalog, group.model, filter, use));
  const axis = group.window === null ? null : timeAxis(group);
  const joined = [...places.values()].filter(({ path }) => path.length > 0);
  const rows = {
    from: [`FROM ${ident(group.model.name)}`, ...joinsSql(catalog, joined, columns)],
    where,
  };
  const relations = axis === null
    ? [{ name: group.name, sql: plainSql(group, rows) }]
    : cumulativeRelations(group, axis, rows);
  return { relations, joined };
}

function plainSql({ model, measures, dimensions }: LeafGroup, rows: Rows): string {
  return select(
    [
      ...dimensions.map((one) => named(dimensionSql(one), one.output)),
      ...measures.map((measure) =>
        named(aggregateSql(measure, columnOf(model, measure)), measure.name)
      ),
    ],
    rows,
    dimensions.length > 0,
  );
}

/**
 * The time that sums go on along: the model's own where it is asked for, else the only one. Null where none is, and
 * the sum goes over all time. Throws `metric_needs_time` (3).
 */
function timeAxis({ model, dimensions, window, measures }: LeafGroup): ResolvedDimension | null {
  const times = dimensions.filter(({ isTime }) => isTime);
  const own = times.filter(({ place, name }) =>
    place.path.length === 0 && name === model.default_time_dimension
  );
  const axis = own[0] ?? (times.length === 1 ? times[0]! : null);
  const { grain_to_date: toDate, window: span } = window!;
  const needs = (message: string, hint: string) =>
    problem("metric_needs_time", `Cumulative "${measures[0]!.name}" ${message}`, hint);
  if (axis === null) {
    if (times.length === 0 && toDate === null && span === null) return null;
    throw needs(
      times.length === 0 ? "goes on along time" : "could go on along several times",
      "group by one of: metric_time__day, metric_time__month, …",
    );
  }
  if (axis.grain === null) {
    throw needs(`needs periods of ${axis.output}`, `group by ${axis.output}__day`);
  }
  if (toDate !== null && !nests(axis.grain, toDate)) {
    throw needs(
      `begins anew every ${toDate}, and a ${axis.grain} is no part of one`,
      `group by ${axis.name}__day`,
    );
  }
  return axis;
}

/** Measures that are sums of sums. */
const SUMS_OF: Readonly<Record<string, string>> = {
  sum: "sum",
  count: "sum",
  min: "min",
  max: "max",
};

function cumulativeRelations(
  group: LeafGroup,
  axis: ResolvedDimension,
  rows: Rows,
): Relation[] {
  const { name, model, measures, dimensions, window } = group;
  const grain = axis.grain!;
  const span = window!.window;
  const [parts, periods] = [`${name}_parts`, `${name}_periods`];
  // Where sums can be added up again, each period is added up once before windows are laid over them.
  const isSum = measures.every(({ agg }) => agg in SUMS_OF);
  // Where equal values count once, each period needs them once.
  const isSet = measures.every(({ agg }) => ["count_distinct", "min", "max"].includes(agg));
  const bucket = span === null ? grain : commonGrain(grain, span.unit);
  const others = dimensions.filter((one) => one !== axis);
  const time = dimensionSql({ ...axis, grain: null });
  const filters = [...rows.where, `${time} IS NOT NULL`];
  const period = "period";
  const partsSql = select(
    [
      named(truncated(time, bucket), period),
      ...others.map((one) => named(dimensionSql(one), one.output)),
      ...measures.map((measure) => {
        const column = columnOf(model, measure);
        return named(isSum ? aggregateSql(measure, column) : column, measure.name);
      }),
    ],
    { ...rows, where: filters },
    isSum || isSet,
  );
  const step = intervalSql({ count: 1, unit: grain });
  const first = truncated(`min(${period})`, grain);
  const last = truncated(`max(${period})`, grain);
  const periodsSql = `SELECT CAST(unnest(generate_series(${first}, ${last}, ${step})) AS DATE) AS ${
    ident(axis.output)
  }\n  FROM ${ident(parts)}`;
  const [p, r] = [ident(periods), ident(parts)];
  const now = `${p}.${ident(axis.output)}`;
  const until = `${r}.${period} < ${now} + ${step}`;
  const since = window!.grain_to_date !== null
    ? [`${r}.${period} >= ${truncated(now, window!.grain_to_date)}`]
    : span !== null
    ? [`${r}.${period} >= ${now} + ${step} - ${intervalSql(span)}`]
    : [];
  const total = (measure: Measure) => {
    const column = `${r}.${ident(measure.name)}`;
    if (!isSum) return aggregateSql(measure, column);
    const sum = `${SUMS_OF[measure.agg]}(${column})`;
    return measure.agg === "count" ? `CAST(${sum} AS BIGINT)` : sum;
  };
  const totals = select(
    [
      ...dimensions.map((one) =>
        one === axis ? named(now, one.output) : named(`${r}.${ident(one.output)}`, one.output)
      ),
      ...measures.map((measure) => named(total(measure), measure.name)),
    ],
    {
      from: [`FROM ${p}`, `JOIN ${r} ON ${[until, ...since].join("\n    AND ")}`],
      where: [],
    },
    true,
  );
  return [{ name: parts, sql: partsSql }, { name: periods, sql: periodsSql }, {
    name,
    sql: totals,
  }];
}

function columnOf(model: SemanticModel, measure: Measure): string {
  return `${ident(model.name)}.${ident(measure.name)}`;
}

/** An expression under a name. */
export function named(sql: string, name: string): string {
  return sql === ident(name) ? sql : `${sql} AS ${ident(name)}`;
}

function select(columns: readonly string[], { from, where }: Rows, isGrouped: boolean): string {
  return [
    "SELECT",
    `    ${columns.join(",\n    ")}`,
    ...from.map((line) => `  ${line}`),
    ...(where.length === 0 ? [] : [`  WHERE ${where.join("\n    AND ")}`]),
    ...(isGrouped ? ["  GROUP BY ALL"] : []),
  ].join("\n");
}

/** What a window is, in words. */
export function windowWords({ grain_to_date, window }: CumulativeWindow): string {
  if (grain_to_date !== null) return `${grain_to_date} to date`;
  return window === null ? "all time" : `last ${spanWords(window)}`;
}
