import { UserError } from "../base/user_error.ts";
import type { Catalog, TableIdentifier } from "./catalog.ts";
import { displayName } from "./catalog_names.ts";
import {
  metadataFiles,
  References,
  referencesOfOthers,
  refuseKeptFiles,
  sameTable,
} from "./references.ts";

/** Which files go. */
export interface OrphanRules {
  /** Files changed at or after this moment stay: they may belong to a commit that is being made. */
  readonly olderThan: Date;
  readonly dryRun: boolean;
}

/**
 * Removes files below a table's location that neither its snapshots nor any other table of the catalog
 * need, and returns their locations in order. Documents of staged writes are left alone.
 */
export async function removeOrphans(
  catalog: Catalog,
  identifier: TableIdentifier,
  rules: OrphanRules,
): Promise<string[]> {
  const table = await catalog.load(identifier);
  if (table === null) {
    throw new UserError(`There is no table ${displayName(identifier)}`, {
      code: "table_missing",
      kind: "validation",
    });
  }
  refuseKeptFiles(table);
  const found: string[] = [];
  // Listed first: what is committed after the listing is not in it.
  for await (const file of table.storage.list(`${table.metadata.location}/`)) {
    if (file.modified < rules.olderThan) found.push(file.location);
  }
  const isStaged = stagedFiles(table.metadata.location, found);
  const own = new References();
  await own.add(table, table.metadata.snapshots);
  const others = await referencesOfOthers(
    catalog,
    (candidate) => sameTable(candidate, identifier),
  );
  const needed = new Set([...metadataFiles(table), ...statisticsFiles(table.metadata)]);
  const orphans = found.filter((path) =>
    !isStaged(path) && !own.paths.has(path) && !others.has(path) && !needed.has(path) &&
    !path.endsWith("/version-hint.text")
  ).sort();
  if (!rules.dryRun) await table.storage.remove(orphans);
  return orphans;
}

/** What is staged and not swapped belongs to a batch, which can be gone on with. */
function stagedFiles(location: string, files: readonly string[]): (path: string) => boolean {
  const start = `${location}/metadata/seeknal-`;
  const batches = files.filter((path) => path.startsWith(start) && path.endsWith(".json"))
    .map((path) => path.slice(start.length, -".json".length));
  return (path) =>
    path.startsWith(start) ||
    batches.some((batch) => path.startsWith(`${location}/data/seeknal-${batch}/`));
}

function statisticsFiles(metadata: object): string[] {
  return ["statistics", "partition-statistics"].flatMap((field) => {
    const files: unknown = Reflect.get(metadata, field);
    return Array.isArray(files) ? files.map((file) => String(file["statistics-path"])) : [];
  });
}
