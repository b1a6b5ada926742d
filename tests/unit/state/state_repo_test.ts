import assert from "node:assert/strict";
import { UserError } from "../../../src/base/user_error.ts";
import type { Host } from "../../../src/model/host.ts";
import type { CommitId, EnvName, NodeId } from "../../../src/model/ids.ts";
import { EMPTY_SNAPSHOT, type Snapshot } from "../../../src/model/snapshot.ts";
import { repack } from "../../../src/state/repack.ts";
import { positions, resolveRevision } from "../../../src/state/revisions.ts";
import { checkFormat, nodePath, resultPath } from "../../../src/state/snapshot_tree.ts";
import { StateRepo } from "../../../src/state/state_repo.ts";
import { git } from "../../support/command.ts";
import { TestHost } from "../../support/host.ts";
import { makeManifest, makeNode } from "../../support/nodes.ts";
import { TempDir } from "../../support/temp_dir.ts";

const DEV = "dev" as EnvName;
const PROD = "prod" as EnvName;

function makeSnapshot(count: number, sql = "SELECT 1"): Snapshot {
  const nodes = Array.from({ length: count }, (_, i) => makeNode({ name: `größe_${i}`, sql }));
  return {
    ...EMPTY_SNAPSHOT,
    manifest: makeManifest(nodes),
    results: new Map(
      nodes.slice(0, 2).map(({ id, fingerprint }) => [id, {
        format_version: 1,
        id,
        status: "failed",
        fingerprint,
        content_hash: null,
        head_hash: null,
        size_bytes: null,
        rows: null,
        error: "no luck",
      }]),
    ),
    environment: {
      format_version: 1,
      name: DEV,
      created_at: "2026-01-02T03:04:05Z",
      ttl_seconds: 604_800,
      promoted_from: null,
    },
  };
}

function open(dir: TempDir, host: Host = new TestHost({ cwd: dir.path })): StateRepo {
  return new StateRepo(dir.path, host, { readOnly: false });
}

/** Commits a snapshot to an environment, on top of where it is. */
async function commit(
  repo: StateRepo,
  env: EnvName,
  snapshot: Snapshot,
  subject = "test",
): Promise<CommitId> {
  const from = repo.head(env);
  return await repo.write({
    staged: repo.stage(snapshot),
    parents: from === null ? [] : [from],
    message: {
      subject,
      body: "",
      trailers: { Environment: env, Previous: from ?? "none" },
    },
    moves: [{ env, from }],
  });
}

Deno.test("checkFormat() refuses a format that is newer than this program", () => {
  checkFormat({ format_version: 1 });
  assert.throws(() => checkFormat({ format_version: 999 }), /newer/);
});

Deno.test("nodePath() and resultPath() give every node a path of its own", () => {
  const ids = [...makeSnapshot(300).manifest.nodes.keys()];
  assert.equal(new Set([...ids.map(nodePath), ...ids.map(resultPath)]).size, 600);
  assert.notEqual(nodePath("source.a" as NodeId), nodePath("transform.a" as NodeId));
});

Deno.test("StateRepo keeps a snapshot through Git alone, without its cache", async () => {
  using dir = new TempDir();
  const snapshot = makeSnapshot(100);
  const id = await commit(open(dir), DEV, snapshot, "plan dev");
  Deno.removeSync(dir.join("cache"), { recursive: true });
  assert.deepEqual(await open(dir).snapshot(id), snapshot);
  assert.deepEqual(await open(dir).snapshot(id), snapshot);
  const repo = open(dir);
  assert.equal(
    await git(repo.gitDir, "log", "--format=%s|%an|%ct", "dev"),
    "plan dev|Ada|1767323045\n",
  );
  await git(repo.gitDir, "fsck", "--strict", "--full");
  assert.equal(await git(repo.gitDir, "symbolic-ref", "HEAD"), "refs/heads/prod\n");
});

Deno.test("StateRepo does not believe a snapshot cache whose text was changed", async () => {
  using dir = new TempDir();
  const snapshot = makeSnapshot(3);
  const id = await commit(open(dir), DEV, snapshot);
  const folder = dir.join("cache", "snapshots");
  for (const { name } of Deno.readDirSync(folder)) {
    const text = Deno.readTextFileSync(`${folder}/${name}`);
    Deno.writeTextFileSync(`${folder}/${name}`, text.replaceAll("no luck", "success"));
  }
  assert.deepEqual(await open(dir).snapshot(id), snapshot);
});

