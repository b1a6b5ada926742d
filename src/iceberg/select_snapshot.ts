import { UserError } from "../base/user_error.ts";
import type { SnapshotChoice } from "./read_request.ts";
import { currentSchema, currentSnapshot, findSnapshot, schemaById } from "./table_files.ts";
import type { TableMetadata, TableSchema, TableSnapshot } from "./table_metadata.ts";

/** A state of a table with the columns it is read in. */
export interface SelectedSnapshot {
  /** Null: the table has no rows yet. */
  readonly snapshot: TableSnapshot | null;
  readonly schema: TableSchema;
}

/**
 * Finds a state. An earlier one, and a tag, is read in the columns it had; a branch in the current ones, which are
 * the same for all branches. Throws a `UserError` `snapshot_missing` (3).
 */
export function selectSnapshot(
  metadata: TableMetadata,
  choice: SnapshotChoice,
  table: string,
): SelectedSnapshot {
  if (choice.snapshotId !== undefined) {
    const snapshot = findSnapshot(metadata, choice.snapshotId);
    if (snapshot === null) throw missing(`${table} has no snapshot ${choice.snapshotId}`, metadata);
    return { snapshot, schema: schemaOf(metadata, snapshot) };
  }
  if (choice.asOf !== undefined) return atMoment(metadata, choice.asOf, table);
  if (choice.ref !== undefined && choice.ref !== "main") {
    const ref = metadata.refs[choice.ref];
    const snapshot = ref === undefined ? null : findSnapshot(metadata, ref["snapshot-id"]);
    if (ref === undefined || snapshot === null) {
      throw missing(`${table} has no branch or tag "${choice.ref}"`, metadata);
    }
    return {
      snapshot,
      schema: ref.type === "tag" ? schemaOf(metadata, snapshot) : currentSchema(metadata),
    };
  }
  return { snapshot: currentSnapshot(metadata), schema: currentSchema(metadata) };
}

function schemaOf(metadata: TableMetadata, snapshot: TableSnapshot): TableSchema {
  const id = snapshot["schema-id"];
  return id === undefined ? currentSchema(metadata) : schemaById(metadata, id);
}

function atMoment(metadata: TableMetadata, asOf: Date, table: string): SelectedSnapshot {
  const entry = metadata["snapshot-log"].findLast((logged) =>
    logged["timestamp-ms"] <= asOf.getTime()
  );
  const snapshot = entry === undefined ? null : findSnapshot(metadata, entry["snapshot-id"]);
  if (snapshot !== null) return { snapshot, schema: schemaOf(metadata, snapshot) };
  throw missing(
    entry === undefined
      ? `${table} had no rows at ${asOf.toISOString()}, or its history does not go back so far`
      : `${table} has lost the snapshot it had at ${asOf.toISOString()}`,
    metadata,
  );
}

function missing(message: string, metadata: TableMetadata): UserError {
  const ids = metadata.snapshots.slice(-3).map((snapshot) =>
    `${snapshot["snapshot-id"]} (${new Date(snapshot["timestamp-ms"]).toISOString()})`
  );
  const names = Object.keys(metadata.refs).join(", ");
  return new UserError(message, {
    code: "snapshot_missing",
    kind: "validation",
    hint: ids.length === 0
      ? "nothing has been written to it"
      : `its last snapshots are ${ids.join(", ")}; branches and tags: ${names}`,
  });
}
