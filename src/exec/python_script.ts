import { join } from "node:path";
import { quoteName, quoteText, readParquet } from "../engine/quote.ts";
import type { TypedColumn } from "../engine/column_type.ts";
import type { ScriptJob } from "../model/run.ts";
import { UserError } from "../base/user_error.ts";
import type { ScriptContext } from "./script_context.ts";
import { jsonType } from "./json_type.ts";
import { findPython, INSTALL_UV, pythonEnvironment } from "./python_command.ts";
import { PYTHON_RUNNER } from "./python_runner.ts";
import { ScriptError } from "./script_error.ts";
import { readScriptHeader, type ScriptHeader } from "./script_header.ts";

/** A file of rows that a script wrote. */
export interface WrittenRows {
  readonly format: "json" | "parquet";
  readonly path: string;
  readonly longestLine: number;
}

/** What came of a script. */
export interface PythonResult {
  readonly rows: WrittenRows;
  readonly metrics: Readonly<Record<string, number>>;
  readonly artifactPath: string | null;
}

type FromPython =
  | { readonly type: "started" }
  | { readonly type: "log"; readonly message: string }
  | { readonly type: "rows"; readonly input: string }
  | {
    readonly type: "done";
    readonly rows: WrittenRows;
    readonly metrics: Readonly<Record<string, number>>;
    readonly artifact: string | null;
  }
  | {
    readonly type: "failed";
    readonly message: string;
    readonly line: number | null;
    readonly hint: string | null;
    readonly traceback: string;
    readonly dependency: boolean;
  };

/** Lines of standard error that are kept for when the process dies without a word. */
const TAIL = 20;

/**
 * Runs a Python node as a process group of its own, in an empty folder. Nothing confines it but the
 * operating system: it can read what its user can. It is killed when the signal aborts, and ends itself
 * when this process does. Throws `ScriptError`, and `script_dependency` (5).
 */
export async function runPython(
  job: ScriptJob,
  context: ScriptContext,
  folder: string,
): Promise<PythonResult> {
  const python = findPython((name) => Deno.env.get(name));
  const header = readScriptHeader(job.code);
  const columns = new Map<string, readonly TypedColumn[]>();
  for (const { id, path } of job.inputs) {
    columns.set(id, (await context.session.stream(`FROM ${readParquet(path)} LIMIT 0`)).columns);
  }
  Deno.mkdirSync(join(folder, "cwd"));
  Deno.writeTextFileSync(join(folder, "runner.py"), `${header.text}\n${PYTHON_RUNNER}`);
  Deno.writeTextFileSync(
    join(folder, "job.json"),
    JSON.stringify(jobFile(job, { columns, header, isUv: python.isUv })),
  );
  context.signal.throwIfAborted();
  const child = start(python.path, [...python.args, join(folder, "runner.py")], {
    cwd: join(folder, "cwd"),
    env: pythonEnvironment(Deno.env.toObject(), job.id),
  });
  const kill = () => killGroup(child);
  context.signal.addEventListener("abort", kill);
  try {
    return await new Conversation(job, { context, folder, columns, child }).run();
  } finally {
    context.signal.removeEventListener("abort", kill);
    kill();
    await child.status;
  }
}

function jobFile(
  job: ScriptJob,
  { columns, header, isUv }: {
    readonly columns: ReadonlyMap<string, readonly TypedColumn[]>;
    readonly header: ScriptHeader;
    readonly isUv: boolean;
  },
) {
  const { id: node, file, code, line, params, training } = job;
  const install = `install uv, which brings what scripts need:\n    ${INSTALL_UV}`;
  return {
    node,
    file,
    code,
    line,
    params,
    training,
    columns: job.columns,
    uv: isUv,
    installUv: install,
    missingModule: isUv
      ? 'name the package in the header: # /// script, # dependencies = ["…"], # ///'
      : header.dependencies.length > 0
      ? install
      : "install it for this Python, or name it in a header # /// script and install uv",
    dependencies: header.dependencies,
    requiresPython: header.requiresPython,
    inputs: job.inputs.map(({ id, path, artifact, metrics }) => ({
      id,
      path,
      artifact,
      metrics,
      columns: columns.get(id)!.map(({ name }) => name),
    })),
  };
}

