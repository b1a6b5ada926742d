import { makeProject, type TempProject } from "./project.ts";
import { randomNumbers } from "./random.ts";

/** Airports with their regions; the first four are flown from and to. */
const AIRPORTS = ["SFO;west", "LAX;west", "JFK;east", "ORD;mid", "XXX;NA"];

/** Nodes of every kind whose rows are one SELECT that Seeknal makes, over flights as in vega-datasets. */
const NODES = `kind: source
name: flights
source: csv
table: data/flights.csv
columns: {date: TIMESTAMP, delay: INTEGER, distance: INTEGER, origin: VARCHAR, destination: VARCHAR}
---
kind: seed
name: airports
delimiter: ";"
nullstr: NA
columns: {code: VARCHAR, region: VARCHAR}
---
kind: transform
name: origin_days
transform: |
  SELECT origin, CAST(date AS DATE) AS day, count(*) AS flights, sum(delay)::BIGINT AS delay,
    DATE '2001-02-15' AS as_of, any_value(region) AS region
  FROM ref('source.flights') JOIN ref('seed.airports') ON code = origin
  GROUP BY origin, CAST(date AS DATE)
---
kind: feature_group
name: airport_days
entity: {name: airport, join_keys: [origin]}
transform: |
  SELECT origin, CAST(day + 1 AS TIMESTAMP) AS known_at, flights, delay
  FROM ref('transform.origin_days')
features:
  flights: {description: Flights of the day, dtype: int}
  delay: {dtype: int}
materialization: {event_time_col: known_at}
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
group_by: region
inputs: [{ref: transform.origin_days}]
features:
  - name: delay
    basic: [sum, mean, std]
    rolling: [{window: [1, 7], aggs: [sum, max]}, {window: [8, 30], aggs: [mean]}]
    ratio: [{numerator: [1, 14], denominator: [15, 40], aggs: [sum, count]}]
  - name: flights
    since: [{condition: delay > 0, aggs: [count, sum]}]
---
kind: second_order_aggregation
name: regions
id_col: region
feature_date_col: as_of
source: aggregation.airports
features:
  airports: {basic: [count]}
  delays: {basic: [mean, stddev], source_feature: delay_SUM}
  now: {window: [0, 0], basic: [max], source_feature: delay_sum_7d}
---
kind: profile
name: flights
inputs: [{ref: source.flights}]
---
kind: rule
name: flights
inputs: [{ref: source.flights}]
rule:
  - {type: null, columns: [date, origin]}
  - {type: range, column: distance, params: {min_val: 0, max_val: 5000}}
  - {type: sql_assertion, sql: "SELECT * FROM source_flights WHERE origin = destination"}
---
kind: rule
name: figures
inputs: [{ref: profile.flights}]
rule: {type: profile_check, checks: [{column: delay, metric: null_percent, fail: "> 1"}, {metric: row_count, fail: "< 10"}]}
`;

/** What each of the nodes has to hold, or a part of it, written by hand over the sources' rows. */
export const BY_HAND: Readonly<Record<string, string>> = {
  "seed.airports":
    `SELECT * FROM (VALUES ('SFO', 'west'), ('LAX', 'west'), ('JFK', 'east'), ('ORD', 'mid'), ('XXX', NULL))`,
  "feature_group.airport_days":
    `SELECT origin, date_trunc('day', date) + INTERVAL 1 DAY, count(*), sum(delay)::BIGINT
    FROM source.flights GROUP BY 1, 2`,
  "training_set.flight_delays": `WITH days AS (
      SELECT origin, date_trunc('day', date) + INTERVAL 1 DAY AS known, count(*) AS flights, sum(delay)::BIGINT AS delay
      FROM source.flights GROUP BY 1, 2)
    SELECT f.*, d.flights, d.delay AS from_delay, t.delay AS to_delay
    FROM source.flights AS f
    LEFT JOIN days AS d ON d.origin = f.origin AND d.known >= f.date - INTERVAL 36 HOUR
      AND d.known = (SELECT max(known) FROM days WHERE days.origin = f.origin AND known <= f.date)
    LEFT JOIN days AS t ON t.origin = f.destination
      AND t.known = (SELECT max(known) FROM days WHERE days.origin = f.destination AND known <= f.date)`,
  "(SELECT column_name, metric, value FROM profile.flights WHERE column_name = 'distance')":
    figuresByHand(),
  "(SELECT detail FROM profile.flights WHERE column_name = 'origin' AND metric = 'top_values')":
    `SELECT to_json(list({'value': origin, 'count': n, 'percent': round(100.0 * n / total, 6)} ORDER BY n DESC, origin))::VARCHAR
    FROM (SELECT origin, count(*) AS n, sum(count(*)) OVER () AS total FROM source.flights GROUP BY origin)`,
  "(SELECT name, status, violations, checked FROM rule.flights)":
    `SELECT name, 'passed' AS s, 0 AS v, n FROM (SELECT count(*) AS n FROM source.flights),
    (VALUES ('null(date)', 1), ('null(origin)', 1), ('range(distance)', 1)) AS v(name, o)
    UNION ALL SELECT 'sql_assertion', 'passed', 0, 0`,
  "(SELECT name, status FROM rule.figures)":
    `VALUES ('profile_check(delay.null_percent)', 'passed'), ('profile_check(_table_.row_count)', 'passed')`,
  "aggregation.airports": airportsByHand(),
  "second_order_aggregation.regions":
    `SELECT region, DATE '2001-02-15', count(*), avg(s), stddev_samp(s), max(w) FROM (
      ${airportsByHand()}) AS a(origin, as_of, region, s, m, sd, w, mx, m30, r1, r2, c, f) GROUP BY region`,
};

