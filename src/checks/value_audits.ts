import { isScalar, type Scalar } from "../base/field_reader.ts";
import { quoteName, quoteText } from "../engine/quote.ts";
import type { AuditSpec } from "../model/node.ts";
import type { AuditType, CheckedColumn } from "./audit_type.ts";
import { columnNamed, constantOf, rowCheck, tableCheck } from "./check_sql.ts";

/** Every value is one of a list. */
export const ACCEPTED_VALUES: AuditType = {
  name: "accepted_values",
  summary: "Every value of the columns is one of a list; NULL passes",
  takesColumns: true,
  schema: { values: { type: "array", description: "The values that may be there" } },
  parse: (reader) => {
    const values = reader.list("values");
    if (values.length > 0 && values.every(isScalar)) return { values: values as Scalar[] };
    reader.problem(["values"], "missing_field", "accepted_values names values", "values: [a, b]");
    return null;
  },
  sql: (audit, columns) =>
    audit.columns.map((name) =>
      rowCheck(
        audit,
        name,
        `${quoteName(name)} NOT IN (${
          valuesOf(audit).filter((value) => value !== null)
            .map((value) => constantOf(value, columnNamed(name, columns))).join(", ") || "NULL"
        })`,
      )
    ),
  constants: (audit, columns) => constantsOf(audit, columns, valuesOf(audit)),
};

/** Every value lies between two limits. */
export const ACCEPTED_RANGE: AuditType = {
  name: "accepted_range",
  summary: "Every value of the columns lies between min and max; NULL passes",
  takesColumns: true,
  schema: {
    min: { description: "The lowest value" },
    max: { description: "The highest value" },
    inclusive: { type: "boolean", description: "False: the limits themselves are outside" },
  },
  parse: (reader) => {
    const [min, max] = [reader.optionalText("min"), reader.optionalText("max")];
    const inclusive = reader.optionalBoolean("inclusive") ?? true;
    if (min !== null || max !== null) return { min, max, inclusive };
    reader.problem([], "missing_field", "accepted_range has a min, a max or both", "min: 0");
    return null;
  },
  sql: (audit, columns) => {
    const { min = null, max = null, inclusive } = audit.params;
    return audit.columns.map((name) => {
      const column = columnNamed(name, columns);
      const [below, above] = inclusive === false ? ["<=", ">="] : ["<", ">"];
      const limits = [
        ...(min === null ? [] : [`${quoteName(name)} ${below} ${constantOf(min, column)}`]),
        ...(max === null ? [] : [`${quoteName(name)} ${above} ${constantOf(max, column)}`]),
      ];
      return rowCheck(audit, name, limits.join(" OR "));
    });
  },
  constants: (audit, columns) =>
    constantsOf(audit, columns, [audit.params["min"] ?? null, audit.params["max"] ?? null]),
};

/** Every text has a part that a regular expression describes. */
export const MATCHES: AuditType = {
  name: "matches",
  summary: "Every value of the columns matches a regular expression (RE2); NULL passes",
  takesColumns: true,
  schema: { pattern: { type: "string", description: "Found anywhere unless it has ^ and $" } },
  parse: (reader) => {
    const pattern = reader.requiredText("pattern", "'^[A-Z]{2}$'");
    return pattern === null ? null : { pattern };
  },
  sql: (audit) =>
    audit.columns.map((name) =>
      rowCheck(
        audit,
        name,
        `NOT regexp_matches(CAST(${quoteName(name)} AS VARCHAR), ${
          quoteText(String(audit.params["pattern"]))
        })`,
      )
    ),
  constants: ({ params }) => [`regexp_matches('', ${quoteText(String(params["pattern"]))})`],
};

const UNITS: Readonly<Record<string, string>> = { m: "MINUTE", h: "HOUR", d: "DAY" };

/** The newest row is not too old. */
export const RECENCY: AuditType = {
  name: "recency",
  summary: "The newest time in each column lies within a span before now",
  readsClock: true,
  takesColumns: true,
  schema: { within: { type: "string", description: "30m, 24h or 7d" } },
  parse: (reader) => {
    const within = reader.requiredText("within", "24h");
    if (within === null) return null;
    if (/^[1-9]\d{0,5}[mhd]$/.test(within)) return { within };
    reader.problem(["within"], "wrong_value", `"${within}" is no span of time`, "30m, 24h or 7d");
    return null;
  },
  sql: (audit) => {
    const within = String(audit.params["within"]);
    const span = `INTERVAL ${within.slice(0, -1)} ${UNITS[within.at(-1)!]}`;
    return audit.columns.map((name) => {
      const newest = `max(CAST(${quoteName(name)} AS TIMESTAMP))`;
      return tableCheck(audit, name, {
        fails: `${newest} IS NULL OR ${newest} < CAST(now() AS TIMESTAMP) - ${span}`,
        detail: `coalesce('the newest is of ' || ${newest}, 'there is no time')`,
      });
    });
  },
};

function valuesOf({ params }: AuditSpec): readonly Scalar[] {
  return params["values"] as readonly Scalar[];
}

function constantsOf(
  audit: AuditSpec,
  columns: readonly CheckedColumn[],
  values: readonly unknown[],
): string[] {
  return audit.columns.flatMap((name) =>
    values.flatMap((value) =>
      isScalar(value) ? [constantOf(value, columnNamed(name, columns))] : []
    )
  );
}
