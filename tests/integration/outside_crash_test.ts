import assert from "node:assert/strict";
import { git } from "../support/command.ts";
import { OutsideShop } from "../support/outside_shop.ts";
import { TestPostgres } from "../support/postgres.ts";
import { rowsOf } from "../support/shop.ts";

/**
 * Every point of `faultPoint()` on the way of a promotion or a rollback, with how often it is come by when
 * two databases and a catalog are written: a store each for `swapped` and `finished`, a table each
 * for `staged`.
 */
const FAULT_POINTS: Readonly<Record<string, number>> = {
  checked: 1,
  intent: 1,
  staged: 3,
  swapping: 1,
  swapped: 3,
  moved: 1,
  finished: 3,
};

/** Everything that can be seen of production: nodes, tables of both databases, the Iceberg table. */
async function production(shop: OutsideShop): Promise<unknown> {
  return {
    nodes: await rowsOf(shop, "SELECT * FROM transform.orders"),
    orders: await shop.warehouse("analytics.orders"),
    totals: await shop.finance("reports.totals"),
    lake: await lakeOrders(shop),
  };
}

/** The Iceberg table as a source of another project finds it. */
async function lakeOrders(shop: OutsideShop): Promise<unknown> {
  using reader = new (await import("../support/project.ts")).TempProject();
  reader.write("seeknal_project.yml", "name: reader\n");
  reader.write(
    "profiles.yml",
    `connections:\n  lake:\n    type: iceberg\n    warehouse: ${shop.path("lake")}\n`,
  );
  reader.write(
    "seeknal/orders.yml",
    "kind: source\nname: orders\nsource: iceberg\ntable: lake.shop.orders\n",
  );
  const { code, stderr } = await reader.run("run");
  assert.equal(code, 0, stderr);
  return await rowsOf(reader, "SELECT * FROM source.orders");
}

/** Names of everything in a database that is staged or kept to go back. */
async function leftovers(shop: OutsideShop): Promise<string[]> {
  const found: string[] = [];
  for (const database of [shop.databases.warehouse, shop.databases.finance]) {
    const rows = await shop.postgres.query<{ name: string }>(
      database,
      `SELECT n.nspname || '.' || c.relname AS name FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'v', 'm', 'p') AND n.nspname NOT LIKE 'pg\\_%'
         AND n.nspname <> 'information_schema' AND c.relname LIKE '\\_seeknal\\_%' ORDER BY 1`,
    );
    found.push(
      ...rows.map(({ name }) => `${database}.${name}`)
        // The account of what is where, which stays.
        .filter((name) => !/\._seeknal_(tables|writes)$/.test(name)),
    );
  }
  return found;
}

/** Data files of the lake that no snapshot of a table names, and documents of staged writes. */
function stagedInLake(shop: OutsideShop): string[] {
  const found: string[] = [];
  const visit = (folder: string) => {
    for (const entry of Deno.readDirSync(folder)) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) visit(path);
      else if (/staged|seeknal-/.test(entry.name)) found.push(path);
    }
  };
  visit(shop.path("lake"));
  return found;
}

