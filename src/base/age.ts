/** Seconds that each unit of an age stands for. */
const UNITS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3_600,
  d: 86_400,
  w: 604_800,
};

/** How old something may be, as people write it: `30m`, `24h`, `7d`, `2w`. */
export interface Age {
  /** As it was written. */
  readonly text: string;
  readonly seconds: number;
}

/** Reads an age; null for anything else. */
export function parseAge(text: string): Age | null {
  const match = /^(\d{1,6})\s*([smhdw])$/.exec(text.trim());
  const unit = UNITS[match?.[2] ?? ""];
  const count = Number(match?.[1]);
  return unit === undefined || count === 0
    ? null
    : { text: `${count}${match![2]}`, seconds: count * unit };
}

/** What to write where an age is expected. */
export const AGE_HINT = "write a number and a unit: 30m, 24h, 7d or 2w";

/** The same as a pattern of JSON Schema. */
export const AGE_PATTERN = "^\\d{1,6} ?[smhdw]$";
