import assert from "node:assert/strict";
import { fileLocation, localPathOf, LocalStorage } from "../../../src/storage/local_storage.ts";
import { TempDir } from "../../support/temp_dir.ts";

const BYTES = new TextEncoder().encode("hello");

Deno.test("LocalStorage reads what it wrote by every spelling of a location", async () => {
  using dir = new TempDir();
  const storage = new LocalStorage();
  await storage.write(`file://${dir.path}/a/b.txt`, BYTES);
  for (const prefix of ["file://", "file:", "file://localhost", ""]) {
    assert.deepEqual(await storage.read(`${prefix}${dir.path}/a/b.txt`), BYTES);
  }
  assert.deepEqual([...Deno.readDirSync(dir.join("a"))].map(({ name }) => name), ["b.txt"]);
});

Deno.test("LocalStorage takes percent signs and blanks in a location as they are", async () => {
  using dir = new TempDir();
  const storage = new LocalStorage();
  const location = `${fileLocation(dir.path)}/city=a%2Fb c/é?#.txt`;
  await storage.write(location, BYTES);
  assert.equal(Deno.readTextFileSync(dir.join("city=a%2Fb c", "é?#.txt")), "hello");
  const listed = await Array.fromAsync(storage.list(fileLocation(dir.path)));
  assert.deepEqual(listed.map((object) => object.location), [location]);
});

Deno.test("LocalStorage.write with ifAbsent lets one of many writers win", async () => {
  using dir = new TempDir();
  const storage = new LocalStorage();
  const location = `file://${dir.path}/one`;
  const results = await Promise.allSettled(
    Array.from(
      { length: 20 },
      (_, i) => storage.write(location, new TextEncoder().encode(`${i}`), { ifAbsent: true }),
    ),
  );
  const winners = results.flatMap((result, i) => result.status === "fulfilled" ? [i] : []);
  assert.equal(winners.length, 1);
  assert.equal(Deno.readTextFileSync(dir.join("one")), `${winners[0]}`);
  const codes = results.flatMap((result) =>
    result.status === "rejected" ? [result.reason.code] : []
  );
  assert.deepEqual(new Set(codes), new Set(["object_exists"]));
  assert.equal([...Deno.readDirSync(dir.path)].length, 1);
});

Deno.test("LocalStorage copies files up and down and leaves nothing behind when there is no source", async () => {
  using dir = new TempDir();
  const storage = new LocalStorage();
  const source = dir.write("source", "data");
  Deno.chmodSync(source, 0o444);
  await storage.upload(source, `file://${dir.path}/deep/er/copy`);
  await storage.download(`file://${dir.path}/deep/er/copy`, dir.join("down", "copy"));
  assert.equal(Deno.readTextFileSync(dir.join("down", "copy")), "data");
  await assert.rejects(storage.upload(dir.join("none"), `file://${dir.path}/x/y`));
  assert.deepEqual([...Deno.readDirSync(dir.join("x"))], []);
  await assert.rejects(storage.download(`file://${dir.path}/none`, dir.join("z")), {
    code: "object_missing",
  });
});

Deno.test("LocalStorage says what is there: stat, list, remove", async () => {
  using dir = new TempDir();
  const storage = new LocalStorage();
  dir.write("t/data/a", "1");
  dir.write("t/metadata/b", "22");
  dir.write("tt/c", "333");
  const listed = await Array.fromAsync(storage.list(`${dir.path}/t/`));
  assert.deepEqual(
    listed.map(({ location, sizeBytes }) => [location, sizeBytes]).sort(),
    [[`${dir.path}/t/data/a`, 1], [`${dir.path}/t/metadata/b`, 2]],
  );
  assert.equal((await storage.stat(`file:${dir.path}/tt/c`))?.sizeBytes, 3);
  assert.equal(await storage.stat(`file:${dir.path}/tt`), null);
  await storage.remove([`${dir.path}/tt/c`, `${dir.path}/never`]);
  assert.equal(await storage.stat(`${dir.path}/tt/c`), null);
  assert.deepEqual(await Array.fromAsync(storage.list(`${dir.path}/never`)), []);
  await assert.rejects(storage.read(`${dir.path}/tt/c`), { code: "object_missing" });
});

Deno.test("localPathOf refuses locations of other stores", () => {
  for (const location of ["s3://bucket/key", "relative/path", "file://host/share/x"]) {
    assert.throws(() => localPathOf(location), { code: "location_unsupported" });
  }
});
