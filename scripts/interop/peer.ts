import { join } from "node:path";
import { sha256 } from "../../src/base/hash.ts";
import type { Scalar } from "../../src/base/field_reader.ts";
import { openSession } from "../../src/engine/registry.ts";
import type { Session } from "../../src/engine/session.ts";
import { openCatalog } from "../../src/iceberg/open_catalog.ts";
import { planScan, scanSql } from "../../src/iceberg/scan.ts";
import { currentSchema, currentSnapshot } from "../../src/iceberg/table_files.ts";
import type { NodeId } from "../../src/model/ids.ts";
import type { MaterializationSpec, TableWrite } from "../../src/model/materialization.ts";
import type { ConnectionSpec } from "../../src/model/profile.ts";
import { ICEBERG_TARGET } from "../../src/targets/iceberg.ts";
import type { StoreContext } from "../../src/targets/target_type.ts";

/** Seeknal as one of the programs that share a catalog: writes through its target, reads through its source's scan. */
export class SeeknalPeer implements AsyncDisposable {
  readonly connection: ConnectionSpec;
  readonly session: Session;
  readonly #context: StoreContext;
  #batches = 0;

  private constructor(connection: ConnectionSpec, session: Session, context: StoreContext) {
    this.connection = connection;
    this.session = session;
    this.#context = context;
  }

  /** `folder` is for files in the making, and may hold the warehouse. */
  static async open(
    folder: string,
    options: Readonly<Record<string, Scalar>>,
  ): Promise<SeeknalPeer> {
    for (const name of ["tmp", "objects"]) Deno.mkdirSync(join(folder, name), { recursive: true });
    const session = await openSession({
      allowedDirs: [folder],
      temporaryDir: join(folder, "tmp"),
      threads: 2,
    });
    const context: StoreContext = {
      env: () => undefined,
      root: folder,
      temporaryDir: join(folder, "tmp"),
      objectsDir: join(folder, "objects"),
      now: () => new Date(),
      signal: new AbortController().signal,
    };
    const connection = { name: "atlas", type: "iceberg", options, file: "profiles.yml" };
    return new SeeknalPeer(connection, session, context);
  }

  /** Brings the rows of a query into `namespace.table`, as a promotion does. */
  async put(table: string, sql: string, spec: Partial<MaterializationSpec>): Promise<void> {
    const temporary = join(this.#context.objectsDir, crypto.randomUUID());
    const { rows: columns } = await this.session.read(`DESCRIBE ${sql}`);
    const rows = await this.session.run(`COPY (${sql}) TO '${temporary}' (FORMAT parquet)`);
    const content = sha256(Deno.readFileSync(temporary));
    const parquet = join(this.#context.objectsDir, `${content}.parquet`);
    Deno.renameSync(temporary, parquet);
    const write: TableWrite = {
      node: "transform.interop" as NodeId,
      table: table.split("."),
      target: `atlas.${table}`,
      spec: {
        type: "iceberg",
        connection: "atlas",
        table: `atlas.${table}`,
        mode: "full",
        ...spec,
      },
      action: "write",
      columns: columns.map(([name, type]) => ({ name: String(name), type: String(type) })),
      rows,
      content_hash: content,
      spec_hash: "interop",
      owner: { project: "interop", environment: "prod" },
      schema_evolution: "safe",
    };
    await using store = await ICEBERG_TARGET.open(this.connection, this.#context);
    const problems = await store.check([write]);
    if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join("; "));
    const id = `interop-${crypto.randomUUID().slice(0, 8)}-${++this.#batches}`;
    await store.stage(id, write, parquet);
    await store.swap(id, [write]);
    await store.finish(id, [write]);
  }

  /** SQL of a table's rows. */
  async scan(table: string): Promise<string> {
    await using catalog = await openCatalog(this.connection, this.#context);
    const loaded = await catalog.load(table.split("."));
    if (loaded === null) throw new Error(`There is no table ${table}`);
    const { metadata, storage } = loaded;
    const plan = await planScan(
      storage,
      metadata,
      currentSnapshot(metadata),
      currentSchema(metadata),
    );
    return await scanSql(plan, {
      session: this.session,
      storage,
      cacheDir: this.#context.temporaryDir,
    });
  }

  /** The one value of a query. */
  async value(sql: string): Promise<string> {
    const { rows } = await this.session.read(sql);
    return String(rows[0]?.[0]);
  }

  /** How many rows one of two relations has that the other has not. */
  async difference(a: string, b: string): Promise<number> {
    const count = await this.value(
      `SELECT count(*) FROM ((SELECT * FROM ${a} EXCEPT ALL SELECT * FROM ${b})
         UNION ALL (SELECT * FROM ${b} EXCEPT ALL SELECT * FROM ${a}))`,
    );
    return Number(count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session[Symbol.asyncDispose]();
  }
}
