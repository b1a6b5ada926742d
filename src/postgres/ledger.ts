import { sha256 } from "../base/hash.ts";
import { quoteName, quoteText } from "../engine/quote.ts";
import type { UndoStatement } from "./table_evolution.ts";
import { OWN_PREFIX, type TableName } from "./table_name.ts";
import type { WriteSession } from "./write_session.ts";

/** What is recorded of a table beside it, in its schema, in the transaction that wrote it. */
export interface LedgerEntry {
  readonly name: string;
  /** The relation it stands for: one that was made anew under the name has another. */
  readonly oid: string;
  readonly project: string;
  readonly environment: string;
  readonly node: string;
  readonly mode: string;
  readonly content_hash: string;
  readonly spec_hash: string;
  readonly rows: number;
  readonly checksum: string | null;
  /** Columns of the output that was written last. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly batch: string;
  /** For views: the table of `_seeknal` that they show. */
  readonly version: string | null;
  /** Transactions in which rows were put back by an undo or a revert. */
  readonly own_xids: readonly number[];
}

/** One write of one batch to one table: what is staged, and how to take it back. */
export interface LedgerWrite {
  readonly batch: string;
  readonly name: string;
  /** A revert over several writes takes them back one by one; anything else is step 1. */
  readonly step: number;
  /** `finished`: kept for a revert; `reverted`: taken back by a batch that is not finished. */
  readonly state: "staged" | "swapped" | "finished" | "reverted";
  readonly action: "write" | "revert";
  readonly project: string;
  readonly environment: string;
  readonly mode: string;
  readonly content_hash: string;
  readonly spec_hash: string;
  readonly rows: number;
  readonly checksum: string | null;
  readonly shared: boolean;
  /** Table with the staged rows; null when there is none (any more). */
  readonly stage: string | null;
  /** Version that a view is to show. */
  readonly version: string | null;
  /** Table with the rows that were changed or removed, as they were; null when there were none. */
  readonly before: string | null;
  /** Column names by which changed rows find their former selves; null: rows were only added or removed. */
  readonly keys: readonly string[] | null;
  /** Transactions that wrote the rows of this write, as `xmin` shows them. */
  readonly xids: readonly number[];
  /** 64-bit id of the swap's transaction: `xmin` alone repeats after four billion. */
  readonly full_xid: string | null;
  /** Rows that the swap wrote. */
  readonly touched: number;
  /** Rows of the whole table after the swap, for modes that can be reverted. */
  readonly total: number | null;
  /** The ledger's entry before; null when there was none. */
  readonly previous: LedgerEntry | null;
  /** True when the table was made by this write. */
  readonly created: boolean;
  /** Statements that take back what was changed about the table's columns. */
  readonly ddl_undo: readonly UndoStatement[];
  /**
   * For reverts: batch and step of the write that is taken back. `to`, once the last step is done:
   * the batch right after which the table was as it is now. This outlives the revert.
   */
  readonly reverts: {
    readonly batch: string;
    readonly step: number;
    readonly to?: string;
  } | null;
  readonly sequence: string;
}

/** Table of {@linkcode LedgerEntry}s in every schema that is written to. */
export const ENTRIES = `${OWN_PREFIX}_tables`;
/** Table of {@linkcode LedgerWrite}s. */
export const WRITES = `${OWN_PREFIX}_writes`;
/** Comment that tells schemas Seeknal made from those it found. */
export const SCHEMA_COMMENT = "Made by Seeknal; dropped with its last table";

/** `"schema"."name"`. */
export function qualified(schema: string, name: string): string {
  return `${quoteName(schema)}.${quoteName(name)}`;
}

/** Name for a table of Seeknal's own that belongs to one table and one batch. */
export function ownName(kind: "stage" | "before", id: string, table: TableName, step = 1): string {
  const digest = sha256(JSON.stringify([id, table.schema, table.name, step])).slice(0, 32);
  return `${OWN_PREFIX}_${kind}_${digest}`;
}

