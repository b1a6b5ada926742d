import assert from "node:assert/strict";
import type { CommitId } from "../../../src/model/ids.ts";
import { listRefs, moveRefs, readRef, readRefLog } from "../../../src/state/move_ref.ts";
import { ObjectBatch } from "../../../src/state/object_batch.ts";
import { git, runCommand } from "../../support/command.ts";
import { TempDir } from "../../support/temp_dir.ts";

const NOTE = { who: "Ada <ada@example.org>", when: 1_767_323_045, why: "test" };
const DEV = "refs/heads/dev";
const PROD = "refs/heads/prod";

/** A bare repository with two commits. */
async function makeRepo(dir: TempDir): Promise<{ repo: string; a: CommitId; b: CommitId }> {
  const repo = dir.join("repo.git");
  await runCommand("git", "init", "--quiet", "--bare", "--initial-branch=prod", repo);
  Deno.mkdirSync(`${repo}/seeknal`);
  const batch = new ObjectBatch();
  const tree = batch.add("tree", new Uint8Array());
  const who = "Ada <ada@example.org> 1767323045 +0000";
  const [a, b] = ["a", "b"].map((text) =>
    batch.add(
      "commit",
      new TextEncoder().encode(`tree ${tree}\nauthor ${who}\ncommitter ${who}\n\n${text}\n`),
    ) as CommitId
  );
  batch.flush(repo, () => false);
  return { repo, a: a!, b: b! };
}

Deno.test("moveRefs() creates, moves and deletes a ref, as Git sees it", async () => {
  using dir = new TempDir();
  const { repo, a, b } = await makeRepo(dir);
  assert.equal(moveRefs(repo, [{ ref: DEV, from: null, to: a }], NOTE), null);
  assert.equal(await git(repo, "rev-parse", "dev"), `${a}\n`);
  assert.equal(moveRefs(repo, [{ ref: DEV, from: a, to: b }], NOTE), null);
  assert.equal(await git(repo, "rev-parse", "dev"), `${b}\n`);
  assert.equal(moveRefs(repo, [{ ref: DEV, from: b, to: null }], NOTE), null);
  assert.equal(readRef(repo, DEV), null);
  assert.equal(await git(repo, "for-each-ref"), "");
});

Deno.test("moveRefs() refuses a ref that is elsewhere and tells where", async () => {
  using dir = new TempDir();
  const { repo, a, b } = await makeRepo(dir);
  moveRefs(repo, [{ ref: DEV, from: null, to: a }], NOTE);
  assert.deepEqual(moveRefs(repo, [{ ref: DEV, from: b, to: b }], NOTE), {
    ref: DEV,
    expected: b,
    found: a,
  });
  assert.deepEqual(moveRefs(repo, [{ ref: DEV, from: null, to: b }], NOTE), {
    ref: DEV,
    expected: null,
    found: a,
  });
  assert.equal(readRef(repo, DEV), a);
});

Deno.test("moveRefs() moves none of several when one is elsewhere", async () => {
  using dir = new TempDir();
  const { repo, a, b } = await makeRepo(dir);
  moveRefs(repo, [{ ref: DEV, from: null, to: a }], NOTE);
  const conflict = moveRefs(
    repo,
    [{ ref: DEV, from: a, to: b }, { ref: PROD, from: a, to: b }],
    NOTE,
  );
  assert.deepEqual(conflict, { ref: PROD, expected: a, found: null });
  assert.equal(readRef(repo, DEV), a);
  assert.equal(readRefLog(repo, DEV).length, 1);
});

Deno.test("moveRefs() and readRef() know refs that Git has packed", async () => {
  using dir = new TempDir();
  const { repo, a, b } = await makeRepo(dir);
  moveRefs(repo, [{ ref: DEV, from: null, to: a }, { ref: PROD, from: null, to: a }], NOTE);
  await git(repo, "pack-refs", "--all");
  assert.equal(readRef(repo, DEV), a);
  assert.deepEqual(listRefs(repo, "refs/heads/"), [DEV, PROD]);
  assert.equal(moveRefs(repo, [{ ref: PROD, from: a, to: b }], NOTE), null);
  assert.equal(await git(repo, "rev-parse", "prod"), `${b}\n`);
  assert.equal(moveRefs(repo, [{ ref: DEV, from: a, to: null }], NOTE), null);
  assert.deepEqual(listRefs(repo, "refs/heads/"), [PROD]);
  assert.equal(await git(repo, "for-each-ref", "--format=%(refname)"), `${PROD}\n`);
});

Deno.test("moveRefs() deletes a packed ref without losing the line of another whose name ends alike", async () => {
  using dir = new TempDir();
  const { repo, a } = await makeRepo(dir);
  const other = "refs/backup/refs/heads/dev";
  moveRefs(repo, [{ ref: DEV, from: null, to: a }, { ref: other, from: null, to: a }], NOTE);
  await git(repo, "pack-refs", "--all");
  moveRefs(repo, [{ ref: DEV, from: a, to: null }], NOTE);
  assert.deepEqual(listRefs(repo, "refs/"), [other]);
  assert.equal(await git(repo, "for-each-ref", "--format=%(refname)"), `${other}\n`);
});

Deno.test("readRefLog() lists earlier values newest first, as git reflog does", async () => {
  using dir = new TempDir();
  const { repo, a, b } = await makeRepo(dir);
  moveRefs(repo, [{ ref: DEV, from: null, to: a }], NOTE);
  moveRefs(repo, [{ ref: DEV, from: a, to: b }], { ...NOTE, why: "run dev" });
  assert.deepEqual(readRefLog(repo, DEV).map(({ oid }) => oid), [b, a]);
  const reflog = await git(repo, "log", "-g", "--format=%H %gs", "dev");
  assert.equal(reflog, `${b} run dev\n${a} test\n`);
});

Deno.test("listRefs() takes neither locks nor temporary files for refs", async () => {
  using dir = new TempDir();
  const { repo, a } = await makeRepo(dir);
  moveRefs(repo, [{ ref: DEV, from: null, to: a }], NOTE);
  Deno.writeTextFileSync(`${repo}/refs/heads/x.lock`, "");
  Deno.writeTextFileSync(`${repo}/refs/heads/.dev.1.tmp`, "");
  assert.deepEqual(listRefs(repo, "refs/heads/"), [DEV]);
  assert.deepEqual(listRefs(repo, "refs/nothing/"), []);
});
