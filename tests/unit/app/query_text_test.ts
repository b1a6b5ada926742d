import assert from "node:assert/strict";
import { completeQuery } from "../../../src/app/complete_query.ts";
import { splitStatements } from "../../../src/app/split_statements.ts";
import { scriptSteps } from "../../../src/cli/repl/run_repl.ts";
import type { NodeId } from "../../../src/model/ids.ts";
import type { Manifest } from "../../../src/model/manifest.ts";
import { makeNode } from "../../support/nodes.ts";

const column = (name: string) => ({ name, type: "BIGINT", expression: null });

function manifest(): Manifest {
  const nodes = [
    { id: "source.orders", kind: "source", name: "orders", columns: ["id", "amount"] },
    { id: "transform.orders", kind: "transform", name: "orders", columns: ["id", "total"] },
    { id: "transform.my-node", kind: "transform", name: "my-node", columns: ["Odd Name", "n"] },
  ].map(({ id, kind, name, columns }) =>
    makeNode({
      id: id as NodeId,
      kind,
      name,
      shape: { columns: columns.map(column), rows: null, lineage: null },
    })
  );
  return { nodes: new Map(nodes.map((node) => [node.id, node])) };
}

for (
  const [typed, expected] of [
    ["SELECT * FROM sou", ["source.orders"]],
    ["SELECT * FROM ", ['"my-node"', "source.orders", 'transform."my-node"', "transform.orders"]],
    ["SELECT t.t| FROM transform.orders AS t", ["t.total"]],
    ["SELECT o.| FROM source.orders o, transform.orders p", ["o.amount", "o.id"]],
    ["SELECT am| FROM source.orders", ["amount"]],
    ['SELECT | FROM "transform"."my-node"', null],
    ["sele", ["select"]],
    ["SELE", ["SELECT"]],
    ["SELECT 'sou", []],
    ["SELECT 1 -- sou", []],
  ] as const
) {
  Deno.test(`completeQuery() offers what fits at ${JSON.stringify(typed)}`, () => {
    const cursor = typed.includes("|") ? typed.indexOf("|") : typed.length;
    const { candidates } = completeQuery(typed.replace("|", ""), cursor, manifest());
    if (expected === null) assert.ok(candidates.includes('"Odd Name"'), candidates.join());
    else assert.deepEqual(candidates, expected);
  });
}

Deno.test("splitStatements() cuts at semicolons that end a statement, and at no others", () => {
  const text = "SELECT ';' AS \";\"; -- one; two\n /* ; */ ;\nSELECT $$;$$; SELECT 3";
  assert.deepEqual(splitStatements(text), {
    statements: ["SELECT ';' AS \";\"", "SELECT $$;$$"],
    rest: " SELECT 3",
  });
  assert.deepEqual(splitStatements("SELECT 1; -- done\n"), { statements: ["SELECT 1"], rest: "" });
  assert.equal(splitStatements("/* open").rest, "/* open");
});

Deno.test("scriptSteps() takes commands between statements, not inside them", () => {
  assert.deepEqual(scriptSteps(".tables\nSELECT 1,\n.5;\n.quit\nSELECT 2"), [
    ".tables",
    "SELECT 1,\n.5",
    ".quit",
    "SELECT 2",
  ]);
});

Deno.test("scriptSteps() takes a command of psql for one line, and goes on behind it", () => {
  assert.deepEqual(scriptSteps("\\d\nSELECT 1;"), ["\\d", "SELECT 1"]);
});
