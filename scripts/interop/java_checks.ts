import { join } from "node:path";
import type { SeeknalPeer } from "./peer.ts";
import { run } from "./programs.ts";
import { equal, type Report } from "./report.ts";

/** The rows that JavaPeer.row makes. */
function javaRowsSql(first: number, count: number): string {
  return `SELECT i::BIGINT AS id, CASE WHEN i % 7 = 6 THEN NULL ELSE 'näme ' || i || ' ''"' END AS name,
    ['north', 'south', 'a/b c'][i % 3 + 1] AS region,
    CASE WHEN i % 7 = 6 THEN NULL ELSE ((i * 7 - 50)::DECIMAL(10,2) / 100)::DECIMAL(10,2) END AS price,
    i * 0.5::DOUBLE AS ratio, i % 2 = 0 AS ok, DATE '2026-01-01' + (i % 40)::INTEGER AS day,
    TIMESTAMP '2026-01-01 12:30:00.123456' + INTERVAL (i) HOUR AS ts,
    TIMESTAMPTZ '2026-01-01 12:30:00.123456+00' + INTERVAL (i) HOUR AS zoned
    FROM range(${first}, ${first + count}) t(i)`;
}

const COLUMNS = "id, name, region, price, ratio, ok, day, ts, zoned";

/** Columns as JavaPeer writes them. */
const TEXTS = `id::VARCHAR, name, region, price::VARCHAR, ratio::VARCHAR, ok::VARCHAR, day::VARCHAR,
  strftime(ts, '%Y-%m-%d %H:%M:%S.%f'), strftime(zoned AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S.%f')`;

/** Runs all checks between Seeknal and Iceberg's Java library over one SQLite catalog. */
export async function javaChecks(
  report: Report,
  seeknal: SeeknalPeer,
  java: { readonly args: readonly string[]; readonly database: string; readonly warehouse: string },
  folder: string,
): Promise<void> {
  const call = (...args: string[]) =>
    run("java", [
      ...java.args,
      `jdbc:sqlite:${java.database}`,
      `file://${java.warehouse}`,
      ...args,
    ]);
  /** Both read the same rows of a table, and as many as expected. */
  const same = async (table: string, expected: number, range?: string): Promise<void> => {
    const to = join(folder, `${table}-${range ?? "all"}.tsv`);
    await call("read", table, to, ...(range === undefined ? [] : [range]));
    const theirs = `(SELECT * FROM read_csv('${to}', delim = '\t', quote = '', escape = '',
      header = false, nullstr = 'NULL', all_varchar = true, auto_detect = false,
      columns = {${Array.from({ length: 9 }, (_, i) => `c${i}: 'VARCHAR'`).join(", ")}}))`;
    const [low, high] = range?.split("-") ?? [];
    const where = low === undefined ? "true" : `id >= ${low} AND id < ${high}`;
    const ours = `(SELECT ${TEXTS} FROM ${await seeknal.scan(table)} WHERE ${where})`;
    equal(Number(await seeknal.value(`SELECT count(*) FROM ${ours}`)), expected, "rows we read");
    equal(await seeknal.difference(ours, theirs), 0, "rows that differ");
  };

  for (
    const [name, partition_by] of [
      ["plain", []],
      ["parts", ["region", "day(ts)", "bucket(4, id)"]],
      ["wide", ["month(day)", "truncate(2, region)", "hour(zoned)"]],
    ] as const
  ) {
    const table = `java.${name}`;
    const spec = partition_by.length === 0 ? {} : { partition_by };
    await report.check(`Java reads and filters what we wrote: ${table}`, async () => {
      await seeknal.put(table, javaRowsSql(0, 100), { mode: "append", ...spec });
      await seeknal.put(table, javaRowsSql(100, 30), { mode: "append", ...spec });
      await same(table, 130);
      await same(table, 15, "40-55");
    });
    await report.check(`Java appends to it, and we read and go on`, async () => {
      await call("append", table, "500", "20", "2");
      await same(table, 170);
      await seeknal.put(table, javaRowsSql(900, 10), { mode: "append", ...spec });
      await same(table, 180);
    });
  }

  await report.check("Java reads what every mode left", async () => {
    const table = "java.modes";
    await seeknal.put(table, javaRowsSql(0, 50), { mode: "full" });
    await seeknal.put(table, javaRowsSql(40, 30), { mode: "upsert_by_key", unique_keys: ["id"] });
    await same(table, 70);
    await seeknal.put(table, javaRowsSql(10, 3), {
      mode: "incremental_by_time",
      time_column: "ts",
    });
    await same(table, 70);
    await seeknal.put(table, javaRowsSql(0, 12), { mode: "full" });
    await same(table, 12);
  });

  for (const kind of ["plain", "partitioned"]) {
    const table = `java.theirs_${kind}`;
    await report.check(`we read and adopt what Java made: ${kind}`, async () => {
      await call("create", table, kind);
      await call("append", table, "0", "60", "1");
      await same(table, 60);
      const expected = `(${javaRowsSql(0, 60)})`;
      const found = `(SELECT ${COLUMNS} FROM ${await seeknal.scan(table)})`;
      equal(await seeknal.difference(found, expected), 0, "rows that differ");
      await seeknal.put(table, javaRowsSql(60, 20), { mode: "append", existing: "adopt" });
      await same(table, 80);
    });
  }

  await report.check("we read rows that Java deleted by value and by position", async () => {
    const table = "java.theirs_plain";
    await call("delete", table, "70", "2");
    await same(table, 78);
  });

  await report.check("both follow a column that Java renamed", async () => {
    const table = "java.theirs_plain";
    await call("rename", table, "ratio", "half");
    const found = await seeknal.value(`SELECT sum(half) FROM ${await seeknal.scan(table)}`);
    equal(Number.isFinite(Number(found)), true, "sum");
    await call("rename", table, "half", "ratio");
    await same(table, 78);
  });

  await report.check("both append at the same time, and nothing is lost", async () => {
    const table = "java.race";
    await seeknal.put(table, javaRowsSql(0, 5), { mode: "append" });
    const theirs = call("append", table, "1000", "3", "8");
    // Awaited below: a failure before that is not one that nobody looks at.
    theirs.catch(() => {});
    for (let i = 0; i < 8; i++) {
      await seeknal.put(table, javaRowsSql(10 * (i + 1), 5), { mode: "append" });
    }
    await theirs;
    await same(table, 5 + 8 * 3 + 8 * 5);
  });
}
