import assert from "node:assert/strict";
import type { EnvName, NodeId } from "../../../src/model/ids.ts";
import type { MaterializationRecord } from "../../../src/model/materialization.ts";
import {
  deliveriesOf,
  type Outside,
  tablesOf,
  withDeliveries,
  withTables,
} from "../../../src/model/outside.ts";

const [DEV, PROD] = ["dev", "prod"] as EnvName[];
const [FILE, TABLE] = ["exposure.file", "transform.table"] as NodeId[];

const delivery = (hash: string) => ({ target: "out.csv", delivery_hash: hash, rows: 1 });
const table: MaterializationRecord = {
  type: "postgresql",
  connection: "wh",
  target: "a.b",
  mode: "full",
  content_hash: "c",
  spec_hash: "s",
  rows: 1,
};

Deno.test("withDeliveries() keeps the accounts of environments and of tables apart", () => {
  const tables = withTables(new Map(), PROD!, new Map([[TABLE!, [table]]]), "all");
  const dev = withDeliveries(tables, DEV!, new Map([[FILE!, delivery("1")]]));
  const both = withDeliveries(dev, PROD!, new Map([[FILE!, delivery("2")]]));
  assert.deepEqual(deliveriesOf(both, DEV!).get(FILE!), delivery("1"));
  assert.deepEqual(deliveriesOf(both, PROD!).get(FILE!), delivery("2"));
  assert.deepEqual(tablesOf(both, PROD!).get(TABLE!), [table]);
  assert.equal(both.get(TABLE!), tables.get(TABLE!), "an untouched record is the same object");
  const without = withDeliveries(both, PROD!, new Map());
  assert.deepEqual([...deliveriesOf(without, PROD!)], []);
  assert.deepEqual(deliveriesOf(without, DEV!).get(FILE!), delivery("1"));
});

Deno.test("withTables() leaves deliveries of its environment, and of those it keeps", () => {
  const start: Outside = withDeliveries(
    withDeliveries(new Map(), DEV!, new Map([[FILE!, delivery("1")]])),
    PROD!,
    new Map([[FILE!, delivery("2")]]),
  );
  assert.equal(withTables(start, PROD!, new Map(), "all"), start);
  const own = withTables(start, DEV!, new Map(), []);
  assert.deepEqual([...deliveriesOf(own, PROD!)], []);
  assert.deepEqual(deliveriesOf(own, DEV!).get(FILE!), delivery("1"));
});
