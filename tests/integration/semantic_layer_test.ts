import assert from "node:assert/strict";
import type { Diagnostic } from "../../src/base/diagnostic.ts";
import { loadProject } from "../../src/project/load_project.ts";
import { makeProject, type TempProject } from "../support/project.ts";
import { ok, rowsOf, source, transform } from "../support/shop.ts";

const ORDERS_MODEL = `kind: semantic_model
name: orders
model: "ref('transform.clean_orders')"
default_time_dimension: order_date
entities:
  - { name: order_id, type: primary }
  - { name: customer_id, type: foreign }
dimensions:
  - { name: order_date, type: time, time_granularity: day }
  - { name: status, type: categorical }
measures:
  - { name: total, expr: amount, agg: sum }
  - { name: paid_total, expr: amount, agg: sum, filters: [{ sql: "status = 'paid'" }] }
  - { name: orders_count, agg: count }
joins:
  - { name: customers, relationship: many_to_one, sql: "{CUBE}.customer_id = {customers}.customer_id" }
metrics:
  - { name: revenue, measure: total, description: All that was ordered }
`;

const CUSTOMERS_MODEL = `kind: semantic_model
name: customers
model: source.customers
entities: [{ name: customer_id, type: primary }]
dimensions: [{ name: region }]
measures: [{ name: customers_count, agg: count }]
`;

const METRICS = `kind: metric
name: average_order
type: ratio
numerator: total
denominator: orders_count
---
kind: metric
name: paid
measure: orders.paid_total
---
kind: metric
name: european
measure: total
filter: "customers.region = 'EU'"
---
kind: metric
name: year_to_date
type: cumulative
measure: total
grain_to_date: year
---
kind: metric
name: growth
type: derived
expr: (now - before) / before
inputs:
  - { metric: revenue, alias: now }
  - { metric: revenue, alias: before, offset: 1 month }
`;

function makeSemanticShop(): TempProject {
  return makeProject({
    "data/orders.csv": "order_id,customer_id,amount,status,order_date\n1,1,10,paid,2024-01-05\n" +
      "2,2,20,paid,2024-01-20\n3,1,5,open,2024-02-03\n4,3,40,paid,2024-04-10\n5,2,15,paid,2024-04-11\n",
    "data/customers.csv": "customer_id,region\n1,EU\n2,US\n3,EU\n",
    "seeknal/sources.yml": source("orders") + "---\n" + source("customers"),
    "seeknal/clean_orders.yml": transform(
      "clean_orders",
      ["source.orders"],
      "SELECT * FROM ref('source.orders')",
    ),
    "seeknal/orders_model.yml": ORDERS_MODEL,
    "seeknal/customers_model.yml": CUSTOMERS_MODEL,
    "seeknal/metrics.yml": METRICS,
  });
}

interface PlanJson {
  readonly nodes: readonly {
    readonly id: string;
    readonly change: string;
    readonly category: string | null;
    readonly action: string;
    readonly reasons: readonly string[];
  }[];
}

