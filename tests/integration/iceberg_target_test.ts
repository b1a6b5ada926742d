import assert from "node:assert/strict";
import { UserError } from "../../src/base/user_error.ts";
import { IcebergLab } from "../support/iceberg.ts";
import { expireSnapshots } from "../../src/iceberg/expire_snapshots.ts";
import { removeOrphans } from "../../src/iceberg/remove_orphans.ts";
import { planScan, scanSql } from "../../src/iceberg/scan.ts";
import { currentSchema, currentSnapshot } from "../../src/iceberg/table_files.ts";
import { stageTable } from "../../src/iceberg/stage_table.ts";
import { ICEBERG_TARGET } from "../../src/targets/iceberg.ts";

/** Files below the warehouse, relative to it. */
async function files(lab: IcebergLab): Promise<string[]> {
  const { storage } = await anyStorage(lab);
  const found = await Array.fromAsync(storage.list(`file://${lab.root}/warehouse`));
  return found.map((file) => file.location.slice(`file://${lab.root}/warehouse/`.length)).sort();
}

async function anyStorage(lab: IcebergLab) {
  return { storage: await lab.catalog.storageFor(`file://${lab.root}/warehouse`) };
}

const THREE = "SELECT i AS id, 'v' || i AS name FROM range(3) t(i)";
const FIVE = "SELECT i AS id, 'w' || i AS name FROM range(5) t(i)";

Deno.test("ICEBERG_TARGET.tableIn prefixes the first namespace and refuses names of two parts", () => {
  const of = (table: string, environment: string | null) =>
    ICEBERG_TARGET.tableIn(
      { type: "iceberg", connection: table.split(".")[0] ?? "", table, mode: "full" },
      environment,
    );
  assert.deepEqual(of("atlas.shop.orders", null), {
    table: ["shop", "orders"],
    target: "atlas.shop.orders",
  });
  assert.deepEqual(of("atlas.shop.eu.orders", "my-dev"), {
    table: ["my_dev_shop", "eu", "orders"],
    target: "atlas.my_dev_shop.eu.orders",
  });
  for (const table of ["shop.orders", "orders", "atlas..orders", "atlas.sh op.orders"]) {
    assert.ok("problem" in of(table, null), table);
  }
});

Deno.test("stage leaves the table as it is, swap brings the rows, undo brings back exactly what was", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(THREE, { mode: "append" });
  const before = await lab.load();
  const rows = await lab.rows();
  const kept = await files(lab);
  for (const mode of ["full", "append", "upsert_by_key"] as const) {
    const { write, parquet } = await lab.write(
      "SELECT i AS id, 'w' || i AS name, 1.5::DOUBLE AS extra FROM range(5) t(i)",
      { mode, ...(mode === "upsert_by_key" ? { unique_keys: ["id"] } : {}) },
    );
    const id = lab.nextBatch();
    assert.equal(await lab.store.progress(id, [write]), "none");
    const staged = await lab.store.stage(id, write, parquet);
    assert.deepEqual([staged.rows, staged.shared], [5, false]);
    assert.ok(staged.checksum);
    assert.deepEqual(await lab.store.stage(id, write, parquet), staged);
    assert.deepEqual(await lab.rows(), rows);
    assert.equal(await lab.store.progress(id, [write]), "staged");
    await using other = await lab.reopen();
    await other.swap(id, [write]);
    await other.swap(id, [write]);
    assert.equal(await other.progress(id, [write]), "swapped");
    const counts = { full: 5, append: 8, upsert_by_key: 5 };
    assert.equal((await lab.rows()).length, counts[mode]);
    const [state] = await lab.store.inspect([write.table]);
    assert.equal(state?.content_hash, write.content_hash);
    await lab.store.undo(id, [write]);
    await lab.store.undo(id, [write]);
    assert.equal(await lab.store.progress(id, [write]), "none");
    assert.deepEqual(await lab.rows(), rows, mode);
    const { metadata } = await lab.load();
    assert.equal(metadata["current-snapshot-id"], before.metadata["current-snapshot-id"]);
    assert.equal(metadata["current-schema-id"], before.metadata["current-schema-id"]);
    assert.deepEqual(metadata.properties, before.metadata.properties);
    const left = (await files(lab)).filter((file) => !file.endsWith(".metadata.json"));
    assert.deepEqual(left, kept.filter((file) => !file.endsWith(".metadata.json")), mode);
  }
});

