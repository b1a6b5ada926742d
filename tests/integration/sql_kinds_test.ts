import assert from "node:assert/strict";
import type { TempProject } from "../support/project.ts";
import { BY_HAND, flightsCsv, makeFlights } from "../support/flights_project.ts";
import { ok, rowsOf, source } from "../support/shop.ts";
import { makeProject } from "../support/project.ts";

interface PlanJson {
  readonly nodes: readonly {
    readonly id: string;
    readonly category: string | null;
    readonly change: string;
  }[];
}

interface Found {
  readonly file: string;
  readonly line: number;
  readonly code: string;
  readonly hint?: string;
}

async function sameAsByHand(project: TempProject, env: string): Promise<void> {
  const made = await values(project, Object.keys(BY_HAND).map((id) => `FROM ${id}`), env);
  const byHand = await values(project, Object.values(BY_HAND), env);
  Object.keys(BY_HAND).forEach((id, i) => {
    assert.ok(made[i]!.length > 0, id);
    assert.deepEqual(made[i], byHand[i], `${id} in ${env}`);
  });
}

/** Rows of queries without column names, in an order of their own, floating-point numbers rounded. */
async function values(
  project: TempProject,
  queries: readonly string[],
  env: string,
): Promise<string[][]> {
  const sql = queries.map((query, i) =>
    `SELECT ${i} AS "query", to_json(t)::VARCHAR AS "row" FROM (${query}) AS t`
  ).join(" UNION ALL ");
  const { stdout, stderr, code } = await project.run(
    ...["query", sql, "--env", env, "--json", "--limit", "100000"],
  );
  assert.equal(code, 0, stderr);
  const rows = JSON.parse(stdout) as { query: number; row: string }[];
  return queries.map((_, i) =>
    rows.filter(({ query }) => query === i)
      .map(({ row }) => JSON.stringify(Object.values(JSON.parse(row)).map(plain))).sort()
  );
}

/** Sums of floating-point numbers depend on the order of the rows in their last digits. */
function plain(value: unknown): unknown {
  const isNumber = typeof value === "number" ||
    (typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value));
  return isNumber ? Number(Number(value).toPrecision(9)) : value;
}

Deno.test("every kind made of one SELECT goes through dev, staging, production and rollback, with the rows of hand-written SQL", async () => {
  using flights = makeFlights();
  const release = async () => {
    await ok(flights, "plan", "dev");
    await ok(flights, "run", "--env", "dev");
    await ok(flights, "promote", "dev", "staging", "--yes");
    await ok(flights, "promote", "staging", "--yes");
  };
  const rows = async (env: string) =>
    (await rowsOf(flights, "SELECT count(*) AS n FROM training_set.flight_delays", env))[0]!["n"];
  await release();
  await sameAsByHand(flights, "dev");
  await sameAsByHand(flights, "staging");
  assert.equal(Number(await rows("prod")), 900);
  flights.write("data/flights.csv", flightsCsv(2, 1200));
  await release();
  await sameAsByHand(flights, "prod");
  assert.equal(Number(await rows("prod")), 1200);
  await ok(flights, "rollback", "--yes");
  await sameAsByHand(flights, "prod");
  assert.equal(Number(await rows("prod")), 900);
  assert.equal(Number(await rows("staging")), 1200);
});

const ORDERS =
  "order_id,customer_id,amount,day\n1,1,10,2024-01-01\n2,1,20,2024-01-05\n3,2,5,2024-01-07\n";

const GROUP = `kind: feature_group
name: spend
entity: {name: customer, join_keys: [customer_id]}
transform: |
  SELECT customer_id, day AS event_time, sum(amount) AS total, count(*) AS n FROM ref('source.orders') GROUP BY 1, 2
`;

const LABELS = `kind: training_set
name: labels
spine: {ref: source.orders, event_time: day}
features: [{ref: feature_group.spend, columns: [total]}]
`;

const WEEKLY = `kind: aggregation
name: weekly
id_col: customer_id
feature_date_col: day
inputs: [{ref: source.orders}]
features:
  - {name: amount, basic: [sum], rolling: [{window: [1, 7], aggs: [sum]}]}
`;

