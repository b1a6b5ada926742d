import assert from "node:assert/strict";
import { join } from "node:path";
import { CommitConflict } from "../../src/iceberg/catalog.ts";
import { ICEBERG } from "../../src/iceberg/connection_type.ts";
import { openCatalog } from "../../src/iceberg/open_catalog.ts";
import type { Scalar } from "../../src/base/field_reader.ts";
import type { ConnectionSpec } from "../../src/model/profile.ts";
import { LocalStorage } from "../../src/storage/local_storage.ts";
import { openStorage } from "../../src/storage/open_storage.ts";
import { append, change, creation } from "../support/catalog_contract.ts";
import { RestCatalogServer, type RestServerOptions } from "../support/rest_catalog_server.ts";
import { S3Server } from "../support/s3_server.ts";
import { TempDir } from "../support/temp_dir.ts";

const SECRETS = { CREDENTIAL: "etl:s3cret-of-etl", TOKEN: "s3cret-token" } as const;

function connection(options: Readonly<Record<string, Scalar>>): ConnectionSpec {
  return { name: "atlas", type: "iceberg", options, file: "profiles.yml" };
}

/** A server with an empty table `shop.orders`, and ways to open catalogs of it. */
async function setUp(options: Partial<RestServerOptions> = {}, own: Record<string, Scalar> = {}) {
  const dir = new TempDir();
  const server = new RestCatalogServer({
    warehouse: `file://${dir.path}/wh`,
    storage: new LocalStorage(),
    ...options,
  });
  let now = Date.now();
  const open = async (more: Record<string, Scalar> = {}) =>
    await openCatalog(connection({ catalog: "rest", uri: server.uri, ...own, ...more }), {
      env: (name) => SECRETS[name as keyof typeof SECRETS],
      root: dir.path,
      now: () => new Date(now),
    });
  const catalog = await open();
  await catalog.createNamespace(["shop"], {});
  await catalog.commit([await creation(catalog, ["shop", "orders"])]);
  server.seen.length = 0;
  return {
    server,
    catalog,
    open,
    /** Lets seconds go by. */
    wait: (seconds: number) => now += seconds * 1000,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    },
  };
}

const ORDERS = ["shop", "orders"];

for (const kind of ["done-500", "done-504", "done-lost"] as const) {
  Deno.test(`RestCatalog.commit finds its snapshot after ${kind} and does not send it again`, async () => {
    await using world = await setUp();
    const commit = await append(world.catalog, ORDERS, 7n);
    world.server.faults.push({ method: "POST", path: "tables/orders", kind });
    await world.catalog.commit([commit]);
    const table = await world.catalog.load(ORDERS);
    assert.deepEqual(table?.metadata.snapshots.map((each) => each["snapshot-id"]), [7n]);
    assert.equal(world.server.seen.filter(({ method }) => method === "POST").length, 1);
  });
}

Deno.test("RestCatalog.commit finds a transaction, a creation and properties that were not answered", async () => {
  await using world = await setUp();
  const { catalog, server } = world;
  await catalog.commit([await creation(catalog, ["shop", "lines"])]);
  const both = [await append(catalog, ORDERS, 1n), await append(catalog, ["shop", "lines"], 2n)];
  server.faults.push({ path: "transactions/commit", kind: "done-lost" });
  await catalog.commit(both);
  const created = await creation(catalog, ["shop", "new"]);
  server.faults.push({ method: "POST", path: "tables/new", kind: "done-500" });
  await catalog.commit([created]);
  const changed = await change(catalog, ORDERS, { seen: "yes" });
  server.faults.push({ method: "POST", path: "tables/orders", kind: "done-504" });
  await catalog.commit([changed]);
  assert.equal((await catalog.load(ORDERS))?.metadata.properties.seen, "yes");
  assert.ok(await catalog.load(["shop", "new"]));
});

