import type { JsonSchema } from "../base/json_schema.ts";
import { DIALECT } from "./node_schemas.ts";

const ROWS = {
  rows: {
    type: ["array", "null"],
    items: { type: "object" },
    description: "Rows by column; [] for none",
  },
  csv: { type: "string", description: "A CSV file with a header, relative to the project" },
  sql: { type: "string", description: "A SELECT that needs no tables" },
};

const ONE_FORM: JsonSchema = {
  oneOf: Object.keys(ROWS).map((form) => ({ required: [form] })),
};

const UNIT_TEST: JsonSchema = {
  type: "object",
  properties: {
    name: { type: "string", description: "What it is called" },
    node: { type: "string", description: "The node that is tested" },
    model: { type: "string", description: "Another word for node" },
    description: { type: ["string", "number", "null"] },
    cte: { type: ["string", "null"], description: "A common table expression of its query" },
    params: { type: ["object", "null"], description: "What {{ name }} stands for" },
    given: {
      type: ["array", "null"],
      description: "Rows of its inputs; those that are not named are empty",
      items: {
        type: "object",
        properties: {
          ref: { type: "string", description: "kind.name" },
          input: { type: "string", description: "Another word for ref" },
          ...ROWS,
        },
        ...ONE_FORM,
        additionalProperties: false,
      },
    },
    expect: {
      description: "The rows that come out",
      anyOf: [
        { type: "array", items: { type: "object" } },
        {
          type: "object",
          properties: {
            ...ROWS,
            ordered: { type: "boolean", description: "The order of the rows counts" },
            partial: { type: "boolean", description: "Other columns may be there" },
            columns: { type: ["array", "string"], description: "Columns that are compared" },
          },
          ...ONE_FORM,
          additionalProperties: false,
        },
      ],
    },
  },
  required: ["name", "expect"],
  anyOf: [{ required: ["node"] }, { required: ["model"] }],
  additionalProperties: false,
};

/** JSON Schema of a YAML file of `tests/`: a test, a list of them, or such a list under `unit_tests`. */
export function testSchema(): JsonSchema {
  return {
    $schema: DIALECT,
    title: "Unit tests: given rows in, expected rows out",
    if: { type: "array" },
    then: { items: UNIT_TEST },
    else: {
      if: { type: "object", required: ["unit_tests"] },
      then: { properties: { unit_tests: { type: "array", items: UNIT_TEST } } },
      else: UNIT_TEST,
    },
  };
}
