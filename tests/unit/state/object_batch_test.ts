import assert from "node:assert/strict";
import { buildTrees } from "../../../src/state/git_tree.ts";
import { gitOid } from "../../../src/state/git_object.ts";
import { ObjectBatch } from "../../../src/state/object_batch.ts";
import { git, runCommand } from "../../support/command.ts";
import { TempDir } from "../../support/temp_dir.ts";

const encode = (text: string) => new TextEncoder().encode(text);

async function makeRepo(dir: TempDir): Promise<string> {
  const path = dir.join("repo.git");
  const { code, stderr } = await runCommand("git", "init", "--quiet", "--bare", path);
  assert.equal(code, 0, stderr);
  return path;
}

function files(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

/** Adds blobs at paths, their trees and a commit; returns the commit. */
function addCommit(batch: ObjectBatch, texts: Readonly<Record<string, Uint8Array>>): string {
  const blobs = new Map(
    Object.entries(texts).map(([path, data]) => [path, batch.add("blob", data)]),
  );
  const { root } = buildTrees(blobs, batch);
  const who = "Ada <ada@example.org> 1767323045 +0000";
  return batch.add("commit", encode(`tree ${root}\nauthor ${who}\ncommitter ${who}\n\nfirst\n`));
}

Deno.test("gitOid() names an object as Git does", async () => {
  using dir = new TempDir();
  const data = encode("größe\n");
  const file = dir.write("file", data);
  const { stdout } = await runCommand("git", "hash-object", file);
  assert.equal(gitOid("blob", data), stdout.trim());
});

Deno.test("buildTrees() sorts entries as Git does, with folders as if they ended in a slash", async () => {
  using dir = new TempDir();
  const repo = await makeRepo(dir);
  const batch = new ObjectBatch();
  const paths = ["a.b", "a/x", "a/b/c", "a0", "B", "é", "z", "ab/y", "a-b"];
  const commit = addCommit(
    batch,
    Object.fromEntries(paths.map((path) => [path, encode(path)])),
  );
  batch.flush(repo, () => false);
  const listed = await git(
    repo,
    "-c",
    "core.quotePath=false",
    "ls-tree",
    "-r",
    "--name-only",
    commit,
  );
  assert.deepEqual(listed.trim().split("\n").sort(), [...paths].sort());
  await git(repo, "update-ref", "refs/heads/prod", commit);
  await git(repo, "fsck", "--strict", "--full");
});

Deno.test("ObjectBatch.flush() stores a few objects as files that Git reads", async () => {
  using dir = new TempDir();
  const repo = await makeRepo(dir);
  const batch = new ObjectBatch();
  const oid = batch.add("blob", encode("hello"));
  batch.add("blob", encode("hello"));
  batch.add("blob", new Uint8Array());
  batch.flush(repo, () => false);
  assert.equal(await git(repo, "cat-file", "-t", oid), "blob\n");
  assert.equal(await git(repo, "cat-file", "-p", oid), "hello");
  assert.deepEqual(files(`${repo}/objects/pack`), []);
  await git(repo, "fsck", "--strict", "--full");
});

Deno.test("ObjectBatch.flush() stores many objects of all sizes as one pack that Git verifies", async () => {
  using dir = new TempDir();
  const repo = await makeRepo(dir);
  const batch = new ObjectBatch();
  const sizes = [0, 1, 15, 16, 17, 2047, 2048, 2049, 262_143, 262_144, 1_000_000];
  const texts = Object.fromEntries([
    ...sizes.map((size) => [`size/${size}`, new Uint8Array(size).fill(97)] as const),
    ...Array.from({ length: 300 }, (_, i) => [`many/${i}.json`, encode(`{"n": ${i}}\n`)] as const),
  ]);
  const commit = addCommit(batch, texts);
  batch.flush(repo, () => false);
  const packed = files(`${repo}/objects/pack`);
  assert.deepEqual(packed.map((name) => name.replace(/^pack-[0-9a-f]{40}/, "")), [".idx", ".pack"]);
  await git(repo, "verify-pack", "-v", `${repo}/objects/pack/${packed[0]}`);
  await git(repo, "update-ref", "refs/heads/prod", commit);
  await git(repo, "fsck", "--strict", "--full");
  for (const size of sizes) {
    assert.equal(await git(repo, "cat-file", "-s", `${commit}:size/${size}`), `${size}\n`);
  }
  assert.equal(await git(repo, "cat-file", "-p", `${commit}:many/299.json`), '{"n": 299}\n');
  assert.equal((await git(repo, "count-objects", "-v")).match(/^garbage: (\d+)/m)?.[1], "0");
});

Deno.test("ObjectBatch.flush() leaves out what is stored and forgets what it wrote", async () => {
  using dir = new TempDir();
  const repo = await makeRepo(dir);
  const batch = new ObjectBatch();
  const known = batch.add("blob", encode("known"));
  batch.flush(repo, (oid) => oid === known);
  batch.flush(repo, () => false);
  assert.equal((await runCommand("git", `--git-dir=${repo}`, "cat-file", "-e", known)).code, 1);
});
