import assert from "node:assert/strict";
import { tableChanges } from "../../../src/materialize/table_changes.ts";
import { isWantedIn, wantedTables } from "../../../src/materialize/wanted_tables.ts";
import { type EnvName, type NodeId, PROD } from "../../../src/model/ids.ts";
import type { Manifest, ManifestNode } from "../../../src/model/manifest.ts";
import type {
  MaterializationRecord,
  MaterializationSpec,
} from "../../../src/model/materialization.ts";
import { type TablesByNode, tablesOf, withTables } from "../../../src/model/outside.ts";
import type { NodeRecord } from "../../../src/model/snapshot.ts";
import { NO_PROFILE } from "../../../src/project/profiles.ts";

const DEV = "dev" as EnvName;
const ORDERS = "transform.orders" as NodeId;

function spec(extra: Partial<MaterializationSpec> = {}): MaterializationSpec {
  return {
    type: "postgresql",
    connection: "warehouse",
    table: "analytics.orders",
    mode: "full",
    ...extra,
  };
}

function manifest(fingerprint: string, materializations: readonly MaterializationSpec[]): Manifest {
  const node = {
    id: ORDERS,
    fingerprint,
    materializations,
    inputs: [],
    shape: { columns: [{ name: "id", type: "BIGINT", expression: null }] },
  } as unknown as ManifestNode;
  return { nodes: new Map([[ORDERS, node]]) };
}

const result = (content: string): ReadonlyMap<NodeId, NodeRecord> =>
  new Map([[ORDERS, {
    format_version: 1,
    id: ORDERS,
    status: "success",
    content_hash: content,
    rows: 3,
  } as unknown as NodeRecord]]);

const byNode = (records: readonly MaterializationRecord[]): TablesByNode =>
  records.length === 0 ? new Map() : new Map([[ORDERS, records]]);

function changes(
  content: string,
  now: readonly MaterializationRecord[],
  options: {
    readonly env?: EnvName;
    readonly spec?: MaterializationSpec;
    readonly forced?: boolean;
    readonly back?: readonly MaterializationRecord[];
  } = {},
) {
  const { env = PROD } = options;
  const own = manifest("f", [options.spec ?? spec()]);
  return tableChanges({
    env,
    project: "shop",
    batch: `batch of ${content}`,
    profile: NO_PROFILE,
    manifest: own,
    wanted: wantedTables(own, env, NO_PROFILE).tables,
    results: result(content),
    now: byNode(now),
    ...(options.forced === undefined ? {} : { forced: options.forced }),
    ...(options.back === undefined ? {} : { back: byNode(options.back) }),
  });
}

Deno.test("wantedTables() puts the environment before the schema, and never production", () => {
  const own = manifest("f", [spec()]);
  assert.deepEqual(wantedTables(own, PROD, NO_PROFILE).tables.map((t) => t.target), [
    "analytics.orders",
  ]);
  assert.deepEqual(
    wantedTables(own, "ci-42" as EnvName, NO_PROFILE).tables.map((t) => t.target),
    ["ci_42_analytics.orders"],
  );
});

Deno.test("wantedTables() refuses a table that two nodes, or one node twice, would write", () => {
  const { problems } = wantedTables(manifest("f", [spec(), spec()]), DEV, NO_PROFILE);
  assert.deepEqual(problems.map(({ index, message }) => [index, message]), [
    [1, "dev_analytics.orders is written by transform.orders already"],
  ]);
});

Deno.test("isWantedIn() leaves nodes that are as in production to production", () => {
  const node = manifest("f", [spec()]).nodes.get(ORDERS)!;
  const none = new Map();
  assert.equal(isWantedIn(DEV, manifest("f", [spec()]), none)(node), false);
  assert.equal(isWantedIn(DEV, manifest("g", [spec()]), none)(node), true);
  assert.equal(isWantedIn(DEV, manifest("f", []), none)(node), true);
  assert.equal(isWantedIn(DEV, { nodes: new Map() }, none)(node), true);
  assert.equal(isWantedIn(DEV, manifest("f", [spec()]), new Map([[ORDERS, []]]))(node), true);
  assert.equal(isWantedIn(PROD, manifest("f", [spec()]), none)(node), true);
});

