import assert from "node:assert/strict";
import { FieldReader } from "../../../src/base/field_reader.ts";
import { nodeId } from "../../../src/model/ids.ts";
import type { NodeCommon } from "../../../src/model/node.ts";
import type { JsonSchema } from "../../../src/base/json_schema.ts";
import { findNodeKind } from "../../../src/nodes/registry.ts";
import { parseYaml } from "../../../src/project/yaml_document.ts";

/** A node of each kind with every field that it has. */
const WHOLE: Readonly<Record<string, string>> = {
  seed:
    `file: seeds/x.csv\ndelimiter: ";"\nheader: true\nquote: "'"\nnullstr: NA\nparams: {skip: 1}`,
  feature_group: `entity: {name: customer, join_keys: [id]}
transform: SELECT 1 AS id, DATE '2024-01-01' AS event_time, {{ a }} AS f
params: {a: 1}
features: {f: {dtype: int, description: one}}
materialization:
  event_time_col: event_time
  offline: {enabled: true, format: parquet}
  online: {enabled: false, ttl: 7d}
`,
  training_set: `spine: {ref: transform.s, event_time: at}
features:
  - {ref: feature_group.f, columns: [a], max_age: 7d, join_keys: {id: other}, prefix: p_}`,
  aggregation: `source: transform.s
id_col: id
feature_date_col: day
application_date_col: as_of
group_by: [region]
features:
  - name: amount
    column: value
    basic: [sum]
    rolling: [{window: [1, 7], aggs: [sum]}]
    ratio: [{numerator: [1, 7], denominator: [8, 30], aggs: [sum]}]
    since: [{condition: a = 1, aggs: [count]}]`,
  second_order_aggregation: `source: aggregation.s
id_col: id
feature_date_col: day
application_date_col: as_of
group_by: [region]
features:
  a: {source_feature: b, basic: [sum], window: [1, 7], ratio: {numerator: [1, 7], denominator: [8, 30], aggs: [sum]}}`,
  profile: `profile: {columns: [a], params: {max_top_values: 3, as_of: "2024-01-01"}}`,
  rule: `params: {severity: warn, error_message: no}
rule:
  - {type: null, columns: [a], params: {severity: warn, error_message: no, max_null_percentage: 0.5}}
  - {type: uniqueness, column: a, params: {max_duplicate_percentage: 0.5}}
  - {type: range, column: a, params: {min_val: 0, max_val: 1}}
  - {type: freshness, column: a, params: {max_age: 1d, rows: newest}}
  - {type: sql_assertion, sql: SELECT 1}
  - {type: profile_check, checks: [{column: a, metric: m, warn: "> 1", fail: "> 2"}]}`,
};

function parse(kind: string, yaml: string) {
  const { documents } = parseYaml("x.yml", yaml);
  const locator = documents![0]!;
  const problems: string[] = [];
  const reader = new FieldReader(locator.value as Record<string, unknown>, {
    locator,
    path: [],
    report: ({ severity, message, hint }) => {
      if (severity === "error") problems.push(`${message} ${hint ?? ""}`);
    },
  });
  const common: NodeCommon = {
    id: nodeId(kind, "x"),
    kind,
    name: "x",
    description: null,
    owner: null,
    tags: [],
    inputs: kind === "profile" || kind === "rule" ? [nodeId("transform", "s")] : [],
    columns: [],
    grain: [],
    materializations: [],
    audits: [],
  };
  const spec = findNodeKind(kind)!.parse(reader, common);
  reader.rejectUnknown(`a ${kind}`);
  return { spec, problems };
}

/** Paths of the fields that a schema describes; items of lists and values of mappings stand for all of them. */
function fieldsOf(schema: JsonSchema, path = ""): string[] {
  const properties = (schema["properties"] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const others = [schema["items"], schema["additionalProperties"], ...(schema["anyOf"] as [] ?? [])]
    .filter((inner) => typeof inner === "object");
  return [
    ...Object.entries(properties).flatMap((
      [name, inner],
    ) => [`${path}${name}`, ...fieldsOf(inner, `${path}${name}.`)]),
    ...others.flatMap((inner) => fieldsOf(inner as JsonSchema, path)),
  ];
}

for (const [kind, yaml] of Object.entries(WHOLE)) {
  Deno.test(`schema of ${kind} has every field that is read, and no other`, () => {
    const { spec, problems } = parse(kind, yaml);
    assert.deepEqual(problems, []);
    assert.ok(spec !== null);
    const { schema } = findNodeKind(kind)!;
    const { problems: [listed] } = parse(kind, `${yaml}\nzzzzzzzzzzzzzzz: 1`);
    const read = /has: (.*)$/.exec(listed!)![1]!.split(", ");
    assert.deepEqual(read.sort(), Object.keys(schema.properties).sort());
    const words = new Set(yaml.match(/[a-z_]+(?=:)/g));
    const unwritten = fieldsOf({ properties: schema.properties })
      .map((path) => path.split(".").at(-1)!)
      .filter((field) => !words.has(field) && !(kind === "seed" && field === "table"));
    assert.deepEqual(unwritten, [], "each of them is one that this test writes");
  });
}

Deno.test("required fields of each kind are those without which it is refused", () => {
  for (const [kind, yaml] of Object.entries(WHOLE)) {
    const { required } = findNodeKind(kind)!.schema;
    const blocks = yaml.split(/\n(?=\w)/);
    for (const field of required.filter((name) => name !== "inputs")) {
      const without = blocks.filter((block) => !block.startsWith(`${field}:`)).join("\n");
      assert.ok(
        parse(kind, without === "" ? "a: 1" : without).problems.length > 0,
        `${kind} without ${field}`,
      );
    }
  }
});
