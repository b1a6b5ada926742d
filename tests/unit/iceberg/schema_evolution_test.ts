import assert from "node:assert/strict";
import type { SchemaEvolution } from "../../../src/model/profile.ts";
import { evolveSchema, newSchema, typeText } from "../../../src/iceberg/schema_evolution.ts";

type Columns = Record<string, string>;

function list(columns: Columns) {
  return Object.entries(columns).map(([name, type]) => ({ name, type }));
}

function evolve(before: Columns, after: Columns, policy: SchemaEvolution, replacesAll = false) {
  const { schema, lastColumnId } = newSchema(list(before));
  const { fields, changes, problems, ...rest } = evolveSchema(schema, list(after), lastColumnId, {
    policy,
    replacesAll,
  });
  return {
    fields: fields.map((field) => `${field.id} ${field.name} ${typeText(field.type)}`),
    changes: changes.length,
    problems: problems.length,
    ...rest,
  };
}

Deno.test("evolveSchema adds columns and widens types by field id", () => {
  const before = { i: "INTEGER", f: "FLOAT", d: "DECIMAL(10,2)", s: "STRUCT(a INTEGER)" };
  const after = {
    s: "STRUCT(a BIGINT, b VARCHAR)",
    d: "DECIMAL(18,2)",
    f: "DOUBLE",
    i: "BIGINT",
    n: "UUID",
  };
  assert.deepEqual(evolve(before, after, "safe"), {
    fields: [
      "1 i long",
      "2 f double",
      "3 d decimal(18,2)",
      "4 s struct<a: long, b: string>",
      "7 n uuid",
    ],
    changes: 6,
    problems: 0,
    lastColumnId: 7,
  });
  assert.equal(evolve(before, after, "strict").problems, 6);
});

Deno.test("evolveSchema takes values that fit as they are, whatever the policy", () => {
  const before = {
    i: "BIGINT",
    f: "DOUBLE",
    d: "DECIMAL(20,2)",
    n: "DECIMAL(38,0)",
    l: "BIGINT[]",
  };
  const after = { i: "SMALLINT", f: "FLOAT", d: "DECIMAL(10,1)", n: "BIGINT", l: "INTEGER[]" };
  const { changes, problems } = evolve(before, after, "strict");
  assert.deepEqual([changes, problems], [0, 0]);
});

Deno.test("evolveSchema refuses what would lose something, and replaces it with auto where all rows are replaced", () => {
  for (
    const [from, to] of [
      ["BIGINT", "VARCHAR"],
      ["DECIMAL(10,2)", "DECIMAL(10,3)"],
      ["INTEGER", "DOUBLE"],
      ["INTEGER", "INTEGER[]"],
      ["INTEGER[]", "VARCHAR[]"],
    ]
  ) {
    const [before, after] = [{ c: from ?? "" }, { c: to ?? "" }];
    assert.equal(evolve(before, after, "safe", true).problems, 1, `${from} ${to}`);
    assert.equal(evolve(before, after, "auto", false).problems, 1, `${from} ${to}`);
    const replaced = evolve(before, after, "auto", true);
    assert.equal(replaced.problems, 0);
    assert.doesNotMatch(replaced.fields[0] ?? "", /^1 /);
  }
});

Deno.test("evolveSchema keeps a column that the output has no more, unless auto may drop it", () => {
  const [before, after] = [{ a: "INTEGER", b: "INTEGER" }, { a: "INTEGER" }];
  assert.equal(evolve(before, after, "safe").problems, 1);
  assert.deepEqual(evolve(before, after, "auto").fields, ["1 a int", "2 b int"]);
  assert.deepEqual(evolve(before, after, "auto", true).fields, ["1 a int"]);
});

Deno.test("evolveSchema matches names without regard to case, as DuckDB does", () => {
  assert.deepEqual(evolve({ Id: "INTEGER" }, { ID: "INTEGER" }, "strict"), {
    fields: ["1 Id int"],
    changes: 0,
    problems: 0,
    lastColumnId: 1,
  });
});