Deno.test("undo and abort of a table that the batch makes leave nothing, not even its namespace", async () => {
  await using lab = await IcebergLab.open();
  const { write, parquet } = await lab.write(THREE, { table: "lake.dev_shop.orders" });
  await lab.store.stage("b1", write, parquet);
  await lab.store.abort("b1", [write]);
  assert.deepEqual(await files(lab), []);
  await lab.store.stage("b2", write, parquet);
  await lab.store.swap("b2", [write]);
  assert.equal((await lab.rows("dev_shop.orders")).length, 3);
  await lab.store.undo("b2", [write]);
  assert.equal(await lab.catalog.load(["dev_shop", "orders"]), null);
  assert.deepEqual(await files(lab), []);
  assert.deepEqual(await lab.catalog.namespaces([]), []);
});

Deno.test("several tables are swapped in one commit, or none of them is", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(THREE, { table: "lake.shop.a" });
  await lab.put(THREE, { table: "lake.shop.b" });
  const a = await lab.write(FIVE, { table: "lake.shop.a" });
  const b = await lab.write(FIVE, { table: "lake.shop.b" });
  for (const { write, parquet } of [a, b]) await lab.store.stage("both", write, parquet);
  await lab.put("SELECT 9 AS id, 'other' AS name", { table: "lake.shop.b", mode: "append" });
  await assert.rejects(
    () => lab.store.swap("both", [a.write, b.write]),
    (error: unknown) => error instanceof UserError && error.code === "table_changed",
  );
  assert.equal((await lab.rows("shop.a")).length, 3);
  assert.equal(await lab.store.progress("both", [a.write, b.write]), "staged");
  await lab.store.abort("both", [a.write, b.write]);
  for (const { write, parquet } of [a, b]) await lab.store.stage("again", write, parquet);
  await lab.store.swap("again", [a.write, b.write]);
  assert.deepEqual([(await lab.rows("shop.a")).length, (await lab.rows("shop.b")).length], [5, 5]);
});

Deno.test("append goes on top of what others committed meanwhile, and undo then refuses or keeps theirs", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(THREE, { mode: "append" });
  const { write, parquet } = await lab.write(FIVE, { mode: "append" });
  await lab.store.stage("mine", write, parquet);
  await lab.put("SELECT 100 AS id, 'theirs' AS name", { mode: "append" });
  await lab.store.swap("mine", [write]);
  assert.equal((await lab.rows()).length, 9);
  await lab.store.undo("mine", [write]);
  assert.equal((await lab.rows()).length, 4);
  await lab.store.stage("mine2", write, parquet);
  await lab.store.swap("mine2", [write]);
  const table = await lab.load();
  // Somebody else, who knows nothing of batches, commits.
  const snapshot = table.metadata.snapshots.at(-1)!;
  await lab.catalog.commit([{
    identifier: ["shop", "orders"],
    base: table,
    requirements: [],
    updates: [
      {
        action: "add-snapshot",
        snapshot: {
          ...snapshot,
          "snapshot-id": 7n,
          "parent-snapshot-id": snapshot["snapshot-id"],
          "sequence-number": snapshot["sequence-number"] + 1,
          summary: { operation: "append" },
        },
      },
      { action: "set-snapshot-ref", "ref-name": "main", type: "branch", "snapshot-id": 7n },
    ],
  }]);
  await assert.rejects(
    () => lab.store.undo("mine2", [write]),
    (error: unknown) => error instanceof UserError && error.code === "undo_conflict",
  );
  const [state] = await lab.store.inspect([write.table]);
  assert.equal(state?.content_hash, write.content_hash, "appended last by Seeknal");
});

