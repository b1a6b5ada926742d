/**
 * Measures `compareOutputs` over two outputs of a million rows and ten columns, as
 * ratios against two plain DuckDB queries of the same run: reading both files once,
 * and EXCEPT ALL. `deno run -A scripts/bench/table_diff.ts [ROWS]`
 */
import { join } from "node:path";
import { COMPARE_DEFAULTS, compareOutputs } from "../../src/app/compare_outputs.ts";
import { quoteText, readParquet } from "../../src/engine/quote.ts";
import { openSession } from "../../src/engine/registry.ts";

const rows = Number(Deno.args[0] ?? 1_000_000);
const TIMES = 5;
const say = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));

const COLUMNS = `i AS id, 'customer number ' || i AS name, hash(i) % 1000000 AS score,
  i * 1.37::DOUBLE AS amount, (i % 100)::DECIMAL(10, 2) AS price,
  DATE '2020-01-01' + (i % 2000)::INTEGER AS day, ['paid', 'open', 'lost'][1 + i % 3] AS status,
  i % 7 = 0 AS is_first, (i % 5000)::INTEGER AS customer_id, 'x' || hash(i + 1) % 100000 AS code`;
const TARGETS = {
  "1 % of the rows differ": "CASE WHEN id % 100 = 0 THEN amount + 1 ELSE amount END AS amount",
  "every row differs": "amount + 1 AS amount",
  "every key is there twice": "id // 2 AS id",
};

const work = Deno.makeTempDirSync({ prefix: "seeknal_bench_" });
try {
  await using session = await openSession({
    allowedDirs: [work],
    temporaryDir: join(work, "spill"),
  });
  const write = async (name: string, sql: string) => {
    const path = join(work, `${name}.parquet`);
    await session.run(`COPY (${sql}) TO ${quoteText(path)} (FORMAT parquet)`);
    return { name, path };
  };
  const source = await write("source", `SELECT ${COLUMNS} FROM range(${rows}) AS t(i)`);
  say(`${rows} rows and 10 columns against as many, median of ${TIMES}\n`);
  say("| target | comparison | time | reading both once | ratio | EXCEPT ALL | ratio |");
  say("|---|---|---|---|---|---|---|");
  for (const [label, change] of Object.entries(TARGETS)) {
    const target = await write(
      "target",
      `SELECT * REPLACE (${change}) FROM ${readParquet(source.path)}`,
    );
    const [a, b] = [readParquet(source.path), readParquet(target.path)];
    const read = await median(() =>
      session.read(`SELECT sum(hash(COLUMNS(*))) FROM (FROM ${a} UNION ALL FROM ${b})`)
    );
    const except = await median(() =>
      session.read(`SELECT count(*) FROM (FROM ${a} EXCEPT ALL FROM ${b})`)
    );
    for (const on of [["id"], ["id", "status"], []]) {
      const ms = await median(() =>
        compareOutputs(session, { source, target }, { ...COMPARE_DEFAULTS, on })
      );
      const ratio = (other: number) => `${(ms / other).toFixed(1)} x`;
      const how = on.length === 0 ? "as bags" : `on ${on.join(", ")}`;
      say(
        `| ${label} | ${how} | ${ms} ms | ${read} ms | ${ratio(read)} | ${except} ms | ${
          ratio(except)
        } |`,
      );
    }
  }
} finally {
  Deno.removeSync(work, { recursive: true });
}

async function median(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < TIMES; i++) {
    const started = performance.now();
    await run();
    times.push(performance.now() - started);
  }
  return Math.round(times.sort((x, y) => x - y)[Math.floor(TIMES / 2)]!);
}
