import { UserError } from "../base/user_error.ts";
import { quoteName, quoteText } from "../engine/quote.ts";
import type { TableWrite } from "../model/materialization.ts";
import { findTables, tableOf } from "./check_writes.ts";
import type { FoundTable } from "./found_table.ts";
import { errorCode } from "./errors.ts";
import {
  changeWrites,
  dropKept,
  ENTRIES,
  forgetWrite,
  type LedgerEntry,
  type LedgerWrite,
  putEntries,
  qualified,
  readWrites,
  removeEntry,
  removeWrite,
  removeWrites,
  SCHEMA_COMMENT,
  WRITES,
} from "./ledger.ts";
import { keyOf } from "./pending_write.ts";
import { countWritten, otherWrites, readable, restoreRows } from "./restore_rows.ts";
import { isToBeKept } from "./revert_writes.ts";
import { compareNames, keepOwners, lockTable } from "./swap_writes.ts";
import { droppedColumns, isRewritten } from "./table_evolution.ts";
import { factsKey, type TableFacts } from "./table_facts.ts";
import type { TableName } from "./table_name.ts";
import { writtenBy } from "./write_rows.ts";
import type { WriteSession } from "./write_session.ts";
import { hasVersions, recreateView, replaceView, VERSION_SCHEMA, VERSIONS } from "./write_views.ts";

/** What a batch recorded of its writes: tables in the order in which swaps lock them, the last step first. */
async function batchRows(
  session: WriteSession,
  id: string,
  writes: readonly TableWrite[],
): Promise<{ table: TableName; target: string; row: LedgerWrite }[]> {
  const targets = new Map(writes.map((write) => [factsKey(tableOf(write.table)), write.target]));
  const result = [];
  for (const schema of new Set(writes.map((write) => tableOf(write.table).schema))) {
    for (const row of await readWrites(session, schema, "batch = $1", [id])) {
      const table = { schema, name: row.name };
      const target = targets.get(factsKey(table));
      if (target !== undefined) result.push({ table, target, row });
    }
  }
  return result.sort((a, b) => compareNames(a.table, b.table) || b.row.step - a.row.step);
}

/** Drops what is staged and not swapped. */
export async function abortWrites(
  session: WriteSession,
  id: string,
  writes: readonly TableWrite[],
): Promise<void> {
  await session.lockingTransaction(async () => {
    const rows = (await batchRows(session, id, writes))
      .filter(({ row }) => row.state === "staged");
    for (const { table, row } of rows) await forgetWrite(session, table, row);
    await dropVersions(session, ownVersions(rows.map(({ row }) => row)));
    await dropEmptySchemas(session, writes.map((write) => tableOf(write.table).schema));
  });
}

/** Takes a batch back, whatever of it is in place, in one transaction. */
export async function undoWrites(
  session: WriteSession,
  id: string,
  writes: readonly TableWrite[],
): Promise<void> {
  await session.lockingTransaction(async () => {
    const rows = await batchRows(session, id, writes);
    const views = await takeBackViews(session, rows.filter(({ row }) => row.state === "swapped"));
    for (const { table, target, row } of rows) {
      if (row.state === "staged") await forgetWrite(session, table, row);
      else if (row.state === "swapped" && !views.has(row)) {
        const [found] = await findTables(session, [table]);
        // A later step of the batch may just have put rows of this one back.
        const [now] = await readWrites(session, table.schema, "sequence::text = $1", [
          row.sequence,
        ]);
        await takeBack(session, target, found!, now!);
      }
    }
    await dropVersions(session, ownVersions(rows.map(({ row }) => row)));
    await dropEmptySchemas(session, writes.map((write) => tableOf(write.table).schema));
  });
}

/** Drops what was kept for an undo alone; what a later revert needs stays. */
export async function finishWrites(
  session: WriteSession,
  id: string,
  writes: readonly TableWrite[],
): Promise<void> {
  await session.lockingTransaction(async () => {
    const rows = (await batchRows(session, id, writes))
      .filter(({ row }) => row.state === "swapped");
    const views = rows.filter(({ row }) => row.version !== null);
    for (const schema of new Set(views.map(({ table }) => table.schema))) {
      const own = views.filter(({ table }) => table.schema === schema);
      await removeWrites(session, schema, own.map(({ row }) => row));
    }
    for (const { table, row } of rows) {
      if (row.version === null) await finishWrite(session, table, row);
    }
  });
}

