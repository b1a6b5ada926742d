import { didYouMean } from "../base/closest.ts";
import { projectRelative } from "../base/project_path.ts";
import { UserError } from "../base/user_error.ts";
import { checkSameColumns } from "./same_columns.ts";
import { filenameColumn, type RowColumn, type RowReader, type RowRequest } from "./source_type.ts";
import { type StagedRow, type StagedValue, writeRows } from "./staged_rows.ts";
import { type CellRange, columnLetters, parseRange, WHOLE_SHEET } from "./xlsx/cell_place.ts";
import { type Cell, type CellKind, type SheetRow, Workbook } from "./xlsx/workbook.ts";
import { ZipError } from "./xlsx/zip_file.ts";

/** Reads sheets of workbooks; the type of a column is that of all its cells. */
export const EXCEL_READER: RowReader = {
  describe: async (request) => {
    const files: { file: string; columns: readonly SheetColumn[] }[] = [];
    for (const path of request.files) {
      files.push(
        await inSheet(path, request, async (sheet) => ({
          file: sheet.file,
          columns: await findColumns(sheet, request),
        })),
      );
    }
    checkSameColumns(files.map(({ file, columns }) => ({
      file,
      columns: columns.map(({ name }) => name),
    })));
    return files[0]!.columns.map(({ name }) => {
      const kinds = files.flatMap(({ columns }) => [
        ...columns.find((column) => isSameName(column.name, name))!.kinds,
      ]);
      return { name, type: request.columnTypes[name] ?? typeOfKinds(new Set(kinds)) };
    });
  },
  read: (request, output) => {
    async function* rows(): AsyncGenerator<StagedRow> {
      for (const path of request.files) {
        const { sheet, close } = await openSheet(path, request);
        try {
          yield* readRows(sheet, request, output.columns);
        } catch (error) {
          throw explained(error, sheet.file);
        } finally {
          close();
        }
      }
    }
    return writeRows(rows(), output);
  },
};

interface Sheet {
  readonly workbook: Workbook;
  readonly name: string;
  /** Project-relative. */
  readonly file: string;
  readonly range: CellRange;
}

interface SheetColumn {
  readonly name: string;
  /** From 0. */
  readonly column: number;
  readonly kinds: Set<CellKind>;
}

function isSameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

async function inSheet<T>(
  path: string,
  request: RowRequest,
  work: (sheet: Sheet) => Promise<T>,
): Promise<T> {
  const { sheet, close } = await openSheet(path, request);
  try {
    return await work(sheet);
  } catch (error) {
    throw explained(error, sheet.file);
  } finally {
    close();
  }
}

async function openSheet(
  path: string,
  { root, params }: RowRequest,
): Promise<{ sheet: Sheet; close: () => void }> {
  const file = projectRelative(root, path);
  let workbook: Workbook;
  try {
    workbook = await Workbook.open(path);
  } catch (error) {
    throw explained(error, file);
  }
  const close = () => workbook[Symbol.dispose]();
  const { sheets } = workbook;
  const wanted = params["sheet"] ?? params["sheet_name"];
  const name = wanted === undefined
    ? sheets[0]
    : sheets.find((sheet) => isSameName(sheet, String(wanted)));
  if (name === undefined) {
    close();
    throw new UserError(
      wanted === undefined ? `"${file}" has no sheet` : `"${file}" has no sheet "${wanted}"`,
      {
        code: "source_unreadable",
        kind: "validation",
        hint: didYouMean(String(wanted), sheets) ?? `it has: ${sheets.join(", ")}`,
      },
    );
  }
  const range = params["range"] === undefined ? null : parseRange(String(params["range"]));
  return { sheet: { workbook, name, file, range: range ?? WHOLE_SHEET }, close };
}

/** Rows of the range that are not empty, without cells outside it. */
async function* rowsInRange({ workbook, name, range }: Sheet): AsyncGenerator<SheetRow> {
  for await (const { row, cells } of workbook.rows(name)) {
    if (row < range.firstRow) continue;
    if (row > range.lastRow) return;
    const inside = cells.filter(({ column }) =>
      column >= range.firstColumn && column <= range.lastColumn
    );
    if (inside.length > 0) yield { row, cells: inside };
  }
}