Deno.test("tableChanges() writes a table whose content or way of writing is another, and no other", () => {
  const first = changes("c1", []);
  assert.deepEqual(first.writes.map((w) => [w.target, w.content_hash, w.action]), [
    ["analytics.orders", "c1", "write"],
  ]);
  const held = first.after.get(ORDERS)!;
  assert.deepEqual(changes("c1", held).writes, []);
  assert.equal(changes("c2", held).writes.length, 1);
  assert.equal(changes("c1", held, { forced: true }).writes.length, 1);
  assert.equal(
    changes("c1", held, { spec: spec({ mode: "upsert_by_key", unique_keys: ["id"] }) }).writes
      .length,
    1,
  );
  assert.deepEqual(
    changes("c1", held, { spec: spec({ validation: { checksum: false } }) }).writes,
    [],
  );
});

Deno.test("tableChanges() does not add the same content twice because it is spelled otherwise", () => {
  const held = changes("c1", [], { spec: spec({ mode: "append" }) }).after.get(ORDERS)!;
  const renamed = spec({ mode: "append", column_types: { id: "numeric" } });
  assert.deepEqual(changes("c1", held, { spec: renamed }).writes, []);
});

Deno.test("tableChanges() of a rollback takes back what was added instead of adding again", () => {
  const appended = { spec: spec({ mode: "append" }) };
  const held = (content: string) => changes(content, [], appended).after.get(ORDERS)!;
  const back = changes("c1", held("c2"), { ...appended, back: held("c1") });
  assert.deepEqual(back.writes.map(({ action }) => action), ["revert"]);
  const whole = changes("c1", changes("c2", []).after.get(ORDERS)!, { back: [] });
  assert.deepEqual(whole.writes.map(({ action }) => action), ["write"]);
});

Deno.test("tableChanges() of a rollback goes by what the tables held then, not by what was built", () => {
  const appended = { spec: spec({ mode: "append" }) };
  const held = (content: string) => changes(content, [], appended).after.get(ORDERS)!;
  const behind = changes("c2", held("c3"), { ...appended, back: held("c1") });
  assert.deepEqual(behind.writes.map(({ content_hash }) => content_hash), ["c1"]);
  assert.deepEqual(behind.after.get(ORDERS)!.map(({ content_hash }) => content_hash), ["c1"]);
  const none = changes("c2", held("c3"), { ...appended, back: [] });
  assert.deepEqual(none.writes, []);
  assert.deepEqual(none.after.get(ORDERS)!.map(({ content_hash }) => content_hash), ["c3"]);
});

Deno.test("tableChanges() releases a table that nothing writes to any more and leaves it as it is", () => {
  const held = changes("c1", []).after.get(ORDERS)!;
  const moved = changes("c1", held, { spec: spec({ table: "analytics.sales" }) });
  assert.deepEqual(moved.released.map(({ target }) => target), ["analytics.orders"]);
  assert.deepEqual(moved.writes.map(({ target }) => target), ["analytics.sales"]);
});

Deno.test("withTables() and tablesOf() keep the accounts of environments apart", () => {
  const dev = changes("c1", [], { env: DEV }).after;
  const prod = changes("c2", []).after;
  const both = withTables(withTables(new Map(), DEV, dev, "all"), PROD, prod, "all");
  assert.deepEqual(tablesOf(both, DEV), dev);
  assert.deepEqual(tablesOf(both, PROD), prod);
  assert.equal(withTables(both, DEV, dev, "all"), both);
  assert.deepEqual([...tablesOf(withTables(both, DEV, dev, []), PROD)], []);
});