Deno.test("StateRepo.stage() gives equal snapshots the same tree, whatever the clock says", () => {
  using dir = new TempDir();
  const host = new TestHost({ cwd: dir.path });
  const first = open(dir, host).stage(makeSnapshot(10));
  host.advance(3_600_000);
  assert.deepEqual(open(dir, host).stage(makeSnapshot(10)), first);
  const other = open(dir).stage(makeSnapshot(10, "SELECT 2"));
  assert.notEqual(other.tree, first.tree);
  assert.notEqual(other.manifestTree, first.manifestTree);
  const noResults = open(dir).stage({ ...makeSnapshot(10), results: new Map() });
  assert.equal(noResults.manifestTree, first.manifestTree);
  assert.equal(open(dir).manifestTree(makeSnapshot(10).manifest), first.manifestTree);
});

Deno.test("StateRepo.write() stores only what changed", async () => {
  using dir = new TempDir();
  const repo = open(dir);
  const before = makeSnapshot(200);
  await commit(repo, DEV, before);
  const count = async () =>
    Number(/^count: (\d+)/m.exec(await git(repo.gitDir, "count-objects", "-v"))![1]);
  const first = await count();
  assert.equal(
    first,
    4,
    "what every command reads first is not packed: format, environment, tree, commit",
  );
  const nodes = [...before.manifest.nodes.values()];
  nodes[7] = { ...nodes[7]!, description: "new" };
  await commit(repo, DEV, { ...before, manifest: makeManifest(nodes) });
  assert.equal(await count() - first, 6, "a blob, its shard, kind, nodes and root trees, a commit");
  await git(repo.gitDir, "fsck", "--strict", "--full");
});

Deno.test("StateRepo.write() lets the second of two writers know who was faster", async () => {
  using dir = new TempDir();
  const ada = open(dir);
  await commit(ada, DEV, makeSnapshot(1));
  const user = { name: "Bob", email: "bob@example.org" };
  const bob = open(dir, new TestHost({ cwd: dir.path, user }));
  const from = ada.head(DEV)!;
  const moves = [{ env: DEV, from }];
  const message = (subject: string) => ({ subject, body: "", trailers: {} });
  const bobs = await bob.write({
    staged: bob.stage(makeSnapshot(2)),
    parents: [from],
    message: message("run dev: bob"),
    moves,
  });
  await assert.rejects(
    ada.write({
      staged: ada.stage(makeSnapshot(3)),
      parents: [from],
      message: message("run dev: ada"),
      moves,
    }),
    (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.code, "ref_moved");
      assert.equal(error.kind, "execution");
      assert.match(error.message, /Bob: run dev: bob/);
      return true;
    },
  );
  assert.equal(ada.head(DEV), bobs);
});

Deno.test("StateRepo.write() loses no update of many writers that retry", async () => {
  using dir = new TempDir();
  await commit(open(dir), DEV, makeSnapshot(1));
  const append = async (n: number): Promise<void> => {
    const repo = open(dir);
    for (;;) {
      try {
        await commit(repo, DEV, makeSnapshot(1, `SELECT ${n}`), `writer ${n}`);
        return;
      } catch (error) {
        if (!(error instanceof UserError) || error.code !== "ref_moved") throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: 6 }, (_, n) => append(n)));
  const repo = open(dir);
  const subjects = (await git(repo.gitDir, "log", "--format=%s", "dev")).trim().split("\n");
  assert.deepEqual(subjects.sort(), ["test", ...[0, 1, 2, 3, 4, 5].map((n) => `writer ${n}`)]);
});

Deno.test("StateRepo.isAncestor() and log() walk through both parents of a merge", async () => {
  using dir = new TempDir();
  const repo = open(dir);
  const prod = await commit(repo, PROD, makeSnapshot(1), "prod");
  const dev = await commit(repo, DEV, makeSnapshot(2), "dev");
  const merged = await repo.write({
    staged: repo.stage(makeSnapshot(3)),
    parents: [dev, prod],
    message: { subject: "plan dev again", body: "", trailers: {} },
    moves: [{ env: DEV, from: dev }],
  });
  assert.equal(await repo.isAncestor(prod, merged), true);
  assert.equal(await repo.isAncestor(dev, merged), true);
  assert.equal(await repo.isAncestor(merged, prod), false);
  assert.equal(await repo.isAncestor(prod, dev), false);
  const subjects = (await repo.log(merged, 10)).map(({ subject }) => subject);
  assert.deepEqual(subjects, ["plan dev again", "dev", "prod"]);
  assert.equal((await repo.log(merged, 2)).length, 2);
});

