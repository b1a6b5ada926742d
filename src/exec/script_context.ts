import type { Session } from "../engine/session.ts";
import type { NodeOutput } from "../model/run.ts";

/** What a job made, besides the file. */
export type Produced = Pick<NodeOutput, "rows" | "metrics" | "artifact">;

/** What a script is run with. */
export interface ScriptContext {
  /** Absolute path of the Parquet file to make. */
  readonly temporary: string;
  /** A session that may read the inputs and write beside `temporary`; the script never sees it. */
  readonly session: Session;
  /** Aborts with the error to fail with. */
  readonly signal: AbortSignal;
  /** Takes what the script says. */
  readonly log: (message: string) => void;
  /** The line to the worker of a TypeScript node; absent: one is started. */
  readonly port?: MessagePort | undefined;
}
