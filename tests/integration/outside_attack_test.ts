import assert from "node:assert/strict";
import { OutsideShop, target } from "../support/outside_shop.ts";
import { TestPostgres } from "../support/postgres.ts";
import { rowsOf } from "../support/shop.ts";

/** A shop whose production is there, and whose environment `dev` has other orders. */
async function withShop(
  work: (shop: OutsideShop, postgres: TestPostgres) => Promise<void>,
): Promise<void> {
  await using postgres = await TestPostgres.start();
  for (const name of ["warehouse", "finance", "other"]) await postgres.createDatabase(name);
  using shop = new OutsideShop(postgres, { warehouse: "warehouse", finance: "finance" });
  await shop.ok("run");
  await runIn(shop, "dev", "amount + 1");
  await work(shop, postgres);
}

async function runIn(shop: OutsideShop, env: string, orders: string): Promise<void> {
  shop.setOrders(orders);
  await shop.ok("plan", env);
  await shop.ok("run", "--env", env);
}

/** Amounts of a table of the warehouse, and of the node that is written to it. */
async function amounts(shop: OutsideShop, table: string, env = "prod"): Promise<unknown> {
  const of = (rows: Record<string, unknown>[]) =>
    rows.map(({ amount }) => Number(amount)).sort((a, b) => a - b);
  return {
    table: of(await shop.warehouse(table)),
    node: of(await rowsOf(shop, "SELECT amount FROM transform.orders", env)),
  };
}

const OLD = [5.25, 10.5, 20];
const NEW = [6.25, 11.5, 21];

Deno.test("what a killed command left is finished through the profile that it used, whatever --profile says now", async () => {
  await withShop(async (shop) => {
    const killed = await shop.killedAt("swapped", 0, "promote", "dev", "--yes");
    assert.equal(killed.code, 137, killed.stderr);
    shop.write(
      "special.yml",
      shop.read("profiles.yml").replace("database: warehouse", "database: other"),
    );
    const said = await shop.ok("run", "--env", "dev", "--profile", "special.yml", "--force");
    assert.match(said, /finished the promote of prod/);
    assert.deepEqual(await amounts(shop, "analytics.orders"), { table: NEW, node: NEW });
  });
});

Deno.test("a promotion whose ref moved is not undone where its target was planned before anybody looked after it", async () => {
  await withShop(async (shop) => {
    await shop.ok("promote", "dev", "staging", "--yes");
    await runIn(shop, "dev", "amount + 2");
    const killed = await shop.killedAt("moved", 0, "promote", "dev", "staging", "--yes");
    assert.equal(killed.code, 137, killed.stderr);
    shop.setOrders("amount + 3");
    const said = await shop.ok("plan", "staging");
    const { stdout } = await shop.child("doctor", "--fix");
    assert.match(said + stdout, /finished the promote of staging/);
    assert.deepEqual(
      (await shop.warehouse("staging_analytics.orders")).map(({ amount }) => Number(amount)).sort(),
      [12.5, 22, 7.25],
    );
  });
});

Deno.test("a promotion that moved production's ref, but not the other, is not taken back", async () => {
  await withShop(async (shop) => {
    // Moving the second ref fails at its log.
    const log = "target/state.git/logs/refs/heads/dev";
    const text = shop.read(log);
    shop.remove(log);
    Deno.mkdirSync(shop.path(log));
    const failed = await shop.run("promote", "dev", "--yes");
    assert.equal(failed.code, 4, failed.stderr);
    assert.match(failed.stderr, /Everything is at the new version, but not all was cleaned up/);
    Deno.removeSync(shop.path(log));
    shop.write(log, text);
    const fixed = await shop.ok("doctor", "--fix");
    assert.match(fixed, /finished the promote of prod/);
    assert.deepEqual(await amounts(shop, "analytics.orders"), { table: NEW, node: NEW });
  });
});

