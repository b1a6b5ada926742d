import type { Catalog, LoadedTable } from "./catalog.ts";
import {
  mayRemoveFiles,
  metadataFiles,
  References,
  referencesOfOthers,
  sameTable,
} from "./references.ts";

/**
 * Takes tables out of the catalog, then removes their files: metadata, and those below the tables' own
 * locations that no other table of the catalog lists. A process killed in between leaves files that nothing refers to.
 */
export async function dropTables(
  catalog: Catalog,
  tables: readonly LoadedTable[],
): Promise<void> {
  if (tables.length === 0) return;
  const own = new Map<LoadedTable, References>();
  for (const table of tables) {
    const references = new References();
    await references.add(table, table.metadata.snapshots);
    own.set(table, references);
  }
  const others = await referencesOfOthers(
    catalog,
    (identifier) => tables.some((table) => sameTable(table.identifier, identifier)),
  );
  for (const table of tables) await catalog.drop(table.identifier);
  for (const [table, references] of own) {
    if (!mayRemoveFiles(table.metadata)) continue;
    const files = [...references.paths, ...metadataFiles(table)];
    const location = `${table.metadata.location}/`;
    await table.storage.remove(
      files.filter((path) => path.startsWith(location) && !others.has(path)),
    );
  }
}