/** See {@linkcode finishWrites}. */
export async function finishWrite(
  session: WriteSession,
  table: TableName,
  row: LedgerWrite,
): Promise<void> {
  if (row.action === "write" && await isToBeKept(session, table, row)) {
    await changeWrites(session, table.schema, [{ ...keyOf(row), state: "finished" }]);
    return;
  }
  if (row.action === "write") await dropFormerColumns(session, table, row);
  if (row.reverts?.to === undefined) await forgetWrite(session, table, row);
  else {
    await dropKept(session, table, row);
    await changeWrites(session, table.schema, [{
      ...keyOf(row),
      state: "finished",
      before: null,
      xids: [],
    }]);
  }
  // Rows of a table that was replaced as a whole, or of writes that were taken back, are no more.
  const past = await readWrites(
    session,
    table.schema,
    row.action === "revert"
      ? "name = $1 AND state = 'reverted' AND batch = $2 AND step::text = $3"
      : "name = $1 AND state IN ('finished', 'reverted') AND $2 = $2 AND $3 = $3",
    [table.name, row.reverts?.batch ?? "", String(row.reverts?.step ?? 0)],
  );
  for (const old of past) await forgetWrite(session, table, old);
}

/** Drops what a write staged. */
export async function dropStaged(
  session: WriteSession,
  table: TableName,
  row: LedgerWrite,
): Promise<void> {
  await forgetWrite(session, table, row);
  await dropVersions(session, ownVersions([row]));
}

/** Takes back those views of a batch that only need their former query: a handful of round trips. */
async function takeBackViews(
  session: WriteSession,
  rows: readonly { readonly table: TableName; readonly row: LedgerWrite }[],
): Promise<Set<LedgerWrite>> {
  const candidates = rows.filter(({ row }) => row.version !== null && row.previous !== null);
  const found = await findTables(session, candidates.map(({ table }) => table));
  const same = candidates.flatMap(({ table, row }, i) => {
    const { facts, entry } = found[i]!;
    const query = formerQuery(row);
    const isPlain = facts !== null && entry?.batch === row.batch && query !== undefined &&
      hasColumns(facts, row.previous!);
    return isPlain ? [{ table, row, statement: replaceView(table, facts, query) }] : [];
  });
  if (same.length === 0) return new Set();
  await session.query(same.map(({ statement }) => statement).join(";\n"));
  for (const schema of new Set(same.map(({ table }) => table.schema))) {
    const own = same.filter(({ table }) => table.schema === schema).map(({ row }) => row);
    await putEntries(session, schema, own.map(({ previous }) => previous!));
    await removeWrites(session, schema, own);
  }
  return new Set(same.map(({ row }) => row));
}

/** Whether a view has exactly the columns of an entry. */
function hasColumns(facts: TableFacts, entry: LedgerEntry): boolean {
  return facts.columns.length === entry.columns.length &&
    facts.columns.every(({ name, type }) =>
      entry.columns.some((column) => column.name === name && column.type === type)
    );
}

