import type { Table } from "../../engine/session.ts";
import type { Style } from "../terminal.ts";
import { displayWidth, fitText, oneLine, pad, plural } from "./format.ts";

/** Characters of a cell that are shown where the place for it is not known. */
const CELL_WIDTH = 60;
/** Columns of text are not made narrower than this. */
const LEAST_WIDTH = 8;
const GAP = "  ";

/** Where a table is shown. */
export interface TableOptions {
  readonly style: Style;
  /** Places in a line; null: as many as needed, and nothing is cut. */
  readonly width: number | null;
  /** Said instead of the number of rows. */
  readonly footer?: string;
}

/** Rows as a table for people. What is too wide is cut, columns that do not fit are named below. */
export function tableView({ columns, rows }: Table, options: TableOptions): string {
  const { style, width, footer = plural(rows.length, "row") } = options;
  if (columns[0]?.name === "explain_key") return explained(rows);
  const cells = rows.map((row) => row.map((cell) => oneLine(cellText(cell))));
  const isNumber = columns.map(({ type }) => isNumeric(type));
  const names = columns.map(({ name }) => oneLine(name));
  const wanted = names.map((name, i) => {
    const values = cells.reduce((most, row) => Math.max(most, displayWidth(row[i]!)), 0);
    return {
      natural: Math.max(displayWidth(name), values),
      // A number or a date that is cut is another one.
      least: isWhole(columns[i]!.type) ? Math.max(values, LEAST_WIDTH) : LEAST_WIDTH,
    };
  });
  const widths = width === null ? wanted.map(({ natural }) => natural) : fitColumns(wanted, width);
  const line = (row: readonly string[]) =>
    widths.map((room, i) => {
      const cell = fitText(row[i]!, room);
      return isNumber[i] ? " ".repeat(room - displayWidth(cell)) + cell : pad(cell, room);
    }).join(GAP).trimEnd();
  const hidden = names.slice(widths.length);
  return [
    style.bold(line(names)),
    style.dim(widths.map((room) => "-".repeat(room)).join(GAP)),
    ...cells.map(line),
    style.dim(`(${footer})`),
    ...(hidden.length === 0
      ? []
      : [style.dim(fitText(`+${plural(hidden.length, "column")}: ${hidden.join(", ")}`, width!))]),
  ].join("\n") + "\n";
}

interface WantedWidth {
  readonly natural: number;
  readonly least: number;
}

/** Widths of the columns that fit, from the first on: the widest give way first. */
function fitColumns(wanted: readonly WantedWidth[], width: number): number[] {
  const total = (list: readonly number[]) =>
    list.reduce((sum, one) => sum + one, 0) + GAP.length * Math.max(0, list.length - 1);
  const floors = wanted.map(({ natural, least }) => Math.min(natural, least));
  let count = wanted.length;
  while (count > 1 && total(floors.slice(0, count)) > width) count--;
  const kept = wanted.slice(0, count);
  const at = (limit: number) =>
    kept.map(({ natural }, i) => Math.max(floors[i]!, Math.min(natural, limit)));
  let limit = Math.min(width, Math.max(0, ...kept.map(({ natural }) => natural)));
  while (limit > 1 && total(at(limit)) > width) limit--;
  const widths = at(limit);
  // What a narrower limit would have left over goes to the columns that still want it.
  let left = width - total(widths);
  return widths.map((room, i) => {
    const more = Math.max(0, Math.min(left, kept[i]!.natural - room));
    left -= more;
    return room + more;
  });
}

/** The answer to EXPLAIN is a drawing already. */
function explained(rows: Table["rows"]): string {
  return rows.map((row) => `${cellText(row[1]).trimEnd()}\n`).join("\n");
}

/** True for types whose values are shown as a whole or not at all. */
function isWhole(type: string): boolean {
  return isNumeric(type) || /^(BOOLEAN|DATE|TIME|TIMESTAMP|UUID)\b(?!.*\])/.test(type);
}

/** True for types whose values are set to the right. */
export function isNumeric(type: string): boolean {
  return /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL)(?!.*\])/.test(type);
}

/** Rows as CSV (RFC 4180), NULL as an empty field. */
export function tableCsv({ columns, rows }: Table): string {
  const quote = (text: string) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const line = (cells: readonly string[]) => cells.map(quote).join(",");
  return [
    line(columns.map(({ name }) => name)),
    ...rows.map((row) => line(row.map((cell) => cell === null ? "" : cellText(cell)))),
  ].join("\n") + "\n";
}

/** Rows as an array of objects: 64-bit integers and decimals that a JSON number cannot hold are strings, timestamps ISO 8601. */
export function tableJson(table: Table): string {
  return `${JSON.stringify(tableObjects(table), null, 2)}\n`;
}

/** See {@linkcode tableJson}. */
export function tableObjects({ columns, rows }: Table): Record<string, unknown>[] {
  return rows.map((row) =>
    Object.fromEntries(columns.map(({ name, type }, i) => [name, jsonCell(row[i], type)]))
  );
}

/** A value in JSON, see {@linkcode tableJson}. */
export function jsonCell(cell: unknown, type: string): unknown {
  if (typeof cell !== "string") return cell ?? null;
  if (/^(U?BIGINT|U?HUGEINT)$/.test(type)) {
    return Number.isSafeInteger(Number(cell)) ? Number(cell) : cell;
  }
  if (type.startsWith("DECIMAL")) return isExact(cell) ? Number(cell) : cell;
  if (type === "TIMESTAMP WITH TIME ZONE") return isoTime(cell.replace(/\+00(:00)?$/, "")) + "Z";
  if (/^TIMESTAMP/.test(type)) return isoTime(cell);
  return cell;
}

/** True when the number prints as the same digits again. */
function isExact(text: string): boolean {
  const digits = text.replace(/^-/, "").replace(".", "").replace(/^0+/, "");
  return digits.length <= 15;
}

function isoTime(text: string): string {
  return text.replace(" ", "T");
}

/** A value as text, all of it. */
export function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return "NULL";
  return typeof cell === "object" ? JSON.stringify(cell) : String(cell);
}

/** A value as text on one line of bearable length. */
export function shortCell(cell: unknown): string {
  return fitText(oneLine(cellText(cell)), CELL_WIDTH);
}
