import { applyUpdates, checkRequirements } from "../../src/iceberg/apply_updates.ts";
import { parseExactJson, stringifyExactJson } from "../../src/iceberg/exact_json.ts";
import { metadataToJson, serializeMetadata } from "../../src/iceberg/metadata_json.ts";
import type {
  TableMetadata,
  TableRequirement,
  TableUpdate,
} from "../../src/iceberg/table_metadata.ts";
import type { ObjectStorage } from "../../src/storage/object_storage.ts";

/** Something that goes wrong with the next request that fits. */
export interface RestFault {
  readonly method?: string;
  /** A part of the path. */
  readonly path?: string;
  /** How often. Default 1. */
  times?: number;
  /**
   * `409`, `500`, `503`, `429`, `401`: that answer instead of the work; `done-500`, `done-504`, `done-lost`: the
   * work is done, then that answer or the end of the connection; `slow`: two seconds later; `lost`: the end of
   * the connection instead of the work.
   */
  readonly kind:
    | ("409" | "500" | "503" | "429" | "401" | "504")
    | ("done-500" | "done-504" | "done-lost" | "lost" | "slow");
}

/** How a server is set up. */
export interface RestServerOptions {
  /** Location below which tables are put; metadata files are written there. */
  readonly warehouse: string;
  readonly storage: ObjectStorage;
  /** Offers `/transactions/commit`. Default true. */
  readonly transactions?: boolean;
  /** Prefix of all paths but `/v1/config`. Default `ws/main`. */
  readonly prefix?: string;
  /** A token that is let in. Default: everybody is. */
  readonly token?: string;
  /** Gives tokens for this credential, which are let in for a time. */
  readonly oauth?: {
    readonly id: string;
    readonly secret: string;
    readonly scope: string;
    readonly lifetimeSeconds: number;
  };
  /** What tables are handed out with: `config` and `storage-credentials`. */
  readonly vend?: (table: string) => Readonly<Record<string, unknown>>;
  /** Items of a page of a list. Default 1000. */
  readonly pageSize?: number;
  /** More properties of `/v1/config`. */
  readonly overrides?: Readonly<Record<string, string>>;
  readonly tls?: { readonly cert: string; readonly key: string };
}

interface Table {
  readonly metadata: TableMetadata;
  readonly location: string;
}

interface Change {
  readonly identifier: { readonly namespace: readonly string[]; readonly name: string };
  readonly requirements: readonly TableRequirement[];
  readonly updates: readonly TableUpdate[];
}

/** A request as the server saw it. */
export interface SeenCall {
  readonly method: string;
  readonly path: string;
  readonly token: string | null;
  readonly delegation: string | null;
}

/** An error of the protocol. */
class Refusal extends Error {
  readonly status: number;
  readonly type: string;

  constructor(status: number, type: string, message: string) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

/** A REST catalog in memory that writes metadata files as real ones do. */
export class RestCatalogServer implements AsyncDisposable {
  readonly faults: RestFault[] = [];
  readonly seen: SeenCall[] = [];
  readonly #options: RestServerOptions;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #namespaces = new Map<string, Readonly<Record<string, string>>>();
  readonly #tables = new Map<string, Table>();
  readonly #tokens = new Set<string>();
  #tokenCount = 0;

  constructor(options: RestServerOptions) {
    this.#options = options;
    const listen = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    const handler = (request: Request) => this.#answer(request);
    this.#server = options.tls === undefined
      ? Deno.serve(listen, handler)
      : Deno.serve({ ...listen, ...options.tls }, handler);
  }

  get uri(): string {
    const scheme = this.#options.tls === undefined ? "http" : "https";
    return `${scheme}://127.0.0.1:${this.#server.addr.port}/catalog`;
  }

  /** Ends all tokens that were given. */
  expireTokens(): void {
    this.#tokens.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const path = url.pathname.replace(/^\/catalog/, "");
    const body = await request.text();
    const token = request.headers.get("authorization")?.replace(/^Bearer /, "") ?? null;
    const delegation = request.headers.get("x-iceberg-access-delegation");
    this.seen.push({ method: request.method, path, token, delegation });
    const fault = this.#fault(request.method, path);
    try {
      if (path === "/v1/oauth/tokens") return this.#giveToken(new URLSearchParams(body));
      this.#letIn(token);
      if (fault === "lost") return lost();
      if (fault === "slow") await new Promise((resolve) => setTimeout(resolve, 2000));
      if (fault === "401") throw new Refusal(401, "NotAuthorizedException", "Token expired");
      if (fault === "409") throw new Refusal(409, "CommitFailedException", "Somebody was faster");
      if (fault !== null && /^\d+$/.test(fault)) {
        throw new Refusal(Number(fault), "ServiceFailureException", "Out of order");
      }
      const response = await this.#route(request.method, path, url.searchParams, body);
      if (fault === "done-500" || fault === "done-504") {
        throw new Refusal(Number(fault.slice(5)), "InternalServerError", "Who knows");
      }
      return fault === "done-lost" ? lost() : response;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { status: code, type, message } = error;
      return json({ error: { message, type, code } }, code, { "retry-after": "0" });
    }
  }

