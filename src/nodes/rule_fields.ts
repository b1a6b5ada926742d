import { type Age, AGE_HINT, parseAge } from "../base/age.ts";
import { didYouMean } from "../base/closest.ts";
import { type FieldReader, isMapping, isScalar } from "../base/field_reader.ts";
import type { CheckSeverity } from "../model/check.ts";

/** A threshold: `> 5`, `between 0 and 10`. */
export interface Comparison {
  readonly text: string;
  readonly operator: ">" | ">=" | "<" | "<=" | "=" | "<>" | "between";
  /** One number, two for `between`, as they are written. */
  readonly numbers: readonly string[];
}

interface EntryCommon {
  readonly severity: CheckSeverity;
  /** What to say when it fails; null: what was found. */
  readonly message: string | null;
  /** Where it is written. */
  readonly place: readonly (string | number)[];
}

/** One rule as its author wrote it. */
export type RuleEntry =
  & EntryCommon
  & (
    | {
      readonly type: "null" | "uniqueness";
      readonly columns: readonly string[];
      readonly max_share: number;
    }
    | {
      readonly type: "range";
      readonly columns: readonly string[];
      readonly min_val: string | null;
      readonly max_val: string | null;
    }
    | {
      readonly type: "freshness";
      readonly columns: readonly string[];
      readonly max_age: Age;
      /** Which rows have to be fresh. */
      readonly rows: "every" | "newest";
    }
    | { readonly type: "sql_assertion"; readonly sql: string }
    | { readonly type: "profile_check"; readonly checks: readonly ProfileCheck[] }
  );

/** A threshold for one figure of a profile. */
export interface ProfileCheck {
  /** Null: the table. */
  readonly column: string | null;
  readonly metric: string;
  readonly warn: Comparison | null;
  readonly fail: Comparison | null;
}

/** Names of rule types. */
export const RULE_TYPES: readonly RuleEntry["type"][] = [
  "null",
  "range",
  "uniqueness",
  "freshness",
  "profile_check",
  "sql_assertion",
];

/** All rules of a node: `rule` is one mapping or a list of them; null after reporting that one is unusable. */
export function readRules(reader: FieldReader): RuleEntry[] | null {
  const common = readCommon(reader, "params", { severity: "error", message: null });
  const single = reader.value("rule");
  if (single !== null && isScalar(single)) {
    reader.problem(
      ["rule"],
      "wrong_type",
      "A rule is a mapping with type",
      'write rule: {type: sql_assertion, sql: "SELECT * FROM input_data WHERE NOT (…)"}',
    );
    return null;
  }
  const written = reader.listOrOne("rule");
  if (written.length === 0) {
    reader.problem(
      reader.has("rule") ? ["rule"] : [],
      "missing_field",
      `Field "rule" is missing`,
      "write rule: {type: null, columns: [order_id]}",
    );
  }
  const entries = written.map(({ value, path }) => {
    if (isMapping(value)) return readRule(reader.child(value, path), value, path, common);
    reader.problem(path, "wrong_type", "A rule is a mapping with type");
    return null;
  });
  return entries.length === 0 || entries.includes(null) ? null : entries.flatMap((e) => e ?? []);
}

type Common = Pick<EntryCommon, "severity" | "message">;

/** `severity` and `error_message` of a rule's or a node's `params`. */
function readCommon(reader: FieldReader, field: string, outer: Common): Common {
  const params = reader.child(reader.mapping(field), [field]);
  const common = severityOf(params, outer);
  params.rejectUnknown("the params of a rule node", {
    ...RANGE_HINTS,
    max_age: "write it in the rule's own params",
  });
  return common;
}

const RANGE_HINTS = {
  min_val: "write it in the rule's own params",
  max_val: "write it in the rule's own params",
};

