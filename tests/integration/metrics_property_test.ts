import assert from "node:assert/strict";
import { openSession } from "../../src/engine/registry.ts";
import type { NodeId } from "../../src/model/ids.ts";
import { SemanticCatalog } from "../../src/semantic/catalog.ts";
import { compileMetrics } from "../../src/semantic/compile.ts";
import {
  type Grain,
  GRAINS,
  type Measure,
  type Metric,
  type SemanticModel,
  type TimeSpan,
} from "../../src/semantic/definition.ts";
import { keepsPeriods, nests } from "../../src/semantic/grain.ts";
import {
  naiveAnswer,
  type NaiveDimension,
  type NaiveLeaf,
  type NaiveMetric,
  type NaiveRow,
  type Value,
} from "../support/naive_metrics.ts";
import { randomNumbers } from "../support/random.ts";

const CASES = 150;
const AGGS = ["sum", "count", "count_distinct", "avg", "min", "max"] as const;

/** A shop of a few random rows: NULLs everywhere, customers without orders, orders of nobody, a country reached in two steps. */
class RandomShop {
  readonly #random: () => number;
  readonly orders: NaiveRow[];
  readonly payments: NaiveRow[];
  readonly customers: { id: number; region: Value; country: Value }[];
  readonly countries = [{ id: 1, name: "DE" }, { id: 2, name: "FR" }];

