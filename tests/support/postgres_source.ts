import { join } from "node:path";
import { openSession } from "../../src/engine/registry.ts";
import type { Session } from "../../src/engine/session.ts";
import type { ConnectionSpec } from "../../src/model/profile.ts";
import { POSTGRES_SOURCE } from "../../src/sources/postgres.ts";
import type { DescribedTable, TableJob, TableRead } from "../../src/sources/table_source.ts";
import type { TestPostgres } from "./postgres.ts";

/** What a source node asks for, with what is usual left out. */
export function tableRead(read: Partial<TableRead>): TableRead {
  return { table: null, params: {}, columnTypes: {}, ...read };
}

/** A database of its own, the folder and the engine that its rows are read into. */
export class SourceBench implements AsyncDisposable {
  readonly database: string;
  readonly dir: string;
  readonly session: Session;
  readonly #server: TestPostgres;

  private constructor(server: TestPostgres, database: string, dir: string, session: Session) {
    this.#server = server;
    this.database = database;
    this.dir = dir;
    this.session = session;
  }

  static async create(server: TestPostgres, statements: string): Promise<SourceBench> {
    const database = `d${crypto.randomUUID().slice(0, 8)}`;
    await server.createDatabase(database);
    if (statements !== "") await server.query(database, statements);
    const dir = await Deno.makeTempDir();
    const session = await openSession({ allowedDirs: [dir] });
    return new SourceBench(server, database, dir, session);
  }

  get context() {
    return { env: () => undefined, root: this.dir, temporaryDir: this.dir };
  }

  spec(options: Record<string, string | number> = {}): ConnectionSpec {
    return {
      name: "warehouse",
      type: "postgresql",
      file: "profiles.yml",
      options: { ...this.#server.connection(this.database), ...options },
    };
  }

  sql<T = Record<string, unknown>>(statements: string): Promise<T[]> {
    return this.#server.query<T>(this.database, statements);
  }

  async describe(read: Partial<TableRead>): Promise<DescribedTable> {
    await using reader = await POSTGRES_SOURCE.open(this.spec(), this.context);
    return await reader.describe(tableRead(read));
  }

  /** Describes and reads; the path of the file. */
  async read(
    read: Partial<TableRead>,
    previous: TableJob["previous"] = null,
  ): Promise<{ path: string; described: DescribedTable; rows: number }> {
    await using reader = await POSTGRES_SOURCE.open(this.spec(), this.context);
    const described = await reader.describe(tableRead(read));
    const pin = await reader.pin(tableRead(read));
    const job = this.job({ read: tableRead(read), columns: described.columns, pin, previous });
    return { ...await this.run(job), described };
  }

  job(job: Pick<TableJob, "read" | "columns" | "pin"> & Partial<TableJob>): TableJob {
    return {
      source: "source.things",
      connection: this.spec(),
      previous: null,
      root: this.dir,
      temporaryDir: this.dir,
      ...job,
    };
  }

  async run(job: TableJob): Promise<{ path: string; rows: number }> {
    const path = join(this.dir, `${crypto.randomUUID()}.parquet`);
    const rows = await POSTGRES_SOURCE.read(job, path, this.session, this.context);
    return { path, rows };
  }

  /** Rows of a file, each value as DuckDB's text. */
  async texts(path: string, columns = "*"): Promise<unknown[][]> {
    const { rows } = await this.session.read(
      `SELECT CAST(COLUMNS(t.*) AS VARCHAR) FROM (SELECT ${columns} FROM read_parquet('${path}')) t`,
    );
    return rows.map((row) => [...row]);
  }

  /** Files in the making that were left behind. */
  async leftovers(): Promise<string[]> {
    const names = [];
    for await (const { name } of Deno.readDir(this.dir)) {
      if (name.startsWith("copy-") || name.startsWith("new-")) names.push(name);
    }
    return names;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session[Symbol.asyncDispose]();
    await Deno.remove(this.dir, { recursive: true });
  }
}
