import type { Table } from "../../engine/session.ts";
import { isScriptNode } from "../../nodes/script_node.ts";
import {
  type DraftContext,
  type DraftTemplate,
  plain,
  sqlName,
  yamlText,
} from "./draft_template.ts";

/** `draft test` */
export const TEST_DRAFT: DraftTemplate = {
  kind: "test",
  reads: [
    "transform",
    "feature_group",
    "training_set",
    "aggregation",
    "second_order_aggregation",
    "profile",
  ],
  wants: [],
  suits: ({ spec, isVolatile }) =>
    isScriptNode(spec)
      ? "a script makes its rows"
      : isVolatile
      ? "what it returns differs from run to run"
      : null,
  yaml: (context) => {
    const { name, description, input, test } = context;
    const given = test!.given.map(({ id, table }) => `  - ref: ${id}\n${rowsField(table, 4)}`);
    const givenField = given.length === 0 ? "" : `given:\n${given.join("")}`;
    return plain(
      `# A unit test: given rows in, expected rows out. The rows are made up; put in those that matter.
name: ${yamlText(name)}
description: ${yamlText(description)}
node: ${input!.id}
${givenField}# What comes out now. Take care that it is what should come out.
expect:
${rowsField(test!.expected, 2)}  # ordered: true                  # the order of the rows counts
  # partial: true                  # other columns may be there
# cte: paid_orders                 # tests a common table expression of the query instead
`,
    );
  },
  sql: (context) => ({
    fields: `description: ${
      yamlText(context.description)
    }\nseverity: warn # error: it fails\n# max_violations: 10`,
    code: dataTest(context),
  }),
};

function dataTest({ input }: DraftContext): string {
  const head =
    "-- A data test: one SELECT over an environment's outputs. Rows that come back are failures.\n";
  if (input === null) return `${head}SELECT 1 AS failure\nWHERE 1 = 0\n`;
  const column = sqlName((input.roles.key ?? input.columns[0]!).name);
  return `${head}SELECT *\nFROM ref('${input.id}')\nWHERE ${column} IS NULL\n`;
}

function rowsField({ columns, rows }: Table, places: number): string {
  const blanks = " ".repeat(places);
  if (rows.length === 0) return `${blanks}rows: []\n`;
  const lines = rows.map((row) => {
    const cells = columns.map(({ name, type }, i) => `${yamlText(name)}: ${cellOf(row[i], type)}`);
    return `${blanks}  - { ${cells.join(", ")} }\n`;
  });
  return `${blanks}rows:\n${lines.join("")}`;
}

function cellOf(cell: unknown, type: string): string {
  if (cell === null || cell === undefined) return "null";
  const isNumber = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL)(?!.*\[)/.test(type);
  return isNumber || typeof cell === "boolean" ? String(cell) : JSON.stringify(cell);
}
