import type { FieldReader } from "../base/field_reader.ts";
import type { NodeId } from "../model/ids.ts";
import type { ParamValue } from "../model/node.ts";

/** An exposure's own fields, as written and checked; `${VAR}` is still in them. */
export type ExposureSettings = Readonly<Record<string, ParamValue>>;

/** An output that an exposure reads. */
export interface ExposureInput {
  readonly id: NodeId;
  readonly rows: number;
  /** Absolute path of its Parquet file. */
  readonly path: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/** What is to be delivered. */
export interface Delivery {
  readonly id: NodeId;
  readonly name: string;
  readonly project: string;
  readonly environment: string;
  readonly settings: ExposureSettings;
  readonly inputs: readonly ExposureInput[];
  /** Stands for the exposure, its environment and the content of its inputs. */
  readonly hash: string;
  /** Absolute path of the file that a path of the project stands for in this environment; null where it leads out of it. */
  filePath(path: string): string | null;
  /** Value of an environment variable. */
  variable(name: string): string | undefined;
  readonly signal: AbortSignal;
}

/** A kind of use outside. */
export interface ExposureType {
  readonly name: string;
  readonly summary: string;
  /** `one`: the rows of its only input; `any`: that there are inputs is enough. */
  readonly inputs: "one" | "any";
  /** Reads its `params`; null when they are unusable, which is reported. */
  parse(params: FieldReader, exposure: { readonly name: string }): ExposureSettings | null;
  /** Where it goes, for messages and the record: as written, without secrets. */
  target(settings: ExposureSettings): string;
  /**
   * Delivers; the number of rows. Absent where nothing is ever delivered: what uses the data takes it itself.
   * Throws a `UserError` `delivery_failed` (4) or `unset_variable` (2), with nothing secret in it.
   */
  readonly deliver?: (delivery: Delivery) => Promise<number>;
}
