import { TestPostgres } from "../support/postgres.ts";
import { openStore, rowsOf } from "../support/postgres_target.ts";
import { targetContract } from "../support/target_contract.ts";

Deno.test("PostgresStore keeps the contract of target stores", async (t) => {
  await using postgres = await TestPostgres.start();
  await postgres.createDatabase("shop");
  await targetContract(t, {
    open: (folders) => openStore(postgres, "shop", folders),
    spec: { type: "postgresql", connection: "warehouse" },
    table: (name) => ["analytics", name],
    rows: async (table) => (await rowsOf(postgres, "shop", table))?.toSorted() ?? null,
    modes: ["full", "view", "append", "upsert_by_key", "incremental_by_time"],
  });
});
