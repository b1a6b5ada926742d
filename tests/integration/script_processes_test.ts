import assert from "node:assert/strict";
import { join } from "node:path";
import { spawnSeeknal } from "../support/child.ts";
import { makeProject, runSeeknal, type TempProject } from "../support/project.ts";
import { rowsOf } from "../support/shop.ts";

const python = (code: string, fields = "columns: {x: VARCHAR}") =>
  `# /// seeknal\n# ${fields}\n# ///\n${code}`;

/** Prints the ids of its processes, starts one of its own and sleeps. */
const SLEEPER = python(`import os, subprocess, time

def run(inputs, context):
    child = subprocess.Popen(["sleep", "300"])
    context.log("pids", os.getpid(), child.pid)
    time.sleep(300)`);

const LOOP =
  "// /// seeknal\n// columns: {x: VARCHAR}\n// ///\nexport default (_, context) => {\n  context.log('looping');\n  for (;;);\n};\n";

interface Event {
  readonly event: string;
  readonly node: string;
  readonly status: string;
  readonly message: string;
  readonly error: string | null;
}

const parse = (stdout: string): Event[] =>
  stdout.trim().split("\n").map((line) => JSON.parse(line));

const pidsIn = (events: readonly Event[]): number[] =>
  events.filter(({ event, message }) => event === "log" && /^pids/.test(message))
    .flatMap(({ message }) => message.split(" ").slice(1).map(Number));

