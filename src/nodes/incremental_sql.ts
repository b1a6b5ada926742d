import { quoteName, quoteNodeId, quoteText } from "../engine/quote.ts";
import type { Interval } from "../base/time_intervals.ts";
import type { NodeId } from "../model/ids.ts";
import type { IncrementalState } from "../model/incremental.ts";
import type { IncrementalByKey, IncrementalByTime, IncrementalSpec } from "../model/node.ts";
import { withoutSemicolon } from "../sql/tokens.ts";
import type { Literals } from "../sql/resolve_query.ts";

/** Name under which a build sees the output that it goes on from. No kind of node has it. */
export const PREVIOUS = "seeknal.previous" as NodeId;

type Column = { readonly name: string; readonly type: string };

/** What stands for the values of a build while its query is bound. */
export function bindLiterals(spec: IncrementalSpec | null): Literals {
  if (spec === null) return {};
  if (spec.mode === "incremental_by_key") return watermark("NULL");
  return limits({ start: "1970-01-01T00:00:00Z", end: "1970-01-02T00:00:00Z" });
}

/** Up to when a test looks where it does not say: later than any row, and not too far for a query that lists all days. */
const TEST_END = "2100-01-01T00:00:00Z";

/**
 * What stands for the values of a build in a test: those of a first build of everything, where the test
 * does not say otherwise.
 */
export function testLiterals(
  spec: IncrementalSpec | null,
  columns: readonly Column[],
  said: Readonly<Record<string, unknown>>,
): Literals {
  if (spec === null) return {};
  if (spec.mode === "incremental_by_key") return watermark(belowAll(typeOf(spec, columns) ?? ""));
  const { start = spec.start, end = TEST_END } = said;
  return limits({ start: String(start), end: String(end) });
}

/** The query of one build: what is kept of the former output, and the new rows. */
export function incrementalSql(
  spec: IncrementalSpec,
  state: IncrementalState,
  columns: readonly Column[],
  sqlFor: (literals: Literals) => string,
): string {
  return spec.mode === "incremental_by_time"
    ? byTimeSql(spec, state, columns, sqlFor)
    : byKeySql(spec, state, columns, sqlFor);
}

function byTimeSql(
  spec: IncrementalByTime,
  { base, build }: IncrementalState,
  columns: readonly Column[],
  sqlFor: (literals: Literals) => string,
): string {
  const column = quoteName(spec.time_column);
  const names = columns.map(({ name }) => quoteName(name)).join(", ");
  const type = columns.find(({ name }) => sameName(name, spec.time_column))!.type;
  const inside = ({ start, end }: Interval) =>
    `(${column} >= ${moment(start, type)} AND ${column} < ${moment(end, type)})`;
  const kept = base === null ? [] : [
    `SELECT ${names} FROM ${quoteNodeId(PREVIOUS)} WHERE NOT (${build.map(inside).join(" OR ")})`,
  ];
  const fresh = build.map((part) =>
    `SELECT ${names} FROM (\n${withoutSemicolon(sqlFor(limits(part)))}\n) AS "fresh"(${names}) ` +
    `WHERE ${inside(part)}`
  );
  const nothing = `SELECT ${names} FROM (\n${
    withoutSemicolon(sqlFor(bindLiterals(spec)))
  }\n) AS "fresh"(${names}) WHERE false`;
  const parts = [...kept, ...fresh];
  return parts.length === 0 ? nothing : parts.join("\nUNION ALL\n");
}

function byKeySql(
  spec: IncrementalByKey,
  { base }: IncrementalState,
  columns: readonly Column[],
  sqlFor: (literals: Literals) => string,
): string {
  const names = columns.map(({ name }) => quoteName(name)).join(", ");
  const column = spec.time_column;
  const type = typeOf(spec, columns);
  const reached = base === null || column === null || type === undefined
    ? belowAll(type ?? "")
    : `(SELECT max(${quoteName(column)}) FROM ${quoteNodeId(PREVIOUS)})`;
  const keys = spec.unique_key.map(quoteName);
  const query = withoutSemicolon(sqlFor(watermark(reached)));
  const message = quoteText(
    `the query returns a key more than once (${spec.unique_key.join(", ")}): ` +
      "keep one row of each, for example with QUALIFY row_number() OVER (PARTITION BY … ORDER BY …) = 1",
  );
  const same = keys.map((key) => `"fresh".${key} IS NOT DISTINCT FROM "kept".${key}`).join(" AND ");
  const kept = base === null ? "" : `\nUNION ALL\nSELECT ${names} FROM ${quoteNodeId(PREVIOUS)} ` +
    `AS "kept" WHERE NOT EXISTS (SELECT 1 FROM "fresh" WHERE ${same})`;
  return `WITH "fresh" AS MATERIALIZED (SELECT * FROM (\n${query}\n) AS "query"(${names})),\n` +
    `"twice" AS (SELECT count(*) AS n FROM (SELECT 1 FROM "fresh" GROUP BY ${
      keys.join(", ")
    } HAVING count(*) > 1))\n` +
    `SELECT ${names} FROM "fresh" ` +
    `WHERE (SELECT CASE WHEN n > 0 THEN error(${message}) ELSE true END FROM "twice")${kept}`;
}

function typeOf({ time_column }: IncrementalByKey, columns: readonly Column[]): string | undefined {
  return columns.find(({ name }) => time_column !== null && sameName(name, time_column))?.type;
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function limits({ start, end }: Interval): Literals {
  const value = (text: string) => ({ bare: quoteText(text), quoted: text });
  const time = (text: string) => text.replace("T", " ").replace("Z", "");
  return {
    start: value(time(start)),
    end: value(time(end)),
    start_date: value(start.slice(0, 10)),
    end_date: value(end.slice(0, 10)),
  };
}

function watermark(sql: string): Literals {
  return { watermark: { bare: sql, quoted: null } };
}

/** A point in time that compares exactly with a DATE, a TIMESTAMP or a TIMESTAMP WITH TIME ZONE. */
function moment(text: string, type: string): string {
  const time = text.replace("T", " ").replace("Z", "");
  return type === "TIMESTAMP WITH TIME ZONE"
    ? `TIMESTAMPTZ ${quoteText(`${time}+00`)}`
    : `TIMESTAMP ${quoteText(time)}`;
}

/** A value below all that a column of a type holds, so that the first build reads everything. */
function belowAll(type: string): string {
  if (/^(DATE|TIMESTAMP)/.test(type)) return `CAST('-infinity' AS ${type})`;
  return isNumeric(type) ? "CAST('-inf' AS DOUBLE)" : "''";
}

function isNumeric(type: string): boolean {
  return /^(FLOAT|DOUBLE|DECIMAL|U?(TINY|SMALL|BIG|HUGE)?INT)/.test(type);
}