Deno.test("check refuses foreign tables, lossy schema changes, missing columns and what a policy forbids", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(THREE, { mode: "append" });
  const codes = async (sql: string, spec = {}, more = {}) => {
    const { write } = await lab.write(sql, spec, more);
    return (await lab.store.check([write])).map((problem) => problem.code);
  };
  const other = { owner: { project: "shop", environment: "dev" } };
  assert.deepEqual(await codes(THREE, { mode: "append" }), []);
  assert.deepEqual(await codes(THREE, {}, other), ["foreign_table"]);
  assert.deepEqual(await codes("SELECT 'x' AS id, 'y' AS name"), ["schema_change_refused"]);
  assert.deepEqual(await codes("SELECT 1::BIGINT AS id"), ["schema_change_refused"]);
  assert.deepEqual(await codes("SELECT 'x' AS id", {}, { schema_evolution: "auto" }), []);
  assert.deepEqual(
    await codes("SELECT 'x' AS id", { mode: "append" }, { schema_evolution: "auto" }),
    ["schema_change_refused"],
  );
  assert.deepEqual(
    await codes(`SELECT *, 1 AS more FROM (${THREE})`, {}, { schema_evolution: "strict" }),
    ["schema_change_refused"],
  );
  assert.deepEqual(await codes(THREE, { mode: "upsert_by_key", unique_keys: ["nope"] }), [
    "missing_column",
  ]);
  assert.deepEqual(await codes(THREE, { mode: "overwrite_partitions" }), ["no_partitions"]);
  assert.deepEqual(await codes(THREE, { partition_by: ["day(name)"] }), ["invalid_partition"]);
  assert.deepEqual(await codes(THREE, { partition_by: ["bucket(4, id)"] }), []);
  assert.deepEqual(await codes("SELECT INTERVAL 1 DAY AS v", { table: "lake.shop.new" }), [
    "unsupported_type",
  ]);
  const table = await lab.load();
  await lab.catalog.commit([{
    identifier: table.identifier,
    base: table,
    requirements: [],
    updates: [{
      action: "remove-properties",
      removals: ["seeknal.project", "seeknal.environment"],
    }],
  }]);
  assert.deepEqual(await codes(THREE), ["foreign_table"]);
  assert.deepEqual(await codes(THREE, { existing: "adopt" }), []);
});

Deno.test("schema evolution with auto drops and replaces columns under new ids, and old snapshots keep theirs", async () => {
  await using lab = await IcebergLab.open();
  await lab.put("SELECT 1 AS a, 'x' AS b, {p: 1, q: 'old'} AS s");
  await lab.put("SELECT DATE '2026-01-01' AS a, {p: 5000000000::BIGINT, r: true} AS s", {}, {
    schema_evolution: "auto",
  });
  assert.deepEqual(await lab.rows(), ['["2026-01-01",{"p":"5000000000","r":true}]']);
  const { metadata } = await lab.load();
  const names = metadata.schemas.map((schema) => schema.fields.map((f) => `${f.id} ${f.name}`));
  assert.deepEqual(names[0], ["1 a", "2 b", "3 s"]);
  assert.deepEqual(names[1]?.length, 2);
  assert.ok(!names[1]?.includes("1 a"));
  assert.ok(names[1]?.includes("3 s"));
});

Deno.test("keys that are NULL or doubled fail an upsert, or follow the policy", async () => {
  await using lab = await IcebergLab.open();
  const rows =
    "SELECT * FROM (VALUES (1, 'a'), (NULL, 'none'), (2, 'first'), (2, 'last')) t(id, name)";
  const upsert = { mode: "upsert_by_key", unique_keys: ["id"] } as const;
  await assert.rejects(() => lab.put(rows, upsert), /1 row has no key/);
  await assert.rejects(
    () => lab.put(rows, { ...upsert, null_keys: "skip" }),
    /1 key has several rows/,
  );
  const staged = await lab.put(rows, { ...upsert, null_keys: "skip", duplicate_keys: "last" });
  assert.equal(staged.rows, 2);
  assert.deepEqual(await lab.rows(), ['[1,"a"]', '[2,"last"]']);
  await lab.put("SELECT 2 AS id, NULL AS name UNION ALL SELECT 3, 'c'", upsert);
  assert.deepEqual(await lab.rows(), ['[1,"a"]', "[2,null]", '[3,"c"]']);
});

