import { isMapping } from "../base/field_reader.ts";
import type { ObjectStorage } from "../storage/object_storage.ts";
import type { TableCommit, TableIdentifier } from "./catalog.ts";
import type { RestAnswer, RestClient, RestRequest } from "./rest_client.ts";
import { accessOf, openVendedStorage, type VendedStorageOptions } from "./rest_storage.ts";

/** A table that the catalog has prepared for being created. */
export interface StagedTable {
  readonly location: string;
  /** Empty where the catalog does not say it. */
  readonly uuid: string;
  readonly storage: ObjectStorage;
}

/** What preparing tables needs of a catalog. */
export interface StagedTablesOptions {
  readonly client: RestClient;
  /** Path of the tables of a namespace. */
  readonly tablesPath: (namespace: readonly string[]) => string;
  readonly headers: Readonly<Record<string, string>>;
  readonly storage: VendedStorageOptions;
  readonly timeoutMs: number;
}

/** Tables that are prepared and not yet created: where they belong, and how their files are written. */
export class StagedTables {
  readonly #options: StagedTablesOptions;
  readonly #staged = new Map<string, StagedTable>();

  constructor(options: StagedTablesOptions) {
    this.#options = options;
  }

  /**
   * Asks the catalog to prepare a table. Null when it does not do such things; its answer where that is
   * another one than the table: 404 no namespace, 409 a table of that name.
   */
  async stage(identifier: TableIdentifier): Promise<StagedTable | RestAnswer | null> {
    const request = this.#request(identifier);
    const answer = await this.#options.client.send(request);
    if (answer.status === 404 || answer.status === 409) return answer;
    if ([400, 405, 406, 501].includes(answer.status)) return null;
    if (answer.status >= 300) throw this.#options.client.refusal(answer, request);
    const value = isMapping(answer.value) ? answer.value : {};
    const { location, "table-uuid": uuid } = isMapping(value.metadata) ? value.metadata : {};
    if (typeof location !== "string") return null;
    const staged = {
      location: location.replace(/\/+$/, ""),
      uuid: typeof uuid === "string" ? uuid : "",
      storage: await openVendedStorage(
        location,
        accessOf(value),
        async () => accessOf(await this.#options.client.get(request)),
        this.#options.storage,
      ),
    };
    this.#staged.set(keyOf(identifier), staged);
    return staged;
  }

  /** The storage of a prepared table's location; null for other locations. */
  storageOf(location: string): ObjectStorage | null {
    const found = [...this.#staged.values()].find((staged) =>
      location === staged.location || location.startsWith(`${staged.location}/`)
    );
    return found?.storage ?? null;
  }

  /** A creation with the uuid that the catalog knows the new table by; some insist on it. */
  withUuid(commit: TableCommit): TableCommit {
    const uuid = this.#staged.get(keyOf(commit.identifier))?.uuid ?? "";
    if (commit.base !== null || uuid === "") return commit;
    return {
      ...commit,
      updates: commit.updates.map((update) =>
        update.action === "assign-uuid" ? { ...update, uuid } : update
      ),
    };
  }

  /** A table that was created is prepared no more. */
  forget(identifier: TableIdentifier): void {
    this.#staged.delete(keyOf(identifier));
  }

  #request(identifier: TableIdentifier): RestRequest {
    return {
      method: "POST",
      path: this.#options.tablesPath(identifier.slice(0, -1)),
      headers: this.#options.headers,
      body: {
        name: identifier.at(-1),
        // The schema comes with the commit; some catalogs want a column.
        schema: {
          type: "struct",
          "schema-id": 0,
          fields: [{ id: 1, name: "id", required: false, type: "long" }],
        },
        "stage-create": true,
      },
      isIdempotent: true,
      timeoutMs: this.#options.timeoutMs,
    };
  }
}

function keyOf(identifier: TableIdentifier): string {
  return JSON.stringify(identifier);
}
