import { AGE_PATTERN } from "../base/age.ts";
import { compactJson } from "../base/canonical_json.ts";
import type { FieldReader, Report } from "../base/field_reader.ts";
import { didYouMean } from "../base/closest.ts";
import type { JsonSchema } from "../base/json_schema.ts";
import type { NodeId } from "../model/ids.ts";
import type { NodeCommon } from "../model/node.ts";
import { ColumnFinder } from "./input_columns.ts";
import { resolveMadeFrom } from "./made_sql.ts";
import type { LoadedNode, NodeKind, ResolvedNode, SourceData } from "./node_kind.ts";
import { isProfile } from "./profile.ts";
import { METRICS } from "./profile_sql.ts";
import { readRules, RULE_TYPES, type RuleEntry } from "./rule_fields.ts";
import { ruleSql } from "./rule_sql.ts";
import { describeQueries, queryJob } from "./sql_node.ts";

/** Checks of other nodes' rows. */
export interface RuleSpec extends NodeCommon {
  readonly kind: "rule";
  readonly rules: readonly RuleEntry[];
}

const COLUMNS_SCHEMA = { type: ["string", "array"], items: { type: "string" } };
const SHARE_SCHEMA = { type: "number", minimum: 0, maximum: 1, description: "Share of the rows" };
const BOUND_SCHEMA = { type: ["number", "string"] };

/** One rule, whatever its type. */
const RULE_SCHEMA: JsonSchema = {
  type: "object",
  properties: {
    type: { enum: [...RULE_TYPES, null], description: "null needs no quotes" },
    column: COLUMNS_SCHEMA,
    columns: COLUMNS_SCHEMA,
    sql: { type: "string", description: "sql_assertion: a SELECT of the rows that violate it" },
    checks: {
      type: ["array", "object"],
      description: "profile_check: thresholds such as > 5 or between 0 and 10",
      items: {
        type: "object",
        properties: {
          column: { type: "string", description: "Absent: the table" },
          metric: { type: "string" },
          warn: { type: "string" },
          fail: { type: "string" },
        },
        required: ["metric"],
        additionalProperties: false,
      },
    },
    params: {
      type: "object",
      properties: {
        severity: { enum: ["error", "warn"] },
        error_message: { type: "string" },
        min_val: BOUND_SCHEMA,
        max_val: BOUND_SCHEMA,
        max_null_percentage: SHARE_SCHEMA,
        max_duplicate_percentage: SHARE_SCHEMA,
        max_age: { type: "string", pattern: AGE_PATTERN },
        rows: { enum: ["every", "newest"], description: "freshness: which rows have to be fresh" },
      },
      additionalProperties: false,
    },
  },
  required: ["type"],
  additionalProperties: false,
};

/** Checks of nodes' rows whose results are rows themselves; one of severity `error` that fails, fails the node. */
export const RULE: NodeKind<RuleSpec> = {
  kind: "rule",
  summary: "Checks of other nodes' rows; what they find is kept, and an error stops the run",
  hasRows: true,
  sqlField: null,
  takesScript: false,
  makesSql: true,
  rowsAreChecks: true,
  schema: {
    properties: {
      rule: {
        anyOf: [RULE_SCHEMA, { type: "array", minItems: 1, items: RULE_SCHEMA }],
      },
      params: {
        type: "object",
        description: "For rules that do not say otherwise",
        properties: { severity: { enum: ["error", "warn"] }, error_message: { type: "string" } },
        additionalProperties: false,
      },
    },
    required: ["inputs", "rule"],
  },
  parse,
  resolve,
  describe: describeQueries,
  config: (spec) => ({
    rule: compactJson(
      spec.rules.map(({ place: _, ...rule }) =>
        rule.type === "freshness" ? { ...rule, max_age: rule.max_age.text } : rule
      ),
    ),
  }),
  job: (node, _spec, sql, context) => queryJob(node, sql, context),
};

function parse(reader: FieldReader, common: NodeCommon): RuleSpec | null {
  const rules = readRules(reader);
  if (common.inputs.length === 0) {
    reader.problem(
      reader.has("inputs") ? ["inputs"] : [],
      "missing_field",
      "A rule needs the node that it checks",
      "write inputs: [{ref: transform.name}]",
    );
    return null;
  }
  return rules === null ? null : { ...common, kind: "rule", rules };
}

function resolve(
  node: LoadedNode<RuleSpec>,
  data: SourceData,
  report: Report,
): ResolvedNode<RuleSpec> | null {
  const { inputs, rules } = node.spec;
  const columns = data.columns(inputs[0]!);
  if (columns === null) return null;
  const finder = new ColumnFinder(node, inputs[0]!, columns, report);
  const entries = rules.map((rule) =>
    rule.type === "profile_check"
      ? settleProfileCheck(rule, { id: inputs[0]!, data, finder })
      : settle(rule, finder)
  );
  if (entries.includes(null)) return null;
  const sql = ruleSql({ inputs, columns, entries: entries.flatMap((entry) => entry ?? []) });
  return resolveMadeFrom(node, sql, "rule", { data, report });
}

/** The rule as it is; null after reporting that what it reads is no profile, or has no such figures. */
function settleProfileCheck(
  rule: Extract<RuleEntry, { readonly type: "profile_check" }>,
  { id, data, finder }: {
    readonly id: NodeId;
    readonly data: SourceData;
    readonly finder: ColumnFinder;
  },
): RuleEntry | null {
  const profile = data.spec(id);
  if (!isProfile(profile)) {
    const hint = "make a profile of it, and name that as the first input";
    const message = `a profile_check reads a profile, and ${id} is none`;
    finder.problem(rule.place, "no_profile", message, hint);
    return null;
  }
  const profiled = profile.profiled.length > 0
    ? profile.profiled
    : (data.columns(profile.input) ?? []).map(({ name }) => name);
  const checks = rule.checks.map((check) => {
    const column = profiled.find((name) => name.toLowerCase() === check.column?.toLowerCase());
    const missing = check.column !== null && column === undefined;
    const isUnknown = !METRICS.includes(check.metric);
    if (!missing && !isUnknown) return { ...check, column: column ?? null };
    const [word, known] = missing ? [check.column!, profiled] : [check.metric, METRICS];
    finder.problem(
      rule.place,
      missing ? "column_missing" : "unknown_metric",
      `${id} has no ${missing ? "column" : "metric"} "${word}"`,
      didYouMean(word, known) ?? `there is: ${known.slice(0, 14).join(", ")}`,
    );
    return null;
  });
  return checks.includes(null) ? null : { ...rule, checks: checks.flatMap((check) => check ?? []) };
}

/** The rule with its columns spelled as the input has them; null after reporting that one is not there. */
function settle(rule: RuleEntry, finder: ColumnFinder): RuleEntry | null {
  if (!("columns" in rule)) return rule;
  const find = (name: string) =>
    rule.type === "freshness" ? finder.findTime(name, rule.place) : finder.find(name, rule.place);
  const columns = rule.columns.map((name) => find(name)?.name ?? null);
  return columns.includes(null)
    ? null
    : { ...rule, columns: columns.flatMap((name) => name ?? []) };
}
