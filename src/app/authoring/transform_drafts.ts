import {
  commonOptions,
  type DraftContext,
  type DraftTemplate,
  head,
  indent,
  inputsOf,
  plain,
  SAMPLE_COLUMNS,
  SAMPLE_SQL,
  selectList,
} from "./draft_template.ts";

/** The rows of the node that it reads, or sample rows. */
function query({ input }: DraftContext): string {
  return input === null
    ? SAMPLE_SQL
    : `SELECT\n${selectList(input.columns)}\nFROM ref('${input.id}')`;
}

/** `draft transform` */
export const TRANSFORM_DRAFT: DraftTemplate = {
  kind: "transform",
  reads: "rows",
  wants: [],
  yaml: (context) =>
    plain(`# Rows that one SELECT computes from other nodes.
${head("transform", context)}${
      inputsOf(context.input?.id ?? null)
    }# One SELECT. Nodes are read as ref('kind.name'); {{ name }} is a param or a snippet of seeknal/common/.
transform: |
${indent(query(context), 2)}

# params:                          # what {{ name }} stands for in the SQL
#   region: EU
# columns:                         # a promise to readers, checked against what the query returns
#   ${(context.input?.columns ?? SAMPLE_COLUMNS)[0]?.name ?? "id"}: ${
      (context.input?.columns ?? SAMPLE_COLUMNS)[0]?.type ?? "BIGINT"
    }
# incremental_by_time:             # build intervals of time, each once: WHERE t >= {{ start }} AND t < {{ end }}
#   time_column: order_date
#   interval: day
#   start: 2026-01-01
${commonOptions(context.input?.columns ?? SAMPLE_COLUMNS).trimStart()}`),
  sql: (context) => ({
    fields: head("transform", context),
    code: `-- One SELECT. Nodes are read as ref('kind.name'), which makes them inputs.\n${
      query(context)
    }\n`,
  }),
};
