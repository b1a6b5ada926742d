import assert from "node:assert/strict";
import { openStorage } from "../../../src/storage/open_storage.ts";
import { parseS3Location } from "../../../src/storage/s3_location.ts";
import { type S3Options, s3Target } from "../../../src/storage/s3_options.ts";
import { S3Server } from "../../support/s3_server.ts";
import { TempDir } from "../../support/temp_dir.ts";

const text = (value: string) => new TextEncoder().encode(value);
const options = (server: S3Server, more: S3Options = {}) => ({
  s3: { ...server.options, ...more },
  env: () => undefined,
  now: () => new Date(),
});
const open = (server: S3Server, more: S3Options = {}) =>
  openStorage("s3://lake/x", options(server, more));

Deno.test("S3Storage reads what it wrote, whatever the key looks like", async () => {
  await using server = S3Server.start();
  const storage = await open(server);
  const keys = ["a/b.txt", "city=a%2Fb c+d/é&<\"'>#!*().txt", "日本/x~y=z@:,;$[]"];
  for (const key of keys) await storage.write(`s3://lake/wh/${key}`, text(key));
  for (const key of keys) {
    assert.deepEqual(await storage.read(`s3://lake/wh/${key}`), text(key));
    assert.equal((await storage.stat(`s3a://lake/wh/${key}`))?.sizeBytes, text(key).length);
  }
  assert.deepEqual(server.keysOf("lake"), keys.map((key) => `wh/${key}`).sort());
  const listed = await Array.fromAsync(storage.list("s3a://lake/wh"));
  assert.deepEqual(
    listed.map(({ location }) => location).sort(),
    keys.map((key) => `s3a://lake/wh/${key}`).sort(),
  );
  await storage.remove([...keys, "never"].map((key) => `s3://lake/wh/${key}`));
  assert.deepEqual(server.keysOf("lake"), []);
});

Deno.test("S3Storage says object_missing for what is not there, and null for its stat", async () => {
  await using server = S3Server.start();
  using dir = new TempDir();
  const storage = await open(server);
  await assert.rejects(storage.read("s3://lake/none"), { code: "object_missing" });
  await assert.rejects(storage.download("s3://lake/none", dir.join("x")), {
    code: "object_missing",
  });
  assert.deepEqual([...Deno.readDirSync(dir.path)], []);
  assert.equal(await storage.stat("s3://lake/none"), null);
  assert.equal(storage.localPath("s3://lake/none"), null);
  await assert.rejects(storage.read("s3://nowhere/none"), { code: "bucket_missing" });
  await assert.rejects(storage.read("file:///etc/passwd"), { code: "location_unsupported" });
});

Deno.test("S3Storage.write with ifAbsent lets one of many writers win", async () => {
  await using server = S3Server.start();
  const storage = await open(server);
  const results = await Promise.allSettled(
    Array.from(
      { length: 8 },
      (_, i) => storage.write("s3://lake/one", text(`${i}`), { ifAbsent: true }),
    ),
  );
  const winners = results.flatMap(({ status }, i) => status === "fulfilled" ? [i] : []);
  assert.equal(winners.length, 1);
  assert.deepEqual(await storage.read("s3://lake/one"), text(`${winners[0]}`));
  for (const result of results) {
    if (result.status === "rejected") assert.equal(result.reason.code, "object_exists");
  }
});

Deno.test("S3Storage.write with ifAbsent knows its own object after a lost answer", async () => {
  await using server = S3Server.start();
  const storage = await open(server);
  server.faults.push({ method: "PUT", kind: "lost" });
  await storage.write("s3://lake/mine", text("mine"), { ifAbsent: true });
  assert.deepEqual(await storage.read("s3://lake/mine"), text("mine"));
  server.faults.push({ method: "PUT", kind: "503" });
  await assert.rejects(storage.write("s3://lake/mine", text("other"), { ifAbsent: true }), {
    code: "object_exists",
  });
});

Deno.test("S3Storage lists page after page and nothing beside the folder", async () => {
  await using server = S3Server.start();
  server.pageSize = 7;
  const storage = await open(server);
  const bucket = server.buckets.get("lake")!;
  for (let i = 0; i < 40; i++) {
    await storage.write(`s3://lake/t/data/${String(i).padStart(2, "0")}`, text("x".repeat(i)));
  }
  await storage.write("s3://lake/tt/other", text(""));
  bucket.set("t/folder/", { data: text(""), etag: '""', modified: new Date() });
  const listed = await Array.fromAsync(storage.list("s3://lake/t/"));
  assert.deepEqual(
    listed.map(({ sizeBytes }) => sizeBytes),
    Array.from({ length: 40 }, (_, i) => i),
  );
  assert.ok(listed.every(({ modified }) => Math.abs(modified.getTime() - Date.now()) < 60_000));
});

