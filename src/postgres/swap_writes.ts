import { UserError } from "../base/user_error.ts";
import { quoteName } from "../engine/quote.ts";
import type { TableWrite } from "../model/materialization.ts";
import {
  evolutionFor,
  findTables,
  foreignProblem,
  tableOf,
  wantedColumns,
} from "./check_writes.ts";
import {
  changeWrites,
  forgetWrite,
  type LedgerEntry,
  type LedgerWrite,
  ownName,
  putEntries,
  qualified,
  readWrites,
} from "./ledger.ts";
import { entryFor, keyOf, type PendingWrite } from "./pending_write.ts";
import {
  countWritten,
  only,
  otherWrites,
  readable,
  restoreRows,
  writableColumns,
} from "./restore_rows.ts";
import { historyOf, isRevertable } from "./revert_writes.ts";
import { isRewritten } from "./table_evolution.ts";
import type { TableFacts } from "./table_facts.ts";
import type { TableName } from "./table_name.ts";
import { problemError, validationFailed } from "./write_problem.ts";
import { type MergeSql, mergeSql, ORIGIN, writtenBy } from "./write_rows.ts";
import type { WriteSession } from "./write_session.ts";
import { swapViews } from "./swap_views.ts";

/** Puts the staged writes of a batch in place, in one transaction; those in place are left alone. */
export async function swapWrites(
  session: WriteSession,
  id: string,
  writes: readonly TableWrite[],
): Promise<void> {
  await session.lockingTransaction(async () => {
    const pending = await pendingWrites(session, id, writes);
    const [xact] = await session.query<{ xid: string }>(
      "SELECT pg_current_xact_id()::text AS xid",
    );
    pending.sort((a, b) => compareNames(a.found.table, b.found.table));
    for (const one of pending) {
      if (one.write.action === "revert") await revertTable(session, one);
      else if (one.write.spec.mode !== "view") await swapTable(session, one, xact!.xid);
    }
    await swapViews(
      session,
      pending.filter(({ write }) => write.action === "write" && write.spec.mode === "view"),
    );
  });
}

/** The order in which a batch locks its tables: two that meet must not wait for each other. */
export function compareNames(a: TableName, b: TableName): number {
  const [x, y] = [`${a.schema}\0${a.name}`, `${b.schema}\0${b.name}`];
  return x < y ? -1 : x > y ? 1 : 0;
}

async function pendingWrites(
  session: WriteSession,
  id: string,
  writes: readonly TableWrite[],
): Promise<PendingWrite[]> {
  const tables = writes.map((write) => tableOf(write.table));
  const rows = new Map<string, LedgerWrite[]>();
  for (const schema of new Set(tables.map((table) => table.schema))) {
    for (const row of await readWrites(session, schema, "batch = $1", [id])) {
      const key = `${schema}\0${row.name}`;
      rows.set(key, [...rows.get(key) ?? [], row]);
    }
  }
  const found = await findTables(session, tables);
  return writes.flatMap((write, i) => {
    const { schema, name } = tables[i]!;
    const own = rows.get(`${schema}\0${name}`) ?? [];
    if (own.some(({ state }) => state !== "staged")) return [];
    if (own.length === 0) {
      if (found[i]!.entry?.batch === id || write.action === "revert") return [];
      throw new UserError(`Nothing is staged for ${write.target} under ${id}`, {
        code: "not_staged",
        kind: "execution",
        hint: "repeat the command: it stages anew",
      });
    }
    const problem = foreignProblem(write, found[i]!);
    if (problem !== null) throw problemError(problem);
    const wanted = write.action === "revert" ? [] : wantedColumns(write);
    if ("problem" in wanted) throw validationFailed(write, wanted.problem);
    return [{ write, rows: own, found: found[i]!, wanted }];
  });
}