function severityOf(params: FieldReader, outer: Common): Common {
  const written = params.optionalText("severity");
  const severity = written === "warning" ? "warn" : written;
  if (severity !== null && severity !== "warn" && severity !== "error") {
    params.problem(
      ["severity"],
      "wrong_value",
      `Unknown severity "${written}"`,
      "write error or warn",
    );
  }
  return {
    severity: severity === "warn" || severity === "error" ? severity : outer.severity,
    message: params.optionalText("error_message") ?? outer.message,
  };
}

function readRule(
  rule: FieldReader,
  value: Readonly<Record<string, unknown>>,
  place: readonly (string | number)[],
  outer: Common,
): RuleEntry | null {
  // Unquoted, null is YAML's word for nothing.
  const isNull = Object.hasOwn(value, "type") && value["type"] === null;
  if (isNull) rule.ignore("type");
  const written = isNull ? "null" : rule.requiredText("type", RULE_TYPES.join(" | "));
  const type = RULE_TYPES.find((name) => name === written);
  if (type === undefined) {
    if (written !== null) {
      rule.problem(
        ["type"],
        "unknown_rule",
        `Unknown rule type "${written}"`,
        didYouMean(written, RULE_TYPES) ??
          (written === "custom"
            ? "write type: sql_assertion with sql"
            : `use one of: ${RULE_TYPES.join(", ")}`),
      );
    }
    return null;
  }
  const params = rule.child(rule.mapping("params"), ["params"]);
  const common = { ...severityOf(params, outer), place };
  const entry = readOwn(type, rule, params, common);
  params.rejectUnknown(`the params of a ${type} rule`);
  rule.rejectUnknown(`a ${type} rule`);
  return entry;
}

function readOwn(
  type: RuleEntry["type"],
  rule: FieldReader,
  params: FieldReader,
  common: EntryCommon,
): RuleEntry | null {
  switch (type) {
    case "null":
    case "uniqueness": {
      const columns = readColumns(rule);
      const field = type === "null" ? "max_null_percentage" : "max_duplicate_percentage";
      const share = readShare(params, field);
      return columns === null || share === null
        ? null
        : { ...common, type, columns, max_share: share };
    }
    case "range":
      return readRange(rule, params, common);
    case "freshness":
      return readFreshness(rule, params, common);
    case "sql_assertion": {
      const sql = rule.requiredText(
        "sql",
        "SELECT * FROM ref('transform.orders') WHERE amount < 0",
      );
      return sql === null ? null : { ...common, type, sql: sql.replace(/;\s*$/, "") };
    }
    case "profile_check":
      return readProfileChecks(rule, common);
  }
}

function readColumns(rule: FieldReader): readonly string[] | null {
  const columns = [...rule.texts("column"), ...rule.texts("columns")];
  if (columns.length > 0) return columns;
  rule.problem(
    [],
    "missing_field",
    "The rule does not say which columns",
    "write columns: [amount]",
  );
  return null;
}

/** A share of the rows from 0 to 1, as the reference system takes it despite the field's name. */
function readShare(params: FieldReader, field: string): number | null {
  const value = params.value(field);
  if (value === undefined || value === null) return 0;
  if (typeof value === "number" && value >= 0 && value <= 1) return value;
  params.problem(
    [field],
    "wrong_value",
    `"${field}" must be a share of the rows from 0 to 1`,
    typeof value === "number" && value <= 100 ? `write ${value / 100} for ${value} %` : undefined,
  );
  return null;
}

function readRange(
  rule: FieldReader,
  params: FieldReader,
  common: EntryCommon,
): RuleEntry | null {
  const columns = readColumns(rule);
  const bound = (field: string): string | null => {
    const value = params.value(field);
    if (value === undefined || value === null) return null;
    if (typeof value === "string") return value;
    if (typeof value === "number") {
      const written = params.textOf(field);
      return written !== null && PLAIN_NUMBER.test(written) ? written : String(value);
    }
    params.problem([field], "wrong_type", `"${field}" must be a number, or a text such as a date`);
    return null;
  };
  const [min, max] = [bound("min_val"), bound("max_val")];
  if (min === null && max === null) {
    params.problem(
      [],
      "missing_field",
      "A range rule needs min_val, max_val, or both",
      "write params: {min_val: 0}",
    );
    return null;
  }
  return columns === null
    ? null
    : { ...common, type: "range", columns, min_val: min, max_val: max };
}

