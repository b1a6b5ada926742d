import assert from "node:assert/strict";
import {
  linkAtomic,
  readTextIfExists,
  removeIfExists,
  statIfExists,
  temporaryName,
  writeFileAtomic,
} from "../../../src/base/atomic_write.ts";
import { TempDir } from "../../support/temp_dir.ts";

Deno.test("writeFileAtomic() creates folders, replaces the file and leaves nothing else behind", () => {
  using dir = new TempDir();
  const path = dir.join("a", "b", "file.txt");
  writeFileAtomic(path, "old");
  writeFileAtomic(path, new TextEncoder().encode("new"));
  assert.equal(Deno.readTextFileSync(path), "new");
  assert.deepEqual([...Deno.readDirSync(dir.join("a", "b"))].map((e) => e.name), ["file.txt"]);
});

Deno.test("writeFileAtomic() gives a reader who has the file open the whole old content", () => {
  using dir = new TempDir();
  const path = dir.write("file.txt", "old");
  using open = Deno.openSync(path);
  writeFileAtomic(path, "something longer");
  const buffer = new Uint8Array(100);
  assert.equal(new TextDecoder().decode(buffer.subarray(0, open.readSync(buffer)!)), "old");
});

Deno.test("writeFileAtomic() removes its temporary file when it cannot replace the target", () => {
  using dir = new TempDir();
  dir.write("target/inside.txt", "x");
  assert.throws(() => writeFileAtomic(dir.join("target"), "text"));
  assert.deepEqual([...Deno.readDirSync(dir.path)].map((e) => e.name), ["target"]);
});

Deno.test("temporaryName() never gives the same name twice", () => {
  const names = Array.from({ length: 50 }, () => temporaryName("/x/file"));
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.every((name) => name.startsWith("/x/tmp_obj_file.")));
});

Deno.test("linkAtomic() points an existing name at the same file as another", () => {
  using dir = new TempDir();
  const object = dir.write("object", "data");
  const link = dir.write("named", "something else");
  linkAtomic(object, link);
  linkAtomic(object, dir.join("deep", "named"));
  assert.equal(Deno.statSync(link).ino, Deno.statSync(object).ino);
  assert.equal(Deno.readTextFileSync(dir.join("deep", "named")), "data");
});

Deno.test("linkAtomic() throws NotFound for an object that is not there and keeps the old file", () => {
  using dir = new TempDir();
  const link = dir.write("named", "old");
  assert.throws(() => linkAtomic(dir.join("missing"), link), Deno.errors.NotFound);
  assert.equal(Deno.readTextFileSync(link), "old");
  assert.deepEqual([...Deno.readDirSync(dir.path)].map((e) => e.name), ["named"]);
});

Deno.test("removeIfExists(), readTextIfExists() and statIfExists() take a missing file for an answer", () => {
  using dir = new TempDir();
  const path = dir.join("missing");
  removeIfExists(path);
  assert.equal(readTextIfExists(path), null);
  assert.equal(statIfExists(path), null);
  const file = dir.write("file", "text");
  assert.equal(statIfExists(`${file}/below`), null);
  assert.equal(readTextIfExists(file), "text");
  removeIfExists(file);
  assert.equal(statIfExists(file), null);
});

Deno.test("readTextIfExists() does not hide that a path is a folder", () => {
  using dir = new TempDir();
  assert.throws(() => readTextIfExists(dir.path));
});
