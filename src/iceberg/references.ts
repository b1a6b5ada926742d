import { UserError } from "../base/user_error.ts";
import { displayName } from "./catalog_names.ts";
import type { Catalog, LoadedTable, TableIdentifier } from "./catalog.ts";
import { readEntries, readManifests } from "./table_files.ts";
import type { TableMetadata, TableSnapshot } from "./table_metadata.ts";

/** Every file that some tables' snapshots need: manifest lists, manifests, data and delete files. */
export class References {
  readonly paths = new Set<string>();

  /** Adds what some snapshots of a table need; a manifest that is known already is not read again. */
  async add(table: LoadedTable, snapshots: readonly TableSnapshot[]): Promise<void> {
    for (const snapshot of snapshots) {
      if (this.paths.has(snapshot["manifest-list"])) continue;
      this.paths.add(snapshot["manifest-list"]);
      for (const manifest of await readManifests(table.storage, snapshot)) {
        if (this.paths.has(manifest.path)) continue;
        this.paths.add(manifest.path);
        const { entries } = await readEntries(table.storage, table.metadata, manifest);
        for (const entry of entries) {
          if (entry.status !== "deleted") this.paths.add(entry.file.path);
        }
      }
    }
  }
}

/** All tables of a catalog, in all namespaces. */
export async function allTables(
  catalog: Catalog,
  parent: readonly string[] = [],
): Promise<TableIdentifier[]> {
  const tables: TableIdentifier[] = parent.length === 0 ? [] : await catalog.list(parent);
  for (const namespace of await catalog.namespaces(parent)) {
    tables.push(...await allTables(catalog, namespace));
  }
  return tables;
}

/** What all tables of a catalog need, except for some of them. */
export async function referencesOfOthers(
  catalog: Catalog,
  except: (identifier: TableIdentifier) => boolean,
): Promise<ReadonlySet<string>> {
  const references = new References();
  for (const identifier of await allTables(catalog)) {
    if (except(identifier)) continue;
    const table = await catalog.load(identifier);
    if (table !== null) await references.add(table, table.metadata.snapshots);
  }
  return references.paths;
}

/** Metadata files that a table names: the current one and those before. */
export function metadataFiles(table: LoadedTable): string[] {
  const { metadata, metadataLocation } = table;
  return [
    ...(metadataLocation === null ? [] : [metadataLocation]),
    ...metadata["metadata-log"].map((entry) => entry["metadata-file"]),
  ];
}

/** False for a table whose files another program keeps (Iceberg's property `gc.enabled`): none of them may be removed. */
export function mayRemoveFiles(metadata: TableMetadata): boolean {
  return metadata.properties["gc.enabled"] !== "false";
}

/** Throws a `UserError` `files_kept` (3) for a table whose files must stay. */
export function refuseKeptFiles(table: LoadedTable): void {
  if (mayRemoveFiles(table.metadata)) return;
  throw new UserError(
    `Files of ${
      displayName(table.identifier)
    } must not be removed: its property gc.enabled is false`,
    {
      code: "files_kept",
      kind: "validation",
      hint: "another table or program needs them; set gc.enabled to true when that is over",
    },
  );
}

/** True for a file below a table's own location. */
export function isInside(path: string, metadata: TableMetadata): boolean {
  return path.startsWith(`${metadata.location.replace(/\/+$/, "")}/`);
}

/** True for the same table name. */
export function sameTable(a: TableIdentifier, b: TableIdentifier): boolean {
  return a.length === b.length && a.every((level, i) => level === b[i]);
}
