/** Time from `start` up to, not including, `end`; RFC 3339 in UTC, to the second. */
export interface Interval {
  readonly start: string;
  readonly end: string;
}

/** Units that time is cut into. */
export const INTERVAL_UNITS = ["hour", "day", "week", "month", "year"] as const;

/** A unit that time is cut into; weeks begin on Monday (ISO 8601). */
export type IntervalUnit = (typeof INTERVAL_UNITS)[number];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** 1970-01-05 was a Monday. */
const MONDAY_MS = 4 * DAY_MS;

/** A point in time as intervals write it. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

/** Milliseconds of a day, or of a point in time in UTC; null for anything else, and for years outside 1 to 9999. */
export function parseTime(text: string): number | null {
  const match =
    /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?(?:\.0+)?(?:Z|\+00:?00)?)?$/.exec(
      text.trim(),
    );
  if (match === null) return null;
  const [year, month, day, hour = 0, minute = 0, second = 0] = match.slice(1)
    .map((part) => part === undefined ? undefined : Number(part)) as [number, number, number];
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  // A day that does not exist becomes another one.
  const back = new Date(ms);
  const isReal = back.getUTCFullYear() === year && back.getUTCMonth() === month - 1 &&
    back.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  return isReal ? ms : null;
}

/** The latest beginning of a unit that is not after a point in time. */
export function floorTime(ms: number, unit: IntervalUnit): number {
  switch (unit) {
    case "hour":
      return Math.floor(ms / HOUR_MS) * HOUR_MS;
    case "day":
      return Math.floor(ms / DAY_MS) * DAY_MS;
    case "week":
      return Math.floor((ms - MONDAY_MS) / (7 * DAY_MS)) * 7 * DAY_MS + MONDAY_MS;
    case "month":
    case "year": {
      const date = new Date(ms);
      return Date.UTC(date.getUTCFullYear(), unit === "month" ? date.getUTCMonth() : 0, 1);
    }
  }
}

/** The beginning of a unit that is `count` units away from the beginning of one. */
export function addUnits(ms: number, unit: IntervalUnit, count: number): number {
  switch (unit) {
    case "hour":
      return ms + count * HOUR_MS;
    case "day":
      return ms + count * DAY_MS;
    case "week":
      return ms + count * 7 * DAY_MS;
    case "month":
    case "year": {
      const date = new Date(ms);
      const months = unit === "month" ? count : 12 * count;
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1);
    }
  }
}

/** The units that lie in intervals, oldest first. Intervals begin and end where units do. */
export function unitsOf(intervals: readonly Interval[], unit: IntervalUnit): Interval[] {
  return mergeIntervals(intervals).flatMap(({ start, end }) => {
    const units: Interval[] = [];
    const last = toMs(end);
    for (let at = toMs(start); at < last; at = addUnits(at, unit, 1)) {
      units.push(interval(at, Math.min(last, addUnits(at, unit, 1))));
    }
    return units;
  });
}

/** The same time with as few intervals as possible, oldest first: what overlaps or touches becomes one. */
export function mergeIntervals(intervals: readonly Interval[]): Interval[] {
  const sorted = intervals.filter(({ start, end }) => start < end)
    .sort((a, b) => a.start < b.start ? -1 : a.start > b.start ? 1 : 0);
  const merged: Interval[] = [];
  for (const next of sorted) {
    const last = merged.at(-1);
    if (last === undefined || next.start > last.end) merged.push(next);
    else if (next.end > last.end) merged[merged.length - 1] = { start: last.start, end: next.end };
  }
  return merged;
}

/** Time that is in both. */
export function intersectIntervals(
  a: readonly Interval[],
  b: readonly Interval[],
): Interval[] {
  const other = mergeIntervals(b);
  return mergeIntervals(a.flatMap((x) =>
    other.map((y) => ({
      start: x.start > y.start ? x.start : y.start,
      end: x.end < y.end ? x.end : y.end,
    }))
  ));
}

/** Time that is in the first and not in the second. */
export function subtractIntervals(
  from: readonly Interval[],
  what: readonly Interval[],
): Interval[] {
  let left = mergeIntervals(from);
  for (const { start, end } of mergeIntervals(what)) {
    left = left.flatMap((interval) => [
      { start: interval.start, end: interval.end < start ? interval.end : start },
      { start: interval.start > end ? interval.start : end, end: interval.end },
    ]).filter((interval) => interval.start < interval.end);
  }
  return mergeIntervals(left);
}

/** True where all of the second is in the first. */
export function coversIntervals(all: readonly Interval[], part: readonly Interval[]): boolean {
  return subtractIntervals(part, all).length === 0;
}

/** An interval of milliseconds. */
export function interval(startMs: number, endMs: number): Interval {
  return { start: timeText(startMs), end: timeText(endMs) };
}

/** Intervals for people: days without their time, `2026-01-01 to 2026-01-31` with the last day that is in it. */
export function intervalWords({ start, end }: Interval): string {
  const isWhole = start.endsWith("T00:00:00Z") && end.endsWith("T00:00:00Z");
  if (!isWhole) return `${shortTime(start)} to ${shortTime(end)}`;
  const last = timeText(toMs(end) - DAY_MS).slice(0, 10);
  const first = start.slice(0, 10);
  return first === last ? first : `${first} to ${last}`;
}

function shortTime(text: string): string {
  return text.slice(0, 16).replace("T", " ");
}

function toMs(text: string): number {
  return Date.parse(text);
}