function start(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Record<string, string> },
): Deno.ChildProcess {
  try {
    return new Deno.Command(command, {
      args: [...args],
      ...options,
      clearEnv: true,
      // A group of its own: what the script starts ends with it.
      detached: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new UserError(`Cannot start ${command}: ${error.message}`, {
      code: "script_dependency",
      kind: "dependency",
      hint: `install uv:\n    ${INSTALL_UV}`,
    });
  }
}

function killGroup(child: Deno.ChildProcess): void {
  try {
    if (Deno.build.os === "windows") child.kill("SIGKILL");
    else Deno.kill(-child.pid, "SIGKILL");
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof Deno.errors.NotFound || error instanceof TypeError)) throw error;
  }
}

/** What is said between us and the process, until it is done. */
class Conversation {
  readonly #job: ScriptJob;
  readonly #context: ScriptContext;
  readonly #folder: string;
  readonly #columns: ReadonlyMap<string, readonly TypedColumn[]>;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  /** The last lines of standard error. */
  readonly #tail: string[] = [];
  #answers = 0;

  constructor(
    job: ScriptJob,
    { context, folder, columns, child }: {
      readonly context: ScriptContext;
      readonly folder: string;
      readonly columns: ReadonlyMap<string, readonly TypedColumn[]>;
      readonly child: Deno.ChildProcess;
    },
  ) {
    this.#job = job;
    this.#context = context;
    this.#folder = folder;
    this.#columns = columns;
    this.#child = child;
    this.#stdin = child.stdin.getWriter();
  }

  async run(): Promise<PythonResult> {
    const heard = this.#hearErrors();
    try {
      for await (const line of lines(this.#child.stdout)) {
        const result = await this.#answer(JSON.parse(line));
        if (result === null) continue;
        await this.#end(heard);
        return result;
      }
      await this.#end(heard);
    } finally {
      await this.#stdin.abort().catch(() => {});
    }
    this.#context.signal.throwIfAborted();
    throw await this.#died();
  }

  /** Waits for the process, and for what it printed last; what it started may hold the pipe open. */
  async #end(heard: Promise<void>): Promise<void> {
    await this.#child.status;
    killGroup(this.#child);
    await heard;
  }

  /** The result, once there is one. */
  async #answer(message: FromPython): Promise<PythonResult | null> {
    switch (message.type) {
      case "started":
        return null;
      case "log":
        this.#context.log(message.message);
        return null;
      case "rows":
        await this.#sendRows(message.input);
        return null;
      case "done":
        return { rows: message.rows, metrics: message.metrics, artifactPath: message.artifact };
      case "failed":
        throw this.#failure(message);
    }
  }

  #failure(message: Extract<FromPython, { type: "failed" }>): Error {
    const { file } = this.#job;
    const place = message.line === null ? file : `${file}:${message.line}`;
    const trace = message.traceback === "" ? "" : `\n${message.traceback}`;
    const text = `${place}: ${message.message}${trace}`;
    if (!message.dependency) return new ScriptError(text, message.hint);
    return new UserError(text, {
      code: "script_dependency",
      kind: "dependency",
      hint: message.hint ?? undefined,
    });
  }

  async #died(): Promise<Error> {
    const { code, signal } = await this.#child.status;
    const how = signal === null ? `exit code ${code}` : signal;
    const tail = this.#tail.length === 0 ? "" : `\n${this.#tail.join("\n")}`;
    return new ScriptError(`Python ended without a result (${how})${tail}`);
  }

  /** Rows of an input as JSON lines, for those who have nothing to read Parquet with. */
  async #sendRows(input: string): Promise<void> {
    const { path } = this.#job.inputs.find(({ id }) => id === input)!;
    const columns = this.#columns.get(input)!;
    const lines = join(this.#folder, `input-${this.#answers++}.jsonl`);
    const casts = columns.map(({ name, type }) => {
      const sql = jsonType(type);
      return sql === null
        ? quoteName(name)
        : `CAST(${quoteName(name)} AS ${sql}) AS ${quoteName(name)}`;
    });
    await this.#context.session.run(
      `COPY (SELECT ${casts.join(", ")} FROM ${readParquet(path)}) TO ${
        quoteText(lines)
      } (FORMAT json)`,
    );
    await this.#tell({ path: lines, columns });
  }

  async #tell(message: unknown): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode(`${JSON.stringify(message)}\n`));
  }

  /** What the script prints. */
  async #hearErrors(): Promise<void> {
    for await (const line of lines(this.#child.stderr)) {
      this.#tail.push(line);
      if (this.#tail.length > TAIL) this.#tail.shift();
      this.#context.log(line);
    }
  }
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = parts.pop()!;
    for (const part of parts) yield part.replace(/\r$/, "");
  }
  if (rest !== "") yield rest;
}