/** Columns that have a name or a value, from the left. */
async function findColumns(sheet: Sheet, request: RowRequest): Promise<SheetColumn[]> {
  const hasHeader = request.params["header"] !== false;
  const names = new Map<number, string>();
  const kinds = new Map<number, Set<CellKind>>();
  let isFirst = true;
  for await (const { row, cells } of rowsInRange(sheet)) {
    for (const cell of cells) {
      if (isFirst && hasHeader) names.set(cell.column, cell.text);
      else if (isValue(cell, row, sheet, request)) {
        kinds.set(cell.column, (kinds.get(cell.column) ?? new Set()).add(cell.kind));
      }
    }
    isFirst = false;
  }
  if (isFirst) {
    throw new UserError(`Sheet "${sheet.name}" of "${sheet.file}" is empty`, {
      code: "source_unreadable",
      kind: "validation",
      hint: "name another one with params: {sheet: NAME}, or another range",
    });
  }
  const used = [...new Set([...names.keys(), ...kinds.keys()])].sort((a, b) => a - b);
  const taken = new Set<string>();
  return used.map((column) => ({
    column,
    name: uniqueName(names.get(column)?.trim() || columnLetters(column), taken),
    kinds: kinds.get(column) ?? new Set(),
  }));
}

/** A second column of a name gets a number. */
function uniqueName(name: string, taken: Set<string>): string {
  let unique = name;
  for (let n = 1; taken.has(unique.toLowerCase()); n++) unique = `${name}_${n}`;
  taken.add(unique.toLowerCase());
  return unique;
}

/** False for an error that is to be read as NULL. Throws for one that is not, and for a formula without a value. */
function isValue(cell: Cell, row: number, sheet: Sheet, { params }: RowRequest): boolean {
  if (cell.kind !== "error" && cell.kind !== "formula") return true;
  if (cell.kind === "error" && params["ignore_errors"] === true) return false;
  const place = placeOf(sheet, row, cell.column);
  throw new UserError(
    cell.kind === "error"
      ? `Cell ${place} of "${sheet.file}" is the error ${cell.text}`
      : `Cell ${place} of "${sheet.file}" has a formula whose value was never stored`,
    {
      code: "source_value",
      kind: "validation",
      hint: cell.kind === "error"
        ? "correct it, or read errors as NULL: params: {ignore_errors: true}"
        : "open the workbook in Excel or LibreOffice, which computes it, and save it",
    },
  );
}

function placeOf({ name }: Sheet, row: number, column: number): string {
  return `${name}!${columnLetters(column)}${row + 1}`;
}

/** A column that holds several kinds of values is text. */
function typeOfKinds(kinds: ReadonlySet<CellKind>): string {
  const [only] = kinds;
  if (kinds.size === 1) {
    switch (only) {
      case "number":
        return "DOUBLE";
      case "date":
        return "DATE";
      case "datetime":
        return "TIMESTAMP";
      case "time":
        return "TIME";
      case "boolean":
        return "BOOLEAN";
    }
  }
  const areDates = kinds.size > 0 && [...kinds].every((k) => k === "date" || k === "datetime");
  return areDates ? "TIMESTAMP" : "VARCHAR";
}

async function* readRows(
  sheet: Sheet,
  request: RowRequest,
  columns: readonly RowColumn[],
): AsyncGenerator<StagedRow> {
  const found = await findColumns(sheet, request);
  const fileColumn = filenameColumn(request.params);
  const places = columns.map(({ name }) =>
    name === fileColumn ? null : found.find((column) => isSameName(column.name, name))?.column ?? -1
  );
  let isHeader = request.params["header"] !== false;
  for await (const { row, cells } of rowsInRange(sheet)) {
    if (isHeader) {
      isHeader = false;
      continue;
    }
    const byColumn = new Map(cells.map((cell) => [cell.column, cell]));
    const values = places.map((place, i): StagedValue => {
      if (place === null) return sheet.file;
      const cell = byColumn.get(place);
      if (cell === undefined || !isValue(cell, row, sheet, request)) return null;
      return columns[i]!.type === "BLOB" ? new TextEncoder().encode(cell.text).toHex() : cell.text;
    });
    yield { values, place: (i) => placeOf(sheet, row, places[i] ?? 0) };
  }
}

function explained(error: unknown, file: string): unknown {
  if (!(error instanceof ZipError || error instanceof RangeError)) return error;
  return new UserError(`Cannot read "${file}" as excel: ${error.message}`, {
    code: "source_unreadable",
    kind: "validation",
    hint:
      "save it as a workbook (.xlsx) without a password; older .xls files cannot be read, CSV files are read with source: csv",
    cause: error,
  });
}
