import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Scalar } from "../../src/base/field_reader.ts";
import type { Catalog } from "../../src/iceberg/catalog.ts";
import { CommitConflict } from "../../src/iceberg/catalog.ts";
import { openCatalog } from "../../src/iceberg/open_catalog.ts";
import { append, change, creation } from "../support/catalog_contract.ts";
import { TestPostgres } from "../support/postgres.ts";
import { TempDir } from "../support/temp_dir.ts";

function open(dir: TempDir, options: Record<string, Scalar> = {}): Promise<Catalog> {
  return openCatalog(
    {
      name: "atlas",
      type: "iceberg",
      options: { warehouse: "wh", ...options },
      file: "profiles.yml",
    },
    { env: () => undefined, root: dir.path, now: () => new Date() },
  );
}

function rows(dir: TempDir, sql: string): Record<string, unknown>[] {
  const database = new DatabaseSync(dir.join("wh", "catalog.db"));
  try {
    return database.prepare(sql).all().map((row) => ({ ...row }));
  } finally {
    database.close();
  }
}

Deno.test("SqlCatalog writes the rows that JdbcCatalog V1 and pyiceberg read", async () => {
  using dir = new TempDir();
  await using catalog = await open(dir);
  await catalog.createNamespace(["shop", "eu"], { owner: "us" });
  await catalog.commit([await creation(catalog, ["shop", "eu", "orders"])]);
  const first = (await catalog.load(["shop", "eu", "orders"]))?.metadataLocation;
  await catalog.commit([await append(catalog, ["shop", "eu", "orders"], 1n)]);
  const second = (await catalog.load(["shop", "eu", "orders"]))?.metadataLocation;
  assert.match(
    first ?? "",
    /\/wh\/shop\/eu\/orders\/metadata\/00000-[0-9a-f-]{36}\.metadata\.json$/,
  );
  assert.match(second ?? "", /\/metadata\/00001-[0-9a-f-]{36}\.metadata\.json$/);
  assert.deepEqual(rows(dir, "SELECT * FROM iceberg_tables"), [{
    catalog_name: "atlas",
    table_namespace: "shop.eu",
    table_name: "orders",
    metadata_location: second,
    previous_metadata_location: first,
    iceberg_type: "TABLE",
  }]);
  assert.deepEqual(
    rows(dir, "SELECT * FROM iceberg_namespace_properties ORDER BY property_key"),
    [["exists", "true"], ["owner", "us"]].map(([property_key, property_value]) => ({
      catalog_name: "atlas",
      namespace: "shop.eu",
      property_key,
      property_value,
    })),
  );
});

Deno.test("SqlCatalog shares a file with other processes: nothing is lost, nothing is done twice", async () => {
  using dir = new TempDir();
  await using catalog = await open(dir);
  await catalog.createNamespace(["race"], {});
  await catalog.commit([await creation(catalog, ["race", "t"])]);
  const script = join(import.meta.dirname!, "..", "support", "catalog_appender.ts");
  const children = [1000, 2000, 3000].map((first) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", script, dir.path, String(first), "30"],
      stderr: "piped",
    }).output()
  );
  for (const { success, stderr } of await Promise.all(children)) {
    assert.ok(success, new TextDecoder().decode(stderr));
  }
  const table = await catalog.load(["race", "t"]);
  const ids = table?.metadata.snapshots.map((each) => Number(each["snapshot-id"])) ?? [];
  const expected = [1000, 2000, 3000].flatMap((first) =>
    Array.from({ length: 30 }, (_, i) => first + i)
  );
  assert.deepEqual(ids.toSorted((a, b) => a - b), expected);
  const files = [...Deno.readDirSync(dir.join("wh", "race", "t", "metadata"))];
  assert.equal(files.length, 91, "files of lost races are removed");
});

Deno.test("SqlCatalog leaves a catalog of layout V0 as it is and works with it", async () => {
  using dir = new TempDir();
  {
    await using made = await open(dir);
    await made.createNamespace(["shop"], {});
    await made.commit([await creation(made, ["shop", "old"])]);
  }
  rows(dir, "ALTER TABLE iceberg_tables DROP COLUMN iceberg_type");
  await using catalog = await open(dir);
  assert.deepEqual(await catalog.list(["shop"]), [["shop", "old"]]);
  await catalog.commit([
    await append(catalog, ["shop", "old"], 1n),
    await creation(catalog, ["shop", "new"]),
  ]);
  assert.equal((await catalog.load(["shop", "old"]))?.metadata["current-snapshot-id"], 1n);
  await catalog.drop(["shop", "new"]);
  assert.deepEqual(await catalog.list(["shop"]), [["shop", "old"]]);
  assert.equal("iceberg_type" in rows(dir, "SELECT * FROM iceberg_tables")[0]!, false);
});

