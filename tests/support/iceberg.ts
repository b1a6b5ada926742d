import { join } from "node:path";
import type { MaterializationSpec, TableWrite } from "../../src/model/materialization.ts";
import type { ConnectionSpec } from "../../src/model/profile.ts";
import type { NodeId } from "../../src/model/ids.ts";
import type { StagedTable, StoreContext, TargetStore } from "../../src/targets/target_type.ts";
import { openCatalog } from "../../src/iceberg/open_catalog.ts";
import type { Catalog, LoadedTable } from "../../src/iceberg/catalog.ts";
import { planScan, scanSql } from "../../src/iceberg/scan.ts";
import { currentSchema, currentSnapshot } from "../../src/iceberg/table_files.ts";
import { ICEBERG_TARGET } from "../../src/targets/iceberg.ts";
import { openSession } from "../../src/engine/registry.ts";
import type { Session } from "../../src/engine/session.ts";
import { LocalStorage } from "../../src/storage/local_storage.ts";
import { RestCatalogServer } from "./rest_catalog_server.ts";
import { S3Server } from "./s3_server.ts";
import { sha256 } from "../../src/base/hash.ts";

/** SQLite and this disk, SQLite and S3, or a REST catalog. */
export type LabKind = "local" | "s3" | "rest" | "rest without transactions";

function backendOf(
  kind: LabKind,
  root: string,
): { options: ConnectionSpec["options"]; server: AsyncDisposable | null } {
  const uri = `sqlite:${root}/catalog.db`;
  if (kind === "local") {
    return { options: { catalog: "sql", uri, warehouse: `${root}/warehouse` }, server: null };
  }
  if (kind === "s3") {
    const server = S3Server.start();
    const { endpoint, accessKeyId, secretAccessKey } = server.options;
    return {
      server,
      options: {
        catalog: "sql",
        uri,
        warehouse: "s3://lake/warehouse",
        s3_endpoint: endpoint,
        s3_region: "us-east-1",
        s3_access_key_id: accessKeyId,
        s3_secret_access_key: secretAccessKey,
      },
    };
  }
  const server = new RestCatalogServer({
    warehouse: `file://${root}/warehouse`,
    storage: new LocalStorage(),
    transactions: kind === "rest",
  });
  return { server, options: { catalog: "rest", uri: server.uri } };
}

/** A catalog in SQLite with its warehouse in one folder, and what tests do with it. */
export class IcebergLab implements AsyncDisposable {
  readonly root: string;
  readonly connection: ConnectionSpec;
  readonly catalog: Catalog;
  readonly store: TargetStore;
  readonly session: Session;
  readonly context: StoreContext;
  readonly server: AsyncDisposable | null;
  #batches = 0;

  private constructor(
    options: Pick<
      IcebergLab,
      "root" | "connection" | "catalog" | "store" | "session" | "context" | "server"
    >,
  ) {
    this.root = options.root;
    this.connection = options.connection;
    this.catalog = options.catalog;
    this.store = options.store;
    this.session = options.session;
    this.context = options.context;
    this.server = options.server;
  }

  /** A lab over one kind of catalog and store. */
  static async open(kind: LabKind = "local"): Promise<IcebergLab> {
    const root = Deno.makeTempDirSync({ prefix: "iceberg_" });
    for (const folder of ["tmp", "objects", "warehouse"]) Deno.mkdirSync(join(root, folder));
    const { options, server } = backendOf(kind, root);
    const connection: ConnectionSpec = {
      name: "lake",
      type: "iceberg",
      options,
      file: "profiles.yml",
    };
    let clock = Date.UTC(2026, 0, 1);
    const context: StoreContext = {
      env: () => undefined,
      root,
      temporaryDir: join(root, "tmp"),
      objectsDir: join(root, "objects"),
      now: () => new Date(clock += 1000),
      signal: new AbortController().signal,
    };
    return new IcebergLab({
      root,
      connection,
      context,
      server,
      catalog: await openCatalog(connection, context),
      store: await ICEBERG_TARGET.open(connection, context),
      session: await openSession({
        allowedDirs: [root],
        temporaryDir: join(root, "tmp"),
        threads: 1,
      }),
    });
  }

