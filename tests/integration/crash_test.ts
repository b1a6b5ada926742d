import assert from "node:assert/strict";
import { runChild, spawnSeeknal } from "../support/child.ts";
import { git } from "../support/command.ts";
import { makeProject, type TempProject } from "../support/project.ts";
import { randomNumbers } from "../support/random.ts";
import { ok, rowsOf, source, transform } from "../support/shop.ts";

/** Moments at which a process is killed; more with `deno task soak`. */
const KILLS = Number(Deno.env.get("SEEKNAL_KILLS") ?? 50);

/** Wide enough that a run takes a while: twelve nodes in three layers. */
function makeWide(): TempProject {
  const project = makeProject({
    "data/a.csv": `id,x\n${[...Array(500).keys()].map((i) => `${i},${i * 7 % 13}`).join("\n")}\n`,
    "seeknal/a.yml": source("a"),
  });
  for (let i = 0; i < 8; i++) {
    project.write(
      `seeknal/m${i}.yml`,
      transform(`m${i}`, ["source.a"], `SELECT id, x + ${i} AS x FROM ref('source.a')`),
    );
  }
  for (let i = 0; i < 3; i++) {
    const inputs = [0, 1, 2].map((k) => `transform.m${(i * 3 + k) % 8}`);
    const sql = inputs.map((id) => `SELECT sum(x) AS x FROM ref('${id}')`).join(" UNION ALL ");
    project.write(`seeknal/t${i}.yml`, transform(`t${i}`, inputs, sql));
  }
  return project;
}

/** An edit that changes every row of production. */
function edit(project: TempProject, version: number): void {
  project.write(
    "seeknal/m0.yml",
    transform("m0", ["source.a"], `SELECT id, x + ${100 * version} AS x FROM ref('source.a')`),
  );
}

/** All rows of production, to compare with an undisturbed run. */
async function production(project: TempProject): Promise<unknown> {
  const tables = ["m0", "m7", "t0", "t1", "t2"];
  return await Promise.all(
    tables.map((name) => rowsOf(project, `SELECT * FROM transform.${name}`)),
  );
}

const STEPS = [
  ["plan", "dev"],
  ["run", "--env", "dev"],
  ["promote", "dev", "--yes"],
] as const;

/** Kills a command with SIGKILL after some milliseconds; true when it had not ended by itself. */
async function killAfter(
  project: TempProject,
  args: readonly string[],
  ms: number,
): Promise<boolean> {
  const child = spawnSeeknal(project.root, args);
  const timer = setTimeout(() => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It ended in the very moment.
    }
  }, ms);
  const { signal } = await child.output();
  clearTimeout(timer);
  return signal === "SIGKILL";
}

Deno.test(`kill -9 at ${KILLS} random moments of plan, run, promote and rollback: state loads, git fsck is clean, the next command finishes the work`, async () => {
  using project = makeWide();
  using undisturbed = makeWide();
  await ok(project, "run");
  const next = randomNumbers(20261121);
  const killed = { plan: 0, run: 0, promote: 0, rollback: 0 };
  for (let i = 1; i <= KILLS; i++) {
    edit(project, i);
    const step = i % 4;
    if (step === 3) {
      await ok(project, "run");
      const before = await production(project);
      if (await killAfter(project, ["rollback", "--yes"], 40 + next() * 90)) killed.rollback++;
      await git(project.path("target/state.git"), "fsck", "--strict");
      const after = await production(project);
      const wasRolledBack = JSON.stringify(after) !== JSON.stringify(before);
      await ok(project, "rollback", "--to", wasRolledBack ? "prod" : "prod@{1}", "--yes");
      assert.notDeepEqual(await production(project), before);
    } else {
      for (const [n, args] of STEPS.entries()) {
        if (n === step) {
          const longest = [350, 500, 140][n]!;
          if (await killAfter(project, args, 40 + next() * longest)) killed[args[0]]++;
          await git(project.path("target/state.git"), "fsck", "--strict");
          await ok(project, "env", "list");
          await production(project);
        }
        await ok(project, ...args);
      }
    }
    assert.match(await ok(project, "doctor"), /ok/);
    await ok(project, "run");
    if (i % 10 === 0) {
      edit(undisturbed, i);
      await ok(undisturbed, "run");
      assert.deepEqual(
        await production(project),
        await production(undisturbed),
        `after ${i} kills`,
      );
    }
  }
  const total = Object.values(killed).reduce((a, b) => a + b);
  assert.ok(
    total >= KILLS * 0.5,
    `only ${total} of ${KILLS} were still running: ${JSON.stringify(killed)}`,
  );
  assert.ok(Object.values(killed).every((count) => count > 0), JSON.stringify(killed));
});