/** Drops versions that no view shows and no batch needs; the names of those it dropped. */
export async function dropVersions(
  session: WriteSession,
  names: readonly string[],
): Promise<string[]> {
  if (names.length === 0 || !await hasVersions(session)) return [];
  const unused = await session.query<{ name: string }>(
    `SELECT v.name FROM ${qualified(VERSION_SCHEMA, VERSIONS)} v ` +
      `JOIN pg_class c ON c.relname = v.name ` +
      `AND c.relnamespace = ${quoteText(VERSION_SCHEMA)}::regnamespace ` +
      `WHERE v.name IN (SELECT jsonb_array_elements_text($1::text::jsonb)) AND NOT EXISTS ` +
      `(SELECT FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.deptype = 'n' ` +
      `AND d.refobjid = c.oid) ORDER BY v.name`,
    [JSON.stringify(names)],
  );
  const needed = new Set<string>();
  if (unused.length > 0) {
    for (const schema of await ledgerSchemas(session)) {
      const rows = await session.query<{ version: string | null; previous: string | null }>(
        `SELECT version, previous->>'version' AS previous FROM ${qualified(schema, WRITES)} ` +
          `WHERE version IS NOT NULL OR previous->>'version' IS NOT NULL`,
      );
      for (const { version, previous } of rows) {
        for (const name of [version, previous]) if (name !== null) needed.add(name);
      }
    }
  }
  const dropped = unused.map(({ name }) => name).filter((name) => !needed.has(name));
  if (dropped.length === 0) return [];
  await session.query(
    `DROP TABLE ${dropped.map((name) => qualified(VERSION_SCHEMA, name)).join(", ")}; ` +
      `DELETE FROM ${qualified(VERSION_SCHEMA, VERSIONS)} ` +
      `WHERE name IN (${dropped.map(quoteText).join(", ")})`,
  );
  return dropped;
}

/** Versions that were made for these writes alone. */
function ownVersions(rows: readonly LedgerWrite[]): string[] {
  return rows.flatMap(({ version, shared }) => version !== null && !shared ? [version] : []);
}

/** Schemas with a ledger that the session may read. */
export async function ledgerSchemas(session: WriteSession): Promise<string[]> {
  const rows = await session.query<{ schema: string }>(
    `SELECT n.nspname AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace ` +
      `WHERE c.relname = $1 AND c.relkind = 'r' AND has_schema_privilege(n.oid, 'USAGE') ` +
      `AND has_table_privilege(c.oid, 'SELECT') ORDER BY 1`,
    [WRITES],
  );
  return rows.map(({ schema }) => schema);
}

async function takeBack(
  session: WriteSession,
  target: string,
  found: FoundTable,
  row: LedgerWrite,
): Promise<void> {
  const { table, facts, entry } = found;
  const isOurs = facts !== null && entry !== null && entry.batch === row.batch;
  if (!isOurs) {
    // Somebody dropped what was written: there is nothing to take back but the record.
    if (facts !== null && entry !== null) {
      throw cannotUndo(target, "it was written again since");
    }
    await forgetWrite(session, table, row);
    await removeEntry(session, table);
    return;
  }
  if (row.created) {
    const kind = facts.kind === "v" ? "VIEW" : "TABLE";
    const name = qualified(table.schema, table.name);
    await dropOwn(session, `DROP ${kind} ${name}`, target, facts.dependents);
    await removeEntry(session, table);
    await removeWrite(session, table.schema, row);
    return;
  }
  if (facts.kind === "v") await takeBackView(session, target, found, row);
  else await takeBackRows(session, target, found, row);
  if (row.previous === null) await removeEntry(session, table);
  if (row.reverts !== null) {
    const { batch, step } = row.reverts;
    await changeWrites(session, table.schema, [{ batch, step, name: row.name, state: "finished" }]);
  }
  await forgetWrite(session, table, row);
}

async function dropOwn(
  session: WriteSession,
  statement: string,
  target: string,
  dependents: readonly string[],
): Promise<void> {
  await session.query("SAVEPOINT seeknal_drop");
  try {
    await session.query(statement);
  } catch (error) {
    if (errorCode(error) !== "2BP01") throw error;
    await session.query("ROLLBACK TO SAVEPOINT seeknal_drop");
    const detail = error instanceof Error && "detail" in error ? String(error.detail) : "";
    const what = dependents.length > 0 ? dependents.join(", ") : detail.replaceAll("\n", "; ");
    throw new UserError(`${target} cannot be dropped: something is built on it (${what})`, {
      code: "dependent_objects",
      kind: "execution",
      hint: "drop that first, then repeat the command; nothing is ever dropped by CASCADE",
    });
  }
  await session.query("RELEASE SAVEPOINT seeknal_drop");
}

