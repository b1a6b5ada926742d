import { quoteName } from "../engine/quote.ts";
import { type LedgerWrite, qualified, readWrites } from "./ledger.ts";
import { isRewritten } from "./table_evolution.ts";
import { factsKey, readFacts, type TableFacts } from "./table_facts.ts";
import type { TableName } from "./table_name.ts";
import { ORIGIN, sameKeys, writtenBy } from "./write_rows.ts";
import type { WriteSession } from "./write_session.ts";

/** What putting rows back did. */
export interface Restored {
  /** Rows put back. */
  readonly rows: number;
  /** Transactions that wrote them, as `xmin` shows them. */
  readonly xids: readonly number[];
  /** Which of these stand for rows of which other write. */
  readonly owners: readonly { readonly write: LedgerWrite; readonly xid: number }[];
}

/** The part of a table's name that reads it without tables that inherit from it. */
export function only(facts: TableFacts): string {
  return facts.kind === "p" ? "" : "ONLY ";
}

/** The name that a table can be read by. */
export function readable(facts: TableFacts): string {
  return `${only(facts)}${qualified(facts.schema, facts.name)}`;
}

/** Columns of a table that rows can be written with. */
export function writableColumns(facts: TableFacts): string[] {
  return facts.columns.filter(({ generated }) => !generated).map(({ name }) => name);
}

/** Rows of a table that a write wrote and that are still as it wrote them. */
export async function countWritten(
  session: WriteSession,
  facts: TableFacts,
  xids: readonly number[],
): Promise<number> {
  const table = qualified(facts.schema, facts.name);
  const [row] = await session.query<{ n: number }>(
    `SELECT count(*)::float8 AS n FROM ${only(facts)}${table} AS t WHERE ${writtenBy(xids)}`,
  );
  return row!.n;
}

/** All writes of a table but one: rows of any of them may be among those it kept. */
export async function otherWrites(
  session: WriteSession,
  table: TableName,
  write: LedgerWrite,
): Promise<LedgerWrite[]> {
  return await readWrites(
    session,
    table.schema,
    "name = $1 AND state <> 'staged' AND sequence::text <> $2",
    [table.name, write.sequence],
  );
}

/**
 * Removes the rows that a write wrote and puts those back that it changed or removed. Rows keep
 * where they come from: those of other writes are put back each in a subtransaction of its own,
 * whose number then stands for that write, so that it can be taken back too.
 *
 * `others`: writes of the table that may still be taken back. `whileEmpty`: statements to run
 * between the two, for a write that wrote every row.
 */
export async function restoreRows(
  session: WriteSession,
  facts: TableFacts,
  write: LedgerWrite,
  others: readonly LedgerWrite[],
  whileEmpty: readonly string[] = [],
): Promise<Restored> {
  const table = qualified(facts.schema, facts.name);
  const own = isRewritten(write) ? "true" : writtenBy(write.xids);
  const removal = `DELETE FROM ${only(facts)}${table} AS t WHERE ${own}`;
  const removeAll = async () => {
    await session.query(removal);
    for (const statement of whileEmpty) await session.query(statement);
  };
  if (write.before === null) {
    await removeAll();
    return { rows: 0, xids: [], owners: [] };
  }
  const before = qualified(facts.schema, write.before);
  await session.query(
    `ANALYZE ${before} (${[...write.keys ?? [], ORIGIN].map(quoteName).join(", ")})`,
  );
  const groups = groupsOf(others);
  const done: { rows: number; xid: number; writes: readonly LedgerWrite[] }[] = [];
  const runGroups = async (statement: (condition: string) => string) => {
    for (const group of groups) {
      if (groups.length > 1) await session.query("SAVEPOINT seeknal_rows");
      const [rows, xid] = await writeGroup(session, facts, statement(group.condition));
      if (groups.length > 1) await session.query("RELEASE SAVEPOINT seeknal_rows");
      if (xid !== null) done.push({ rows, xid, writes: group.writes });
    }
  };
  const names = await keptColumns(session, facts, write.before);
  const list = names.map(quoteName).join(", ");
  const insert = (condition: string) =>
    `INSERT INTO ${table} AS t (${list}) OVERRIDING SYSTEM VALUE ` +
    `SELECT ${names.map((name) => `b.${quoteName(name)}`).join(", ")} ` +
    `FROM ${before} AS b WHERE ${condition}`;
  if (write.keys === null) {
    await removeAll();
    await runGroups(insert);
  } else {
    // In place: a row that others point at must never be gone, not even for a statement.
    const match = sameKeys(write.keys, "t", "b");
    const always = new Set(facts.columns.filter((c) => c.identityAlways).map(({ name }) => name));
    const updates = names.filter((name) => !write.keys!.includes(name) && !always.has(name));
    if (updates.length > 0) {
      const set = updates.map((name) => `${quoteName(name)} = b.${quoteName(name)}`).join(", ");
      await runGroups((condition) =>
        `UPDATE ${only(facts)}${table} AS t SET ${set} FROM ${before} AS b ` +
        `WHERE ${match} AND ${own} AND ${condition}`
      );
    }
    // Rows that were put back in place are this transaction's now, and no longer the write's.
    if (own !== "true") await session.query(removal);
    else {
      await session.query(
        `${removal} AND NOT EXISTS (SELECT FROM ${before} AS b WHERE ${match})`,
      );
    }
    await runGroups((condition) =>
      `${insert(condition)} AND NOT EXISTS ` +
      `(SELECT FROM ${only(facts)}${table} AS t WHERE ${match})`
    );
  }
  return {
    rows: done.reduce((sum, { rows }) => sum + rows, 0),
    xids: [...new Set(done.map(({ xid }) => xid))],
    owners: done.flatMap(({ xid, writes }) => writes.map((write) => ({ write, xid }))),
  };
}

