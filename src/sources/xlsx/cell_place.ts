/** A part of a sheet; rows and columns count from 0, bounds included. */
export interface CellRange {
  readonly firstRow: number;
  readonly lastRow: number;
  readonly firstColumn: number;
  readonly lastColumn: number;
}

/** Rows and columns that a sheet of Excel has. */
const ROWS = 1_048_576;
const COLUMNS = 16_384;

/** All cells of a sheet. */
export const WHOLE_SHEET: CellRange = {
  firstRow: 0,
  lastRow: ROWS - 1,
  firstColumn: 0,
  lastColumn: COLUMNS - 1,
};

/** `B3:F200`, `B3` (to the end of the sheet) or `B:F`; null for what is none of these. */
export function parseRange(text: string): CellRange | null {
  const match = /^\$?([A-Za-z]{1,3})\$?(\d{0,7})(?::\$?([A-Za-z]{1,3})\$?(\d{0,7}))?$/
    .exec(text.trim());
  if (match === null) return null;
  const [, from, fromRow, to, toRow] = match;
  // One cell to begin with, or one column: B says neither.
  if (to === undefined && fromRow === "") return null;
  if (to !== undefined && (fromRow === "") !== (toRow === "")) return null;
  const range = {
    firstColumn: columnNumber(from!),
    firstRow: fromRow === "" ? 0 : Number(fromRow) - 1,
    lastColumn: to === undefined ? COLUMNS - 1 : columnNumber(to),
    lastRow: toRow === undefined || toRow === "" ? ROWS - 1 : Number(toRow) - 1,
  };
  const isOrdered = range.firstRow >= 0 && range.firstRow <= range.lastRow &&
    range.firstColumn <= range.lastColumn;
  return isOrdered && range.lastRow < ROWS && range.lastColumn < COLUMNS ? range : null;
}

/** `A` is 0, `AA` is 26. */
export function columnNumber(letters: string): number {
  return [...letters.toUpperCase()].reduce(
    (sum, letter) => sum * 26 + letter.charCodeAt(0) - 64,
    0,
  ) - 1;
}

/** 0 is `A`, 26 is `AA`. */
export function columnLetters(column: number): string {
  return (column < 26 ? "" : columnLetters(Math.floor(column / 26) - 1)) +
    String.fromCharCode(65 + column % 26);
}
