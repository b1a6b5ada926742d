import { quoteName, quoteNodeId } from "../engine/quote.ts";
import type { NodeId } from "../model/ids.ts";
import type { Age } from "../base/age.ts";

/** A feature group as it is looked up for the rows of a spine. */
export interface FeatureLookup {
  readonly feature_group: NodeId;
  readonly event_time: string;
  /** Columns that have to be equal. */
  readonly keys: readonly { readonly spine: string; readonly feature: string }[];
  /** Columns that are taken over, with their names in the output. */
  readonly columns: readonly { readonly column: string; readonly as: string }[];
  /** How old a feature row may be; null: as old as it likes. */
  readonly max_age: Age | null;
}

/** Rows with the features that were known of them at their time. */
export interface PointInTimeQuery {
  readonly spine: NodeId;
  readonly event_time: string;
  readonly lookups: readonly FeatureLookup[];
}

const SPINE = quoteName("spine");
const AT = quoteName("feature time");

/**
 * A SELECT with every row of the spine exactly once, also those that are equal, and for each the values of the latest
 * feature row of its keys that is not after it. A feature row that is as old as `max_age` still counts. Where several
 * feature rows have that very time, each column takes the greatest of their values; NULL where there is none.
 */
export function pointInTimeSql({ spine, event_time, lookups }: PointInTimeQuery): string {
  const time = `CAST(${SPINE}.${quoteName(event_time)} AS TIMESTAMP)`;
  const columns = lookups.flatMap(({ columns, max_age }, i) => {
    const table = aliasOf(i);
    return columns.map(({ as }, n) => {
      const value = `${table}.${valueName(n)}`;
      const isRecent = max_age === null
        ? null
        : `${table}.${AT} >= ${time} - to_seconds(${max_age.seconds})`;
      return `  ${isRecent === null ? value : `CASE WHEN ${isRecent} THEN ${value} END`} AS ${
        quoteName(as)
      }`;
    });
  });
  return [
    "SELECT",
    [`  ${SPINE}.*`, ...columns].join(",\n"),
    `FROM ${quoteNodeId(spine)} AS ${SPINE}`,
    ...lookups.map((lookup, i) => joinSql(lookup, i, time)),
  ].join("\n");
}

function aliasOf(i: number): string {
  return quoteName(`lookup ${i}`);
}

function valueName(n: number): string {
  return quoteName(`value ${n}`);
}

function keyName(n: number): string {
  return quoteName(`key ${n}`);
}

function joinSql(
  { feature_group, event_time, keys, columns }: FeatureLookup,
  i: number,
  time: string,
): string {
  const table = aliasOf(i);
  const at = `CAST(${quoteName(event_time)} AS TIMESTAMP)`;
  const grouped = keys.map(({ feature }) => quoteName(feature));
  const selected = [
    ...grouped.map((key, n) => `${key} AS ${keyName(n)}`),
    `${at} AS ${AT}`,
    ...columns.map(({ column }, n) => `max(${quoteName(column)}) AS ${valueName(n)}`),
  ];
  const equal = keys.map(({ spine }, n) => `${SPINE}.${quoteName(spine)} = ${table}.${keyName(n)}`);
  return [
    "ASOF LEFT JOIN (",
    `  SELECT ${selected.join(", ")}`,
    `  FROM ${quoteNodeId(feature_group)}`,
    `  GROUP BY ${[...grouped, at].join(", ")}`,
    `) AS ${table} ON ${[...equal, `${time} >= ${table}.${AT}`].join(" AND ")}`,
  ].join("\n");
}