async function takeBackRows(
  session: WriteSession,
  target: string,
  { table, facts, entry }: FoundTable,
  row: LedgerWrite,
): Promise<void> {
  if (facts === null || entry === null) throw new Error("looked at before");
  await lockTable(session, facts, row.ddl_undo.length > 0);
  const written = await countWritten(session, facts, row.xids);
  if (written !== row.touched) {
    throw cannotUndo(target, `${row.touched - written} of its new rows were changed since`);
  }
  if (isRewritten(row)) {
    const added = await countAdded(session, facts, row);
    if (added > 0) throw cannotUndo(target, `${added} rows were added or changed since`);
  }
  const others = await otherWrites(session, table, row);
  const restored = await restoreRows(
    session,
    facts,
    row,
    others,
    row.ddl_undo.flatMap((statement) =>
      typeof statement === "object" && "first" in statement ? statement.first : []
    ),
  );
  await keepOwners(session, table.schema, restored.owners);
  for (const statement of row.ddl_undo) {
    if (typeof statement === "string") await session.query(statement);
    else if ("last" in statement) await session.query(statement.last);
  }
  if (row.previous === null) return;
  const unowned = restored.xids.filter((x) => !restored.owners.some(({ xid }) => xid === x));
  await putEntries(session, table.schema, [{
    ...row.previous,
    own_xids: [...row.previous.own_xids, ...unowned],
  }]);
}

/** Rows that transactions after a write's have written. */
async function countAdded(
  session: WriteSession,
  facts: TableFacts,
  { xids, full_xid }: LedgerWrite,
): Promise<number> {
  const swap = Number(BigInt(full_xid ?? "0") & 0xffffffffn);
  const [row] = await session.query<{ n: number }>(
    `SELECT count(*)::float8 AS n FROM ${readable(facts)} AS t ` +
      `WHERE age(t.xmin) < age('${swap}'::xid) AND NOT (${writtenBy(xids)})`,
  );
  return row!.n;
}

/** Drops the columns that a table written whole had for its former output alone. */
async function dropFormerColumns(
  session: WriteSession,
  table: TableName,
  row: LedgerWrite,
): Promise<void> {
  if (row.mode !== "full" || row.previous === null) return;
  const find = async () => {
    const [found] = await findTables(session, [table]);
    const { facts, entry } = found!;
    if (facts === null || !facts.owns || entry?.batch !== row.batch) return null;
    const names = droppedColumns(facts, row.previous?.columns ?? [], entry.columns);
    return names.length === 0 ? null : { facts, names };
  };
  const found = await find();
  if (found === null) return;
  await lockTable(session, found.facts, true);
  // Somebody may have built something on a column until the lock was there.
  const { facts, names } = await find() ?? { facts: found.facts, names: [] };
  if (names.length === 0) return;
  await session.query(
    `ALTER TABLE ${qualified(facts.schema, facts.name)} ` +
      names.map((name) => `DROP COLUMN ${quoteName(name)}`).join(", "),
  );
}

async function takeBackView(
  session: WriteSession,
  target: string,
  { table, facts }: FoundTable,
  row: LedgerWrite,
): Promise<void> {
  const query = formerQuery(row);
  if (facts === null || query === undefined || row.previous === null) {
    throw cannotUndo(target, "its former query was not kept");
  }
  const names = new Set(row.previous.columns.map(({ name }) => name));
  if (facts.dependents.length === 0) await recreateView(session, facts, query);
  else {
    // What is built on it keeps it from losing the columns that were added: they stay, empty.
    const added = facts.columns.filter(({ name }) => !names.has(name))
      .map(({ name, type }) => `NULL::${type} AS ${quoteName(name)}`);
    await session.query(
      replaceView(table, facts, `SELECT q.*, ${added.join(", ")} FROM (${query}) AS q`),
    );
  }
  const [made] = await findTables(session, [table]);
  await putEntries(session, table.schema, [{ ...row.previous, oid: made!.facts!.oid }]);
}

/** The query that a view had before. */
function formerQuery({ ddl_undo: [query] }: LedgerWrite): string | undefined {
  return typeof query === "string" ? query : undefined;
}

function cannotUndo(target: string, why: string): UserError {
  return new UserError(`The write of ${target} cannot be taken back: ${why}`, {
    code: "cannot_undo",
    kind: "execution",
    hint: "look at what changed it; nothing was taken back",
  });
}