Deno.test("S3Storage sends large files in parts, and none of them stays after a failure", async () => {
  await using server = S3Server.start();
  using dir = new TempDir();
  const storage = await open(server);
  const data = new Uint8Array(21 << 20);
  for (let at = 0; at < data.length; at += 65536) {
    crypto.getRandomValues(data.subarray(at, at + 65536));
  }
  const source = dir.write("big", data);
  server.faults.push({ method: "PUT", path: "partNumber=2", kind: "503" });
  server.faults.push({ method: "POST", path: "uploadId", kind: "lost" });
  await storage.upload(source, "s3://lake/big");
  assert.match(server.buckets.get("lake")!.get("big")!.etag, /-3"$/);
  server.faults.push({ method: "GET", kind: "broken" });
  await storage.download("s3://lake/big", dir.join("down"));
  assert.deepEqual(Deno.readFileSync(dir.join("down")), data);
  assert.ok(server.seen.some(({ path }) => path.includes("partNumber=3")));
  server.keys.clear();
  await assert.rejects(storage.upload(source, "s3://lake/again"), { code: "access_denied" });
  server.keys.set("test-key", "test-secret/with+signs");
  server.faults.push({ method: "PUT", path: "partNumber=2", kind: "500", times: 6 });
  await assert.rejects(storage.upload(source, "s3://lake/again"), { code: "storage_unavailable" });
  assert.deepEqual([...server.uploads], []);
  assert.deepEqual(server.keysOf("lake"), ["big"]);
});

Deno.test("S3Storage goes on reading where a connection broke, of the same version only", async () => {
  await using server = S3Server.start();
  const storage = await open(server);
  const data = text("0123456789".repeat(10_000));
  await storage.write("s3://lake/x", data);
  server.faults.push({ method: "GET", kind: "broken", times: 3 });
  assert.deepEqual(await storage.read("s3://lake/x"), data);
  assert.equal(server.seen.filter(({ method }) => method === "GET").length, 4);
});

Deno.test("S3Storage gives up on a store that stays in trouble, and says where", async () => {
  await using server = S3Server.start();
  const storage = await open(server);
  server.faults.push({ kind: "503", times: 6 });
  await assert.rejects(storage.read("s3://lake/x"), (error: Error & { code: string }) => {
    assert.equal(error.code, "storage_unavailable");
    assert.match(error.message, /127\.0\.0\.1:\d+ failed on s3:\/\/lake\/x: SlowDown/);
    return true;
  });
  assert.equal(server.seen.length, 6);
});

Deno.test("S3Storage is refused with a wrong key, and says so without the secret", async () => {
  await using server = S3Server.start();
  for (
    const [keys, said] of [
      [{ secretAccessKey: "wrong-secret" }, /SignatureDoesNotMatch/],
      [{ accessKeyId: "nobody" }, /InvalidAccessKeyId/],
    ] as const
  ) {
    const storage = await open(server, keys);
    await assert.rejects(storage.read("s3://lake/x"), (error: Error & { code: string }) => {
      assert.equal(error.code, "access_denied");
      assert.match(error.message, said);
      assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, /wrong-secret|test-secret/);
      return true;
    });
  }
});

Deno.test("S3Storage renews credentials before they end, and when the store says they have", async () => {
  await using server = S3Server.start();
  const now = Date.now();
  let renewals = 0;
  const storage = await openStorage("s3://lake/x", {
    ...options(server, { sessionToken: "first", expiresAtMs: now + 1000 }),
    refresh: async () => ({
      ...server.options,
      sessionToken: `renewed-${++renewals}`,
      expiresAtMs: now + 3_600_000,
    }),
  });
  await Promise.all([1, 2, 3].map((i) => storage.write(`s3://lake/${i}`, text("x"))));
  assert.equal(renewals, 1);
  server.faults.push({ kind: "expired" });
  await storage.read("s3://lake/1");
  assert.deepEqual(server.seen.map(({ sessionToken }) => sessionToken), [
    ...["renewed-1", "renewed-1", "renewed-1", "renewed-1"],
    "renewed-2",
  ]);
});

Deno.test("parseS3Location takes the key as it is and refuses what no URL can carry", () => {
  assert.deepEqual(parseS3Location("s3n://b/a%20b//c#d"), {
    scheme: "s3n",
    bucket: "b",
    key: "a%20b//c#d",
  });
  assert.equal(parseS3Location("s3://b").key, "");
  for (const location of ["s3://b/a/../c", "s3://b/./c", "s3://b/a?b", "s3:///x", "gs://b/x"]) {
    assert.throws(() => parseS3Location(location), { code: "location_unsupported" });
  }
});

Deno.test("s3Target completes options from AWS's variables, keys as a whole", () => {
  const variables: Record<string, string> = {
    AWS_ACCESS_KEY_ID: "env-key",
    AWS_SECRET_ACCESS_KEY: "env-secret",
    AWS_SESSION_TOKEN: "env-token",
    AWS_DEFAULT_REGION: "eu-west-1",
  };
  const env = (name: string) => variables[name];
  assert.deepEqual(s3Target({}, env), {
    endpoint: "https://s3.eu-west-1.amazonaws.com",
    region: "eu-west-1",
    credentials: {
      accessKeyId: "env-key",
      secretAccessKey: "env-secret",
      sessionToken: "env-token",
    },
    pathStyle: false,
    expiresAtMs: null,
  });
  const own = s3Target(
    { endpoint: "minio:9000", accessKeyId: "own", secretAccessKey: "own-secret" },
    env,
  );
  assert.deepEqual(
    [own.endpoint, own.pathStyle, own.credentials?.sessionToken],
    ["https://minio:9000", true, null],
  );
  assert.equal(s3Target({}, () => undefined).credentials, null);
  assert.throws(() => s3Target({ accessKeyId: "own" }, env), { code: "missing_option" });
});
