import { CSV } from "./csv.ts";
import type { SourceType } from "./source_type.ts";

const { delimiter: _1, delim: _2, sep: _3, ...PARAMS } = CSV.params;

/** Text whose fields are separated by tabs. */
export const TSV: SourceType = {
  name: "tsv",
  summary: "Text files with fields separated by tabs",
  extensions: [".tsv", ".tab", ".tsv.gz", ".tsv.zst"],
  isParquet: false,
  reader: "read_csv",
  fixed: ["delim = '\t'"],
  typesOption: "types",
  params: PARAMS,
};
