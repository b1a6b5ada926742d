import { FILENAME, type SourceType } from "./source_type.ts";

/** Delimited text. */
export const CSV: SourceType = {
  name: "csv",
  summary: "Delimited text files",
  extensions: [".csv", ".csv.gz", ".csv.zst"],
  isParquet: false,
  reader: "read_csv",
  fixed: [],
  typesOption: "types",
  params: {
    delimiter: { doc: "Field separator", type: "text", option: "delim" },
    delim: { doc: "Field separator", type: "text" },
    sep: { doc: "Field separator", type: "text" },
    header: { doc: "First line holds names", type: "boolean" },
    skip: { doc: "Lines to skip at the top", type: "integer" },
    quote: { doc: "Quote character", type: "text" },
    escape: { doc: "Escape character", type: "text" },
    nullstr: { doc: "Text that stands for NULL", type: "text" },
    dateformat: { doc: "Format of dates", type: "text" },
    timestampformat: { doc: "Format of timestamps", type: "text" },
    decimal_separator: { doc: "Decimal separator", type: "text" },
    encoding: { doc: "Character encoding", type: "text" },
    compression: { doc: "none, gzip or zstd", type: "text" },
    all_varchar: { doc: "Read every column as text", type: "boolean" },
    null_padding: { doc: "Pad short lines with NULL", type: "boolean" },
    ignore_errors: { doc: "Leave out lines that cannot be read", type: "boolean" },
    union_by_name: { doc: "Match columns of several files by name", type: "boolean" },
    sample_size: { doc: "Lines looked at to find types; -1 for all", type: "integer" },
    filename: FILENAME,
    columns: { doc: "All columns with their types, in order", type: "mapping" },
  },
};
