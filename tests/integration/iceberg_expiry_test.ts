import assert from "node:assert/strict";
import { expireSnapshots } from "../../src/iceberg/expire_snapshots.ts";
import { removeOrphans } from "../../src/iceberg/remove_orphans.ts";
import { IcebergLab } from "../support/iceberg.ts";

const ROWS = (n: number) => `SELECT i AS id, ${n} AS n FROM range(10) t(i)`;
const LATER = new Date("2100-01-01");
const DEV = { project: "shop", environment: "dev" };

/** Parquet files below a table. */
async function dataFiles(lab: IcebergLab, table: string): Promise<string[]> {
  const { storage, metadata } = await lab.load(table);
  const all = await Array.fromAsync(storage.list(`${metadata.location}/data`));
  return all.map((file) => file.location).sort();
}

Deno.test("expireSnapshots keeps the newest and what refs name, removes the files that nobody needs", async () => {
  await using lab = await IcebergLab.open();
  for (const n of [1, 2, 3, 4]) await lab.put(ROWS(n));
  const table = await lab.load();
  const [first] = table.metadata.snapshots;
  await lab.catalog.commit([{
    identifier: table.identifier,
    base: table,
    requirements: [],
    updates: [{
      action: "set-snapshot-ref",
      "ref-name": "audit",
      type: "tag",
      "snapshot-id": first!["snapshot-id"],
    }],
  }]);
  const rules = { olderThan: LATER, retainLast: 1, dryRun: true };
  const planned = await expireSnapshots(lab.catalog, table.identifier, rules);
  assert.equal((await dataFiles(lab, "shop.orders")).length, 4);
  const expired = await expireSnapshots(lab.catalog, table.identifier, { ...rules, dryRun: false });
  assert.deepEqual(expired, planned);
  assert.equal(expired.snapshotIds.length, 2);
  assert.equal((await dataFiles(lab, "shop.orders")).length, 2);
  assert.deepEqual(await lab.rows("shop.orders", "count(*), max(n)"), ['["10",4]']);
  const old = await lab.session.read(
    `SELECT max(n) FROM ${await lab.scan("shop.orders", first!["snapshot-id"])}`,
  );
  assert.deepEqual(old.rows, [[1]]);
  const none = await expireSnapshots(lab.catalog, table.identifier, {
    ...rules,
    olderThan: new Date(0),
  });
  assert.deepEqual(none.snapshotIds, []);
});

Deno.test("expireSnapshots and removeOrphans leave files that another environment's table lists", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(ROWS(1), { table: "lake.dev_shop.orders" }, { owner: DEV });
  const like = ["dev_shop", "orders"];
  assert.equal((await lab.put(ROWS(1), {}, { like })).shared, true);
  await lab.put(ROWS(2), { table: "lake.dev_shop.orders" }, { owner: DEV });
  const rules = { olderThan: LATER, retainLast: 1, dryRun: false };
  const expired = await expireSnapshots(lab.catalog, like, rules);
  assert.equal(expired.snapshotIds.length, 1);
  assert.ok(expired.files.every((file) => !file.endsWith(".parquet")));
  assert.deepEqual(await removeOrphans(lab.catalog, like, { olderThan: LATER, dryRun: false }), []);
  assert.deepEqual(await lab.rows("shop.orders", "count(*), max(n)"), ['["10",1]']);
  // Once production has gone on, they are orphans of the environment's folder.
  await lab.put(ROWS(3));
  await expireSnapshots(lab.catalog, ["shop", "orders"], rules);
  const shared = await removeOrphans(lab.catalog, like, { olderThan: LATER, dryRun: false });
  assert.equal(shared.length, 1);
  assert.match(shared[0] ?? "", /dev_shop.*\.parquet$/);
  assert.deepEqual(await lab.rows("dev_shop.orders", "max(n)"), ["[2]"]);
});

Deno.test("removeOrphans removes old strangers only, and nothing that is staged", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(ROWS(1));
  const { storage, metadata } = await lab.load();
  const stranger = `${metadata.location}/data/stranger.parquet`;
  await storage.write(stranger, new Uint8Array([1]));
  const { write, parquet } = await lab.write(ROWS(2));
  await lab.store.stage("pending", write, parquet);
  const identifier = ["shop", "orders"];
  assert.deepEqual(
    await removeOrphans(lab.catalog, identifier, { olderThan: new Date(0), dryRun: false }),
    [],
  );
  assert.deepEqual(
    await removeOrphans(lab.catalog, identifier, { olderThan: LATER, dryRun: true }),
    [stranger],
  );
  assert.deepEqual(
    await removeOrphans(lab.catalog, identifier, { olderThan: LATER, dryRun: false }),
    [stranger],
  );
  await lab.store.swap("pending", [write]);
  assert.deepEqual(await lab.rows("shop.orders", "max(n)"), ["[2]"]);
});