/** Columns of former rows that the table has too: some may have been added or dropped since. */
async function keptColumns(
  session: WriteSession,
  facts: TableFacts,
  before: string,
): Promise<string[]> {
  const name = { schema: facts.schema, name: before };
  const kept = (await readFacts(session, [name])).get(factsKey(name));
  const names = new Set(kept?.columns.map(({ name }) => name));
  return writableColumns(facts).filter((column) => names.has(column));
}

/** Runs a statement that writes rows (named `t`); how many, and the transaction they say wrote them. */
async function writeGroup(
  session: WriteSession,
  facts: TableFacts,
  statement: string,
): Promise<[number, number | null]> {
  if (facts.kind !== "p") {
    const [row] = await session.query<{ n: number; xid: number | null }>(
      `WITH w AS (${statement} RETURNING t.xmin::text::bigint AS x) ` +
        `SELECT count(*)::float8 AS n, min(x)::float8 AS xid FROM w`,
    );
    return [row!.n, row!.xid];
  }
  // RETURNING has no xmin for a partitioned table: what is new among those of this transaction.
  const own = async () =>
    (await session.query<{ xid: number }>(
      `SELECT DISTINCT t.xmin::text::float8 AS xid FROM ${qualified(facts.schema, facts.name)} t ` +
        `WHERE age(t.xmin) <= age(pg_current_xact_id()::xid)`,
    )).map(({ xid }) => xid);
  const before = await own();
  const rows = await session.change(statement);
  const xid = (await own()).find((one) => !before.includes(one)) ?? null;
  return [rows, xid ?? (rows > 0 ? before[0] ?? null : null)];
}

/**
 * Rows by the writes that they came from; those from before all of them last. A row that a step
 * of a revert put back is of that step and of the write that it had come from.
 */
function groupsOf(
  others: readonly LedgerWrite[],
): { condition: string; writes: readonly LedgerWrite[] }[] {
  const groups = new Map<string, { xids: number[]; writes: readonly LedgerWrite[] }>();
  const known = [...new Set(others.flatMap(({ xids }) => xids))];
  for (const xid of known) {
    const writes = others.filter(({ xids }) => xids.includes(xid));
    const key = writes.map(({ sequence }) => sequence).join();
    groups.set(key, { xids: [...groups.get(key)?.xids ?? [], xid], writes });
  }
  const origin = `b.${quoteName(ORIGIN)}`;
  return [
    ...[...groups.values()].map(({ xids, writes }) => ({
      condition: `${origin} = ANY ('{${xids.join(",")}}'::bigint[])`,
      writes,
    })),
    { condition: `${origin} <> ALL ('{${known.join(",")}}'::bigint[])`, writes: [] },
  ];
}
