import assert from "node:assert/strict";
import { type Interval, timeText } from "../../../src/base/time_intervals.ts";
import {
  changedIntervals,
  type IncrementalCandidate,
  type IncrementalQuestion,
  NO_INTERVAL_REQUEST,
  planIncremental,
} from "../../../src/dag/incremental.ts";
import type { ContentHash, Fingerprint } from "../../../src/model/ids.ts";
import type { IncrementalState } from "../../../src/model/incremental.ts";

const ms = (n: number) => Date.UTC(2026, 0, 1 + n);
const days = (from: number, to: number): Interval => ({
  start: timeText(ms(from)),
  end: timeText(ms(to)),
});

const BY_TIME = {
  mode: "incremental_by_time",
  time_column: "d",
  interval: "day",
  start: timeText(ms(0)),
  lookback: 0,
} as const;
const BY_KEY = { mode: "incremental_by_key", unique_key: ["id"], time_column: "d" } as const;

function question(parts: Partial<IncrementalQuestion>): IncrementalQuestion {
  return {
    spec: BY_TIME,
    logic: "logic",
    inputs: "now",
    candidates: [],
    nowMs: ms(5) + 1,
    request: NO_INTERVAL_REQUEST,
    ...parts,
  };
}

function candidate(name: string, state: Partial<IncrementalState>): IncrementalCandidate {
  const known = { logic: "logic", base: null, build: [], done: [], inputs: "then", ...state };
  return {
    base: { fingerprint: name as Fingerprint, content_hash: name as ContentHash },
    state: known,
    stale: [],
  };
}

Deno.test("planIncremental() builds everything up to the last whole interval from scratch", () => {
  const state = planIncremental(question({}));
  assert.equal(state.base, null);
  assert.deepEqual(state.build, [days(0, 5)]);
  assert.deepEqual(state.done, [days(0, 5)]);
});

Deno.test("planIncremental() takes an output as it is when no interval is pending", () => {
  const known = candidate("a", { done: [days(0, 5)] });
  assert.equal(planIncremental(question({ candidates: [known] })), known.state);
});

Deno.test("planIncremental() adds pending intervals, gaps included, and those before them that lookback names", () => {
  const known = candidate("a", { done: [days(0, 2), days(3, 4)] });
  const plain = planIncremental(question({ candidates: [known] }));
  assert.deepEqual(plain.build, [days(2, 3), days(4, 5)]);
  assert.deepEqual(plain.done, [days(0, 5)]);
  assert.equal(plain.base?.fingerprint, "a");
  const spec = { ...BY_TIME, lookback: 1 };
  assert.deepEqual(planIncremental(question({ candidates: [known], spec })).build, [days(1, 5)]);
});

Deno.test("planIncremental() starts from scratch where the logic is another one", () => {
  const known = candidate("a", { logic: "other", done: [days(0, 5)] });
  assert.equal(planIncremental(question({ candidates: [known] })).base, null);
});

Deno.test("planIncremental() prefers the first candidate, unless a later one has all of its intervals", () => {
  const dev = candidate("dev", { done: [days(0, 4)] });
  const behind = candidate("prod", { done: [days(0, 3)] });
  const ahead = candidate("prod", { done: [days(0, 5)] });
  const base = (candidates: IncrementalCandidate[]) =>
    planIncremental(question({ candidates, nowMs: ms(6) })).base?.fingerprint;
  assert.equal(base([dev, behind]), "dev");
  assert.equal(base([dev, ahead]), "prod");
});

Deno.test("planIncremental() keeps to the limits that are asked for, and builds done intervals again to restate", () => {
  const known = candidate("a", { done: [days(0, 2)] });
  const request = { startMs: ms(1), endMs: ms(4), restate: false };
  assert.deepEqual(planIncremental(question({ candidates: [known], request })).build, [days(2, 4)]);
  const again = planIncremental(
    question({ candidates: [known], request: { ...request, restate: true } }),
  );
  assert.deepEqual(again.build, [days(1, 4)]);
  const all = { startMs: null, endMs: null, restate: true };
  assert.equal(planIncremental(question({ candidates: [known], request: all })).base, null);
});

Deno.test("planIncremental() by key goes on when what it reads changed, and only then", () => {
  const known = candidate("a", { inputs: "now" });
  const same = question({ spec: BY_KEY, candidates: [known] });
  assert.equal(planIncremental(same), known.state);
  const moved = planIncremental({ ...same, inputs: "later" });
  assert.equal(moved.base?.fingerprint, "a");
  assert.equal(moved.inputs, "later");
});

Deno.test("planIncremental() builds done intervals again that a node upstream built again, in whole units", () => {
  const known = candidate("a", { done: [days(0, 5)] });
  const hour = { start: "2026-01-02T05:00:00Z", end: "2026-01-02T06:00:00Z" };
  const state = planIncremental(question({
    candidates: [{ ...known, stale: [hour, days(4, 9)] }],
    request: { startMs: ms(0), endMs: ms(1), restate: false },
  }));
  assert.deepEqual(state.build, [days(1, 2), days(4, 5)]);
  assert.deepEqual(state.done, [days(0, 5)]);
  assert.deepEqual(state.base, known.base);
});

Deno.test("changedIntervals() are those built on top of the former output, and otherwise all", () => {
  const node = (name: string, state: Partial<IncrementalState>) => ({
    fingerprint: name as Fingerprint,
    incremental: candidate(name, state).state,
  });
  const before = node("a", { done: [days(0, 3)] });
  const base = candidate("a", {}).base;
  const next = node("b", { base, build: [days(3, 4)], done: [days(0, 4)] });
  assert.deepEqual(changedIntervals(before, before), []);
  assert.deepEqual(changedIntervals(before, next), [days(3, 4)]);
  assert.deepEqual(changedIntervals(before, node("c", { done: [days(1, 5)] })), [days(0, 5)]);
  assert.deepEqual(changedIntervals(undefined, before), [days(0, 3)]);
});