/** Waits until none of the processes runs any more. */
async function gone(pids: readonly number[]): Promise<boolean> {
  for (let i = 0; i < 100; i++) {
    if (!pids.some(isRunning)) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

function isRunning(pid: number): boolean {
  try {
    // A process that nobody waited for is a zombie, and runs no more.
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

/** Reads events until one is what is asked for. */
async function readUntil(
  child: Deno.ChildProcess,
  isIt: (events: readonly Event[]) => boolean,
): Promise<Event[]> {
  let text = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    const events = parse(text.slice(0, text.lastIndexOf("\n")) || '{"event":""}');
    if (isIt(events)) return events;
  }
  throw new Error(`Ended before it happened: ${text}`);
}

Deno.test({
  name: "a timeout ends endless scripts with all that they started; the run goes on",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    using project = makeProject({
      "seeknal/a_loop.ts": LOOP,
      "seeknal/b_sleep.py": SLEEPER,
      "seeknal/c_good.ts":
        "// /// seeknal\n// columns: {x: INTEGER}\n// ///\nexport default () => [{ x: 1 }];\n",
    });
    const child = spawnSeeknal(project.root, [
      ..."run --json --continue-on-error --timeout 3".split(" "),
    ]);
    const { code, stdout } = await child.output();
    const events = parse(new TextDecoder().decode(stdout));
    const errors = Object.fromEntries(
      events.filter(({ event }) => event === "node_finished").map((
        { node, error },
      ) => [node, error]),
    );
    assert.deepEqual(errors, {
      "transform.a_loop": "Timed out after 3 s",
      "transform.b_sleep": "Timed out after 3 s",
      "transform.c_good": null,
    });
    assert.equal(code, 4);
    const pids = pidsIn(events);
    assert.equal(pids.length, 2);
    assert.ok(await gone(pids), "both processes are gone");
  },
});

Deno.test({
  name: "Ctrl-C ends scripts at once, and kill -9 leaves none behind",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    using project = makeProject({ "seeknal/a_loop.ts": LOOP, "seeknal/b_sleep.py": SLEEPER });
    const isUnderWay = (events: readonly Event[]) =>
      events.some(({ message }) => message === "looping") && pidsIn(events).length === 2;
    const stopped = spawnSeeknal(project.root, ["run", "--json"]);
    const before = await readUntil(stopped, isUnderWay);
    stopped.kill("SIGINT");
    const [{ code }] = await Promise.all([stopped.status, stopped.stderr.cancel()]);
    assert.equal(code, 130);
    assert.ok(await gone(pidsIn(before)));

    const killed = spawnSeeknal(project.root, ["run", "--json"]);
    const running = await readUntil(killed, isUnderWay);
    killed.kill("SIGKILL");
    await Promise.all([killed.status, killed.stderr.cancel()]);
    assert.ok(await gone(pidsIn(running)), "Python notices that nobody listens any more");
  },
});

/** Runs with other variables than those of this process. */
async function withEnv<T>(
  env: Readonly<Record<string, string>>,
  work: () => Promise<T>,
): Promise<T> {
  const before = Object.keys(env).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(env)) Deno.env.set(name, value);
  try {
    return await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}

async function runs(project: TempProject, ...args: string[]): Promise<Event[]> {
  return parse((await runSeeknal(project, ["run", "--json", ...args])).stdout);
}

Deno.test({
  name: "uv starts Python where it is there, with the script's header; profiles' secrets stay here",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    using project = makeProject({
      "seeknal/seen.py": `# /// seeknal
# columns: {name: VARCHAR, value: VARCHAR}
# ///
# /// script
# requires-python = ">=3.9"
# dependencies = [
#   "pandas[excel]>=2",  # [for] frames
#   'numpy',
# ]
# ///
import os

def run(inputs, context):
    print("out")
    yield {"name": "cwd", "value": str(os.listdir("."))}
    yield {"name": "hash", "value": str(hash("a"))}
    for name, value in os.environ.items():
        yield {"name": name, "value": value}
`,
      "bin/uv":
        `#!/bin/sh\necho "$@" > "$UV_SEEN"\nfor last; do :; done\nhead -8 "$last" >> "$UV_SEEN"\nexec python3 "$last"\n`,
    });
    Deno.chmodSync(project.path("bin/uv"), 0o755);
    const seen = project.path("seen.txt");
    const env = {
      PATH: `${project.path("bin")}:${Deno.env.get("PATH")}`,
      UV: "",
      UV_SEEN: seen,
      DB_PASSWORD: "hush",
    };
    const events = await withEnv(env, () => runs(project));
    assert.deepEqual(
      events.filter(({ event }) => event === "node_finished").map(({ error }) => error),
      [null],
    );
    assert.ok(events.some(({ event, message }) => event === "log" && message === "out"));
    const [args, ...head] = Deno.readTextFileSync(seen).split("\n");
    assert.match(args!, /^run --quiet --no-project --script \/.*\/runner\.py$/);
    assert.deepEqual(head.slice(0, 6), [
      "# /// script",
      '# requires-python = ">=3.9"',
      "# dependencies = [",
      '#   "pandas[excel]>=2",  # [for] frames',
      "#   'numpy',",
      "# ]",
    ]);
    const found = Object.fromEntries(
      (await rowsOf(project, "FROM transform.seen")).map(({ name, value }) => [name, value]),
    );
    assert.equal(found["cwd"], "[]", "an empty folder: nothing undeclared is read by accident");
    const { stdout } = await new Deno.Command("python3", {
      args: ["-c", "print(hash('a'))"],
      env: { PYTHONHASHSEED: "0" },
    }).output();
    assert.equal(found["hash"], new TextDecoder().decode(stdout).trim(), "the same in every run");
    assert.equal(found["SEEKNAL_NODE"], "transform.seen");
    assert.equal(found["HOME"], Deno.env.get("HOME"));
    assert.equal(found["DB_PASSWORD"], undefined);

    project.write(
      "seeknal/seen.py",
      project.read("seeknal/seen.py").replace("'numpy'", "'numpy>=1'"),
    );
    const again = await withEnv(env, () => runs(project));
    assert.ok(again.some(({ event }) => event === "node_started"), "dependencies are in the code");

    const python3 = join(project.path("only"), "python3");
    Deno.mkdirSync(project.path("only"));
    Deno.symlinkSync(
      new TextDecoder().decode(
        (await new Deno.Command("python3", { args: ["-c", "import sys; print(sys.executable)"] })
          .output()).stdout,
      ).trim(),
      python3,
    );
    const without = await withEnv(
      { ...env, PATH: project.path("only") },
      () => runs(project, "--full"),
    );
    assert.match(
      without.find(({ event }) => event === "node_finished")!.error!,
      /It needs pandas\[excel\]>=2, numpy>=1, which .* does not have\ninstall uv/,
    );
    const nothing = await withEnv(
      { ...env, PATH: project.path("empty") },
      () => runs(project, "--full"),
    );
    assert.match(
      nothing.find(({ event }) => event === "node_finished")!.error!,
      /need uv or python3, and neither is on the PATH\ninstall uv/,
    );
  },
});
