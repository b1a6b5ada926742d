import assert from "node:assert/strict";
import { sha256 } from "../../../src/base/hash.ts";
import { adoptObject, objectPath, verifyObject } from "../../../src/cache/object_store.ts";
import type { ContentHash } from "../../../src/model/ids.ts";
import { TempDir } from "../../support/temp_dir.ts";

/** Adopts a text; returns its hash, size and path. */
function adopt(dir: TempDir, text: string) {
  Deno.mkdirSync(dir.join("objects"), { recursive: true });
  const { contentHash, sizeBytes } = adoptObject(dir.write("tmp/new", text), dir.join("objects"));
  return { contentHash, sizeBytes, path: objectPath(dir.join("objects"), contentHash) };
}

/** Writes into an object in place, as a script that opened it for writing would. */
function tamper(path: string, text: string): void {
  Deno.chmodSync(path, 0o644);
  Deno.writeTextFileSync(path, text);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

Deno.test("adoptObject() names the file by its content, makes it read-only and takes it away", () => {
  using dir = new TempDir();
  const { contentHash, sizeBytes, path } = adopt(dir, "rows");
  assert.equal(contentHash, sha256("rows"));
  assert.equal(sizeBytes, 4);
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o444);
  assert.equal(exists(dir.join("tmp/new")), false);
  assert.equal(verifyObject(dir.join("objects"), contentHash, 4), true);
});

Deno.test("adoptObject() keeps an equal object that is there, and its links", () => {
  using dir = new TempDir();
  const { path } = adopt(dir, "rows");
  const inode = Deno.statSync(path).ino;
  adopt(dir, "rows");
  assert.equal(Deno.statSync(path).ino, inode);
  assert.equal(exists(dir.join("tmp/new")), false);
});

Deno.test("adoptObject() replaces an object that was tampered with", () => {
  using dir = new TempDir();
  const { path, contentHash } = adopt(dir, "rows");
  tamper(path, "r0ws");
  adopt(dir, "rows");
  assert.equal(Deno.readTextFileSync(path), "rows");
  assert.equal(verifyObject(dir.join("objects"), contentHash, 4, { deep: true }), true);
});

for (const text of ["r0ws", "row", "rows and more", ""]) {
  Deno.test(`verifyObject() detects and removes an object that became "${text}"`, () => {
    using dir = new TempDir();
    const { path, contentHash, sizeBytes } = adopt(dir, "rows");
    tamper(path, text);
    assert.equal(verifyObject(dir.join("objects"), contentHash, sizeBytes), false);
    assert.equal(exists(path), false);
  });
}

Deno.test("verifyObject() accepts an object that was only touched, and need not hash it twice", () => {
  using dir = new TempDir();
  const { path, contentHash, sizeBytes } = adopt(dir, "rows");
  const adopted = Deno.statSync(path).mtime!.getTime();
  Deno.utimeSync(path, new Date(), new Date());
  assert.equal(verifyObject(dir.join("objects"), contentHash, sizeBytes), true);
  assert.equal(Deno.statSync(path).mtime!.getTime(), adopted);
});

Deno.test("verifyObject() looks behind a forged time of last change only when asked to", () => {
  using dir = new TempDir();
  const { path, contentHash, sizeBytes } = adopt(dir, "rows");
  const { mtime } = Deno.statSync(path);
  tamper(path, "r0ws");
  Deno.utimeSync(path, mtime!, mtime!);
  const objects = dir.join("objects");
  assert.equal(verifyObject(objects, contentHash, sizeBytes), true);
  assert.equal(verifyObject(objects, contentHash, sizeBytes, { deep: true }), false);
  assert.equal(exists(path), false);
});

Deno.test("verifyObject() is false for an object that is not there", () => {
  using dir = new TempDir();
  assert.equal(verifyObject(dir.path, sha256("x") as ContentHash, 1), false);
});
