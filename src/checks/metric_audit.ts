import { quoteText } from "../engine/quote.ts";
import type { CheckSpec } from "../model/check.ts";
import { METRIC_AUDIT, metricBounds } from "../model/metric.ts";
import type { AuditSpec } from "../model/node.ts";
import type { AuditType } from "./audit_type.ts";

/** A number that a script recorded is within bounds. It is no property of the rows: see {@linkcode metricChecks}. */
export const METRIC: AuditType = {
  name: METRIC_AUDIT,
  summary: "A number that the node's script recorded is within bounds",
  takesColumns: false,
  schema: {
    metric: { type: "string", description: "Name under which the script recorded it" },
    min: { type: "number", description: "The least it may be" },
    max: { type: "number", description: "The most it may be" },
  },
  parse: (reader) => {
    const metric = reader.requiredText("metric", "accuracy");
    const [min, max] = [reader.optionalNumber("min"), reader.optionalNumber("max")];
    if (metric === null) return null;
    if (min === null && max === null) {
      reader.problem([], "missing_field", "A metric audit has min, max or both", "write min: 0.8");
      return null;
    }
    return metricBounds(metric, {
      ...(min === null ? {} : { min }),
      ...(max === null ? {} : { max }),
    });
  },
  sql: () => [],
};

/** Checks of what a script recorded: their outcome is known, and stands in the SQL. */
export function metricChecks(
  audits: readonly AuditSpec[],
  metrics: Readonly<Record<string, number>>,
): CheckSpec[] {
  return audits.filter(({ type }) => type === METRIC.name).map(({ severity, params }) => {
    const name = String(params["metric"]);
    const problem = metricProblem(name, params, metrics);
    const detail = problem === null ? "NULL" : quoteText(problem);
    return {
      name: `${METRIC.name}(${name})`,
      type: METRIC.name,
      severity,
      column: null,
      sql: `SELECT ${problem === null ? 0 : 1}::BIGINT AS violations, 1::BIGINT AS checked, ` +
        `${detail}::VARCHAR AS detail`,
      message: null,
    };
  });
}

function metricProblem(
  name: string,
  { min, max }: AuditSpec["params"],
  metrics: Readonly<Record<string, number>>,
): string | null {
  const value = Object.hasOwn(metrics, name) ? metrics[name] : undefined;
  if (value === undefined) {
    const known = Object.keys(metrics).sort().join(", ");
    return `the script recorded no "${name}"${known === "" ? "" : `, but ${known}`}`;
  }
  if (typeof min === "number" && !(value >= min)) return `${name} is ${value}, less than ${min}`;
  if (typeof max === "number" && !(value <= max)) return `${name} is ${value}, more than ${max}`;
  return null;
}