Deno.test("production lists the files of an environment that holds the very content, and keeps them when that is dropped", async () => {
  await using lab = await IcebergLab.open();
  const dev = { project: "shop", environment: "dev" };
  const spec = { partition_by: ["bucket(2, id)"] };
  await lab.put(FIVE, { ...spec, table: "lake.dev_shop.orders" }, { owner: dev });
  const like = ["dev_shop", "orders"];
  assert.equal((await lab.put(FIVE, spec, { like })).shared, true);
  assert.deepEqual(await lab.rows(), await lab.rows("dev_shop.orders"));
  const production = (await files(lab)).filter((file) =>
    file.startsWith("shop/") && file.endsWith(".parquet")
  );
  assert.deepEqual(production, []);
  assert.equal((await lab.put(THREE, spec, { like })).shared, false, "other content");
  assert.equal((await lab.put(FIVE, spec, { like })).shared, true, "again");
  assert.equal(
    (await lab.put(FIVE, { partition_by: [] }, { like })).shared,
    false,
    "other partitions",
  );
  await lab.put(FIVE, spec, { like });
  await lab.store.drop([like], dev);
  assert.equal((await lab.rows()).length, 5);
  assert.deepEqual(await lab.store.owned(dev), []);
  assert.deepEqual(await lab.catalog.namespaces([]), [["shop"]]);
  const rest = (await files(lab)).filter((file) => file.startsWith("dev_shop/"));
  assert.ok(rest.length > 0 && rest.every((file) => file.endsWith(".parquet")), rest.join());
});

Deno.test("drop leaves the tables of others", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(THREE);
  await lab.store.drop([["shop", "orders"]], { project: "shop", environment: "dev" });
  assert.equal((await lab.rows()).length, 3);
  const owned = await lab.store.owned({ project: "shop", environment: "prod" });
  assert.deepEqual(owned.map((state) => state.table), [["shop", "orders"]]);
});

Deno.test("revert goes back to the snapshot that held the content, and undo forward again", async () => {
  await using lab = await IcebergLab.open();
  const first = await lab.write(THREE, { mode: "append" });
  await lab.put(THREE, { mode: "append" });
  await lab.put(`SELECT *, 1 AS extra FROM (${FIVE})`, { mode: "append" });
  const all = await lab.rows();
  const revert = { ...first.write, action: "revert" as const };
  assert.deepEqual(await lab.store.check([revert]), []);
  await lab.store.stage("back", revert, first.parquet);
  await lab.store.swap("back", [revert]);
  await lab.store.swap("back", [revert]);
  assert.equal((await lab.rows()).length, 3);
  const [state] = await lab.store.inspect([revert.table]);
  assert.equal(state?.content_hash, first.write.content_hash);
  await lab.store.undo("back", [revert]);
  assert.deepEqual(await lab.rows(), all);
  const never = { ...revert, content_hash: "never" };
  assert.deepEqual((await lab.store.check([never])).map(({ code }) => code), ["cannot_revert"]);
});

Deno.test("an output without a planned column is refused, and nothing of it stays", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(THREE);
  const before = await files(lab);
  const { write, parquet } = await lab.write(FIVE);
  await assert.rejects(
    () =>
      lab.store.stage("bad", { ...write, columns: [{ name: "gone", type: "INTEGER" }] }, parquet),
    /has no column gone/,
  );
  assert.deepEqual(await files(lab), before);
});

