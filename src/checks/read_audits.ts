import { didYouMean } from "../base/closest.ts";
import { type FieldReader, isMapping } from "../base/field_reader.ts";
import type { AuditSpec } from "../model/node.ts";
import { AUDIT_TYPES, findAuditType } from "./registry.ts";

/** Reads a node's `audits:`, a list of mappings with a `type`; reports what is wrong with them. */
export function readAudits(reader: FieldReader): AuditSpec[] {
  return reader.list("audits").flatMap((item, i) => {
    const path = ["audits", i];
    if (!isMapping(item)) {
      reader.problem(path, "wrong_type", "An audit is a mapping with a type");
      return [];
    }
    const inner = reader.child(item, path);
    const name = inner.requiredText("type", AUDIT_TYPES.map((type) => type.name).join(" | "));
    if (name === null) return [];
    const type = findAuditType(name);
    if (type === null) {
      const names = AUDIT_TYPES.map((known) => known.name);
      const hint = didYouMean(name, names) ?? `use one of: ${names.join(", ")}`;
      reader.problem([...path, "type"], "unknown_audit", `Unknown audit type "${name}"`, hint);
      return [];
    }
    const severity = inner.optionalText("severity") ?? "error";
    if (severity !== "error" && severity !== "warn") {
      inner.problem(["severity"], "wrong_value", `Unknown severity "${severity}"`, "error or warn");
      return [];
    }
    const columns = type.takesColumns
      ? inner.texts(inner.has("column") && !inner.has("columns") ? "column" : "columns")
      : [];
    if (type.takesColumns && columns.length === 0) {
      inner.problem([], "missing_field", `A ${name} audit names columns`, "write columns: [id]");
      return [];
    }
    const params = type.parse(inner);
    inner.rejectUnknown(`a ${name} audit`);
    return params === null ? [] : [{ type: name, severity, columns, params }];
  });
}
