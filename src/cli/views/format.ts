/** `1,234,567`. */
export function formatCount(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 node`, `2 nodes`. */
export function plural(n: number, word: string): string {
  return `${formatCount(n)} ${word}${n === 1 ? "" : "s"}`;
}

/** `0.05s`, `12.3s`, `2m 05s`. */
export function formatDuration(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(2)}s`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)}s`;
  const minutes = Math.floor(ms / 60_000);
  return `${minutes}m ${String(Math.floor(ms / 1000) % 60).padStart(2, "0")}s`;
}

/** `512 B`, `1.5 MB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** How far a time is from now: `2h ago`, `in 6d`. */
export function formatAge(time: Date, now: Date): string {
  const seconds = Math.round((now.getTime() - time.getTime()) / 1000);
  const size = Math.abs(seconds);
  const count = seconds >= 0 ? Math.floor : Math.round;
  const text = size < 60
    ? `${size}s`
    : size < 3600
    ? `${count(size / 60)}m`
    : size < 86_400
    ? `${count(size / 3600)}h`
    : `${count(size / 86_400)}d`;
  return seconds >= 0 ? `${text} ago` : `in ${text}`;
}

/** `2026-11-21 10:02 UTC`. */
export function formatTime(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** Columns side by side, as wide as needed; the last one is not padded. */
export function alignColumns(rows: readonly (readonly string[])[], gap = "  "): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => widths[i] = Math.max(widths[i] ?? 0, displayWidth(cell)));
  }
  return rows.map((row) =>
    row.map((cell, i) => i === row.length - 1 ? cell : pad(cell, widths[i]!)).join(gap).trimEnd()
  );
}

/** Fills a cell with blanks up to a width on screen. */
export function pad(cell: string, width: number): string {
  return cell + " ".repeat(Math.max(0, width - displayWidth(cell)));
}

/** Places a text takes on screen: wide East Asian letters and emoji take two, colours none. */
export function displayWidth(text: string): number {
  let width = 0;
  // deno-lint-ignore no-control-regex
  for (const character of text.replace(/\x1b\[[\d;]+m/g, "")) {
    width += /\p{M}/u.test(character)
      ? 0
      : /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u
          .test(character)
      ? 2
      : 1;
  }
  return width;
}

/** A text that takes at most `width` places; where it is cut, it ends in `…`. Holds no colours. */
export function fitText(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let used = 0;
  let kept = "";
  for (const character of text) {
    used += displayWidth(character);
    if (used > width - 1) break;
    kept += character;
  }
  return `${kept.trimEnd()}…`;
}

/** A text without what moves the cursor or breaks the line: such characters become visible ones. */
export function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\r?\n/g, "↵").replace(/[\x00-\x1f\x7f-\x9f]/g, (character) => {
    const code = character.charCodeAt(0);
    return code === 9 ? " " : code < 32 ? String.fromCharCode(0x2400 + code) : "\ufffd";
  });
}