for (const verb of ["promote", "rollback"] as const) {
  Deno.test(`kill -9 at every step of a ${verb} over two databases and a catalog: afterwards everything is at one version, and nothing staged is left`, async () => {
    await using postgres = await TestPostgres.start();
    for (const name of ["warehouse", "finance"]) await postgres.createDatabase(name);
    using shop = new OutsideShop(postgres, { warehouse: "warehouse", finance: "finance" });
    await shop.command("run");
    let amount = 1;
    const prepare = async () => {
      shop.setOrders(`amount + ${++amount}`);
      await shop.command("plan", "dev");
      await shop.command("run", "--env", "dev");
      if (verb === "rollback") await shop.command("promote", "dev", "--yes");
    };
    const args = verb === "promote" ? ["promote", "dev", "--yes"] : ["rollback", "--yes"];
    const outcomes = { old: 0, new: 0 };
    for (const [point, times] of Object.entries(FAULT_POINTS)) {
      for (let skip = 0; skip < times; skip++) {
        await prepare();
        const before = await production(shop);
        const killed = await shop.killedAt(point, skip, ...args);
        assert.notEqual(killed.code, 0, `${point} ${skip}: it was not come by\n${killed.stderr}`);
        assert.equal(killed.code, 137, `${point} ${skip}: ${killed.stderr}`);
        const fixed = await shop.child("doctor", "--fix");
        assert.equal(fixed.code, 0, `${point} ${skip}: ${fixed.stdout}${fixed.stderr}`);
        const after = await production(shop);
        await git(shop.path("target/state.git"), "fsck", "--strict");
        const isOld = JSON.stringify(after) === JSON.stringify(before);
        outcomes[isOld ? "old" : "new"]++;
        if (point !== "checked") {
          assert.match(
            fixed.stdout,
            isOld ? /(undid|nothing had changed)/ : /finished the/,
            `${point} ${skip}`,
          );
        }
        // Done again, and then everything is at the new version, whatever was the case.
        if (isOld) await shop.command(...args);
        await checkTogether(shop, point);
        assert.deepEqual(stagedInLake(shop), [], point);
        const again = await shop.child("doctor");
        assert.equal(again.code, 0, again.stdout);
      }
    }
    assert.ok(outcomes.old >= 5, JSON.stringify(outcomes));
    assert.ok(outcomes.new >= 4, JSON.stringify(outcomes));
    assert.deepEqual(await leftovers(shop), []);
  });
}

/** Row counts and sums of all places are those of the nodes. */
async function checkTogether(shop: OutsideShop, point: string): Promise<void> {
  const sums = async () => {
    const [node] = await rowsOf(
      shop,
      "SELECT count(*) AS n, sum(amount) AS s FROM transform.orders",
    );
    const [table] = await postgresSum(shop, "warehouse", "analytics.orders", "amount");
    const [totals] = await postgresSum(shop, "finance", "reports.totals", "total");
    const lake = await lakeOrders(shop) as { amount: number }[];
    return {
      node: [Number(node!["n"]), Number(node!["s"])],
      table: [Number(table!["n"]), Number(table!["s"])],
      totals: Number(totals!["s"]),
      lake: [lake.length, lake.reduce((sum, row) => sum + Number(row.amount), 0)],
    };
  };
  const { node, table, totals, lake } = await sums();
  assert.deepEqual(table, node, point);
  assert.deepEqual(lake, node, point);
  assert.equal(totals, node[1], point);
}

function postgresSum(shop: OutsideShop, database: string, table: string, column: string) {
  return shop.postgres.query(database, `SELECT count(*) AS n, sum(${column}) AS s FROM ${table}`);
}

Deno.test("kill -9 while an environment's tables are written: the next run cleans up and writes what is missing", async () => {
  await using postgres = await TestPostgres.start();
  for (const name of ["warehouse", "finance"]) await postgres.createDatabase(name);
  using shop = new OutsideShop(postgres, { warehouse: "warehouse", finance: "finance" });
  await shop.command("plan", "dev");
  for (const point of ["env-staged", "env-swapped"]) {
    for (let skip = 0; skip < 4; skip++) {
      const killed = await shop.killedAt(point, skip, "run", "--env", "dev");
      if (killed.code === 0) continue;
      assert.equal(killed.code, 137, killed.stderr);
    }
  }
  await shop.command("run", "--env", "dev");
  assert.equal((await shop.warehouse("dev_analytics.orders")).length, 3);
  assert.equal((await shop.warehouse("dev_analytics.names")).length, 2);
  assert.equal((await shop.finance("dev_reports.totals")).length, 2);
  assert.deepEqual(stagedInLake(shop), []);
  const doctor = await shop.child("doctor");
  assert.equal(doctor.code, 0, doctor.stdout);
});
