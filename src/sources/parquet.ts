import { FILENAME, type SourceType } from "./source_type.ts";

/** Parquet files. */
export const PARQUET: SourceType = {
  name: "parquet",
  summary: "Parquet files",
  extensions: [".parquet", ".pq"],
  isParquet: true,
  reader: "read_parquet",
  fixed: [],
  typesOption: null,
  params: {
    union_by_name: { doc: "Match columns of several files by name", type: "boolean" },
    filename: FILENAME,
    hive_partitioning: { doc: "Read columns out of key=value folder names", type: "boolean" },
  },
};
