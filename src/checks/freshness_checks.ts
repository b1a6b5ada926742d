import { parseDuration } from "../base/quantities.ts";
import { quoteName, quoteText } from "../engine/quote.ts";
import type { CheckSeverity, CheckSpec } from "../model/check.ts";
import type { FreshnessSpec } from "../model/node.ts";

/** Name of the type of these checks. */
export const FRESHNESS = "freshness";

/** The checks of how old a source's newest row is at a moment: one for each of `warn_after` and `error_after`. */
export function freshnessChecks(freshness: FreshnessSpec, now: Date): CheckSpec[] {
  const { time_column: column, warn_after, error_after } = freshness;
  const oldest = (after: string) => new Date(now.getTime() - parseDuration(after)!);
  const check = (severity: CheckSeverity, after: string, before: string | null): CheckSpec => ({
    name: `${severity === "warn" ? "freshness_warn" : "freshness"}(${column})`,
    type: FRESHNESS,
    severity,
    column,
    sql: freshnessSql(column, after, {
      oldest: oldest(after),
      // What is an error is not said twice.
      elsewhere: before === null ? null : oldest(before),
    }),
    message: null,
  });
  return [
    ...(warn_after === null ? [] : [check("warn", warn_after, error_after)]),
    ...(error_after === null ? [] : [check("error", error_after, null)]),
  ];
}

function freshnessSql(
  column: string,
  after: string,
  { oldest, elsewhere }: { readonly oldest: Date; readonly elsewhere: Date | null },
): string {
  const moment = (date: Date) =>
    `TIMESTAMP ${quoteText(date.toISOString().slice(0, 23).replace("T", " "))}`;
  const isOld = elsewhere === null
    ? `newest IS NULL OR newest < ${moment(oldest)}`
    : `newest < ${moment(oldest)} AND newest >= ${moment(elsewhere)}`;
  return `SELECT CASE WHEN ${isOld} THEN 1 ELSE 0 END AS violations, rows AS checked, ` +
    `CASE WHEN newest IS NULL THEN ${quoteText(`no row has a ${column}`)} ` +
    `ELSE ${quoteText(`the newest ${column} is `)} || newest || ${
      quoteText(`, more than ${after} ago`)
    } END AS detail ` +
    `FROM (SELECT CAST(max(${
      quoteName(column)
    }) AS TIMESTAMP) AS newest, count(*) AS rows FROM "this")`;
}
