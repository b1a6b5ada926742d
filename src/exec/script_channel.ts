import type { ScriptJob } from "../model/run.ts";

/** A worker that waits for a script, and our end of the line to it. */
export interface ScriptChannel {
  readonly worker: Worker;
  readonly port: MessagePort;
}

/** What the worker of a script may do: nothing. */
export const SCRIPT_WORKER = { type: "module", deno: { permissions: "none" } } as const;

/**
 * Starts the worker of a TypeScript node: without any permission. It is started by the main thread and
 * not by the worker that executes the job: a worker of a worker takes a second to start (Deno 2.9.6).
 *
 * Deno stops an endless loop only some time after `terminate()`, at the latest when the process ends
 * (denoland/deno 35657): nobody waits for it.
 */
export function openScriptChannel(
  { id }: Pick<ScriptJob, "id">,
  onError: (message: string) => void,
): ScriptChannel {
  const worker = new Worker(new URL("./script_worker.ts", import.meta.url), {
    ...SCRIPT_WORKER,
    name: id,
  });
  worker.onerror = (event) => {
    event.preventDefault();
    onError(event.message);
  };
  const { port1, port2 } = new MessageChannel();
  worker.postMessage(null, [port2]);
  return { worker, port: port1 };
}
