import assert from "node:assert/strict";
import { openSession } from "../../../src/engine/registry.ts";
import { cteQuery } from "../../../src/sql/cte_query.ts";

const SQL =
  `WITH a AS (SELECT 1 AS x, 9007199254740993 AS big), "B c" AS MATERIALIZED (SELECT x + 1 AS y FROM a)
SELECT y FROM "B c" UNION ALL SELECT x FROM a ORDER BY 1;`;

Deno.test("cteQuery selects one common table expression with those beside it, in any case", async () => {
  await using session = await openSession({ threads: 1, allowedDirs: [] });
  const rows = async (name: string) => {
    const { sql } = await cteQuery(session, SQL, name);
    return (await session.read(sql!)).rows;
  };
  assert.deepEqual(await rows("A"), [[1, "9007199254740993"]]);
  assert.deepEqual(await rows("B c"), [[2]]);
});

Deno.test("cteQuery names those that there are where one is not", async () => {
  await using session = await openSession({ threads: 1, allowedDirs: [] });
  assert.deepEqual(await cteQuery(session, SQL, "nope"), { sql: null, names: ["a", "B c"] });
  assert.deepEqual(await cteQuery(session, "SELECT 1", "a"), { sql: null, names: [] });
});
