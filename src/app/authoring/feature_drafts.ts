import { isFeatureGroup } from "../../nodes/feature_group.ts";
import {
  type CodeDraft,
  type DraftContext,
  type DraftRows,
  type DraftTemplate,
  head,
  indent,
  inputOrSample,
  inputsOf,
  plain,
  SAMPLE_ROLES,
  SAMPLE_SQL,
  sqlName,
  yamlText,
} from "./draft_template.ts";

/** Features over time: what was known of each key on each day. */
function featureSql({ roles, id }: Pick<DraftRows, "roles" | "id">): string {
  const [key, time] = [sqlName(roles.key!.name), sqlName(roles.time!.name)];
  const total = roles.number === null ? "" : `,\n  sum(${sqlName(roles.number.name)}) AS total`;
  return `SELECT
  ${key},
  ${time} AS event_time,
  count(*) AS row_count${total}
FROM ref('${id}')
WHERE ${key} IS NOT NULL AND ${time} IS NOT NULL
GROUP BY ALL`;
}

/** The same over sample rows that the query holds itself. */
function sampleFeatureSql(): string {
  const rows = `(\n${indent(SAMPLE_SQL, 2)}\n)`;
  return featureSql({ roles: SAMPLE_ROLES, id: "" }).replace("ref('')", rows);
}

/** What a key is of: `customer_id` is of a customer. */
function entityOf(key: string): string {
  return key.replace(/_?(id|key|uuid|code)$/i, "") || key;
}

/** The entity of a feature group. */
export function groupFields(context: DraftContext): string {
  const key = (context.input?.roles ?? SAMPLE_ROLES).key!.name;
  return `# What the features are about, and the columns that tell one from another.
entity:
  name: ${yamlText(entityOf(key))}
  join_keys: [${yamlText(key)}]
`;
}

/** The event time of a feature group. */
export const EVENT_TIME = `materialization:
  # Column with the time from which on the values of a row were known.
  event_time_col: event_time
`;

/** `draft feature_group` */
export const FEATURE_GROUP_DRAFT: DraftTemplate = {
  kind: "feature_group",
  reads: "rows",
  wants: ["key", "time"],
  yaml: (context) => {
    const { input } = context;
    const sql = input === null ? sampleFeatureSql() : featureSql(input);
    return plain(
      `# Features of an entity over time; a training_set looks them up as of a point in time.
${head("feature_group", context)}${groupFields(context)}${inputsOf(input?.id ?? null)}transform: |
${indent(sql, 2)}
${EVENT_TIME}
# features:                        # what each is; absent: every column but the keys and the event time
#   row_count: { dtype: bigint, description: Rows of a day }
# tests:                           # audits in short
#   - not_null: [${yamlText((input?.roles ?? SAMPLE_ROLES).key!.name)}]
# owner: data@example.com          # whom to ask
# tags: [features]                 # words to select by
`,
    );
  },
  sql: (context): CodeDraft => ({
    fields: `${head("feature_group", context)}${groupFields(context)}${EVENT_TIME}`,
    code: `${context.input === null ? sampleFeatureSql() : featureSql(context.input)}\n`,
  }),
};

/** `draft training_set` */
export const TRAINING_SET_DRAFT: DraftTemplate = {
  kind: "training_set",
  reads: ["feature_group"],
  wants: [],
  yaml: (context) => {
    const { name, input } = context;
    const group = input?.id ?? `feature_group.${name}_features`;
    const spec = input !== null && isFeatureGroup(input.spec) ? input.spec : null;
    const keys = spec?.entity.join_keys ?? ["customer_id"];
    const time = spec?.event_time_col ?? "event_time";
    const list = [...keys, time].map((column) => `    ${sqlName(column)}`).join(",\n");
    const features = input !== null ? "" : `---
# Sample features, for there was no feature group to read.
kind: feature_group
name: ${yamlText(`${name}_features`)}
entity:
  name: customer
  join_keys: [customer_id]
transform: |
${indent(sampleFeatureSql(), 2)}
${EVENT_TIME}`;
    return plain(
      `# Every row of a spine with the features that were known at its time, and none of later.
${
        head("training_set", context)
      }# The rows to look features up for, and the column with the time as of which they are seen.
spine:
  ref: transform.${name}_spine
  event_time: ${yamlText(time)}
features:
  - ref: ${group}
    # columns: [row_count]         # absent: all features
    # max_age: 30d                 # older values count as unknown
    # prefix: customer_            # what the names of its columns begin with
---
# The spine. Read your labels instead: a column for each join key, the time, and what is to be predicted.
kind: transform
name: ${yamlText(`${name}_spine`)}
transform: |
  SELECT DISTINCT
${list}
  FROM ref('${group}')
${features}`,
    );
  },
};