/** Creates a schema's ledger when it has none; the schema too. To be called in a transaction. */
export async function createLedger(session: WriteSession, schema: string): Promise<void> {
  if (await hasLedger(session, schema)) return;
  // Two batches of two projects may come first to a schema at the same time.
  await session.query(`SELECT pg_advisory_xact_lock(hashtext(${quoteText(`seeknal ${schema}`)}))`);
  if (await hasLedger(session, schema)) return;
  const [found] = await session.query(`SELECT 1 FROM pg_namespace WHERE nspname = $1`, [schema]);
  if (found === undefined) {
    await session.query(
      `CREATE SCHEMA ${quoteName(schema)}; ` +
        `COMMENT ON SCHEMA ${quoteName(schema)} IS ${quoteText(SCHEMA_COMMENT)}`,
    );
  }
  await session.query(`
CREATE TABLE ${qualified(schema, ENTRIES)} (
  name text PRIMARY KEY, oid oid NOT NULL, project text NOT NULL, environment text NOT NULL,
  node text NOT NULL, mode text NOT NULL, content_hash text NOT NULL, spec_hash text NOT NULL,
  rows bigint NOT NULL, checksum text, columns jsonb NOT NULL, batch text NOT NULL, version text,
  own_xids jsonb NOT NULL DEFAULT '[]', written_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE ${qualified(schema, WRITES)} (
  batch text, name text, step integer DEFAULT 1, state text NOT NULL, action text NOT NULL,
  project text NOT NULL, environment text NOT NULL, mode text NOT NULL,
  content_hash text NOT NULL, spec_hash text NOT NULL, rows bigint NOT NULL, checksum text,
  shared boolean NOT NULL DEFAULT false, stage text, version text, before text, keys jsonb,
  xids jsonb NOT NULL DEFAULT '[]', full_xid text, touched bigint NOT NULL DEFAULT 0,
  total bigint, previous jsonb, created boolean NOT NULL DEFAULT false,
  ddl_undo jsonb NOT NULL DEFAULT '[]', reverts jsonb, sequence bigserial,
  PRIMARY KEY (batch, name, step));
COMMENT ON TABLE ${
    qualified(schema, ENTRIES)
  } IS 'Which tables of this schema Seeknal writes, and what they hold';
COMMENT ON TABLE ${
    qualified(schema, WRITES)
  } IS 'Writes of Seeknal under way, and how to take them back'`);
}

/** True when a schema has a ledger. */
export async function hasLedger(session: WriteSession, schema: string): Promise<boolean> {
  const [row] = await session.query(
    `SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace ` +
      `WHERE n.nspname = $1 AND c.relname = $2`,
    [schema, WRITES],
  );
  return row !== undefined;
}

const ENTRY_COLUMNS =
  "name, oid::text, project, environment, node, mode, content_hash, spec_hash, " +
  "rows::float8, checksum, columns, batch, version, own_xids";
const WRITE_COLUMNS = "batch, name, step, state, action, project, environment, mode, " +
  "content_hash, spec_hash, rows::float8, checksum, shared, stage, version, before, keys, xids, " +
  "full_xid, touched::float8, total::float8, previous, created, ddl_undo, reverts, sequence::text";

/** The entries of a schema, by table name; none where it has no ledger. */
export async function readEntries(
  session: WriteSession,
  schema: string,
): Promise<Map<string, LedgerEntry>> {
  if (!await hasLedger(session, schema)) return new Map();
  const rows = await session.query<LedgerEntry>(
    `SELECT ${ENTRY_COLUMNS} FROM ${qualified(schema, ENTRIES)} ORDER BY name`,
  );
  return new Map(rows.map((row) => [row.name, row]));
}

/** Writes of a schema that fulfil a condition, oldest first. */
export async function readWrites(
  session: WriteSession,
  schema: string,
  condition: string,
  parameters: readonly string[] = [],
): Promise<LedgerWrite[]> {
  if (!await hasLedger(session, schema)) return [];
  return await session.query<LedgerWrite>(
    `SELECT ${WRITE_COLUMNS} FROM ${qualified(schema, WRITES)} AS w WHERE ${condition} ` +
      `ORDER BY w.sequence`,
    parameters,
  );
}

