import assert from "node:assert/strict";
import { type Catalog, CommitConflict, type TableCommit } from "../../src/iceberg/catalog.ts";
import type {
  TableRequirement,
  TableSchema,
  TableUpdate,
} from "../../src/iceberg/table_metadata.ts";

/** A way to open the same catalog again and again, as several processes do. */
export interface CatalogUnderTest {
  /** For the names of tests. */
  readonly name: string;
  open(): Promise<Catalog>;
  /** The catalog makes tables in namespaces that are not there, as some of Java do. */
  readonly hasLooseNamespaces?: boolean;
}

/** One column, `id`. */
export const SCHEMA: TableSchema = {
  type: "struct",
  "schema-id": 0,
  fields: [{ id: 1, name: "id", required: false, type: "long" }],
};

/** A commit that makes an empty table. */
export async function creation(
  catalog: Catalog,
  identifier: readonly string[],
  properties: Readonly<Record<string, string>> = {},
): Promise<TableCommit> {
  return {
    identifier,
    base: null,
    requirements: [{ type: "assert-create" }],
    updates: [
      { action: "assign-uuid", uuid: crypto.randomUUID() },
      { action: "upgrade-format-version", "format-version": 2 },
      { action: "add-schema", schema: SCHEMA, "last-column-id": 1 },
      { action: "set-current-schema", "schema-id": -1 },
      { action: "add-spec", spec: { "spec-id": 0, fields: [] } },
      { action: "set-default-spec", "spec-id": -1 },
      { action: "add-sort-order", "sort-order": { "order-id": 0, fields: [] } },
      { action: "set-default-sort-order", "sort-order-id": -1 },
      { action: "set-location", location: await catalog.defaultLocation(identifier) },
      { action: "set-properties", updates: properties },
    ],
  };
}

/** A commit that sets properties, if the table is still what it was. */
export async function change(
  catalog: Catalog,
  identifier: readonly string[],
  updates: Readonly<Record<string, string>>,
  requirements: readonly TableRequirement[] = [],
): Promise<TableCommit> {
  const base = await catalog.load(identifier);
  assert.ok(base, `${identifier.join(".")} is there`);
  return {
    identifier,
    base,
    requirements: [
      { type: "assert-table-uuid", uuid: base.metadata["table-uuid"] },
      ...requirements,
    ],
    updates: [{ action: "set-properties", updates }],
  };
}

/** A commit that adds a snapshot (without files) to main, if main is still where it was. */
export async function append(
  catalog: Catalog,
  identifier: readonly string[],
  id: bigint,
): Promise<TableCommit> {
  const base = await catalog.load(identifier);
  assert.ok(base, `${identifier.join(".")} is there`);
  const { metadata } = base;
  const parent = metadata["current-snapshot-id"];
  const updates: TableUpdate[] = [
    {
      action: "add-snapshot",
      snapshot: {
        "snapshot-id": id,
        ...(parent === null ? {} : { "parent-snapshot-id": parent }),
        "sequence-number": metadata["last-sequence-number"] + 1,
        "timestamp-ms": metadata["last-updated-ms"] + 1,
        "manifest-list": `${metadata.location}/metadata/snap-${id}.avro`,
        summary: { operation: "append" },
        "schema-id": 0,
      },
    },
    { action: "set-snapshot-ref", "ref-name": "main", type: "branch", "snapshot-id": id },
  ];
  return {
    identifier,
    base,
    requirements: [
      { type: "assert-table-uuid", uuid: metadata["table-uuid"] },
      { type: "assert-ref-snapshot-id", ref: "main", "snapshot-id": parent },
    ],
    updates,
  };
}

