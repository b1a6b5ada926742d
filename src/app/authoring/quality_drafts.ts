import {
  type DraftContext,
  type DraftTemplate,
  head,
  inputOrSample,
  inputsOf,
  plain,
  yamlText,
} from "./draft_template.ts";

/** `draft profile` */
export const PROFILE_DRAFT: DraftTemplate = {
  kind: "profile",
  reads: "rows",
  wants: [],
  yaml: (context: DraftContext) => {
    const { id, columns, document } = inputOrSample(context);
    const names = columns.slice(0, 5).map(({ name }) => yamlText(name)).join(", ");
    return plain(`# Figures about the columns of a node: NULLs, distinct values, range, quantiles.
${head("profile", context)}${inputsOf(id)}profile:
  columns: [${names}]              # absent: all
  params:
    max_top_values: 5              # how many of the most frequent values of a text column
    # as_of: "{{ today }}"         # adds how old the newest time is
# tags: [quality]                  # words to select by
${document}`);
  },
};

/** `draft rule` */
export const RULE_DRAFT: DraftTemplate = {
  kind: "rule",
  reads: "rows",
  wants: [],
  yaml: (context: DraftContext) => {
    const { id, columns, roles, document } = inputOrSample(context);
    const key = yamlText((roles.key ?? columns[0])!.name);
    const number = roles.number === null ? "amount" : yamlText(roles.number.name);
    return plain(`# Checks of a node's rows. severity: error fails the run, warn only says so.
${head("rule", context)}${inputsOf(id)}rule:
  - type: "null"                   # values that are missing
    columns: [${key}]
    params: { severity: warn, max_null_percentage: 0.0 }
  - type: uniqueness               # values that come twice
    columns: [${key}]
    params: { severity: warn }
  # - type: range
  #   column: ${number}
  #   params: { min_val: 0, max_val: 10000 }
  # - type: sql_assertion          # any row is a violation
  #   sql: SELECT * FROM ref('${id}') WHERE ${number} < 0
# tags: [quality]                  # words to select by
${document}`);
  },
};
