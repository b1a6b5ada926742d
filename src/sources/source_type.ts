import type { ParamValue } from "../model/node.ts";

/** One option of a source type: what it accepts and what it means. */
export interface SourceParam {
  readonly doc: string;
  readonly type: "text" | "boolean" | "integer" | "list" | "mapping";
  /** The engine's name for it, when it differs. */
  readonly option?: string;
}

/** A way to read rows out of project files. */
export interface SourceType {
  /** The value of a source's `source` field. */
  readonly name: string;
  readonly summary: string;
  readonly params: Readonly<Record<string, SourceParam>>;
  /** True when a single file, read without options, may be kept byte for byte. */
  readonly isParquet: boolean;
  /** The engine's table function. */
  readonly reader: string;
  /** Options that this type always sets, as SQL. */
  readonly fixed: readonly string[];
  /** The option that takes declared column types; null where they are cast to after reading. */
  readonly typesOption: string | null;
}

/** What a scan needs to know. */
export interface ScanRequest {
  readonly files: readonly string[];
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly columnTypes: Readonly<Record<string, string>>;
}
