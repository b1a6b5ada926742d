import { UserError } from "../base/user_error.ts";
import type { TableOwner, TableWrite } from "../model/materialization.ts";
import type { Catalog, LoadedTable, TableIdentifier } from "../iceberg/catalog.ts";
import { checkWrite } from "../iceberg/check_write.ts";
import { commitStaged, type StagedTableWrite } from "../iceberg/commit_staged.ts";
import { commitUndo, refuseUndo, snapshotFiles, undoCommit } from "../iceberg/undo_staged.ts";
import { dropTables } from "../iceberg/drop_table.ts";
import { isMadeBy, isStableLocation, makeTable } from "../iceberg/make_table.ts";
import { stagedLeftovers } from "../iceberg/leftovers.ts";
import { allTables } from "../iceberg/references.ts";
import { stageRevert } from "../iceberg/stage_revert.ts";
import { stageTable } from "../iceberg/stage_table.ts";
import { readStaged, removeStaged, type StagedWrite } from "../iceberg/staged_write.ts";
import { contentOf, KEYS, ownerOf } from "../iceberg/table_content.ts";
import type {
  GarbageRules,
  StagedTable,
  StoreContext,
  TableState,
  TargetProblem,
  TargetStore,
} from "./target_type.ts";

type Storage = LoadedTable["storage"];

/** A table, or where it will be. */
interface Place {
  readonly table: LoadedTable | null;
  readonly location: string;
  readonly storage: Storage;
}

/** Files of a command that is at work may be listed by nothing yet. */
const ORPHAN_GRACE_MS = 3 * 24 * 60 * 60 * 1000;

/** An open Iceberg catalog. */
export class IcebergStore implements TargetStore {
  readonly #catalog: Catalog;
  readonly #name: string;
  readonly #context: StoreContext;

  constructor(catalog: Catalog, name: string, context: StoreContext) {
    this.#catalog = catalog;
    this.#name = name;
    this.#context = context;
  }