Deno.test("RestCatalog.commit says that nothing was changed when the catalog failed and is done", async () => {
  await using world = await setUp();
  const commit = await append(world.catalog, ORDERS, 7n);
  world.server.faults.push({ method: "POST", path: "tables/orders", kind: "500" });
  await assert.rejects(world.catalog.commit([commit]), { code: "catalog_unavailable" });
  assert.equal((await world.catalog.load(ORDERS))?.metadata.snapshots.length, 0);
  await world.catalog.commit([commit]);
});

Deno.test("RestCatalog.commit is a conflict when it was not answered and others came first", async () => {
  await using world = await setUp();
  const { catalog, server } = world;
  const late = await append(catalog, ORDERS, 7n);
  await catalog.commit([await append(catalog, ORDERS, 6n)]);
  server.faults.push({ method: "POST", path: "tables/orders", kind: "504" });
  await assert.rejects(catalog.commit([late]), CommitConflict);
});

Deno.test("RestCatalog.commit does not guess when it was not answered and cannot be looked for", async () => {
  await using world = await setUp();
  const { catalog, server } = world;
  const commit = await append(catalog, ORDERS, 7n);
  server.faults.push({ method: "POST", path: "tables/orders", kind: "lost" });
  server.faults.push({ method: "GET", path: "tables/orders", kind: "503", times: 5 });
  await assert.rejects(catalog.commit([commit]), {
    code: "commit_state_unknown",
    message: /not known whether the commit to shop\.orders went through/,
  });
});

Deno.test("RestCatalog.commit does not know what a gateway that gave up has left to come", async () => {
  await using world = await setUp();
  const { catalog, server } = world;
  const commit = await append(catalog, ORDERS, 7n);
  server.faults.push({ method: "POST", path: "tables/orders", kind: "504" });
  await assert.rejects(catalog.commit([commit]), { code: "commit_state_unknown" });
  assert.ok(
    server.seen.filter(({ method }) => method === "GET").length >= 4,
    "looks several times",
  );
});

Deno.test("RestCatalog.commit takes 409 as a conflict", async () => {
  await using world = await setUp();
  const commit = await append(world.catalog, ORDERS, 7n);
  world.server.faults.push({ method: "POST", path: "tables/orders", kind: "409" });
  await assert.rejects(world.catalog.commit([commit]), (error: CommitConflict) => {
    assert.ok(error instanceof CommitConflict);
    assert.deepEqual(error.identifier, ORDERS);
    assert.match(error.message, /Somebody was faster/);
    return true;
  });
});

Deno.test("RestCatalog asks again where that does no harm, as long as the catalog wants it", async () => {
  await using world = await setUp();
  const { catalog, server } = world;
  for (const kind of ["503", "429", "500", "504", "lost"] as const) {
    server.faults.push({ method: "GET", kind, times: 2 });
    assert.ok(await catalog.load(ORDERS), kind);
  }
  server.faults.push({ method: "DELETE", kind: "503" });
  await catalog.drop(ORDERS);
  assert.equal(await catalog.load(ORDERS), null);
  server.faults.push({ method: "GET", kind: "503", times: 5 });
  await assert.rejects(catalog.load(ORDERS), { code: "catalog_unavailable", kind: "dependency" });
});

Deno.test("RestCatalog gives up on a slow catalog after request_timeout", async () => {
  await using world = await setUp();
  const impatient = await world.open({ request_timeout: 0.2 });
  world.server.faults.push({ method: "GET", kind: "slow", times: 5 });
  await assert.rejects(impatient.load(ORDERS), {
    code: "catalog_unavailable",
    message: /no answer within 0\.2 s/,
  });
});