const PROFILE =
  "kind: profile\nname: p\ninputs: [source.orders]\n---\nkind: rule\nname: x\ninputs: [profile.p]\n";

function makeOrders(files: Readonly<Record<string, string>> = {}): TempProject {
  return makeProject({
    "data/orders.csv": ORDERS,
    "seeknal/orders.yml": source("orders"),
    ...files,
  });
}

/** Category of each changed node by id, and whether it changed itself. */
async function changes(project: TempProject): Promise<Record<string, string>> {
  const { nodes } = await project.json<PlanJson>("plan", "dev");
  return Object.fromEntries(
    nodes.filter(({ change }) => change !== "none").map((
      { id, change, category },
    ) => [id, `${change} ${category}`]),
  );
}

Deno.test("an edit of a kind's fields means what it does to the columns: added NON_BREAKING, removed BREAKING, described METADATA", async () => {
  using project = makeOrders({
    "seeknal/spend.yml": GROUP,
    "seeknal/labels.yml": LABELS,
    "seeknal/weekly.yml": WEEKLY,
  });
  await ok(project, "run");
  const edits = [
    ["labels", "columns: [total]", "columns: [total, n]", {
      "training_set.labels": "direct NON_BREAKING",
    }],
    ["labels", "columns: [total]", "columns: [n]", { "training_set.labels": "direct BREAKING" }],
    ["labels", "columns: [total]", "columns: [total], max_age: 30d", {
      "training_set.labels": "direct BREAKING",
    }],
    ["weekly", "basic: [sum]", "basic: [sum, max]", {
      "aggregation.weekly": "direct NON_BREAKING",
    }],
    ["weekly", "basic: [sum], ", "", { "aggregation.weekly": "direct BREAKING" }],
    ["weekly", "[1, 7]", "[0, 7]", { "aggregation.weekly": "direct BREAKING" }],
    ["spend", "count(*) AS n", "count(*) AS n, max(amount) AS most", {
      "feature_group.spend": "direct NON_BREAKING",
    }],
    ["spend", "entity:", "features: {n: {description: Orders}, total: int}\nentity:", {
      "feature_group.spend": "direct METADATA",
    }],
  ] as const;
  for (const [name, from, to, expected] of edits) {
    const before = project.read(`seeknal/${name}.yml`);
    assert.ok(before.includes(from), from);
    project.write(`seeknal/${name}.yml`, before.replace(from, to));
    assert.deepEqual(await changes(project), expected, `${name}: ${to}`);
    project.write(`seeknal/${name}.yml`, before);
  }
});

Deno.test("the plan shows an edit of a kind's fields as one of the fields, not of SQL that nobody wrote", async () => {
  using project = makeOrders({ "seeknal/weekly.yml": WEEKLY });
  await ok(project, "run");
  project.write("seeknal/weekly.yml", WEEKLY.replace("basic: [sum]", "basic: [sum, max]"));
  const shown = await ok(project, "plan");
  assert.match(shown, /^ +- +- basic: \[sum\]$/m);
  assert.match(shown, /^ +\+ +- basic: \[sum, max\]$/m);
  assert.doesNotMatch(shown, /FILTER/);
});

Deno.test("a feature that a training set does not take leaves it alone when it changes", async () => {
  using project = makeOrders({ "seeknal/spend.yml": GROUP, "seeknal/labels.yml": LABELS });
  await ok(project, "run");
  project.write("seeknal/spend.yml", GROUP.replace("count(*) AS n", "count(amount) + 1 AS n"));
  assert.deepEqual(await changes(project), { "feature_group.spend": "direct BREAKING" });
  project.write("seeknal/spend.yml", GROUP.replace("sum(amount)", "sum(amount) + 1"));
  assert.deepEqual(await changes(project), {
    "feature_group.spend": "direct BREAKING",
    "training_set.labels": "indirect null",
  });
});

