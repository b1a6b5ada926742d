import type { LedgerEntry } from "./ledger.ts";
import type { TableFacts } from "./table_facts.ts";
import type { TableName } from "./table_name.ts";

/** A write beside what the database has under its name. */
export interface FoundTable {
  readonly table: TableName;
  readonly facts: TableFacts | null;
  /** The ledger's entry when it stands for this very relation. */
  readonly entry: LedgerEntry | null;
}
