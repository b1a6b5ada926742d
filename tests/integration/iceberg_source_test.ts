import assert from "node:assert/strict";
import { join } from "node:path";
import { openSession } from "../../src/engine/registry.ts";
import { ICEBERG_SOURCE } from "../../src/sources/iceberg.ts";
import type { DescribedTable, TableRead } from "../../src/sources/table_source.ts";
import type { Scalar } from "../../src/base/field_reader.ts";
import { IcebergLab } from "../support/iceberg.ts";

function request(
  params: Record<string, Scalar> = {},
  columnTypes: Record<string, string> = {},
): TableRead {
  return { table: "lake.shop.orders", params, columnTypes };
}

function context(lab: IcebergLab) {
  return { env: () => undefined, root: lab.root, temporaryDir: join(lab.root, "tmp") };
}

/** Describes and reads as a run does; the rows as text. */
async function readAll(
  lab: IcebergLab,
  read: TableRead,
  previous: { parquet: string; watermark: string } | null = null,
): Promise<{ described: DescribedTable; parquet: string; rows: string[]; count: number }> {
  await using reader = await ICEBERG_SOURCE.open(lab.connection, context(lab));
  const described = await reader.describe(read);
  const pin = await reader.pin(read);
  const temporaryDir = join(lab.root, "tmp");
  const parquet = join(temporaryDir, `${crypto.randomUUID()}.parquet`);
  // A worker's session sees its own folder only.
  await using session = await openSession({
    allowedDirs: [temporaryDir],
    temporaryDir,
    threads: 1,
  });
  const count = await ICEBERG_SOURCE.read(
    {
      source: "orders",
      connection: lab.connection,
      read,
      columns: described.columns,
      pin,
      previous,
      root: lab.root,
      temporaryDir,
    },
    parquet,
    session,
    context(lab),
  );
  const { rows } = await session.read(`SELECT * FROM '${parquet}'`);
  assert.equal(rows.length, count);
  return { described, parquet, count, rows: rows.map((row) => JSON.stringify(row)).sort() };
}

const ROWS = (from: number, to: number) =>
  `SELECT i AS id, TIMESTAMP '2026-01-01' + INTERVAL (i) DAY AS ts FROM range(${from}, ${to}) t(i)`;

Deno.test("ICEBERG_SOURCE reads the current rows; its token changes with the snapshot and is stable otherwise", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(ROWS(0, 3), { mode: "append" });
  const first = await readAll(lab, request());
  assert.deepEqual(first.described.columns, [{ name: "id", type: "BIGINT" }, {
    name: "ts",
    type: "TIMESTAMP",
  }]);
  assert.equal(first.count, 3);
  assert.equal((await readAll(lab, request())).described.token, first.described.token);
  await lab.put(ROWS(3, 5), { mode: "append" });
  const second = await readAll(lab, request({}, { id: "INTEGER" }));
  assert.notEqual(second.described.token, first.described.token);
  assert.match(second.described.reliesOn, /^snapshot \d+ of lake\.shop\.orders$/);
  assert.equal(second.described.columns[0]?.type, "INTEGER");
  assert.equal(second.count, 5);
});

Deno.test("ICEBERG_SOURCE reads snapshots, moments, branches and tags in the columns they had", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(ROWS(0, 3), { mode: "append" });
  await lab.put(`SELECT *, 'x' AS extra FROM (${ROWS(3, 5)})`, { mode: "append" });
  const table = await lab.load();
  const [first, second] = table.metadata.snapshots;
  await lab.catalog.commit([{
    identifier: table.identifier,
    base: table,
    requirements: [],
    updates: (["branch", "tag"] as const).map((type) => ({
      action: "set-snapshot-ref",
      "ref-name": `a_${type}`,
      type,
      "snapshot-id": first!["snapshot-id"],
    })),
  }]);
  const read = async (params: Record<string, Scalar>) => {
    const { described, count } = await readAll(lab, request(params));
    return [described.columns.length, count];
  };
  assert.deepEqual(await read({}), [3, 5]);
  assert.deepEqual(await read({ snapshot_id: String(first!["snapshot-id"]) }), [2, 3]);
  assert.deepEqual(await read({ as_of: new Date(second!["timestamp-ms"] - 1).toISOString() }), [
    2,
    3,
  ]);
  assert.deepEqual(await read({ as_of: "2100-01-01" }), [3, 5]);
  assert.deepEqual(await read({ ref: "a_tag" }), [2, 3]);
  assert.deepEqual(await read({ ref: "a_branch" }), [3, 3]);
  await assert.rejects(() => read({ ref: "nope" }), /no branch or tag "nope"/);
  await assert.rejects(() => read({ snapshot_id: "1" }), /has no snapshot 1/);
  await assert.rejects(() => read({ as_of: "2001-01-01" }), /had no rows at/);
});