Deno.test("a training set keeps both of two equal spine rows, and names columns apart where they clash", async () => {
  using project = makeOrders({
    "data/orders.csv": ORDERS + "3,2,5,2024-01-07\n",
    "seeknal/spend.yml": GROUP.replace("count(*) AS n", "count(*) AS amount"),
    "seeknal/labels.yml": LABELS.replace(", columns: [total]", ""),
  });
  await ok(project, "run");
  assert.deepEqual(
    await rowsOf(project, "SELECT order_id, amount, total, spend__amount FROM training_set.labels"),
    [
      { order_id: 1, amount: 10, total: 10, spend__amount: 1 },
      { order_id: 2, amount: 20, total: 20, spend__amount: 1 },
      { order_id: 3, amount: 5, total: 10, spend__amount: 2 },
      { order_id: 3, amount: 5, total: 10, spend__amount: 2 },
    ],
  );
});

Deno.test("an aggregation reads the input it declares, not the node that was built last (b.7)", async () => {
  using project = makeOrders({
    "seeknal/weekly.yml": WEEKLY.replace("source.orders", "transform.doubled"),
    "seeknal/doubled.yml":
      "kind: transform\nname: doubled\ntransform: SELECT * REPLACE (amount * 2 AS amount) FROM ref('source.orders')\n",
    "seeknal/zero.yml":
      "kind: transform\nname: zero\ninputs: [source.orders, transform.doubled]\ntransform: SELECT * REPLACE (0 AS amount) FROM input_0\n",
  });
  await ok(project, "run");
  const sums = await rowsOf(
    project,
    "SELECT customer_id, amount_sum::INTEGER AS s FROM aggregation.weekly",
  );
  assert.deepEqual(sums.map(({ s }) => s), [60, 10]);
});

Deno.test("a rule that fails with severity error fails the run with exit 4; one that warns does not", async () => {
  const rule = (severity: string) =>
    `kind: rule\nname: r\ninputs: [source.orders]\nparams: {severity: ${severity}, error_message: Too much}\n` +
    "rule:\n  - {type: null, columns: [order_id]}\n  - {type: range, column: amount, params: {max_val: 10}}\n";
  using project = makeOrders({ "seeknal/r.yml": rule("error") });
  await ok(project, "plan", "dev");
  const failed = await project.run("run", "--env", "dev");
  assert.equal(failed.code, 4, failed.stderr);
  assert.match(failed.stderr, /range\(amount\) failed: Too much/);
  assert.notEqual((await project.run("promote", "dev", "--yes")).code, 0);
  project.write("seeknal/r.yml", rule("warn"));
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  await ok(project, "promote", "dev", "--yes");
  const found = await rowsOf(
    project,
    "SELECT name, severity, status, violations, checked, detail FROM rule.r",
  );
  assert.deepEqual(found, [
    {
      name: "null(order_id)",
      severity: "warn",
      status: "passed",
      violations: 0,
      checked: 3,
      detail: null,
    },
    {
      name: "range(amount)",
      severity: "warn",
      status: "failed",
      violations: 1,
      checked: 3,
      detail: "Too much",
    },
  ]);
});

Deno.test("a rule about the clock is evaluated in every run, and what it finds is not forgotten by planning again", async () => {
  const fresh = Date.now() + 3_000;
  using project = makeProject({
    "data/events.csv": `at\n${new Date(fresh).toISOString().slice(0, 19)}\n`,
    "seeknal/events.yml": source("events", "columns: {at: TIMESTAMP}\n"),
    "seeknal/fresh.yml":
      "kind: rule\nname: fresh\ninputs: [source.events]\nrule: {type: freshness, column: at, params: {max_age: 3s}}\n",
  });
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  const again = await project.run("run", "--env", "dev");
  assert.match(again.stderr, /rule\.fresh/, "nothing changed, and it is evaluated all the same");
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, fresh + 3_500 - Date.now())));
  const stale = await project.run("run", "--env", "dev");
  assert.equal(stale.code, 4, stale.stderr);
  assert.match(stale.stderr, /freshness\(at\) failed: 1 of 1 rows are older than 3s/);
  await ok(project, "plan", "dev");
  assert.notEqual(
    (await project.run("promote", "dev", "--yes")).code,
    0,
    "planning again does not make it fresh",
  );
});

