import assert from "node:assert/strict";
import { categorize } from "../../../src/changes/categorize.ts";
import type { Category } from "../../../src/model/change.ts";
import type { NodeId } from "../../../src/model/ids.ts";
import type { ManifestNode } from "../../../src/model/manifest.ts";
import { TestBinder } from "../../support/binding.ts";
import { makeNode } from "../../support/nodes.ts";

const NODES = {
  "source.src": { id: "INTEGER", email: "VARCHAR", username: "VARCHAR", amount: "INTEGER" },
};
const USERS = "SELECT id, email, username, amount FROM source.src WHERE amount > 0";

async function verdict(after: string, before = USERS) {
  await using binder = await TestBinder.open(NODES);
  return categorize(await binder.node(before), await binder.node(after));
}

const CASES: readonly [what: string, sql: string, category: Category, reason: RegExp][] = [
  [
    "white space",
    "SELECT id,\n  email, username, amount\nFROM source.src\nWHERE amount > 0",
    "METADATA",
    /meaning did not/,
  ],
  ["keyword case", USERS.replace("SELECT", "select").replace("WHERE", "where"), "METADATA", /text/],
  ["a comment", `/* hi */ ${USERS}`, "METADATA", /text/],
  ["redundant parentheses", USERS.replace("amount > 0", "(amount > 0)"), "METADATA", /text/],
  [
    "an added column",
    USERS.replace("amount FROM", "amount, 1 AS extra FROM"),
    "NON_BREAKING",
    /columns added: extra/,
  ],
  [
    "a column added in the middle",
    USERS.replace("email,", "email, 1 AS extra,"),
    "NON_BREAKING",
    /columns added: extra/,
  ],
  [
    "an added column computed from others",
    USERS.replace("amount FROM", "amount, amount * 2 AS a2 FROM"),
    "NON_BREAKING",
    /columns added: a2/,
  ],
  [
    "an added window column",
    USERS.replace("amount FROM", "amount, row_number() OVER (ORDER BY id) AS rn FROM"),
    "NON_BREAKING",
    /columns added: rn/,
  ],
  [
    "an added scalar subquery",
    USERS.replace("amount FROM", "amount, (SELECT max(amount) FROM source.src) AS mx FROM"),
    "NON_BREAKING",
    /columns added: mx/,
  ],
  [
    "reordered columns",
    USERS.replace("email, username", "username, email"),
    "NON_BREAKING",
    /reordered/,
  ],
  [
    "an added UNNEST column",
    USERS.replace("amount FROM", "amount, unnest([1, 2]) AS u FROM"),
    "BREAKING",
    /rows can change/,
  ],
  [
    "an added aggregate column",
    "SELECT id, email, username, amount, count(*) AS n FROM source.src WHERE amount > 0 GROUP BY ALL",
    "BREAKING",
    /rows can change/,
  ],
  ["a removed column", USERS.replace(" username,", ""), "BREAKING", /columns removed: username/],
  [
    "a renamed column",
    USERS.replace("username,", "username AS login,"),
    "BREAKING",
    /columns renamed: username -> login/,
  ],
  [
    "a retyped column",
    USERS.replace("amount FROM", "amount::BIGINT AS amount FROM"),
    "BREAKING",
    /type of amount changed: INTEGER -> BIGINT/,
  ],
  [
    "another expression of a column",
    USERS.replace("email,", "lower(email) AS email,"),
    "BREAKING",
    /expression of email changed/,
  ],
  [
    "two columns swapped under their names",
    USERS.replace("email, username", "username AS email, email AS username"),
    "BREAKING",
    /expression of (email|username) changed/,
  ],
  ["a changed WHERE", USERS.replace("> 0", "> 1"), "BREAKING", /rows can change/],
  ["a removed WHERE", USERS.replace(" WHERE amount > 0", ""), "BREAKING", /rows can change/],
  ["an added predicate", `${USERS} AND id > 0`, "BREAKING", /rows can change/],
  ["DISTINCT", USERS.replace("SELECT", "SELECT DISTINCT"), "BREAKING", /rows can change/],
  ["LIMIT", `${USERS} LIMIT 10`, "BREAKING", /rows can change/],
  [
    "GROUP BY",
    `${USERS} GROUP BY id, email, username, amount`,
    "BREAKING",
    /rows can change/,
  ],
  ["QUALIFY", `${USERS} QUALIFY row_number() OVER (PARTITION BY id) = 1`, "BREAKING", /rows/],
  [
    "a join",
    "SELECT src.id, src.email, src.username, src.amount FROM source.src " +
    "LEFT JOIN source.src AS b ON src.id = b.id WHERE src.amount > 0",
    "BREAKING",
    /./,
  ],
  ["UNION ALL", `${USERS} UNION ALL ${USERS}`, "BREAKING", /./],
  [
    "an added column next to a changed WHERE",
    USERS.replace("amount FROM", "amount, 1 AS extra FROM").replace("> 0", "> 1"),
    "BREAKING",
    /rows can change/,
  ],
];

