import { join } from "node:path";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { quoteName, quoteText } from "../engine/quote.ts";
import type { Session } from "../engine/session.ts";
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
}

/**
 * Copies rows into a table by COPY, as CSV through a named pipe: neither memory nor disk is
 * needed for them. Where there are no named pipes, through a file.
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
  const open = async () =>
    await session.connection.sql.unsafe(
      `COPY ${request.table} (${list}) FROM STDIN WITH (FORMAT csv, FREEZE true)`,
    ).writable();
  try {
    if (await makeFifo(path)) await relay(duck, write, path, open);
    else {
      await duck.run(write);
      using file = await Deno.open(path);
      await pump(file, await open());
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
  duck: Session,
  write: string,
  path: string,
  open: () => Promise<Writable>,
): Promise<void> {
  const keeper = await Deno.open(path, { read: true, write: true });
  let keeperOpen = true;
  const closeKeeper = () => {
    if (keeperOpen) keeper.close();
    keeperOpen = false;
  };
  const reader = await Deno.open(path);
  let readerOpen = true;
  const closeReader = () => {
    if (readerOpen) reader.close();
    readerOpen = false;
  };
  let failure: unknown = null;
  const writing = duck.run(write).then(() => {}, (error) => {
    failure ??= error;
  }).finally(closeKeeper);
  try {
    const target = await open();
    const closed = finished(target);
    closed.catch(() => {});
    await send(reader, target);
    await writing;
    // What was sent is not everything: the server must not take it for that.
    if (failure !== null) target.destroy(new Error("the rows could not be read"));
    else target.end();
    await closed;
  } catch (error) {
    // The server's refusal first, and the broken pipe that follows from it.
    failure ??= error;
  } finally {
    closeReader();
    closeKeeper();
    await writing;
  }
  if (failure !== null) throw failure;
}

async function pump(file: Deno.FsFile, target: Writable): Promise<void> {
  const closed = finished(target);
  closed.catch(() => {});
  await send(file, target);
  target.end();
  await closed;
}

/** Bytes read at a time: what a pipe holds. */
const CHUNK = 65536;

async function send(file: Deno.FsFile, target: Writable): Promise<void> {
  let failed = false;
  target.once("error", () => failed = true);
  for (;;) {
    const chunk = new Uint8Array(CHUNK);
    const n = await file.read(chunk);
    if (n === null || failed) return;
    if (!target.write(chunk.subarray(0, n))) {
      await new Promise<void>((resolve) => {
        target.once("drain", resolve);
        target.once("close", resolve);
      });
    }
  }
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
