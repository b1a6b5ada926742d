import { isMapping } from "../base/field_reader.ts";
import { UserError } from "../base/user_error.ts";
import type { ObjectStorage } from "../storage/object_storage.ts";
import type { Catalog, LoadedTable, TableCommit, TableIdentifier } from "./catalog.ts";
import { displayName, locationBelow } from "./catalog_names.ts";
import { metadataFromJson } from "./metadata_json.ts";
import type { RestAnswer, RestClient, RestRequest } from "./rest_client.ts";
import { RestCommits } from "./rest_commits.ts";
import type { RestConfig } from "./rest_config.ts";
import { StagedTables } from "./rest_staging.ts";
import {
  accessOf,
  openVendedStorage,
  propertiesOf,
  type VendedAccess,
  type VendedStorageOptions,
} from "./rest_storage.ts";

/** What a REST catalog is made of. */
export interface RestCatalogOptions {
  readonly client: RestClient;
  readonly config: RestConfig;
  readonly storage: Omit<VendedStorageOptions, "shared">;
  readonly requestTimeoutMs: number;
}

/** Asks for credentials of the table's files. */
const DELEGATION = { "x-iceberg-access-delegation": "vended-credentials" };

/**
 * A catalog behind the REST protocol of Iceberg
 * (https://iceberg.apache.org/rest-catalog-spec/), version 1.10 and before.
 */
export class RestCatalog implements Catalog {
  readonly isAtomic: boolean;
  readonly #options: RestCatalogOptions;
  readonly #commits: RestCommits;
  readonly #staged: StagedTables;

