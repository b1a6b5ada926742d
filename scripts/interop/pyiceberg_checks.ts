import { join } from "node:path";
import type { SeeknalPeer } from "./peer.ts";
import { run } from "./programs.ts";
import { equal, type Report } from "./report.ts";

/** How pyiceberg finds a catalog. */
export interface PyicebergPeer {
  readonly python: string;
  readonly properties: Readonly<Record<string, string>>;
}

type Op = Readonly<Record<string, unknown>> & { readonly op: string };

/** Rows with the types that both sides know, `count` from `first` on. */
function rowsSql(first: number, count: number): string {
  return `SELECT i::BIGINT AS id, CASE WHEN i % 7 = 6 THEN NULL ELSE (i % 100)::INTEGER END AS small,
    CASE WHEN i % 7 = 6 THEN NULL ELSE 'näme ' || i || ' ''"' END AS name,
    ['north', 'south', 'a/b c'][i % 3 + 1] AS region,
    CASE WHEN i % 7 = 6 THEN NULL ELSE (i * 7 - 50)::DECIMAL(10,2) / 100 END::DECIMAL(10,2) AS price,
    CASE WHEN i % 7 = 6 THEN NULL ELSE i / 3.0::DOUBLE END AS ratio, i % 2 = 0 AS ok,
    DATE '2026-01-01' + (i % 40)::INTEGER AS day,
    TIMESTAMP '2026-01-01 12:30:00.123456' + INTERVAL (i) HOUR AS ts,
    TIMESTAMPTZ '2026-01-01 12:30:00.123456+00' + INTERVAL (i) HOUR AS zoned,
    ('\\x' || lpad(hex(i % 256), 2, '0'))::BLOB AS bytes,
    CASE WHEN i % 7 = 6 THEN NULL ELSE ['x', i::VARCHAR] END AS tags
    FROM range(${first}, ${first + count}) t(i)`;
}

const KEYED = (first: number, count: number, word: string) =>
  `SELECT i::BIGINT AS id, '${word}' || i AS name, DATE '2026-01-01' + (i % 9)::INTEGER AS day FROM range(${first}, ${
    first + count
  }) t(i)`;

/** Filters in pyiceberg's words and in SQL. */
const FILTERS = [
  ["id >= 40 and id < 55", "id >= 40 AND id < 55"],
  ["region == 'a/b c'", "region = 'a/b c'"],
  ["day == '2026-01-05'", "day = DATE '2026-01-05'"],
  ["ts >= '2026-01-02T00:00:00'", "ts >= TIMESTAMP '2026-01-02'"],
  ["price < 1.50", "price < 1.5"],
  ["name is null", "name IS NULL"],
] as const;