Deno.test("ICEBERG_SOURCE goes on from a time, and from a snapshot unless rows were changed in between", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(ROWS(0, 3), { mode: "append" });
  for (const params of [{ time_column: "ts" }, { incremental: "snapshots" }]) {
    const start = await readAll(lab, request(params));
    const watermark = start.described.watermark ?? "";
    const ids = (await lab.rows("shop.orders", "max(id)"))[0] ?? "";
    const next = Number(JSON.parse(JSON.parse(ids)[0])) + 1;
    await lab.put(ROWS(next, next + 2), { mode: "append" });
    // A row that was read before is not read again: what is kept is the file.
    const kept = join(lab.root, "tmp", `${crypto.randomUUID()}.parquet`);
    await lab.session.run(
      `COPY (SELECT id + 1000 AS id, ts FROM '${start.parquet}') TO '${kept}' (FORMAT parquet)`,
    );
    const { rows, count } = await readAll(lab, request(params), { parquet: kept, watermark });
    assert.equal(count, start.count + 2);
    assert.equal(rows.filter((row) => Number(JSON.parse(row)[0]) >= 1000).length, start.count);
    const none = await readAll(lab, request(params), {
      parquet: kept,
      watermark: (await readAll(lab, request(params))).described.watermark ?? "",
    });
    assert.equal(none.count, start.count, JSON.stringify(params));
  }
  const start = await readAll(lab, request({ incremental: "snapshots" }));
  await lab.put("SELECT 0 AS id, TIMESTAMP '2027-01-01' AS ts", {
    mode: "upsert_by_key",
    unique_keys: ["id"],
  });
  const again = await readAll(lab, request({ incremental: "snapshots" }), {
    parquet: start.parquet,
    watermark: start.described.watermark ?? "",
  });
  assert.deepEqual(again.rows, await lab.rows());
});

Deno.test("ICEBERG_SOURCE.problem names what cannot be read", () => {
  const problem = (table: string | null, params: Record<string, Scalar> = {}) =>
    ICEBERG_SOURCE.problem({ table, params, columnTypes: {} })?.path.join(".") ?? null;
  assert.equal(problem("lake.shop.orders"), null);
  assert.equal(problem("shop.orders"), "table");
  assert.equal(problem(null), "table");
  assert.equal(problem("a.b.c", { snapshot_id: "12" }), null);
  assert.equal(problem("a.b.c", { snapshot_id: 3405397333955361300 }), "params.snapshot_id");
  assert.equal(problem("a.b.c", { snapshot_id: "x" }), "params.snapshot_id");
  assert.equal(problem("a.b.c", { as_of: "yesterday" }), "params.as_of");
  assert.equal(problem("a.b.c", { as_of: "2026-01-31 12:00:00+02" }), "params.as_of");
  assert.equal(problem("a.b.c", { as_of: "2026-01-31T12:00:00+0200" }), null);
  assert.equal(problem("a.b.c", { as_of: "2026-01-31", ref: "main" }), "params.ref");
  assert.equal(problem("a.b.c", { incremental: "rows" }), "params.incremental");
  assert.equal(
    problem("a.b.c", { incremental: "snapshots", time_column: "ts" }),
    "params.time_column",
  );
});

Deno.test("ICEBERG_SOURCE says which tables there are when one is not", async () => {
  await using lab = await IcebergLab.open();
  await lab.put(ROWS(0, 1));
  await using reader = await ICEBERG_SOURCE.open(lab.connection, context(lab));
  await assert.rejects(
    () => reader.describe({ table: "lake.shop.order", params: {}, columnTypes: {} }),
    (error: Error & { hint?: string; kind?: string }) =>
      error.kind === "validation" && /shop has: orders/.test(error.hint ?? ""),
  );
});