Deno.test("StateRepo.deleteEnvironment() removes the ref only from where it was seen", async () => {
  using dir = new TempDir();
  const repo = open(dir);
  const first = await commit(repo, DEV, makeSnapshot(1));
  const second = await commit(repo, DEV, makeSnapshot(2));
  await assert.rejects(repo.deleteEnvironment(DEV, first), /another command was faster/);
  assert.deepEqual(repo.environments(), [DEV]);
  await repo.deleteEnvironment(DEV, second);
  assert.deepEqual(repo.environments(), []);
});

Deno.test("resolveRevision() reads names, ids, @{n}, ~n and ^", async () => {
  using dir = new TempDir();
  const repo = open(dir);
  const ids: CommitId[] = [];
  for (let n = 0; n < 4; n++) ids.push(await commit(repo, DEV, makeSnapshot(n + 1)));
  const [a, b, c, d] = ids;
  const cases: Record<string, CommitId> = {
    "dev": d!,
    "dev@{0}": d!,
    "dev@{1}": c!,
    "dev@{3}": a!,
    "dev~": c!,
    "dev~2": b!,
    "dev^": c!,
    [a!]: a!,
    [b!.slice(0, 10)]: b!,
    [`${d!.slice(0, 12)}~3`]: a!,
  };
  for (const [revision, id] of Object.entries(cases)) {
    assert.equal(await resolveRevision(repo, revision), id, revision);
  }
});

for (
  const revision of ["dve", "dev@{4}", "dev~4", "0123456789", "", "/", "dev@{x}", "../dev", "de v"]
) {
  Deno.test(`resolveRevision() refuses "${revision}" with unknown_revision`, async () => {
    using dir = new TempDir();
    const repo = open(dir);
    await commit(repo, DEV, makeSnapshot(1));
    await assert.rejects(resolveRevision(repo, revision), (error) => {
      assert.ok(error instanceof UserError, `${error}`);
      assert.equal(error.code, "unknown_revision");
      return true;
    });
  });
}

Deno.test("resolveRevision() does not read refs outside refs/heads as environments", async () => {
  using dir = new TempDir();
  const repo = open(dir);
  const id = await commit(repo, DEV, makeSnapshot(1));
  await git(repo.gitDir, "update-ref", "refs/config/dev", id);
  await assert.rejects(resolveRevision(repo, "../config/dev"), /Unknown revision/);
});

Deno.test("positions() follows an environment through a commit that another one made", async () => {
  using dir = new TempDir();
  const repo = open(dir);
  const first = await commit(repo, PROD, makeSnapshot(1));
  const dev = await commit(repo, DEV, makeSnapshot(2));
  const promoted = await repo.write({
    staged: repo.stage(makeSnapshot(2)),
    parents: [dev],
    message: {
      subject: "promote",
      body: "",
      trailers: { Environment: "dev", Target: "prod", Previous: first },
    },
    moves: [{ env: PROD, from: first }],
  });
  const found: CommitId[] = [];
  for await (const { id } of positions(repo, PROD)) found.push(id);
  assert.deepEqual(found, [promoted, first]);
});

Deno.test("repack() leaves one sound pack from which every commit can still be read", async () => {
  using dir = new TempDir();
  const host = new TestHost({ cwd: dir.path });
  const repo = open(dir, host);
  const ids: CommitId[] = [];
  for (let n = 0; n < 9; n++) ids.push(await commit(repo, DEV, makeSnapshot(40, `SELECT ${n}`)));
  assert.ok(await repack(repo, new Date()) > 9 * 40);
  const later = new Date(Date.now() + 2 * 60 * 60 * 1000);
  assert.ok(await repack(repo, later) > 0);
  const counts = await git(repo.gitDir, "count-objects", "-v");
  assert.match(counts, /^packs: 1$/m);
  assert.match(counts, /^count: 0$/m);
  await git(repo.gitDir, "fsck", "--strict", "--full");
  Deno.removeSync(dir.join("cache"), { recursive: true });
  assert.deepEqual(await open(dir).snapshot(ids[0]!), makeSnapshot(40, "SELECT 0"));
  assert.deepEqual(await repo.snapshot(ids[8]!), makeSnapshot(40, "SELECT 8"));
  assert.equal(await repack(repo, later), 0);
});