/** Figures of one column in the order of the profile, as text. */
function figuresByHand(): string {
  const figures = {
    null_count: "count(*) FILTER (WHERE distance IS NULL)",
    null_percent: "100 * count(*) FILTER (WHERE distance IS NULL) // count(*)",
    distinct_count: "count(DISTINCT distance)",
    min: "min(distance)",
    max: "max(distance)",
    avg: "avg(distance)",
    sum: "sum(distance)",
    stddev: "stddev(distance)",
    p25: "quantile_cont(distance::DOUBLE, 0.25)",
    p50: "median(distance::DOUBLE)",
    p75: "quantile_cont(distance::DOUBLE, 0.75)",
  };
  return Object.entries(figures).map(([metric, sql]) =>
    `SELECT 'distance', '${metric}', (${sql})::VARCHAR FROM source.flights`
  ).join(" UNION ALL ");
}

function airportsByHand(): string {
  const days = "DATE '2001-02-15' - CAST(date AS DATE)";
  const perDay =
    `SELECT origin, CASE origin WHEN 'JFK' THEN 'east' WHEN 'ORD' THEN 'mid' ELSE 'west' END AS region,
      ${days} AS ago, count(*) AS flights, sum(delay) AS delay FROM source.flights GROUP BY ALL`;
  const when = (value: string, from: number, to: number) =>
    `CASE WHEN ago >= ${from} AND ago <= ${to} THEN ${value} END`;
  return `SELECT origin, DATE '2001-02-15', region, sum(${when("delay", 0, 9999)}), avg(${
    when("delay", 0, 9999)
  }),
    stddev_samp(${when("delay", 0, 9999)}),
    sum(${when("delay", 1, 7)}), max(${when("delay", 1, 7)}), avg(${when("delay", 8, 30)}),
    sum(${when("delay", 1, 14)}) / nullif(sum(${when("delay", 15, 40)})::DOUBLE, 0),
    count(${when("delay", 1, 14)}) / nullif(count(${when("delay", 15, 40)})::DOUBLE, 0),
    sum(CASE WHEN ago >= 0 AND delay > 0 THEN 1 ELSE 0 END),
    sum(CASE WHEN ago >= 0 AND delay > 0 THEN flights END)
    FROM (${perDay}) GROUP BY origin, region`;
}

/** Flights of two months of 2001 as CSV; the same for the same seed. */
export function flightsCsv(seed: number, rows = 900): string {
  const random = randomNumbers(seed);
  const below = (n: number) => Math.floor(random() * n);
  const codes = AIRPORTS.slice(0, 4).map((line) => line.slice(0, 3));
  const lines = Array.from({ length: rows }, () => {
    const date = new Date(Date.UTC(2001, 0, 1) + below(59 * 24 * 12) * 300_000);
    const from = below(4);
    const to = (from + 1 + below(3)) % 4;
    return [
      date.toISOString().slice(0, 19),
      below(120) - 40,
      300 + below(2500),
      codes[from],
      codes[to],
    ].join(",");
  });
  return `date,delay,distance,origin,destination\n${lines.join("\n")}\n`;
}

/** The project, with its first flights. */
export function makeFlights(): TempProject {
  return makeProject({
    "seeds/airports.csv": `code;region\n${AIRPORTS.join("\n")}\n`,
    "data/flights.csv": flightsCsv(1),
    "seeknal/nodes.yml": NODES,
  });
}
