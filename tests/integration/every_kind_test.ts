import assert from "node:assert/strict";
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { NODE_KINDS } from "../../src/nodes/registry.ts";
import { git } from "../support/command.ts";
import { makeProject, type TempProject } from "../support/project.ts";
import { ok } from "../support/shop.ts";

const FIXTURE = join(import.meta.dirname!, "../../fixtures/projects/every_kind");
const DAY_MS = 86_400_000;

/** A state of the project: as it is written, and after everything was edited. */
type Version = "first" | "second";

/** What a node has in each version, as rows of `ask` with their values joined, in any order. */
interface Expected {
  /** Which of its rows and columns are looked at; absent: all. */
  readonly ask?: string;
  readonly first: readonly string[];
  readonly second: readonly string[];
}

/** Edits of node files, each of which changes one node: file, what is there, what comes instead. */
const EDITS: Readonly<Record<string, readonly [file: string, from: string, to: string]>> = {
  "seed.regions": ["seeds/regions.csv", "3;-", "3;west"],
  "source.orders": [
    "data/orders.csv",
    "5,2,2.50,paid,2026-01-01\n",
    "5,2,2.50,paid,2026-01-01\n6,1,30.00,paid,2026-01-02\n",
  ],
  "transform.order_sizes": [
    "seeknal/transforms/order_sizes.ts",
    "params: {large: 10}",
    "params: {large: 20}",
  ],
  "transform.order_notes": [
    "seeknal/transforms/order_notes.py",
    "on {row['order_date']}",
    "for {row['customer_id']}",
  ],
  "feature_group.customer_spend": [
    "seeknal/features/customer_spend.yml",
    "count(*) AS orders",
    "max(amount) AS largest",
  ],
  "training_set.spend_at_order": [
    "seeknal/features/spend_at_order.yml",
    "columns: [spent]",
    "columns: [spent, largest]",
  ],
  "aggregation.weekly_spend": [
    "seeknal/features/weekly_spend.yml",
    "basic: [sum]",
    "basic: [sum, max]",
  ],
  "second_order_aggregation.region_spend": [
    "seeknal/features/region_spend.yml",
    "basic: [sum], source_feature: amount_sum",
    "basic: [sum], source_feature: amount_max",
  ],
  "profile.paid_profile": [
    "seeknal/quality/paid_profile.yml",
    "columns: [amount]",
    "columns: [amount, region]",
  ],
  "rule.paid_ok": ["seeknal/quality/rules.yml", "min_val: 5", "min_val: 1"],
  "model.mean_amount": ["seeknal/models/mean_amount.ts", "prediction: mean", "prediction: -mean"],
  "semantic_model.orders": [
    "seeknal/metrics/orders.yml",
    "{ name: total, expr: amount, agg: sum }",
    "{ name: total, expr: amount * 2, agg: sum }",
  ],
  "metric.average_order": [
    "seeknal/metrics/average_order.yml",
    "type: ratio",
    "type: ratio\nfilter: region IS NOT NULL",
  ],
  "exposure.regional_sales": ["seeknal/exposures/exposures.yml", "format: csv", "format: jsonl"],
};

