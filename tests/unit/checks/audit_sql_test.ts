import assert from "node:assert/strict";
import { auditChecks } from "../../../src/checks/audit_checks.ts";
import { AUDIT_TYPES } from "../../../src/checks/registry.ts";
import { quoteName, quoteText } from "../../../src/engine/quote.ts";
import { openSession } from "../../../src/engine/registry.ts";
import type { Session } from "../../../src/engine/session.ts";
import { executeChecks } from "../../../src/exec/execute_checks.ts";
import type { NodeId } from "../../../src/model/ids.ts";
import type { AuditSpec } from "../../../src/model/node.ts";
import { randomNumbers } from "../../support/random.ts";
import { TempDir } from "../../support/temp_dir.ts";

/** A name that nothing but proper quoting survives. */
const TEXT = `te"xt; DROP`;
const COLUMNS = [
  { name: "n", type: "INTEGER" },
  { name: TEXT, type: "VARCHAR" },
  { name: "at", type: "TIMESTAMP" },
];

interface Row {
  readonly n: number | null;
  readonly text: string | null;
  readonly at: string | null;
}

/** An audit and the number of violations that plain TypeScript counts. */
interface Case {
  readonly audit: Partial<AuditSpec> & { readonly type: string };
  count(rows: readonly Row[]): number;
}

const isNull = (value: unknown) => value === null;
const countDuplicates = (keys: readonly string[]) => keys.length - new Set(keys).size;
const CUSTOMERS = [1, 2, 3];

