import assert from "node:assert/strict";
import { sha256 } from "../../../src/base/hash.ts";
import { FileVersions } from "../../../src/cache/file_versions.ts";
import { TempDir } from "../../support/temp_dir.ts";

const CHANGED = new Date("2026-01-02T03:00:00Z");

/** One command that looks at `a.csv` so many milliseconds after it changed. */
function look(
  dir: TempDir,
  afterMs: number,
  options: { readonly readOnly?: boolean } = {},
): string {
  const versions = new FileVersions(dir.path, dir.join("target"), {
    now: () => new Date(CHANGED.getTime() + afterMs),
    readOnly: options.readOnly ?? false,
  });
  const hash = versions.hash("a.csv");
  versions.save();
  return hash;
}

function write(dir: TempDir, text: string, at = CHANGED): void {
  const path = dir.write("a.csv", text);
  Deno.utimeSync(path, at, at);
}

Deno.test("FileVersions.hash() hashes the content", () => {
  using dir = new TempDir();
  write(dir, "old");
  assert.equal(look(dir, 60_000), sha256("old"));
});

/** Long after every file of the test was last touched, by any clock. */
const LATER_MS = Date.parse("2100-01-01T00:00:00Z") - CHANGED.getTime();

Deno.test("FileVersions.hash() believes its memory of a file that had rested when it was hashed", () => {
  using dir = new TempDir();
  write(dir, "old");
  look(dir, LATER_MS);
  const memory = dir.join("target/cache/file_versions.json");
  Deno.writeTextFileSync(memory, Deno.readTextFileSync(memory).replace(sha256("old"), sha256("x")));
  assert.equal(look(dir, LATER_MS), sha256("x"), "not hashed again");
});

Deno.test("FileVersions.hash() sees a change that kept size and time, and another file moved there", async () => {
  using dir = new TempDir();
  write(dir, "old");
  look(dir, LATER_MS);
  // Deno tells the time of a status change in whole seconds.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  write(dir, "new");
  assert.equal(look(dir, LATER_MS), sha256("new"));
  Deno.utimeSync(dir.write("other.csv", "abc"), CHANGED, CHANGED);
  Deno.renameSync(dir.join("other.csv"), dir.join("a.csv"));
  assert.equal(look(dir, LATER_MS), sha256("abc"));
});

Deno.test("FileVersions.hash() does not believe a memory that is as young as the file", () => {
  using dir = new TempDir();
  write(dir, "old");
  look(dir, 500);
  const memory = dir.join("target/cache/file_versions.json");
  Deno.writeTextFileSync(memory, Deno.readTextFileSync(memory).replace(sha256("old"), sha256("x")));
  assert.equal(look(dir, LATER_MS), sha256("old"));
});

Deno.test("FileVersions.hash() sees another size and another time", () => {
  using dir = new TempDir();
  write(dir, "old");
  look(dir, 60_000);
  write(dir, "longer");
  assert.equal(look(dir, 60_000), sha256("longer"));
  write(dir, "shortr", new Date(CHANGED.getTime() + 1));
  assert.equal(look(dir, 120_000), sha256("shortr"));
});

Deno.test("FileVersions.hash() gives one answer in one command, also when the file changes meanwhile", () => {
  using dir = new TempDir();
  write(dir, "old");
  const versions = new FileVersions(dir.path, dir.join("target"), {
    now: () => CHANGED,
    readOnly: false,
  });
  const { sizeBytes, mtimeMs, path } = versions.watched("a.csv");
  assert.deepEqual([path, sizeBytes, mtimeMs], [dir.join("a.csv"), 3, CHANGED.getTime()]);
  write(dir, "longer");
  assert.equal(versions.hash("a.csv"), sha256("old"));
});

Deno.test("FileVersions.save() writes nothing in a read-only command", () => {
  using dir = new TempDir();
  write(dir, "old");
  look(dir, 60_000, { readOnly: true });
  assert.deepEqual([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["a.csv"]);
});

for (const text of ["", "{", "null", "[]"]) {
  Deno.test(`FileVersions starts anew from the damaged memory ${JSON.stringify(text)}`, () => {
    using dir = new TempDir();
    write(dir, "old");
    dir.write("target/cache/file_versions.json", text);
    assert.equal(look(dir, 60_000), sha256("old"));
  });
}