const EXPECTED: Readonly<Record<string, Expected>> = {
  "source.orders": {
    ask: "SELECT count(*), sum(amount) FROM source.orders",
    first: ["5|45"],
    second: ["6|75"],
  },
  "seed.regions": {
    first: ["1|north", "2|south", "3|null"],
    second: ["1|north", "2|south", "3|west"],
  },
  "transform.paid_orders": {
    ask: "SELECT order_id, amount, region FROM transform.paid_orders",
    first: ["1|10|north", "2|20|south", "4|7.5|null", "5|2.5|south"],
    second: ["1|10|north", "2|20|south", "4|7.5|west", "5|2.5|south", "6|30|north"],
  },
  "transform.daily_orders": {
    first: ["2025-12-30|2|30", "2025-12-31|1|7.5", "2026-01-01|1|2.5"],
    second: ["2025-12-30|2|30", "2025-12-31|1|7.5", "2026-01-01|1|2.5", "2026-01-02|1|30"],
  },
  "transform.latest_orders": {
    first: ["1|2025-12-30|10", "2|2026-01-01|2.5", "3|2025-12-31|7.5"],
    second: ["1|2026-01-02|30", "2|2026-01-01|2.5", "3|2025-12-31|7.5"],
  },
  "transform.order_sizes": {
    first: ["1|large", "2|large", "4|small", "5|small"],
    second: ["1|small", "2|large", "4|small", "5|small", "6|large"],
  },
  "transform.order_notes": {
    first: [
      "1|10.00 on 2025-12-30",
      "2|20.00 on 2025-12-30",
      "4|7.50 on 2025-12-31",
      "5|2.50 on 2026-01-01",
    ],
    second: ["1|10.00 for 1", "2|20.00 for 2", "4|7.50 for 3", "5|2.50 for 2", "6|30.00 for 1"],
  },
  "feature_group.customer_spend": {
    first: [
      "1|2025-12-30|10|1",
      "2|2025-12-30|20|1",
      "2|2026-01-01|2.5|1",
      "3|2025-12-31|7.5|1",
    ],
    second: [
      "1|2025-12-30|10|10",
      "1|2026-01-02|30|30",
      "2|2025-12-30|20|20",
      "2|2026-01-01|2.5|2.5",
      "3|2025-12-31|7.5|7.5",
    ],
  },
  "training_set.spend_at_order": {
    ask:
      "SELECT * EXCLUDE (customer_id, amount, status, order_date) FROM training_set.spend_at_order",
    first: ["1|10", "2|20", "3|10", "4|7.5", "5|2.5"],
    second: [
      "1|10|10",
      "2|20|20",
      "3|10|10",
      "4|7.5|7.5",
      "5|2.5|2.5",
      "6|30|30",
    ],
  },
  "aggregation.weekly_spend": {
    ask: "SELECT * EXCLUDE (application_date) FROM aggregation.weekly_spend",
    first: ["1|north|10|10", "2|south|22.5|20", "3|null|7.5|7.5"],
    second: ["1|north|40|30|10", "2|south|22.5|20|22.5", "3|west|7.5|7.5|7.5"],
  },
  "second_order_aggregation.region_spend": {
    first: ["null|2026-01-01|1|7.5", "north|2026-01-01|1|10", "south|2026-01-01|1|22.5"],
    second: ["north|2026-01-02|1|30", "south|2026-01-02|1|20", "west|2026-01-02|1|7.5"],
  },
  "profile.paid_profile": {
    ask: "SELECT column_name, metric, value FROM profile.paid_profile " +
      "WHERE metric IN ('row_count', 'sum', 'null_count')",
    first: ["_table_|row_count|4", "amount|null_count|0", "amount|sum|40.00"],
    second: [
      "_table_|row_count|5",
      "amount|null_count|0",
      "amount|sum|70.00",
      "region|null_count|0",
    ],
  },
  "rule.paid_ok": {
    ask: "SELECT type, status, violations, checked FROM rule.paid_ok",
    first: ["null|passed|0|4", "range|failed|1|4"],
    second: ["null|passed|0|5", "range|passed|0|5"],
  },
  "rule.paid_figures": {
    ask: "SELECT type, status FROM rule.paid_figures",
    first: ["profile_check|passed"],
    second: ["profile_check|passed"],
  },
  "model.mean_amount": {
    first: ["1|9", "2|9", "3|9", "4|9", "5|9"],
    second: ["1|-12.5", "2|-12.5", "3|-12.5", "4|-12.5", "5|-12.5", "6|-12.5"],
  },
};

/** What the metric is in each version. */
const AVERAGE_ORDER: Readonly<Record<Version, number>> = { first: 10, second: 28 };

/** Kinds without rows; what they say is asked for in other ways. */
const ROWLESS = ["semantic_model", "metric", "exposure"];

interface ListedNode {
  readonly id: string;
  readonly kind: string;
}

function makeEveryKind(): TempProject {
  const project = makeProject();
  for (const entry of readdirSync(FIXTURE)) {
    cpSync(join(FIXTURE, entry), project.path(entry), { recursive: true });
  }
  return project;
}

function editAll(project: TempProject): void {
  for (const [id, [file, from, to]] of Object.entries(EDITS)) {
    const text = project.read(file);
    assert.equal(text.split(from).length, 2, `${id}: ${file} has it once: ${from}`);
    project.write(file, text.replace(from, () => to));
  }
}

/** Rows of every node in an environment as JSON values joined by `|`, sorted. */
async function rowsOfAll(
  project: TempProject,
  queries: Readonly<Record<string, string>>,
  env: string,
): Promise<Record<string, string[]>> {
  const sql = Object.entries(queries).map(([id, query]) =>
    `SELECT '${id}' AS id, to_json(t)::VARCHAR AS "row" FROM (${query}) AS t`
  ).join(" UNION ALL ");
  const rows = await project.json<{ id: string; row: string }[]>(
    ...["query", sql, "--env", env, "--limit", "100000"],
  );
  const valuesOf = ({ row }: { row: string }) =>
    Object.values(JSON.parse(row)).map(String).join("|");
  return Object.fromEntries(
    Object.keys(queries).map((
      id,
    ) => [id, rows.filter((row) => row.id === id).map(valuesOf).sort()]),
  );
}

