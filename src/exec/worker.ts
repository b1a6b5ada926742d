/// <reference lib="deno.worker" />
import { JobExecutor } from "./execute_job.ts";
import type { FromWorker, ToWorker } from "./worker_messages.ts";

let executor: JobExecutor | null = null;

self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "start") {
    executor = new JobExecutor(data.share);
    return;
  }
  const answer: FromWorker = { number: data.number, result: await executor!.execute(data.job) };
  self.postMessage(answer);
};
