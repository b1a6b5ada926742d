import assert from "node:assert/strict";
import { IcebergStore } from "../../src/targets/iceberg_store.ts";
import { UserError } from "../../src/base/user_error.ts";
import { type Catalog } from "../../src/iceberg/catalog.ts";
import { IcebergLab, type LabKind } from "../support/iceberg.ts";

/** The life of a batch, on every kind of catalog and store. */
const KINDS: readonly LabKind[] = ["local", "s3", "rest", "rest without transactions"];

const ROWS = (n: number, count = 20) =>
  `SELECT i AS id, 'g' || i % 3 AS g, ${n} AS n FROM range(${count}) t(i)`;

for (const kind of KINDS) {
  Deno.test(`IcebergStore stages, swaps, takes back and drops (${kind})`, async () => {
    await using lab = await IcebergLab.open(kind);
    const owner = { project: "shop", environment: "prod" };
    await lab.put(ROWS(1), { table: "lake.shop.a", partition_by: ["g"] });
    await lab.put(ROWS(1), { table: "lake.shop.b", mode: "append" });
    const some = [
      await lab.write(ROWS(2, 10), { table: "lake.shop.a", mode: "overwrite_partitions" }),
      await lab.write(ROWS(2, 10), {
        table: "lake.shop.b",
        mode: "upsert_by_key",
        unique_keys: ["id"],
      }),
      await lab.write(ROWS(2, 10), { table: "lake.made.here.c" }),
    ];
    const writes = some.map(({ write }) => write);
    const counts = async () => {
      const found: unknown[] = [];
      for (const { table } of writes) {
        const isThere = await lab.catalog.load(table) !== null;
        const [row = ""] = isThere ? await lab.rows(table.join("."), "count(*), sum(n)") : [];
        const [count = 0, sum = 0] = row === "" ? [] : JSON.parse(row).map(Number);
        // Where new tables have no place of their own, one without rows holds it until the swap.
        found.push(count === 0 ? null : [count, sum]);
      }
      return found;
    };
    const before = [[20, 20], [20, 20], null];
    for (const turn of ["aborted", "undone", "finished"]) {
      const id = `batch-${turn}`;
      await using one = await lab.reopen();
      for (const { write, parquet } of some) await one.stage(id, write, parquet);
      assert.deepEqual(await counts(), before);
      await using two = await lab.reopen();
      assert.equal(await two.progress(id, writes), "staged");
      if (turn === "aborted") await two.abort(id, writes);
      else {
        await two.swap(id, writes);
        assert.equal(await one.progress(id, writes), "swapped");
        assert.deepEqual(await counts(), [[10, 20], [20, 30], [10, 20]]);
        if (turn === "undone") await one.undo(id, writes);
        else await one.finish(id, writes);
      }
      if (turn === "finished") continue;
      assert.equal(await two.progress(id, writes), "none");
      assert.deepEqual(await counts(), before);
      assert.equal(await lab.catalog.namespaceProperties(["made"]), null);
    }
    const owned = await lab.store.owned(owner);
    assert.deepEqual(owned.map(({ table }) => table.join(".")), [
      "made.here.c",
      "shop.a",
      "shop.b",
    ]);
    await lab.store.drop(owned.map(({ table }) => table), owner);
    assert.deepEqual(await lab.catalog.namespaces([]), []);
    await lab.put(ROWS(9), { table: "lake.shop.a" });
    assert.deepEqual(await lab.rows("shop.a", "count(*)"), ['["20"]']);
  });

  Deno.test(`IcebergStore shares files and appends on top of others (${kind})`, async () => {
    await using lab = await IcebergLab.open(kind);
    await lab.put(ROWS(1), { table: "lake.dev_shop.a" }, {
      owner: { project: "shop", environment: "dev" },
    });
    const like = ["dev_shop", "a"];
    assert.equal((await lab.put(ROWS(1), { table: "lake.shop.a" }, { like })).shared, true);
    const { write, parquet } = await lab.write(ROWS(2), { table: "lake.shop.a", mode: "append" });
    await lab.store.stage("mine", write, parquet);
    await lab.put(ROWS(3), { table: "lake.shop.a", mode: "append" });
    await lab.store.swap("mine", [write]);
    assert.deepEqual(await lab.rows("shop.a", "count(*), sum(n)"), ['["60","120"]']);
  });
}

/** A catalog that gives a new table another place whenever it is asked, as Nessie does. */
function restless(catalog: Catalog): Catalog {
  return new Proxy(catalog, {
    get(target, name) {
      if (name === "defaultLocation") {
        return async (identifier: readonly string[]) =>
          `${await target.defaultLocation(identifier)}_${crypto.randomUUID()}`;
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

Deno.test("IcebergStore finds what is staged also where a new table's place is another one each time", async () => {
  await using lab = await IcebergLab.open();
  const store = () => new IcebergStore(restless(lab.catalog), "lake", lab.context);
  const { write, parquet } = await lab.write(ROWS(1));
  for (const turn of ["abort", "undo", "finish"] as const) {
    await store().stage(turn, write, parquet);
    assert.equal(await store().progress(turn, [write]), "staged");
    assert.deepEqual((await store().inspect([write.table])).map((state) => state.content_hash), [
      null,
    ]);
    if (turn !== "abort") await store().swap(turn, [write]);
    await store()[turn](turn, [write]);
    const isThere = await lab.catalog.load(write.table) !== null;
    assert.equal(isThere, turn === "finish");
  }
  assert.deepEqual(await lab.rows("shop.orders", "count(*)"), ['["20"]']);
});

Deno.test("two processes that replace one table: the second is told so and changes nothing", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(ROWS(1));
  const a = await lab.write(ROWS(2));
  const b = await lab.write(ROWS(3));
  await using other = await lab.reopen();
  await lab.store.stage("a", a.write, a.parquet);
  await other.stage("b", b.write, b.parquet);
  const results = await Promise.allSettled([
    lab.store.swap("a", [a.write]),
    other.swap("b", [b.write]),
  ]);
  const refused = results.filter((result) => result.status === "rejected").map((result) =>
    result.reason
  );
  assert.equal(refused.length, 1);
  assert.ok(
    refused[0] instanceof UserError && refused[0].code === "table_changed",
    String(refused[0]),
  );
  const [row] = await lab.rows("shop.orders", "count(DISTINCT n), count(*)");
  assert.equal(row, '["1","20"]');
});

Deno.test("appends of several processes at once are all there", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(ROWS(0, 1), { mode: "append" });
  const some = await Promise.all([1, 2, 3].map((n) => lab.write(ROWS(n), { mode: "append" })));
  for (const [i, { write, parquet }] of some.entries()) {
    await lab.store.stage(`p${i}`, write, parquet);
  }
  await Promise.all(some.map(async ({ write }, i) => {
    await using store = await lab.reopen();
    await store.swap(`p${i}`, [write]);
    await store.finish(`p${i}`, [write]);
  }));
  assert.deepEqual(await lab.rows("shop.orders", "count(*), sum(n)"), ['["61","120"]']);
});