/** Checks every row of environments, their metric, and the state as a whole. */
async function expectVersions(
  project: TempProject,
  versions: Readonly<Record<string, Version>>,
): Promise<void> {
  const queries = Object.fromEntries(
    Object.entries(EXPECTED).map(([id, { ask }]) => [id, ask ?? `FROM ${id}`]),
  );
  for (const [env, version] of Object.entries(versions)) {
    const found = await rowsOfAll(project, queries, env);
    const expected = Object.entries(EXPECTED).map(([id, rows]) => [id, rows[version].toSorted()]);
    assert.deepEqual(found, Object.fromEntries(expected), `rows in ${env}`);
    const metric = await project.json("metrics", "average_order", "--env", env);
    assert.deepEqual(metric, [{ average_order: AVERAGE_ORDER[version] }], `metric in ${env}`);
  }
  const { checks } = await project.json<{ checks: { check: string; status: string }[] }>("doctor");
  assert.deepEqual(checks.filter(({ status }) => status !== "ok"), []);
  await git(project.path("target/state.git"), "fsck", "--strict");
}

/** From the files to an environment, on to staging, on to production. */
async function release(
  project: TempProject,
  version: Version,
  before: Readonly<Record<string, Version>>,
): Promise<void> {
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  await expectVersions(project, { ...before, dev: version });
  await ok(project, "promote", "dev", "staging", "--yes");
  await expectVersions(project, { ...before, dev: version, staging: version });
  await ok(project, "promote", "staging", "--yes");
  await expectVersions(project, { dev: version, staging: version, prod: version });
  const { exposures } = await project.json<{ exposures: { id: string; status: string }[] }>(
    ...["deliver", "--dry-run"],
  );
  assert.deepEqual(exposures.map(({ status }) => status), ["pending", "documentation"]);
}

Deno.test("a node of every kind goes through dev, staging, production and rollback, and ends as one built from scratch", async (t) => {
  using project = makeEveryKind();
  await t.step(
    "the project has every kind, edits of each, and rows of all that have some",
    async () => {
      const { nodes } = await project.json<{ nodes: ListedNode[] }>("list");
      const kinds = new Set(nodes.map(({ kind }) => kind));
      assert.deepEqual(NODE_KINDS.map(({ kind }) => kind).filter((kind) => !kinds.has(kind)), []);
      const withRows = nodes.filter(({ kind }) => !ROWLESS.includes(kind)).map(({ id }) => id);
      assert.deepEqual(Object.keys(EXPECTED).sort(), withRows.sort());
      const edited = new Set(Object.keys(EDITS).map((id) => id.split(".")[0]));
      assert.deepEqual([...kinds].filter((kind) => !edited.has(kind)), []);
    },
  );
  await t.step("it is an example to follow: lint finds nothing, its own test passes", async () => {
    assert.match(await ok(project, "lint", "--strict"), /nothing found in/);
    assert.match(await ok(project, "test"), /1 test: 1 passed/);
  });
  await t.step("the first version reaches production", () => release(project, "first", {}));
  await t.step("an edit of every kind reaches production", async () => {
    editAll(project);
    project.host.advance(DAY_MS);
    await release(project, "second", { staging: "first", prod: "first" });
    await ok(project, "deliver");
    assert.match(project.read("target/exports/regional_sales.csv"), /"region":"west"/);
  });
  await t.step("a rollback brings production back, and nothing else", async () => {
    await ok(project, "rollback", "--yes");
    await expectVersions(project, { dev: "second", staging: "second", prod: "first" });
  });
  await t.step("a build from scratch gives the same rows", async () => {
    using scratch = makeEveryKind();
    editAll(scratch);
    scratch.host.advance(DAY_MS);
    await ok(scratch, "run", "--full");
    await expectVersions(scratch, { prod: "second" });
    const everything = Object.fromEntries(Object.keys(EXPECTED).map((id) => [id, `FROM ${id}`]));
    assert.deepEqual(
      await rowsOfAll(project, everything, "staging"),
      await rowsOfAll(scratch, everything, "prod"),
    );
  });
});
