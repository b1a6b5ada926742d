import { FILENAME, type SourceParam, type SourceType } from "./source_type.ts";

const PARAMS: Readonly<Record<string, SourceParam>> = {
  columns: { doc: "All columns with their types", type: "mapping" },
  maximum_depth: { doc: "Nesting depth up to which types are found", type: "integer" },
  sample_size: { doc: "Objects looked at to find types; -1 for all", type: "integer" },
  dateformat: { doc: "Format of dates", type: "text" },
  timestampformat: { doc: "Format of timestamps", type: "text" },
  ignore_errors: { doc: "Leave out objects that cannot be read", type: "boolean" },
  union_by_name: { doc: "Match columns of several files by name", type: "boolean" },
  filename: FILENAME,
  compression: { doc: "none, gzip or zstd", type: "text" },
};

/** JSON documents: an array of objects, or objects one after the other. */
export const JSON_FILES: SourceType = {
  name: "json",
  summary: "JSON files: an array of objects, or one object a line",
  extensions: [".json", ".json.gz", ".json.zst"],
  isParquet: false,
  reader: "read_json",
  fixed: [],
  typesOption: null,
  params: {
    ...PARAMS,
    format: { doc: "auto, array, newline_delimited or unstructured", type: "text" },
  },
};

/** JSON, one object a line. */
export const JSON_LINES: SourceType = {
  name: "jsonl",
  summary: "JSON files with one object a line",
  extensions: [".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".jsonl.zst", ".ndjson.zst"],
  isParquet: false,
  reader: "read_json",
  fixed: ["format = 'newline_delimited'"],
  typesOption: null,
  params: PARAMS,
};
