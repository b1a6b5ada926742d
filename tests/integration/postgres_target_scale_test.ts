import assert from "node:assert/strict";
import { TestPostgres } from "../support/postgres.ts";
import { openStore } from "../support/postgres_target.ts";
import { OutputFolder } from "../support/target_contract.ts";
import type { MaterializationMode, MaterializationSpec } from "../../src/model/materialization.ts";

/** With a plan that looks all staged rows through for each row of the table, one statement takes minutes. */
const ROWS = 60_000;

Deno.test("PostgresStore: no statement of a write, undo or revert takes time that grows with the square of the rows", async (t) => {
  await using postgres = await TestPostgres.start();
  await postgres.createDatabase("shop");
  using outputs = new OutputFolder({ type: "postgresql", connection: "warehouse" });
  await using store = await openStore(postgres, "shop", outputs.folders, {
    statement_timeout: "10s",
  });
  const modes: readonly [MaterializationMode, Partial<MaterializationSpec>][] = [
    ["full", {}],
    ["upsert_by_key", { unique_keys: ["id"] }],
    ["incremental_by_time", { time_column: "ts" }],
    ["append", {}],
  ];
  const summary = async (name: string) =>
    (await postgres.query<{ s: string }>(
      "shop",
      `SELECT count(*) || ' ' || sum(hashtext(t::text)) AS s FROM big.${name} t`,
    ))[0]!.s;
  for (const isIndexed of [false, true]) {
    for (const [mode, spec] of modes) {
      if (mode === "append" && isIndexed) continue;
      await t.step(`${mode}, ${isIndexed ? "with" : "without"} an index on the key`, async () => {
        const name = `${mode}_${isIndexed}`;
        const make = (from: number, label: string) =>
          outputs.make(
            ["big", name],
            `SELECT i::BIGINT AS id, '${label}' || (i // 3) AS name, i / 7 AS amount, ` +
              `TIMESTAMP '2024-01-01' + to_minutes(i) AS ts FROM range(${from}, ${
                from + ROWS
              }) r(i)`,
            { mode, spec },
          );
        const first = await make(0, "n");
        const second = await make(ROWS / 2, "m");
        await store.stage("a", first.write, first.parquet);
        await store.swap("a", [first.write]);
        await store.finish("a", [first.write]);
        if (isIndexed) await postgres.query("shop", `ALTER TABLE big.${name} ADD PRIMARY KEY (id)`);
        const before = await summary(name);
        for (const id of ["undone", "b"]) {
          await store.stage(id, second.write, second.parquet);
          await store.swap(id, [second.write]);
          assert.notEqual(await summary(name), before);
          if (id === "b") continue;
          await store.undo(id, [second.write]);
          assert.equal(await summary(name), before);
        }
        await store.finish("b", [second.write]);
        if (mode === "full") return;
        const after = await summary(name);
        const back = { ...first.write, action: "revert" as const };
        await store.stage("r", back, first.parquet);
        await store.swap("r", [back]);
        assert.equal(await summary(name), before);
        await store.undo("r", [back]);
        assert.equal(await summary(name), after);
      });
    }
  }
});
