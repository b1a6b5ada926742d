import assert from "node:assert/strict";
import { sha256 } from "../../../src/base/hash.ts";
import { adoptObject } from "../../../src/cache/object_store.ts";
import { OutputCache } from "../../../src/cache/output_cache.ts";
import type { Fingerprint } from "../../../src/model/ids.ts";
import type { CachedOutput } from "../../../src/model/run.ts";
import { TempDir } from "../../support/temp_dir.ts";

function record(dir: TempDir, text: string): CachedOutput {
  const cache = new OutputCache(dir.path);
  cache.prepare();
  const adopted = adoptObject(dir.write("cache/tmp/new", text), cache.objectsDir);
  const output = { ...adopted, rows: 1, fingerprint: sha256(`of ${text}`) as Fingerprint };
  cache.record(output);
  return output;
}

/** The one file of the index. */
function indexFile(dir: TempDir): string {
  const [folder] = [...Deno.readDirSync(dir.join("cache", "index"))];
  const [file] = [...Deno.readDirSync(dir.join("cache", "index", folder!.name))];
  return dir.join("cache", "index", folder!.name, file!.name);
}

Deno.test("OutputCache.find() finds what another process recorded", () => {
  using dir = new TempDir();
  const output = record(dir, "rows");
  assert.deepEqual(new OutputCache(dir.path).find(output.fingerprint), output);
  assert.equal(new OutputCache(dir.path).find(sha256("other") as Fingerprint), null);
});

Deno.test("OutputCache.find() does not find an output whose object is gone or changed", () => {
  using dir = new TempDir();
  const output = record(dir, "rows");
  const path = new OutputCache(dir.path).objectPath(output.contentHash);
  Deno.chmodSync(path, 0o644);
  Deno.writeTextFileSync(path, "r0ws");
  assert.equal(new OutputCache(dir.path).find(output.fingerprint), null);
  assert.equal(new OutputCache(dir.path).find(output.fingerprint), null);
});

for (const text of ["", '{"finger', "null", "[]", '{"fingerprint":"another"}']) {
  Deno.test(`OutputCache takes the index entry ${JSON.stringify(text)} for none and removes it`, () => {
    using dir = new TempDir();
    const { fingerprint } = record(dir, "rows");
    const path = indexFile(dir);
    Deno.writeTextFileSync(path, text);
    assert.equal(new OutputCache(dir.path).find(fingerprint), null);
    assert.deepEqual([...new OutputCache(dir.path).entries()], []);
    assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
  });
}

Deno.test("OutputCache lists objects and entries, and forgets", () => {
  using dir = new TempDir();
  const outputs = [record(dir, "a"), record(dir, "b")];
  Deno.writeTextFileSync(dir.join("cache", "objects", "notes.txt"), "");
  const cache = new OutputCache(dir.path);
  assert.deepEqual(cache.objects(), outputs.map((output) => output.contentHash).sort());
  assert.equal([...cache.entries()].length, 2);
  cache.forget(outputs[0]!.fingerprint);
  assert.deepEqual([...cache.entries()], [outputs[1]]);
});

Deno.test("OutputCache of a folder that does not exist is empty and creates nothing", () => {
  using dir = new TempDir();
  const cache = new OutputCache(dir.join("target"));
  assert.deepEqual(cache.objects(), []);
  assert.deepEqual([...cache.entries()], []);
  assert.equal(cache.find(sha256("x") as Fingerprint), null);
  assert.deepEqual([...Deno.readDirSync(dir.path)], []);
});