  /** A further store, as another process would open it. */
  async reopen(): Promise<TargetStore> {
    return await ICEBERG_TARGET.open(this.connection, this.context);
  }

  /** Rows of a query as an output, and the write of them. */
  async write(
    sql: string,
    spec: Partial<MaterializationSpec> & { readonly table?: string } = {},
    more: Partial<TableWrite> = {},
  ): Promise<{ write: TableWrite; parquet: string }> {
    const temporary = join(this.root, "objects", `${crypto.randomUUID()}.parquet`);
    const { rows: columns } = await this.session.read(`DESCRIBE ${sql}`);
    // As the engine stores a node's output: 128-bit integers as decimals.
    const casts = columns.map(([name, type]) =>
      /^U?HUGEINT$/.test(String(type))
        ? `CAST("${name}" AS DECIMAL(38,0)) AS "${name}"`
        : `"${String(name).replaceAll('"', '""')}"`
    );
    const rows = await this.session.run(
      `COPY (SELECT ${
        casts.join(", ")
      } FROM (${sql})) TO '${temporary}' (FORMAT parquet, COMPRESSION zstd)`,
    );
    const content = sha256(Deno.readFileSync(temporary));
    const parquet = join(this.root, "objects", `${content}.parquet`);
    Deno.renameSync(temporary, parquet);
    const table = (spec.table ?? "lake.shop.orders").split(".").slice(1);
    return {
      parquet,
      write: {
        node: "transform.orders" as NodeId,
        table,
        target: `lake.${table.join(".")}`,
        spec: {
          type: "iceberg",
          connection: "lake",
          mode: "full",
          ...spec,
          table: `lake.${table.join(".")}`,
        },
        action: "write",
        columns: columns.map(([name, type]) => ({ name: String(name), type: String(type) })),
        rows,
        content_hash: content,
        spec_hash: "spec",
        owner: { project: "shop", environment: "prod" },
        schema_evolution: "safe",
        ...more,
      },
    };
  }

  nextBatch(): string {
    return `batch-${++this.#batches}`;
  }

  /** A whole batch of one write. */
  async put(
    sql: string,
    spec: Partial<MaterializationSpec> & { readonly table?: string } = {},
    more: Partial<TableWrite> = {},
  ): Promise<StagedTable> {
    const { write, parquet } = await this.write(sql, spec, more);
    const id = this.nextBatch();
    const problems = await this.store.check([write]);
    if (problems.length > 0) throw new Error(problems.map((p) => p.message).join("; "));
    const staged = await this.store.stage(id, write, parquet);
    await this.store.swap(id, [write]);
    await this.store.finish(id, [write]);
    return staged;
  }

  async load(table = "shop.orders"): Promise<LoadedTable> {
    const loaded = await this.catalog.load(table.split("."));
    if (loaded === null) throw new Error(`no table ${table}`);
    return loaded;
  }

  /** SQL of the table's rows as our reader has them. */
  async scan(table: string = "shop.orders", snapshotId: bigint | null = null): Promise<string> {
    const { metadata, storage } = await this.load(table);
    const snapshot = snapshotId === null
      ? currentSnapshot(metadata)
      : metadata.snapshots.find((s) => s["snapshot-id"] === snapshotId) ?? null;
    const plan = await planScan(storage, metadata, snapshot, currentSchema(metadata));
    return await scanSql(plan, {
      session: this.session,
      storage,
      cacheDir: join(this.root, "tmp"),
    });
  }

  /** Rows of the table as text, sorted. */
  async rows(table = "shop.orders", columns = "*"): Promise<string[]> {
    const { rows } = await this.session.read(`SELECT ${columns} FROM ${await this.scan(table)}`);
    return rows.map((row) => JSON.stringify(row)).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
    await this.catalog[Symbol.asyncDispose]();
    await this.server?.[Symbol.asyncDispose]();
    Deno.removeSync(this.root, { recursive: true });
  }
}
