import type { Session } from "../engine/session.ts";
import type { ParamValue } from "../model/node.ts";

/** One option of a source type: what it accepts and what it means. */
export interface SourceParam {
  readonly doc: string;
  readonly type: "text" | "boolean" | "integer" | "list" | "mapping" | "boolean or text";
  /** The engine's name for it, when it differs. */
  readonly option?: string;
}

interface SourceTypeCommon {
  /** The value of a source's `source` field. */
  readonly name: string;
  readonly summary: string;
  readonly params: Readonly<Record<string, SourceParam>>;
  /** Ends of the names of the files that a folder of this type holds, in lower case. */
  readonly extensions: readonly string[];
}

/** Files that the engine itself can read. */
export interface ScanType extends SourceTypeCommon {
  /** True when a single file, read without options, may be kept byte for byte. */
  readonly isParquet: boolean;
  /** The engine's table function. */
  readonly reader: string;
  /** Options that this type always sets, as SQL. */
  readonly fixed: readonly string[];
  /** The option that takes declared column types; null where they are cast to after reading. */
  readonly typesOption: string | null;
}

/** Files that are read here, value by value. */
export interface RowType extends SourceTypeCommon {
  /** True where the file itself says which types its columns have. */
  readonly hasTypes: boolean;
  /** Files beside a file that are part of its content, as they are now. */
  besides(file: string): readonly string[];
  /** Why a read is not one that can be made; null when it is. Looks at the params only. */
  problem(params: Readonly<Record<string, ParamValue>>): ParamProblem | null;
  /** Loads the reader on first use. */
  reader(): Promise<RowReader>;
}

/** What is wrong with a param. */
export interface ParamProblem {
  readonly param: string;
  readonly message: string;
  readonly hint: string;
}

/** A way to read rows out of project files. */
export type SourceType = ScanType | RowType;

/** True for files that the engine itself can read. */
export function isScanType(type: SourceType): type is ScanType {
  return "isParquet" in type;
}

/** Name of the column that `filename` adds; null where it adds none. */
export function filenameColumn(params: Readonly<Record<string, ParamValue>>): string | null {
  const value = params["filename"];
  if (typeof value === "string" && value !== "") return value;
  return value === true ? "filename" : null;
}

/** The param that every type of file has. */
export const FILENAME: SourceParam = {
  doc: "true: add a column filename with the file a row comes from; a text: name of that column",
  type: "boolean or text",
};

/** What a scan needs to know. */
export interface ScanRequest {
  readonly files: readonly string[];
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly columnTypes: Readonly<Record<string, string>>;
  /** Absolute folder that names of files are given without; null where they are without it already. */
  readonly root: string | null;
}

/** A column with its DuckDB type. */
export interface RowColumn {
  readonly name: string;
  readonly type: string;
}

/** Which files to read, and how. JSON-safe. */
export interface RowRequest {
  /** Absolute. */
  readonly files: readonly string[];
  /** Absolute project folder: messages and the column of file names show paths below it. */
  readonly root: string;
  readonly params: Readonly<Record<string, ParamValue>>;
  /** Types the node declares, by column: what comes is cast to them. */
  readonly columnTypes: Readonly<Record<string, string>>;
}

/** Where rows are put. */
export interface RowOutput {
  readonly columns: readonly RowColumn[];
  /** Of the Parquet file. */
  readonly path: string;
  /** A session that may read and write `temporaryDir` and `path`. */
  readonly session: Session;
  readonly temporaryDir: string;
  /** Milliseconds after which reading is given up; null: never. */
  readonly timeoutMs: number | null;
}

/** Reads files of a {@linkcode RowType}. Throws `UserError`s of kind `validation` (3) for what cannot be read. */
export interface RowReader {
  /** Columns in the types in which they will be read, without that of file names. */
  describe(request: RowRequest): Promise<readonly RowColumn[]>;
  /** Writes a Parquet file and returns its rows. */
  read(request: RowRequest, output: RowOutput): Promise<number>;
}
