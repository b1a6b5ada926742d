import { join } from "node:path";

/** A node of the heavy project: its SQL names inputs as `kind.name`. */
interface HeavyNode {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly sql: string;
}

/** A dozen aggregations and joins over three million flights. */
export const HEAVY_NODES: readonly HeavyNode[] = [
  {
    name: "stg_flights",
    inputs: ["source.flights"],
    sql:
      `SELECT date, date_trunc('day', date) AS day, hour(date) AS hour, dayofweek(date) AS weekday,
  delay, distance, origin, destination, origin || '-' || destination AS route,
  delay > 15 AS late
FROM source.flights`,
  },
  {
    name: "airports_clean",
    inputs: ["source.airports"],
    sql: `SELECT iata, name, city, state, latitude, longitude FROM source.airports`,
  },
  {
    name: "by_route",
    inputs: ["transform.stg_flights"],
    sql: `SELECT route, origin, destination, count(*) AS flights, avg(delay) AS mean_delay,
  quantile_cont(delay, 0.9) AS p90_delay, max(distance) AS distance
FROM transform.stg_flights GROUP BY ALL`,
  },
  {
    name: "by_origin_day",
    inputs: ["transform.stg_flights"],
    sql:
      `SELECT origin, day, count(*) AS flights, sum(delay) AS delay, count(*) FILTER (WHERE late) AS late
FROM transform.stg_flights GROUP BY ALL`,
  },
  {
    name: "by_hour",
    inputs: ["transform.stg_flights"],
    sql:
      `SELECT weekday, hour, count(*) AS flights, avg(delay) AS mean_delay, stddev_samp(delay) AS sd
FROM transform.stg_flights GROUP BY ALL`,
  },
  {
    name: "distance_bands",
    inputs: ["transform.stg_flights"],
    sql: `SELECT distance // 250 * 250 AS band, count(*) AS flights, median(delay) AS median_delay
FROM transform.stg_flights GROUP BY ALL`,
  },
  {
    name: "worst_flights",
    inputs: ["transform.stg_flights"],
    sql: `SELECT * FROM transform.stg_flights
QUALIFY row_number() OVER (PARTITION BY origin ORDER BY delay DESC, date, destination) <= 20`,
  },
  {
    name: "flights_with_states",
    inputs: ["transform.stg_flights", "transform.airports_clean"],
    sql: `SELECT f.day, f.delay, f.late, f.distance, o.state AS from_state, d.state AS to_state
FROM transform.stg_flights AS f
JOIN transform.airports_clean AS o ON o.iata = f.origin
JOIN transform.airports_clean AS d ON d.iata = f.destination`,
  },
  {
    name: "state_pairs",
    inputs: ["transform.flights_with_states"],
    sql: `SELECT from_state, to_state, count(*) AS flights, avg(delay) AS mean_delay,
  sum(distance) AS miles
FROM transform.flights_with_states GROUP BY ALL`,
  },
  {
    name: "state_days",
    inputs: ["transform.flights_with_states"],
    sql:
      `SELECT from_state, day, count(*) AS flights, avg(CASE WHEN late THEN 1.0 ELSE 0.0 END) AS late_share
FROM transform.flights_with_states GROUP BY ALL`,
  },
  {
    name: "rolling_delay",
    inputs: ["transform.by_origin_day"],
    sql: `SELECT origin, day, flights, delay,
  sum(delay) OVER (PARTITION BY origin ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW)
    / sum(flights) OVER (PARTITION BY origin ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS week_delay
FROM transform.by_origin_day`,
  },
  {
    name: "busiest_routes",
    inputs: ["transform.by_route", "transform.airports_clean"],
    sql: `SELECT r.*, o.city AS from_city, d.city AS to_city
FROM transform.by_route AS r
JOIN transform.airports_clean AS o ON o.iata = r.origin
JOIN transform.airports_clean AS d ON d.iata = r.destination
ORDER BY flights DESC LIMIT 500`,
  },
  {
    name: "daily_summary",
    inputs: ["transform.by_origin_day", "transform.rolling_delay"],
    sql:
      `SELECT a.day, sum(a.flights) AS flights, sum(a.late) AS late, max(b.week_delay) AS worst_week
FROM transform.by_origin_day AS a JOIN transform.rolling_delay AS b USING (origin, day)
GROUP BY a.day`,
  },
];

/** Files of the heavy project's sources below its folder. */
export const HEAVY_SOURCES = {
  flights: "data/flights-3m.parquet",
  airports: "data/airports.csv",
} as const;

/** Writes the project around the data set of the npm package `vega-datasets`. */
export function writeHeavyProject(root: string, dataDir: string): void {
  Deno.mkdirSync(join(root, "data"), { recursive: true });
  Deno.mkdirSync(join(root, "seeknal"), { recursive: true });
  Deno.writeTextFileSync(join(root, "seeknal_project.yml"), "name: flights\n");
  for (const path of Object.values(HEAVY_SOURCES)) {
    Deno.copyFileSync(join(dataDir, path.replace("data/", "")), join(root, path));
  }
  const documents = [
    `kind: source\nname: flights\nsource: parquet\ntable: ${HEAVY_SOURCES.flights}\n`,
    `kind: source\nname: airports\nsource: csv\ntable: ${HEAVY_SOURCES.airports}\n`,
    ...HEAVY_NODES.map(({ name, inputs, sql }) =>
      `kind: transform\nname: ${name}\ninputs:\n${
        inputs.map((id) => `  - ref: ${id}\n`).join("")
      }` +
      `transform: |\n${sql.split("\n").map((line) => `  ${line}`).join("\n")}\n`
    ),
  ];
  Deno.writeTextFileSync(join(root, "seeknal", "nodes.yml"), documents.join("---\n"));
}
