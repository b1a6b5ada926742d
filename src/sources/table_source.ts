import type { ReadVariable } from "../base/interpolate.ts";
import type { TableJob, TableRead } from "../model/outside_read.ts";
import type { ConnectionSpec } from "../model/profile.ts";
import type { Session } from "../engine/session.ts";
import type { SourceParam } from "./source_type.ts";

export type { TableJob, TableRead } from "../model/outside_read.ts";

/** What a table is at one moment. */
export interface DescribedTable {
  /** Columns with the DuckDB types in which they will be read. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Stands for the rows: another token where they may have changed. Names the system too, so that two databases never share one. */
  readonly token: string;
  /** Hash that stands for the database or the table itself: rows read from another one are never gone on with. */
  readonly system: string;
  /** What the token relies on, for people: `row versions of public.orders`, `snapshot 123 of atlas.shop.orders`. */
  readonly reliesOn: string;
  /** For incremental reads: the last value that will have been read, as text; null otherwise. */
  readonly watermark: string | null;
}

/** A kind of source whose rows come from an outside system. */
export interface TableSourceType {
  readonly name: string;
  readonly summary: string;
  readonly params: Readonly<Record<string, SourceParam>>;
  /** Why a read is not one that can be made; null when it is. Looks at the text only. */
  problem(
    read: TableRead,
  ): { readonly path: readonly string[]; readonly message: string; readonly hint: string } | null;
  /** Connection a read goes through; null when the node names none. Absent: the node itself says where the rows are. */
  connection?(read: TableRead): string | null;
  /** Params that do not change which rows come. */
  readonly quiet?: readonly string[];
  /** False where types are guessed from text. Absent: the system says which types its columns have. */
  hasTypes?(read: TableRead): boolean;
  /** `connection` is {@linkcode NO_CONNECTION} for a type without one. */
  open(connection: ConnectionSpec, context: ReadContext): Promise<SourceReader>;
  /** Does a job: writes a Parquet file and returns its rows. `session` may read and write `temporaryDir`. Runs in a worker. */
  read(job: TableJob, outPath: string, session: Session, context: ReadContext): Promise<number>;
}

/** Stands for the connection of types that need none. */
export const NO_CONNECTION: ConnectionSpec = { name: "", type: "none", options: {}, file: "" };

/** What reading may use of the machine. */
export interface ReadContext {
  readonly env: ReadVariable;
  readonly root: string;
  readonly temporaryDir: string;
  /** True where nothing may be kept. */
  readonly readOnly?: boolean;
  /** Stops what waits for a system outside. */
  readonly signal?: AbortSignal;
}

/**
 * An open system to read from. All that one reader describes, and all jobs with its
 * pin, see one consistent snapshot of the system for as long as it is open.
 */
export interface SourceReader extends AsyncDisposable {
  /** Throws a `UserError` of kind `validation` (3) for a table that is not there or cannot be read. */
  describe(read: TableRead): Promise<DescribedTable>;
  /** What jobs must name to see the same snapshot. */
  pin(read: TableRead): Promise<string | null>;
}