Deno.test("what a killed command left is not looked for in another system", async () => {
  await withShop(async (shop) => {
    const killed = await shop.killedAt("swapped", 0, "promote", "dev", "--yes");
    assert.equal(killed.code, 137, killed.stderr);
    const profile = shop.read("profiles.yml");
    shop.write("profiles.yml", profile.replace("database: warehouse", "database: other"));
    const refused = await shop.run("run");
    assert.equal(refused.code, 4, refused.stderr);
    assert.match(refused.stderr, /connection "warehouse" of profiles.yml leads elsewhere since/);
    assert.equal((await shop.run("doctor", "--fix")).code, 4);
    shop.write("profiles.yml", profile);
    assert.match(await shop.ok("doctor", "--fix"), /finished the promote of prod/);
    assert.deepEqual(await amounts(shop, "analytics.orders"), { table: NEW, node: NEW });
  });
});

Deno.test("a table that a connection leads elsewhere for is written there", async () => {
  await withShop(async (shop, postgres) => {
    shop.setOrders("amount");
    const profile = shop.read("profiles.yml");
    shop.write("profiles.yml", profile.replace("database: warehouse", "database: other"));
    const plan = await shop.ok("plan");
    assert.match(plan, /-> analytics\.orders/);
    await shop.ok("run");
    const rows = await postgres.query("other", "SELECT amount FROM analytics.orders ORDER BY 1");
    assert.deepEqual(rows.map((row) => Number(row["amount"])), OLD);
    assert.doesNotMatch(await shop.ok("run"), /written/);
  });
});

Deno.test("a rollback to the state of an environment brings production's tables along", async () => {
  await withShop(async (shop) => {
    await shop.ok("rollback", "--to", "dev", "--yes");
    assert.deepEqual(await amounts(shop, "analytics.orders"), { table: NEW, node: NEW });
  });
});

Deno.test("a rollback to a state that left its tables behind takes them back to what they held", async () => {
  await withShop(async (shop) => {
    const edit = (from: string, to: string) =>
      shop.write("seeknal/orders.yml", shop.read("seeknal/orders.yml").replace(from, to));
    shop.setOrders("amount");
    edit("table: analytics.orders", "table: analytics.orders\n    mode: append");
    edit("mode: overwrite", "mode: append");
    // The table becomes one that is added to; its rows are those that were there.
    await shop.ok("run");
    edit("amount AS", "amount + 1 AS");
    await shop.ok("run", "--no-materialize");
    edit("amount + 1 AS", "amount + 2 AS");
    await shop.ok("run");
    await shop.ok("rollback", "--yes");
    assert.deepEqual(await amounts(shop, "analytics.orders"), { table: OLD, node: NEW });
    await shop.ok("run", "--no-materialize");
  });
});

Deno.test("what was planned with --profile is rolled back and deleted where that one leads", async () => {
  await withShop(async (shop, postgres) => {
    shop.write(
      "special.yml",
      shop.read("profiles.yml").replace("database: warehouse", "database: other"),
    );
    const inOther = async () =>
      (await postgres.query("other", "SELECT amount FROM x_analytics.orders ORDER BY 1"))
        .map((row) => Number(row["amount"]));
    for (const amount of ["amount + 1", "amount + 2"]) {
      shop.setOrders(amount);
      await shop.ok("plan", "x", "--profile", "special.yml");
      await shop.ok("run", "--env", "x");
    }
    assert.deepEqual(await inOther(), [7.25, 12.5, 22]);
    await shop.ok("rollback", "x", "--to", "x@{2}", "--yes");
    assert.deepEqual(await inOther(), NEW);
    const schemas = "SELECT nspname FROM pg_namespace WHERE nspname = 'x_analytics'";
    assert.deepEqual(await postgres.query("warehouse", schemas), []);
    await shop.ok("env", "delete", "x", "--drop-tables", "--yes");
    assert.deepEqual(await postgres.query("other", schemas), []);
  });
});

