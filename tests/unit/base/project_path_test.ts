import assert from "node:assert/strict";
import { projectRelative, resolveInside } from "../../../src/base/project_path.ts";
import { TempDir } from "../../support/temp_dir.ts";

function makeRoot(dir: TempDir): string {
  dir.write("project/data/a.csv", "x");
  dir.write("outside/secret.csv", "x");
  dir.write("project-two/b.csv", "x");
  return dir.join("project");
}

Deno.test("projectRelative() gives the way from the root", () => {
  assert.equal(projectRelative("/p", "/p/data/a.csv"), "data/a.csv");
});

Deno.test("resolveInside() accepts what is below the root, existing or not", () => {
  using dir = new TempDir();
  const root = makeRoot(dir);
  assert.equal(resolveInside(root, "data/a.csv"), dir.join("project/data/a.csv"));
  assert.equal(resolveInside(root, "data/../data/a.csv"), dir.join("project/data/a.csv"));
  assert.equal(resolveInside(root, "new/deep/b.csv"), dir.join("project/new/deep/b.csv"));
  assert.equal(resolveInside(root, dir.join("project/data")), dir.join("project/data"));
  assert.equal(resolveInside(root, "..data"), dir.join("project/..data"));
});

Deno.test("resolveInside() refuses what leads out by name", () => {
  using dir = new TempDir();
  const root = makeRoot(dir);
  for (const path of ["..", "../outside/secret.csv", "data/../../outside", "/etc/passwd"]) {
    assert.equal(resolveInside(root, path), null, path);
  }
  assert.equal(resolveInside(root, dir.join("project-two/b.csv")), null);
});

Deno.test("resolveInside() refuses what leads out through a symbolic link", () => {
  using dir = new TempDir();
  const root = makeRoot(dir);
  Deno.symlinkSync(dir.join("outside"), dir.join("project/folder"));
  Deno.symlinkSync(dir.join("outside/secret.csv"), dir.join("project/file.csv"));
  Deno.symlinkSync(dir.join("project/folder"), dir.join("project/twice"));
  for (const path of ["folder", "folder/secret.csv", "folder/new.csv", "file.csv", "twice/x"]) {
    assert.equal(resolveInside(root, path), null, path);
  }
});

Deno.test("resolveInside() refuses a symbolic link to a place outside that does not exist yet", () => {
  using dir = new TempDir();
  const root = makeRoot(dir);
  Deno.symlinkSync(dir.join("outside/not_yet.csv"), dir.join("project/dangling.csv"));
  assert.equal(resolveInside(root, "dangling.csv"), null);
});

Deno.test("resolveInside() accepts a symbolic link that stays inside, and a root that is one", () => {
  using dir = new TempDir();
  const root = makeRoot(dir);
  Deno.symlinkSync(dir.join("project/data"), dir.join("project/alias"));
  assert.equal(resolveInside(root, "alias/a.csv"), dir.join("project/data/a.csv"));
  Deno.symlinkSync(root, dir.join("link_to_project"));
  const linked = dir.join("link_to_project");
  assert.equal(resolveInside(linked, "data/a.csv"), dir.join("project/data/a.csv"));
  assert.equal(resolveInside(linked, "../outside/secret.csv"), null);
});
