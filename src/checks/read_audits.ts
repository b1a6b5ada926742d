import { didYouMean } from "../base/closest.ts";
import { type FieldReader, isMapping } from "../base/field_reader.ts";
import type { NodeId } from "../model/ids.ts";
import type { AuditSpec } from "../model/node.ts";
import { unwrapRef } from "./written_sql.ts";
import { AUDIT_TYPES, findAuditType } from "./registry.ts";

/** Keys and indexes from the root of a node's document. */
type Path = readonly (string | number)[];

/** Audits with where each of them is written. */
export interface ReadAudits {
  readonly audits: readonly AuditSpec[];
  readonly places: readonly Path[];
}

/** Fields that hold audits, of a node as well as of one of its columns. */
const FIELDS = ["audits", "tests"] as const;

/** A field that holds audits. */
export type AuditField = (typeof FIELDS)[number];

/**
 * Reads the audits of a node, and of its columns; reports what is wrong with them. Under `audits:` and `tests:` alike,
 * whichever of them the node's `fields` are, an item is a mapping with a `type`, `{type: columns}`, `{type: {…}}` or, at a column, the name of a type.
 */
export function readAudits(reader: FieldReader, fields: readonly AuditField[]): ReadAudits {
  const audits: AuditSpec[] = [];
  const places: Path[] = [];
  const add = (item: unknown, path: Path, column: string | null) => {
    const audit = readAudit(reader, item, path, column);
    if (audit === null) return;
    audits.push(audit);
    places.push(path);
  };
  for (const field of fields) {
    reader.list(field).forEach((item, i) => add(item, [field, i], null));
  }
  for (const [column, value] of Object.entries(reader.mapping("columns"))) {
    if (!isMapping(value)) continue;
    const inner = reader.child(value, ["columns", column]);
    for (const field of FIELDS) {
      inner.list(field).forEach((item, i) => add(item, ["columns", column, field, i], column));
    }
  }
  return { audits, places };
}

function readAudit(
  reader: FieldReader,
  item: unknown,
  path: Path,
  column: string | null,
): AuditSpec | null {
  const written = normalise(item, column);
  if (written === null) {
    const hint = column === null ? "write - {type: not_null, columns: [id]}" : "write - not_null";
    reader.problem(path, "wrong_type", "An audit is a mapping with a type", hint);
    return null;
  }
  const inner = reader.child(written, path);
  const name = inner.requiredText("type", AUDIT_TYPES.map((type) => type.name).join(" | "));
  if (name === null) return null;
  const type = findAuditType(name);
  if (type === null) {
    const names = AUDIT_TYPES.map((known) => known.name);
    const hint = didYouMean(name, names) ?? `use one of: ${names.join(", ")}`;
    reader.problem([...path, "type"], "unknown_audit", `Unknown audit type "${name}"`, hint);
    return null;
  }
  const severity = inner.optionalText("severity") ?? "error";
  if (severity !== "error" && severity !== "warn") {
    inner.problem(["severity"], "wrong_value", `Unknown severity "${severity}"`, "error or warn");
    return null;
  }
  const columns = type.takesColumns
    ? inner.texts(inner.has("column") && !inner.has("columns") ? "column" : "columns")
    : [];
  if (!type.takesColumns && column !== null) inner.ignore("columns");
  if (type.takesColumns && columns.length === 0) {
    inner.problem([], "missing_field", `A ${name} audit names columns`, "write columns: [id]");
    return null;
  }
  const common = readCommon(inner);
  const params = type.parse(inner);
  inner.rejectUnknown(`a ${name} audit`);
  if (params === null || common === null) return null;
  const reads = type.reads?.(params).map(unwrapRef) as NodeId[] ?? [];
  return {
    type: name,
    severity,
    columns,
    params,
    ...common,
    ...(reads.length === 0 ? {} : { reads }),
  };
}

/** Fields that every audit has; null after reporting what is wrong with them. */
function readCommon(
  inner: FieldReader,
): Pick<AuditSpec, "name" | "where" | "max_violations"> | null {
  const [name, where] = [inner.optionalText("name"), inner.optionalText("where")];
  const tolerated = inner.optionalText("max_violations");
  if (tolerated !== null && !/^\d{1,15}$/.test(tolerated)) {
    inner.problem(
      ["max_violations"],
      "wrong_value",
      `max_violations is a number of rows, not "${tolerated}"`,
      "write max_violations: 10",
    );
    return null;
  }
  return {
    ...(name === null ? {} : { name }),
    ...(where === null || where.trim() === "" ? {} : { where }),
    ...(tolerated === null || Number(tolerated) === 0 ? {} : { max_violations: Number(tolerated) }),
  };
}

/** The one form that is read: a mapping with a type; null for what cannot be an audit. */
function normalise(item: unknown, column: string | null): Record<string, unknown> | null {
  const own = column === null ? {} : { columns: [column] };
  if (typeof item === "string") return { type: item, ...own };
  if (!isMapping(item)) return null;
  if (Object.hasOwn(item, "type")) return { ...own, ...item };
  const [type, ...others] = Object.keys(item);
  if (type === undefined || others.some((key) => !COMMON_FIELDS.has(key))) return null;
  const value = item[type];
  const rest = Object.fromEntries(others.map((key) => [key, item[key]]));
  if (isMapping(value)) return { type, ...own, ...value, ...rest };
  if (value === null || value === undefined) return { type, ...own, ...rest };
  const field = findAuditType(type)?.mainField ?? "columns";
  return { type, ...own, [field]: value, ...rest };
}

const COMMON_FIELDS = new Set(["name", "severity", "where", "max_violations"]);
