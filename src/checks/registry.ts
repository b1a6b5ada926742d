import type { AuditType } from "./audit_type.ts";
import { METRIC } from "./metric_audit.ts";
import { NOT_NULL, UNIQUE } from "./column_audits.ts";

/** Every way to check rows, in the order in which help shows them. */
export const AUDIT_TYPES: readonly AuditType[] = [NOT_NULL, UNIQUE, METRIC];

/** The audit type of that name, or null. */
export function findAuditType(name: string): AuditType | null {
  return AUDIT_TYPES.find((type) => type.name === name) ?? null;
}
