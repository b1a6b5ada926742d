import type { ReadVariable } from "../base/interpolate.ts";
import { openSession } from "../engine/registry.ts";
import type { Session } from "../engine/session.ts";
import type { TableOwner, TableWrite } from "../model/materialization.ts";
import type { ConnectionSpec } from "../model/profile.ts";
import { checkWrites, findTables, tableOf } from "./check_writes.ts";
import type { FoundTable } from "./found_table.ts";
import { openPostgres, type PostgresConnection } from "./connection.ts";
import { qualified, readEntries, readWrites } from "./ledger.ts";
import { findRevert } from "./revert_writes.ts";
import { type Staged, stageWrite } from "./stage_table.ts";
import { swapWrites } from "./swap_writes.ts";
import { factsKey } from "./table_facts.ts";
import { abortWrites, dropTables, finishWrites, ledgerSchemas, undoWrites } from "./undo_writes.ts";
import { type GarbageRequest, removeGarbage } from "./write_garbage.ts";
import type { WriteProblem } from "./write_problem.ts";
import { WriteSession } from "./write_session.ts";

/** What a store may use of the machine. */
export interface WriteContext {
  readonly env: ReadVariable;
  /** Where named pipes are made, and DuckDB may spill. */
  readonly temporaryDir: string;
  /** Folder of the outputs. */
  readonly objectsDir: string;
  readonly signal: AbortSignal;
}

/** What a table is now. */
export interface WrittenTable {
  readonly table: readonly string[];
  readonly exists: boolean;
  readonly owner: TableOwner | null;
  readonly content_hash: string | null;
  readonly spec_hash: string | null;
}

/** Connects to a database for writing. With `virtual_layer: true` every full table is a view on a version. */
export async function openWriteStore(
  connection: ConnectionSpec,
  context: WriteContext,
): Promise<PostgresStore> {
  const { env, signal } = context;
  const open = () => openPostgres(connection, env, { signal });
  return new PostgresStore(await open(), open, context);
}

/** One database as a target store; see `TargetStore` in `targets/target_type.ts` for what each operation promises. */
export class PostgresStore implements AsyncDisposable {
  readonly #connection: PostgresConnection;
  readonly #session: WriteSession;
  readonly #context: WriteContext;
  readonly #virtualLayer: boolean;
  #duck: Promise<Session> | null = null;
  /** A session of one thread: several would pile up in memory what the server is too slow to take. */
  #feed: Promise<Session> | null = null;

  /** `openAnother`: a connection to the same database. */
  constructor(
    connection: PostgresConnection,
    openAnother: () => Promise<PostgresConnection>,
    context: WriteContext,
  ) {
    this.#connection = connection;
    this.#session = new WriteSession(connection, openAnother);
    this.#context = context;
    const { virtual_layer } = connection.spec.options;
    this.#virtualLayer = virtual_layer === true || virtual_layer === "true";
  }

