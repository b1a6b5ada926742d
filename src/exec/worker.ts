/// <reference lib="deno.worker" />
import { JobExecutor } from "./execute_job.ts";
import type { FromWorker, ToWorker } from "./worker_messages.ts";

let executor: JobExecutor | null = null;

self.onmessage = async ({ data, ports }: MessageEvent<ToWorker>) => {
  if (data.type === "start") {
    executor = new JobExecutor(data.share);
    return;
  }
  if (data.type === "stop") {
    executor!.stopScript(data.message);
    return;
  }
  const log = (message: string) =>
    self.postMessage({ status: "log", message } satisfies FromWorker);
  const answer: FromWorker = data.type === "check"
    ? await executor!.check(data.job)
    : await executor!.execute(data.job, { log, port: ports[0] });
  self.postMessage(answer);
};
