import assert from "node:assert/strict";
import { applyUpdates, checkRequirements } from "../../../src/iceberg/apply_updates.ts";
import type {
  TableMetadata,
  TableRequirement,
  TableSchema,
  TableSnapshot,
  TableUpdate,
} from "../../../src/iceberg/table_metadata.ts";

const NOW = new Date(1_700_000_000_000);

const SCHEMA: TableSchema = {
  type: "struct",
  "schema-id": 0,
  fields: [
    { id: 1, name: "id", required: false, type: "long" },
    {
      id: 2,
      name: "tags",
      required: false,
      type: { type: "list", "element-id": 7, element: "string", "element-required": false },
    },
  ],
};

const CREATE: readonly TableUpdate[] = [
  { action: "assign-uuid", uuid: "u-1" },
  { action: "upgrade-format-version", "format-version": 2 },
  { action: "add-schema", schema: SCHEMA, "last-column-id": 7 },
  { action: "set-current-schema", "schema-id": -1 },
  { action: "set-location", location: "file:///t" },
];

const TABLE = applyUpdates(null, CREATE, { now: NOW });

function snapshot(id: bigint, number: number, parent?: bigint, at = 0): TableSnapshot {
  return {
    "snapshot-id": id,
    ...(parent === undefined ? {} : { "parent-snapshot-id": parent }),
    "sequence-number": number,
    "timestamp-ms": NOW.getTime() + at,
    "manifest-list": `file:///t/metadata/snap-${id}.avro`,
    summary: { operation: "append" },
    "schema-id": 0,
  };
}

function append(id: bigint, number: number, parent?: bigint, at = 0): TableUpdate[] {
  return [
    { action: "add-snapshot", snapshot: snapshot(id, number, parent, at) },
    { action: "set-snapshot-ref", "ref-name": "main", type: "branch", "snapshot-id": id },
  ];
}

function apply(base: TableMetadata, updates: readonly TableUpdate[], later = 1000): TableMetadata {
  return applyUpdates(base, updates, {
    now: new Date(NOW.getTime() + later),
    previousFile: `file:///t/metadata/${later}.json`,
  });
}

Deno.test("applyUpdates makes a whole table out of the updates of a creation", () => {
  assert.deepEqual(TABLE, {
    "format-version": 2,
    "table-uuid": "u-1",
    location: "file:///t",
    "last-sequence-number": 0,
    "last-updated-ms": NOW.getTime(),
    "last-column-id": 7,
    "current-schema-id": 0,
    schemas: [SCHEMA],
    "default-spec-id": 0,
    "partition-specs": [{ "spec-id": 0, fields: [] }],
    "last-partition-id": 999,
    "default-sort-order-id": 0,
    "sort-orders": [{ "order-id": 0, fields: [] }],
    properties: {},
    "current-snapshot-id": null,
    snapshots: [],
    refs: {},
    "snapshot-log": [],
    "metadata-log": [],
  });
  for (const action of ["assign-uuid", "set-location", "add-schema"]) {
    const updates = CREATE.filter((update) =>
      update.action !== action &&
      (action !== "add-schema" || update.action !== "set-current-schema")
    );
    assert.throws(() => applyUpdates(null, updates, { now: NOW }), {
      code: "iceberg_update_invalid",
    });
  }
});

Deno.test("applyUpdates appends a snapshot: current, ref, logs, sequence number, times", () => {
  const one = apply(TABLE, append(11n, 1, undefined, 5));
  const two = apply(one, append(12n, 2, 11n, 9), 2000);
  assert.equal(two["current-snapshot-id"], 12n);
  assert.deepEqual(two.refs, { main: { type: "branch", "snapshot-id": 12n } });
  assert.equal(two["last-sequence-number"], 2);
  assert.equal(two["last-updated-ms"], NOW.getTime() + 9);
  assert.deepEqual(two["snapshot-log"], [
    { "timestamp-ms": NOW.getTime() + 5, "snapshot-id": 11n },
    { "timestamp-ms": NOW.getTime() + 9, "snapshot-id": 12n },
  ]);
  assert.deepEqual(two["metadata-log"], [
    { "timestamp-ms": NOW.getTime(), "metadata-file": "file:///t/metadata/1000.json" },
    { "timestamp-ms": NOW.getTime() + 5, "metadata-file": "file:///t/metadata/2000.json" },
  ]);
  assert.throws(() => apply(two, append(12n, 3, 12n)), /there is a snapshot 12 already/);
  assert.throws(
    () => apply(two, append(13n, 2, 12n)),
    /sequence number 2 of snapshot 13 is not above 2/,
  );
});

Deno.test("applyUpdates logs only the last of several snapshots of one commit", () => {
  const two = apply(TABLE, [...append(11n, 1), ...append(12n, 2, 11n)]);
  assert.deepEqual(two["snapshot-log"].map((entry) => entry["snapshot-id"]), [12n]);
  assert.equal(two.snapshots.length, 2);
});