async function swapTable(
  session: WriteSession,
  pending: PendingWrite,
  fullXid: string,
): Promise<void> {
  const { write, found, wanted } = pending;
  const [row] = pending.rows;
  const { schema, name } = found.table;
  const stage = qualified(schema, row!.stage!);
  const [state] = await session.query<{ persistence: string | null; filled: boolean }>(
    `SELECT (SELECT relpersistence FROM pg_class WHERE oid = to_regclass($1)) AS persistence, ` +
      `EXISTS (SELECT FROM ${stage}) AS filled`,
    [stage],
  );
  // A server that went down empties unlogged tables.
  if (row!.rows > 0 && !state!.filled) throw stageLost(write);
  if (found.facts === null) {
    if (state!.persistence !== "p") throw stageLost(write);
    await session.query(`ALTER TABLE ${stage} RENAME TO ${quoteName(name)}`);
    // What is left of a table of that name that somebody dropped.
    const past = "name = $1 AND state IN ('finished', 'reverted')";
    for (const old of await readWrites(session, schema, past, [name])) {
      await forgetWrite(session, found.table, old);
    }
    const [made] = await findTables(session, [found.table]);
    await putEntries(session, schema, [entryFor(pending, row!, made!.facts!.oid, null)]);
    await changeWrites(session, schema, [{
      ...keyOf(row!),
      state: "swapped",
      stage: null,
      created: true,
      full_xid: fullXid,
      total: row!.rows,
    }]);
    return;
  }
  const evolution = evolutionFor({ facts: found.facts, entry: found.entry }, write, wanted);
  if (evolution.refused.length > 0) throw validationFailed(write, evolution.refused[0]!.message);
  await lockTable(session, found.facts, evolution.statements.length > 0);
  const before = ownName("before", row!.batch, found.table);
  const rewritten = evolution.isRewrite ? await keepAll(session, found.facts, before) : null;
  for (const statement of evolution.statements) await session.query(statement);
  const [now] = await findTables(session, [found.table]);
  if (now?.facts?.oid !== found.facts.oid) throw changedMeanwhile(write);
  const facts = now.facts;
  const merge = mergeSql({
    table: qualified(schema, name),
    stage,
    before: qualified(schema, before),
    only: only(facts),
    mode: write.spec.mode,
    columns: evolution.columns,
    allColumns: writableColumns(facts),
    keys: row!.keys,
    timeColumn: write.spec.time_column ?? null,
  });
  const done = await merged(session, facts, merge, before, rewritten);
  await checkMerge(session, write, facts, row!, done);
  for (const statement of evolution.after) await session.query(statement);
  const xids = [Number(BigInt(fullXid) & 0xffffffffn)];
  await session.query(`DROP TABLE ${stage}`);
  await putEntries(session, schema, [entryFor(pending, row!, facts.oid, found.entry)]);
  await changeWrites(session, schema, [{
    ...keyOf(row!),
    state: "swapped",
    stage: null,
    before: done.kept > 0 ? before : null,
    xids,
    full_xid: fullXid,
    touched: rewritten === null ? done.touched : await countWritten(session, facts, xids),
    // With all former rows kept, all rows can go, but for those that others point at.
    keys: rewritten === null
      ? row!.keys
      : facts.referenced
      ? row!.keys ?? facts.keys[0] ?? null
      : null,
    // A table written whole has just been counted.
    total: isRevertable(row!.mode) ? await countRows(session, facts) : row!.rows,
    previous: found.entry,
    ddl_undo: evolution.undo,
  }]);
}

/** Keeps other writers off a table; readers only when its columns change. */
export async function lockTable(
  session: WriteSession,
  facts: TableFacts,
  isAltered: boolean,
): Promise<void> {
  const mode = isAltered ? "ACCESS EXCLUSIVE" : "SHARE ROW EXCLUSIVE";
  await session.query(
    `LOCK TABLE ${only(facts)}${qualified(facts.schema, facts.name)} IN ${mode} MODE`,
  );
}

/** Creates a table for former rows of another. */
export async function createBefore(
  session: WriteSession,
  facts: TableFacts,
  before: string,
): Promise<void> {
  const kept = qualified(facts.schema, before);
  await session.query(
    `CREATE TABLE ${kept} (LIKE ${qualified(facts.schema, facts.name)}, ${ORIGIN} bigint)`,
  );
}

/** Keeps all rows of a table; how many. Without any, nothing is kept. */
async function keepAll(
  session: WriteSession,
  facts: TableFacts,
  before: string,
): Promise<number> {
  await createBefore(session, facts, before);
  const kept = await keepRows(session, facts, before, "true");
  if (kept === 0) await session.query(`DROP TABLE ${qualified(facts.schema, before)}`);
  return kept;
}

/** Keeps the rows of a table that fulfil a condition, with where they come from; how many. */
async function keepRows(
  session: WriteSession,
  facts: TableFacts,
  before: string,
  condition: string,
): Promise<number> {
  const names = writableColumns(facts).map(quoteName).join(", ");
  return await session.change(
    `INSERT INTO ${qualified(facts.schema, before)} (${names}, ${ORIGIN}) ` +
      `SELECT ${names}, t.xmin::text::bigint FROM ${readable(facts)} AS t WHERE ${condition}`,
  );
}

interface MergeResult {
  /** Former rows kept. */
  readonly kept: number;
  /** Rows inserted and updated. */
  readonly touched: number;
  readonly inserted: number;
}

