import { batchIpc } from "../arrow/batch_ipc.ts";
import { isMapping } from "../base/field_reader.ts";
import { readParquet } from "../engine/quote.ts";
import type { ScriptInput, ScriptJob } from "../model/run.ts";
import type { ScriptContext } from "./script_context.ts";
import { openScriptChannel } from "./script_channel.ts";
import { ScriptError } from "./script_error.ts";
import type { FromScript, ToScript } from "./script_messages.ts";

/** What came of a script: rows as JSON lines in a file, and what it left beside them. */
export interface TypeScriptResult {
  readonly longestLine: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly artifact: Uint8Array | null;
}

/** Rows that are handed over at once: what a batch takes is held twice for a moment. */
const BATCH_ROWS = 65_536;

/**
 * Runs a TypeScript node in a worker of its own, which may do nothing: no files, network, environment,
 * processes, libraries, imports. Rows go in as Arrow and come out as JSON lines, in pieces. The worker is
 * ended when the signal aborts, also out of an endless loop. Throws `ScriptError`.
 */
export async function runTypeScript(
  job: ScriptJob,
  { session, signal, log, port: given }: ScriptContext,
  linesPath: string,
): Promise<TypeScriptResult> {
  using lines = Deno.openSync(linesPath, { write: true, create: true, truncate: true });
  const own = given === undefined ? openScriptChannel(job, (message) => fail(message)) : null;
  const port = given ?? own!.port;
  const post = (message: ToScript, transfer: Transferable[] = []) =>
    port.postMessage(message, transfer);
  const { promise, resolve, reject } = Promise.withResolvers<TypeScriptResult>();
  // Whoever awaits it may come later than the error.
  promise.catch(() => {});
  const fail = (message: string) => reject(new ScriptError(message));
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  port.onmessage = ({ data }: MessageEvent<unknown>) => {
    // A script that got hold of the line may say anything: what is not understood fails its node, not our worker.
    if (!isFromScript(data)) return fail("It sent a message that seeknal does not understand");
    switch (data.type) {
      case "log":
        return log(data.message);
      case "rows":
        writeAll(lines, data.bytes);
        return post({ type: "written" });
      case "done":
        return resolve(data);
      case "failed":
        return reject(new ScriptError(data.message, data.hint));
    }
  };
  try {
    signal.throwIfAborted();
    const { id: node, file, params, training, columns } = job;
    post({ type: "start", node, file, modules: modulesOf(job), params, training, columns });
    for (const input of job.inputs) await sendInput(input, { session, signal, post });
    post({ type: "run" });
    return await promise;
  } finally {
    signal.removeEventListener("abort", abort);
    port.close();
    own?.worker.terminate();
  }
}

function isFromScript(data: unknown): data is FromScript {
  if (!isMapping(data)) return false;
  switch (data["type"]) {
    case "log":
      return typeof data["message"] === "string";
    case "rows":
      return data["bytes"] instanceof Uint8Array;
    case "done":
      return Number.isSafeInteger(data["longestLine"]) && isMapping(data["metrics"]) &&
        Object.values(data["metrics"]).every(Number.isFinite) &&
        (data["artifact"] === null || data["artifact"] instanceof Uint8Array);
    case "failed":
      return typeof data["message"] === "string" &&
        (data["hint"] === null || typeof data["hint"] === "string");
    default:
      return false;
  }
}

/** The code where it stands in its file, so that errors name the right line. */
function modulesOf({ file, code, line, modules }: ScriptJob): Readonly<Record<string, string>> {
  return { ...modules, [file]: "\n".repeat(line - 1) + code };
}

async function sendInput(
  { id, path, artifact, metrics }: ScriptInput,
  { session, signal, post }: Pick<ScriptContext, "session" | "signal"> & {
    readonly post: (message: ToScript, transfer?: Transferable[]) => void;
  },
): Promise<void> {
  const reader = await session.stream(`FROM ${readParquet(path)}`);
  let sent = 0;
  const send = (bytes: Uint8Array<ArrayBuffer>) => {
    post({ type: "batch", input: id, bytes }, [bytes.buffer]);
    sent++;
  };
  for await (const batch of reader.batches(BATCH_ROWS)) {
    signal.throwIfAborted();
    send(batchIpc(reader.columns, batch));
  }
  if (sent === 0) {
    const values = reader.columns.map(() => []);
    send(batchIpc(reader.columns, { length: 0, values }));
  }
  const bytes = artifact === null ? null : Deno.readFileSync(artifact);
  post({ type: "input", input: id, artifact: bytes, metrics });
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}