Deno.test("RestCatalog gets tokens for a credential and renews them before they end and when refused", async () => {
  const oauth = { id: "etl", secret: "s3cret-of-etl", scope: "catalog", lifetimeSeconds: 600 };
  await using world = await setUp({ oauth }, { credential: "${CREDENTIAL}" });
  const { catalog, server, wait } = world;
  const tokens = () => server.seen.filter(({ token }) => token !== null).map(({ token }) => token);
  await Promise.all([catalog.load(ORDERS), catalog.load(ORDERS)]);
  wait(500);
  await catalog.load(ORDERS);
  assert.deepEqual(new Set(tokens()), new Set(["token-1"]));
  wait(50);
  await Promise.all([catalog.load(ORDERS), catalog.load(ORDERS), catalog.load(ORDERS)]);
  assert.equal(tokens().at(-1), "token-2");
  server.expireTokens();
  await catalog.commit([await append(catalog, ORDERS, 1n)]);
  assert.equal(tokens().at(-1), "token-3");
  assert.equal(server.seen.filter(({ path }) => path.endsWith("oauth/tokens")).length, 2);
});

Deno.test("RestCatalog says whom the catalog refused, and no secret", async () => {
  const oauth = { id: "etl", secret: "other", scope: "catalog", lifetimeSeconds: 600 };
  using dir = new TempDir();
  const common = { warehouse: `file://${dir.path}`, storage: new LocalStorage() };
  await using wrong = new RestCatalogServer({ ...common, oauth });
  await using closed = new RestCatalogServer({ ...common, token: "known" });
  const cases: [RestCatalogServer, Record<string, string>, RegExp][] = [
    [wrong, { credential: "${CREDENTIAL}" }, /got no token from http.*: it answered 401: invalid_/],
    [closed, { token: "${TOKEN}" }, /refused connection "atlas": Not authorized: \*\*\*/],
  ];
  for (const [server, options, message] of cases) {
    const spec = connection({ catalog: "rest", uri: server.uri, ...options });
    const context = {
      env: (name: string) => SECRETS[name as keyof typeof SECRETS],
      root: dir.path,
    };
    await assert.rejects(ICEBERG.test(spec, context), (error: Error & { code: string }) => {
      assert.equal(error.code, "access_denied");
      assert.match(error.message, message);
      assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, /s3cret/);
      return true;
    });
  }
});

Deno.test("RestCatalog reads and writes with the credentials that the catalog vends, and renews them", async () => {
  await using s3 = S3Server.start();
  s3.keys.set("vended-key", "vended-secret");
  let vended = 0;
  const storage = await openStorage("s3://lake/x", {
    s3: s3.options,
    env: () => undefined,
    now: () => new Date(),
  });
  await using world = await setUp({
    warehouse: "s3://lake/wh",
    storage,
    vend: () => ({
      config: { "s3.endpoint": s3.endpoint, "s3.path-style-access": "true" },
      "storage-credentials": [
        { prefix: "s3://other/", config: { "s3.access-key-id": "wrong" } },
        { prefix: "s3://lake", config: { "s3.access-key-id": "also-wrong" } },
        {
          prefix: "s3://lake/wh/",
          config: {
            "s3.access-key-id": "vended-key",
            "s3.secret-access-key": "vended-secret",
            "s3.session-token": `session-${++vended}`,
            "s3.session-token-expires-at-ms": String(Date.now() + 600_000),
          },
        },
      ],
    }),
  });
  const location = await world.catalog.defaultLocation(["shop", "staged"]);
  const staged = await world.catalog.storageFor(location);
  await staged.write(`${location}/data/x`, new Uint8Array(3));
  const table = await world.catalog.load(ORDERS);
  assert.ok(table?.metadataLocation);
  s3.seen.length = 0;
  await table.storage.read(table.metadataLocation);
  s3.faults.push({ kind: "expired" });
  await table.storage.read(table.metadataLocation);
  world.wait(590);
  await table.storage.read(table.metadataLocation);
  const sessions = s3.seen.map(({ accessKeyId, sessionToken }) => [accessKeyId, sessionToken]);
  assert.deepEqual(new Set(sessions.map(([key]) => key)), new Set(["vended-key"]));
  assert.equal(new Set(sessions.map(([, session]) => session)).size, 3, "renewed twice");
  assert.ok(world.server.seen.some(({ path }) => path.endsWith("/credentials")));
  assert.ok(world.server.seen.some(({ delegation }) => delegation === "vended-credentials"));
});

