import { quoteName, quoteText } from "../engine/quote.ts";
import type { AuditSpec, ParamValue } from "../model/node.ts";
import type { CheckedColumn, CheckSql } from "./audit_type.ts";

/** Relation of the rows that an audit looks at. */
export function rowsOf({ where }: AuditSpec): string {
  // The condition stands on lines of its own: a comment at its end must not swallow what follows.
  return where === undefined ? `"this"` : `(SELECT * FROM "this" WHERE (\n${where}\n))`;
}

/** A check of row by row: those for which the condition is true fail. */
export function rowCheck(audit: AuditSpec, column: string | null, fails: string): CheckSql {
  const from = rowsOf(audit);
  return {
    column,
    sql: `SELECT count(*) FILTER (fails) AS violations, count(*) AS checked, ` +
      `NULL::VARCHAR AS detail FROM (SELECT (${fails}) AS fails FROM ${from})`,
    failing: `SELECT * FROM ${from} WHERE (${fails})`,
  };
}

/**
 * A check of the rows together: one violation where the condition over aggregates is true. `detail` is
 * an expression over them that says what was found.
 */
export function tableCheck(
  audit: AuditSpec,
  column: string | null,
  { fails, detail }: { readonly fails: string; readonly detail: string },
): CheckSql {
  return {
    column,
    sql: `SELECT CASE WHEN (${fails}) THEN 1 ELSE 0 END AS violations, count(*) AS checked, ` +
      `CAST(${detail} AS VARCHAR) AS detail FROM ${rowsOf(audit)}`,
    failing: null,
  };
}

const NUMERIC = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL|DOUBLE|FLOAT)/;

/** A value that an author wrote, as a constant that a column's values are compared with. */
export function constantOf(value: ParamValue, column: CheckedColumn | undefined): string {
  if (value === null) return "NULL";
  const text = String(value);
  if (column === undefined || column.type === "VARCHAR") return quoteText(text);
  // 0.5 is no INTEGER, and must not be rounded to one.
  if (NUMERIC.test(column.type) && /^-?\d{1,18}(\.\d{1,18})?$/.test(text)) return text;
  return `CAST(${quoteText(text)} AS ${column.type})`;
}

/** The column of that name, in any case. */
export function columnNamed(
  name: string,
  columns: readonly CheckedColumn[],
): CheckedColumn | undefined {
  return columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
}

/** Names as a list of SQL identifiers. */
export function nameList(names: readonly string[]): string {
  return names.map(quoteName).join(", ");
}