Deno.test("stageTable refuses rows that the storage changed or lost", async () => {
  await using lab = await IcebergLab.open();
  const { write, parquet } = await lab.write(FIVE);
  const { storage } = await anyStorage(lab);
  const location = `file://${lab.root}/warehouse/shop/orders`;
  /** A store behind a network that brings something else up than it was given. */
  const damaging = (sql: string) => ({
    read: storage.read.bind(storage),
    write: storage.write.bind(storage),
    download: storage.download.bind(storage),
    stat: storage.stat.bind(storage),
    list: storage.list.bind(storage),
    remove: storage.remove.bind(storage),
    localPath: () => null,
    upload: async (path: string, to: string) => {
      const other = `${lab.root}/tmp/damaged.parquet`;
      await lab.session.run(
        `COPY (${sql.replace("FILE", `'${path}'`)}) TO '${other}' (FORMAT parquet)`,
      );
      await storage.upload(other, to);
    },
  });
  const stage = (sql: string, changes: Partial<typeof write.spec> = {}) =>
    stageTable({
      batch: "b",
      write: { ...write, spec: { ...write.spec, ...changes } },
      parquet,
      table: null,
      location,
      storage: damaging(sql),
      like: null,
      temporaryDir: `${lab.root}/tmp/${crypto.randomUUID()}`,
    });
  const failed = (what: RegExp) => (error: unknown) =>
    error instanceof UserError && error.code === "validation_failed" && what.test(error.message);
  const changed = "SELECT id + (id = 3)::INTEGER AS id, name FROM FILE";
  await assert.rejects(() => stage(changed), failed(/not those of transform\.orders \(checksum/));
  await assert.rejects(
    () => stage("FROM FILE LIMIT 4"),
    failed(/4 rows are staged, transform\.orders has 5/),
  );
  assert.equal((await stage("FROM FILE")).rows, 5);
  assert.equal((await stage(changed, { validation: { checksum: false } })).checksum, null);
});

Deno.test("collectGarbage removes what dead batches staged and leaves pending ones", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(THREE);
  const kept = await files(lab);
  const one = await lab.write(FIVE);
  const two = await lab.write(FIVE, { table: "lake.dev_shop.x" }, {
    owner: { project: "shop", environment: "dev" },
  });
  await lab.store.stage("dead", one.write, one.parquet);
  await lab.store.stage("dead2", two.write, two.parquet);
  const options = {
    live: new Set<string>(),
    project: "shop",
    expireBefore: null,
    keepSnapshots: 1,
    dryRun: false,
  };
  assert.equal(
    (await lab.store.collectGarbage({ ...options, pending: new Set(["dead", "dead2"]) })).length,
    0,
  );
  assert.equal(
    (await lab.store.collectGarbage({ ...options, pending: new Set(), dryRun: true })).length,
    2,
  );
  assert.equal((await lab.store.collectGarbage({ ...options, pending: new Set() })).length, 2);
  assert.deepEqual(await files(lab), kept);
  assert.equal((await lab.store.collectGarbage({ ...options, pending: new Set() })).length, 0);
  await lab.store.stage("done", one.write, one.parquet);
  await lab.store.swap("done", [one.write]);
  await lab.store.collectGarbage({ ...options, pending: new Set() });
  assert.equal((await lab.rows()).length, 5);
});

Deno.test("a column that must have values refuses rows without, and gc.enabled false keeps every file", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(THREE, { mode: "append" });
  const table = await lab.load();
  const schema = table.metadata.schemas[0]!;
  await lab.catalog.commit([{
    identifier: table.identifier,
    base: table,
    requirements: [],
    updates: [
      {
        action: "add-schema",
        schema: {
          ...schema,
          "schema-id": 1,
          fields: schema.fields.map((field) => ({ ...field, required: true })),
        },
        "last-column-id": 2,
      },
      { action: "set-current-schema", "schema-id": -1 },
      { action: "set-properties", updates: { "gc.enabled": "false" } },
    ],
  }]);
  await assert.rejects(
    () => lab.put("SELECT 1::BIGINT AS id, NULL::VARCHAR AS name", { mode: "append" }),
    /column name must have values, and 1 rows have none/,
  );
  await lab.put(FIVE, { mode: "append" });
  assert.equal((await lab.rows()).length, 8);
  const rules = { olderThan: new Date("2100-01-01"), retainLast: 1, dryRun: false };
  await assert.rejects(
    () => expireSnapshots(lab.catalog, table.identifier, rules),
    /gc\.enabled is false/,
  );
  await assert.rejects(
    () => removeOrphans(lab.catalog, table.identifier, rules),
    /gc\.enabled is false/,
  );
  const before = await files(lab);
  await lab.store.drop([table.identifier], { project: "shop", environment: "prod" });
  assert.deepEqual(await files(lab), before);
  assert.equal(await lab.catalog.load(table.identifier), null);
});

Deno.test("a path with a pattern's characters is read as the file that it names", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(THREE, { mode: "append" });
  const { storage, metadata } = await lab.load();
  const plan = await planScan(
    storage,
    metadata,
    currentSnapshot(metadata),
    currentSchema(metadata),
  );
  const [scan] = plan.files;
  const odd = `${metadata.location}/data/g=[x]*/a.parquet`;
  await storage.upload(storage.localPath(scan!.file.path)!, odd);
  const sql = await scanSql(
    { ...plan, files: [{ ...scan!, file: { ...scan!.file, path: odd } }] },
    {
      session: lab.session,
      storage,
      cacheDir: `${lab.root}/tmp`,
      fileColumn: "f",
    },
  );
  const { rows } = await lab.session.read(`SELECT count(*), any_value(f) FROM ${sql}`);
  assert.deepEqual(rows, [["3", odd]]);
});
