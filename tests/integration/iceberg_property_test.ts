import assert from "node:assert/strict";
import type { MaterializationSpec } from "../../src/model/materialization.ts";
import { clickhouse } from "../support/clickhouse.ts";
import { IcebergLab } from "../support/iceberg.ts";
import { randomNumbers } from "../support/random.ts";

/** A sequence of writes on a table and on a model of it in DuckDB must give the same rows after every step. */
const SEEDS = Number(Deno.env.get("SEEKNAL_ICEBERG_SEEDS") ?? 6);
const STEPS = 10;

const COLUMNS = "id, g, ts, name";
const PARTITIONINGS: readonly (readonly string[])[] = [
  [],
  ["g"],
  ["day(ts)"],
  ["bucket(3, id)", "g"],
  ["truncate(2, name)"],
  ["month(ts)", "truncate(10, id)"],
];

for (let seed = 1; seed <= SEEDS; seed++) {
  Deno.test(`IcebergStore agrees with a model after random writes (seed ${seed})`, async () => {
    await using lab = await IcebergLab.open();
    const random = randomNumbers(seed);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
    let partitioning = pick(PARTITIONINGS);
    const { session } = lab;
    await session.run("CREATE TABLE model (id BIGINT, g VARCHAR, ts TIMESTAMP, name VARCHAR)");
    const shared = () => ({ partition_by: partitioning });
    for (let step = 0; step < STEPS; step++) {
      const count = pick([0, 1, 3, 20, 50]);
      const offset = Math.floor(random() * 60);
      const rows =
        `SELECT (i * 7 + ${offset}) % 90 AS id, CASE WHEN i % 6 = 5 THEN NULL ELSE 'g' || (i + ${offset}) % 4 END AS g,
        TIMESTAMP '2025-12-28' + INTERVAL ((i * 5 + ${offset}) % 300) HOUR AS ts, CASE WHEN i % 5 = 4 THEN NULL ELSE chr(97 + (i + ${offset})::INTEGER % 5) || 'ü' || i END AS name
        FROM range(${count}) t(i)`;
      await session.run(`CREATE OR REPLACE TABLE batch AS ${rows}`);
      if (random() < 0.15) partitioning = pick(PARTITIONINGS);
      const modes: MaterializationSpec["mode"][] = [
        "append",
        "append",
        "upsert_by_key",
        "incremental_by_time",
        "full",
      ];
      if (partitioning.length === 1 && partitioning[0] === "g") {
        modes.push("overwrite_partitions", "overwrite_partitions");
      }
      if (partitioning[0] === "day(ts)") modes.push("overwrite_partitions", "overwrite_partitions");
      const mode = pick(modes);
      const spec: Partial<MaterializationSpec> = {
        ...shared(),
        mode,
        ...(mode === "upsert_by_key" ? { unique_keys: ["id"], duplicate_keys: "last" } : {}),
        ...(mode === "incremental_by_time" ? { time_column: "ts" } : {}),
      };
      await lab.put("SELECT * FROM batch", spec);
      const remove = {
        append: "false",
        full: "true",
        view: "false",
        upsert_by_key: "id IN (SELECT id FROM batch)",
        incremental_by_time:
          "ts BETWEEN (SELECT min(ts) FROM batch) AND (SELECT max(ts) FROM batch) AND CAST(ts AS DATE) IN (SELECT CAST(ts AS DATE) FROM batch)",
        overwrite_partitions: partitioning[0] === "g"
          ? "EXISTS (SELECT 1 FROM batch b WHERE b.g IS NOT DISTINCT FROM model.g)"
          : "CAST(ts AS DATE) IN (SELECT CAST(ts AS DATE) FROM batch)",
      }[mode];
      await session.run(`DELETE FROM model WHERE ${remove}`);
      await session.run(
        mode === "upsert_by_key"
          ? `INSERT INTO model SELECT ${COLUMNS} FROM (SELECT *, rowid AS r FROM batch) QUALIFY row_number() OVER (PARTITION BY id ORDER BY r DESC) = 1`
          : "INSERT INTO model FROM batch",
      );
      const expected = (await session.read(`SELECT ${COLUMNS} FROM model`)).rows
        .map((row) => JSON.stringify(row)).sort();
      assert.deepEqual(
        await lab.rows("shop.orders", COLUMNS),
        expected,
        `seed ${seed}, step ${step}: ${mode} of ${count} rows, partitioned by ${partitioning}`,
      );
      const { metadata } = await lab.load();
      const summary = metadata.snapshots.find((s) =>
        s["snapshot-id"] === metadata["current-snapshot-id"]
      )?.summary;
      assert.equal(summary?.["total-records"], String(expected.length));
    }
    // An independent engine reads what all of these writes have left.
    const [theirs] = await clickhouse(lab.root, [
      `SELECT toString(id), g, toString(ts), name FROM icebergLocal('${lab.root}/warehouse/shop/orders')`,
    ]);
    const ours = await lab.rows(
      "shop.orders",
      "CAST(id AS VARCHAR), g, strftime(ts, '%Y-%m-%d %H:%M:%S.%f'), name",
    );
    assert.deepEqual(theirs?.sort(), ours, "ClickHouse");
    await checkElsewhere(lab);
  });
}

/** Lets a program named by SEEKNAL_ICEBERG_READER compare: given the folder of catalog and warehouse, it prints the rows' number and sum of ids. */
async function checkElsewhere(lab: IcebergLab): Promise<void> {
  const program = Deno.env.get("SEEKNAL_ICEBERG_READER");
  if (program === undefined) return;
  const { code, stderr, stdout } = await new Deno.Command(program, { args: [lab.root] }).output();
  const decoder = new TextDecoder();
  assert.equal(code, 0, decoder.decode(stderr));
  const [row = ""] = await lab.rows("shop.orders", "count(*), coalesce(sum(id), 0)");
  assert.equal(decoder.decode(stdout).trim(), JSON.parse(row).join(" "));
}