Deno.test("seeknal metrics computes what hand-written SQL does", async (t) => {
  using project = makeSemanticShop();
  await ok(project, "run");
  const same = async (name: string, args: readonly string[], sql: string, columns = "*") =>
    await t.step(name, async () => {
      const rows = await project.json<object[]>("metrics", ...args);
      assert.deepEqual(rows, await project.json("query", sql));
      assert.ok(rows.length > 0, columns);
    });
  await same(
    "a ratio is a sum by a sum",
    ["revenue,average_order", "--dimensions", "order_date__month"],
    "SELECT CAST(date_trunc('month', order_date) AS DATE) AS order_date__month, sum(amount) AS revenue, " +
      "sum(amount) / count(*) AS average_order FROM transform.clean_orders GROUP BY ALL ORDER BY 1",
  );
  await same(
    "dimensions of a joined model, and a filter over one",
    [
      "revenue",
      "european,paid",
      "-d",
      "customers.region",
      "--order-by",
      "-revenue",
      "--limit",
      "1",
    ],
    "SELECT region AS customers__region, sum(amount) AS revenue, sum(amount) FILTER (region = 'EU') AS european, " +
      "sum(amount) FILTER (status = 'paid') AS paid FROM transform.clean_orders JOIN source.customers " +
      "USING (customer_id) GROUP BY ALL ORDER BY revenue DESC LIMIT 1",
  );
  await same(
    "months without orders go on with what was there",
    ["year_to_date", "-d", "metric_time__month"],
    "FROM (VALUES (DATE '2024-01-01', 30), ('2024-02-01', 35), ('2024-03-01', 35), ('2024-04-01', 90)) " +
      "AS t(metric_time__month, year_to_date)",
  );
  await same(
    "a month is compared with the one before",
    ["growth", "-d", "metric_time__month", "--filter", "status IN ('paid', 'open')"],
    "FROM (VALUES (DATE '2024-01-01', NULL), ('2024-02-01', (5 - 30) / 30), ('2024-03-01', NULL), " +
      "('2024-04-01', NULL)) AS t(metric_time__month, growth)",
  );
  await t.step("query --metrics is the same command, and its SQL runs by itself", async () => {
    const args = ["--dimensions", "status", "--filter", "order_date__month = DATE '2024-04-01'"];
    const compiled = await project.json<{ sql: string; columns: string[] }>(
      ...["query", "--metrics", "revenue", ...args, "--compile"] as [string, ...string[]],
    );
    assert.deepEqual(compiled.columns, ["status", "revenue"]);
    assert.deepEqual(
      await project.json("query", compiled.sql),
      await project.json("metrics", "revenue", ...args),
    );
    const csv = await ok(project, "query", "--metrics", "revenue", ...args, "--format", "csv");
    assert.equal(csv, "status,revenue\npaid,55\n");
  });
  await t.step("metrics are listed with their dimensions", async () => {
    const { metrics } = await project.json<{ metrics: { name: string; dimensions: string[] }[] }>(
      "metrics",
    );
    assert.deepEqual(
      metrics.map(({ name }) => name),
      ["average_order", "european", "growth", "paid", "revenue", "year_to_date"],
    );
    assert.deepEqual(metrics[0]!.dimensions, [
      "metric_time",
      "order_date",
      "status",
      "order_id",
      "customer_id",
      "customers.region",
    ]);
  });
  await t.step("what cannot be asked is refused with what can", async () => {
    const refused = async (code: string, hint: RegExp, ...args: string[]) => {
      const { code: exit, stdout, stderr } = await project.run("metrics", ...args);
      assert.deepEqual([exit, stdout], [3, ""], stderr);
      assert.match(stderr, hint);
      const answer = await project.run("metrics", ...args, "--json");
      assert.match(answer.stdout, new RegExp(`"code": ?"${code}"`));
    };
    await refused("unknown_metric", /did you mean "revenue"/, "revenu");
    await refused("unknown_dimension", /did you mean "status"/, "revenue", "-d", "statuss");
    await refused("invalid_grain", /write status/, "revenue", "-d", "status__month");
    await refused("metric_needs_time", /metric_time__month/, "growth");
    await refused("metric_needs_time", /shorter period/, "growth", "-d", "metric_time__quarter");
    await refused("measure_in_filter", /filter by/, "revenue", "--filter", "total > 5");
    await refused(
      "invalid_filter",
      /status = 'paid'/,
      "revenue",
      "--filter",
      "status = 'a'; DROP TABLE x",
    );
    await refused("unknown_column", /did you mean "revenue"/, "revenue", "--order-by", "-revenues");
  });
});

Deno.test("seeknal metrics refuses a join that finds several rows where one is declared", async () => {
  using project = makeSemanticShop();
  project.write("data/customers.csv", "customer_id,region\n1,EU\n1,US\n2,US\n3,EU\n");
  await ok(project, "run");
  const { code, stderr } = await project.run("metrics", "revenue", "-d", "region");
  assert.equal(code, 4);
  assert.match(stderr, /5 rows become 7/);
  assert.match(await ok(project, "metrics", "revenue"), /90/);
});