Deno.test("SqlCatalog reads rows without a type as tables and leaves views alone", async () => {
  using dir = new TempDir();
  await using catalog = await open(dir);
  await catalog.createNamespace(["shop"], {});
  await catalog.commit([
    await creation(catalog, ["shop", "t"]),
    await creation(catalog, ["shop", "v"]),
  ]);
  rows(dir, "UPDATE iceberg_tables SET iceberg_type = NULL WHERE table_name = 't'");
  rows(dir, "UPDATE iceberg_tables SET iceberg_type = 'VIEW' WHERE table_name = 'v'");
  assert.deepEqual(await catalog.list(["shop"]), [["shop", "t"]]);
  await catalog.commit([await append(catalog, ["shop", "t"], 1n)]);
  await assert.rejects(catalog.load(["shop", "v"]), { code: "iceberg_view" });
  await catalog.drop(["shop", "v"]);
  assert.equal(rows(dir, "SELECT 1 FROM iceberg_tables").length, 2);
  await catalog.drop(["shop", "t"]);
  await assert.rejects(catalog.dropNamespace(["shop"]), { code: "namespace_not_empty" });
});

Deno.test("SqlCatalog puts new tables where their namespace says", async () => {
  using dir = new TempDir();
  await using catalog = await open(dir);
  await catalog.createNamespace(["shop"], { location: `file://${dir.path}/elsewhere/` });
  assert.equal(
    await catalog.defaultLocation(["shop", "orders"]),
    `file://${dir.path}/elsewhere/orders`,
  );
  assert.equal(await catalog.defaultLocation(["a/b", "x y"]), `file://${dir.path}/wh/a%2Fb/x%20y`);
  await assert.rejects(catalog.defaultLocation(["shop", ".."]), { code: "table_name_invalid" });
  await assert.rejects(catalog.defaultLocation(["a.b", "t"]), { code: "namespace_invalid" });
});

Deno.test("SqlCatalog removes metadata files that the log has no room for, if the table says so", async () => {
  using dir = new TempDir();
  await using catalog = await open(dir);
  await catalog.createNamespace(["shop"], {});
  for (const [name, enabled] of [["kept", "false"], ["cleaned", "true"]] as const) {
    await catalog.commit([
      await creation(catalog, ["shop", name], {
        "write.metadata.previous-versions-max": "2",
        "write.metadata.delete-after-commit.enabled": enabled,
      }),
    ]);
    for (let i = 1; i <= 5; i++) {
      await catalog.commit([await change(catalog, ["shop", name], { i: `${i}` })]);
    }
  }
  const count = (name: string) =>
    [...Deno.readDirSync(dir.join("wh", "shop", name, "metadata"))].length;
  assert.deepEqual([count("kept"), count("cleaned")], [6, 3]);
});

Deno.test("SqlCatalog goes on from metadata files that other catalogs numbered", async () => {
  using dir = new TempDir();
  await using catalog = await open(dir);
  await catalog.createNamespace(["shop"], {});
  await catalog.commit([await creation(catalog, ["shop", "t"])]);
  const { metadataLocation } = (await catalog.load(["shop", "t"]))!;
  const folder = dir.join("wh", "shop", "t", "metadata");
  Deno.renameSync(metadataLocation!.slice("file://".length), join(folder, "v12.metadata.json"));
  rows(dir, `UPDATE iceberg_tables SET metadata_location = 'file:${folder}/v12.metadata.json'`);
  await catalog.commit([await append(catalog, ["shop", "t"], 1n)]);
  assert.match((await catalog.load(["shop", "t"]))?.metadataLocation ?? "", /\/00013-/);
});

Deno.test("SqlCatalog says which file is no catalog", async () => {
  using dir = new TempDir();
  dir.write(
    "wh/catalog.db",
    "this is no database, it is a text that is long enough to be read".repeat(9),
  );
  await using catalog = await open(dir);
  await assert.rejects(catalog.list(["shop"]), {
    code: "catalog_unavailable",
    message: /wh\/catalog\.db: file is not a database/,
  });
});