  constructor(options: RestCatalogOptions) {
    this.#options = options;
    const { config, client } = options;
    // Catalogs that list nothing may not have it: then it would fail when it is too late.
    this.isAtomic = config.endpoints?.has("POST /v1/{prefix}/transactions/commit") ?? false;
    this.#staged = new StagedTables({
      client,
      tablesPath: (namespace) => `${this.#namespacePath(namespace)}/tables`,
      headers: this.#delegation(),
      storage: this.#storageOptions(),
      timeoutMs: options.requestTimeoutMs,
    });
    this.#commits = new RestCommits({
      client,
      base: config.base,
      timeoutMs: options.requestTimeoutMs,
      isAtomic: this.isAtomic,
      tablePath: (identifier) => this.#tablePath(identifier),
      load: (identifier) => this.load(identifier),
      drop: (identifier) => this.drop(identifier),
    });
  }

  /** Asks the catalog: it may vend credentials for exactly the location that it names. */
  async defaultLocation(identifier: TableIdentifier): Promise<string> {
    const staged = await this.#staged.stage(identifier);
    if (staged !== null && "location" in staged) return staged.location;
    if (staged?.status === 404) throw this.#namespaceMissing(identifier);
    // The location of a table of that name that is there already.
    const existing = staged?.status === 409 ? await this.load(identifier) : null;
    if (existing !== null) return existing.metadata.location;
    const properties = await this.namespaceProperties(identifier.slice(0, -1));
    if (properties?.location !== undefined) {
      return locationBelow(properties.location, identifier.slice(-1));
    }
    throw new UserError(
      `${this.#options.client.title} does not say where ${displayName(identifier)} belongs`,
      {
        code: "catalog_unsupported",
        kind: "execution",
        hint: `give the namespace ${displayName(identifier.slice(0, -1))} a property "location"`,
      },
    );
  }

  async storageFor(location: string): Promise<ObjectStorage> {
    const staged = this.#staged.storageOf(location);
    if (staged !== null) return staged;
    const access = { config: {}, credentials: [] };
    return await openVendedStorage(location, access, async () => access, this.#storageOptions());
  }

  async load(identifier: TableIdentifier): Promise<LoadedTable | null> {
    const request = this.#loadRequest(identifier);
    const answer = await this.#send(request);
    if (answer.status === 404) return this.#missing(answer, request);
    const value = this.#result(answer, request);
    const metadataLocation = value["metadata-location"];
    const metadata = metadataFromJson(
      value.metadata,
      typeof metadataLocation === "string" ? metadataLocation : displayName(identifier),
    );
    const access = accessOf(value);
    return {
      identifier,
      metadata,
      metadataLocation: typeof metadataLocation === "string" ? metadataLocation : null,
      storage: await openVendedStorage(
        metadata.location,
        access,
        () => this.#renewAccess(identifier, access),
        this.#storageOptions(),
      ),
    };
  }

  async list(namespace: readonly string[]): Promise<TableIdentifier[]> {
    const path = `${this.#namespacePath(namespace)}/tables`;
    const names = await this.#pages(
      path,
      {},
      "identifiers",
      (item) => isMapping(item) && typeof item.name === "string" ? item.name : null,
    );
    return names.sort().map((name) => [...namespace, name]);
  }

  async namespaces(parent: readonly string[]): Promise<(readonly string[])[]> {
    const separator = decodeURIComponent(this.#options.config.separator);
    const query = parent.length === 0 ? {} : { parent: parent.join(separator) };
    const found = await this.#pages(`${this.#base}/namespaces`, query, "namespaces", levelsOf);
    const sorted = found.map((levels) => ({ levels, key: levels.join("\n") }))
      .sort((a, b) => a.key < b.key ? -1 : 1);
    return sorted.map(({ levels }) => levels);
  }

  async namespaceProperties(
    namespace: readonly string[],
  ): Promise<Readonly<Record<string, string>> | null> {
    const request = { method: "GET", path: this.#namespacePath(namespace) } as const;
    const answer = await this.#send(request);
    if (answer.status === 404) return this.#missing(answer, request);
    return propertiesOf(this.#result(answer, request).properties);
  }

  async createNamespace(
    namespace: readonly string[],
    properties: Readonly<Record<string, string>>,
  ): Promise<void> {
    const request = {
      method: "POST",
      path: `${this.#base}/namespaces`,
      body: { namespace, properties },
      // Done twice, the second time finds it there.
      isIdempotent: true,
    } as const;
    const answer = await this.#send(request);
    if (answer.status !== 409) this.#result(answer, request);
  }

  async dropNamespace(namespace: readonly string[]): Promise<void> {
    // Java's catalogs look at tables only.
    if ((await this.namespaces(namespace)).length > 0) throw notEmpty(namespace);
    const request = {
      method: "DELETE",
      path: this.#namespacePath(namespace),
      isIdempotent: true,
    } as const;
    const answer = await this.#send(request);
    if (answer.status === 404) return void this.#missing(answer, request);
    if (answer.status !== 409 && answer.errorType !== "NamespaceNotEmptyException") {
      return void this.#result(answer, request);
    }
    throw notEmpty(namespace);
  }

  async commit(commits: readonly TableCommit[]): Promise<void> {
    await this.#commits.commit(commits.map((commit) => this.#staged.withUuid(commit)));
    for (const { identifier } of commits) this.#staged.forget(identifier);
  }

  async drop(identifier: TableIdentifier): Promise<void> {
    const request = {
      method: "DELETE",
      path: this.#tablePath(identifier),
      query: { purgeRequested: "false" },
      isIdempotent: true,
    } as const;
    const answer = await this.#send(request);
    if (answer.status === 404) return void this.#missing(answer, request);
    this.#result(answer, request);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #loadRequest(identifier: TableIdentifier): RestRequest {
    return {
      method: "GET",
      path: this.#tablePath(identifier),
      headers: this.#delegation(),
      timeoutMs: this.#options.requestTimeoutMs,
    };
  }

  /** Credentials of our own need no others beside them. */
  #delegation(): Readonly<Record<string, string>> {
    return this.#options.storage.own.accessKeyId === undefined ? DELEGATION : {};
  }

  async #renewAccess(identifier: TableIdentifier, access: VendedAccess): Promise<VendedAccess> {
    const { client, config, requestTimeoutMs: timeoutMs } = this.#options;
    const hasEndpoint = config.endpoints?.has(
      "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}/credentials",
    );
    if (hasEndpoint) {
      const path = `${this.#tablePath(identifier)}/credentials`;
      const { credentials } = accessOf(await client.get({ method: "GET", path, timeoutMs }));
      if (credentials.length > 0) return { config: access.config, credentials };
    }
    return accessOf(await client.get(this.#loadRequest(identifier)));
  }

  /** All items of an answer in pages; none where there is no such namespace. */
  async #pages<T>(
    path: string,
    query: Readonly<Record<string, string>>,
    field: string,
    read: (item: unknown) => T | null,
  ): Promise<T[]> {
    const items: T[] = [];
    // An empty token says that we know pages.
    for (let pageToken: string | null = "";;) {
      const request = { method: "GET", path, query: { ...query, pageToken } } as const;
      const answer = await this.#send(request);
      if (answer.status === 404) return this.#missing(answer, request) ?? [];
      const value = this.#result(answer, request);
      const page = value[field];
      for (const item of Array.isArray(page) ? page : []) {
        const found = read(item);
        if (found !== null) items.push(found);
      }
      const next = value["next-page-token"];
      if (typeof next !== "string" || next === "" || next === pageToken) return items;
      pageToken = next;
    }
  }

  async #send(request: Omit<RestRequest, "timeoutMs">): Promise<RestAnswer> {
    const timeoutMs = this.#options.requestTimeoutMs;
    return await this.#options.client.send({ ...request, timeoutMs });
  }

  #result(
    answer: RestAnswer,
    request: Pick<RestRequest, "method" | "path">,
  ): Readonly<Record<string, unknown>> {
    if (answer.status >= 300) throw this.#options.client.refusal(answer, request);
    return isMapping(answer.value) ? answer.value : {};
  }

  /** Null; an error where the catalog itself is not at that address. */
  #missing(answer: RestAnswer, request: Pick<RestRequest, "method" | "path">): null {
    if (/^NoSuch(Table|Namespace|View)Exception$/.test(answer.errorType ?? "")) return null;
    throw this.#options.client.refusal(answer, request);
  }

  #namespaceMissing(identifier: TableIdentifier): UserError {
    const namespace = displayName(identifier.slice(0, -1));
    return new UserError(
      `Cannot create ${displayName(identifier)}: there is no namespace ${namespace}`,
      { code: "namespace_missing", kind: "validation" },
    );
  }

  #storageOptions(): VendedStorageOptions {
    return { ...this.#options.storage, shared: this.#options.config.properties };
  }

  get #base(): string {
    return this.#options.config.base;
  }

  #namespacePath(namespace: readonly string[]): string {
    const levels = namespace.map(encodeURIComponent).join(this.#options.config.separator);
    return `${this.#base}/namespaces/${levels}`;
  }

  #tablePath(identifier: TableIdentifier): string {
    const name = encodeURIComponent(identifier.at(-1) ?? "");
    return `${this.#namespacePath(identifier.slice(0, -1))}/tables/${name}`;
  }
}

function notEmpty(namespace: readonly string[]): UserError {
  return new UserError(`Cannot drop the namespace ${displayName(namespace)}: it is not empty`, {
    code: "namespace_not_empty",
    kind: "execution",
    hint: "drop its tables and the namespaces below it first",
  });
}

function levelsOf(item: unknown): readonly string[] | null {
  return Array.isArray(item) ? item.map(String) : null;
}
