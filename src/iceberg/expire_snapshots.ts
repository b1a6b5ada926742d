import { type Catalog, CommitConflict, type LoadedTable, type TableIdentifier } from "./catalog.ts";
import {
  isInside,
  References,
  referencesOfOthers,
  refuseKeptFiles,
  sameTable,
} from "./references.ts";
import { ancestorsOf } from "./table_files.ts";
import { UserError } from "../base/user_error.ts";
import { displayName } from "./catalog_names.ts";
import type { TableMetadata, TableSnapshot } from "./table_metadata.ts";

/** Which snapshots go. */
export interface ExpiryRules {
  /** Snapshots made before this moment go. */
  readonly olderThan: Date;
  /** Of each branch at least this many of the newest stay. */
  readonly retainLast: number;
  /** Also files outside the table's location go, which other tables may have written. Default: no. */
  readonly outsideFiles?: boolean;
  readonly dryRun: boolean;
}

/** What went, or would go. */
export interface Expired {
  readonly snapshotIds: readonly bigint[];
  readonly files: readonly string[];
}

/**
 * Expires snapshots of a table. What branches and tags point to stays, and so does every file that a
 * remaining snapshot or any other table of the catalog lists: environments share data files with production.
 */
export async function expireSnapshots(
  catalog: Catalog,
  identifier: TableIdentifier,
  rules: ExpiryRules,
): Promise<Expired> {
  const table = await catalog.load(identifier);
  if (table === null) {
    throw new UserError(`There is no table ${displayName(identifier)}`, {
      code: "table_missing",
      kind: "validation",
    });
  }
  refuseKeptFiles(table);
  const expired = expiredSnapshots(table.metadata, rules);
  const snapshotIds = expired.map((snapshot) => snapshot["snapshot-id"]);
  if (expired.length === 0) return { snapshotIds, files: [] };
  const files = await unreferenced(catalog, table, expired, rules.outsideFiles ?? false);
  if (rules.dryRun) return { snapshotIds, files };
  try {
    await catalog.commit([{
      identifier,
      base: table,
      requirements: [
        { type: "assert-table-uuid", uuid: table.metadata["table-uuid"] },
        // A branch that moves meanwhile may need what was to go.
        ...Object.entries(table.metadata.refs).map(([ref, { "snapshot-id": id }]) => ({
          type: "assert-ref-snapshot-id" as const,
          ref,
          "snapshot-id": id,
        })),
      ],
      updates: [{ action: "remove-snapshots", "snapshot-ids": snapshotIds }],
    }]);
  } catch (error) {
    if (!(error instanceof CommitConflict)) throw error;
    throw new UserError(`${displayName(identifier)} was changed while its snapshots were expired`, {
      code: "table_changed",
      kind: "execution",
      hint: "nothing was removed; run the command again",
      cause: error,
    });
  }
  await table.storage.remove(files);
  return { snapshotIds, files };
}

function expiredSnapshots(metadata: TableMetadata, rules: ExpiryRules): TableSnapshot[] {
  const kept = new Set<bigint>();
  for (const ref of Object.values(metadata.refs)) {
    kept.add(ref["snapshot-id"]);
    if (ref.type !== "branch") continue;
    const least = Math.max(rules.retainLast, ref["min-snapshots-to-keep"] ?? 1);
    for (const snapshot of ancestorsOf(metadata, ref["snapshot-id"]).slice(0, least)) {
      kept.add(snapshot["snapshot-id"]);
    }
  }
  const before = rules.olderThan.getTime();
  return metadata.snapshots.filter((snapshot) =>
    !kept.has(snapshot["snapshot-id"]) && snapshot["timestamp-ms"] < before
  );
}

async function unreferenced(
  catalog: Catalog,
  table: LoadedTable,
  expired: readonly TableSnapshot[],
  outsideFiles: boolean,
): Promise<string[]> {
  const going = new Set(expired);
  const candidates = new References();
  await candidates.add(table, expired);
  const remaining = new References();
  await remaining.add(table, table.metadata.snapshots.filter((snapshot) => !going.has(snapshot)));
  const others = await referencesOfOthers(
    catalog,
    (identifier) => sameTable(identifier, table.identifier),
  );
  return [...candidates.paths].filter((path) =>
    !remaining.paths.has(path) && !others.has(path) &&
    (outsideFiles || isInside(path, table.metadata))
  );
}
