import assert from "node:assert/strict";
import { parseMetadataFile } from "../../src/iceberg/metadata_json.ts";
import { planScan, scanSql } from "../../src/iceberg/scan.ts";
import { currentSchema, currentSnapshot, readManifests } from "../../src/iceberg/table_files.ts";
import { clickhouse } from "../support/clickhouse.ts";
import { IcebergLab } from "../support/iceberg.ts";

/** `icebergLocal(…)` of a table. */
function local(lab: IcebergLab, table: string): string {
  return `icebergLocal('${lab.root}/warehouse/${table.replaceAll(".", "/")}')`;
}

const KEYED =
  "SELECT i AS id, 'n' || i AS name, DATE '2026-01-01' + (i % 5)::INTEGER AS day FROM range";

Deno.test("ClickHouse reads the rows of every mode as we do", async () => {
  await using lab = await IcebergLab.open();
  const table = "lake.shop.orders";
  const steps: [string, Parameters<IcebergLab["put"]>[1]][] = [
    [`${KEYED}(20) t(i)`, { mode: "append" }],
    [`${KEYED}(20, 30) t(i)`, { mode: "append" }],
    [`SELECT i AS id, 'x' || i AS name, DATE '2026-02-01' AS day FROM range(25, 40) t(i)`, {
      mode: "upsert_by_key",
      unique_keys: ["id"],
    }],
    [`SELECT i AS id, 'late' AS name, DATE '2026-02-01' AS day FROM range(3) t(i)`, {
      mode: "incremental_by_time",
      time_column: "day",
    }],
    [`${KEYED}(7) t(i)`, { mode: "full" }],
  ];
  for (const [sql, spec] of steps) {
    await lab.put(sql, { ...spec, table });
    const ours = await lab.rows("shop.orders", "id, name, CAST(day AS VARCHAR)");
    const [theirs] = await clickhouse(lab.root, [
      `SELECT toString(id), name, toString(day) FROM ${local(lab, "shop.orders")}`,
    ]);
    assert.deepEqual(theirs?.sort(), ours, String(spec?.mode));
    assert.ok(ours.length > 0);
  }
});

Deno.test("ClickHouse reads and filters partitioned tables, and columns added and widened later", async () => {
  await using lab = await IcebergLab.open();
  const rows =
    `SELECT i::INTEGER AS id, ['a','b','c'][i % 3 + 1] AS region, TIMESTAMP '2026-01-01' + INTERVAL (i) HOUR AS ts FROM range(60) t(i)`;
  const spec = { mode: "append", partition_by: ["region", "day(ts)"] } as const;
  await lab.put(rows, spec);
  await lab.put(
    `SELECT (5000000000 + i)::BIGINT AS id, 'd' AS region, TIMESTAMP '2026-01-01' AS ts, 1.5::DOUBLE AS extra FROM range(4) t(i)`,
    spec,
  );
  const queries = [
    "SELECT toString(count()), toString(sum(id)), toString(count(extra)) FROM ALL_ROWS",
    "SELECT toString(count()), toString(sum(id)), toString(count(extra)) FROM ALL_ROWS WHERE region = 'b'",
    "SELECT toString(count()), toString(sum(id)), toString(count(extra)) FROM ALL_ROWS WHERE ts >= toDateTime64('2026-01-02 00:00:00', 6, 'UTC')",
    "SELECT toString(count()), toString(sum(id)), toString(count(extra)) FROM ALL_ROWS WHERE id > 4000000000",
  ];
  const theirs = await clickhouse(
    lab.root,
    queries.map((sql) => sql.replace("ALL_ROWS", local(lab, "shop.orders"))),
  );
  const scan = await lab.scan();
  for (
    const [i, where] of ["true", "region = 'b'", "ts >= TIMESTAMP '2026-01-02'", "id > 4000000000"]
      .entries()
  ) {
    const { rows } = await lab.session.read(
      `SELECT CAST(count(*) AS VARCHAR), CAST(sum(id) AS VARCHAR), CAST(count(extra) AS VARCHAR) FROM ${scan} WHERE ${where}`,
    );
    assert.deepEqual(theirs[i], rows.map((row) => JSON.stringify(row)), where);
  }
  const { metadata } = await lab.load();
  assert.equal(metadata.snapshots.at(-1)?.summary["total-records"], "64");
});

Deno.test("ClickHouse travels to our snapshots, and appends rows that we read", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(`${KEYED}(10) t(i)`, { mode: "append" });
  await lab.put(`${KEYED}(10, 15) t(i)`, { mode: "append" });
  const { metadata } = await lab.load();
  const first = metadata.snapshots[0]?.["snapshot-id"];
  const [then, inserted, now] = await clickhouse(lab.root, [
    `SELECT toString(count()) FROM ${
      local(lab, "shop.orders")
    } SETTINGS iceberg_snapshot_id = ${first}`,
    `INSERT INTO FUNCTION ${
      local(lab, "shop.orders")
    } SELECT 100, 'clickhouse', toDate('2026-03-01') SETTINGS allow_insert_into_iceberg = 1`,
    `SELECT toString(count()) FROM ${local(lab, "shop.orders")}`,
  ]);
  assert.deepEqual([then, inserted, now], [['["10"]'], [], ['["16"]']]);
  // ClickHouse knows no catalog: it leaves the newest metadata beside the others.
  const folder = `${lab.root}/warehouse/shop/orders/metadata`;
  const newest = [...Deno.readDirSync(folder)].filter((entry) =>
    entry.name.endsWith(".metadata.json")
  )
    .map((entry) => `${folder}/${entry.name}`)
    .map((path) => parseMetadataFile(Deno.readFileSync(path), path))
    .reduce((a, b) => a["last-sequence-number"] >= b["last-sequence-number"] ? a : b);
  assert.equal(newest.snapshots.length, 3);
  const { storage } = await lab.load();
  const plan = await planScan(storage, newest, currentSnapshot(newest), currentSchema(newest));
  const scan = await scanSql(plan, { session: lab.session, storage, cacheDir: lab.root });
  const { rows } = await lab.session.read(
    `SELECT count(*), max(id), CAST(max(day) AS VARCHAR), max(name) FILTER (id = 100) FROM ${scan}`,
  );
  assert.deepEqual(rows, [["16", "100", "2026-03-01", "clickhouse"]]);
});

Deno.test("many appends merge their manifests without losing a row, also for ClickHouse", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(`${KEYED}(3) t(i)`, { mode: "append" });
  const table = await lab.load();
  await lab.catalog.commit([{
    identifier: table.identifier,
    base: table,
    requirements: [],
    updates: [{ action: "set-properties", updates: { "commit.manifest.min-count-to-merge": "3" } }],
  }]);
  for (let n = 1; n <= 6; n++) {
    await lab.put(`${KEYED}(${n * 3}, ${n * 3 + 3}) t(i)`, { mode: "append" });
  }
  await lab.put(`SELECT 4 AS id, 'x' AS name, DATE '2026-01-01' AS day`, {
    mode: "upsert_by_key",
    unique_keys: ["id"],
  });
  const { metadata, storage } = await lab.load();
  assert.ok((await readManifests(storage, metadata.snapshots.at(-1)!)).length <= 4);
  const [row] = await lab.rows("shop.orders", "count(*), sum(id), max(name)");
  assert.equal(row, JSON.stringify(["21", "210", "x"]));
  const [theirs] = await clickhouse(lab.root, [
    `SELECT toString(count()), toString(sum(id)), max(name) FROM ${local(lab, "shop.orders")}`,
  ]);
  assert.deepEqual(theirs, [row]);
});