function readFreshness(
  rule: FieldReader,
  params: FieldReader,
  common: EntryCommon,
): RuleEntry | null {
  const columns = readColumns(rule);
  const written = params.requiredText("max_age", "24h");
  const age = written === null ? null : parseAge(written);
  if (written !== null && age === null) {
    params.problem(["max_age"], "invalid_age", `"${written}" is not an age`, AGE_HINT);
  }
  const rows = params.optionalText("rows") ?? "every";
  if (rows !== "every" && rows !== "newest") {
    const hint = "write every or newest";
    params.problem(["rows"], "wrong_value", `Unknown rows "${rows}" of a freshness rule`, hint);
    return null;
  }
  return columns === null || age === null
    ? null
    : { ...common, type: "freshness", columns, max_age: age, rows };
}

function readProfileChecks(rule: FieldReader, common: EntryCommon): RuleEntry | null {
  const checks = rule.listOrOne("checks").map(({ value, path }) => {
    if (!isMapping(value)) {
      rule.problem(path, "wrong_type", "A check of a profile is a mapping with metric");
      return null;
    }
    const inner = rule.child(value, path);
    const column = inner.optionalText("column");
    const metric = inner.requiredText("metric", "null_percent");
    const [warn, fail] = [readThreshold(inner, "warn"), readThreshold(inner, "fail")];
    inner.rejectUnknown("a check of a profile");
    if (!inner.has("warn") && !inner.has("fail")) {
      inner.problem([], "missing_field", "The check has no threshold", `write fail: "> 5"`);
      return null;
    }
    return metric === null ? null : { column, metric, warn, fail };
  });
  if (checks.length === 0) {
    const hint = `write checks: [{column: amount, metric: null_percent, fail: "> 5"}]`;
    rule.problem([], "missing_field", "A profile_check rule has no checks", hint);
  }
  if (checks.length === 0 || checks.includes(null)) return null;
  return { ...common, type: "profile_check", checks: checks.flatMap((check) => check ?? []) };
}

const OPERATORS: Readonly<Record<string, Comparison["operator"]>> = {
  ">": ">",
  ">=": ">=",
  "<": "<",
  "<=": "<=",
  "==": "=",
  "=": "=",
  "!=": "<>",
};

/** A number as YAML and SQL both write it. */
export const PLAIN_NUMBER = /^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i;

const NUMBER = "[-+]?(?:\\d+(?:\\.\\d+)?|\\.\\d+)";
const COMPARED = new RegExp(`^(>=|<=|==|!=|>|<|=)\\s*(${NUMBER})$`);
const BETWEEN = new RegExp(`^between\\s+(${NUMBER})\\s+and\\s+(${NUMBER})$`, "i");

/** Reads a threshold: `> >= < <= == !=` with a number, or `between a and b`; null for anything else. */
export function parseComparison(text: string): Comparison | null {
  const trimmed = text.trim();
  const compared = COMPARED.exec(trimmed);
  if (compared !== null) {
    return { text: trimmed, operator: OPERATORS[compared[1]!]!, numbers: [compared[2]!] };
  }
  const between = BETWEEN.exec(trimmed);
  return between === null
    ? null
    : { text: trimmed, operator: "between", numbers: [between[1]!, between[2]!] };
}

function readThreshold(reader: FieldReader, field: string): Comparison | null {
  const text = reader.optionalText(field);
  if (text === null) return null;
  const comparison = parseComparison(text);
  if (comparison === null) {
    reader.problem(
      [field],
      "invalid_threshold",
      `"${text}" is not a threshold`,
      'write "> 5", ">= 5", "< 5", "<= 5", "== 5", "!= 5" or "between 0 and 10"',
    );
  }
  return comparison;
}