  #fault(method: string, path: string): RestFault["kind"] | null {
    const i = this.faults.findIndex((fault) =>
      (fault.method === undefined || fault.method === method) &&
      (fault.path === undefined || path.includes(fault.path))
    );
    const fault = this.faults[i];
    if (fault === undefined) return null;
    const left = (fault.times ?? 1) - 1;
    if (left === 0) this.faults.splice(i, 1);
    else fault.times = left;
    return fault.kind;
  }

  #giveToken(form: URLSearchParams): Response {
    const { oauth } = this.#options;
    const isRight = oauth !== undefined && form.get("grant_type") === "client_credentials" &&
      form.get("client_id") === oauth.id && form.get("client_secret") === oauth.secret &&
      form.get("scope") === oauth.scope;
    if (!isRight) return json({ error: "invalid_client" }, 401);
    const token = `token-${++this.#tokenCount}`;
    this.#tokens.add(token);
    return json({
      access_token: token,
      token_type: "bearer",
      expires_in: oauth.lifetimeSeconds,
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
    });
  }

  #letIn(token: string | null): void {
    const { token: known, oauth } = this.#options;
    if (known === undefined && oauth === undefined) return;
    if (token !== null && (token === known || this.#tokens.has(token))) return;
    throw new Refusal(401, "NotAuthorizedException", `Not authorized: ${token}`);
  }

  async #route(
    method: string,
    path: string,
    query: URLSearchParams,
    body: string,
  ): Promise<Response> {
    const prefix = `/v1/${this.#options.prefix ?? "ws/main"}/`;
    if (path === "/v1/config") return this.#config();
    if (!path.startsWith(prefix)) throw new Refusal(404, "NotFoundException", "No such endpoint");
    const parts = path.slice(prefix.length).split("/");
    const value = body === "" ? {} : parseExactJson(body) as Record<string, unknown>;
    const namespace = (parts[1] ?? "").split("%1F").map(decodeURIComponent);
    const table = parts[3] === undefined ? null : decodeURIComponent(parts[3]);
    switch (`${method} ${parts.map((part, i) => i % 2 === 0 ? part : "*").join("/")}`) {
      case "GET namespaces":
        return this.#listNamespaces(query);
      case "POST namespaces":
        return this.#createNamespace(value);
      case "GET namespaces/*":
        return json({ namespace, properties: this.#properties(namespace) });
      case "DELETE namespaces/*":
        return this.#dropNamespace(namespace);
      case "GET namespaces/*/tables":
        return this.#listTables(namespace, query);
      case "POST namespaces/*/tables":
        return this.#stageTable(namespace, value);
      case "GET namespaces/*/tables/*":
        return this.#loaded(namespace, table!);
      case "DELETE namespaces/*/tables/*":
        if (query.get("purgeRequested") !== "false") throw new Error("asks to purge files");
        this.#table(namespace, table!);
        this.#tables.delete(keyOf([...namespace, table!]));
        return new Response(null, { status: 204 });
      case "POST namespaces/*/tables/*":
        await this.#commit([{
          ...value as unknown as Change,
          identifier: { namespace, name: table! },
        }]);
        return this.#loaded(namespace, table!);
      case "GET namespaces/*/tables/*/credentials":
        return json({ "storage-credentials": this.#vend(table!)["storage-credentials"] ?? [] });
      case "POST transactions/*":
        if (this.#options.transactions === false || parts[1] !== "commit") break;
        await this.#commit(value["table-changes"] as Change[]);
        return new Response(null, { status: 204 });
    }
    throw new Refusal(404, "NotFoundException", `No such endpoint: ${method} ${path}`);
  }

  #config(): Response {
    const tables = "/v1/{prefix}/namespaces/{namespace}/tables";
    return json({
      defaults: { "client.region": "eu-test-1" },
      overrides: { prefix: this.#options.prefix ?? "ws/main", ...this.#options.overrides },
      endpoints: [
        `GET ${tables}/{table}/credentials`,
        ...this.#options.transactions === false ? [] : ["POST /v1/{prefix}/transactions/commit"],
      ],
    });
  }

  #listNamespaces(query: URLSearchParams): Response {
    const parent = query.get("parent")?.split("\x1f") ?? [];
    if (parent.length > 0) this.#properties(parent);
    const below = [...this.#namespaces.keys()].map((key) => JSON.parse(key) as string[])
      .filter((levels) =>
        levels.length === parent.length + 1 && parent.every((level, i) => level === levels[i])
      );
    return this.#page("namespaces", below, query);
  }

  #createNamespace(value: Readonly<Record<string, unknown>>): Response {
    const key = keyOf(value.namespace as string[]);
    if (this.#namespaces.has(key)) throw new Refusal(409, "AlreadyExistsException", "It exists");
    this.#namespaces.set(key, value.properties as Record<string, string> ?? {});
    return json(value);
  }

  #dropNamespace(namespace: readonly string[]): Response {
    this.#properties(namespace);
    const start = keyOf(namespace).slice(0, -1);
    const isUsed = [...this.#tables.keys(), ...this.#namespaces.keys()]
      .some((key) => key.startsWith(`${start},`));
    if (isUsed) throw new Refusal(409, "NamespaceNotEmptyException", "It is not empty");
    this.#namespaces.delete(keyOf(namespace));
    return new Response(null, { status: 204 });
  }

  #listTables(namespace: readonly string[], query: URLSearchParams): Response {
    this.#properties(namespace);
    const names = [...this.#tables.keys()].map((key) => JSON.parse(key) as string[])
      .filter((levels) => keyOf(levels.slice(0, -1)) === keyOf(namespace))
      .map((levels) => ({ namespace, name: levels.at(-1) }));
    return this.#page("identifiers", names, query);
  }

  #page(field: string, items: readonly unknown[], query: URLSearchParams): Response {
    const start = Number(query.get("pageToken") || 0);
    const end = start + (this.#options.pageSize ?? 1000);
    const next = end < items.length ? { "next-page-token": String(end) } : {};
    return json({ [field]: items.slice(start, end), ...next });
  }

  #stageTable(namespace: readonly string[], value: Readonly<Record<string, unknown>>): Response {
    if (value["stage-create"] !== true) throw new Error("creates in one step");
    this.#properties(namespace);
    const name = String(value.name);
    if (this.#tables.has(keyOf([...namespace, name]))) {
      throw new Refusal(409, "AlreadyExistsException", "It exists");
    }
    const folder = [...namespace, name].map(encodeURIComponent).join("/");
    const metadata = applyUpdates(null, [
      { action: "assign-uuid", uuid: crypto.randomUUID() },
      { action: "add-schema", schema: value.schema as never, "last-column-id": 1 },
      {
        action: "set-location",
        location: `${this.#options.warehouse}/${folder}-${crypto.randomUUID().slice(0, 8)}`,
      },
    ], { now: new Date() });
    return json({ metadata: metadataToJson(metadata), ...this.#vend(name) });
  }

  #loaded(namespace: readonly string[], name: string): Response {
    const { metadata, location } = this.#table(namespace, name);
    return json({
      "metadata-location": location,
      metadata: metadataToJson(metadata),
      ...this.#vend(name),
    });
  }

  async #commit(changes: readonly Change[]): Promise<void> {
    const written: [string, Table][] = [];
    for (const { identifier, requirements, updates } of changes) {
      const key = keyOf([...identifier.namespace, identifier.name]);
      const isCreation = requirements.some(({ type }) => type === "assert-create");
      if (isCreation && changes.length > 1) {
        throw new Refusal(400, "BadRequestException", "Transactions do not create tables");
      }
      if (isCreation) this.#properties(identifier.namespace);
      const old = this.#tables.get(key);
      if (old === undefined && !isCreation) {
        throw new Refusal(404, "NoSuchTableException", "Table does not exist");
      }
      const problem = checkRequirements(old?.metadata ?? null, requirements);
      if (problem !== null) throw new Refusal(409, "CommitFailedException", problem);
      const metadata = applyUpdates(old?.metadata ?? null, updates, {
        now: new Date(),
        previousFile: old?.location ?? null,
      });
      const location = `${metadata.location}/metadata/${crypto.randomUUID()}.metadata.json`;
      await this.#options.storage.write(
        location,
        new TextEncoder().encode(serializeMetadata(metadata)),
      );
      // While the file was written, somebody else may have committed.
      if (this.#tables.get(key) !== old) {
        throw new Refusal(409, "CommitFailedException", "The table has changed");
      }
      written.push([key, { metadata, location }]);
    }
    for (const [key, table] of written) this.#tables.set(key, table);
  }

  #properties(namespace: readonly string[]): Readonly<Record<string, string>> {
    const properties = this.#namespaces.get(keyOf(namespace));
    if (properties !== undefined) return properties;
    throw new Refusal(404, "NoSuchNamespaceException", "Namespace does not exist");
  }

  #table(namespace: readonly string[], name: string): Table {
    const table = this.#tables.get(keyOf([...namespace, name]));
    if (table !== undefined) return table;
    throw new Refusal(404, "NoSuchTableException", "Table does not exist");
  }

  #vend(table: string): Readonly<Record<string, unknown>> {
    return this.#options.vend?.(table) ?? {};
  }
}

function keyOf(levels: readonly string[]): string {
  return JSON.stringify(levels);
}

function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(stringifyExactJson(value), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

/** Promises a longer body than it sends, so that the connection ends before the answer does. */
function lost(): Response {
  const body = new ReadableStream({
    start: (controller) => {
      controller.enqueue(new Uint8Array(1));
      controller.close();
    },
  });
  return new Response(body, { headers: { "content-length": "1000" } });
}