const CASES: readonly Case[] = [
  {
    audit: { type: "not_null", columns: ["n"] },
    count: (rows) => rows.filter((r) => isNull(r.n)).length,
  },
  {
    audit: { type: "not_null", columns: [TEXT], where: "n > 2 -- a comment" },
    count: (rows) => rows.filter((r) => r.n !== null && r.n > 2 && isNull(r.text)).length,
  },
  {
    audit: { type: "unique", columns: ["n"] },
    count: (rows) => countDuplicates(rows.filter((r) => r.n !== null).map((r) => `${r.n}`)),
  },
  {
    audit: { type: "unique", columns: ["n", TEXT] },
    count: (rows) =>
      countDuplicates(
        rows.filter((r) => r.n !== null && r.text !== null).map((r) =>
          JSON.stringify([r.n, r.text])
        ),
      ),
  },
  {
    audit: { type: "unique_combination", columns: ["n", TEXT] },
    count: (rows) => countDuplicates(rows.map((r) => JSON.stringify([r.n, r.text]))),
  },
  {
    audit: { type: "accepted_values", columns: [TEXT], params: { values: ["a", "it's", null] } },
    count: (rows) => rows.filter((r) => r.text !== null && !["a", "it's"].includes(r.text)).length,
  },
  {
    audit: { type: "accepted_values", columns: ["N"], params: { values: [1, 2] } },
    count: (rows) => rows.filter((r) => r.n !== null && ![1, 2].includes(r.n)).length,
  },
  {
    audit: {
      type: "accepted_range",
      columns: ["n"],
      params: { min: "0", max: "3", inclusive: true },
    },
    count: (rows) => rows.filter((r) => r.n !== null && (r.n < 0 || r.n > 3)).length,
  },
  {
    audit: {
      type: "accepted_range",
      columns: ["n"],
      params: { min: "0", max: null, inclusive: false },
    },
    count: (rows) => rows.filter((r) => r.n !== null && r.n <= 0).length,
  },
  {
    audit: {
      type: "accepted_range",
      columns: ["n"],
      params: { min: "0.5", max: "2.5", inclusive: true },
    },
    count: (rows) => rows.filter((r) => r.n !== null && (r.n < 0.5 || r.n > 2.5)).length,
  },
  {
    audit: { type: "not_empty_string", columns: [TEXT] },
    count: (rows) => rows.filter((r) => r.text !== null && r.text.trim() === "").length,
  },
  {
    audit: { type: "matches", columns: [TEXT], params: { pattern: "^[a-c]'?" } },
    count: (rows) => rows.filter((r) => r.text !== null && !/^[a-c]'?/.test(r.text)).length,
  },
  {
    audit: { type: "expression", params: { expression: "n <> 2 -- two" } },
    count: (rows) => rows.filter((r) => r.n === 2).length,
  },
  {
    audit: { type: "custom_sql", params: { sql: "SELECT * FROM __THIS__ WHERE n < 0;" } },
    count: (rows) => rows.filter((r) => r.n !== null && r.n < 0).length,
  },
  {
    audit: {
      type: "relationships",
      columns: ["n"],
      params: { to: "source.customers", field: "id" },
    },
    count: (rows) => rows.filter((r) => r.n !== null && !CUSTOMERS.includes(r.n)).length,
  },
  {
    audit: { type: "row_count", params: { min: "3", max: "8" } },
    count: (rows) => rows.length < 3 || rows.length > 8 ? 1 : 0,
  },
  {
    audit: { type: "not_constant", columns: ["n"] },
    count: (rows) => rows.length > 0 && new Set(rows.flatMap((r) => r.n ?? [])).size < 2 ? 1 : 0,
  },
  {
    audit: { type: "at_least_one", columns: [TEXT] },
    count: (rows) => rows.every((r) => isNull(r.text)) ? 1 : 0,
  },
  {
    audit: { type: "recency", columns: ["at"], params: { within: "36h" } },
    count: (rows) => rows.some((r) => r.at === "fresh") ? 0 : 1,
  },
];

Deno.test("every audit counts what plain TypeScript counts, on random rows with NULLs, duplicates and quotes", async () => {
  assert.deepEqual(
    [...new Set(CASES.map(({ audit }) => audit.type))].sort(),
    // A metric is no property of rows.
    AUDIT_TYPES.map(({ name }) => name).filter((name) => name !== "metric").sort(),
  );
  const next = randomNumbers(11);
  await using session = await openSession({ threads: 1, allowedDirs: [] });
  await session.run(
    "CREATE SCHEMA source; CREATE TABLE source.customers AS SELECT * FROM (VALUES (1), (2), (3), (NULL)) AS t(id)",
  );
  let failing = 0;
  for (let round = 0; round < 60; round++) {
    const rows = Array.from({ length: Math.floor(next() * 12) }, () => randomRow(next));
    await createThis(session, rows);
    for (const { audit, count } of CASES) {
      const expected = count(rows);
      const spec = { severity: "error", columns: [], params: {}, ...audit } as const;
      const [check, ...others] = auditChecks([spec], COLUMNS);
      assert.equal(others.length, 0);
      const [[violations, checked] = []] = (await session.read(check!.sql)).rows;
      const what = `${check!.name} of ${JSON.stringify(rows)}`;
      assert.equal(Number(violations), expected, what);
      assert.ok(Number(checked) <= rows.length, what);
      failing += Number(expected > 0);
      if (check!.failing === undefined) continue;
      const shown = (await session.read(check!.failing)).rows.length;
      // Every row of a group of equal ones is shown; otherwise as many as fail.
      if (audit.type.startsWith("unique")) assert.equal(shown > 0, expected > 0, what);
      else assert.equal(shown, expected, what);
    }
  }
  assert.ok(failing > 200, `only ${failing} of the checks failed`);
});

Deno.test("executeChecks says which rows fail, tolerates max_violations, and goes on behind a check that cannot run", async () => {
  using dir = new TempDir();
  const path = dir.join("rows.parquet");
  {
    await using writer = await openSession({ threads: 1, allowedDirs: [dir.path] });
    await writer.run(
      `COPY (SELECT * FROM (VALUES (1, 'a'), (2, NULL), (3, NULL)) AS t(id, name)) TO ${
        quoteText(path)
      } (FORMAT parquet)`,
    );
  }
  await using session = await openSession({ threads: 1, allowedDirs: [dir.path] });
  const columns = [{ name: "id", type: "INTEGER" }, { name: "name", type: "VARCHAR" }];
  const audit = { type: "not_null", severity: "error", columns: ["name"], params: {} } as const;
  const other = { ...audit, columns: ["gone"] };
  const checks = auditChecks(
    [audit, other, { ...audit, max_violations: 2 }, { ...audit, max_violations: 1, name: "named" }],
    columns,
    ["id"],
  );
  const results = await executeChecks({
    id: "transform.t" as NodeId,
    path,
    objectsDir: dir.path,
    temporaryDir: dir.path,
    timeoutMs: null,
    inputs: [],
    checks,
    rowsAreChecks: false,
  }, session);
  assert.deepEqual(
    results.map(({ name, status, violations, checked }) => [name, status, violations, checked]),
    [
      ["not_null(name)", "failed", 2, 3],
      ["not_null(gone)", "error", 0, 0],
      ["not_null(name) #2", "passed", 2, 3],
      ["named", "failed", 2, 3],
    ],
  );
  assert.equal(results[0]!.detail, "such as id = 2, name = NULL; id = 3, name = NULL");
  assert.equal(results[0]!.query, `SELECT * FROM "transform"."t" WHERE ("name" IS NULL)`);
  assert.equal(results[2]!.query, undefined);
});

function randomRow(next: () => number): Row {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)]!;
  return {
    n: pick([null, -1, 0, 1, 2, 3, 4]),
    text: pick([null, "a", "b'", "it's", "", "  ", "z"]),
    at: pick([null, "old", "old", "fresh"]),
  };
}

async function createThis(session: Session, rows: readonly Row[]): Promise<void> {
  const times: Record<string, string> = {
    old: "now()::TIMESTAMP - INTERVAL 3 DAY",
    fresh: "now()::TIMESTAMP - INTERVAL 1 HOUR",
  };
  const values = rows.map(({ n, text, at }) =>
    `(${n ?? "NULL"}, ${text === null ? "NULL" : quoteText(text)}, ${
      at === null ? "NULL" : times[at]
    })`
  );
  await session.run(
    `CREATE OR REPLACE TEMP TABLE "this" (${
      COLUMNS.map(({ name, type }) => `${quoteName(name)} ${type}`).join(", ")
    })`,
  );
  if (values.length > 0) await session.run(`INSERT INTO "this" VALUES ${values.join(", ")}`);
}