Deno.test("two clones of a project that run at once add the same rows once", async () => {
  await withShop(async (shop, postgres) => {
    using clone = new OutsideShop(postgres, { warehouse: "warehouse", finance: "finance" });
    const clones = [shop, clone];
    for (const each of clones) {
      each.remove("seeknal/names.yml");
      each.remove("seeknal/totals.yml");
      each.setOrders("amount");
      each.write(
        "seeknal/orders.yml",
        each.read("seeknal/orders.yml").replace(
          /materializations:[^]*/,
          target("warehouse", "analytics.added", "    mode: append\n"),
        ),
      );
    }
    await Promise.all(clones.map((each) => each.child("run")));
    for (const each of clones) await each.command("run");
    const rows = await shop.warehouse("analytics.added");
    assert.deepEqual(rows.map(({ amount }) => Number(amount)).sort((a, b) => a - b), OLD);
  });
});

Deno.test("what cannot be taken back any more is not said to be", async () => {
  await withShop(async (shop, postgres) => {
    using clone = new OutsideShop(postgres, { warehouse: "warehouse", finance: "finance" });
    await clone.ok("run");
    const killed = await shop.killedAt("swapped", 0, "promote", "dev", "--yes");
    assert.equal(killed.code, 137, killed.stderr);
    // A clone knows nothing of what is under way in another: it takes what was kept for rubbish.
    await clone.ok("gc", "--tables");
    const doctor = await shop.run("doctor", "--fix");
    const { table } = await amounts(shop, "analytics.orders") as { table: number[] };
    if (table[0] === OLD[0]) return;
    assert.equal(doctor.code, 4, doctor.stdout);
    assert.match(doctor.stdout, /analytics\.orders cannot be taken back: nothing was kept/);
  });
});

Deno.test("what a killed run of an environment wrote is on record: going back to the former definition writes the table again", async () => {
  await withShop(async (shop) => {
    const dev = async () =>
      (await shop.warehouse("dev_analytics.orders")).map(({ amount }) => Number(amount));
    shop.setOrders("amount + 2");
    await shop.ok("plan", "dev");
    const killed = await shop.killedAt("env-swapped", 0, "run", "--env", "dev");
    assert.equal(killed.code, 137, killed.stderr);
    assert.deepEqual((await dev()).sort((a, b) => a - b), [7.25, 12.5, 22]);
    await runIn(shop, "dev", "amount + 1");
    assert.deepEqual((await dev()).sort((a, b) => a - b), NEW);
    assert.match(await shop.ok("doctor"), /readable copy of dev: up to date/);
  });
});

Deno.test("gc --tables keeps what a rollback to a state needs that had left its tables behind", async () => {
  await withShop(async (shop) => {
    const add = async (amount: string, ...how: string[]) => {
      shop.setOrders(amount);
      shop.write(
        "seeknal/orders.yml",
        shop.read("seeknal/orders.yml").replace(
          /materializations:[^]*/,
          target("warehouse", "analytics.added", "    mode: append\n"),
        ),
      );
      await shop.ok("run", ...how);
    };
    await add("amount");
    await add("amount + 1");
    await add("amount + 2", "--no-materialize");
    await add("amount + 3");
    await shop.ok("env", "delete", "dev", "--yes");
    await shop.ok("gc", "--tables", "--keep-days", "0", "--keep-promotions", "2");
    await shop.ok("rollback", "--yes");
    const rows = await shop.warehouse("analytics.added");
    assert.deepEqual(
      rows.map(({ amount }) => Number(amount)).sort((a, b) => a - b),
      [...OLD, ...NEW].sort((a, b) => a - b),
    );
  });
});

Deno.test("two names of one database are written in one batch", async () => {
  await withShop(async (shop) => {
    const profile = shop.read("profiles.yml");
    const own = / {2}warehouse:\n(?: {4}.*\n)+/.exec(profile)![0];
    shop.write("profiles.yml", profile + own.replace("warehouse:", "again:"));
    shop.write(
      "seeknal/names.yml",
      shop.read("seeknal/names.yml").replace("connection: warehouse", "connection: again")
        .replace("upper(name)", "lower(name)"),
    );
    await shop.ok("run");
    assert.deepEqual(await amounts(shop, "analytics.orders"), { table: NEW, node: NEW });
    assert.equal((await shop.warehouse("analytics.names"))[0]!["name"], "ann");
  });
});
