import { quoteName, quoteNodeId, quoteText } from "../engine/quote.ts";
import type { CheckSeverity } from "../model/check.ts";
import type { NodeId } from "../model/ids.ts";
import type { OutputColumn } from "../shape/query_shape.ts";
import { type Comparison, PLAIN_NUMBER, type RuleEntry } from "./rule_fields.ts";
import { isNumber } from "./input_columns.ts";
import { TABLE } from "./profile_sql.ts";

/** What rules look at. */
export interface RuleQuery {
  readonly inputs: readonly NodeId[];
  /** Columns of the first input: what rules about columns see. */
  readonly columns: readonly OutputColumn[];
  readonly entries: readonly RuleEntry[];
}

/** One check: its row of the output. */
interface RuleRow {
  readonly name: string;
  readonly entry: RuleEntry;
  readonly column: string | null;
  /** A SELECT with one row: `violations, checked, failed, detail`, and `severity`, `broken` where they are found out. */
  readonly sql: string;
  /** True where `sql` says itself how severe it is and whether it could be checked. */
  readonly isGraded?: true;
}

const INPUT = quoteName("checked rows");

/**
 * A SELECT with a row for every check of every entry, with the columns of a `CheckResult`: `name, type, severity,
 * column_name, status, violations, checked, detail`.
 */
export function ruleSql(query: RuleQuery): string {
  const rows = uniqueNames(query.entries.flatMap((entry) => rowsOf(entry, query)));
  const ctes = [
    `${INPUT} AS (SELECT * FROM ${quoteNodeId(query.inputs[0]!)})`,
    ...assertedViews(query),
  ];
  return `WITH ${ctes.join(",\n  ")}\n${rows.map(rowSql).join("\nUNION ALL\n")}`;
}

/** Names by which the reference system's assertions know the inputs; only those that are used. */
function assertedViews({ inputs, entries }: RuleQuery): string[] {
  const text = entries.flatMap((entry) => entry.type === "sql_assertion" ? [entry.sql] : [])
    .join("\n").toLowerCase();
  return [
    ...inputs.map((id) => [id.replace(".", "_"), id] as const),
    ["input_data", inputs[0]!] as const,
  ].filter(([name]) => text.includes(name.toLowerCase()))
    .map(([name, id]) => `${quoteName(name)} AS (SELECT * FROM ${quoteNodeId(id)})`);
}

function uniqueNames(rows: readonly RuleRow[]): RuleRow[] {
  const counts = new Map<string, number>();
  return rows.map((row) => {
    const count = (counts.get(row.name) ?? 0) + 1;
    counts.set(row.name, count);
    return count === 1 ? row : { ...row, name: `${row.name} #${count}` };
  });
}

function rowSql({ name, entry, column, sql, isGraded }: RuleRow): string {
  const severity = isGraded ? "r.severity" : quoteText(entry.severity);
  const broken = isGraded ? "WHEN r.broken THEN 'error' " : "";
  const found = entry.message === null ? "r.detail" : quoteText(entry.message);
  const detail = isGraded ? `CASE WHEN r.broken THEN r.detail ELSE ${found} END` : found;
  return `SELECT ${quoteText(name)} AS name, ${quoteText(entry.type)} AS type, ` +
    `${severity} AS severity, ` +
    `${column === null ? "CAST(NULL AS VARCHAR)" : quoteText(column)} AS column_name, ` +
    `CASE ${broken}WHEN r.failed THEN 'failed' ELSE 'passed' END AS status, ` +
    `CAST(r.violations AS BIGINT) AS violations, CAST(r.checked AS BIGINT) AS checked, ` +
    `CASE WHEN r.failed THEN ${detail} END AS detail\nFROM (${sql}\n) AS r`;
}

function rowsOf(entry: RuleEntry, query: RuleQuery): RuleRow[] {
  const { columns } = query;
  switch (entry.type) {
    case "null":
      return entry.columns.map((column) => ({
        name: `null(${column})`,
        entry,
        column,
        sql: sharedOf(
          `SELECT count(*) - count(${
            quoteName(column)
          }) AS violations, count(*) AS checked FROM ${INPUT}`,
          entry.max_share,
          "NULL",
        ),
      }));
    case "uniqueness":
      return [uniqueness(entry)];
    case "range":
      return entry.columns.map((column) => rangeRow(entry, column, columns));
    case "freshness":
      return entry.columns.map((column) => freshnessRow(entry, column));
    case "sql_assertion":
      return [{
        name: "sql_assertion",
        entry,
        column: null,
        sql: `SELECT count(*) AS violations, 0 AS checked, count(*) > 0 AS failed, ` +
          `count(*) || ' rows violate the assertion' AS detail FROM (\n${entry.sql}\n)`,
      }];
    case "profile_check":
      return entry.checks.map(({ column, metric, warn, fail }) => ({
        name: `profile_check(${column ?? TABLE}.${metric})`,
        entry,
        column,
        isGraded: true,
        sql: profileCheck(query.inputs[0]!, { column, metric, warn, fail }, entry.severity),
      }));
  }
}

/** Violations are allowed up to a share of the rows. */
function sharedOf(counts: string, share: number, what: string): string {
  return `SELECT violations, checked, violations > ${share} * checked AS failed, ` +
    `violations || ' of ' || checked || ' rows are ${what}' AS detail FROM (${counts})`;
}

