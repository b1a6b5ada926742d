import type { ReadVariable } from "../base/interpolate.ts";
import type { ObjectStorage } from "../storage/object_storage.ts";
import type { TableMetadata, TableRequirement, TableUpdate } from "./table_metadata.ts";

/** What opening a catalog may use of the machine. */
export interface CatalogContext {
  readonly env: ReadVariable;
  /** Absolute project folder: relative paths of a connection start here. */
  readonly root: string;
  readonly now: () => Date;
}

/** Namespace levels and table name: `["shop", "orders"]`. */
export type TableIdentifier = readonly string[];

/** A table as a catalog has it. */
export interface LoadedTable {
  readonly identifier: TableIdentifier;
  readonly metadata: TableMetadata;
  /** Null where the catalog does not say. */
  readonly metadataLocation: string | null;
  /** Where its files are, opened with the credentials that the catalog vended, if it did. */
  readonly storage: ObjectStorage;
}

/** Changes of one table. */
export interface TableCommit {
  readonly identifier: TableIdentifier;
  /** Null creates the table: `updates` then hold everything from `assign-uuid` on. */
  readonly base: LoadedTable | null;
  readonly requirements: readonly TableRequirement[];
  readonly updates: readonly TableUpdate[];
}

/** Where tables are found by name and changed. */
export interface Catalog extends AsyncDisposable {
  /** True when a commit of several tables is one transaction. */
  readonly isAtomic: boolean;
  /** Location for a new table. */
  defaultLocation(identifier: TableIdentifier): Promise<string>;
  /** Storage for a location that belongs to no table yet. */
  storageFor(location: string): Promise<ObjectStorage>;
  /** Null when there is none. */
  load(identifier: TableIdentifier): Promise<LoadedTable | null>;
  /** Tables of a namespace (not of those below), in name order; empty when there is no such namespace. */
  list(namespace: readonly string[]): Promise<TableIdentifier[]>;
  namespaceProperties(
    namespace: readonly string[],
  ): Promise<Readonly<Record<string, string>> | null>;
  /** Namespaces below one (`[]`: the top), in name order. */
  namespaces(parent: readonly string[]): Promise<(readonly string[])[]>;
  /** No error when it is there already. */
  createNamespace(
    namespace: readonly string[],
    properties: Readonly<Record<string, string>>,
  ): Promise<void>;
  /** Throws a `UserError` `namespace_not_empty` (4). */
  dropNamespace(namespace: readonly string[]): Promise<void>;
  /**
   * Makes all commits, as one transaction where `isAtomic`. Throws a {@linkcode CommitConflict} when a
   * requirement does not hold (nothing was changed, or with a catalog that is not atomic only the
   * commits before it), and a `UserError` `commit_state_unknown` (4) where it could not be found out
   * by looking whether the commit went through.
   */
  commit(commits: readonly TableCommit[]): Promise<void>;
  /** Takes a table out of the catalog; its files stay. No error when it is gone. */
  drop(identifier: TableIdentifier): Promise<void>;
}

/** Somebody else changed a table first. Load it again, then decide. */
export class CommitConflict extends Error {
  override readonly name = "CommitConflict";
  readonly identifier: TableIdentifier;

  constructor(identifier: TableIdentifier, message: string) {
    super(message);
    this.identifier = identifier;
  }
}
