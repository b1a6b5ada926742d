import type { CheckSpec } from "../model/check.ts";
import type { AuditSpec } from "../model/node.ts";
import type { CheckedColumn } from "./audit_type.ts";
import { findAuditType } from "./registry.ts";

/** The checks that a node's audits stand for. */
export function auditChecks(
  audits: readonly AuditSpec[],
  columns: readonly CheckedColumn[],
): CheckSpec[] {
  return audits.flatMap((audit) =>
    findAuditType(audit.type)!.sql(audit, columns).map(({ column, sql }) => ({
      name: `${audit.type}(${column ?? audit.columns.join(", ")})`,
      type: audit.type,
      severity: audit.severity,
      column,
      sql,
      message: null,
    }))
  );
}
