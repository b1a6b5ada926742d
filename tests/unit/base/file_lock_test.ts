import assert from "node:assert/strict";
import { withFileLock } from "../../../src/base/file_lock.ts";
import { UserError } from "../../../src/base/user_error.ts";
import { TempDir } from "../../support/temp_dir.ts";

const HOLD_FOREVER = `
import { withFileLock } from ${
  JSON.stringify(new URL("../../../src/base/file_lock.ts", import.meta.url).href)
};
await withFileLock(Deno.args[0], { timeoutMs: 0, holder: "process of Bob" }, async () => {
  await Deno.stdout.write(new TextEncoder().encode("held"));
  await new Promise((resolve) => setTimeout(resolve, 60_000));
});
`;

/** Another process that holds the lock; returns once it does. */
async function holdElsewhere(dir: TempDir, lock: string): Promise<Deno.ChildProcess> {
  const script = dir.write("hold.ts", HOLD_FOREVER);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script, lock],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.equal(new TextDecoder().decode(value), "held");
  await reader.cancel();
  return child;
}

Deno.test("withFileLock() lets one in at a time and returns what the work returns", async () => {
  using dir = new TempDir();
  const log: string[] = [];
  const work = (name: string) => async () => {
    log.push(`${name} in`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    log.push(`${name} out`);
    return name;
  };
  const options = { timeoutMs: 5_000, holder: "test" };
  const results = await Promise.all(
    ["a", "b", "c"].map((name) => withFileLock(dir.join("new", "lock"), options, work(name))),
  );
  assert.deepEqual(results, ["a", "b", "c"]);
  assert.equal(log.length, 6);
  for (let i = 0; i < log.length; i += 2) {
    assert.equal(log[i]!.replace("in", "out"), log[i + 1]);
  }
});

Deno.test("withFileLock() lets go when the work throws", async () => {
  using dir = new TempDir();
  const options = { timeoutMs: 0, holder: "test" };
  const fail = () => Promise.reject(new Error("boom"));
  await assert.rejects(withFileLock(dir.join("lock"), options, fail), /boom/);
  assert.equal(await withFileLock(dir.join("lock"), options, () => 7), 7);
});

Deno.test("withFileLock() names a live holder, and does not wait for one that was killed", async () => {
  using dir = new TempDir();
  const lock = dir.join("lock");
  const child = await holdElsewhere(dir, lock);
  try {
    await assert.rejects(
      withFileLock(lock, { timeoutMs: 30, holder: "me" }, () => assert.fail("not locked")),
      (error) => {
        assert.ok(error instanceof UserError);
        assert.equal(error.code, "locked");
        assert.match(error.message, /process of Bob/);
        return true;
      },
    );
  } finally {
    child.kill("SIGKILL");
    await child.status;
  }
  assert.equal(await withFileLock(lock, { timeoutMs: 0, holder: "me" }, () => "mine"), "mine");
});
