import type { AuditType } from "./audit_type.ts";
import {
  AT_LEAST_ONE,
  NOT_CONSTANT,
  NOT_EMPTY_STRING,
  NOT_NULL,
  UNIQUE,
  UNIQUE_COMBINATION,
} from "./column_audits.ts";
import { METRIC } from "./metric_audit.ts";
import { CUSTOM_SQL, EXPRESSION, RELATIONSHIPS, ROW_COUNT } from "./table_audits.ts";
import { ACCEPTED_RANGE, ACCEPTED_VALUES, MATCHES, RECENCY } from "./value_audits.ts";

/** Every way to check rows, in the order in which help shows them. */
export const AUDIT_TYPES: readonly AuditType[] = [
  NOT_NULL,
  UNIQUE,
  ACCEPTED_VALUES,
  ROW_COUNT,
  CUSTOM_SQL,
  RELATIONSHIPS,
  ACCEPTED_RANGE,
  NOT_EMPTY_STRING,
  UNIQUE_COMBINATION,
  MATCHES,
  EXPRESSION,
  RECENCY,
  NOT_CONSTANT,
  AT_LEAST_ONE,
  METRIC,
];

/** The audit type of that name, or null. */
export function findAuditType(name: string): AuditType | null {
  return AUDIT_TYPES.find((type) => type.name === name) ?? null;
}