async function merged(
  session: WriteSession,
  facts: TableFacts,
  merge: MergeSql,
  before: string,
  rewritten: number | null,
): Promise<MergeResult> {
  let kept = rewritten ?? 0;
  if (rewritten === null && merge.keep.length > 0) {
    await createBefore(session, facts, before);
    for (const statement of merge.keep) kept += await session.change(statement);
    if (kept === 0) await session.query(`DROP TABLE ${qualified(facts.schema, before)}`);
  }
  if (kept > 0 && merge.remove !== null) await session.query(merge.remove);
  const updated = kept > 0 && merge.update !== null ? await session.change(merge.update) : 0;
  const inserted = await session.change(merge.insert);
  return { kept, touched: updated + inserted, inserted };
}

/** What triggers and rules of the table made of the rows must not go unseen. */
async function checkMerge(
  session: WriteSession,
  write: TableWrite,
  facts: TableFacts,
  row: LedgerWrite,
  done: MergeResult,
): Promise<void> {
  const hint = "look at the table's triggers, rules and policies";
  if (row.keys === null && done.inserted !== row.rows) {
    throw validationFailed(write, `${done.inserted} of ${row.rows} rows were inserted`, hint);
  }
  if (row.mode !== "full") return;
  const total = await countRows(session, facts);
  if (total !== row.rows) {
    throw validationFailed(write, `the table would have ${total} rows, not ${row.rows}`, hint);
  }
}

async function countRows(session: WriteSession, facts: TableFacts): Promise<number> {
  const [row] = await session.query<{ n: number }>(
    `SELECT count(*)::float8 AS n FROM ${only(facts)}${qualified(facts.schema, facts.name)}`,
  );
  return row!.n;
}

/** Takes writes back, newest first; what it removes is kept, so that this can be undone too. */
async function revertTable(session: WriteSession, { write, rows, found }: PendingWrite) {
  const { schema, name } = found.table;
  const { facts } = found;
  let { entry } = found;
  if (facts === null || entry === null) throw changedMeanwhile(write);
  await lockTable(session, facts, false);
  for (const [i, row] of rows.entries()) {
    const [taken] = await historyOf(session, schema, name);
    const isNext = taken !== undefined && row.reverts !== null &&
      taken.batch === row.reverts.batch && taken.step === row.reverts.step &&
      taken.content_hash === entry.content_hash;
    if (!isNext) throw changedMeanwhile(write);
    if (await countWritten(session, facts, taken.xids) !== taken.touched) {
      throw changedMeanwhile(write);
    }
    const before = ownName("before", row.batch, found.table, row.step);
    if (taken.touched > 0) {
      await createBefore(session, facts, before);
      const own = isRewritten(taken) ? "true" : writtenBy(taken.xids);
      await keepRows(session, facts, before, own);
    }
    const others = await otherWrites(session, found.table, taken);
    const restored = await restoreRows(session, facts, taken, others);
    await keepOwners(session, schema, restored.owners);
    const unowned = restored.xids.filter((x) => !restored.owners.some(({ xid }) => xid === x));
    const previous: LedgerEntry = {
      ...taken.previous!,
      oid: entry.oid,
      batch: row.batch,
      own_xids: [...entry.own_xids, ...unowned],
    };
    await changeWrites(session, schema, [{
      ...keyOf(row),
      state: "swapped",
      before: taken.touched > 0 ? before : null,
      keys: taken.keys,
      xids: restored.xids,
      touched: restored.rows,
      previous: entry,
      reverts: {
        ...keyOf(taken),
        ...(i === rows.length - 1 ? { to: taken.previous!.batch } : {}),
      },
    }]);
    await changeWrites(session, schema, [{ ...keyOf(taken), state: "reverted" }]);
    entry = previous;
    await putEntries(session, schema, [entry]);
  }
}

/** Records which transactions now stand for the rows of which writes. */
export async function keepOwners(
  session: WriteSession,
  schema: string,
  owners: readonly { readonly write: LedgerWrite; readonly xid: number }[],
): Promise<void> {
  const xids = new Map<LedgerWrite, number[]>();
  for (const { write, xid } of owners) {
    xids.set(write, [...xids.get(write) ?? write.xids, xid]);
  }
  await changeWrites(
    session,
    schema,
    [...xids].map(([write, all]) => ({ ...keyOf(write), xids: [...new Set(all)] })),
  );
}

function stageLost(write: TableWrite): UserError {
  return new UserError(
    `What was staged for ${write.target} is gone: the server was restarted, or the table dropped`,
    { code: "stage_lost", kind: "execution", hint: "repeat the command: it stages anew" },
  );
}

function changedMeanwhile(write: TableWrite): UserError {
  return new UserError(`${write.target} was changed by somebody else while it was being written`, {
    code: "changed_meanwhile",
    kind: "execution",
    hint: "repeat the command",
  });
}
