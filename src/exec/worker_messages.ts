import type { NodeJob, NodeResult } from "../model/run.ts";

/** First message to a worker: its share of the machine. */
export interface WorkerShare {
  readonly threads: number;
  readonly memoryLimitBytes: number;
}

/** What the pool tells a worker. */
export type ToWorker =
  | { readonly type: "start"; readonly share: WorkerShare }
  | { readonly type: "job"; readonly number: number; readonly job: NodeJob };

/** What a worker tells the pool. */
export interface FromWorker {
  readonly number: number;
  readonly result: NodeResult;
}
