import type { ObjectStorage } from "../storage/object_storage.ts";
import type { Catalog } from "./catalog.ts";
import { allTables } from "./references.ts";
import type { StagedWrite } from "./staged_write.ts";
import { KEYS } from "./table_content.ts";

/** A staged write whose batch is over. */
export interface Leftover {
  readonly staged: StagedWrite;
  readonly storage: ObjectStorage;
  /** Its files belong to a snapshot of the table. */
  readonly isCommitted: boolean;
}

const DOCUMENT_REGEXP = /\/metadata\/seeknal-[^/]+\.json$/;

/**
 * Documents of staged writes of a project whose batch is not `pending`: beside its tables, and in namespaces
 * that Seeknal made, where tables may have come to nothing.
 */
export async function stagedLeftovers(
  catalog: Catalog,
  project: string,
  pending: ReadonlySet<string>,
): Promise<Leftover[]> {
  const leftovers = new Map<string, Leftover>();
  for (const [folder, storage] of await foldersOf(catalog, project)) {
    for await (const file of storage.list(folder)) {
      if (!DOCUMENT_REGEXP.test(file.location) || leftovers.has(file.location)) continue;
      const text = new TextDecoder().decode(await storage.read(file.location));
      const staged: StagedWrite = JSON.parse(text);
      if (staged.owner.project !== project || pending.has(staged.batch)) continue;
      leftovers.set(file.location, {
        staged,
        storage,
        isCommitted: await isCommitted(catalog, staged),
      });
    }
  }
  return [...leftovers.values()];
}

async function foldersOf(
  catalog: Catalog,
  project: string,
): Promise<Map<string, ObjectStorage>> {
  const folders = new Map<string, ObjectStorage>();
  for (const identifier of await allTables(catalog)) {
    const table = await catalog.load(identifier);
    if (table?.metadata.properties[KEYS.project] === project) {
      folders.set(`${table.metadata.location}/metadata/`, table.storage);
    }
  }
  for (const namespace of await allNamespaces(catalog, [])) {
    const properties = await catalog.namespaceProperties(namespace);
    if (properties?.[KEYS.project] !== project) continue;
    const below = await catalog.defaultLocation([...namespace, "table"]);
    const folder = below.slice(0, below.lastIndexOf("/") + 1);
    folders.set(folder, await catalog.storageFor(below));
  }
  return folders;
}

async function allNamespaces(
  catalog: Catalog,
  parent: readonly string[],
): Promise<(readonly string[])[]> {
  const found: (readonly string[])[] = [];
  for (const namespace of await catalog.namespaces(parent)) {
    found.push(namespace, ...await allNamespaces(catalog, namespace));
  }
  return found;
}

/** True when some table has the snapshot: then the files are its own. (A catalog may have given it another uuid.) */
async function isCommitted(catalog: Catalog, staged: StagedWrite): Promise<boolean> {
  for (const identifier of await allTables(catalog)) {
    const table = await catalog.load(identifier);
    const has = table?.metadata.snapshots.some((snapshot) =>
      String(snapshot["snapshot-id"]) === staged.snapshotId
    );
    if (has === true) return true;
  }
  return false;
}
