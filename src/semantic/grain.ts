import { type Grain, GRAINS, type TimeSpan } from "./definition.ts";

/** Days and months that a unit has; a week has no whole part of a month. */
const LENGTHS: Readonly<Record<Grain, { readonly days: number; readonly months: number }>> = {
  day: { days: 1, months: 0 },
  week: { days: 7, months: 0 },
  month: { days: 0, months: 1 },
  quarter: { days: 0, months: 3 },
  year: { days: 0, months: 12 },
};

/** `3 months`, `month`, `previous month`, `-1 month`; null for anything else. */
export function parseSpan(text: string): TimeSpan | null {
  const match = /^\s*(?:previous\s+|-)?\s*(?:(\d{1,5})\s+)?(day|week|month|quarter|year)s?\s*$/i
    .exec(text);
  if (match === null) return null;
  const count = Number(match[1] ?? 1);
  return count < 1 ? null : { count, unit: match[2]!.toLowerCase() as Grain };
}

/** `3 months`. */
export function spanWords({ count, unit }: TimeSpan): string {
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** The span as an SQL interval. */
export function intervalSql({ count, unit }: TimeSpan): string {
  return unit === "quarter"
    ? `INTERVAL ${3 * count} MONTH`
    : `INTERVAL ${count} ${unit.toUpperCase()}`;
}

/** True where every period of `inner` lies in one of `outer`. */
export function nests(inner: Grain, outer: Grain): boolean {
  if (inner === outer || inner === "day") return true;
  return inner !== "week" && outer !== "week" && isFiner(inner, outer);
}

/** True where `a` is shorter than `b`. */
export function isFiner(a: Grain, b: Grain): boolean {
  return GRAINS.indexOf(a) < GRAINS.indexOf(b);
}

/** True where going back by the span leads from the beginning of a period to the beginning of another. */
export function keepsPeriods({ count, unit }: TimeSpan, grain: Grain): boolean {
  if (grain === "day") return true;
  const [step, period] = [LENGTHS[unit], LENGTHS[grain]];
  return period.months > 0
    ? step.months > 0 && (step.months * count) % period.months === 0
    : step.days > 0 && (step.days * count) % period.days === 0;
}

/** The longest grain whose periods make up both of them. */
export function commonGrain(a: Grain, b: Grain): Grain {
  if (nests(a, b)) return a;
  return nests(b, a) ? b : "day";
}