Deno.test("RestCatalog uses the connection's own S3 key where it has one, and asks for no other", async () => {
  await using s3 = S3Server.start();
  const own = {
    s3_endpoint: s3.endpoint,
    s3_access_key_id: "test-key",
    s3_secret_access_key: "test-secret/with+signs",
  };
  const storage = await openStorage("s3://lake/x", {
    s3: s3.options,
    env: () => undefined,
    now: () => new Date(),
  });
  const vend = () => ({ config: { "s3.endpoint": "http://wrong.invalid", "s3.region": "x-1" } });
  await using world = await setUp({ warehouse: "s3://lake/wh", storage, vend }, own);
  const table = await world.catalog.load(ORDERS);
  assert.ok(table?.metadataLocation && await table.storage.stat(table.metadataLocation));
  assert.deepEqual(new Set(world.server.seen.map(({ delegation }) => delegation)), new Set([null]));
});

Deno.test("RestCatalog trusts a certificate that nobody signed only when told so", async () => {
  using dir = new TempDir();
  const tls = selfSigned(dir);
  await using world = await setUp({ tls }, { verify_tls: false });
  assert.ok(await world.catalog.load(ORDERS));
  await assert.rejects(world.open({ verify_tls: true }), {
    code: "catalog_unavailable",
    message: /certificate/i,
  });
});

Deno.test("ICEBERG.test says what is there and writes nothing", async () => {
  await using world = await setUp();
  const spec = connection({ catalog: "rest", uri: `${world.server.uri}/v1/` });
  const report = await ICEBERG.test(spec, { env: () => undefined, root: "/" });
  assert.deepEqual(report, {
    server: `Iceberg catalog, REST at ${world.server.uri}`,
    facts: ["namespaces: shop", "several tables: committed together"],
  });
  using dir = new TempDir();
  const local = connection({ warehouse: "lake" });
  assert.deepEqual(await ICEBERG.test(local, { env: () => undefined, root: dir.path }), {
    server: `Iceberg catalog, SQLite file ${join(dir.path, "lake", "catalog.db")}`,
    facts: [
      "namespaces: none yet",
      `warehouse: file://${dir.path}/lake, empty`,
      "several tables: committed together",
    ],
  });
  assert.deepEqual([...Deno.readDirSync(dir.path)], []);
});

Deno.test("openCatalog names the option that is wrong or missing", async () => {
  const cases: [Record<string, Scalar>, string, RegExp][] = [
    [{}, "missing_option", /Connection "atlas" has no "warehouse" \(profiles\.yml\)/],
    [{ warehouse: "s3://b/wh" }, "missing_option", /has no "uri"/],
    [{ warehouse: "gs://b/wh" }, "invalid_option", /"warehouse" of connection "atlas"/],
    [{ warehouse: "w", uri: "mysql://x" }, "invalid_option", /"uri" .* must begin with sqlite:/],
    [{ catalog: "rest" }, "missing_option", /has no "uri"/],
    [{ catalog: "rest", uri: "ftp://x" }, "invalid_option", /must be http/],
    [{ catalog: "hive" }, "invalid_option", /must be one of sql, rest/],
    [{ catalog: "rest", uri: "${NONE}" }, "unset_variable", /uri of connection "atlas"/],
    [{ catalog: "rest", uri: "http://127.0.0.1:9" }, "catalog_unavailable", /127\.0\.0\.1:9/],
  ];
  for (const [options, code, message] of cases) {
    const context = { env: () => undefined, root: "/", now: () => new Date() };
    await assert.rejects(openCatalog(connection(options), context), { code, message });
  }
});

function selfSigned(dir: TempDir): { cert: string; key: string } {
  const { success } = new Deno.Command("openssl", {
    args: [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ...["-keyout", dir.join("key"), "-out", dir.join("cert"), "-days", "2"],
      ...["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
    ],
    stderr: "null",
  }).outputSync();
  assert.ok(success, "openssl makes a certificate");
  return {
    cert: Deno.readTextFileSync(dir.join("cert")),
    key: Deno.readTextFileSync(dir.join("key")),
  };
}
