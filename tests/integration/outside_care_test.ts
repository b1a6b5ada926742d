import assert from "node:assert/strict";
import { OutsideShop, target } from "../support/outside_shop.ts";
import { TestPostgres } from "../support/postgres.ts";
import { transform } from "../support/shop.ts";

/** A shop on a fresh server, with a database of its own for dev. */
async function withShop(
  work: (shop: OutsideShop, postgres: TestPostgres) => Promise<void>,
  options: { readonly devWarehouse?: string } = {},
): Promise<void> {
  await using postgres = await TestPostgres.start();
  for (const name of ["warehouse", "finance", "dev_warehouse"]) await postgres.createDatabase(name);
  using shop = new OutsideShop(postgres, {
    warehouse: "warehouse",
    finance: "finance",
    ...options,
  });
  await work(shop, postgres);
}

Deno.test("a promotion leaves tables that are added to alone where rows come from another system; the next run adds production's own", async () => {
  await withShop(async (shop, postgres) => {
    for (const [database, rows] of [["warehouse", 5], ["dev_warehouse", 2]] as const) {
      await postgres.query(
        database,
        `CREATE SCHEMA raw; CREATE TABLE raw.events AS SELECT i AS id FROM generate_series(1, ${rows}) AS i`,
      );
    }
    shop.write(
      "seeknal/events.yml",
      "kind: source\nname: events\nsource: postgresql\ntable: raw.events\nparams: { connection: warehouse }\n",
    );
    shop.write(
      "seeknal/log.yml",
      transform(
        "log",
        ["source.events"],
        "SELECT id FROM ref('source.events')",
        target("warehouse", "analytics.log", "    mode: append\n") +
          "  - type: postgresql\n    connection: warehouse\n    table: analytics.current\n",
      ),
    );
    await shop.command("plan", "dev");
    await shop.command("run", "--env", "dev");
    const said = await shop.command("promote", "dev", "--yes");
    assert.match(said, /source\.events was read through the profile of dev, from another system/);
    assert.match(
      said,
      /tables that are added to are left to the next run of production: analytics\.log/,
    );
    assert.equal((await shop.warehouse("analytics.current")).length, 2);
    await assert.rejects(shop.warehouse("analytics.log"), /does not exist/);
    await shop.command("run");
    assert.equal((await shop.warehouse("analytics.current")).length, 5);
    assert.equal((await shop.warehouse("analytics.log")).length, 5);
  }, { devWarehouse: "dev_warehouse" });
});

Deno.test("a table that could not be written stays a failure when the environment is planned again", async () => {
  await withShop(async (shop, postgres) => {
    await shop.ok("plan", "dev");
    await postgres.query(
      "finance",
      "CREATE SCHEMA dev_reports; CREATE TABLE dev_reports.totals (x int)",
    );
    assert.equal((await shop.run("run", "--env", "dev")).code, 4);
    const planned = await shop.run("plan", "dev");
    assert.match(planned.stderr, /next: seeknal run --env dev/);
    const promoted = await shop.run("promote", "dev", "--yes");
    assert.equal(promoted.code, 3, promoted.stderr);
    assert.match(promoted.stderr, /its last run failed: transform\.totals/);
    await postgres.query("finance", "DROP TABLE dev_reports.totals");
    await shop.ok("run", "--env", "dev");
    await shop.ok("promote", "dev", "--yes");
  });
});

Deno.test("a run of production is refused before anything is built where a table may not be written", async () => {
  await withShop(async (shop, postgres) => {
    await postgres.query("finance", "CREATE SCHEMA reports; CREATE TABLE reports.totals (x int)");
    const { code, stderr } = await shop.run("run");
    assert.equal(code, 3, stderr);
    assert.match(stderr, /reports\.totals/);
    assert.match(stderr, /existing: adopt/);
    assert.doesNotMatch(stderr, /built/);
  });
});

Deno.test("doctor tells of tables that are not what the state says, and run --rematerialize writes them anew", async () => {
  await withShop(async (shop, postgres) => {
    await shop.ok("run");
    assert.match(await shop.ok("doctor"), /what the tables of prod hold: 4 tables are there/);
    await postgres.query("warehouse", "DROP TABLE analytics.orders");
    const sick = await shop.run("doctor");
    assert.equal(sick.code, 4);
    assert.match(sick.stdout, /analytics\.orders is not there/);
    assert.match(sick.stdout, /seeknal run --rematerialize/);
    await shop.ok("run", "--rematerialize");
    assert.equal((await shop.warehouse("analytics.orders")).length, 3);
    await shop.ok("doctor");
  });
});

