import type { FieldReader } from "../base/field_reader.ts";
import type { JsonSchema } from "../base/json_schema.ts";
import type { ReadVariable } from "../base/interpolate.ts";
import type { MaterializationSpec, TableOwner, TableWrite } from "../model/materialization.ts";
import type { ConnectionSpec } from "../model/profile.ts";

/** A way to write tables outside. */
export interface TargetType {
  /** The value of a materialization's `type` field. */
  readonly name: string;
  readonly summary: string;
  /** Fields of one entry of `materializations`, as JSON Schema properties; `type` is left out. */
  readonly schema: Readonly<Record<string, JsonSchema>>;
  /** Reads one entry of `materializations`; null after reporting what is wrong with it. */
  parse(reader: FieldReader): MaterializationSpec | null;
  /**
   * The table's name in an environment (`null`: production), in parts without the
   * catalog, or why there is none.
   */
  tableIn(
    spec: MaterializationSpec,
    environment: string | null,
  ): { readonly table: readonly string[]; readonly target: string } | { readonly problem: string };
  /** Connects. Throws `UserError`s of kind `dependency` (5), `usage` (2) and `security` (6). */
  open(connection: ConnectionSpec, context: StoreContext): Promise<TargetStore>;
}

/** What a store may use of the machine. */
export interface StoreContext {
  /** Environment variables, for `${VAR}` of the connection. */
  readonly env: ReadVariable;
  /** Absolute project folder: relative paths of a connection start here. */
  readonly root: string;
  /** Folder for files in the making. */
  readonly temporaryDir: string;
  /** Folder of the Parquet files that are written out. */
  readonly objectsDir: string;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/** What a table outside is now. */
export interface TableState {
  readonly table: readonly string[];
  readonly exists: boolean;
  /** Null: not written by Seeknal (or does not exist). */
  readonly owner: TableOwner | null;
  /** What it holds, as recorded with the last write. */
  readonly content_hash: string | null;
  readonly spec_hash: string | null;
}

/** Why a write cannot be done, found before anything is written. */
export interface TargetProblem {
  readonly write: TableWrite;
  /** `foreign_table`, `missing_privilege`, `schema_change_refused`, `cannot_revert`, … */
  readonly code: string;
  readonly message: string;
  /** The statement or command that helps. */
  readonly hint?: string;
}

/** What staging did, measured on what is staged. */
export interface StagedTable {
  /** Rows brought in by this write (the output's rows, also where the mode merges them). */
  readonly rows: number;
  /** Checksum of the staged rows; equal to the output's unless the policy does not ask for it. */
  readonly checksum: string | null;
  /** True when no data was copied: the content was there already. */
  readonly shared: boolean;
}

/** What {@linkcode TargetStore.collectGarbage} leaves. */
export interface GarbageRules {
  /** Batches whose leftovers somebody still needs. */
  readonly pending: ReadonlySet<string>;
  /** Contents that some kept state names. */
  readonly live: ReadonlySet<string>;
  readonly project: string;
  /** Snapshots of tables that are older go, where the system keeps them; null: none. */
  readonly expireBefore: Date | null;
  /** Of each table at least this many snapshots stay. */
  readonly keepSnapshots: number;
  readonly dryRun: boolean;
}

/**
 * An open database or catalog: one system in which several tables change together.
 *
 * The life of a batch of writes, under an `id` that the caller keeps (an intent in the state
 * repository) before anything is written: `check`, `stage` each, `swap` all in one
 * transaction, then `finish`; or `abort` before the swap, `undo` after it. Every one of
 * these is idempotent and finds its way by `id` and writes alone, so that another process can
 * go on after a `kill -9` at any point. Until `finish`, `undo` brings back exactly what was.
 */
export interface TargetStore extends AsyncDisposable {
  /** What tables are now, in the order of the request. */
  inspect(tables: readonly (readonly string[])[]): Promise<TableState[]>;
  /** Everything that would go wrong and can be known before: ownership, rights, schema. Writes nothing. */
  check(writes: readonly TableWrite[]): Promise<TargetProblem[]>;
  /**
   * Brings a write's rows beside the table and validates them there: schema, row count, checksum.
   * Creates the schema or namespace when missing. Throws `UserError` `validation_failed` (4) and cleans up.
   * `parquet` is the absolute path of the output.
   */
  stage(id: string, write: TableWrite, parquet: string): Promise<StagedTable>;
  /** Puts all staged writes in place in one transaction; those already in place under this id are left alone. */
  swap(id: string, writes: readonly TableWrite[]): Promise<void>;
  /** How far a batch has come: nothing staged is left, everything staged, everything swapped, or a mixture. */
  progress(
    id: string,
    writes: readonly TableWrite[],
  ): Promise<"none" | "staged" | "swapped" | "mixed">;
  /** Takes a swap back and drops what was staged. */
  undo(id: string, writes: readonly TableWrite[]): Promise<void>;
  /** Drops what was kept for `undo` alone. Called once the state's ref has moved. */
  finish(id: string, writes: readonly TableWrite[]): Promise<void>;
  /** Drops what was staged and not swapped. */
  abort(id: string, writes: readonly TableWrite[]): Promise<void>;
  /** Tables that an owner has here (by what is recorded in the system), in name order. */
  owned(owner: TableOwner): Promise<TableState[]>;
  /** Drops tables of an owner, and schemas that are then empty and were made by Seeknal. Never cascades. */
  drop(tables: readonly (readonly string[])[], owner: TableOwner): Promise<void>;
  /**
   * Removes what nothing needs any more: staged leftovers of ids not in `pending`, versions
   * and before-images of contents not in `live`. Returns what was (or would be) removed.
   */
  collectGarbage(options: GarbageRules): Promise<string[]>;
}
