import assert from "node:assert/strict";
import { parseAge } from "../../../src/base/age.ts";
import type { NodeId } from "../../../src/model/ids.ts";
import { type PointInTimeQuery, pointInTimeSql } from "../../../src/nodes/training_set_sql.ts";
import { TestBinder } from "../../support/binding.ts";
import { randomNumbers } from "../../support/random.ts";
import { type TestRow, TestRows } from "../../support/sql_rows.ts";

const SPINE = { key: "INTEGER", at: "TIMESTAMP", label: "VARCHAR" };
const FEATURES = { key: "INTEGER", event_time: "TIMESTAMP", a: "INTEGER", b: "VARCHAR" };

function query(maxAge: string | null = null): PointInTimeQuery {
  return {
    spine: "transform.spine" as NodeId,
    event_time: "at",
    lookups: [{
      feature_group: "feature_group.f" as NodeId,
      event_time: "event_time",
      keys: [{ spine: "key", feature: "key" }],
      columns: [{ column: "a", as: "a" }, { column: "b", as: "f__b" }],
      max_age: maxAge === null ? null : parseAge(maxAge),
    }],
  };
}

async function join(
  spine: readonly TestRow[],
  features: readonly TestRow[],
  asked = query(),
): Promise<Record<string, unknown>[]> {
  await using rows = await TestRows.open();
  await rows.put("transform.spine", SPINE, spine);
  await rows.put("feature_group.f", FEATURES, features);
  return await rows.read(`FROM (${pointInTimeSql(asked)}) ORDER BY ALL`);
}

const feature = (key: number, event_time: string, a: number | null, b: string | null) => ({
  key,
  event_time,
  a,
  b,
});

Deno.test("pointInTimeSql() keeps every spine row, also two of the same key and time (j.12 case 30)", async () => {
  const twice = { key: 1, at: "2024-01-10", label: "x" };
  const found = await join([twice, twice, { ...twice, label: "y" }], [
    feature(1, "2024-01-05", 5, "v"),
  ]);
  assert.deepEqual(found.map(({ label, a, f__b }) => [label, a, f__b]), [
    ["x", 5, "v"],
    ["x", 5, "v"],
    ["y", 5, "v"],
  ]);
});

Deno.test("pointInTimeSql() takes the latest row that is not after the spine's time, and no other", async () => {
  const spine = [
    { key: 1, at: "2024-01-10 12:00", label: "latest before" },
    { key: 1, at: "2024-01-10 11:59:59.999", label: "a millisecond is too much" },
    { key: 1, at: "2023-12-31", label: "nothing was known" },
    { key: 2, at: "2024-01-10", label: "unknown key" },
    { key: null, at: "2024-01-10", label: "no key" },
    { key: 1, at: null, label: "no time" },
  ];
  const found = await join(spine, [
    feature(1, "2024-01-01", 1, "old"),
    feature(1, "2024-01-10 12:00", 2, "new"),
    feature(1, "2024-02-01", 3, "future"),
    { key: 1, event_time: null, a: 9, b: "never" },
    { key: null, event_time: "2024-01-01", a: 9, b: "nobody" },
  ]);
  assert.deepEqual(Object.fromEntries(found.map(({ label, a }) => [label, a])), {
    "latest before": 2,
    "a millisecond is too much": 1,
    "nothing was known": null,
    "unknown key": null,
    "no key": null,
    "no time": null,
  });
});

Deno.test("pointInTimeSql() forgets what is older than max_age; what is exactly that old still counts", async () => {
  const spine = [
    { key: 1, at: "2024-01-08 00:00:00", label: "exactly" },
    { key: 1, at: "2024-01-08 00:00:01", label: "a second more" },
  ];
  const found = await join(spine, [feature(1, "2024-01-01", 1, "v")], query("7d"));
  assert.deepEqual(found.map(({ label, a, f__b }) => [label, a, f__b]), [
    ["exactly", 1, "v"],
    ["a second more", null, null],
  ]);
});

Deno.test("pointInTimeSql() takes the greatest of each value where several rows have the same time, in whatever order they come", async () => {
  const tied = [
    feature(1, "2024-01-01", 5, null),
    feature(1, "2024-01-01", 3, "b"),
    feature(1, "2024-01-01", null, "a"),
  ];
  for (const rows of [tied, tied.toReversed()]) {
    const [found] = await join([{ key: 1, at: "2024-01-02", label: "x" }], rows);
    assert.deepEqual([found!["a"], found!["f__b"]], [5, "b"]);
  }
});

