import { quoteName } from "../engine/quote.ts";
import type { AuditType } from "./audit_type.ts";

/** No value is NULL. */
export const NOT_NULL: AuditType = {
  name: "not_null",
  summary: "No value of the columns is NULL",
  takesColumns: true,
  schema: {},
  parse: () => ({}),
  sql: ({ columns }) =>
    columns.map((column) => ({
      column,
      sql: `SELECT count(*) FILTER (${quoteName(column)} IS NULL) AS violations, ` +
        `count(*) AS checked, NULL::VARCHAR AS detail FROM "this"`,
    })),
};

/** No combination of values comes twice; NULLs are not compared. */
export const UNIQUE: AuditType = {
  name: "unique",
  summary: "No combination of values of the columns comes twice",
  takesColumns: true,
  schema: {},
  parse: () => ({}),
  sql: ({ columns }) => {
    const list = columns.map(quoteName).join(", ");
    const known = columns.map((name) => `${quoteName(name)} IS NOT NULL`).join(" AND ");
    return [{
      column: columns.length === 1 ? columns[0]! : null,
      sql:
        `SELECT coalesce(sum(n - 1), 0)::BIGINT AS violations, coalesce(sum(n), 0)::BIGINT AS checked, ` +
        `NULL::VARCHAR AS detail FROM (SELECT count(*) AS n FROM "this" WHERE ${known} GROUP BY ${list})`,
    }];
  },
};