/** Runs all checks between Seeknal and pyiceberg over one catalog. `folder` is for files, `prefix` for namespaces. */
export async function pyicebergChecks(
  report: Report,
  seeknal: SeeknalPeer,
  peer: PyicebergPeer,
  folder: string,
  prefix: string,
): Promise<void> {
  const file = (name: string) => join(folder, `${prefix}-${name}.parquet`);
  const py = async (...ops: Op[]): Promise<unknown[]> => {
    const request = JSON.stringify({ name: "atlas", properties: peer.properties, ops });
    const script = join(import.meta.dirname ?? ".", "pyiceberg_peer.py");
    return JSON.parse(await run(peer.python, [script], request));
  };
  /** Both read the same rows of a table. */
  const same = async (table: string, expected?: number): Promise<void> => {
    const to = file(`${table}-theirs`);
    const [count] = await py({ op: "read", table, to });
    if (expected !== undefined) equal(count, expected, "rows that pyiceberg reads");
    equal(await seeknal.difference(await seeknal.scan(table), `read_parquet('${to}')`), 0);
  };

  const partitions = [
    ["plain", []],
    ["parts", ["region", "day(ts)", "bucket(4, id)"]],
    ["wide", ["month(day)", "truncate(2, region)"]],
  ] as const;
  for (const [name, partition_by] of partitions) {
    const table = `${prefix}.${name}`;
    const spec = partition_by.length === 0 ? {} : { partition_by };
    await report.check(`pyiceberg reads and filters what we wrote: ${table}`, async () => {
      await seeknal.put(table, rowsSql(0, 100), { mode: "append", ...spec });
      await seeknal.put(table, rowsSql(100, 30), { mode: "append", ...spec });
      await same(table, 130);
      const ours = await seeknal.scan(table);
      for (const [i, [filter, where]] of FILTERS.entries()) {
        const to = file(`${name}-filter-${i}`);
        await py({ op: "read", table, filter, to });
        const filtered = `(SELECT * FROM ${ours} WHERE ${where})`;
        equal(await seeknal.difference(filtered, `read_parquet('${to}')`), 0, filter);
      }
    });
    await report.check(
      `pyiceberg appends to it and deletes from it, and we read that`,
      async () => {
        await py({ op: "append", table, first: 500, rows: 50 });
        await same(table, 180);
        await py({ op: "delete", table, filter: "id < 20" });
        await same(table, 160);
        await seeknal.put(table, rowsSql(900, 10), { mode: "append", ...spec });
        await same(table, 170);
      },
    );
  }

  await report.check("pyiceberg reads what every mode left", async () => {
    const table = `${prefix}.modes`;
    const all = { existing: "adopt" } as const;
    await seeknal.put(table, KEYED(0, 50, "a"), { mode: "full", ...all });
    await same(table, 50);
    await seeknal.put(table, KEYED(40, 30, "b"), { mode: "upsert_by_key", unique_keys: ["id"] });
    await same(table, 70);
    const byTime = { mode: "incremental_by_time", time_column: "day" } as const;
    await seeknal.put(table, KEYED(0, 9, "late"), byTime);
    await same(table, 9);
    await seeknal.put(table, KEYED(0, 12, "c"), { mode: "full" });
    await same(table, 12);
  });

  await report.check(
    "pyiceberg reads columns that were added and widened, we one renamed",
    async () => {
      const table = `${prefix}.evolved`;
      await seeknal.put(table, "SELECT i::INTEGER AS id, 'a' AS name FROM range(9) t(i)", {
        mode: "append",
      });
      await seeknal.put(
        table,
        "SELECT (5000000000 + i)::BIGINT AS id, 'b' AS name, 1.5::DOUBLE AS extra FROM range(9) t(i)",
        { mode: "append" },
      );
      await same(table, 18);
      await py({ op: "rename_column", table, from: "name", to: "label" });
      await same(table, 18);
    },
  );

  await report.check("we read what pyiceberg made, with and without partitions", async () => {
    for (const partitioned of [false, true]) {
      const table = `${prefix}.theirs_${partitioned}`;
      const expected = file(`${table}-expected`);
      await py({ op: "create", table, rows: 100, partitioned, expected });
      equal(await seeknal.difference(await seeknal.scan(table), `read_parquet('${expected}')`), 0);
      await py({ op: "delete", table, filter: "id >= 90" });
      await same(table, 90);
    }
  });

  await report.check("we adopt a table of pyiceberg and append to it", async () => {
    const table = `${prefix}.theirs_true`;
    const columns = rowsSql(200, 25);
    await seeknal.put(table, columns, { mode: "append", existing: "adopt" });
    await same(table, 115);
  });

  await report.check("pyiceberg finds our history: snapshots, files, totals", async () => {
    const table = `${prefix}.plain`;
    const [summary] = await py({ op: "summary", table }) as [Record<string, unknown>];
    equal(summary.total, "170", "total-records");
    if (Number(summary.snapshots) < 4) throw new Error(`only ${summary.snapshots} snapshots`);
  });

  await report.check("both append at the same time, and nothing is lost", async () => {
    const table = `${prefix}.race`;
    await seeknal.put(table, KEYED(0, 5, "a"), { mode: "append" });
    const theirs = py({
      op: "append",
      table,
      first: 0,
      rows: 3,
      times: 8,
      columns: ["id", "name", "day"],
    });
    // Awaited below: a failure before that is not one that nobody looks at.
    theirs.catch(() => {});
    for (let i = 0; i < 8; i++) {
      await seeknal.put(table, KEYED(10 * i, 5, "o"), { mode: "append" });
    }
    await theirs;
    await same(table, 5 + 8 * 3 + 8 * 5);
  });
}
