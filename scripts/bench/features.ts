/**
 * Features over three million real flights, against SQL by hand: a point-in-time join, an aggregation with
 * windows and ratios, an aggregation of it, and a profile.
 *
 *     deno run -A scripts/bench/features.ts
 *
 * Prints the seconds of each node and fails unless every row is the same.
 */
import { join } from "node:path";
import { openSession } from "../../src/engine/registry.ts";
import { flightsFile, vegaData } from "./flights.ts";

const AS_OF = "2001-03-31";

const NODES = `kind: source
name: flights
source: parquet
table: data/flights.parquet
---
kind: seed
name: airports
file: seeds/airports.csv
columns: {iata: VARCHAR, state: VARCHAR}
---
kind: transform
name: origin_days
transform: |
  SELECT origin, CAST(date AS DATE) AS day, count(*) AS flights, sum(delay)::BIGINT AS delay,
    DATE '${AS_OF}' AS as_of, any_value(state) AS state
  FROM ref('source.flights') LEFT JOIN ref('seed.airports') ON iata = origin
  GROUP BY origin, CAST(date AS DATE)
---
kind: feature_group
name: airport_days
entity: {name: airport, join_keys: [origin]}
transform: |
  SELECT origin, CAST(day + 1 AS TIMESTAMP) AS event_time, flights, delay FROM ref('transform.origin_days')
---
kind: training_set
name: flight_delays
spine: {ref: source.flights, event_time: date}
features:
  - {ref: feature_group.airport_days, max_age: 36h}
  - {ref: feature_group.airport_days, columns: [delay], join_keys: {origin: destination}, prefix: to_}
---
kind: aggregation
name: airports
id_col: origin
feature_date_col: day
application_date_col: as_of
group_by: state
inputs: [{ref: transform.origin_days}]
features:
  - name: delay
    basic: [sum, mean, std]
    rolling: [{window: [1, 7], aggs: [sum]}, {window: [8, 30], aggs: [mean]}]
    ratio: [{numerator: [1, 30], denominator: [31, 90], aggs: [sum]}]
---
kind: second_order_aggregation
name: states
id_col: state
feature_date_col: as_of
source: aggregation.airports
features:
  airports: {basic: [count]}
  delay: {basic: [mean], source_feature: delay_sum}
---
kind: profile
name: flights
inputs: [{ref: source.flights}]
---
kind: rule
name: flights
inputs: [{ref: source.flights}]
rule:
  - {type: null, columns: [date, origin, destination]}
  - {type: range, column: distance, params: {min_val: 1, max_val: 6000}}
`;

const DAYS = `SELECT origin, date_trunc('day', date) + INTERVAL 1 DAY AS known, count(*) AS flights,
  sum(delay)::BIGINT AS delay FROM source.flights GROUP BY 1, 2`;
const AGO = `DATE '${AS_OF}' - CAST(date AS DATE)`;
const AIRPORTS = `SELECT origin, DATE '${AS_OF}' AS as_of, any_value(state) AS state,
  sum(CASE WHEN ago >= 0 THEN delay END) AS s, avg(CASE WHEN ago >= 0 THEN delay END) AS m,
  stddev_samp(CASE WHEN ago >= 0 THEN delay END) AS sd,
  sum(CASE WHEN ago BETWEEN 1 AND 7 THEN delay END) AS s7,
  avg(CASE WHEN ago BETWEEN 8 AND 30 THEN delay END) AS m30,
  sum(CASE WHEN ago BETWEEN 1 AND 30 THEN delay END)::DOUBLE
    / nullif(sum(CASE WHEN ago BETWEEN 31 AND 90 THEN delay END), 0) AS r
  FROM (SELECT origin, any_value(state) AS state, ${AGO} AS ago, sum(delay)::BIGINT AS delay
    FROM source.flights LEFT JOIN seed.airports ON iata = origin GROUP BY origin, ${AGO}) GROUP BY origin`;