Deno.test("pointInTimeSql() quotes names that are no plain words", async () => {
  await using rows = await TestRows.open();
  await rows.put("transform.spine", { 'k"': "INTEGER", "select": "DATE" }, [{
    'k"': 1,
    select: "2024-01-02",
  }]);
  await rows.put(
    "feature_group.f",
    { "from": "INTEGER", 'at "': "DATE", "it's": "INTEGER" },
    [{ from: 1, 'at "': "2024-01-02", "it's": 7 }],
  );
  const [lookup] = query("1d").lookups;
  const found = await rows.read(pointInTimeSql({
    spine: "transform.spine" as NodeId,
    event_time: "select",
    lookups: [{
      ...lookup!,
      event_time: 'at "',
      keys: [{ spine: 'k"', feature: "from" }],
      columns: [{ column: "it's", as: 'a "b"' }],
    }],
  }));
  assert.deepEqual(found, [{ 'k"': 1, select: "2024-01-02", 'a "b"': 7 }]);
});

Deno.test("pointInTimeSql() needs every one of several keys to be equal", async () => {
  const lookup = query().lookups[0]!;
  const keys = [...lookup.keys, { spine: "label", feature: "b" }];
  const found = await join(
    [{ key: 1, at: "2024-01-10", label: "x" }, { key: 1, at: "2024-01-10", label: "y" }],
    [
      feature(1, "2024-01-01", 1, "x"),
      feature(1, "2024-01-05", 2, "z"),
      feature(2, "2024-01-05", 3, "y"),
    ],
    { ...query(), lookups: [{ ...lookup, keys, columns: [{ column: "a", as: "a" }] }] },
  );
  assert.deepEqual(found.map(({ label, a }) => [label, a]), [["x", 1], ["y", null]]);
});

Deno.test("pointInTimeSql() gives what a search row by row gives, over random data", async () => {
  await using db = await TestRows.open();
  const random = randomNumbers(11);
  const below = (n: number) => Math.floor(random() * n);
  const time = () =>
    new Date(Date.UTC(2024, 0, 1) + below(400) * 3_600_000).toISOString().slice(0, 19);
  for (let round = 0; round < 40; round++) {
    const spine = Array.from({ length: below(40) }, (_, i): TestRow => ({
      key: random() < 0.05 ? null : below(3),
      at: random() < 0.05 ? null : time(),
      label: `row ${i % 30}`,
    }));
    const features = Array.from({ length: below(40) }, (): TestRow => ({
      key: random() < 0.05 ? null : below(3),
      event_time: random() < 0.05 ? null : time(),
      a: random() < 0.2 ? null : below(9),
      b: random() < 0.2 ? null : `v${below(9)}`,
    }));
    const maxAge = random() < 0.5 ? null : `${1 + below(100)}h`;
    const limit = maxAge === null ? Infinity : parseAge(maxAge)!.seconds * 1_000;
    const expected = spine.map((row) => {
      const at = row["at"] === null ? NaN : Date.parse(`${row["at"]}Z`);
      const known = features.filter((f) =>
        f["key"] !== null && f["key"] === row["key"] && Date.parse(`${f["event_time"]}Z`) <= at
      );
      const latest = Math.max(...known.map((f) => Date.parse(`${f["event_time"]}Z`)));
      const rows = at - latest > limit
        ? []
        : known.filter((f) => Date.parse(`${f["event_time"]}Z`) === latest);
      const greatest = (name: string) =>
        rows.map((f) => f[name] ?? null).filter((v) => v !== null).sort().at(-1) ?? null;
      return [row["label"], row["key"] ?? null, greatest("a"), greatest("b")];
    });
    await db.put("transform.spine", SPINE, spine);
    await db.put("feature_group.f", FEATURES, features);
    const found = (await db.read(pointInTimeSql(query(maxAge))))
      .map(({ label, key, a, f__b }) => [label, key, a, f__b]);
    const sorted = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).sort();
    assert.deepEqual(sorted(found), sorted(expected), `round ${round}`);
  }
});

Deno.test("pointInTimeSql() is understood: rows are the spine's, and each feature depends on itself", async () => {
  await using binder = await TestBinder.open({
    "transform.spine": SPINE,
    "feature_group.f": FEATURES,
  });
  const { shape } = await binder.bind(pointInTimeSql(query("7d")));
  const { shape: alone } = await binder.bind(`SELECT * FROM transform.spine`, "transform.u");
  assert.equal(shape.rows, alone.rows, "no row comes or goes");
  assert.equal(shape.unstable_rows, undefined);
  assert.deepEqual(shape.columns.filter(({ unstable }) => unstable), []);
  assert.deepEqual(shape.lineage!.columns["f__b"], {
    "feature_group.f": ["b", "event_time", "key"],
    "transform.spine": ["at", "key"],
  });
});
