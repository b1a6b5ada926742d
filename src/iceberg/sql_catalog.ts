import { UserError } from "../base/user_error.ts";
import type { ObjectStorage } from "../storage/object_storage.ts";
import { applyUpdates, checkRequirements } from "./apply_updates.ts";
import {
  type Catalog,
  CommitConflict,
  type LoadedTable,
  type TableCommit,
  type TableIdentifier,
} from "./catalog.ts";
import { displayName, locationBelow } from "./catalog_names.ts";
import { parseMetadataFile, serializeMetadata } from "./metadata_json.ts";
import { CommitUncertain, type SqlDatabase } from "./sql_catalog_database.ts";
import { CatalogTables, type PointerMove } from "./sql_catalog_tables.ts";
import type { TableMetadata } from "./table_metadata.ts";

/** What an SQL catalog is made of. */
export interface SqlCatalogOptions {
  /** Value of `catalog_name`: several catalogs can share a database. */
  readonly name: string;
  /** Location below which new tables are put. */
  readonly warehouse: string;
  readonly database: SqlDatabase;
  readonly openStorage: (location: string) => Promise<ObjectStorage>;
  readonly now: () => Date;
}

/** How often a commit is tried again whose requirements still hold after somebody else's. */
const ATTEMPTS = 8;

/** Property that a namespace without others has, so that there is a row for it. Also Java's and pyiceberg's. */
const EXISTS = "exists";

/** A commit whose metadata file is written. */
interface Prepared {
  readonly identifier: TableIdentifier;
  readonly previous: LoadedTable | null;
  readonly metadata: TableMetadata;
  readonly location: string;
  readonly storage: ObjectStorage;
}

/**
 * A catalog in an SQL database that JdbcCatalog of Java and SqlCatalog of pyiceberg can share: one row a
 * table, pointing to its metadata file. A commit writes new files, then moves all pointers in one transaction.
 */
export class SqlCatalog implements Catalog {
  readonly isAtomic = true;
  readonly #options: SqlCatalogOptions;
  readonly #tables: CatalogTables;

  constructor(options: SqlCatalogOptions) {
    this.#options = options;
    this.#tables = new CatalogTables(options.database, options.name);
  }