Deno.test("Ctrl-C and SIGTERM stop a run with exit 130, keep finished work and leave the state as it was", async () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    using project = makeWide();
    for (let i = 0; i < 6; i++) {
      project.write(
        `seeknal/slow${i}.yml`,
        transform(
          `slow${i}`,
          ["source.a"],
          `SELECT count(*) AS n FROM ref('source.a') AS a, range(15000) AS b, range(${
            10 + i
          }) AS c WHERE a.x + b.range > c.range`,
        ),
      );
    }
    const child = spawnSeeknal(project.root, ["run", "--max-workers", "1"]);
    let said = "";
    let killed = false;
    const reading = child.stderr.pipeThrough(new TextDecoderStream()).pipeTo(
      new WritableStream({
        write(text) {
          said += text;
          if (killed || !/built\s+transform\.slow0/.test(said)) return;
          killed = true;
          child.kill(signal);
        },
      }),
    );
    const [{ code }, stdout] = await Promise.all([child.status, new Response(child.stdout).text()]);
    await reading;
    assert.equal(code, 130, said);
    assert.match(stdout, /Stopped: \d+ built and kept/);
    assert.equal((await project.run("query", "FROM transform.slow0")).code, 2, "no production yet");
    const again = await runChild(project.root, ["run"]);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stderr + again.stdout, /[1-9]\d* reused/);
    assert.doesNotMatch(again.stderr, /built\s+transform\.slow0/);
  }
});

Deno.test("two processes planning, running and promoting the same environment lose nothing, and losers are told why", async () => {
  using project = makeWide();
  await ok(project, "run");
  edit(project, 1);
  const codes: number[] = [];
  for (const args of [["plan", "dev"], ["run", "--env", "dev"], ["promote", "dev", "--yes"]]) {
    const results = await Promise.all(
      [1, 2, 3].map((n) => runChild(project.root, args, { SEEKNAL_USER: `User${n}` })),
    );
    for (const { code, stderr } of results) {
      codes.push(code);
      if (code === 0) continue;
      assert.equal(code, 4, stderr);
      assert.match(stderr, /another command was faster \(User\d|moved to [0-9a-f]{7}/);
    }
    assert.ok(results.some(({ code }) => code === 0));
    await git(project.path("target/state.git"), "fsck", "--strict");
  }
  using undisturbed = makeWide();
  edit(undisturbed, 1);
  await ok(undisturbed, "run");
  assert.deepEqual(await production(project), await production(undisturbed));
});

Deno.test("processes working on different environments at once do not disturb each other", async () => {
  using project = makeWide();
  await ok(project, "run");
  edit(project, 2);
  const environments = ["one", "two", "three"];
  for (const args of [["plan"], ["run", "--env"]]) {
    const results = await Promise.all(
      environments.map((env) => runChild(project.root, [...args, env])),
    );
    for (const { code, stderr } of results) assert.equal(code, 0, stderr);
  }
  const promoted = await Promise.all(
    environments.map((env) => runChild(project.root, ["promote", env, "--yes"])),
  );
  const winners = promoted.filter(({ code, stdout }) => code === 0 && /Promoted/.test(stdout));
  assert.equal(winners.length, 1, promoted.map((p) => p.stdout + p.stderr).join("\n"));
  for (const { code, stderr } of promoted) {
    if (code !== 0) assert.match(stderr, /production moved to|another command was faster/);
  }
  for (const env of environments) {
    assert.deepEqual(
      await rowsOf(project, "SELECT * FROM transform.t0", env),
      await rowsOf(project, "SELECT * FROM transform.t0"),
    );
  }
});

Deno.test("plain git clone, bundle and log work on the state repository", async () => {
  using project = makeWide();
  await ok(project, "plan", "dev");
  await ok(project, "run", "--env", "dev");
  await ok(project, "promote", "dev", "--yes");
  const state = project.path("target/state.git");
  await git(state, "bundle", "create", project.path("state.bundle"), "--all");
  await git(state, "bundle", "verify", project.path("state.bundle"));
  await git(state, "clone", "-q", state, project.path("clone"));
  const log = await git(state, "log", "--format=%s", "prod");
  assert.match(
    log,
    /^promote dev to prod: 12 nodes\nrun dev: 12 built, 0 reused\nplan dev: 12 to build/,
  );
  const history = await git(state, "log", "--format=%s", "prod", "--", "nodes/transform");
  assert.match(history, /^plan dev/);
});
