import { isSemanticModel } from "../../nodes/semantic_model.ts";
import {
  type DraftContext,
  type DraftRows,
  type DraftTemplate,
  head,
  inputOrSample,
  plain,
  SAMPLE_ROLES,
  sqlName,
  yamlText,
} from "./draft_template.ts";

/** A name that a column of a metric may have. */
function word(column: string): string {
  const name = column.replace(/[^A-Za-z0-9_]+/g, "_").replace(/^(?=\d)/, "_");
  return name.replaceAll(/__+/g, "_") || "value";
}

/** Entities, dimensions and measures that can be told by the names and types of columns. */
function modelFields({ id, roles }: Pick<DraftRows, "id" | "roles">): string {
  const { key, time, number, category } = roles;
  const expr = (column: string) => JSON.stringify(sqlName(column));
  const dimensions = [
    ...(time === null ? [] : [
      `  - { name: ${word(time.name)}, type: time, expr: ${
        expr(time.name)
      }, time_granularity: day }\n`,
    ]),
    ...(category === null ? [] : [
      `  - { name: ${word(category.name)}, type: categorical, expr: ${expr(category.name)} }\n`,
    ]),
  ].join("");
  const entity = key === null ? "" : `# Keys: primary, unique or foreign.
entities:
  - { name: ${word(`${key.name}_key`)}, type: foreign, expr: ${expr(key.name)} }
`;
  const total = number === null
    ? ""
    : `  - { name: ${word(`total_${number.name}`)}, expr: ${expr(number.name)}, agg: sum }\n`;
  return `# The node whose rows it describes.
model: ref('${id}')
${time === null ? "" : `default_time_dimension: ${word(time.name)}\n`}${entity}${
    dimensions === ""
      ? ""
      : `# What its measures can be grouped by: time, categorical, string, number, boolean.\ndimensions:\n${dimensions}`
  }# What adds up: sum, count, count_distinct, avg, min, max.
measures:
  - { name: row_count, agg: count }
${total}`;
}

/** `draft semantic_model` */
export const SEMANTIC_MODEL_DRAFT: DraftTemplate = {
  kind: "semantic_model",
  reads: "rows",
  wants: [],
  yaml: (context) => {
    const rows = inputOrSample(context);
    return plain(`# What the rows of a node mean; seeknal metrics computes from it.
${head("semantic_model", context)}${modelFields(rows)}
# joins:                           # other semantic models, by their names
#   - { name: customers, relationship: many_to_one, sql: "{CUBE}.customer_id = {customers}.customer_id" }
# metrics:                         # metrics of this model; each is a node of its own
#   - { name: revenue, type: simple, measure: row_count }
${rows.document}`);
  },
};

/** `draft metric` */
export const METRIC_DRAFT: DraftTemplate = {
  kind: "metric",
  reads: ["semantic_model"],
  wants: [],
  yaml: (context: DraftContext) => {
    const { name, input } = context;
    const own = `${name}_model`;
    const sample = inputOrSample({ ...context, input: null });
    const document = input !== null ? "" : `---
# A sample model, for there was none to compute from.
kind: semantic_model
name: ${yamlText(own)}
${modelFields({ id: sample.id, roles: SAMPLE_ROLES })}${sample.document}`;
    const definition = input !== null && isSemanticModel(input.spec)
      ? input.spec.definition
      : { name: own, measures: [{ name: "row_count" }] };
    const measure = definition.measures[0]?.name ?? "row_count";
    return plain(`# A number with a name: seeknal metrics ${name} --by DIMENSION
${head("metric", context)}# Where measures are looked for.
semantic_model: ${yamlText(definition.name)}
type: simple
measure: ${measure}

# filter: "status = 'paid'"        # a condition over dimensions
# Other types:
# type: ratio                      # one measure or metric by another
# numerator: total_amount
# denominator: row_count
# type: cumulative                 # since the beginning of a month, or over a window
# measure: row_count
# grain_to_date: month
# type: derived                    # arithmetic over other metrics
# expr: this_month - last_month
# inputs:
#   - { metric: ${name}, alias: this_month }
#   - { metric: ${name}, alias: last_month, offset: 1 month }
${document}`);
  },
};

/** `draft exposure` */
export const EXPOSURE_DRAFT: DraftTemplate = {
  kind: "exposure",
  reads: "rows",
  wants: [],
  yaml: (context) => {
    const { id, document } = inputOrSample(context);
    return plain(
      `# A use of the data outside. A run of production delivers it, and seeknal deliver.
${
        head("exposure", context)
      }# file, api, webhook, notification; dashboard and the like only describe.
type: file
depends_on:
  - ref: ${id}
params:
  format: csv                      # csv, parquet, json, jsonl
  path: target/exports/${context.name}.csv
# owner: data@example.com          # whom to ask
# maturity: high                   # how far others rely on it: high, medium, low
${document}`,
    );
  },
};