Deno.test("what a change of a semantic model means is told by its measures and dimensions", async (t) => {
  using project = makeSemanticShop();
  await ok(project, "run");
  const edit = async (file: string, from: string | RegExp, to: string) => {
    const before = project.read(file);
    const after = before.replace(from, to);
    assert.notEqual(after, before);
    project.write(file, after);
    const { code, stdout, stderr } = await project.run("plan", "--json");
    project.write(file, before);
    return { code, stderr, stdout };
  };
  const categories = async (file: string, from: string | RegExp, to: string) => {
    const { code, stdout, stderr } = await edit(file, from, to);
    assert.equal(code, 0, stdout + stderr);
    const { nodes } = JSON.parse(stdout) as PlanJson;
    const changed = nodes.filter(({ change }) => change !== "none");
    assert.ok(changed.every(({ action }) => action === "none"));
    return Object.fromEntries(changed.map(({ id, change, category }) => [id, category ?? change]));
  };
  const model = "seeknal/orders_model.yml";
  await t.step("a removed measure is BREAKING", async () => {
    const line = / {2}- \{ name: paid_total.*\n/;
    const metrics = project.read("seeknal/metrics.yml");
    project.write(
      "seeknal/metrics.yml",
      metrics.replace("measure: orders.paid_total", "measure: total"),
    );
    const found = await categories(model, line, "");
    project.write("seeknal/metrics.yml", metrics);
    assert.deepEqual(found, { "metric.paid": "BREAKING", "semantic_model.orders": "BREAKING" });
  });
  await t.step("an added measure is NON_BREAKING", async () => {
    const added = "measures:\n  - { name: largest, expr: amount, agg: max }\n";
    const found = await categories(model, "measures:\n", added);
    assert.deepEqual(found, { "semantic_model.orders": "NON_BREAKING" });
  });
  await t.step("a description is METADATA", async () => {
    const found = await categories(model, "agg: count }", "agg: count, description: Rows }");
    assert.deepEqual(found, { "semantic_model.orders": "METADATA" });
  });
  await t.step("another way of adding up is BREAKING, for its metrics too", async () => {
    const found = await categories(model, "expr: amount, agg: sum }", "expr: amount, agg: max }");
    assert.deepEqual(found, {
      "metric.average_order": "BREAKING",
      "metric.european": "BREAKING",
      "metric.growth": "indirect",
      "metric.revenue": "BREAKING",
      "metric.year_to_date": "BREAKING",
      "semantic_model.orders": "BREAKING",
    });
  });
  await t.step("another offset is BREAKING", async () => {
    const found = await categories("seeknal/metrics.yml", "offset: 1 month", "offset: 1 year");
    assert.deepEqual(found, { "metric.growth": "BREAKING" });
  });
  await t.step("a change of what it reads goes on to exactly the metrics that see it", async () => {
    const file = "seeknal/clean_orders.yml";
    const sql = "SELECT order_id, customer_id, amount, upper(status) AS status, order_date FROM";
    const { stdout } = await edit(file, "SELECT * FROM", sql);
    const { nodes } = JSON.parse(stdout) as PlanJson;
    const changed = nodes.filter(({ change }) => change !== "none").map(({ id }) => id);
    assert.deepEqual(changed, [
      "metric.paid",
      "semantic_model.orders",
      "transform.clean_orders",
    ]);
  });
  await t.step("a column that is gone is an error of the model, with what did it", async () => {
    const file = "seeknal/clean_orders.yml";
    const sql = "SELECT order_id, customer_id, status, order_date FROM";
    const { code, stdout } = await edit(file, "SELECT * FROM", sql);
    assert.equal(code, 3);
    assert.match(stdout, /orders_model\.yml/);
    assert.match(stdout, /no longer returns amount/);
    assert.match(stdout, /"line": 12/);
  });
});

/** A mistake: file, what stands there, what is written instead, code and line of the problem. */
type Mistake = readonly [string, string, string, string, number];

Deno.test("a semantic layer with mistakes is refused at their place, and nowhere else", async (t) => {
  using project = makeSemanticShop();
  const check = async ([name, from, to, code, line]: Mistake, find: () => Promise<string[]>) => {
    const file = `seeknal/${name}.yml`;
    const before = project.read(file);
    assert.ok(before.includes(from), from);
    project.write(file, before.replace(from, to));
    const found = await find();
    project.write(file, before);
    assert.deepEqual(found, [`${file}:${line} ${code}`], to);
  };
  const words = (diagnostics: readonly Pick<Diagnostic, "code" | "file" | "line">[]) =>
    diagnostics.map(({ file, line, code }) => `${file}:${line} ${code}`);
  const read: readonly Mistake[] = [
    ["orders_model", "agg: count }", "agg: cuont }", "wrong_value", 14],
    ["orders_model", "name: status, type: cat", "name: total, type: cat", "duplicate_name", 12],
    ["orders_model", "transform.clean_orders", "transform.cleen_orders", "unknown_model", 3],
    [
      "orders_model",
      "default_time_dimension: order_date",
      "default_time_dimension: status",
      "unknown_dimension",
      4,
    ],
    ["orders_model", "{customers}.customer_id", "{customers}.id", "unknown_entity", 16],
    ["orders_model", "name: customers, rel", "name: clients, rel", "invalid_join", 16],
    ["orders_model", "name: revenue, m", "name: re-venue, m", "invalid_name", 18],
    ["orders_model", "agg: sum, filters", "agg: sum, filter", "unknown_field", 13],
    [
      "orders_model",
      "expr: amount, agg: sum }",
      "expr: 'amount -- x', agg: sum }",
      "invalid_expression",
      12,
    ],
    [
      "orders_model",
      "expr: amount, agg: sum }",
      "expr: 'amount)', agg: sum }",
      "invalid_expression",
      12,
    ],
    ["metrics", "type: ratio", "type: ration", "wrong_value", 3],
    ["metrics", "denominator: orders_count", "denominator: order_count", "unknown_measure", 5],
    ["metrics", "measure: orders.paid_total", "measure: orders.paid", "unknown_measure", 9],
    ["metrics", "grain_to_date: year", "grain_to_date: years", "wrong_value", 20],
    ["metrics", "(now - before) / before", "(now - befor) / before", "unknown_input", 25],
    ["metrics", "offset: 1 month", "offset: 1 moon", "wrong_value", 28],
    ["metrics", "metric: revenue, alias: now", "metric: growth, alias: now", "metric_cycle", 27],
    ["metrics", "alias: now", "alias: before", "duplicate_name", 28],
  ];
  for (const mistake of read) {
    await t.step(`${mistake[3]}: ${mistake[2]}`, () =>
      check(mistake, () =>
        Promise.resolve(words(
          loadProject(project.root).diagnostics.filter(({ code }) =>
            // The same expression names what is no input any more.
            mistake[3] !== "duplicate_name" || code !== "unknown_input"
          ),
        ))));
  }
  const bound: readonly Mistake[] = [
    [
      "orders_model",
      "name: status, type: categorical",
      "name: status, type: time",
      "time_dimension_type",
      10,
    ],
    [
      "orders_model",
      "expr: amount, agg: sum }",
      "expr: status, agg: sum }",
      "measure_does_not_add_up",
      12,
    ],
    [
      "orders_model",
      "expr: amount, agg: sum }",
      "expr: amunt, agg: sum }",
      "sql_does_not_bind",
      12,
    ],
    ["metrics", "customers.region = 'EU'", "customers.regoin = 'EU'", "sql_does_not_bind", 14],
  ];
  for (const mistake of bound) {
    await t.step(`${mistake[3]}: ${mistake[2]}`, () =>
      check(mistake, async () => {
        const { code, stdout } = await project.run("parse", "--json");
        assert.equal(code, 3, stdout);
        return words((JSON.parse(stdout) as { diagnostics: [] }).diagnostics);
      }));
  }
});

Deno.test("a metric that a run of a part left behind is said to be broken, and the others work", async () => {
  using project = makeSemanticShop();
  await ok(project, "run");
  project.write(
    "seeknal/orders_model.yml",
    ORDERS_MODEL.replace(/ {2}- \{ name: paid_total.*\n/, ""),
  );
  project.write("seeknal/metrics.yml", METRICS.replace("orders.paid_total", "total"));
  await ok(project, "run", "--select", "metric.revenue");
  const { metrics } = await project.json<{ metrics: { name: string; problem: string | null }[] }>(
    "metrics",
  );
  const broken = metrics.filter(({ problem }) => problem !== null);
  assert.deepEqual(broken.map(({ name }) => name), ["paid"]);
  assert.match(await ok(project, "metrics", "revenue"), /90/);
  assert.equal((await project.run("metrics", "paid")).code, 3);
});

Deno.test("metrics of an environment are computed as it defines them, from its outputs", async () => {
  using project = makeSemanticShop();
  await ok(project, "run");
  project.write(
    "seeknal/clean_orders.yml",
    transform(
      "clean_orders",
      ["source.orders"],
      "SELECT * REPLACE (amount * 2 AS amount) FROM ref('source.orders')",
    ),
  );
  project.write(
    "seeknal/metrics.yml",
    METRICS.replace("measure: orders.paid_total", "measure: total"),
  );
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  const value = async (env: string) =>
    (await project.json<{ paid: number }[]>("metrics", "paid", "--env", env))[0]!.paid;
  assert.deepEqual([await value("prod"), await value("dev")], [85, 180]);
  await ok(project, "promote", "dev", "--yes");
  assert.equal(await value("prod"), 180);
  await ok(project, "rollback", "--yes");
  assert.equal(await value("prod"), 85);
  assert.deepEqual(await rowsOf(project, "SELECT count(*) AS n FROM transform.clean_orders"), [{
    n: 5,
  }]);
});