/** What every catalog must do, one test each; each test has namespaces of its own. */
export function catalogContract({ name, open, hasLooseNamespaces }: CatalogUnderTest): void {
  const test = (what: string, run: (catalog: Catalog) => Promise<void>) =>
    Deno.test(`Catalog (${name}): ${what}`, async () => {
      await using catalog = await open();
      await run(catalog);
    });

  test("a table that was made is loaded and listed, by another session too", async (catalog) => {
    assert.equal(await catalog.load(["made", "orders"]), null);
    await catalog.createNamespace(["made"], { owner: "us" });
    await catalog.commit([await creation(catalog, ["made", "orders"], { a: "1" })]);
    await using other = await open();
    const table = await other.load(["made", "orders"]);
    assert.ok(table);
    assert.deepEqual(table.metadata.schemas.map(({ fields }) => fields), [SCHEMA.fields]);
    assert.equal(table.metadata.properties.a, "1");
    assert.equal(table.metadata["current-snapshot-id"], null);
    assert.deepEqual(await other.list(["made"]), [["made", "orders"]]);
    assert.ok(table.metadataLocation);
    assert.ok(await table.storage.stat(table.metadataLocation));
  });

  test("commits go on from each other and keep every digit of snapshot ids", async (catalog) => {
    await catalog.createNamespace(["digits"], {});
    await catalog.commit([await creation(catalog, ["digits", "t"])]);
    const ids = [3405397333955361279n, 9223372036854775807n, 5n];
    for (const id of ids) await catalog.commit([await append(catalog, ["digits", "t"], id)]);
    const table = await catalog.load(["digits", "t"]);
    assert.deepEqual(table?.metadata.snapshots.map((each) => each["snapshot-id"]), ids);
    assert.equal(table?.metadata["current-snapshot-id"], 5n);
    assert.deepEqual(table?.metadata["snapshot-log"].map((each) => each["snapshot-id"]), ids);
    assert.equal(table?.metadata["metadata-log"].length, 3);
  });

  test("a stale commit is a conflict and changes nothing", async (catalog) => {
    await catalog.createNamespace(["stale"], {});
    await catalog.commit([await creation(catalog, ["stale", "t"])]);
    const [first, second] = [
      await append(catalog, ["stale", "t"], 1n),
      await append(catalog, ["stale", "t"], 2n),
    ];
    await catalog.commit([first]);
    await assert.rejects(catalog.commit([second]), conflictOn(["stale", "t"]));
    const table = await catalog.load(["stale", "t"]);
    assert.equal(table?.metadata["current-snapshot-id"], 1n);
    assert.equal(table?.metadata.snapshots.length, 1);
  });

  test("a commit whose requirements hold goes on from what others did meanwhile", async (catalog) => {
    await catalog.createNamespace(["rebase"], {});
    await catalog.commit([await creation(catalog, ["rebase", "t"])]);
    const data = await append(catalog, ["rebase", "t"], 1n);
    await catalog.commit([await change(catalog, ["rebase", "t"], { theirs: "1" })]);
    await catalog.commit([data]);
    const table = await catalog.load(["rebase", "t"]);
    assert.equal(table?.metadata["current-snapshot-id"], 1n);
    assert.equal(table?.metadata.properties.theirs, "1");
  });

  test("of many commits at once from the same state one wins", async (catalog) => {
    await catalog.createNamespace(["race"], {});
    await catalog.commit([await creation(catalog, ["race", "t"])]);
    const sessions = await Promise.all(Array.from({ length: 6 }, open));
    const commits = await Promise.all(
      sessions.map((session, i) => append(session, ["race", "t"], BigInt(100 + i))),
    );
    const results = await Promise.allSettled(
      sessions.map((session, i) => session.commit([commits[i]!])),
    );
    for (const session of sessions) await session[Symbol.asyncDispose]();
    const winners = results.flatMap(({ status }, i) => status === "fulfilled" ? [i] : []);
    assert.equal(winners.length, 1, JSON.stringify(results.map(String)));
    for (const result of results) {
      if (result.status === "rejected") conflictOn(["race", "t"])(result.reason);
    }
    const table = await catalog.load(["race", "t"]);
    assert.equal(table?.metadata["current-snapshot-id"], BigInt(100 + winners[0]!));
  });

  test("of many who create the same table one wins", async (catalog) => {
    await catalog.createNamespace(["same"], {});
    const sessions = await Promise.all(Array.from({ length: 4 }, open));
    const results = await Promise.allSettled(
      sessions.map(async (session) => session.commit([await creation(session, ["same", "t"])])),
    );
    for (const session of sessions) await session[Symbol.asyncDispose]();
    assert.deepEqual(results.map(({ status }) => status).sort(), [
      "fulfilled",
      ...["rejected", "rejected", "rejected"],
    ]);
    for (const result of results) {
      if (result.status === "rejected") conflictOn(["same", "t"])(result.reason);
    }
  });

  test("a commit of several tables changes all of them or, where it is atomic, none", async (catalog) => {
    await catalog.createNamespace(["many"], {});
    for (const table of ["a", "b", "c"]) {
      await catalog.commit([await creation(catalog, ["many", table])]);
    }
    const all = async () =>
      await Promise.all(
        ["a", "b", "c"].map((table, i) => append(catalog, ["many", table], BigInt(i + 1))),
      );
    await catalog.commit(await all());
    const stale = await Promise.all(
      ["a", "b", "c"].map((table, i) => append(catalog, ["many", table], BigInt(i + 10))),
    );
    await catalog.commit([await append(catalog, ["many", "b"], 99n)]);
    await assert.rejects(catalog.commit(stale), conflictOn(["many", "b"]));
    const current = await Promise.all(
      ["a", "b", "c"].map(async (table) =>
        (await catalog.load(["many", table]))?.metadata["current-snapshot-id"]
      ),
    );
    assert.deepEqual(current, catalog.isAtomic ? [1n, 99n, 3n] : [10n, 99n, 3n]);
  });

  test("a table can be created and others changed in one commit", async (catalog) => {
    await catalog.createNamespace(["mixed"], {});
    await catalog.commit([await creation(catalog, ["mixed", "old"])]);
    await catalog.commit([
      await append(catalog, ["mixed", "old"], 7n),
      await creation(catalog, ["mixed", "new"]),
    ]);
    assert.deepEqual(await catalog.list(["mixed"]), [["mixed", "new"], ["mixed", "old"]]);
    assert.equal((await catalog.load(["mixed", "old"]))?.metadata["current-snapshot-id"], 7n);
  });

  test("a table created together with a stale commit is not there where that is atomic", async (catalog) => {
    await catalog.createNamespace(["both"], {});
    await catalog.commit([await creation(catalog, ["both", "old"])]);
    const stale = await append(catalog, ["both", "old"], 1n);
    await catalog.commit([await append(catalog, ["both", "old"], 2n)]);
    const commits = [await creation(catalog, ["both", "new"]), stale];
    await assert.rejects(catalog.commit(commits), conflictOn(["both", "old"]));
    const old = ["both", "old"];
    assert.deepEqual(
      await catalog.list(["both"]),
      catalog.isAtomic ? [old] : [["both", "new"], old],
    );
  });

  test("namespaces have levels and properties, and go when they are empty only", async (catalog) => {
    assert.equal(await catalog.namespaceProperties(["levels"]), null);
    assert.deepEqual(await catalog.namespaces(["levels"]), []);
    assert.deepEqual(await catalog.list(["levels"]), []);
    await catalog.createNamespace(["levels"], {});
    await catalog.createNamespace(["levels", "one"], { owner: "us" });
    await catalog.createNamespace(["levels", "one"], { owner: "them" });
    await catalog.createNamespace(["levels", "one", "deep"], {});
    await catalog.createNamespace(["levels", "two"], {});
    assert.deepEqual(await catalog.namespaces(["levels"]), [["levels", "one"], ["levels", "two"]]);
    assert.deepEqual(await catalog.namespaces(["levels", "one"]), [["levels", "one", "deep"]]);
    assert.ok((await catalog.namespaces([])).some((each) => each.join() === "levels"));
    assert.equal((await catalog.namespaceProperties(["levels", "one"]))?.owner, "us");
    await catalog.commit([await creation(catalog, ["levels", "two", "t"])]);
    await assert.rejects(catalog.dropNamespace(["levels"]), { code: "namespace_not_empty" });
    await assert.rejects(catalog.dropNamespace(["levels", "two"]), { code: "namespace_not_empty" });
    await catalog.dropNamespace(["levels", "one", "deep"]);
    await catalog.dropNamespace(["levels", "one"]);
    await catalog.dropNamespace(["levels", "one"]);
    assert.equal(await catalog.namespaceProperties(["levels", "one"]), null);
    assert.deepEqual(await catalog.namespaces(["levels"]), [["levels", "two"]]);
  });

  test("a table in a namespace that is not there is refused, unless the catalog allows it", async (catalog) => {
    const create = async () => {
      await catalog.commit([await creation(catalog, ["nowhere", "t"])]);
    };
    if (hasLooseNamespaces) return await assert.doesNotReject(create);
    await assert.rejects(create, { code: "namespace_missing" });
    assert.equal(await catalog.load(["nowhere", "t"]), null);
  });

  test("a dropped table is gone, its files stay, and a commit to it is a conflict", async (catalog) => {
    await catalog.createNamespace(["drop"], {});
    await catalog.commit([await creation(catalog, ["drop", "t"])]);
    const table = await catalog.load(["drop", "t"]);
    const late = await append(catalog, ["drop", "t"], 1n);
    await catalog.drop(["drop", "t"]);
    await catalog.drop(["drop", "t"]);
    assert.equal(await catalog.load(["drop", "t"]), null);
    assert.deepEqual(await catalog.list(["drop"]), []);
    assert.ok(table?.metadataLocation && await table.storage.stat(table.metadataLocation));
    await assert.rejects(catalog.commit([late]), conflictOn(["drop", "t"]));
    await catalog.commit([await creation(catalog, ["drop", "t"])]);
    await assert.rejects(catalog.commit([late]), conflictOn(["drop", "t"]));
  });
}

function conflictOn(identifier: readonly string[]): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof CommitConflict, String(error));
    assert.deepEqual(error.identifier, identifier);
    return true;
  };
}