  async defaultLocation(identifier: TableIdentifier): Promise<string> {
    const { location } = await this.#tables.properties(joined(identifier.slice(0, -1)));
    return location === undefined
      ? locationBelow(this.#options.warehouse, identifier)
      : locationBelow(location, identifier.slice(-1));
  }

  async storageFor(location: string): Promise<ObjectStorage> {
    return await this.#options.openStorage(location);
  }

  async load(identifier: TableIdentifier): Promise<LoadedTable | null> {
    const location = await this.#pointer(identifier);
    return location === null ? null : await this.#read(identifier, location);
  }

  async list(namespace: readonly string[]): Promise<TableIdentifier[]> {
    const names = await this.#tables.tables(joined(namespace));
    return names.map((name) => [...namespace, name]);
  }

  async namespaces(parent: readonly string[]): Promise<(readonly string[])[]> {
    const children = new Set<string>();
    for (const namespace of await this.#tables.namespaces()) {
      const levels = namespace.split(".");
      const child = levels[parent.length];
      if (child !== undefined && parent.every((level, i) => level === levels[i])) {
        children.add(child);
      }
    }
    return [...children].sort().map((child) => [...parent, child]);
  }

  async namespaceProperties(
    namespace: readonly string[],
  ): Promise<Readonly<Record<string, string>> | null> {
    const { [EXISTS]: _, ...properties } = await this.#tables.properties(joined(namespace));
    return await this.#namespaceExists(namespace) ? properties : null;
  }

  async createNamespace(
    namespace: readonly string[],
    properties: Readonly<Record<string, string>>,
  ): Promise<void> {
    await this.#tables.addProperties(joined(namespace), { ...properties, [EXISTS]: "true" });
  }

  async dropNamespace(namespace: readonly string[]): Promise<void> {
    const below = await this.namespaces(namespace);
    if (below.length > 0 || !await this.#tables.removeNamespace(joined(namespace))) {
      throw new UserError(`Cannot drop the namespace ${displayName(namespace)}: it is not empty`, {
        code: "namespace_not_empty",
        kind: "execution",
        hint: "drop its tables and the namespaces below it first",
      });
    }
  }

  async drop(identifier: TableIdentifier): Promise<void> {
    await this.#tables.removeTable(...keyOf(identifier));
  }

  async commit(commits: readonly TableCommit[]): Promise<void> {
    for (let attempt = 1;; attempt++) {
      const prepared = await this.#prepareAll(commits);
      const lost = await this.#swap(prepared);
      if (lost === null) return await removeOldFiles(prepared);
      await discard(prepared);
      if (attempt === ATTEMPTS) {
        throw new CommitConflict(lost.identifier, "others commit to it all the time");
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.database[Symbol.asyncDispose]();
  }

  async #prepareAll(commits: readonly TableCommit[]): Promise<Prepared[]> {
    const prepared: Prepared[] = [];
    try {
      for (const commit of commits) prepared.push(await this.#prepare(commit));
      return prepared;
    } catch (error) {
      await discard(prepared);
      throw error;
    }
  }

  async #prepare({ identifier, base, requirements, updates }: TableCommit): Promise<Prepared> {
    const pointer = await this.#pointer(identifier);
    const isBase = base !== null && pointer === base.metadataLocation;
    const previous = isBase
      ? base
      : pointer === null
      ? null
      : await this.#read(identifier, pointer);
    const problem = base === null && previous !== null
      ? checkRequirements(previous.metadata, [{ type: "assert-create" }])
      : base !== null && previous === null
      ? "it was dropped"
      : checkRequirements(previous?.metadata ?? null, requirements);
    if (problem !== null) throw new CommitConflict(identifier, problem);
    if (previous === null) await this.#requireNamespace(identifier);
    const now = this.#options.now();
    let metadata: TableMetadata;
    try {
      metadata = applyUpdates(previous?.metadata ?? null, updates, { now, previousFile: pointer });
    } catch (error) {
      // What fitted the table that the commit was made for, and does not fit this one.
      if (isBase || base === null || !(error instanceof UserError)) throw error;
      throw new CommitConflict(identifier, error.message);
    }
    return await this.#write(identifier, previous, metadata);
  }

  async #write(
    identifier: TableIdentifier,
    previous: LoadedTable | null,
    metadata: TableMetadata,
  ): Promise<Prepared> {
    const storage = await this.storageFor(metadata.location);
    if (previous !== null && metadata === previous.metadata) {
      return { identifier, previous, metadata, storage, location: previous.metadataLocation! };
    }
    const location = nextMetadataFile(metadata, previous?.metadataLocation ?? null);
    const text = serializeMetadata(metadata);
    await storage.write(location, new TextEncoder().encode(text), { ifAbsent: true });
    return { identifier, previous, metadata, storage, location };
  }

  /** The commit that somebody was faster than; null when all were made. */
  async #swap(prepared: readonly Prepared[]): Promise<Prepared | null> {
    const moves = prepared.map((each): PointerMove => {
      const [namespace, table] = keyOf(each.identifier);
      const from = each.previous?.metadataLocation ?? null;
      return { namespace, table, from, to: each.location };
    });
    try {
      const lost = await this.#tables.move(moves);
      return lost === null ? null : prepared[moves.indexOf(lost)]!;
    } catch (error) {
      if (!(error instanceof CommitUncertain)) {
        await discard(prepared);
        throw error;
      }
      if (await this.#wentThrough(prepared, error)) return null;
      // The files stay: nobody can say that nothing will point to them.
      throw unknownState(prepared, this.#options.database.title, error);
    }
  }

  /** Looks whether the table is at the commit, or has gone on from it. */
  async #wentThrough(prepared: readonly Prepared[], error: unknown): Promise<boolean> {
    try {
      for (const { identifier, location } of prepared) {
        const table = await this.load(identifier);
        const log = table?.metadata["metadata-log"] ?? [];
        const isThere = table?.metadataLocation === location ||
          log.some((entry) => entry["metadata-file"] === location);
        if (!isThere) return false;
      }
      return true;
    } catch {
      throw unknownState(prepared, this.#options.database.title, error);
    }
  }

  async #pointer(identifier: TableIdentifier): Promise<string | null> {
    const pointer = await this.#tables.pointer(...keyOf(identifier));
    if (!pointer?.isView) return pointer?.location ?? null;
    throw new UserError(`${displayName(identifier)} is a view, not a table`, {
      code: "iceberg_view",
      kind: "validation",
      hint: "name a table, or choose another name for the new one",
    });
  }

  async #read(identifier: TableIdentifier, metadataLocation: string): Promise<LoadedTable> {
    const files = await this.storageFor(metadataLocation);
    const metadata = parseMetadataFile(await files.read(metadataLocation), metadataLocation);
    const storage = await this.storageFor(metadata.location);
    return { identifier, metadata, metadataLocation, storage };
  }