/** What each node has to hold. */
const BY_HAND: Readonly<Record<string, string>> = {
  "training_set.flight_delays": `WITH days AS (${DAYS})
    SELECT f.*, d.flights, d.delay, t.delay FROM source.flights AS f
    LEFT JOIN days AS d ON d.origin = f.origin AND d.known >= f.date - INTERVAL 36 HOUR
      AND d.known = (SELECT max(known) FROM days WHERE days.origin = f.origin AND known <= f.date)
    LEFT JOIN days AS t ON t.origin = f.destination
      AND t.known = (SELECT max(known) FROM days WHERE days.origin = f.destination AND known <= f.date)`,
  "aggregation.airports": AIRPORTS,
  "second_order_aggregation.states":
    `SELECT state, DATE '${AS_OF}', count(*), avg(s) FROM (${AIRPORTS}) GROUP BY state`,
};

const folder = Deno.makeTempDirSync({ prefix: "seeknal-features-" });
try {
  await main();
} finally {
  Deno.removeSync(folder, { recursive: true });
}

async function main(): Promise<void> {
  for (const name of ["data", "seeds", "seeknal"]) Deno.mkdirSync(join(folder, name));
  Deno.copyFileSync(await flightsFile(folder), join(folder, "data/flights.parquet"));
  Deno.copyFileSync(
    join(await vegaData(folder), "airports.csv"),
    join(folder, "seeds/airports.csv"),
  );
  Deno.writeTextFileSync(join(folder, "seeknal_project.yml"), "name: features\n");
  Deno.writeTextFileSync(join(folder, "seeknal/nodes.yml"), NODES);
  const started = performance.now();
  for (const line of (await seeknal("run", "--json")).split("\n").filter((text) => text !== "")) {
    const event = JSON.parse(line) as {
      event: string;
      node?: string;
      rows?: number;
      duration_ms?: number;
    };
    if (event.event !== "node_finished") continue;
    print(`${event.node}: ${event.rows} rows, ${(event.duration_ms! / 1000).toFixed(2)} s`);
  }
  print(`the whole run: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  await compare();
}

async function seeknal(...args: string[]): Promise<string> {
  const main = join(import.meta.dirname!, "../../main.ts");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", main, ...args],
    cwd: folder,
  }).output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(decoder.decode(stderr));
  return decoder.decode(stdout);
}

/** Floating-point figures are compared with nine digits, everything else exactly. */
async function compare(): Promise<void> {
  await using session = await openSession({
    allowedDirs: [folder],
    temporaryDir: join(folder, "spill"),
  });
  const cache = join(folder, "target/cache");
  for (const id of ["source.flights", "seed.airports", ...Object.keys(BY_HAND)]) {
    const [kind, name] = id.split(".");
    await session.run(
      `CREATE SCHEMA IF NOT EXISTS ${kind}; ` +
        `CREATE VIEW ${id} AS FROM '${join(cache, kind!, `${name}.parquet`)}'`,
    );
  }
  for (const [id, sql] of Object.entries(BY_HAND)) {
    const { rows: described } = await session.read(`DESCRIBE FROM ${id}`);
    const names = described.map((_, i) => `c${i}`);
    const list = described.map(([, type], i) =>
      type === "DOUBLE" ? `format('{:.9g}', c${i}::DOUBLE)` : `c${i}::${type}`
    ).join(", ");
    const side = (query: string) => `SELECT ${list} FROM (${query}) AS q(${names.join(", ")})`;
    const [made, byHand] = [side(`FROM ${id}`), side(sql)];
    const count = async (text: string) =>
      Number((await session.read(`SELECT count(*) FROM (${text})`)).rows[0]![0]);
    const differing = await count(`(${made}) EXCEPT ALL (${byHand})`) +
      await count(`(${byHand}) EXCEPT ALL (${made})`);
    const rows = await count(`FROM ${id}`);
    print(`${id}: ${differing} of ${rows} rows differ from SQL by hand`);
    if (differing > 0 || rows === 0) throw new Error(`${id} is not what SQL by hand gives`);
  }
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
