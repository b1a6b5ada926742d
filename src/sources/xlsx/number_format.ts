/** What a number stands for by its cell's format. */
export type NumberMeaning = "number" | "date" | "datetime" | "time";

/** Meanings of the formats that files only name by number (ECMA-376, 18.8.30). */
const BUILT_IN: Readonly<Record<number, NumberMeaning>> = {
  ...Object.fromEntries([14, 15, 16, 17, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58].map(
    (id) => [id, "date"] as const,
  )),
  ...Object.fromEntries(
    [18, 19, 20, 21, 32, 33, 34, 35, 55, 56].map((id) => [id, "time"] as const),
  ),
  22: "datetime",
};

/** What numbers mean under a format: by its code, or by its number alone where it has no code of its own. */
export function meaningOfFormat(id: number, code: string | null): NumberMeaning {
  if (code === null) return BUILT_IN[id] ?? "number";
  // Only what is shown for positive numbers; without literal text, colours and places.
  const letters = code.split(";")[0]!.replace(/"[^"]*"|\\.|_.|\*./g, "");
  // [h]:mm is a length of time, which may be longer than a day: its number is kept.
  if (/\[(h+|m+|s+)\]/i.test(letters)) return "number";
  const plain = letters.replace(/\[[^\]]*\]/g, "").replace(/general/gi, "");
  if (!/[ymdhs]/i.test(plain) || /[#?0]/.test(plain.replace(/s\.0+/gi, "s"))) return "number";
  const hasTime = /[hs]/i.test(plain);
  const hasDate = /[yd]/i.test(plain) || (!hasTime && /m/i.test(plain));
  return hasDate ? (hasTime ? "datetime" : "date") : "time";
}

const DAY_MS = 86_400_000;

/**
 * A serial number as text: `2026-01-31`, `2026-01-31 08:30:00.000` or `08:30:00.000`, with the meaning that it
 * then has: a date with a time of day is a datetime whatever its format shows, and so is a time of more than a day.
 * Excel counts a 29th of February 1900, which never was: days before it are one off.
 */
export function serialText(
  serial: number,
  meaning: "date" | "datetime" | "time",
  since1904: boolean,
): { readonly text: string; readonly meaning: "date" | "datetime" | "time" } {
  let ms = Math.round(serial * DAY_MS);
  const timeOfDay = ((ms % DAY_MS) + DAY_MS) % DAY_MS;
  const clock = new Date(timeOfDay).toISOString().slice(11, 23);
  if (meaning === "time" && ms === timeOfDay) return { text: clock, meaning };
  if (since1904) ms += 1462 * DAY_MS;
  else if (ms < 60 * DAY_MS) ms += DAY_MS;
  const date = new Date(Date.UTC(1899, 11, 30) + ms);
  if (Number.isNaN(date.getTime())) return { text: String(serial), meaning };
  const day = date.toISOString().replace(/T.*/, "");
  return meaning === "date" && timeOfDay === 0
    ? { text: day, meaning }
    : { text: `${day} ${clock}`, meaning: "datetime" };
}
