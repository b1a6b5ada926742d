import { FILENAME, type SourceType } from "./source_type.ts";
import { parseRange } from "./xlsx/cell_place.ts";

/** Sheets of Excel workbooks. */
export const EXCEL: SourceType = {
  name: "excel",
  summary: "A sheet of Excel workbooks (.xlsx)",
  extensions: [".xlsx", ".xlsm"],
  params: {
    sheet: { doc: "Name of the sheet (default: the first)", type: "text" },
    sheet_name: { doc: "The same as sheet", type: "text" },
    range: { doc: "Cells to read: B3:F200, B3 (from there on) or B:F", type: "text" },
    header: { doc: "First row holds names (default: true)", type: "boolean" },
    ignore_errors: { doc: "Read errors such as #N/A as NULL", type: "boolean" },
    filename: FILENAME,
  },
  hasTypes: false,
  besides: () => [],
  problem({ range }) {
    return range === undefined || parseRange(String(range)) !== null ? null : {
      param: "range",
      message: `"${range}" is no range of cells`,
      hint: "write B3:F200, B3 (from there on) or B:F (whole columns)",
    };
  },
  reader: async () => (await import("./excel_reader.ts")).EXCEL_READER,
};
