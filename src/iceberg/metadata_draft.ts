import { UserError } from "../base/user_error.ts";
import type { TableMetadata } from "./table_metadata.ts";

/** Id that stands for what the same commit added last. */
export const LAST_ADDED = -1;

/** What a commit has done so far. */
export interface Draft {
  metadata: TableMetadata;
  readonly now: number;
  readonly lastAdded: { schema: number | null; spec: number | null; order: number | null };
  /** Snapshots of this commit. */
  readonly added: Set<bigint>;
  /** Time of the change; null until something says it. */
  changed: number | null;
}

/** Puts fields of the metadata in the place of what they were. */
export function set(draft: Draft, fields: Partial<TableMetadata> & Record<string, unknown>): void {
  draft.metadata = { ...draft.metadata, ...fields };
}

/** A record without some of its members. */
export function without<V>(
  values: Readonly<Record<string, V>>,
  names: readonly string[],
): Record<string, V> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));
}

/** The error for an update that cannot be made. */
export function invalid(why: string): UserError {
  return new UserError(`Cannot change the Iceberg table: ${why}`, {
    code: "iceberg_update_invalid",
    kind: "execution",
  });
}