  async inspect(tables: readonly TableIdentifier[]): Promise<TableState[]> {
    return await Promise.all(
      tables.map(async (table) => stateOf(table, await this.#catalog.load(table))),
    );
  }

  async check(writes: readonly TableWrite[]): Promise<TargetProblem[]> {
    const problems = await Promise.all(writes.map(async (write) => {
      const found = checkWrite(write, await this.#catalog.load(write.table));
      return found.map((problem) => ({ write, ...problem }));
    }));
    return problems.flat();
  }

  async stage(id: string, write: TableWrite, parquet: string): Promise<StagedTable> {
    this.#context.signal.throwIfAborted();
    await this.#createNamespaces(write);
    const place = await this.#placeToStage(id, write);
    const { table, location, storage } = place;
    const known = await readStaged(storage, location, id);
    if (known !== null) return resultOf(known);
    if (write.action === "revert") return resultOf(await stageRevert(id, write, place));
    const like = write.like === undefined ? null : await this.#catalog.load(write.like);
    try {
      return resultOf(
        await stageTable({
          batch: id,
          write,
          parquet,
          table,
          location,
          storage,
          like,
          temporaryDir: this.#context.temporaryDir,
        }),
      );
    } catch (error) {
      await this.abort(id, [write]);
      throw error;
    }
  }

  async swap(id: string, writes: readonly TableWrite[]): Promise<void> {
    await commitStaged(
      this.#catalog,
      async () => {
        const staged = await Promise.all(writes.map((write) => this.#staged(id, write)));
        return staged.filter((entry) => entry !== null);
      },
      this.#context.now,
    );
  }

  /** A write that is staged and not swapped; null when it is swapped. */
  async #staged(id: string, write: TableWrite): Promise<StagedTableWrite | null> {
    const place = await this.#place(write.table);
    const table = place?.table ?? null;
    if (isSwapped(table, id)) return null;
    const staged = place === null ? null : await readStaged(place.storage, place.location, id);
    const storage = place?.storage;
    if (staged !== null && storage !== undefined) {
      return { identifier: write.table, staged, table, storage };
    }
    throw new UserError(`${write.target} is not prepared: nothing is staged under ${id}`, {
      code: "not_staged",
      kind: "execution",
      hint: "run the command again from the start",
    });
  }

  async progress(
    id: string,
    writes: readonly TableWrite[],
  ): Promise<"none" | "staged" | "swapped" | "mixed"> {
    const found = new Set(
      await Promise.all(writes.map(async (write) => {
        const place = await this.#place(write.table);
        if (place === null) return "none";
        const { table, location, storage } = place;
        if (isSwapped(table, id)) return "swapped";
        return await readStaged(storage, location, id) === null ? "none" : "staged";
      })),
    );
    const [only = "none"] = found;
    return found.size > 1 ? "mixed" : only;
  }

  async undo(id: string, writes: readonly TableWrite[]): Promise<void> {
    const swapped: (StagedTableWrite & { readonly now: LoadedTable })[] = [];
    for (const write of writes) {
      const place = await this.#place(write.table);
      if (place === null || !isSwapped(place.table, id) || place.table === null) continue;
      const { table, location, storage } = place;
      const staged = await readStaged(storage, location, id);
      if (staged === null) throw finished(write, id);
      const entry = { identifier: write.table, staged, table, storage, now: table };
      // All of it can be taken back, or nothing is.
      refuseUndo(entry, table);
      swapped.push(entry);
    }
    const isMade = ({ staged, now }: typeof swapped[number]) =>
      staged.base === null || isMadeBy(now, id);
    const changed = swapped.filter((entry) => !isMade(entry));
    const commits = changed.map((entry) => undoCommit(entry, entry.now));
    await commitUndo(this.#catalog, commits);
    for (const { staged, storage, now } of changed) {
      if (staged.action === "revert") continue;
      await storage.remove(
        await snapshotFiles(storage, now.metadata, BigInt(staged.snapshotId)),
      );
    }
    await dropTables(
      this.#catalog,
      swapped.filter(isMade).map(({ now }) => now),
    );
    await this.abort(id, writes);
  }

  async finish(id: string, writes: readonly TableWrite[]): Promise<void> {
    for (const write of writes) {
      const place = await this.#place(write.table);
      if (place === null) continue;
      const { table, location, storage } = place;
      await removeStaged(
        storage,
        location,
        id,
        isSwapped(table, id) ? "without data" : "with data",
      );
    }
  }

  async abort(id: string, writes: readonly TableWrite[]): Promise<void> {
    for (const write of writes) {
      const place = await this.#place(write.table);
      if (place === null || isSwapped(place.table, id)) continue;
      const { table, location, storage } = place;
      const staged = await readStaged(storage, location, id);
      // A later batch may have committed over it: its files are then part of the table's history.
      const isCommitted = table?.metadata.snapshots.some((snapshot) =>
        String(snapshot["snapshot-id"]) === staged?.snapshotId
      );
      await removeStaged(storage, location, id, isCommitted ? "without data" : "with data");
      if (table !== null && isMadeBy(table, id) && table.metadata.snapshots.length === 0) {
        await dropTables(this.#catalog, [table]);
      }
    }
    await this.#dropEmptyNamespaces(writes.map((write) => write.table), writes[0]?.owner ?? null);
  }

  async owned(owner: TableOwner): Promise<TableState[]> {
    const states: TableState[] = [];
    for (const identifier of await allTables(this.#catalog)) {
      const state = stateOf(identifier, await this.#catalog.load(identifier));
      if (isSameOwner(state.owner, owner)) states.push(state);
    }
    return states.sort((a, b) => compareNames(a.table, b.table));
  }

  async drop(tables: readonly TableIdentifier[], owner: TableOwner): Promise<void> {
    const found: LoadedTable[] = [];
    for (const identifier of tables) {
      const table = await this.#catalog.load(identifier);
      const owned = table === null ? null : ownerOf(table.metadata.properties);
      if (table === null || !isSameOwner(owned, owner)) continue;
      found.push(table);
    }
    await dropTables(this.#catalog, found);
    await this.#dropEmptyNamespaces(tables, owner);
  }

  async collectGarbage(options: GarbageRules): Promise<string[]> {
    const leftovers = await stagedLeftovers(this.#catalog, options.project, options.pending);
    for (const { staged, storage, isCommitted } of options.dryRun ? [] : leftovers) {
      await removeStaged(
        storage,
        staged.location,
        staged.batch,
        isCommitted ? "without data" : "with data",
      );
    }
    const staged = leftovers.map(({ staged }) =>
      `staged files of ${staged.batch} below ${staged.location}`
    );
    return [...staged, ...await this.#expire(options)].sort();
  }

  /** Old snapshots of the project's tables, and files that no snapshot of any table lists. */
  async #expire(options: GarbageRules): Promise<string[]> {
    const { expireBefore, keepSnapshots, dryRun, project } = options;
    if (expireBefore === null) return [];
    const { expireSnapshots } = await import("../iceberg/expire_snapshots.ts");
    const { removeOrphans } = await import("../iceberg/remove_orphans.ts");
    const removed: string[] = [];
    const orphansBefore = new Date(this.#context.now().getTime() - ORPHAN_GRACE_MS);
    for (const table of await allTables(this.#catalog)) {
      const loaded = await this.#catalog.load(table);
      if (loaded === null || ownerOf(loaded.metadata.properties)?.project !== project) continue;
      const name = table.join(".");
      const { snapshotIds, files } = await expireSnapshots(this.#catalog, table, {
        olderThan: expireBefore,
        retainLast: keepSnapshots,
        dryRun,
      });
      if (snapshotIds.length > 0) {
        removed.push(`${snapshotIds.length} snapshots of ${name} with ${files.length} files`);
      }
      const orphans = await removeOrphans(this.#catalog, table, {
        olderThan: orphansBefore,
        dryRun,
      });
      if (orphans.length > 0) removed.push(`${orphans.length} files of ${name} that nothing lists`);
    }
    return removed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#catalog[Symbol.asyncDispose]();
  }

  /** Null where not even the namespace is there. */
  async #place(identifier: TableIdentifier): Promise<Place | null> {
    const table = await this.#catalog.load(identifier);
    if (table !== null) return placeOf(table);
    const namespace = await this.#catalog.namespaceProperties(identifier.slice(0, -1));
    return namespace === null ? null : await this.#newPlace(identifier);
  }

  async #newPlace(identifier: TableIdentifier): Promise<Place> {
    const location = (await this.#catalog.defaultLocation(identifier)).replace(/\/+$/, "");
    return { table: null, location, storage: await this.#catalog.storageFor(location) };
  }

  /** Where a write is staged so that every process finds it: at a place that stays the same. */
  async #placeToStage(id: string, write: TableWrite): Promise<Place> {
    const found = await this.#catalog.load(write.table);
    if (found !== null) return placeOf(found);
    const place = await this.#newPlace(write.table);
    if (isStableLocation(place.location, write.table)) return place;
    await makeTable(this.#catalog, id, write, place.location);
    const made = await this.#catalog.load(write.table);
    return made === null ? place : placeOf(made);
  }

  async #createNamespaces(write: TableWrite): Promise<void> {
    for (let depth = 1; depth < write.table.length; depth++) {
      const namespace = write.table.slice(0, depth);
      if (await this.#catalog.namespaceProperties(namespace) !== null) continue;
      await this.#catalog.createNamespace(namespace, {
        [KEYS.created]: "true",
        [KEYS.project]: write.owner.project,
        [KEYS.environment]: write.owner.environment,
      });
    }
  }

  async #dropEmptyNamespaces(
    tables: readonly TableIdentifier[],
    owner: TableOwner | null,
  ): Promise<void> {
    const namespaces = new Map(
      tables.flatMap((table) =>
        table.slice(0, -1).map((_, i) => table.slice(0, i + 1)).map((levels) =>
          [levels.join("\0"), levels] as const
        )
      ),
    );
    const deepestFirst = [...namespaces.values()].sort((a, b) => b.length - a.length);
    for (const namespace of deepestFirst) {
      const properties = await this.#catalog.namespaceProperties(namespace);
      if (properties?.[KEYS.created] !== "true" || owner === null) continue;
      if (!isSameOwner(ownerOf(properties), owner)) continue;
      if ((await this.#catalog.list(namespace)).length > 0) continue;
      if ((await this.#catalog.namespaces(namespace)).length > 0) continue;
      await this.#catalog.dropNamespace(namespace).catch((error) => {
        // Somebody made a table in it just now.
        if (!(error instanceof UserError) || error.code !== "namespace_not_empty") throw error;
      });
    }
  }
}

function placeOf(table: LoadedTable): Place {
  return { table, location: table.metadata.location.replace(/\/+$/, ""), storage: table.storage };
}

function stateOf(identifier: TableIdentifier, table: LoadedTable | null): TableState {
  const content = table === null ? null : contentOf(table.metadata);
  return {
    table: identifier,
    exists: table !== null,
    owner: table === null ? null : ownerOf(table.metadata.properties),
    content_hash: content?.contentHash ?? null,
    spec_hash: content?.specHash ?? null,
  };
}

function resultOf(staged: StagedWrite): StagedTable {
  return { rows: staged.rows, checksum: staged.checksum, shared: staged.shared };
}

function isSwapped(table: LoadedTable | null, id: string): boolean {
  return table?.metadata.properties[KEYS.batch] === id;
}

function isSameOwner(a: TableOwner | null, b: TableOwner): boolean {
  return a !== null && a.project === b.project && a.environment === b.environment;
}

function compareNames(a: TableIdentifier, b: TableIdentifier): number {
  const [left, right] = [a.join("\0"), b.join("\0")];
  return left < right ? -1 : left > right ? 1 : 0;
}

function finished(write: TableWrite, id: string): UserError {
  return new UserError(`${write.target} cannot be taken back: ${id} is finished`, {
    code: "undo_conflict",
    kind: "execution",
    hint: "roll the environment back instead",
  });
}
