import assert from "node:assert/strict";
import { loadProject } from "../../../src/project/load_project.ts";
import { makeProject } from "../../support/project.ts";

function load(extra: string) {
  using project = makeProject({
    "seeknal/t.yml": `kind: transform\nname: t\ntransform: SELECT 1 AS id, 'x' AS status\n${extra}`,
  });
  const { nodes, diagnostics } = loadProject(project.root);
  return { spec: nodes[0]?.spec, diagnostics };
}

Deno.test("audits, tests and columns spell the same audits, each with its place", () => {
  const { spec, diagnostics } = load(`audits:
  - {type: not_null, column: id}
  - {type: custom_sql, sql: "SELECT * FROM __THIS__ JOIN ref('source.a') USING (id)", severity: warn}
tests:
  - unique: [id]
  - not_null: status
  - accepted_values: {column: status, values: [x, 1]}
    severity: warn
  - expression: id > 0
columns:
  id:
    type: INTEGER
    tests: [not_null, {accepted_range: {min: 1}}]
  status: {audits: [{type: matches, pattern: x, where: id > 1, max_violations: 3, name: is_x}]}
`);
  assert.deepEqual(diagnostics, []);
  const error = { severity: "error", params: {} };
  assert.deepEqual(spec!.audits, [
    { type: "not_null", columns: ["id"], ...error },
    {
      type: "custom_sql",
      severity: "warn",
      columns: [],
      params: { sql: "SELECT * FROM __THIS__ JOIN ref('source.a') USING (id)" },
      reads: ["source.a"],
    },
    { type: "unique", columns: ["id"], ...error },
    { type: "not_null", columns: ["status"], ...error },
    {
      type: "accepted_values",
      severity: "warn",
      columns: ["status"],
      params: { values: ["x", 1] },
    },
    { type: "expression", severity: "error", columns: [], params: { expression: "id > 0" } },
    { type: "not_null", columns: ["id"], ...error },
    {
      type: "accepted_range",
      severity: "error",
      columns: ["id"],
      params: { min: "1", max: null, inclusive: true },
    },
    {
      type: "matches",
      severity: "error",
      columns: ["status"],
      params: { pattern: "x" },
      name: "is_x",
      where: "id > 1",
      max_violations: 3,
    },
  ]);
  assert.deepEqual(spec!.auditPlaces!.map((place) => place.join(".")), [
    "audits.0",
    "audits.1",
    "tests.0",
    "tests.1",
    "tests.2",
    "tests.3",
    "columns.id.tests.0",
    "columns.id.tests.1",
    "columns.status.audits.0",
  ]);
});

const PROBLEMS: readonly [audit: string, code: string, line: number][] = [
  ["{type: unqiue, columns: [id]}", "unknown_audit", 5],
  ["not_nul: [id]", "unknown_audit", 5],
  ["{type: not_null}", "missing_field", 5],
  ["{type: not_null, columns: [id], severity: fatal}", "wrong_value", 5],
  ["{type: not_null, columns: [id], max_violations: -1}", "wrong_value", 5],
  ["{type: not_null, columns: [id], values: [1]}", "unknown_field", 5],
  ["{type: accepted_values, columns: [id]}", "missing_field", 5],
  ["{type: accepted_range, columns: [id]}", "missing_field", 5],
  ["{type: row_count}", "missing_field", 5],
  ["{type: row_count, min: many}", "missing_field", 5],
  ["{type: custom_sql}", "missing_field", 5],
  ["{type: expression}", "missing_field", 5],
  ["{type: matches, columns: [status]}", "missing_field", 5],
  ["{type: recency, columns: [id], within: soon}", "wrong_value", 5],
  ["{type: relationships, columns: [id]}", "missing_field", 5],
  ["{type: relationships, columns: [id], to: customers}", "wrong_value", 5],
  ["7", "wrong_type", 5],
];

for (const [audit, code, line] of PROBLEMS) {
  Deno.test(`an audit that cannot be is said with its place: ${audit}`, () => {
    const { diagnostics } = load(`audits:\n  - ${audit}\n`);
    assert.deepEqual(diagnostics.map((d) => [d.code, d.line]), [[code, line]]);
  });
}