Deno.test("SqlCatalog in PostgreSQL survives lost sessions and finds out about lost COMMITs", async (t) => {
  using dir = new TempDir();
  await using postgres = await TestPostgres.start();
  await using proxy = CommitLosingProxy.start(postgres.port);
  const uri = `postgresql://postgres:${postgres.password}@127.0.0.1:${proxy.port}/postgres`;
  // A session that has committed once does not send the word again: each step has its own.
  const connect = () => open(dir, { uri: `${uri}?sslmode=disable` });
  await using catalog = await connect();
  await catalog.createNamespace(["shop"], {});
  await catalog.commit([await creation(catalog, ["shop", "t"])]);

  await t.step("a session that ended between two commands is replaced", async () => {
    await postgres.query(
      "postgres",
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'seeknal'",
    );
    await catalog.commit([await append(catalog, ["shop", "t"], 1n)]);
    assert.equal((await catalog.load(["shop", "t"]))?.metadata["current-snapshot-id"], 1n);
  });

  await t.step("a COMMIT that was made and not answered is found", async () => {
    await using catalog = await connect();
    const commit = await append(catalog, ["shop", "t"], 2n);
    proxy.next = "forward and hang up";
    await catalog.commit([commit]);
    assert.equal(proxy.next, null);
    const table = await catalog.load(["shop", "t"]);
    assert.deepEqual(table?.metadata.snapshots.map((each) => each["snapshot-id"]), [1n, 2n]);
  });

  await t.step("a COMMIT that never arrived is not taken for one that did", async () => {
    await using catalog = await connect();
    const commit = await append(catalog, ["shop", "t"], 3n);
    proxy.next = "hang up";
    await assert.rejects(catalog.commit([commit]), { code: "commit_state_unknown" });
    assert.equal(proxy.next, null);
    assert.equal((await catalog.load(["shop", "t"]))?.metadata["current-snapshot-id"], 2n);
    await catalog.commit([commit]);
  });

  await t.step("commits that are stale are conflicts here as everywhere", async () => {
    const stale = await append(catalog, ["shop", "t"], 4n);
    await catalog.commit([await append(catalog, ["shop", "t"], 5n)]);
    await assert.rejects(catalog.commit([stale]), CommitConflict);
  });
});

Deno.test("SqlCatalog in PostgreSQL says who was refused, without the password", async () => {
  using dir = new TempDir();
  await using postgres = await TestPostgres.start();
  const uri = `postgresql://postgres:wr%40ng-s3cret@127.0.0.1:${postgres.port}/postgres`;
  await using catalog = await open(dir, { uri });
  await assert.rejects(catalog.list(["shop"]), (error: Error & { code: string }) => {
    assert.equal(error.code, "access_denied");
    assert.match(error.message, /password authentication failed/);
    assert.doesNotMatch(`${error.stack}`, /ng-s3cret/);
    return true;
  });
});

/** Stands between a client and PostgreSQL, and can lose a COMMIT. */
class CommitLosingProxy implements AsyncDisposable {
  next: "forward and hang up" | "hang up" | null = null;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.Conn>();
  readonly #target: number;

  private constructor(target: number) {
    this.#target = target;
  }

  static start(target: number): CommitLosingProxy {
    const proxy = new CommitLosingProxy(target);
    proxy.#serve();
    return proxy;
  }

  get port(): number {
    return this.#listener.addr.transport === "tcp" ? this.#listener.addr.port : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }

  async #serve(): Promise<void> {
    for await (const client of this.#listener) {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
      this.#connections.add(client).add(server);
      this.#pipe(client, server, (text) => text.toUpperCase().includes("COMMIT"));
      this.#pipe(server, client, () => false);
    }
  }

  async #pipe(from: Deno.Conn, to: Deno.Conn, isCommit: (text: string) => boolean) {
    const buffer = new Uint8Array(65536);
    try {
      for (let n = await from.read(buffer); n !== null; n = await from.read(buffer)) {
        const data = buffer.slice(0, n);
        const plan = isCommit(new TextDecoder().decode(data)) ? this.next : null;
        if (plan !== "hang up") await to.write(data);
        if (plan === null) continue;
        this.next = null;
        close(from);
        // What was forwarded is to be done before the server learns that nobody listens.
        await new Promise((resolve) => setTimeout(resolve, 200));
        break;
      }
    } catch {
      // Either end was closed: so is the other.
    }
    close(from);
    close(to);
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}