function uniqueness(entry: Extract<RuleEntry, { readonly max_share: number }>): RuleRow {
  const list = entry.columns.map(quoteName);
  const known = list.map((name) => `${name} IS NOT NULL`).join(" AND ");
  const counts = `SELECT coalesce(sum(n - 1), 0) AS violations, coalesce(sum(n), 0) AS checked ` +
    `FROM (SELECT count(*) AS n FROM ${INPUT} WHERE ${known} GROUP BY ${list.join(", ")})`;
  return {
    name: `uniqueness(${entry.columns.join(", ")})`,
    entry,
    column: entry.columns.length === 1 ? entry.columns[0]! : null,
    sql: sharedOf(counts, entry.max_share, "duplicates"),
  };
}

function rangeRow(
  entry: RuleEntry & { readonly type: "range" },
  column: string,
  columns: readonly OutputColumn[],
): RuleRow {
  const type = columns.find(({ name }) => name === column)?.type ?? "VARCHAR";
  const value = quoteName(column);
  const [min, max] = [entry.min_val, entry.max_val].map((bound) =>
    bound === null ? null : literal(bound, type)
  );
  const outside = [
    ...(min === null ? [] : [`${value} < ${min}`]),
    ...(max === null ? [] : [`${value} > ${max}`]),
  ].join(" OR ");
  const words = `${entry.min_val ?? "any"} to ${entry.max_val ?? "any"}`;
  return {
    name: `range(${column})`,
    entry,
    column,
    sql: `SELECT count(*) FILTER (WHERE ${outside}) AS violations, count(*) AS checked, ` +
      `count(*) FILTER (WHERE ${outside}) > 0 AS failed, ` +
      `count(*) FILTER (WHERE ${outside}) || ' of ' || count(*) || ` +
      `${quoteText(` rows are outside ${words}: from `)} || ` +
      `coalesce(CAST(min(${value}) AS VARCHAR), '?') || ' to ' || ` +
      `coalesce(CAST(max(${value}) AS VARCHAR), '?') AS detail FROM ${INPUT}`,
  };
}

/** A number stays one beside numbers, so that a decimal bound of an integer is not rounded; else it is quoted. */
function literal(bound: string, type: string): string {
  return isNumber(type) && PLAIN_NUMBER.test(bound) ? bound : quoteText(bound);
}

/** Nothing in the detail goes on with the clock: the same finding is the same row. */
function freshnessRow(
  entry: RuleEntry & { readonly type: "freshness" },
  column: string,
): RuleRow {
  const value = `CAST(${quoteName(column)} AS TIMESTAMP)`;
  const limit = `CAST(now() AS TIMESTAMP) - to_seconds(${entry.max_age.seconds})`;
  const newest = `coalesce(CAST(max(${value}) AS VARCHAR), 'none')`;
  const old = `count(*) FILTER (WHERE (${value} >= ${limit}) IS NOT TRUE)`;
  const isOld = `(max(${value}) >= ${limit}) IS NOT TRUE`;
  const { text } = entry.max_age;
  const sql = entry.rows === "newest"
    ? `SELECT CASE WHEN ${isOld} THEN 1 ELSE 0 END AS violations, count(*) AS checked, ` +
      `${isOld} AS failed, 'the newest row is older than ${text}: ' || ${newest} AS detail`
    : `SELECT ${old} AS violations, count(*) AS checked, ${old} > 0 AS failed, ` +
      `${old} || ' of ' || count(*) || ' rows are older than ${text}; the newest: ' || ${newest} AS detail`;
  return { name: `freshness(${column})`, entry, column, sql: `${sql} FROM ${INPUT}` };
}

function profileCheck(
  profile: NodeId,
  { column, metric, warn, fail }: {
    readonly column: string | null;
    readonly metric: string;
    readonly warn: Comparison | null;
    readonly fail: Comparison | null;
  },
  severity: CheckSeverity,
): string {
  const fails = fail === null ? "false" : compared(fail);
  const warns = warn === null ? "false" : compared(warn);
  const bad = `(v IS NULL OR ${fails} OR ${warns})`;
  const subject = `${column ?? TABLE}.${metric}`;
  return `SELECT CASE WHEN ${bad} THEN 1 ELSE 0 END AS violations, 0 AS checked, ${bad} AS failed, ` +
    `v IS NULL AS broken, ` +
    `CASE WHEN v IS NULL OR ${fails} THEN ${quoteText(severity)} ` +
    `WHEN ${warns} THEN 'warn' ELSE ${quoteText(severity)} END AS severity, ` +
    `CASE WHEN v IS NULL THEN ${quoteText(`the profile has no number for ${subject}`)} ` +
    `WHEN ${fails} THEN ${quoteText(`${subject} is `)} || format('{:.12g}', v) || ${
      quoteText(`, which fails: ${fail?.text ?? ""}`)
    } ELSE ${quoteText(`${subject} is `)} || format('{:.12g}', v) || ${
      quoteText(`, to be looked at: ${warn?.text ?? ""}`)
    } END AS detail ` +
    `FROM (SELECT max(TRY_CAST("value" AS DOUBLE)) AS v FROM ${quoteNodeId(profile)} ` +
    `WHERE column_name = ${quoteText(column ?? TABLE)} AND metric = ${quoteText(metric)})`;
}

function compared({ operator, numbers: [a, b] }: Comparison): string {
  return operator === "between" ? `v BETWEEN ${a} AND ${b}` : `v ${operator} ${a}`;
}