/** Drops schemas that Seeknal made and in which only its empty ledger is left. */
export async function dropEmptySchemas(
  session: WriteSession,
  schemas: readonly string[],
): Promise<string[]> {
  const dropped: string[] = [];
  for (const schema of new Set(schemas)) {
    if (schema === VERSION_SCHEMA || !await isMadeBySeeknal(session, schema)) continue;
    const [left] = await session.query<{ n: number }>(
      `SELECT ((SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace ` +
        `WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ` +
        `AND c.relname NOT IN ('${ENTRIES}', '${WRITES}', '${WRITES}_sequence_seq')) + ` +
        `(SELECT count(*) FROM ${qualified(schema, ENTRIES)}) + ` +
        `(SELECT count(*) FROM ${qualified(schema, WRITES)}))::float8 AS n`,
      [schema],
    );
    if (left!.n > 0) continue;
    await session.query("SAVEPOINT seeknal_schema");
    try {
      await session.query(
        `DROP TABLE ${qualified(schema, ENTRIES)}, ${qualified(schema, WRITES)}; ` +
          `DROP SCHEMA ${quoteName(schema)}`,
      );
      dropped.push(schema);
      await session.query("RELEASE SAVEPOINT seeknal_schema");
    } catch (error) {
      // Functions and types of somebody else are in it, or it belongs to another role.
      if (errorCode(error) !== "2BP01" && errorCode(error) !== "42501") throw error;
      await session.query("ROLLBACK TO SAVEPOINT seeknal_schema");
    }
  }
  return dropped;
}

async function isMadeBySeeknal(session: WriteSession, schema: string): Promise<boolean> {
  const [row] = await session.query<{ comment: string | null }>(
    `SELECT obj_description(n.oid, 'pg_namespace') AS comment FROM pg_namespace n ` +
      `JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = '${WRITES}' WHERE n.nspname = $1`,
    [schema],
  );
  return row?.comment === SCHEMA_COMMENT;
}

/** Drops tables that an owner has. */
export async function dropTables(
  session: WriteSession,
  tables: readonly TableName[],
  owner: { readonly project: string; readonly environment: string },
): Promise<void> {
  await session.lockingTransaction(async () => {
    const found = await findTables(session, tables);
    // What is built on others first.
    for (const { table, facts, entry } of [...found].reverse()) {
      if (facts === null || entry === null) continue;
      if (entry.project !== owner.project || entry.environment !== owner.environment) continue;
      const name = qualified(table.schema, table.name);
      const kind = facts.kind === "v" ? "VIEW" : "TABLE";
      const target = `${table.schema}.${table.name}`;
      await dropOwn(session, `DROP ${kind} ${name}`, target, facts.dependents);
      await removeEntry(session, table);
      const writes = await readWrites(session, table.schema, "name = $1", [table.name]);
      for (const row of writes) await forgetWrite(session, table, row);
      if (entry.version !== null) await dropVersions(session, [entry.version]);
    }
    await dropEmptySchemas(session, tables.map(({ schema }) => schema));
    if (await hasVersions(session)) await dropEmptyVersions(session);
  });
}

/** Drops the schema of versions when there are none any more. */
export async function dropEmptyVersions(session: WriteSession): Promise<void> {
  const [left] = await session.query<{ n: number; ours: boolean }>(
    `SELECT (SELECT count(*) FROM ${qualified(VERSION_SCHEMA, VERSIONS)})::float8 AS n, ` +
      `obj_description(oid, 'pg_namespace') = $2 AS ours FROM pg_namespace WHERE nspname = $1`,
    [VERSION_SCHEMA, SCHEMA_COMMENT],
  );
  if (left === undefined || left.n > 0 || !left.ours) return;
  await session.query("SAVEPOINT seeknal_versions");
  try {
    await session.query(
      `DROP TABLE ${qualified(VERSION_SCHEMA, VERSIONS)}; DROP SCHEMA ${quoteName(VERSION_SCHEMA)}`,
    );
    await session.query("RELEASE SAVEPOINT seeknal_versions");
  } catch (error) {
    if (errorCode(error) !== "2BP01" && errorCode(error) !== "42501") throw error;
    await session.query("ROLLBACK TO SAVEPOINT seeknal_versions");
  }
}
