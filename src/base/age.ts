import { parseDuration } from "./quantities.ts";

/** How old something may be, as people write it: `30m`, `24h`, `7d`, `2w`. */
export interface Age {
  /** As it was written. */
  readonly text: string;
  readonly seconds: number;
}

/** Reads an age; null for anything else. */
export function parseAge(text: string): Age | null {
  const match = /^(\d{1,6})\s*([smhdw])$/.exec(text.trim());
  const short = match === null ? "" : `${Number(match[1])}${match[2]}`;
  const milliseconds = parseDuration(short) ?? 0;
  return milliseconds === 0 ? null : { text: short, seconds: milliseconds / 1_000 };
}

/** What to write where an age is expected. */
export const AGE_HINT = "write a number and a unit: 30m, 24h, 7d or 2w";

/** The same as a pattern of JSON Schema. */
export const AGE_PATTERN = "^\\d{1,6} ?[smhdw]$";