/** Puts entries in the place of those of the same names. */
export async function putEntries(
  session: WriteSession,
  schema: string,
  entries: readonly LedgerEntry[],
): Promise<void> {
  const names = [
    ...["name", "oid", "project", "environment", "node", "mode", "content_hash", "spec_hash"],
    ...["rows", "checksum", "columns", "batch", "version", "own_xids"],
  ];
  const updates = names.slice(1).map((name) => `${name} = excluded.${name}`).join(", ");
  const list = names.join(", ");
  await session.query(
    `INSERT INTO ${qualified(schema, ENTRIES)} (${list}) SELECT ${list} ` +
      `FROM jsonb_populate_recordset(NULL::${qualified(schema, ENTRIES)}, $1::text::jsonb) ` +
      `ON CONFLICT (name) DO UPDATE SET ${updates}, written_at = now()`,
    [JSON.stringify(entries)],
  );
}

/** Removes a table's entry. */
export async function removeEntry(session: WriteSession, table: TableName): Promise<void> {
  await session.query(
    `DELETE FROM ${qualified(table.schema, ENTRIES)} WHERE name = $1`,
    [table.name],
  );
}

/** What a new write must say; everything else has its default. */
export type NewWrite =
  & Pick<
    LedgerWrite,
    | "batch"
    | "name"
    | "state"
    | "action"
    | "project"
    | "environment"
    | "mode"
    | "content_hash"
    | "spec_hash"
    | "rows"
  >
  & Partial<LedgerWrite>;

/** Records a new write. */
export async function addWrite(
  session: WriteSession,
  schema: string,
  write: NewWrite,
): Promise<void> {
  const names = Object.keys(write).map(quoteName).join(", ");
  await session.query(
    `INSERT INTO ${qualified(schema, WRITES)} (${names}) SELECT ${names} ` +
      `FROM jsonb_populate_record(NULL::${qualified(schema, WRITES)}, $1::text::jsonb)`,
    [JSON.stringify(write)],
  );
}

/** Changes what is recorded of writes; every change names the same fields. */
export async function changeWrites(
  session: WriteSession,
  schema: string,
  changes: readonly (Partial<LedgerWrite> & Pick<LedgerWrite, "batch" | "name" | "step">)[],
): Promise<void> {
  if (changes.length === 0) return;
  const names = Object.keys(changes[0]!).filter((n) => !["batch", "name", "step"].includes(n));
  const updates = names.map((name) => `${quoteName(name)} = n.${quoteName(name)}`).join(", ");
  await session.query(
    `UPDATE ${qualified(schema, WRITES)} w SET ${updates} ` +
      `FROM jsonb_populate_recordset(NULL::${qualified(schema, WRITES)}, $1::text::jsonb) n ` +
      `WHERE w.batch = n.batch AND w.name = n.name AND w.step = n.step`,
    [JSON.stringify(changes)],
  );
}

/** Forgets a write; its tables are the caller's. */
export async function removeWrite(
  session: WriteSession,
  schema: string,
  write: Pick<LedgerWrite, "batch" | "name" | "step">,
): Promise<void> {
  await session.query(
    `DELETE FROM ${qualified(schema, WRITES)} WHERE batch = $1 AND name = $2 AND step = $3`,
    [write.batch, write.name, write.step],
  );
}

/** Removes a write's record and the rows it kept. */
export async function forgetWrite(
  session: WriteSession,
  table: TableName,
  row: LedgerWrite,
): Promise<void> {
  await dropKept(session, table, row);
  await removeWrite(session, table.schema, row);
}

/** Drops the rows that a write staged or kept. */
export async function dropKept(
  session: WriteSession,
  table: TableName,
  row: LedgerWrite,
): Promise<void> {
  for (const name of [row.stage, row.before]) {
    if (name !== null) await session.query(`DROP TABLE IF EXISTS ${qualified(table.schema, name)}`);
  }
}

/** Forgets writes of a schema that have no tables of their own. */
export async function removeWrites(
  session: WriteSession,
  schema: string,
  writes: readonly LedgerWrite[],
): Promise<void> {
  await session.query(
    `DELETE FROM ${qualified(schema, WRITES)} WHERE sequence::text IN ` +
      `(SELECT jsonb_array_elements_text($1::text::jsonb))`,
    [JSON.stringify(writes.map(({ sequence }) => sequence))],
  );
}