  /** What tables are now. */
  inspect(tables: readonly (readonly string[])[]): Promise<WrittenTable[]> {
    return this.#session.exclusive("looking at tables", async () => {
      const found = await findTables(this.#session, tables.map(tableOf));
      return found.map(writtenTable);
    });
  }

  /** Everything that would go wrong and can be known before. */
  check(writes: readonly TableWrite[]): Promise<WriteProblem[]> {
    return this.#session.exclusive("checking tables", async () => {
      const effective = new Map(writes.map((write) => [this.#effective(write), write]));
      const problems = await checkWrites(this.#session, [...effective.keys()]);
      const refused = new Set(problems.map(({ write }) => write));
      for (const write of effective.keys()) {
        if (write.action !== "revert" || refused.has(write)) continue;
        const [found] = await findTables(this.#session, [tableOf(write.table)]);
        const result = await findRevert(this.#session, write, found!);
        if ("code" in result) problems.push(result);
      }
      return problems.map((problem) => ({ ...problem, write: effective.get(problem.write)! }));
    });
  }

  /** Brings rows beside their table and validates them. */
  stage(id: string, write: TableWrite, parquet: string): Promise<Staged> {
    return this.#session.exclusive(`staging ${write.target}`, async () => {
      const session = this.#session;
      await session.lockProject(write.owner.project);
      const { schema, name } = tableOf(write.table);
      const own = "batch = $1 AND name = $2";
      const rows = await readWrites(session, schema, own, [id, name]);
      const [first] = rows;
      if (first !== undefined && first.content_hash === write.content_hash) {
        if (first.state !== "staged" || await this.#isFilled(schema, rows)) {
          return { rows: first.rows, checksum: first.checksum, shared: first.shared };
        }
      }
      if (first?.state === "staged") await abortWrites(session, id, [write]);
      const { temporaryDir } = this.#context;
      const duck = await (this.#duck ??= this.#openDuck({}));
      const feed = await (this.#feed ??= this.#openDuck({ threads: 1 }));
      return await stageWrite(
        { session, duck, feed, temporaryDir },
        id,
        this.#effective(write),
        parquet,
      );
    });
  }

  /** Puts all staged writes in place in one transaction. */
  swap(id: string, writes: readonly TableWrite[]): Promise<void> {
    return this.#batch(
      writes,
      `writing ${targets(writes)}`,
      () => swapWrites(this.#session, id, writes.map((write) => this.#effective(write))),
    );
  }

  /** How far a batch has come. */
  progress(
    id: string,
    writes: readonly TableWrite[],
  ): Promise<"none" | "staged" | "swapped" | "mixed"> {
    return this.#session.exclusive(`looking at ${targets(writes)}`, async () => {
      const found = await findTables(this.#session, writes.map((write) => tableOf(write.table)));
      const states = new Set<"none" | "staged" | "swapped">();
      for (const { table, entry } of found) {
        const rows = await readWrites(this.#session, table.schema, "batch = $1 AND name = $2", [
          id,
          table.name,
        ]);
        if (rows.length === 0) states.add(entry?.batch === id ? "swapped" : "none");
        else if (rows.some(({ state }) => state !== "staged")) states.add("swapped");
        else states.add(await this.#isFilled(table.schema, rows) ? "staged" : "none");
      }
      const [state = "none"] = states;
      return states.size > 1 ? "mixed" : state;
    });
  }

  /** Takes a swap back and drops what was staged. */
  undo(id: string, writes: readonly TableWrite[]): Promise<void> {
    return this.#batch(writes, `taking back ${targets(writes)}`, async () => {
      await undoWrites(this.#session, id, writes);
      await this.#session.unlockProject();
    });
  }

  /** Drops what was kept for `undo` alone. */
  finish(id: string, writes: readonly TableWrite[]): Promise<void> {
    return this.#batch(writes, `finishing ${targets(writes)}`, async () => {
      await finishWrites(this.#session, id, writes);
      await this.#session.unlockProject();
    });
  }

  /** Drops what was staged and not swapped. */
  abort(id: string, writes: readonly TableWrite[]): Promise<void> {
    return this.#batch(writes, `dropping what was staged for ${targets(writes)}`, async () => {
      await abortWrites(this.#session, id, writes);
      await this.#session.unlockProject();
    });
  }

  /** Tables that an owner has here, in name order. */
  owned(owner: TableOwner): Promise<WrittenTable[]> {
    return this.#session.exclusive("looking for tables", async () => {
      const tables = [];
      for (const schema of await ledgerSchemas(this.#session)) {
        for (const entry of (await readEntries(this.#session, schema)).values()) {
          if (entry.project !== owner.project || entry.environment !== owner.environment) continue;
          tables.push({ schema, name: entry.name });
        }
      }
      const found = await findTables(this.#session, tables);
      return found.filter(({ entry }) => entry !== null)
        .sort((a, b) => factsKey(a.table) < factsKey(b.table) ? -1 : 1)
        .map(writtenTable);
    });
  }

  /** Drops tables of an owner, and schemas that are then empty and were made by Seeknal. */
  drop(tables: readonly (readonly string[])[], owner: TableOwner): Promise<void> {
    return this.#session.exclusive("dropping tables", async () => {
      await this.#session.lockProject(owner.project);
      await dropTables(this.#session, tables.map(tableOf), owner);
      await this.#session.unlockProject();
    });
  }

  /** Removes what nothing needs any more; returns what was, or would be, removed. */
  collectGarbage(request: GarbageRequest): Promise<string[]> {
    return this.#session.exclusive("collecting garbage", async () => {
      await this.#session.lockProject(request.project);
      const removed = await removeGarbage(this.#session, request);
      await this.#session.unlockProject();
      return removed;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const feed = await this.#feed?.catch(() => null);
    await feed?.[Symbol.asyncDispose]();
    const duck = await this.#duck?.catch(() => null);
    await duck?.[Symbol.asyncDispose]();
    await this.#connection[Symbol.asyncDispose]();
  }

  /** The write as it is done: on a virtual layer full tables are views. */
  #effective(write: TableWrite): TableWrite {
    const isOfLayer = write.action === "write" && write.spec.mode === "full";
    if (!this.#virtualLayer || !isOfLayer) return write;
    return { ...write, spec: { ...write.spec, mode: "view" } };
  }

  #batch(
    writes: readonly TableWrite[],
    what: string,
    work: () => Promise<void>,
  ): Promise<void> {
    return this.#session.exclusive(what, async () => {
      const [first] = writes;
      if (first === undefined) return;
      await this.#session.lockProject(first.owner.project);
      await work();
    });
  }

  /** False when a server that went down emptied what was staged. */
  async #isFilled(
    schema: string,
    rows: readonly { readonly stage: string | null; readonly rows: number }[],
  ): Promise<boolean> {
    for (const { stage, rows: count } of rows) {
      if (stage === null || count === 0) continue;
      const [row] = await this.#session.query<{ filled: boolean }>(
        `SELECT EXISTS (SELECT FROM ${qualified(schema, stage)}) AS filled`,
      );
      if (row?.filled !== true) return false;
    }
    return true;
  }

  #openDuck(options: { readonly threads?: number }): Promise<Session> {
    const { temporaryDir, objectsDir } = this.#context;
    return openSession({ ...options, temporaryDir, allowedDirs: [temporaryDir, objectsDir] });
  }
}

function targets(writes: readonly TableWrite[]): string {
  const [first] = writes;
  if (first === undefined) return "nothing";
  return writes.length === 1 ? first.target : `${first.target} and ${writes.length - 1} more`;
}

function writtenTable({ table, facts, entry }: FoundTable): WrittenTable {
  return {
    table: [table.schema, table.name],
    exists: facts !== null,
    owner: entry === null ? null : { project: entry.project, environment: entry.environment },
    content_hash: entry?.content_hash ?? null,
    spec_hash: entry?.spec_hash ?? null,
  };
}
