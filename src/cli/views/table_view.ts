import type { Table } from "../../engine/session.ts";
import type { Style } from "../terminal.ts";
import { displayWidth, pad, plural } from "./format.ts";

/** Characters of a cell that are shown. */
const CELL_WIDTH = 60;

/** Rows as a table for people. */
export function tableView({ columns, rows }: Table, style: Style): string {
  const cells = rows.map((row) => row.map(shortCell));
  const widths = columns.map(({ name }, i) =>
    Math.max(displayWidth(name), ...cells.map((row) => displayWidth(row[i]!)))
  );
  const isNumber = columns.map(({ type }) => isNumeric(type));
  const line = (row: readonly string[]) =>
    row.map((cell, i) =>
      isNumber[i] ? " ".repeat(widths[i]! - displayWidth(cell)) + cell : pad(cell, widths[i]!)
    )
      .join("  ").trimEnd();
  return [
    style.bold(line(columns.map(({ name }) => name))),
    style.dim(widths.map((width) => "-".repeat(width)).join("  ")),
    ...cells.map(line),
    style.dim(`(${plural(rows.length, "row")})`),
  ].join("\n") + "\n";
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
export function tableJson({ columns, rows }: Table): string {
  const objects = rows.map((row) =>
    Object.fromEntries(columns.map(({ name, type }, i) => [name, jsonCell(row[i], type)]))
  );
  return `${JSON.stringify(objects, null, 2)}\n`;
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
  return clip(cellText(cell));
}

function clip(text: string): string {
  const single = text.replace(/\s*\n\s*/g, " ");
  return single.length > CELL_WIDTH ? `${single.slice(0, CELL_WIDTH - 3)}...` : single;
}
