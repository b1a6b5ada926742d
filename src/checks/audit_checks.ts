import type { CheckSpec } from "../model/check.ts";
import type { AuditSpec } from "../model/node.ts";
import type { CheckedColumn } from "./audit_type.ts";
import { findAuditType } from "./registry.ts";

/** Characters of a condition or query in the name of its check. */
const NAME_LENGTH = 40;

/** The checks that a node's audits stand for. `grain` names the columns that tell its rows apart. */
export function auditChecks(
  audits: readonly AuditSpec[],
  columns: readonly CheckedColumn[],
  grain: readonly string[] = [],
): CheckSpec[] {
  const taken = new Map<string, number>();
  const unique = (name: string) => {
    const count = (taken.get(name) ?? 0) + 1;
    taken.set(name, count);
    return count === 1 ? name : `${name} #${count}`;
  };
  return audits.flatMap((audit) =>
    findAuditType(audit.type)!.sql(audit, columns).map(({ column, sql, failing }): CheckSpec => ({
      name: unique(nameOf(audit, column)),
      type: audit.type,
      severity: audit.severity,
      column,
      sql,
      message: null,
      ...(failing === null ? {} : { failing }),
      keys: [...new Set([...grain, ...audit.columns])],
      ...(audit.max_violations === undefined ? {} : { max_violations: audit.max_violations }),
    }))
  );
}

/** Words by which SQL asks for the time. Where one only looks like it, a check is made once too often. */
const CLOCK =
  /\b(now|today|age|current_date|current_time|current_timestamp|current_localtime|current_localtimestamp|localtime|localtimestamp|get_current_time|get_current_timestamp|transaction_timestamp)\b/i;

/** True where the same rows may pass today and fail tomorrow. */
export function dependsOnClock({ type, params, where = "" }: AuditSpec): boolean {
  const { readsClock = false, written } = findAuditType(type)!;
  if (readsClock) return true;
  return CLOCK.test(where) || (written !== undefined && CLOCK.test(String(params[written.field])));
}

function nameOf({ type, name, columns, params }: AuditSpec, column: string | null): string {
  if (name !== undefined) {
    return columns.length > 1 && column !== null ? `${name}(${column})` : name;
  }
  const { written } = findAuditType(type)!;
  if (written !== undefined) return `${type}(${clip(String(params[written.field]))})`;
  if (column === null && columns.length === 0) return type;
  return `${type}(${column ?? columns.join(", ")})`;
}

function clip(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > NAME_LENGTH ? `${line.slice(0, NAME_LENGTH - 1)}…` : line;
}