  constructor(random: () => number) {
    this.#random = random;
    this.customers = [1, 2, 3, 4].map((id) => ({
      id,
      region: this.pick(["EU", "US", null]),
      country: this.pick([1, 2, 9, null]),
    }));
    this.orders = Array.from({ length: this.int(40) }, () => this.#row(["paid", "open", null]));
    this.payments = Array.from({ length: this.int(25) }, () => this.#row(["card", "cash"]));
  }

  int(below: number): number {
    return Math.floor(this.#random() * below);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.int(values.length)]!;
  }

  /** With what the joins find beside its own. */
  #row(statuses: readonly Value[]): NaiveRow {
    const customer_id = this.pick([1, 2, 3, 7, null]);
    const customer = this.customers.find(({ id }) => id === customer_id);
    const country = this.countries.find(({ id }) => id === customer?.country);
    const day = new Date(Date.UTC(2023, 11, 20) + this.int(this.pick([20, 120])) * 86_400_000);
    return {
      customer_id,
      amount: this.pick([0, 1, 2, 3, 5, 8, -4, null]),
      status: this.pick(statuses),
      day: this.int(15) === 0 ? null : day.toISOString().slice(0, 10),
      region: customer?.region ?? null,
      country: country?.name ?? null,
    };
  }

  /** Tables that hold the rows without what the joins find. */
  ddl(): string {
    const sql = (value: Value | undefined) =>
      value === null || value === undefined
        ? "NULL"
        : typeof value === "number"
        ? String(value)
        : `'${value}'`;
    const insert = (table: string, rows: readonly NaiveRow[], columns: readonly string[]) =>
      rows.length === 0 ? [] : [
        `INSERT INTO ${table} VALUES ${
          rows.map((row) => `(${columns.map((c) => sql(row[c])).join(", ")})`).join(", ")
        }`,
      ];
    const fact = ["customer_id", "amount", "status", "day"];
    return [
      "CREATE OR REPLACE TABLE t.orders (customer_id INT, amount INT, status VARCHAR, day DATE)",
      "CREATE OR REPLACE TABLE t.payments (customer_id INT, amount INT, status VARCHAR, day TIMESTAMP)",
      "CREATE OR REPLACE TABLE t.customers (id INT, region VARCHAR, country INT)",
      "CREATE OR REPLACE TABLE t.countries (id INT, name VARCHAR)",
      ...insert("t.orders", this.orders, fact),
      ...insert("t.payments", this.payments, fact),
      ...insert("t.customers", this.customers, ["id", "region", "country"]),
      ...insert("t.countries", this.countries, ["id", "name"]),
    ].join(";\n");
  }
}

function fact(name: string, measures: readonly Measure[]): SemanticModel {
  return {
    name,
    model: `t.${name}` as NodeId,
    default_time_dimension: "day",
    entities: [{ name: "customer", type: "foreign", expr: "customer_id" }],
    dimensions: [
      { name: "day", type: "time", expr: "day", time_granularity: null, description: null },
      {
        name: "status",
        type: "categorical",
        expr: "status",
        time_granularity: null,
        description: null,
      },
    ],
    measures,
    joins: [{
      name: "customers",
      relationship: "many_to_one",
      sql: "{CUBE}.customer = {customers}.id",
    }],
  };
}

const MEASURES: readonly Measure[] = AGGS.flatMap((agg) =>
  [[], ["status = 'paid' OR status = 'card'"]].map((filters, i) => ({
    name: `${agg}_${i}`,
    agg,
    expr: agg === "count" && i === 0 ? null : "amount",
    filters,
    description: null,
  }))
);

const dimension = (name: string, expr = name) =>
  ({ name, type: "categorical", expr, time_granularity: null, description: null }) as const;

const MODELS: readonly SemanticModel[] = [
  fact("orders", MEASURES),
  fact("payments", MEASURES),
  {
    ...fact("customers", []),
    default_time_dimension: null,
    entities: [{ name: "id", type: "primary", expr: "id" }, {
      name: "country_id",
      type: "foreign",
      expr: "country",
    }],
    dimensions: [dimension("region")],
    joins: [{
      name: "countries",
      relationship: "many_to_one",
      sql: "{CUBE}.country_id = {countries}.id",
    }],
  },
  {
    ...fact("countries", []),
    default_time_dimension: null,
    entities: [{ name: "id", type: "primary", expr: "id" }],
    dimensions: [dimension("country", "name")],
    joins: [],
  },
];

/** Conditions as SQL over dimensions, and as a person would check them. */
const FILTERS: readonly { sql: string; holds: (row: NaiveRow) => boolean }[] = [
  { sql: "region = 'EU'", holds: ({ region }) => region === "EU" },
  { sql: "customers.region IS NULL", holds: ({ region }) => region === null },
  { sql: "country IN ('DE', 'FR')", holds: ({ country }) => country !== null },
  {
    sql: "day >= DATE '2024-01-05'",
    holds: ({ day }) => day !== null && day! >= "2024-01-05",
  },
  {
    sql: "metric_time__month = DATE '2024-01-01'",
    holds: ({ day }) => day !== null && String(day).startsWith("2024-01"),
  },
  { sql: "status <> 'open'", holds: ({ status }) => status !== null && status !== "open" },
];

class RandomMetrics {
  readonly metrics: Metric[] = [];
  readonly #shop: RandomShop;
  readonly #grain: Grain | null;
  readonly #filter: (row: NaiveRow) => boolean;

  constructor(shop: RandomShop, grain: Grain | null, filter: (row: NaiveRow) => boolean) {
    this.#shop = shop;
    this.#grain = grain;
    this.#filter = filter;
  }

  make(
    depth: number,
    offsets: readonly TimeSpan[] = [],
    around: (row: NaiveRow) => boolean = () => true,
  ): { name: string; naive: NaiveMetric } {
    const shop = this.#shop;
    const own = shop.int(3) === 0 ? shop.pick(FILTERS) : null;
    const holds = own === null ? around : (row: NaiveRow) => around(row) && own.holds(row);
    const name = `m${this.metrics.length}`;
    const formulaAt = this.metrics.push(null as unknown as Metric) - 1;
    const done = (formula: Metric["formula"], naive: NaiveMetric) => {
      this.metrics[formulaAt] = {
        name,
        description: null,
        semantic_model: null,
        filter: own?.sql ?? null,
        formula,
      };
      return { name, naive };
    };
    const kind = depth === 0
      ? shop.pick(["simple", "cumulative"])
      : shop.pick(["ratio", "derived", "derived"]);
    if (kind === "simple") {
      const { measure, leaf } = this.#measure(holds);
      return done({ type: "simple", measure }, { type: "leaf", leaf, offsets });
    }
    if (kind === "cumulative") {
      const { measure, leaf } = this.#measure(holds);
      const grain = this.#grain;
      const toDate = GRAINS.filter((one) => grain !== null && nests(grain, one));
      const way = grain === null ? 0 : shop.int(3);
      const grain_to_date = way === 1 ? shop.pick(toDate) : null;
      const window = way === 2 ? { count: 1 + shop.int(40), unit: shop.pick(GRAINS) } : null;
      return done({ type: "cumulative", measure, grain_to_date, window }, {
        type: "leaf",
        leaf: { ...leaf, window: { toDate: grain_to_date, span: window } },
        offsets,
      });
    }
    if (kind === "ratio") {
      const [above, below] = [this.#measure(holds), this.#measure(holds)];
      return done(
        { type: "ratio", numerator: above.measure, denominator: below.measure },
        {
          type: "divide",
          above: { type: "leaf", leaf: above.leaf, offsets },
          below: { type: "leaf", leaf: below.leaf, offsets },
        },
      );
    }
    const isDivision = shop.int(2) === 0;
    const inputs = ["a", "b"].map((alias) => {
      const offset = this.#offset();
      const made = this.make(depth - 1, offset === null ? offsets : [...offsets, offset], holds);
      return { alias, offset, ...made };
    });
    const [a, b] = inputs;
    return done(
      {
        type: "derived",
        expr: isDivision ? "a / b" : "a - b",
        inputs: inputs.map(({ name, alias, offset }) => ({ metric: name, alias, offset })),
      },
      isDivision
        ? { type: "divide", above: a!.naive, below: b!.naive }
        : { type: "minus", left: a!.naive, right: b!.naive },
    );
  }

  #offset(): TimeSpan | null {
    const grain = this.#grain;
    const span = { count: 1 + this.#shop.int(3), unit: this.#shop.pick(GRAINS) };
    return grain === null || this.#shop.int(2) === 0 || !keepsPeriods(span, grain) ? null : span;
  }

  #measure(holds: (row: NaiveRow) => boolean): { measure: string; leaf: NaiveLeaf } {
    const name = this.#shop.pick(["orders", "payments"] as const);
    const { name: measure, agg, expr, filters } = this.#shop.pick(MEASURES);
    const isCounted = ({ status }: NaiveRow) =>
      filters.length === 0 || status === "paid" || status === "card";
    const rows = this.#shop[name].filter((row) => holds(row) && this.#filter(row))
      .map((row) => ({
        ...row,
        input: isCounted(row) ? expr === null ? 1 : row["amount"]! : null,
      }));
    return {
      measure: `${name}.${measure}`,
      leaf: { rows, time: "day", column: "input", agg, window: null },
    };
  }
}

function normalised(rows: readonly (readonly unknown[])[]): string[] {
  const cell = (value: unknown) => {
    if (value === null) return null;
    const number = Number(value);
    return typeof value === "string" && Number.isNaN(number) ? value : number.toPrecision(10);
  };
  return rows.map((row) => JSON.stringify(row.map(cell))).sort();
}

Deno.test(`compileMetrics() gives what ${CASES} random metrics by random dimensions are by hand`, async () => {
  await using session = await openSession({ allowedDirs: [] });
  await session.run("CREATE SCHEMA t");
  let rows = 0;
  let cumulative = 0;
  let shifted = 0;
  for (let seed = 1; seed <= CASES; seed++) {
    const random = randomNumbers(seed);
    const shop = new RandomShop(random);
    await session.run(shop.ddl());
    const grain = shop.int(5) === 0 ? null : shop.pick(GRAINS);
    const asked = [
      ...(grain === null ? [] : [{ typed: `metric_time__${grain}`, naive: { grain } }]),
      ...["status", "region", "country"].filter(() => shop.int(3) === 0)
        .map((column) => ({ typed: column, naive: { column } })),
    ] as { typed: string; naive: NaiveDimension }[];
    const filter = shop.int(3) === 0 ? shop.pick(FILTERS) : null;
    const made = new RandomMetrics(shop, grain, filter?.holds ?? (() => true));
    const wanted = Array.from({ length: 1 + shop.int(3) }, () => made.make(shop.int(3)));
    const { sql } = compileMetrics(new SemanticCatalog(MODELS, made.metrics), {
      metrics: wanted.map(({ name }) => name),
      dimensions: asked.map(({ typed }) => typed),
      filters: filter === null ? [] : [filter.sql],
    });
    const got = await session.read(sql);
    const expected = naiveAnswer(
      wanted.map(({ naive }) => naive),
      asked.map(({ naive }) => naive),
    );
    assert.deepEqual(
      normalised(got.rows),
      normalised(expected),
      `seed ${seed}\n${JSON.stringify(made.metrics, null, 1)}\n${sql}`,
    );
    rows += expected.length;
    cumulative += sql.includes("_so_far_periods") ? 1 : 0;
    shifted += sql.includes("_earlier") ? 1 : 0;
  }
  // What is compared has to be there: a generator that makes nothing would agree with everything.
  assert.ok(
    rows > CASES * 5 && cumulative > 20 && shifted > 20,
    `${rows} ${cumulative} ${shifted}`,
  );
});
