import { quoteName } from "../engine/quote.ts";
import type { MaterializationMode } from "../model/materialization.ts";

/** Everything that decides how staged rows get into an existing table. */
export interface MergeRequest {
  /** Qualified, quoted. */
  readonly table: string;
  readonly stage: string;
  /** Table for the rows that are changed or removed. */
  readonly before: string;
  /** `ONLY ` for tables whose children are not theirs (inheritance), empty for partitioned ones. */
  readonly only: string;
  readonly mode: MaterializationMode;
  /** Columns of the output, with their types in the table. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Columns of the table that can be written, of the output or not: what a former self consists of. */
  readonly allColumns: readonly string[];
  /** Columns that tell rows apart; null: rows are replaced as a whole. */
  readonly keys: readonly string[] | null;
  readonly timeColumn: string | null;
}

/** The statements of a merge, in order; each is null when the mode has no use for it. */
export interface MergeSql {
  /** Keep what will be changed or removed; no row is in two of them. */
  readonly keep: readonly string[];
  readonly remove: string | null;
  readonly update: string | null;
  readonly insert: string;
}

/** Column of the tables of former rows that says which transaction wrote them (`xmin`). */
export const ORIGIN = "_seeknal_origin";

/**
 * How staged rows are merged into a table that others read all the time.
 *
 * Nothing is ever truncated, swapped by name or created anew: rows are deleted, updated and
 * inserted in one transaction, so that every reader sees, at whatever isolation, either all of
 * the old rows or all of the new ones. (TRUNCATE and a table renamed into place are empty to
 * transactions whose snapshot is older; a renamed one loses the views and functions built on
 * the old.) Whatever hangs on the table stays, because it stays the same table. The price is
 * room for the dead rows until the next vacuum.
 *
 * - `full` with a unique key: rows that differ are updated, those that are gone deleted, new
 *   ones inserted; equal ones are not touched. Without a key all are deleted and inserted.
 * - `append`: inserted.
 * - `upsert_by_key`: matched by key, columns by name; equal ones are not touched.
 * - `incremental_by_time`: a row of the table is replaced when its time lies between the first
 *   and the last time of the batch, both included, and on a day (UTC) of which the batch
 *   brings rows. Later rows, earlier rows and days that the batch does not bring again stay:
 *   `lookback` says how far back a node reads again, and gives no right to delete what it did
 *   not bring. No rows, nothing deleted.
 */
export function mergeSql(request: MergeRequest): MergeSql {
  const { table, stage, before, only, columns } = request;
  const names = columns.map(({ name }) => quoteName(name));
  const all = request.allColumns.map(quoteName);
  const keepWhere = (where: string) =>
    `INSERT INTO ${before} (${[...all, ORIGIN].join(", ")}) ` +
    `SELECT ${all.map((name) => `t.${name}`).join(", ")}, t.xmin::text::bigint ` +
    `FROM ${only}${table} AS t WHERE ${where}`;
  // Identity columns take what the output says.
  const insertInto = `INSERT INTO ${table} (${names.join(", ")}) OVERRIDING SYSTEM VALUE ` +
    `SELECT ${names.map((name) => `s.${name}`).join(", ")} FROM ${stage} AS s`;
  if (request.mode === "append") {
    return { keep: [], remove: null, update: null, insert: insertInto };
  }
  const scope = scopeOf(request);
  if (request.keys === null) {
    return {
      keep: [keepWhere(scope ?? "true")],
      remove: `DELETE FROM ${only}${table} AS t WHERE ${scope ?? "true"}`,
      update: null,
      insert: insertInto,
    };
  }
  const match = sameKeys(request.keys, "t", "s");
  const rest = columns.filter(({ name }) => !request.keys!.includes(name));
  const differs = `(${rest.map((column) => differsSql(column, "t", "s")).join(" OR ")})`;
  const isStaged = (and = "") => `EXISTS (SELECT FROM ${stage} AS s WHERE ${match}${and})`;
  const isGone = scope === null ? null : `(${scope}) AND NOT ${isStaged()}`;
  return {
    // Never joined by OR: PostgreSQL would look through the staged rows once for every row of the table.
    keep: [
      ...(rest.length === 0 ? [] : [keepWhere(isStaged(` AND ${differs}`))]),
      ...(isGone === null ? [] : [keepWhere(isGone)]),
    ],
    remove: isGone === null ? null : `DELETE FROM ${only}${table} AS t WHERE ${isGone}`,
    update: rest.length === 0 ? null : `UPDATE ${only}${table} AS t SET ` +
      rest.map(({ name }) => `${quoteName(name)} = s.${quoteName(name)}`).join(", ") +
      ` FROM ${stage} AS s WHERE ${match} AND ${differs}`,
    insert: `${insertInto} WHERE NOT EXISTS (SELECT FROM ${only}${table} AS t WHERE ${match})`,
  };
}

/** Rows of the table that the staged ones replace as a whole; null: none but by key. */
function scopeOf({ mode, stage, timeColumn }: MergeRequest): string | null {
  if (mode === "full") return "true";
  if (mode !== "incremental_by_time" || timeColumn === null) return null;
  const time = quoteName(timeColumn);
  return `t.${time} >= (SELECT min(s.${time}) FROM ${stage} AS s) ` +
    `AND t.${time} <= (SELECT max(s.${time}) FROM ${stage} AS s) ` +
    `AND t.${time}::date IN (SELECT s.${time}::date FROM ${stage} AS s)`;
}

/** A condition that rows of two relations have the same key. */
export function sameKeys(keys: readonly string[], a: string, b: string): string {
  return keys.map((key) => `${a}.${quoteName(key)} = ${b}.${quoteName(key)}`).join(" AND ");
}

/** Types whose equality is that of their texts. */
const EXACT = /^(smallint|integer|bigint|boolean|date|uuid|bytea|numeric\(\d+,\d+\)|timestamp.*)$/;

/** A condition that a column differs, in its text where the type has no equality or one that is not exact. */
function differsSql(column: { name: string; type: string }, a: string, b: string): string {
  const name = quoteName(column.name);
  if (EXACT.test(column.type)) return `${a}.${name} IS DISTINCT FROM ${b}.${name}`;
  return `${a}.${name}::text COLLATE "C" IS DISTINCT FROM ${b}.${name}::text COLLATE "C"`;
}

/** A condition on `t` that one of these transactions wrote the row. */
export function writtenBy(xids: readonly number[]): string {
  return `t.xmin = ANY ('{${xids.join(",")}}'::xid[])`;
}