Deno.test("applyUpdates sets main back to a snapshot with the time of the commit", () => {
  const two = apply(apply(TABLE, append(11n, 1)), append(12n, 2, 11n));
  const back = apply(two, [
    { action: "set-snapshot-ref", "ref-name": "main", type: "branch", "snapshot-id": 11n },
  ], 7000);
  assert.equal(back["current-snapshot-id"], 11n);
  assert.deepEqual(back["snapshot-log"].at(-1), {
    "timestamp-ms": NOW.getTime() + 7000,
    "snapshot-id": 11n,
  });
  assert.equal(back["last-updated-ms"], NOW.getTime() + 7000);
});

Deno.test("applyUpdates leaves main alone for a snapshot of a branch; a tag cannot be main", () => {
  const branch = apply(TABLE, [
    { action: "add-snapshot", snapshot: snapshot(11n, 1) },
    { action: "set-snapshot-ref", "ref-name": "audit", type: "branch", "snapshot-id": 11n },
  ]);
  assert.equal(branch["current-snapshot-id"], null);
  assert.deepEqual(branch["snapshot-log"], []);
  const published = apply(branch, [
    { action: "set-snapshot-ref", "ref-name": "main", type: "branch", "snapshot-id": 11n },
    { action: "remove-snapshot-ref", "ref-name": "audit" },
  ]);
  assert.deepEqual(Object.keys(published.refs), ["main"]);
  assert.equal(published["current-snapshot-id"], 11n);
  assert.throws(() =>
    apply(branch, [
      { action: "set-snapshot-ref", "ref-name": "main", type: "tag", "snapshot-id": 11n },
    ]), /main can be a branch only/);
  assert.throws(() =>
    apply(branch, [
      { action: "set-snapshot-ref", "ref-name": "x", type: "tag", "snapshot-id": 99n },
    ]), /there is no snapshot 99/);
});

Deno.test("applyUpdates adds schemas once, by content, and -1 means the one added last", () => {
  const wider: TableSchema = {
    ...SCHEMA,
    fields: [...SCHEMA.fields, { id: 8, name: "v", required: false, type: "string" }],
  };
  const changed = apply(TABLE, [
    { action: "add-schema", schema: wider, "last-column-id": 8 },
    { action: "set-current-schema", "schema-id": -1 },
  ]);
  assert.deepEqual(changed.schemas.map((schema) => schema["schema-id"]), [0, 1]);
  assert.equal(changed["current-schema-id"], 1);
  assert.equal(changed["last-column-id"], 8);
  const back = apply(changed, [
    { action: "add-schema", schema: { ...SCHEMA, "schema-id": 44 }, "last-column-id": 7 },
    { action: "set-current-schema", "schema-id": -1 },
  ]);
  assert.equal(back.schemas.length, 2);
  assert.equal(back["current-schema-id"], 0);
  assert.equal(back["last-column-id"], 8);
  assert.throws(
    () => apply(TABLE, [{ action: "set-current-schema", "schema-id": -1 }]),
    /no schema -1/,
  );
  assert.throws(
    () => apply(TABLE, [{ action: "set-current-schema", "schema-id": 5 }]),
    /no schema 5/,
  );
});

Deno.test("applyUpdates adds partition specs and sort orders once, by content", () => {
  const spec = {
    "spec-id": 9,
    fields: [{ "source-id": 1, "field-id": 1000, name: "b", transform: "bucket[4]" }],
  };
  const order = { "order-id": 3, fields: [{ transform: "identity", "source-id": 1 }] };
  const updates: TableUpdate[] = [
    { action: "add-spec", spec },
    { action: "set-default-spec", "spec-id": -1 },
    { action: "add-sort-order", "sort-order": order },
    { action: "set-default-sort-order", "sort-order-id": -1 },
  ];
  const once = apply(TABLE, updates);
  const twice = apply(once, updates);
  for (const metadata of [once, twice]) {
    assert.equal(metadata["partition-specs"].length, 2);
    assert.deepEqual([metadata["default-spec-id"], metadata["last-partition-id"]], [1, 1000]);
    assert.equal(metadata["sort-orders"].length, 2);
    assert.equal(metadata["default-sort-order-id"], 1);
  }
});

