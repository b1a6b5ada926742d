import type { ParamValue } from "../model/node.ts";

/** First message to a script's worker: everything but the rows of its inputs. */
export interface ScriptStart {
  readonly type: "start";
  readonly node: string;
  /** Path of the code, for messages. */
  readonly file: string;
  /** TypeScript by path; the code of the node itself is among it, its lines where they are in the file. */
  readonly modules: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly training: Readonly<Record<string, ParamValue>>;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/** What a script's worker is told, in this order: start, the batches of each input, run. */
export type ToScript =
  | ScriptStart
  /** An Arrow IPC stream with some rows of an input; an input has at least one. */
  | { readonly type: "batch"; readonly input: string; readonly bytes: Uint8Array }
  | {
    readonly type: "input";
    readonly input: string;
    readonly artifact: Uint8Array | null;
    readonly metrics: Readonly<Record<string, number>>;
  }
  | { readonly type: "run" }
  /** Rows that were sent have been written: more may come. */
  | { readonly type: "written" };

/** What a script's worker says. */
export type FromScript =
  | { readonly type: "log"; readonly message: string }
  /** Rows as JSON lines; see `RowEncoder`. */
  | { readonly type: "rows"; readonly bytes: Uint8Array }
  | {
    readonly type: "done";
    readonly rows: number;
    readonly longestLine: number;
    readonly metrics: Readonly<Record<string, number>>;
    readonly artifact: Uint8Array | null;
  }
  | { readonly type: "failed"; readonly message: string; readonly hint: string | null };
