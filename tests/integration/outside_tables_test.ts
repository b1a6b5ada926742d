import assert from "node:assert/strict";
import { OutsideShop, target } from "../support/outside_shop.ts";
import { runSeeknal } from "../support/project.ts";
import { TestPostgres } from "../support/postgres.ts";
import { fileTree, rowsOf, transform } from "../support/shop.ts";

/** A fresh server with two databases for each test, so that tests do not see each other's tables. */
async function withShop(
  work: (shop: OutsideShop, postgres: TestPostgres) => Promise<void>,
  options: { readonly devWarehouse?: string; readonly extra?: string } = {},
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

/** Names of tables and views in a database, without what the server brings. */
async function tablesIn(postgres: TestPostgres, database: string): Promise<string[]> {
  const rows = await postgres.query<{ name: string }>(
    database,
    `SELECT table_schema || '.' || table_name AS name FROM information_schema.tables
     WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

/** Tables that people see: Seeknal's own begin with an underscore. */
async function publicTables(postgres: TestPostgres, database: string): Promise<string[]> {
  return (await tablesIn(postgres, database)).filter((name) => !/(^|\.)_/.test(name));
}

interface PlanJson {
  readonly summary: { readonly materialize: number };
  readonly profile: string | null;
  readonly materializations: readonly {
    readonly node: string;
    readonly target: string;
    readonly by: string;
  }[];
}

interface PromotionJson {
  readonly status: string;
  readonly materializations: readonly {
    readonly target: string;
    readonly rows_expected: number;
    readonly rows_written: number | null;
    readonly status: string;
  }[];
}

Deno.test("an environment writes tables with its prefix, a promotion production's, and each only what changed", async () => {
  await withShop(async (shop, postgres) => {
    const plan = await shop.json<PlanJson>("plan", "dev");
    assert.equal(plan.profile, "profiles.yml");
    assert.equal(plan.summary.materialize, 4);
    assert.deepEqual(
      plan.materializations.map(({ target, by }) => `${by} ${target}`).sort(),
      [
        "promote analytics.names",
        "promote analytics.orders",
        "promote lake.shop.orders",
        "promote reports.totals",
        "run dev_analytics.names",
        "run dev_analytics.orders",
        "run dev_reports.totals",
        "run lake.dev_shop.orders",
      ],
    );
    await shop.command("run", "--env", "dev");
    assert.deepEqual(await publicTables(postgres, "warehouse"), [
      "dev_analytics.names",
      "dev_analytics.orders",
    ]);
    assert.deepEqual(await publicTables(postgres, "finance"), ["dev_reports.totals"]);
    const promoted = await shop.json<PromotionJson>("promote", "dev", "--yes");
    assert.equal(promoted.status, "promoted");
    assert.deepEqual(
      promoted.materializations.map((t) => [t.target, t.rows_expected, t.rows_written, t.status]),
      [
        ["analytics.names", 2, 2, "written"],
        ["analytics.orders", 3, 3, "written"],
        ["lake.shop.orders", 3, 3, "written"],
        ["reports.totals", 2, 2, "written"],
      ],
    );
    assert.deepEqual((await shop.warehouse("analytics.orders")).map(({ amount }) => amount), [
      "10.50",
      "20.00",
      "5.25",
    ]);
    shop.setOrders("amount * 2");
    const second = await shop.json<PlanJson>("plan", "dev");
    assert.deepEqual(
      second.materializations.filter(({ by }) => by === "promote").map(({ target }) => target),
      ["analytics.orders", "lake.shop.orders", "reports.totals"],
    );
    await shop.command("run", "--env", "dev");
    // Production is what it was.
    assert.deepEqual((await shop.warehouse("analytics.orders")).map(({ amount }) => amount), [
      "10.50",
      "20.00",
      "5.25",
    ]);
    await shop.command("promote", "dev", "--yes");
    assert.deepEqual(
      (await shop.warehouse("analytics.orders")).map(({ amount }) => amount),
      ["21.00", "40.00", "10.50"],
    );
    const again = await shop.json<PlanJson>("plan", "dev");
    assert.deepEqual(again.materializations, []);
    assert.match(await shop.command("rollback", "--yes"), /Rolled prod back/);
    assert.deepEqual((await shop.warehouse("analytics.orders")).map(({ amount }) => amount), [
      "10.50",
      "20.00",
      "5.25",
    ]);
    assert.deepEqual((await shop.finance("reports.totals")).map(({ total }) => total), [
      "15.75",
      "20.00",
    ]);
  });
});

Deno.test("profiles-dev.yml sends an environment to a database of its own", async () => {
  await withShop(async (shop, postgres) => {
    const plan = await shop.json<PlanJson>("plan", "dev");
    assert.equal(plan.profile, "profiles-dev.yml");
    await shop.command("run", "--env", "dev");
    assert.deepEqual(await publicTables(postgres, "dev_warehouse"), [
      "dev_analytics.names",
      "dev_analytics.orders",
    ]);
    assert.deepEqual(await publicTables(postgres, "warehouse"), []);
    await shop.command("promote", "dev", "--yes");
    assert.deepEqual(await publicTables(postgres, "warehouse"), [
      "analytics.names",
      "analytics.orders",
    ]);
    // Editing the profile makes the plan stale; another profile does too.
    shop.write("profiles-dev.yml", shop.read("profiles-dev.yml") + "\n# moved\n");
    await shop.command("plan", "dev");
    shop.write("profiles-dev.yml", shop.read("profiles-dev.yml").replace("lake: ", "lake:  "));
    shop.write(
      "profiles-dev.yml",
      shop.read("profiles-dev.yml").replace(/warehouse: lake/, "warehouse: lake2"),
    );
    const stale = await shop.child("run", "--env", "dev");
    assert.equal(stale.code, 4);
    assert.match(stale.stderr, /profile profiles-dev\.yml was edited/);
  }, { devWarehouse: "dev_warehouse" });
});

Deno.test("a table that cannot be written fails its node with exit 4, keeps the output, and the next run writes only what is missing", async () => {
  await withShop(async (shop, postgres) => {
    await shop.command("plan", "dev");
    await postgres.query(
      "finance",
      "CREATE SCHEMA dev_reports; CREATE TABLE dev_reports.totals (x int); INSERT INTO dev_reports.totals VALUES (42)",
    );
    const failed = await shop.child("run", "--env", "dev");
    assert.equal(failed.code, 4, failed.stderr);
    assert.match(failed.stderr, /failed\s+dev_reports\.totals/);
    assert.deepEqual(await postgres.query("finance", "SELECT x FROM dev_reports.totals"), [{
      x: 42,
    }]);
    const refused = await shop.child("promote", "dev", "--yes");
    assert.equal(refused.code, 3, refused.stderr);
    await postgres.query("finance", "DROP TABLE dev_reports.totals");
    const again = await shop.child("run", "--env", "dev", "--json");
    assert.equal(again.code, 0, again.stderr);
    const events = again.stdout.trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(events.filter(({ event }) => event === "node_started"), []);
    assert.deepEqual(
      events.filter(({ event }) => event === "materialized").map((e) => [e.target, e.status]),
      [["dev_reports.totals", "written"]],
    );
    await shop.command("promote", "dev", "--yes");
  });
});

Deno.test("--no-materialize writes nothing outside, and the next run does", async () => {
  await withShop(async (shop, postgres) => {
    await shop.command("plan", "dev");
    await shop.command("run", "--env", "dev", "--no-materialize");
    assert.deepEqual(await tablesIn(postgres, "warehouse"), []);
    await shop.command("run", "--env", "dev");
    assert.deepEqual(await publicTables(postgres, "warehouse"), [
      "dev_analytics.names",
      "dev_analytics.orders",
    ]);
    await shop.command("promote", "dev", "--yes", "--no-materialize");
    assert.deepEqual(await publicTables(postgres, "warehouse"), [
      "dev_analytics.names",
      "dev_analytics.orders",
    ]);
    await shop.command("run");
    assert.deepEqual(await publicTables(postgres, "warehouse"), [
      "analytics.names",
      "analytics.orders",
      "dev_analytics.names",
      "dev_analytics.orders",
    ]);
  });
});

Deno.test("env delete --drop-tables lists and drops the tables of the environment, and no others", async () => {
  await withShop(async (shop, postgres) => {
    await shop.command("run");
    shop.setOrders("amount + 1");
    await shop.command("plan", "dev");
    await shop.command("run", "--env", "dev");
    assert.deepEqual(await publicTables(postgres, "warehouse"), [
      "analytics.names",
      "analytics.orders",
      "dev_analytics.orders",
    ]);
    const said = await shop.command("env", "delete", "dev", "--drop-tables", "--yes");
    assert.match(said, /- dev_analytics\.orders/);
    assert.match(said, /- lake\.dev_shop\.orders/);
    assert.deepEqual(await publicTables(postgres, "warehouse"), [
      "analytics.names",
      "analytics.orders",
    ]);
    assert.deepEqual(await publicTables(postgres, "finance"), ["reports.totals"]);
    const schemas = await postgres.query(
      "warehouse",
      "SELECT 1 FROM pg_namespace WHERE nspname = 'dev_analytics'",
    );
    assert.deepEqual(schemas, []);
  });
});

Deno.test("names that two environments, or production, would share are refused in the plan", async () => {
  await withShop(async (shop) => {
    await shop.command("plan", "ci-1");
    const shared = await runSeeknal(shop, ["plan", "ci_1"]);
    assert.equal(shared.code, 3, shared.stderr);
    assert.match(
      shared.stderr,
      /ci_1_analytics\.orders would be a table of environment "ci-1" too/,
    );
    shop.write(
      "seeknal/dev_names.yml",
      transform(
        "dev_names",
        ["source.customers"],
        "SELECT * FROM ref('source.customers')",
        target("warehouse", "dev_analytics.names"),
      ),
    );
    const production = await runSeeknal(shop, ["plan", "dev"]);
    assert.equal(production.code, 3);
    assert.match(production.stderr, /dev_analytics\.names would be a table of production too/);
    shop.remove("seeknal/dev_names.yml");
    const long = await runSeeknal(shop, ["plan", "a".repeat(60)]);
    assert.equal(long.code, 3);
    assert.match(long.stderr, /70 bytes; PostgreSQL would cut it off after 63/);
    shop.write(
      "seeknal/again.yml",
      transform(
        "again",
        ["source.customers"],
        "SELECT * FROM ref('source.customers')",
        target("warehouse", "analytics.names"),
      ),
    );
    const twice = await runSeeknal(shop, ["plan"]);
    assert.equal(twice.code, 3);
    assert.match(twice.stderr, /analytics\.names is written by transform\.again already/);
  });
});

Deno.test("two environments promote at once: one wins, the other is refused before its first write", async () => {
  await withShop(async (shop, postgres) => {
    await shop.command("run");
    for (const [env, factor] of [["a", 3], ["b", 4]] as const) {
      shop.setOrders(`amount * ${factor}`);
      await shop.command("plan", env);
      await shop.command("run", "--env", env);
    }
    const results = await Promise.all([
      shop.child("promote", "a", "--yes"),
      shop.child("promote", "b", "--yes"),
    ]);
    assert.deepEqual(results.map(({ code }) => code).sort(), [0, 4]);
    const winner = results[0]!.code === 0 ? 3 : 4;
    const loser = results.find(({ code }) => code === 4)!;
    assert.match(loser.stderr, /held by|moved to|another command was faster/);
    const amounts = (await shop.warehouse("analytics.orders")).map(({ amount }) => Number(amount));
    assert.deepEqual(amounts.sort((x, y) => x - y), [5.25, 10.5, 20].map((x) => x * winner));
    const staged = (await tablesIn(postgres, "warehouse")).filter((name) => /stage/.test(name));
    assert.deepEqual(staged, []);
    assert.deepEqual(await rowsOf(shop, "SELECT sum(amount) AS s FROM transform.orders"), [
      { s: 35.75 * winner },
    ]);
  });
});

Deno.test("promote --dry-run names the tables and writes nothing, anywhere", async () => {
  await withShop(async (shop, postgres) => {
    await shop.command("plan", "dev");
    await shop.command("run", "--env", "dev");
    const [files, tables] = [fileTree(shop), await tablesIn(postgres, "warehouse")];
    const { stderr } = await shop.child("promote", "dev", "--dry-run");
    assert.match(stderr, /-> analytics\.orders/);
    assert.match(stderr, /-> lake\.shop\.orders/);
    assert.deepEqual(fileTree(shop), files);
    assert.deepEqual(await tablesIn(postgres, "warehouse"), tables);
  });
});

Deno.test("secrets of a profile stand in no file of the project's state", async () => {
  await withShop(async (shop, postgres) => {
    await shop.command("plan", "dev");
    await shop.command("run", "--env", "dev");
    await shop.command("promote", "dev", "--yes");
    const found = await new Deno.Command("grep", {
      args: ["-rlF", postgres.password, shop.root],
    }).output();
    assert.equal(new TextDecoder().decode(found.stdout), "");
    const { stdout } = await new Deno.Command("sh", {
      args: [
        "-c",
        `git --git-dir=target/state.git log --all -p | grep -cF '${postgres.password}'`,
      ],
      cwd: shop.root,
    }).output();
    assert.equal(new TextDecoder().decode(stdout).trim(), "0");
  });
});

Deno.test("connection-test says of each connection whether it answers, exits as what does not asks for, and writes nothing", async () => {
  await withShop(async (shop, postgres) => {
    type Tested = { connections: { connection: string; status: string; detail: string }[] };
    const before = fileTree(shop);
    const { connections } = await shop.json<Tested>("connection-test");
    assert.deepEqual(connections.map(({ connection }) => connection), [
      "warehouse",
      "finance",
      "lake",
    ]);
    assert.deepEqual(connections.filter(({ status }) => status !== "ok"), []);
    assert.match(connections[0]!.detail, /PostgreSQL/i);
    const [dev] = (await shop.json<Tested>("connection-test", "warehouse", "--env", "dev"))
      .connections;
    assert.equal(dev!.status, "ok");
    const unknown = await shop.run("connection-test", "warehose");
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /did you mean "warehouse"/);
    assert.deepEqual(fileTree(shop), before);
    shop.write("wrong.yml", shop.read("profiles.yml").replaceAll("${PG_PASSWORD}", "wr0ng-word"));
    const refused = await shop.run("connection-test", "finance", "--profile", "wrong.yml");
    assert.equal(refused.code, 6, refused.stdout + refused.stderr);
    assert.doesNotMatch(refused.stdout + refused.stderr, /wr0ng-word/);
    assert.equal((await postgres.query("warehouse", "SELECT 1 AS x")).length, 1);
  }, { devWarehouse: "dev_warehouse" });
});
