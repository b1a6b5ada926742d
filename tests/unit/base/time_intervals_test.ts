import assert from "node:assert/strict";
import {
  addUnits,
  coversIntervals,
  floorTime,
  intersectIntervals,
  type Interval,
  INTERVAL_UNITS,
  intervalWords,
  mergeIntervals,
  parseTime,
  subtractIntervals,
  timeText,
  unitsOf,
} from "../../../src/base/time_intervals.ts";
import { randomNumbers } from "../../support/random.ts";

const day = (n: number) => timeText(Date.UTC(2026, 0, 1 + n));
const days = (from: number, to: number): Interval => ({ start: day(from), end: day(to) });

Deno.test("parseTime() takes days and UTC times, and nothing that does not exist", () => {
  assert.equal(parseTime("2026-02-28"), Date.UTC(2026, 1, 28));
  assert.equal(parseTime("2026-02-28T06:30:00Z"), Date.UTC(2026, 1, 28, 6, 30));
  assert.equal(parseTime("2026-02-28 06:30"), Date.UTC(2026, 1, 28, 6, 30));
  assert.equal(parseTime("2024-02-29"), Date.UTC(2024, 1, 29));
  for (const wrong of ["2026-02-29", "2026-13-01", "yesterday", "2026-01-01T25:00:00Z", "26-1-1"]) {
    assert.equal(parseTime(wrong), null, wrong);
  }
});

Deno.test("floorTime() and addUnits() know months, years and weeks that begin on Monday", () => {
  const at = Date.UTC(2026, 10, 25, 13, 30);
  const floors = INTERVAL_UNITS.map((unit) => timeText(floorTime(at, unit)));
  assert.deepEqual(floors, [
    "2026-11-25T13:00:00Z",
    "2026-11-25T00:00:00Z",
    "2026-11-23T00:00:00Z",
    "2026-11-01T00:00:00Z",
    "2026-01-01T00:00:00Z",
  ]);
  const next = INTERVAL_UNITS.map((unit) => timeText(addUnits(floorTime(at, unit), unit, 1)));
  assert.deepEqual(next, [
    "2026-11-25T14:00:00Z",
    "2026-11-26T00:00:00Z",
    "2026-11-30T00:00:00Z",
    "2026-12-01T00:00:00Z",
    "2027-01-01T00:00:00Z",
  ]);
});

Deno.test("mergeIntervals() joins what overlaps or touches", () => {
  const merged = mergeIntervals([days(5, 7), days(0, 2), days(2, 3), days(6, 9), days(4, 4)]);
  assert.deepEqual(merged, [days(0, 3), days(5, 9)]);
});

Deno.test("interval sets behave like sets of days, whatever they are", () => {
  const random = randomNumbers(3);
  const LAST = 12;
  const draw = () =>
    Array.from({ length: Math.floor(random() * 4) }, () => {
      const from = Math.floor(random() * LAST);
      return days(from, from + Math.floor(random() * 4));
    });
  const toSet = (intervals: readonly Interval[]) =>
    new Set(unitsOf(intervals, "day").map(({ start }) => start));
  for (let round = 0; round < 300; round++) {
    const [a, b] = [draw(), draw()];
    const [x, y] = [toSet(a), toSet(b)];
    const sorted = (set: ReadonlySet<string>) => [...set].sort();
    assert.deepEqual(sorted(toSet(mergeIntervals([...a, ...b]))), sorted(x.union(y)));
    assert.deepEqual(sorted(toSet(intersectIntervals(a, b))), sorted(x.intersection(y)));
    assert.deepEqual(sorted(toSet(subtractIntervals(a, b))), sorted(x.difference(y)));
    assert.equal(coversIntervals(a, b), y.isSubsetOf(x));
  }
});

Deno.test("intervalWords() names days by the last one that is in them", () => {
  assert.equal(intervalWords(days(0, 1)), "2026-01-01");
  assert.equal(intervalWords(days(0, 31)), "2026-01-01 to 2026-01-31");
  const hour = { start: "2026-01-01T06:00:00Z", end: "2026-01-01T08:00:00Z" };
  assert.equal(intervalWords(hour), "2026-01-01 06:00 to 2026-01-01 08:00");
});