for (const [what, sql, category, reason] of CASES) {
  Deno.test(`categorize() calls ${what} ${category}`, async () => {
    const result = await verdict(sql);
    assert.equal(result?.category, category, JSON.stringify(result));
    assert.match(result.reasons.join("; "), reason);
  });
}

Deno.test("categorize() names added, removed, renamed and changed columns", async () => {
  const { columns } = (await verdict(
    "SELECT id, upper(email) AS email, username AS login, amount FROM source.src WHERE amount > 0",
  ))!;
  assert.deepEqual(columns, {
    added: [],
    removed: [],
    changed: ["email"],
    renamed: ["username -> login"],
  });
});

Deno.test("categorize() never calls a change of a query with * less than BREAKING when it cannot tell", async () => {
  const before = "SELECT * FROM source.src WHERE amount > 0";
  for (
    const after of [
      "SELECT * FROM source.src WHERE amount > 1",
      "SELECT * REPLACE (lower(email) AS email) FROM source.src WHERE amount > 0",
      "SELECT * EXCLUDE (email) FROM source.src WHERE amount > 0",
      "SELECT DISTINCT * FROM source.src WHERE amount > 0",
    ]
  ) assert.equal((await verdict(after, before))?.category, "BREAKING", after);
});

Deno.test("categorize() finds no change between a node and itself", async () => {
  assert.equal(await verdict(USERS), null);
});

Deno.test("categorize() finds no change when only the order of inputs differs", () => {
  const [a, b] = ["source.a" as NodeId, "source.b" as NodeId];
  assert.equal(categorize(makeNode({ inputs: [a, b] }), makeNode({ inputs: [b, a] })), null);
});

Deno.test("categorize() finds no change when only the file moved", () => {
  assert.equal(categorize(makeNode(), makeNode({ file: "seeknal/elsewhere.yaml" })), null);
});

const METADATA: Readonly<Record<string, Partial<ManifestNode>>> = {
  description: { description: "new" },
  owner: { owner: "new" },
  tags: { tags: ["new"] },
  "declared columns": { declared_columns: [{ name: "a", type: null, description: "x" }] },
};

for (const [what, change] of Object.entries(METADATA)) {
  Deno.test(`categorize() calls a changed ${what} METADATA`, () => {
    const result = categorize(makeNode(), makeNode(change));
    assert.equal(result?.category, "METADATA");
    assert.deepEqual(result.reasons, [`${what} changed`]);
  });
}

function source(hash: string, columns: Readonly<Record<string, string>>): ManifestNode {
  return makeNode({
    kind: "source",
    name: "s",
    version: { hash, files: ["data/s.csv"] },
    shape: {
      columns: Object.entries(columns).map(([name, type]) => ({ name, type, expression: name })),
      rows: null,
      lineage: null,
    },
  });
}

Deno.test("categorize() gives changed rows of a source no category, and says which file", () => {
  const result = categorize(source("1", { id: "INTEGER" }), source("2", { id: "INTEGER" }));
  assert.equal(result?.category, null);
  assert.deepEqual(result.reasons, ["data changed: data/s.csv"]);
});

Deno.test("categorize() finds no change in a source whose file was only touched", () => {
  assert.equal(categorize(source("1", { id: "INTEGER" }), source("1", { id: "INTEGER" })), null);
});

Deno.test("categorize() calls a new column of a source file NON_BREAKING", () => {
  const after = source("2", { id: "INTEGER", extra: "VARCHAR" });
  const result = categorize(source("1", { id: "INTEGER" }), after);
  assert.equal(result?.category, "NON_BREAKING");
  assert.deepEqual(result.columns.added, ["extra"]);
});

Deno.test("categorize() calls a lost or retyped column of a source file BREAKING", () => {
  const before = source("1", { id: "INTEGER", n: "INTEGER" });
  assert.equal(categorize(before, source("2", { id: "INTEGER" }))?.category, "BREAKING");
  const retyped = source("2", { id: "INTEGER", n: "VARCHAR" });
  assert.equal(categorize(before, retyped)?.category, "BREAKING");
});

Deno.test("categorize() calls a renamed column of a source file BREAKING", () => {
  const result = categorize(source("1", { id: "INTEGER" }), source("2", { key: "INTEGER" }));
  assert.equal(result?.category, "BREAKING");
});

Deno.test("categorize() calls other options of a source BREAKING, also when they add a column", () => {
  const before = source("1", { id: "INTEGER" });
  const after = { ...source("1", { id: "INTEGER", extra: "VARCHAR" }), query_hash: "other" };
  assert.equal(categorize(before, { ...before, query_hash: "other" })?.category, "BREAKING");
  assert.equal(categorize(before, after)?.category, "BREAKING");
});
