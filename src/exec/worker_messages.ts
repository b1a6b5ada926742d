import type { CheckJob, CheckJobResult, NodeJob, NodeResult } from "../model/run.ts";

/** First message to a worker: its share of the machine. */
export interface WorkerShare {
  readonly threads: number;
  readonly memoryLimitBytes: number;
}

/** What the pool tells a worker. */
export type ToWorker =
  | { readonly type: "start"; readonly share: WorkerShare }
  /** With the line to the script's worker as a transferred port, where the job has one. */
  | { readonly type: "job"; readonly job: NodeJob }
  | { readonly type: "check"; readonly job: CheckJob }
  /** Ends the script that is running, if one is. */
  | { readonly type: "stop"; readonly message: string };

/** Something that a script said while it runs; the answer is still to come. */
export interface WorkerLog {
  readonly status: "log";
  readonly message: string;
}

/** What a worker tells the pool when it is done with what it was told. */
export type FromWorker = NodeResult | CheckJobResult | WorkerLog;
