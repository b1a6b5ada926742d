const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Milliseconds of `30s`, `5m`, `24h`, `7d`, `2w` or of a number of seconds; null for what is none of these. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,9})\s*([smhdw]?)$/i.exec(text.trim());
  if (match === null) return null;
  return Number(match[1]) * UNITS_MS[match[2]!.toLowerCase() || "s"]!;
}

const UNITS_BYTES: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** Bytes of `500MB`, `10 GB` or of a number; null for what is none of these. */
export function parseBytes(text: string): number | null {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)\s*([kmgt]?)b?$/i.exec(text.trim());
  return match === null
    ? null
    : Math.round(Number(match[1]) * UNITS_BYTES[match[2]!.toLowerCase()]!);
}