  async #namespaceExists(namespace: readonly string[]): Promise<boolean> {
    const prefix = joined(namespace);
    const all = await this.#tables.namespaces();
    return [...all].some((name) => name === prefix || name.startsWith(`${prefix}.`));
  }

  async #requireNamespace(identifier: TableIdentifier): Promise<void> {
    const namespace = identifier.slice(0, -1);
    if (await this.#namespaceExists(namespace)) return;
    throw new UserError(
      `Cannot create ${displayName(identifier)}: there is no namespace ${displayName(namespace)}`,
      { code: "namespace_missing", kind: "validation" },
    );
  }
}

/** `metadata/00003-<uuid>.metadata.json`, one above the number of the file before. */
function nextMetadataFile(metadata: TableMetadata, previous: string | null): string {
  // Hadoop's catalogs count `v3.metadata.json`.
  const match = /(?:^|\/)v?(\d+)[-.][^/]*$/.exec(previous ?? "");
  const number = previous === null ? 0 : Number(match?.[1] ?? 0) + 1;
  const folder = metadata.properties["write.metadata.path"] ?? `${metadata.location}/metadata`;
  const name = `${String(number).padStart(5, "0")}-${crypto.randomUUID()}.metadata.json`;
  return `${folder.replace(/\/+$/, "")}/${name}`;
}

/** Removes the files of commits that were not made. */
async function discard(prepared: readonly Prepared[]): Promise<void> {
  for (const { storage, location, previous } of prepared) {
    // A file that stays is harmless, and must not hide why the commit was not made.
    if (location !== previous?.metadataLocation) await storage.remove([location]).catch(() => {});
  }
}

/** Honours `write.metadata.delete-after-commit.enabled`: what the log has no room for is removed. */
async function removeOldFiles(prepared: readonly Prepared[]): Promise<void> {
  for (const { metadata, previous, storage } of prepared) {
    if (metadata.properties["write.metadata.delete-after-commit.enabled"] !== "true") continue;
    const kept = new Set(metadata["metadata-log"].map((entry) => entry["metadata-file"]));
    const gone = (previous?.metadata["metadata-log"] ?? [])
      .map((entry) => entry["metadata-file"])
      .filter((file) => !kept.has(file));
    // The commit is made; a file that stays too long does not change that.
    await storage.remove(gone).catch(() => {});
  }
}

function unknownState(
  prepared: readonly Prepared[],
  title: string,
  cause: unknown,
): UserError {
  const names = prepared.map(({ identifier }) => displayName(identifier)).join(", ");
  return new UserError(
    `It is not known whether the commit to ${names} went through: ${title} did not answer`,
    {
      code: "commit_state_unknown",
      kind: "execution",
      hint: "run the command again when the catalog can be reached: it looks first",
      cause,
    },
  );
}

function keyOf(identifier: TableIdentifier): [namespace: string, table: string] {
  return [joined(identifier.slice(0, -1)), identifier.at(-1) ?? ""];
}

/** Throws a `UserError` `namespace_invalid` (2) where the levels could not be told apart again. */
function joined(namespace: readonly string[]): string {
  const odd = namespace.find((level) => level === "" || level.includes("."));
  if (odd === undefined) return namespace.join(".");
  throw new UserError(`"${odd}" cannot be a level of a namespace in an SQL catalog`, {
    code: "namespace_invalid",
    kind: "usage",
    hint: "levels are joined by dots there: choose a name without one",
  });
}