/** `draft aggregation` */
export const AGGREGATION_DRAFT: DraftTemplate = {
  kind: "aggregation",
  reads: "rows",
  wants: ["key", "time", "number"],
  yaml: (context) => {
    const { id, document, ...rows } = inputOrSample(context);
    return plain(
      `# Aggregates of an entity as of a day: over all time, over windows of days, and their ratios.
${head("aggregation", context)}${inputsOf(id)}${aggregationFields(rows)}${document}`,
    );
  },
};

function aggregationFields({ roles, columns }: Omit<DraftRows, "id" | "document">): string {
  const { key, time, number } = roles;
  const condition = `${sqlName(number!.name)} > 0`;
  return `# What a row is about, and the day of each row of the input.
id_col: ${yamlText(key!.name)}
feature_date_col: ${yamlText(time!.name)}
${applicationDate(columns)}features:
  - name: ${yamlText(featureName(number!.name))}
    column: ${yamlText(number!.name)}
    basic: [sum, count]            # over everything known by then
    rolling:                       # over days before: from, to
      - window: [1, 7]
        aggs: [sum]
    # ratio:                       # one window by another
    #   - numerator: [1, 30]
    #     denominator: [31, 90]
    #     aggs: [sum]
    # since:                       # over rows that fulfil a condition
    #   - condition: ${JSON.stringify(condition)}
    #     aggs: [count]
# group_by: [region]               # further columns to group by
`;
}

/** The day as of which a row is seen: said where the input has such a column. */
function applicationDate(columns: DraftRows["columns"]): string {
  const own = columns.find(({ name }) => name.toLowerCase() === "application_date");
  return own === undefined
    ? "# application_date_col: as_of_date # the day as of which; absent: the latest day of all rows\n"
    : `application_date_col: ${own.name}\n`;
}

/** A name of which column names can be made. */
function featureName(column: string): string {
  return /^[a-z_]\w*$/i.test(column) ? column : "value";
}

/** `draft second_order_aggregation` */
export const SECOND_ORDER_AGGREGATION_DRAFT: DraftTemplate = {
  kind: "second_order_aggregation",
  reads: ["aggregation"],
  wants: ["key", "time", "number"],
  yaml: (context) => {
    const { name, input } = context;
    const own = `${name}_first`;
    const sample = inputOrSample({ ...context, input: null });
    const first = input !== null ? "" : `---
# A first aggregation, for there was none to read.
kind: aggregation
name: ${yamlText(own)}
${inputsOf(sample.id)}${aggregationFields(sample)}${sample.document}`;
    const rows = input ?? {
      columns: [{ name: "application_date", type: "DATE" }],
      roles: {
        ...SAMPLE_ROLES,
        time: { name: "application_date", type: "DATE" },
        number: { name: "amount_sum", type: "DECIMAL(38,2)" },
      },
    };
    const { key, time, number } = rows.roles;
    return plain(`# Aggregates of an aggregation: of customers by region, of days by month.
${head("second_order_aggregation", context)}${
      inputsOf(input?.id ?? `aggregation.${own}`)
    }# What a row is about, and the day of each row of the input.
id_col: ${yamlText(key!.name)}
feature_date_col: ${yamlText(time!.name)}
${applicationDate(rows.columns)}features:
  entries: { basic: [count] }      # how many rows
  average:
    source_feature: ${yamlText(number!.name)}
    basic: [mean]
  # recent:                        # over days before only
  #   source_feature: ${yamlText(number!.name)}
  #   window: [1, 7]
  #   basic: [sum]
${first}`);
  },
};
