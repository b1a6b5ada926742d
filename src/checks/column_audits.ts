import { quoteName } from "../engine/quote.ts";
import type { AuditType } from "./audit_type.ts";
import { nameList, rowCheck, rowsOf, tableCheck } from "./check_sql.ts";

/** No value is NULL. */
export const NOT_NULL: AuditType = {
  name: "not_null",
  summary: "No value of the columns is NULL",
  takesColumns: true,
  schema: {},
  parse: () => ({}),
  sql: (audit) =>
    audit.columns.map((column) => rowCheck(audit, column, `${quoteName(column)} IS NULL`)),
};

/** No combination of values comes twice; rows with a NULL among them are not compared. */
export const UNIQUE: AuditType = {
  name: "unique",
  summary: "No combination of values of the columns comes twice; NULL is no value",
  takesColumns: true,
  schema: {},
  parse: () => ({}),
  sql: (audit) => {
    const { columns } = audit;
    const list = nameList(columns);
    const known = columns.map((name) => `${quoteName(name)} IS NOT NULL`).join(" AND ");
    return [{
      column: columns.length === 1 ? columns[0]! : null,
      sql:
        `SELECT coalesce(sum(n - 1), 0)::BIGINT AS violations, coalesce(sum(n), 0)::BIGINT AS checked, ` +
        `NULL::VARCHAR AS detail FROM (SELECT count(*) AS n FROM ${
          rowsOf(audit)
        } WHERE ${known} GROUP BY ${list})`,
      failing: `SELECT * FROM ${
        rowsOf(audit)
      } WHERE ${known} QUALIFY count(*) OVER (PARTITION BY ${list}) > 1`,
    }];
  },
};

/** No combination of values comes twice, where NULL counts as a value like any other. */
export const UNIQUE_COMBINATION: AuditType = {
  name: "unique_combination",
  summary: "No combination of values of the columns comes twice; NULL is a value like any other",
  takesColumns: true,
  schema: {},
  parse: () => ({}),
  sql: (audit) => {
    const list = nameList(audit.columns);
    return [{
      column: audit.columns.length === 1 ? audit.columns[0]! : null,
      sql:
        `SELECT coalesce(sum(n - 1), 0)::BIGINT AS violations, coalesce(sum(n), 0)::BIGINT AS checked, ` +
        `NULL::VARCHAR AS detail FROM (SELECT count(*) AS n FROM ${
          rowsOf(audit)
        } GROUP BY ${list})`,
      failing: `SELECT * FROM ${rowsOf(audit)} QUALIFY count(*) OVER (PARTITION BY ${list}) > 1`,
    }];
  },
};

/** No text is empty or blank. */
export const NOT_EMPTY_STRING: AuditType = {
  name: "not_empty_string",
  summary: "No text of the columns is empty or blank; NULL passes",
  takesColumns: true,
  schema: {},
  parse: () => ({}),
  sql: (audit) =>
    audit.columns.map((column) =>
      rowCheck(audit, column, `regexp_full_match(${quoteName(column)}, '\\s*')`)
    ),
};

/** A column has more than one value. */
export const NOT_CONSTANT: AuditType = {
  name: "not_constant",
  summary: "Each column has at least two different values; a table without rows passes",
  takesColumns: true,
  schema: {},
  parse: () => ({}),
  sql: (audit) =>
    audit.columns.map((column) =>
      tableCheck(audit, column, {
        fails: `count(*) > 0 AND count(DISTINCT ${quoteName(column)}) < 2`,
        detail: `'the same in all ' || count(*) || ' rows'`,
      })
    ),
};

/** A column has at least one value. */
export const AT_LEAST_ONE: AuditType = {
  name: "at_least_one",
  summary: "Each column has at least one value that is not NULL",
  takesColumns: true,
  schema: {},
  parse: () => ({}),
  sql: (audit) =>
    audit.columns.map((column) =>
      tableCheck(audit, column, {
        fails: `count(${quoteName(column)}) = 0`,
        detail: `'no value in ' || count(*) || ' rows'`,
      })
    ),
};