Deno.test("a seed's rows follow its file and its settings, whatever the profile says of CSV files", async () => {
  using project = makeProject({
    "profiles.yml": "source_defaults: {csv: {delimiter: ','}}\n",
    "seeds/codes.csv": "code;n\n'a;b';-\nc;2\n",
    "seeknal/codes.yml":
      `kind: seed\nname: codes\ndelimiter: ";"\nquote: "'"\nnullstr: "-"\ncolumns: {n: BIGINT}\n`,
  });
  await ok(project, "run");
  const rows = () => rowsOf(project, "FROM seed.codes");
  assert.deepEqual(await rows(), [{ code: "a;b", n: null }, { code: "c", n: 2 }]);
  project.write("seeds/codes.csv", "code;n\nd;3\n");
  await ok(project, "run");
  assert.deepEqual(await rows(), [{ code: "d", n: 3 }]);
  project.write(
    "seeknal/codes.yml",
    project.read("seeknal/codes.yml").replace("BIGINT", "VARCHAR"),
  );
  assert.deepEqual(await changes(project), { "seed.codes": "direct BREAKING" });
});

Deno.test("what is wrong with a kind's fields is said at the field, with what to write", async () => {
  const cases = [
    [
      "kind: feature_group\nname: x\nentity: customer\ntransform: SELECT 1 AS id, DATE '2024-01-01' AS event_time",
      3,
      "column_missing",
    ],
    [
      "kind: feature_group\nname: x\nentity: {name: c, join_keys: [id]}\ntransform: SELECT 1 AS id, 'now' AS at\nmaterialization:\n  event_time_col: at",
      6,
      "column_not_a_time",
    ],
    [`${GROUP}features:\n  total: string\n`, 7, "feature_type_differs"],
    [`${GROUP}features:\n  totl: int\n`, 7, "column_missing", 'did you mean "total"?'],
    [`${GROUP}materialization:\n  ofline: {}\n`, 7, "unknown_field", 'did you mean "offline"?'],
    [
      `${GROUP}---\n${
        GROUP.replace("name: spend", "name: zother").replace("[customer_id]", "[total]")
      }`,
      9,
      "join_keys_differ",
    ],
    [
      `${GROUP}---\n${LABELS.replace("total", "totl")}`,
      10,
      "column_missing",
      'did you mean "total"?',
    ],
    [LABELS.replace("feature_group.spend", "source.orders"), 4, "no_feature_group"],
    [
      WEEKLY.replace("basic: [sum]", "basic: [summ]"),
      7,
      "unknown_aggregation",
      'did you mean "sum"?',
    ],
    [WEEKLY.replace("[1, 7]", "[7, 1]"), 7, "invalid_window"],
    [WEEKLY.replace("name: amount", "name: amont"), 7, "column_missing", 'did you mean "amount"?'],
    [
      WEEKLY.replace("name: amount", "name: order_id").replace(
        "inputs: [{ref: source.orders}]",
        "inputs: [source.orders, source.orders2]",
      ),
      5,
      "several_inputs",
    ],
    [`${WEEKLY}  - {name: amount, basic: [sum]}\n`, 8, "duplicate_column"],
    [
      "kind: rule\nname: x\ninputs: [source.orders]\nrule:\n  - {type: null, columns: [order]}\n",
      5,
      "column_missing",
    ],
    [
      "kind: rule\nname: x\ninputs: [source.orders]\nrule: {type: uniquenes, columns: [order_id]}\n",
      4,
      "unknown_rule",
      'did you mean "uniqueness"?',
    ],
    [
      "kind: rule\nname: x\ninputs: [source.orders]\nrule: {type: null, columns: [order_id], params: {max_null_percentage: 5}}\n",
      4,
      "wrong_value",
      "write 0.05 for 5 %",
    ],
    [
      "kind: rule\nname: x\ninputs: [source.orders]\nrule: {type: profile_check, checks: [{metric: row_count, fail: '> 1'}]}\n",
      4,
      "no_profile",
    ],
    [
      `${PROFILE}rule: {type: profile_check, checks: [{column: amuont, metric: min, fail: '> 1'}]}\n`,
      8,
      "column_missing",
      'did you mean "amount"?',
    ],
    [
      `${PROFILE}rule: {type: profile_check, checks: [{column: amount, metric: null_percentage, fail: '> 1'}]}\n`,
      8,
      "unknown_metric",
    ],
    [
      "kind: training_set\nname: x\nspine: {ref: source.order, event_time: day}\nfeatures: [{ref: feature_group.y}]\n",
      3,
      "missing_input",
      'did you mean "source.orders"?',
    ],
    [
      "kind: training_set\nname: x\nspine: {ref: source.orders, event_time: day}\nfeatures:\n  - ref: feature_group.y\n",
      5,
      "missing_input",
    ],
    [WEEKLY.replace("inputs: [{ref: source.orders}]", "source: source.order"), 5, "missing_input"],
    [
      "kind: rule\nname: x\ninputs: [source.orders]\nrule: {type: sql_assertion, sql: SELECT * FROM source.customers}\n",
      4,
      "sql_does_not_bind",
    ],
    [
      "kind: profile\nname: x\ninputs: [source.orders]\nprofile: {columns: [amont]}\n",
      4,
      "column_missing",
      'did you mean "amount"?',
    ],
    ["kind: seed\nname: x\nfile: seeds/none.csv\n", 3, "source_file"],
    ["kind: seed\nname: x\ndelimeter: ';'\n", 3, "unknown_field", 'did you mean "delimiter"?'],
  ] as const;
  using project = makeOrders();
  for (const [yaml, line, code, hint] of cases) {
    project.write("seeknal/x.yml", yaml);
    const { code: exit, stdout } = await project.run("plan", "--json");
    assert.equal(exit, 3, yaml);
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: readonly Found[] };
    const found = diagnostics.filter(({ file }) => file === "seeknal/x.yml");
    const match = found.find((d) => d.code === code && d.line === line);
    assert.ok(
      match !== undefined,
      `${code} at line ${line} of\n${yaml}\n${JSON.stringify(found, null, 1)}`,
    );
    if (hint !== undefined) assert.equal(match.hint, hint);
  }
});

