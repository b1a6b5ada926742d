import assert from "node:assert/strict";
import { runSteps, type RunStepsOptions, type Step } from "../../../src/exec/run_steps.ts";
import type { ContentHash, NodeId } from "../../../src/model/ids.ts";
import type { NodeOutput, NodeResult, RunEvent } from "../../../src/model/run.ts";

/** `{ b: "a" }`: b reads a. */
type Edges = Readonly<Record<string, string>>;

const DIAMOND: Edges = { top: "", left: "top", right: "top", end: "left right", lone: "" };

function output(id: string): NodeOutput {
  return {
    contentHash: `hash of ${id}` as ContentHash,
    headHash: "",
    sizeBytes: 1,
    rows: 2,
    durationMs: 3,
  };
}

function success(id: string): NodeResult {
  return { status: "success", output: output(id) };
}

function failure(transient = false): NodeResult {
  return { status: "failed", error: { message: "boom", transient } };
}

function steps(edges: Edges): Step[] {
  return Object.entries(edges).map(([id, inputs]) => ({
    id: id as NodeId,
    inputs: inputs.split(" ").filter(Boolean) as NodeId[],
  }));
}

/** Runs steps with a builder that is given the number of the try; keeps what happened. */
async function run(
  edges: Edges,
  build: (id: string, attempt: number) => NodeResult | Promise<NodeResult> = success,
  options: Partial<RunStepsOptions> = {},
) {
  const attempts = new Map<string, number>();
  const started: string[] = [];
  const published: string[] = [];
  const events: RunEvent[] = [];
  const outcomes = await runSteps(steps(edges), {
    maxWorkers: 2,
    continueOnError: false,
    retries: 0,
    signal: new AbortController().signal,
    report: (event) => events.push(event),
    findCached: () => null,
    build: async (id) => {
      const attempt = (attempts.get(id) ?? 0) + 1;
      attempts.set(id, attempt);
      started.push(id);
      return await build(id, attempt);
    },
    onOutput: (id) => published.push(id),
    backoff: () => 0,
    ...options,
  });
  const statuses = Object.fromEntries([...outcomes].map(([id, { status }]) => [id, status]));
  return { outcomes, statuses, started, published, events, attempts };
}

Deno.test("runSteps() builds every step once, inputs before readers", async () => {
  const { statuses, started, published, events } = await run(DIAMOND);
  assert.deepEqual([...started].sort(), Object.keys(DIAMOND).sort());
  assert.ok(Object.values(statuses).every((status) => status === "success"));
  for (const { id, inputs } of steps(DIAMOND)) {
    for (const input of inputs) assert.ok(started.indexOf(input) < started.indexOf(id));
  }
  assert.deepEqual([...published].sort(), Object.keys(DIAMOND).sort());
  const finished = events.filter(({ event }) => event === "node_finished");
  assert.equal(finished.length, 5);
});

Deno.test("runSteps() publishes an output before a reader of it starts", async () => {
  const published = new Set<string>();
  await run(DIAMOND, (id) => {
    const { inputs } = steps(DIAMOND).find((step) => step.id === id)!;
    assert.ok(inputs.every((input) => published.has(input)), id);
    return success(id);
  }, { onOutput: (id) => published.add(id) });
  assert.equal(published.size, 5);
});

Deno.test("runSteps() runs as many at once as it may, and no more", async () => {
  let [running, most] = [0, 0];
  const build = async (id: string) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 2));
    running--;
    return success(id);
  };
  const wide = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`n${i}`, ""]));
  await run(wide, build, { maxWorkers: 3 });
  assert.equal(most, 3);
});

Deno.test("runSteps() starts a reader as soon as its inputs are there, without waiting for the layer", async () => {
  const log: string[] = [];
  let releaseSlow = () => {};
  const slow = new Promise<void>((resolve) => releaseSlow = resolve);
  await run({ slow: "", fast: "", reader: "fast" }, async (id) => {
    if (id === "slow") await slow;
    if (id === "reader") releaseSlow();
    log.push(id);
    return success(id);
  });
  assert.deepEqual(log, ["fast", "reader", "slow"]);
});

Deno.test("runSteps() skips the descendants of a failure, finishes its layer and starts nothing later", async () => {
  const edges = { bad: "", good: "", child: "bad", grandchild: "child", other: "good" };
  const { statuses, outcomes, started } = await run(
    edges,
    (id) => id === "bad" ? failure() : success(id),
  );
  assert.deepEqual(statuses, {
    bad: "failed",
    good: "success",
    child: "skipped",
    grandchild: "skipped",
    other: "skipped",
  });
  assert.deepEqual(started.sort(), ["bad", "good"]);
  assert.deepEqual(outcomes.get("child" as NodeId), {
    status: "skipped",
    error: "upstream bad failed",
  });
  assert.deepEqual(outcomes.get("other" as NodeId), {
    status: "skipped",
    error: "not started because bad failed",
  });
});

Deno.test("runSteps() goes on with what does not depend on a failure when told to", async () => {
  const edges = { bad: "", good: "", child: "bad", other: "good", both: "child other" };
  const { statuses } = await run(
    edges,
    (id) => id === "bad" ? failure() : success(id),
    { continueOnError: true },
  );
  assert.deepEqual(statuses, {
    bad: "failed",
    good: "success",
    child: "skipped",
    other: "success",
    both: "skipped",
  });
});

