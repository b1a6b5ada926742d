import { quoteName, quoteNodeId } from "../engine/quote.ts";
import type { AuditType } from "./audit_type.ts";
import { nameThis, refsIn, unwrapRef } from "./written_sql.ts";
import { rowCheck, rowsOf, tableCheck } from "./check_sql.ts";

/** How many rows there are. */
export const ROW_COUNT: AuditType = {
  name: "row_count",
  summary: "The number of rows lies between min and max",
  takesColumns: false,
  schema: {
    min: { type: "integer", minimum: 0, description: "Rows at least" },
    max: { type: "integer", minimum: 0, description: "Rows at most" },
  },
  parse: (reader) => {
    const [min, max] = [reader.optionalText("min"), reader.optionalText("max")];
    const isCount = (text: string | null) => text === null || /^\d{1,18}$/.test(text);
    if ((min !== null || max !== null) && isCount(min) && isCount(max)) return { min, max };
    reader.problem([], "missing_field", "row_count has a min, a max or both", "min: 1");
    return null;
  },
  sql: (audit) => {
    const { min = null, max = null } = audit.params;
    const limits = [
      ...(min === null ? [] : [`count(*) < ${min}`]),
      ...(max === null ? [] : [`count(*) > ${max}`]),
    ];
    const wanted = [
      ...(min === null ? [] : [`at least ${min}`]),
      ...(max === null ? [] : [`at most ${max}`]),
    ].join(" and ");
    return [tableCheck(audit, null, {
      fails: limits.join(" OR "),
      detail: `count(*) || ' rows, and there have to be ${wanted}'`,
    })];
  },
};

/** A query whose rows are violations. */
export const CUSTOM_SQL: AuditType = {
  name: "custom_sql",
  summary: "A SELECT over __THIS__ returns no rows",
  takesColumns: false,
  schema: {
    sql: {
      type: "string",
      description: "Its rows are violations; the node is __THIS__, others are ref('kind.name')",
    },
  },
  written: { field: "sql", is: "query" },
  mainField: "sql",
  parse: (reader) => {
    const sql = reader.requiredText("sql", "SELECT * FROM __THIS__ WHERE amount < 0");
    return sql === null ? null : { sql };
  },
  sql: (audit) => {
    const rows = `(\n${nameThis(String(audit.params["sql"]))}\n)`;
    const found = audit.where === undefined
      ? `SELECT * FROM ${rows}`
      : `SELECT * FROM ${rows} WHERE (\n${audit.where}\n)`;
    return [{
      column: null,
      sql: `SELECT count(*) AS violations, (SELECT count(*) FROM "this") AS checked, ` +
        `NULL::VARCHAR AS detail FROM (${found})`,
      failing: found,
    }];
  },
  reads: (params) => refsIn(String(params["sql"])),
};

/** A condition on every row. */
export const EXPRESSION: AuditType = {
  name: "expression",
  summary: "A condition holds for every row; where it is NULL the row passes",
  takesColumns: false,
  schema: { expression: { type: "string", description: "amount >= 0" } },
  written: { field: "expression", is: "condition" },
  mainField: "expression",
  parse: (reader) => {
    const expression = reader.requiredText("expression", "amount >= 0");
    return expression === null ? null : { expression };
  },
  sql: (audit) => [rowCheck(audit, null, `NOT (\n${audit.params["expression"]}\n)`)],
};

/** Every value is one of another node's. */
export const RELATIONSHIPS: AuditType = {
  name: "relationships",
  summary: "Every value of the column is there in a column of a node upstream; NULL passes",
  takesColumns: true,
  schema: {
    to: { type: "string", description: "ref('kind.name') of a node upstream" },
    field: { type: "string", description: "Its column (default: the same name)" },
  },
  parse: (reader) => {
    const to = reader.requiredText("to", "ref('source.customers')");
    const field = reader.optionalText("field");
    if (to === null) return null;
    if (/^[^.\s]+\.[^.\s]+$/.test(unwrapRef(to))) return { to: unwrapRef(to), field };
    reader.problem(["to"], "wrong_value", `"${to}" is not a node`, "write ref('kind.name')");
    return null;
  },
  sql: (audit) =>
    audit.columns.map((name) => {
      const field = quoteName(String(audit.params["field"] ?? name));
      const known = `SELECT ${field} FROM ${
        quoteNodeId(String(audit.params["to"]))
      } WHERE ${field} IS NOT NULL`;
      return {
        ...rowCheck(audit, name, `${quoteName(name)} NOT IN (${known})`),
        failing: `SELECT * FROM ${rowsOf(audit)} WHERE ${quoteName(name)} NOT IN (${known})`,
      };
    }),
  reads: ({ to }) => [String(to)],
};
