import type { TableWrite } from "../model/materialization.ts";
import type { FoundTable } from "./found_table.ts";
import type { LedgerEntry, LedgerWrite } from "./ledger.ts";
import type { WantedColumn } from "./table_evolution.ts";

/** A write with what is recorded of it and what the database has under its name. */
export interface PendingWrite {
  readonly write: TableWrite;
  /** One, or one for each step of a revert. */
  readonly rows: readonly LedgerWrite[];
  readonly found: FoundTable;
  readonly wanted: readonly WantedColumn[];
}

/** The ledger's entry after a write. */
export function entryFor(
  { write, wanted }: PendingWrite,
  row: LedgerWrite,
  oid: string,
  previous: LedgerEntry | null,
): LedgerEntry {
  return {
    name: row.name,
    oid,
    project: row.project,
    environment: row.environment,
    node: write.node,
    mode: row.mode,
    content_hash: row.content_hash,
    spec_hash: row.spec_hash,
    rows: row.rows,
    checksum: row.checksum,
    columns: wanted,
    batch: row.batch,
    version: row.version,
    own_xids: previous?.own_xids ?? [],
  };
}

/** Primary key of a write's record. */
export function keyOf({ batch, name, step }: LedgerWrite): Pick<
  LedgerWrite,
  "batch" | "name" | "step"
> {
  return { batch, name, step };
}
