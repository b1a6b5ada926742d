import { join } from "node:path";
import type { Writable } from "node:stream";
import { quoteName, quoteText } from "../engine/quote.ts";
import type { Session } from "../engine/session.ts";
import { listenForCopy } from "./copy_answer.ts";
import { copyExpression, type StageColumn } from "./stage_columns.ts";
import type { WriteSession } from "./write_session.ts";

/** What is copied where. */
export interface CopyRequest {
  /** DuckDB relation: `read_parquet(…)` or a query in parentheses. */
  readonly relation: string;
  readonly columns: readonly StageColumn[];
  /** Qualified, quoted name of a table made in this very transaction. */
  readonly table: string;
  /** Where a named pipe can be made. */
  readonly temporaryDir: string;
  /** True for rows so few that a file is sooner written than a pipe is made. */
  readonly isSmall: boolean;
}

/**
 * Copies rows into a table by COPY, as CSV through a named pipe: neither memory nor disk is
 * needed for them. Where there are no named pipes, or few rows, through a file.
 *
 * The rows are frozen, that is, seen by transactions that began before: a table that appears
 * under a name is not an empty one to them.
 */
export async function copyIn(
  session: WriteSession,
  duck: Session,
  request: CopyRequest,
): Promise<void> {
  const { columns } = request;
  const path = join(request.temporaryDir, `copy-${crypto.randomUUID()}.csv`);
  const list = columns.map(({ name }) => quoteName(name)).join(", ");
  // A line that holds nothing but \. would end the data.
  const forced = columns.length === 1 ? ", FORCE_QUOTE *" : "";
  const names = columns.map((_, i) => `c${i}`);
  const select = columns.map((column, i) => `${copyExpression(column)} AS ${names[i]}`).join(", ");
  const write = `COPY (SELECT ${select} FROM ${request.relation}) TO ${quoteText(path)} ` +
    `(FORMAT csv, HEADER false, USE_TMP_FILE false${forced})`;
  const statement = `COPY ${request.table} (${list}) FROM STDIN WITH (FORMAT csv, FREEZE true)`;
  try {
    if (!request.isSmall && await makeFifo(path)) {
      await relay(session, duck, { write, path, statement });
    } else {
      await duck.run(write);
      using file = await Deno.open(path);
      await copyFile(session, statement, file, () => Promise.resolve());
    }
  } finally {
    await Deno.remove(path).catch(() => {});
  }
}

/**
 * Lets DuckDB write into the pipe while PostgreSQL reads from it. The pipe is held open from
 * both ends meanwhile: opening one end waits for the other, and whoever failed never comes.
 */
async function relay(
  session: WriteSession,
  duck: Session,
  { write, path, statement }: { write: string; path: string; statement: string },
): Promise<void> {
  const keeper = new Closing(await Deno.open(path, { read: true, write: true }));
  const reader = new Closing(await Deno.open(path));
  let failure: unknown = null;
  const writing = duck.run(write).then(() => {}, (error) => {
    failure ??= error;
  }).finally(() => keeper.close());
  try {
    await copyFile(session, statement, reader.file, async () => {
      await writing;
      // What was sent is not everything: the server must not take it for that.
      if (failure !== null) throw failure;
    });
  } catch (error) {
    // The server's refusal first, and the broken pipe that follows from it.
    failure ??= error;
  } finally {
    reader.close();
    keeper.close();
    await writing;
  }
  if (failure !== null) throw failure;
}

/** A file that is closed once, by whoever comes first. */
class Closing {
  readonly file: Deno.FsFile;
  #isOpen = true;

  constructor(file: Deno.FsFile) {
    this.file = file;
  }

  close(): void {
    if (this.#isOpen) this.file.close();
    this.#isOpen = false;
  }
}

/** Sends a file to a COPY. `complete` throws when the file is not all there was to send. */
async function copyFile(
  session: WriteSession,
  statement: string,
  file: Deno.FsFile,
  complete: () => Promise<void>,
): Promise<void> {
  const [socket] = session.connection.sockets;
  const target = await session.connection.sql.unsafe(statement).writable();
  const answer = listenForCopy(socket!);
  // Refusals are the answer's to report.
  target.on("error", () => {});
  try {
    await send(file, target);
    // Refused: whoever writes the file would wait for ever to be read to the end.
    if (target.destroyed) {
      await answer.done;
      throw new Error("a COPY ended before its rows did");
    }
    try {
      await complete();
    } catch (error) {
      target.destroy(new Error("the rows could not be read"));
      await answer.done.catch(() => {});
      throw error;
    }
    if (!target.destroyed) target.end();
    await answer.done;
  } finally {
    answer.stop();
  }
}

/** Bytes read at a time: what a pipe holds. */
const CHUNK = 65536;

async function send(file: Deno.FsFile, target: Writable): Promise<void> {
  for (;;) {
    const chunk = new Uint8Array(CHUNK);
    const n = await file.read(chunk);
    if (n === null || target.destroyed) return;
    if (!target.write(chunk.subarray(0, n)) && !target.destroyed) await drained(target);
  }
}

function drained(target: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      target.off("drain", done);
      target.off("close", done);
      resolve();
    };
    target.once("drain", done);
    target.once("close", done);
  });
}

async function makeFifo(path: string): Promise<boolean> {
  if (Deno.build.os === "windows") return false;
  try {
    const { success } = await new Deno.Command("mkfifo", {
      args: ["-m", "600", path],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}
