import { problem } from "./catalog.ts";
import type { TimeSpan } from "./definition.ts";
import { intervalSql, keepsPeriods, spanWords } from "./grain.ts";
import type { View } from "./group_leaves.ts";
import type { Relation } from "./leaf_sql.ts";
import type { ResolvedDimension } from "./resolve_dimension.ts";
import { ident } from "./sql_text.ts";

/** The relation with every combination of dimensions that anything is known for. */
export const KEYS = "all_keys";
/** The same without what is known of an earlier time only. */
export const SEEN = "seen_keys";

/** How views come together. */
export interface JoinedViews {
  readonly relations: readonly Relation[];
  /** Relation that has the dimensions. */
  readonly keys: string;
  /** `FROM …` and its joins, a line each. */
  readonly from: readonly string[];
}

/**
 * Brings views together on the dimensions: a row for every combination that one of them has, none twice. What is
 * looked at earlier also has a row where only the earlier time has a value, up to the last period that is known.
 * Throws `metric_needs_time` (3).
 */
export function joinViews(
  views: readonly View[],
  dimensions: readonly ResolvedDimension[],
): JoinedViews {
  const [first] = views;
  const earlier = views.filter(({ offsets }) => offsets.length > 0);
  const axis = earlier.length === 0 ? null : offsetAxis(earlier, dimensions);
  if (views.length === 1 && earlier.length === 0) {
    return { relations: [], keys: first!.alias, from: [`FROM ${ident(first!.alias)}`] };
  }
  if (dimensions.length === 0) {
    const [one, ...rest] = views.map(({ alias }) => ident(alias));
    return {
      relations: [],
      keys: first!.alias,
      from: [`FROM ${one}`, ...rest.map((name) => `CROSS JOIN ${name}`)],
    };
  }
  const names = dimensions.map(({ output }) => ident(output)).join(", ");
  const groups = [...new Set(views.map(({ group }) => group.name))];
  const seen = groups.map((name) => `SELECT ${names} FROM ${ident(name)}`).join("\n  UNION\n  ");
  const shifted = earlier.map((view) => shiftedKeys(view, axis!, dimensions));
  return {
    relations: [
      { name: SEEN, sql: seen },
      { name: KEYS, sql: [`SELECT ${names} FROM ${SEEN}`, ...shifted].join("\n  UNION\n  ") },
    ].filter(({ name }) => name === SEEN || shifted.length > 0),
    keys: shifted.length > 0 ? KEYS : SEEN,
    from: [
      `FROM ${shifted.length > 0 ? KEYS : SEEN}`,
      ...views.map((view) => viewJoin(view, axis, dimensions, shifted.length > 0 ? KEYS : SEEN)),
    ],
  };
}

function viewJoin(
  { group, alias, offsets }: View,
  axis: ResolvedDimension | null,
  dimensions: readonly ResolvedDimension[],
  keys: string,
): string {
  const name = group.name === alias ? ident(alias) : `${ident(group.name)} AS ${ident(alias)}`;
  const on = dimensions.map((dimension) => {
    const key = `${keys}.${ident(dimension.output)}`;
    const column = `${ident(alias)}.${ident(dimension.output)}`;
    return dimension === axis && offsets.length > 0
      ? `${column} = ${moved(key, offsets, "-")}`
      : `${column} IS NOT DISTINCT FROM ${key}`;
  });
  return `LEFT JOIN ${name}\n  ON ${on.join("\n  AND ")}`;
}

/** Periods in which the earlier value is there, as far as anything is known. */
function shiftedKeys(
  { group, offsets }: View,
  axis: ResolvedDimension,
  dimensions: readonly ResolvedDimension[],
): string {
  const time = ident(axis.output);
  const later = moved(time, [...offsets].reverse(), "+");
  const columns = dimensions.map((dimension) =>
    dimension === axis ? `${later} AS ${time}` : ident(dimension.output)
  );
  // Days that a shorter month does not have lead to another day, and not back.
  return `SELECT ${columns.join(", ")} FROM ${ident(group.name)}\n  ` +
    `WHERE ${later} <= (SELECT max(${time}) FROM ${SEEN}) AND ${
      moved(later, offsets, "-")
    } = ${time}`;
}

function moved(time: string, offsets: readonly TimeSpan[], sign: "+" | "-"): string {
  return offsets.reduce((sql, span) => `CAST(${sql} ${sign} ${intervalSql(span)} AS DATE)`, time);
}

/** The time along which an earlier value is looked up. */
function offsetAxis(
  views: readonly View[],
  dimensions: readonly ResolvedDimension[],
): ResolvedDimension {
  const span = views[0]!.offsets[0]!;
  const needs = (message: string, hint: string) =>
    problem("metric_needs_time", `A metric looks ${spanWords(span)} back, ${message}`, hint);
  const times = dimensions.filter(({ isTime }) => isTime);
  const own = times.filter(({ place, name }) =>
    place.path.length === 0 && name === views[0]!.group.model.default_time_dimension
  );
  const axis = own[0] ?? (times.length === 1 ? times[0]! : null);
  if (axis === null) {
    throw needs(
      times.length === 0 ? "and no time is asked for" : "and several times are asked for",
      `group by metric_time__${span.unit}`,
    );
  }
  const { grain, output } = axis;
  if (grain === null) {
    throw needs(`and ${output} has no periods`, `group by ${output}__${span.unit}`);
  }
  const odd = views.flatMap(({ offsets }) => offsets).find((one) => !keepsPeriods(one, grain));
  if (odd !== undefined) {
    throw needs(
      `and ${spanWords(odd)} is no whole number of ${grain}s`,
      "group by a shorter period",
    );
  }
  return axis;
}
