import type { Style } from "../terminal.ts";
import { displayWidth, pad } from "./format.ts";

/** Where a document is shown. */
export interface MarkdownOptions {
  readonly style: Style;
  /** Places in a line. */
  readonly width: number;
}

/** Lines are not made longer than that, however wide the screen is: they would be hard to read. */
const MOST_WIDTH = 100;

/** Markdown for the terminal: headings, paragraphs, lists, tables and code. */
export function markdownView(text: string, { style, width }: MarkdownOptions): string {
  const room = Math.max(40, Math.min(width, MOST_WIDTH));
  const lines = text.replace(/<!--[\s\S]*?-->\n?/g, "").split("\n");
  const shown: string[] = [];
  for (let at = 0; at < lines.length;) {
    const line = lines[at]!;
    const take = (test: (line: string) => boolean): string[] => {
      const start = at;
      while (at < lines.length && test(lines[at]!)) at++;
      return lines.slice(start, at);
    };
    const heading = /^(#{1,6}) (.*)$/.exec(line);
    if (line.startsWith("```")) {
      at++;
      const code = take((next) => !next.startsWith("```"));
      at++;
      shown.push(...code.map((text) => text === "" ? "" : `    ${style.cyan(text)}`));
    } else if (heading !== null) {
      at++;
      shown.push(...headingLines(heading[1]!.length, heading[2]!, style));
    } else if (line.startsWith("|")) {
      shown.push(...tableLines(take((next) => next.startsWith("|")), room, style));
    } else if (/^\s*([-*]|\d+\.) /.test(line)) {
      const item = /^(\s*)([-*]|\d+\.) (.*)$/.exec(line)!;
      at++;
      const rest = take((next) => /^\s+\S/.test(next) && !/^\s*([-*]|\d+\.) /.test(next));
      const mark = item[2] === "*" ? "-" : item[2]!;
      const first = `${item[1]}${mark} `;
      const words = [item[3]!, ...rest.map((next) => next.trim())].join(" ");
      shown.push(...wrap(inline(words, style), room, { first, rest: " ".repeat(first.length) }));
    } else if (line.trim() === "") {
      at++;
      if (shown.at(-1) !== "") shown.push("");
    } else {
      const words = take((next) => next.trim() !== "" && !/^(```|#{1,6} |\||\s*[-*] )/.test(next));
      shown.push(...wrap(inline(words.join(" "), style), room, { first: "", rest: "" }));
    }
  }
  return `${shown.join("\n").trim()}\n`;
}

function headingLines(level: number, text: string, style: Style): string[] {
  const title = style.bold(plainInline(text));
  return level === 1 ? [title, style.dim("=".repeat(displayWidth(plainInline(text))))] : [title];
}

/** Marks of a line become colours: `code`, **strong**, links by their words. */
function inline(text: string, style: Style): string {
  return text.replace(
    /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\(([^)\s]+)\)/g,
    (_, code?: string, strong?: string, words?: string, target?: string) => {
      if (code !== undefined) return paintWords(code, style.cyan);
      if (strong !== undefined) return paintWords(plainInline(strong), style.bold);
      const shown = plainInline(words!);
      return /^https?:/.test(target!) ? `${shown} (${target})` : shown;
    },
  );
}

/** Each word by itself: lines may be broken between them. */
function paintWords(text: string, paint: (text: string) => string): string {
  return text.split(" ").map(paint).join(" ");
}

function plainInline(text: string): string {
  return text.replace(/\[([^\]]+)\]\([^)\s]+\)/g, "$1").replace(/[`*]/g, "");
}

function wrap(
  text: string,
  width: number,
  { first, rest }: { readonly first: string; readonly rest: string },
): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(/\s+/).filter((word) => word !== "")) {
    if (!isEmpty && displayWidth(line) + 1 + displayWidth(word) > width) {
      lines.push(line);
      line = rest;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}

/** Columns side by side; what does not fit is broken within its column. */
function tableLines(lines: readonly string[], width: number, style: Style): string[] {
  const rows = lines.filter((line) => !/^\|[\s|:-]+\|$/.test(line)).map(cellsOf);
  const columns = Math.max(...rows.map((row) => row.length));
  const hasHead = rows[0]!.some((cell) => cell !== "");
  const body = hasHead ? rows : rows.slice(1);
  const natural = Array.from(
    { length: columns },
    (_, i) => Math.max(1, ...body.map((row) => displayWidth(plainInline(row[i] ?? "")))),
  );
  const widths = shrink(natural, width - 2 * (columns - 1));
  return body.flatMap((row, n) => {
    const cells = widths.map((room, i) =>
      wrap(inline(row[i] ?? "", style), room, { first: "", rest: "" })
    );
    const height = Math.max(...cells.map((cell) => cell.length));
    return Array.from({ length: height }, (_, k) => {
      const line = cells.map((cell, i) => pad(cell[k] ?? "", widths[i]!)).join("  ").trimEnd();
      return hasHead && n === 0 ? style.bold(line) : line;
    });
  });
}

function cellsOf(line: string): string[] {
  return line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) =>
    cell.trim().replaceAll("\\|", "|")
  );
}

/** Takes from the widest column until all fit. */
function shrink(natural: readonly number[], width: number): number[] {
  const widths = [...natural];
  const total = () => widths.reduce((sum, room) => sum + room, 0);
  while (total() > width) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest]! <= 8) break;
    widths[widest]!--;
  }
  return widths;
}