Deno.test("the plan names tables that nothing writes to any more, and rows that a change of mode replaces", async () => {
  await withShop(async (shop) => {
    const names = (mode: string) =>
      shop.write(
        "seeknal/names.yml",
        transform(
          "names",
          ["source.customers"],
          "SELECT customer_id, upper(name) AS name FROM ref('source.customers')",
          mode === "" ? "" : target("warehouse", "analytics.names", mode),
        ),
      );
    names("    mode: append\n");
    await shop.ok("run");
    names("    mode: full\n");
    assert.match(await shop.ok("plan"), /analytics\.names was added to \(append\); with mode full/);
    names("");
    const plan = await shop.ok("plan");
    assert.match(
      plan,
      /Tables that nothing writes to any more \(1\)\n {2}analytics\.names {2}stays as it is/,
    );
    await shop.ok("run");
    assert.equal((await shop.warehouse("analytics.names")).length, 2);
  });
});

Deno.test("columns that a materialization names and the node does not return are errors in the plan, all at once", async () => {
  await withShop(async (shop) => {
    shop.write(
      "seeknal/names.yml",
      transform(
        "names",
        ["source.customers"],
        "SELECT customer_id, name FROM ref('source.customers')",
        target(
          "warehouse",
          "analytics.names",
          "    mode: upsert_by_key\n    unique_keys: [customer]\n    column_types: { nam: text }\n",
        ) + "  - type: iceberg\n    table: lake.shop.names\n    mode: overwrite_partitions\n" +
          "    partition_by: ['bucket(4, region)']\n",
      ),
    );
    const { code, stderr } = await shop.run("plan");
    assert.equal(code, 3);
    for (const column of ["customer", "nam", "region"]) {
      assert.match(stderr, new RegExp(`there is no column "${column}" for`));
    }
  });
});

Deno.test("a promotion that fails says that every table is as it was, and tells of none as written", async () => {
  await withShop(async (shop, postgres) => {
    shop.write(
      "seeknal/names.yml",
      transform(
        "names",
        ["source.customers"],
        "SELECT 1 AS customer_id, name FROM ref('source.customers')",
        target(
          "warehouse",
          "analytics.names",
          "    mode: upsert_by_key\n    unique_keys: [customer_id]\n",
        ),
      ),
    );
    const { code, stdout, stderr } = await shop.run("run");
    assert.equal(code, 4, stderr);
    assert.match(stderr, /every table is as it was/);
    assert.doesNotMatch(stdout + stderr, /^ +written/m);
    const tables = await postgres.query(
      "warehouse",
      "SELECT 1 FROM pg_tables WHERE schemaname = 'analytics' AND tablename IN ('orders', 'names')",
    );
    assert.deepEqual(tables, []);
  });
});

Deno.test("env delete names the tables that stay", async () => {
  await withShop(async (shop) => {
    await shop.ok("plan", "dev");
    await shop.ok("run", "--env", "dev");
    const said = await shop.ok("env", "delete", "dev", "--yes");
    assert.match(said, /Its tables stay: .*dev_analytics\.orders.*\(--drop-tables drops them\)/);
  });
});

Deno.test("a rollback goes back batch by batch where contents come again, in every mode that adds, and over a change of mode", async () => {
  await withShop(async (shop) => {
    const CONTENTS = { A: "1,a\n2,b\n", B: "3,c\n" };
    const data = (name: keyof typeof CONTENTS) =>
      shop.write("data/x.csv", `id,v\n${CONTENTS[name]}`);
    const node = (upsert: string) =>
      shop.write(
        "seeknal/x.yml",
        "kind: source\nname: x\nsource: csv\ntable: data/x.csv\n" +
          target("warehouse", "analytics.up", upsert) +
          "  - { type: postgresql, connection: warehouse, table: analytics.app, mode: append }\n" +
          "  - { type: iceberg, table: lake.shop.app, mode: append }\n",
      );
    const UPSERT = "    mode: upsert_by_key\n    unique_keys: [id]\n";
    node(UPSERT);
    const ids = async (table: string) =>
      (await shop.warehouse(table)).map(({ id }) => Number(id)).sort((a, b) => a - b);
    const seen: unknown[] = [];
    const look = async () => [await ids("analytics.up"), await ids("analytics.app")];
    for (const content of ["A", "B", "A", "B"] as const) {
      data(content);
      await shop.ok("run");
      seen.push(await look());
    }
    node("    mode: full\n");
    await shop.ok("run");
    assert.deepEqual(await ids("analytics.up"), [3]);
    for (const before of seen.reverse()) {
      await shop.ok("rollback", "--yes");
      assert.deepEqual(await look(), before);
    }
    const { stdout, stderr } = await shop.run("doctor");
    assert.match(stdout, /what the tables of prod hold: 7 tables are there/, stderr);
  });
});