Deno.test("applyUpdates removes snapshots with their refs, history and statistics", () => {
  const three = apply(
    apply(apply(TABLE, append(11n, 1)), append(12n, 2, 11n)),
    append(13n, 3, 12n),
  );
  const tagged = apply(three, [
    { action: "set-snapshot-ref", "ref-name": "old", type: "tag", "snapshot-id": 12n },
  ]);
  const withStatistics = {
    ...tagged,
    statistics: [{ "snapshot-id": 12n, s: 1 }, { "snapshot-id": 13n, s: 2 }],
  };
  const kept = apply(withStatistics, [{ action: "remove-snapshots", "snapshot-ids": [12n] }]);
  assert.deepEqual(kept.snapshots.map((each) => each["snapshot-id"]), [11n, 13n]);
  assert.deepEqual(Object.keys(kept.refs), ["main"]);
  assert.deepEqual(kept["snapshot-log"].map((entry) => entry["snapshot-id"]), [13n]);
  assert.deepEqual("statistics" in kept && kept.statistics, [{ "snapshot-id": 13n, s: 2 }]);
  const none = apply(kept, [{ action: "remove-snapshots", "snapshot-ids": [13n] }]);
  assert.equal(none["current-snapshot-id"], null);
});

Deno.test("applyUpdates keeps as many previous metadata files as the table says", () => {
  let table = apply(TABLE, [
    { action: "set-properties", updates: { "write.metadata.previous-versions-max": "2", a: "1" } },
  ], 1);
  for (const later of [2, 3, 4]) {
    table = apply(table, [{ action: "set-properties", updates: { a: `${later}` } }], later);
  }
  assert.deepEqual(table["metadata-log"].map((entry) => entry["metadata-file"]), [
    "file:///t/metadata/3.json",
    "file:///t/metadata/4.json",
  ]);
  assert.equal(table.properties.a, "4");
  const removed = apply(table, [{ action: "remove-properties", removals: ["a", "none"] }]);
  assert.equal("a" in removed.properties, false);
});

Deno.test("applyUpdates never lets time go back, and changes nothing without updates", () => {
  const later = apply(TABLE, append(11n, 1, undefined, 60_000));
  const clockWentBack = apply(later, [{ action: "set-properties", updates: { a: "1" } }], -5000);
  assert.equal(clockWentBack["last-updated-ms"], NOW.getTime() + 60_000);
  assert.equal(apply(later, []), later);
});

Deno.test("applyUpdates refuses another uuid, an older version, rows without ids in version 3", () => {
  assert.throws(() => apply(TABLE, [{ action: "assign-uuid", uuid: "u-2" }]), /has the uuid u-1/);
  assert.throws(
    () => apply(TABLE, [{ action: "upgrade-format-version", "format-version": 1 }]),
    /from 2 back to 1/,
  );
  const third = apply(TABLE, [{ action: "upgrade-format-version", "format-version": 3 }]);
  assert.throws(() => apply(third, append(11n, 1)), /format version 3 numbers its rows/);
});

Deno.test("checkRequirements names the first requirement that does not hold", () => {
  const table = apply(TABLE, append(11n, 1));
  const holds: TableRequirement[] = [
    { type: "assert-table-uuid", uuid: "u-1" },
    { type: "assert-ref-snapshot-id", ref: "main", "snapshot-id": 11n },
    { type: "assert-ref-snapshot-id", ref: "audit", "snapshot-id": null },
    { type: "assert-current-schema-id", "current-schema-id": 0 },
    { type: "assert-last-assigned-field-id", "last-assigned-field-id": 7 },
    { type: "assert-last-assigned-partition-id", "last-assigned-partition-id": 999 },
    { type: "assert-default-spec-id", "default-spec-id": 0 },
    { type: "assert-default-sort-order-id", "default-sort-order-id": 0 },
  ];
  assert.equal(checkRequirements(table, holds), null);
  assert.equal(checkRequirements(null, [{ type: "assert-create" }]), null);
  const fails: [TableRequirement, RegExp][] = [
    [{ type: "assert-create" }, /a table of that name already/],
    [{ type: "assert-table-uuid", uuid: "u-2" }, /uuid is u-1, not u-2/],
    [{ type: "assert-ref-snapshot-id", ref: "main", "snapshot-id": null }, /main is 11, not none/],
    [{ type: "assert-ref-snapshot-id", ref: "b", "snapshot-id": 11n }, /b is none, not 11/],
    [{ type: "assert-current-schema-id", "current-schema-id": 1 }, /schema is 0, not 1/],
    [{ type: "assert-last-assigned-field-id", "last-assigned-field-id": 8 }, /is 7, not 8/],
    [
      { type: "assert-last-assigned-partition-id", "last-assigned-partition-id": 1 },
      /is 999, not 1/,
    ],
    [{ type: "assert-default-spec-id", "default-spec-id": 1 }, /spec is 0, not 1/],
    [{ type: "assert-default-sort-order-id", "default-sort-order-id": 1 }, /order is 0, not 1/],
  ];
  for (const [requirement, message] of fails) {
    assert.match(checkRequirements(table, [...holds, requirement]) ?? "", message);
  }
  assert.match(checkRequirements(null, [holds[0]!]) ?? "", /no such table/);
});
