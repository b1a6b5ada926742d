import { ScriptError } from "./script_error.ts";

/** Where a script finds what it needs instead. */
const INPUTS =
  "a script sees its inputs and nothing else: name what it reads under inputs: (files by a source node), give it values by params:";

/** Something that a script tried and may not do. */
export function refused(what: string): ScriptError {
  return new ScriptError(`It tried ${what}, and was refused`, INPUTS);
}

/** Names of the global scope that reach out of the worker. */
const REACHES_OUT = [
  "fetch",
  "WebSocket",
  "WebSocketStream",
  "WebTransport",
  "EventSource",
  "XMLHttpRequest",
  "BroadcastChannel",
  "Worker",
  "SharedWorker",
  "caches",
  "indexedDB",
  "localStorage",
  "sessionStorage",
  "importScripts",
  "close",
  "postMessage",
  "alert",
  "confirm",
  "prompt",
  "reportError",
] as const;

/**
 * Takes away what reaches out of the worker, so that using it says what was tried. The worker has no
 * permission for any of it in the first place: this is for clear words, and for the few things that
 * Deno asks no permission for (the working folder, standard output, signals, further workers).
 */
export function closeGlobals(log: (message: string) => void): void {
  for (const name of REACHES_OUT) {
    refuse(globalThis, name, () => refused(`to use ${name}`));
  }
  for (const name of ["Deno", "process"]) {
    replace(globalThis, name, refusingProxy(name));
  }
  replace(globalThis, "console", logConsole(log));
  for (const name of ["onmessage", "onerror", "onmessageerror"]) replace(globalThis, name, null);
  refuse(navigator, "gpu", () => refused("to use navigator.gpu"));
}

function replace(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: false, writable: false });
}

function refuse(target: object, name: string, error: () => Error): void {
  Object.defineProperty(target, name, {
    configurable: false,
    get: () => {
      throw error();
    },
  });
}

/** Anything read of it, or of what one got from it, is refused by its full name. */
function refusingProxy(name: string): object {
  return new Proxy(Object.create(null), {
    get: (_, key) => {
      // Asked by the language itself, not by a person.
      if (typeof key === "symbol") return undefined;
      if (key === "env") return envProxy(`${name}.env`);
      throw refused(`to use ${name}.${key}`);
    },
    has: () => false,
    ownKeys: () => [],
  });
}

function envProxy(name: string): object {
  return new Proxy(Object.create(null), {
    get: (_, key) => {
      if (typeof key === "symbol") return undefined;
      throw refused(`to read the environment (${name}.${key})`);
    },
  });
}

/** `console` writes to the node's log. */
function logConsole(log: (message: string) => void): object {
  const write = (...values: unknown[]) => log(values.map(logText).join(" "));
  return Object.freeze({
    log: write,
    info: write,
    debug: write,
    warn: write,
    error: write,
    table: write,
    trace: write,
    dir: write,
    assert: (condition: unknown, ...values: unknown[]) => {
      if (!condition) write("Assertion failed:", ...values);
    },
    time: () => {},
    timeEnd: () => {},
    group: write,
    groupEnd: () => {},
  });
}

/** What is shown of a value in a log. */
export function logText(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  const text = JSON.stringify(value, (_, item) => typeof item === "bigint" ? `${item}` : item);
  return text ?? String(value);
}