Deno.test("a check of a kind is made again where nothing had to be bound again", async () => {
  using project = makeOrders({ "seeknal/spend.yml": GROUP });
  await ok(project, "run");
  project.write("seeknal/spend.yml", `${GROUP}features: {nope: int}\n`);
  const { code, stderr } = await project.run("plan");
  assert.equal(code, 3);
  assert.match(stderr, /there is no column "nope" in its output/);
});

Deno.test("a feature group that a script makes is one that a training set can read", async () => {
  using project = makeOrders({
    "seeknal/labels.yml": LABELS,
    "seeknal/spend.ts": [
      "// /// seeknal",
      "// kind: feature_group",
      "// entity: {name: customer, join_keys: [customer_id]}",
      "// inputs: [source.orders]",
      "// columns: {customer_id: BIGINT, event_time: DATE, total: BIGINT}",
      "// ///",
      "export default () => [{ customer_id: 1, event_time: new Date(Date.UTC(2024, 0, 2)), total: 7 }];",
      "",
    ].join("\n"),
  });
  const planned = await changes(project);
  assert.deepEqual(Object.keys(planned), [
    "feature_group.spend",
    "source.orders",
    "training_set.labels",
  ]);
  project.write(
    "seeknal/spend.ts",
    project.read("seeknal/spend.ts").replace("[customer_id]", "[customer]"),
  );
  const { code, stderr } = await project.run("plan");
  assert.equal(code, 3);
  assert.match(
    stderr,
    /seeknal\/spend.ts:3:\d+ error: .*there is no column "customer" in its output/,
  );
});

Deno.test("two feature rows of one key and time are warned of by an audit that the group implies", async () => {
  using project = makeOrders({
    "seeknal/spend.yml": GROUP.replace(" GROUP BY 1, 2", "").replace("sum(amount)", "amount")
      .replace("count(*)", "1"),
    "data/orders.csv": ORDERS + "4,1,30,2024-01-01\n",
    "seeknal/labels.yml": LABELS,
  });
  const events = await project.run("run", "--json");
  assert.equal(events.code, 0, events.stderr);
  assert.match(events.stdout, /"name":"unique\(customer_id, event_time\)".*"status":"failed"/);
  const rows = await rowsOf(
    project,
    "SELECT order_id, total FROM training_set.labels WHERE order_id = 1",
  );
  assert.deepEqual(rows, [{ order_id: 1, total: 30 }]);
});
