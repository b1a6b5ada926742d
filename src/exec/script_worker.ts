/// <reference lib="deno.worker" />
import {
  arrow,
  type InputTable,
  inputTable,
  isArrowTable,
  tableRows,
} from "../arrow/input_table.ts";
import { columnProblem, RowEncoder } from "./row_encoder.ts";
import { loadScript } from "./script_code.ts";
import { ScriptError } from "./script_error.ts";
import type { FromScript, ScriptStart, ToScript } from "./script_messages.ts";
import { closeGlobals, logText } from "./script_sandbox.ts";

/*
 * The worker in which one TypeScript node runs. It has no permission at all. The line to us is kept
 * here, where the script does not find it.
 */

let port: MessagePort | null = null;
const post = (message: FromScript, transfer: Transferable[] = []) =>
  port!.postMessage(message, transfer);
const log = (message: string) => post({ type: "log", message });
/** Chunks of rows that may be under way at once: more would pile up in memory. */
const MOST_UNDER_WAY = 4;

let start: ScriptStart | null = null;
const streams = new Map<string, Uint8Array[]>();
const inputs: Record<string, InputTable> = {};
let underWay = 0;
let onWritten: (() => void) | null = null;

self.onmessage = ({ ports: [given] }: MessageEvent<null>) => {
  if (given === undefined) throw new TypeError("The first message brings the line");
  port = given;
  given.onmessage = hear;
};

function hear({ data }: MessageEvent<ToScript>): void {
  switch (data.type) {
    case "start":
      start = data;
      break;
    case "batch":
      streams.set(data.input, [...streams.get(data.input) ?? [], data.bytes]);
      break;
    case "input": {
      const table = inputTable(streams.get(data.input)!);
      streams.delete(data.input);
      table.artifact = data.artifact;
      table.metrics = data.metrics;
      inputs[data.input] = table;
      break;
    }
    case "written":
      underWay--;
      onWritten?.();
      break;
    case "run":
      // What nobody awaits fails the node, too, in the same words.
      self.addEventListener("error", (event) => {
        event.preventDefault();
        post(failure(event.error, start!));
      });
      self.addEventListener("unhandledrejection", (event) => {
        event.preventDefault();
        post(failure(event.reason, start!));
      });
      closeGlobals(log);
      run(start!).then(post, (error) => post(failure(error, start!)));
  }
}

async function run(
  { node, file, modules, params, training, columns }: ScriptStart,
): Promise<FromScript> {
  const metrics: Record<string, number> = {};
  let artifact: Uint8Array | null = null;
  const context = Object.freeze({
    node,
    params,
    training,
    arrow,
    log: (...values: unknown[]) => log(values.map(logText).join(" ")),
    metric: (name: string, value: number) => {
      if (typeof value !== "number" || !Number.isFinite(value)) {
        throw new ScriptError(`Metric "${name}" is ${logText(value)}, not a finite number`);
      }
      metrics[String(name)] = value;
    },
    artifact: (content: Uint8Array | string) => {
      if (artifact !== null) {
        throw new ScriptError("It gave a second artifact", "a node keeps one: put both into it");
      }
      if (typeof content === "string") artifact = new TextEncoder().encode(content);
      else if (content instanceof Uint8Array) artifact = content.slice();
      else throw new ScriptError("An artifact is a Uint8Array or a text");
    },
  });
  const main = await loadScript(modules, file);
  const encoder = new RowEncoder(columns, send);
  await encodeAll(await main(declaredInputs(), context), encoder, columns);
  await encoder.flush();
  const { rows, longestLine } = encoder;
  return { type: "done", rows, longestLine, metrics, artifact };
}

/** The inputs by node id; asking for another node is an error, not `undefined`. */
function declaredInputs(): Readonly<Record<string, InputTable>> {
  return new Proxy(Object.freeze(inputs), {
    get: (tables, id) => {
      if (typeof id === "symbol" || Object.hasOwn(tables, id)) return Reflect.get(tables, id);
      const known = Object.keys(tables).join(", ") || "nothing";
      throw new ScriptError(
        `It reads "${id}", which is not among its inputs`,
        `it may read: ${known}; name what it reads under inputs:`,
      );
    },
  });
}

async function send(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  while (underWay >= MOST_UNDER_WAY) {
    await new Promise<void>((resolve) => onWritten = resolve);
  }
  underWay++;
  post({ type: "rows", bytes }, [bytes.buffer]);
}

/** An Arrow table, rows, or something that gives either piece by piece. */
async function encodeAll(
  returned: unknown,
  encoder: RowEncoder,
  columns: ScriptStart["columns"],
): Promise<void> {
  if (isArrowTable(returned)) {
    const problem = columnProblem(
      returned.schema.fields.map(({ name }) => name),
      columns.map(({ name }) => name),
    );
    if (problem !== null) throw new ScriptError(`The table ${problem.message}`, problem.hint);
    return await encodeRows(tableRows(returned), encoder);
  }
  if (isIterable(returned) && typeof returned !== "string") {
    return await encodeRows(returned, encoder);
  }
  if (!isAsyncIterable(returned)) {
    throw new ScriptError(
      `It returned ${returned === null ? "null" : typeof returned}, not rows`,
      "return an Arrow table, an array of objects, or an (async) iterator of objects or tables",
    );
  }
  for await (const piece of returned) {
    if (isArrowTable(piece) || Array.isArray(piece)) await encodeAll(piece, encoder, columns);
    else await encodeRows([piece], encoder);
  }
}

async function encodeRows(rows: Iterable<unknown>, encoder: RowEncoder): Promise<void> {
  for (const row of rows) {
    encoder.add(row);
    if (encoder.isFull) await encoder.flush();
  }
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

/** What is said of an error: where in the author's files it was thrown, not where in ours. */
function failure(error: unknown, { modules }: ScriptStart): FromScript {
  if (!(error instanceof Error)) {
    return { type: "failed", message: `It threw ${logText(error)}`, hint: null };
  }
  const inner = error.cause instanceof ScriptError ? error.cause : error;
  const place = placeOf(error, modules);
  const what = inner instanceof ScriptError ? inner.message : deniedWords(inner) ??
    `${inner.name}: ${inner.message}`;
  return {
    type: "failed",
    message: place === null ? what : `${place}: ${what}`,
    hint: inner instanceof ScriptError ? inner.hint : null,
  };
}

function placeOf(error: Error, modules: ScriptStart["modules"]): string | null {
  for (const line of (error.stack ?? "").split("\n")) {
    for (const file of Object.keys(modules)) {
      const at = line.indexOf(`${file}:`);
      if (at < 0) continue;
      const [, number] = /^:(\d+)/.exec(line.slice(at + file.length)) ?? [];
      if (number !== undefined) return `${file}:${number}`;
    }
  }
  return null;
}

/** Deno proposes a flag of its own command line, which is of no use here. */
function deniedWords({ name, message }: Error): string | null {
  const [, what] = /^Requires (.+?), (?:run again|specify)/.exec(message) ?? [];
  return name !== "NotCapable" || what === undefined ? null : `It was refused ${what}`;
}
