import assert from "node:assert/strict";
import { GitReader } from "../../../src/state/git_reader.ts";
import { PackReader } from "../../../src/state/pack_reader.ts";
import { runCommand } from "../../support/command.ts";
import { TempDir } from "../../support/temp_dir.ts";

/** A repository with a long file in many versions, packed by Git itself: most of them are deltas. */
async function packedByGit(dir: TempDir): Promise<{ gitDir: string; oids: string[] }> {
  const git = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCommand("git", "-C", dir.path, ...args);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  await git("init", "-q");
  const identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
  for (let version = 0; version < 8; version++) {
    const lines = Array.from({ length: 900 }, (_, i) => `line ${i} ${i === version ? "new" : ""}`);
    dir.write("file.txt", lines.join("\n"));
    dir.write(`small_${version}.txt`, `${version}`);
    await git("add", ".");
    await git(...identity, "commit", "-q", "-m", `version ${version}`);
  }
  await git("repack", "-adq");
  const list = await git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)");
  return { gitDir: dir.join(".git"), oids: list.trim().split("\n") };
}

Deno.test("PackReader.read() gives what Git packed as a whole and null for deltas", async () => {
  using dir = new TempDir();
  const { gitDir, oids } = await packedByGit(dir);
  const packs = new PackReader(gitDir);
  let whole = 0;
  for (const oid of oids) {
    const object = packs.read(oid);
    if (object === null) continue;
    whole++;
    const { stdout } = await runCommand("git", "-C", gitDir, "cat-file", "-t", oid);
    assert.equal(object.type, stdout.trim());
    const sha1 = await crypto.subtle.digest(
      "SHA-1",
      new Uint8Array([
        ...new TextEncoder().encode(`${object.type} ${object.data.length}\0`),
        ...object.data,
      ]),
    );
    assert.equal(new Uint8Array(sha1).toHex(), oid);
  }
  assert.ok(whole > 8 && whole < oids.length, `${whole} of ${oids.length}`);
});

Deno.test("PackReader.read() does not find what is not there", async () => {
  using dir = new TempDir();
  const { gitDir } = await packedByGit(dir);
  assert.equal(new PackReader(gitDir).read("0".repeat(40)), null);
  assert.equal(new PackReader(gitDir).read("f".repeat(40)), null);
  assert.equal(new PackReader(dir.join("nowhere")).read("0".repeat(40)), null);
});

Deno.test("GitReader.object() reads every object of a repository that Git packed, deltas too", async () => {
  using dir = new TempDir();
  const { gitDir, oids } = await packedByGit(dir);
  const reader = new GitReader(gitDir);
  for (const oid of oids) {
    const { data } = await reader.object(oid);
    const { stdout } = await runCommand("git", "-C", gitDir, "cat-file", "-s", oid);
    assert.equal(data.length, Number(stdout));
  }
});
