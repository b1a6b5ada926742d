import { join } from "node:path";
import { flightsFile, vegaData } from "./flights.ts";

/**
 * Metrics over three million real flights, compared with SQL written by hand:
 * `deno run -A scripts/bench/metrics.ts FOLDER`. Exits with 1 where a number differs.
 */

const PROJECT: Readonly<Record<string, string>> = {
  "seeknal_project.yml": "name: flights\n",
  "seeknal/sources.yml": `kind: source
name: flights
source: parquet
table: data/flights.parquet
---
kind: source
name: airports
source: csv
table: data/airports.csv
`,
  "seeknal/semantic.yml": `kind: semantic_model
name: flights
model: ref('source.flights')
default_time_dimension: date
entities: [{ name: origin, type: foreign }]
dimensions:
  - { name: date, type: time, time_granularity: day }
  - { name: destination }
measures:
  - { name: flights_count, agg: count }
  - { name: late_count, agg: count, filters: [{ sql: delay > 15 }] }
  - { name: miles, expr: distance, agg: sum }
  - { name: routes, expr: "origin || destination", agg: count_distinct }
joins:
  - { name: airports, relationship: many_to_one, sql: "{CUBE}.origin = {airports}.iata" }
metrics:
  - { name: flights, measure: flights_count }
  - { name: late_share, type: ratio, numerator: late_count, denominator: flights_count }
  - { name: miles_year_to_date, type: cumulative, measure: miles, grain_to_date: year }
  - { name: routes_in_30_days, type: cumulative, measure: routes, window: 30 days }
  - name: growth
    type: derived
    expr: (now - before) / before
    inputs:
      - { metric: flights, alias: now }
      - { metric: flights, alias: before, offset: 1 month }
---
kind: semantic_model
name: airports
model: ref('source.airports')
entities: [{ name: iata, type: primary }]
dimensions: [{ name: state }]
measures: [{ name: airports_count, agg: count }]
`,
};

/** A command line, and the same question in SQL by hand. */
const QUESTIONS: readonly { args: readonly string[]; sql: string }[] = [
  {
    args: ["flights,late_share", "-d", "airports.state,date__month"],
    sql:
      `SELECT a.state AS airports__state, date_trunc('month', date)::DATE AS date__month, count(*) AS flights,
      count(*) FILTER (delay > 15) / count(*) AS late_share
      FROM source.flights f LEFT JOIN source.airports a ON f.origin = a.iata GROUP BY ALL ORDER BY ALL NULLS LAST`,
  },
  {
    args: ["miles_year_to_date", "-d", "date__month", "--filter", "airports.state = 'TX'"],
    sql:
      `WITH m AS (SELECT date_trunc('month', date)::DATE AS d, sum(distance) AS miles FROM source.flights f
      JOIN source.airports a ON f.origin = a.iata WHERE a.state = 'TX' GROUP BY ALL)
      SELECT d AS date__month, sum(miles) OVER (PARTITION BY year(d) ORDER BY d) AS miles_year_to_date FROM m ORDER BY d`,
  },
  {
    args: ["routes_in_30_days", "-d", "date__week"],
    sql: `WITH w AS (SELECT DISTINCT date_trunc('week', date)::DATE AS d FROM source.flights)
      SELECT d AS date__week, (SELECT count(DISTINCT origin || destination) FROM source.flights
        WHERE date >= d - INTERVAL 23 DAY AND date < d + INTERVAL 7 DAY) AS routes_in_30_days FROM w ORDER BY d`,
  },
  {
    args: ["growth", "-d", "metric_time__month", "--order-by", "metric_time__month"],
    sql:
      `WITH m AS (SELECT date_trunc('month', date)::DATE AS d, count(*) AS n FROM source.flights GROUP BY ALL)
      SELECT d AS metric_time__month, (n - lag(n) OVER (ORDER BY d)) / lag(n) OVER (ORDER BY d) AS growth FROM m ORDER BY d`,
  },
];

const MAIN = join(import.meta.dirname!, "..", "..", "main.ts");
const CONFIG = join(import.meta.dirname!, "..", "..", "deno.json");

async function seeknal(cwd: string, ...args: string[]): Promise<{ text: string; ms: number }> {
  const start = performance.now();
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "-q", "--config", CONFIG, MAIN, ...args],
    cwd,
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`${args.join(" ")}: ${text}${new TextDecoder().decode(stderr)}`);
  return { text, ms: performance.now() - start };
}

/** Numbers to 12 digits: sums of floating point numbers may end differently. */
function rounded(text: string): string {
  return JSON.stringify(
    JSON.parse(text),
    (_, value) => typeof value === "number" ? Number(value.toPrecision(12)) : value,
  );
}

if (import.meta.main) {
  const folder = Deno.args[0] ?? Deno.makeTempDirSync();
  const project = join(folder, "metrics");
  for (const [path, text] of Object.entries(PROJECT)) {
    Deno.mkdirSync(join(project, path, ".."), { recursive: true });
    Deno.writeTextFileSync(join(project, path), text);
  }
  Deno.mkdirSync(join(project, "data"), { recursive: true });
  Deno.copyFileSync(await flightsFile(folder), join(project, "data", "flights.parquet"));
  Deno.copyFileSync(
    join(await vegaData(folder), "airports.csv"),
    join(project, "data", "airports.csv"),
  );
  await seeknal(project, "run");
  let failed = 0;
  for (const { args, sql } of QUESTIONS) {
    const own = await seeknal(project, "metrics", ...args, "--json");
    const byHand = await seeknal(project, "query", sql, "--json");
    const isSame = rounded(own.text) === rounded(byHand.text);
    if (!isSame) failed++;
    const rows = (JSON.parse(own.text) as unknown[]).length;
    const line = `${isSame ? "same" : "DIFFERS"}  ${args.join(" ")}  ${rows} rows, ` +
      `${Math.round(own.ms)} ms (by hand ${Math.round(byHand.ms)} ms)\n`;
    Deno.stdout.writeSync(new TextEncoder().encode(line));
  }
  Deno.exitCode = failed > 0 ? 1 : 0;
}