Deno.test("runSteps() reports each step finished once, also the skipped ones", async () => {
  const edges = { bad: "", bad2: "", child: "bad bad2", grandchild: "child" };
  const { events } = await run(edges, () => failure(), { continueOnError: true });
  const finished = events.flatMap((event) => event.event === "node_finished" ? [event.node] : []);
  assert.deepEqual([...finished].sort(), Object.keys(edges).sort());
});

Deno.test("runSteps() tries again after a transient failure, with the backoff of that try", async () => {
  const waits: number[] = [];
  const { statuses, attempts, events } = await run(
    { a: "" },
    (id, attempt) => attempt < 3 ? failure(true) : success(id),
    { retries: 2, backoff: (attempt) => (waits.push(attempt), attempt) },
  );
  assert.deepEqual(statuses, { a: "success" });
  assert.equal(attempts.get("a"), 3);
  assert.deepEqual(waits, [1, 2]);
  assert.deepEqual(events.map(({ event }) => event), [
    "node_started",
    "node_retry",
    "node_started",
    "node_retry",
    "node_started",
    "node_finished",
  ]);
});

Deno.test("runSteps() gives up after the given number of retries", async () => {
  const { statuses, attempts } = await run({ a: "" }, () => failure(true), { retries: 2 });
  assert.deepEqual(statuses, { a: "failed" });
  assert.equal(attempts.get("a"), 3);
});

Deno.test("runSteps() does not try a failure again that is not transient", async () => {
  const { attempts } = await run({ a: "" }, () => failure(false), { retries: 5 });
  assert.equal(attempts.get("a"), 1);
});

Deno.test("runSteps() starts nothing when it is stopped before it begins", async () => {
  const { started, outcomes } = await run(DIAMOND, success, { signal: AbortSignal.abort() });
  assert.deepEqual(started, []);
  assert.equal(outcomes.size, 0);
});

Deno.test("runSteps() starts nothing new after a stop and keeps what was finished", async () => {
  const controller = new AbortController();
  const { started, statuses } = await run({ a: "", b: "a", c: "b" }, (id) => {
    if (id === "b") controller.abort();
    return success(id);
  }, { signal: controller.signal });
  assert.deepEqual(started, ["a", "b"]);
  assert.deepEqual(statuses, { a: "success", b: "success" });
});

Deno.test("runSteps() does not wait out a backoff, nor try again, once it is stopped", async () => {
  const controller = new AbortController();
  const began = performance.now();
  const { attempts } = await run({ a: "" }, () => {
    setTimeout(() => controller.abort(), 5);
    return failure(true);
  }, { signal: controller.signal, retries: 3, backoff: () => 30_000 });
  assert.ok(performance.now() - began < 5_000);
  assert.equal(attempts.get("a"), 1);
});

Deno.test("runSteps() takes an output that has appeared since the plan instead of building", async () => {
  const flags: [string, boolean][] = [];
  const { statuses, started } = await run(DIAMOND, success, {
    findCached: (id) => id === "left" || id === "top" ? output(id) : null,
    onOutput: (id, _output, cached) => flags.push([id, cached]),
  });
  assert.deepEqual(started.sort(), ["end", "lone", "right"]);
  assert.equal(statuses["left"], "cached");
  assert.deepEqual(new Map(flags).get("left"), true);
  assert.deepEqual(new Map(flags).get("end"), false);
});

Deno.test("runSteps() does nothing for no steps", async () => {
  assert.equal((await run({})).outcomes.size, 0);
});

for (const continueOnError of [false, true]) {
  Deno.test(`runSteps() ends alike with 1 and 4 workers, continueOnError ${continueOnError}`, async () => {
    let seed = 11;
    const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
    for (let n = 0; n < 25; n++) {
      const edges: Record<string, string> = {};
      const bad = new Set<string>();
      for (let i = 0; i < 20; i++) {
        const inputs = Array.from({ length: i }, (_, j) => `n${j}`).filter(() => random() < 0.12);
        edges[`n${i}`] = inputs.join(" ");
        if (random() < 0.08) bad.add(`n${i}`);
      }
      const build = async (id: string) => {
        await new Promise((resolve) => setTimeout(resolve, random() * 2));
        return bad.has(id) ? failure() : success(id);
      };
      const one = await run(edges, build, { maxWorkers: 1, continueOnError });
      const four = await run(edges, build, { maxWorkers: 4, continueOnError });
      const failedFirst = (statuses: Record<string, string>) =>
        Object.entries(statuses).filter(([, status]) => status === "failed").map(([id]) => id)
          .sort();
      if (continueOnError) assert.deepEqual(four.statuses, one.statuses);
      for (const { statuses } of [one, four]) {
        assert.equal(Object.keys(statuses).length, 20);
        for (const { id, inputs } of steps(edges)) {
          if (inputs.some((input) => statuses[input] !== "success")) {
            assert.equal(statuses[id], "skipped", `${id} of graph ${n}`);
          }
        }
      }
      assert.equal(failedFirst(one.statuses).length > 0, failedFirst(four.statuses).length > 0);
    }
  });
}
