import { dirname, join } from "node:path";
import { UserError } from "../base/user_error.ts";
import { quoteName, quoteText, readParquet } from "../engine/quote.ts";
import { openSession } from "../engine/registry.ts";
import type { Session } from "../engine/session.ts";
import type { TableWrite } from "../model/materialization.ts";
import type { ObjectStorage } from "../storage/object_storage.ts";
import type { LoadedTable } from "./catalog.ts";
import { downloadsDir, fetchLocal } from "./fetch_local.ts";
import { type DataFile } from "./manifest.ts";
import { filesInRange } from "./prune_files.ts";
import { mapAtOnce } from "./map_at_once.ts";
import { type Layout, planLayout } from "./plan_write.ts";
import { effectiveRows, replacedCondition } from "./replaced_rows.ts";
import { NO_ROWS, type RowChecksum, rowChecksum, rowCount } from "./row_checksum.ts";
import { partitionKey, planScan, type ScanFile, scanSql } from "./scan.ts";
import { batchFolder } from "./staged_write.ts";
import { currentSnapshot } from "./table_files.ts";
import { duckColumns } from "./types.ts";
import { storedRows, writeDataFiles } from "./write_data.ts";

/** What staging a table needs. */
export interface StageRequest {
  readonly batch: string;
  readonly write: TableWrite;
  /** Absolute path of the output. */
  readonly parquet: string;
  /** Null: the table is not there yet. */
  readonly table: LoadedTable | null;
  /** Where the table is, or will be. */
  readonly location: string;
  readonly storage: ObjectStorage;
  /** A table that may hold the very content. */
  readonly like: LoadedTable | null;
  readonly temporaryDir: string;
}

/** Files that come and files that go. */
export interface FileChange {
  readonly layout: Layout;
  readonly added: readonly DataFile[];
  readonly removed: readonly string[] | "all";
  readonly rows: number;
  readonly checksum: string | null;
  readonly shared: boolean;
}

/** DuckDB keeps rows that are to be written in order in memory as far as it may. */
const MEMORY_LIMIT_BYTES = 1 << 30;

/** Writes and compares a write's rows, and those of the files that they replace rows in. */
export async function writeFiles(request: StageRequest): Promise<FileChange> {
  const { write, table, storage } = request;
  const layout = planLayout(write, table?.metadata ?? null);
  const existing = table === null || ["full", "append"].includes(write.spec.mode)
    ? []
    : (await planScan(
      storage,
      table.metadata,
      currentSnapshot(table.metadata),
      layout.schema,
    )).files;
  await using session = await openSession({
    allowedDirs: [...await readableDirs(request, existing)],
    temporaryDir: request.temporaryDir,
    memoryLimitBytes: MEMORY_LIMIT_BYTES,
  });
  return await new TableStager(request, layout, existing, session).stage();
}

/** Folders that staging reads and writes. */
async function readableDirs(
  request: StageRequest,
  existing: readonly ScanFile[],
): Promise<ReadonlySet<string>> {
  const dirs = new Set([dirname(request.parquet), request.temporaryDir]);
  const folder = request.storage.localPath(batchFolder(request.location, request.batch));
  if (folder !== null) {
    await Deno.mkdir(folder, { recursive: true });
    dirs.add(folder);
  }
  for (const scan of existing) {
    for (const file of [scan.file, ...scan.positionDeletes, ...scan.equalityDeletes]) {
      const path = request.storage.localPath(file.path);
      if (path !== null) dirs.add(dirname(path));
    }
  }
  return dirs;
}

const ORDER = "seeknal_order";
const FILE = "seeknal_file";

/** Stages one table in one session. */
class TableStager {
  readonly #request: StageRequest;
  readonly #layout: Layout;
  readonly #existing: readonly ScanFile[];
  readonly #session: Session;
  #columns: TableWrite["columns"] = [];

  constructor(
    request: StageRequest,
    layout: Layout,
    existing: readonly ScanFile[],
    session: Session,
  ) {
    this.#request = request;
    this.#layout = layout;
    this.#existing = existing;
    this.#session = session;
  }

  async stage(): Promise<FileChange> {
    const { write } = this.#request;
    this.#columns = await outputColumns(this.#session, write, this.#request.parquet);
    await this.#countOutput();
    const output = `(${this.#storedOutput()})`;
    const rows = await effectiveRows(
      write,
      { relation: output, schema: this.#layout.schema, order: ORDER },
      this.#session,
    );
    await this.#refuseMissing(rows);
    const added = await this.#write(rows, "new", await this.#outputBytes());
    const checked = await this.#validate(rows, added);
    const rest = await this.#replace(rows, added);
    return {
      layout: this.#layout,
      added: [...added, ...rest.added],
      removed: rest.removed,
      ...checked,
      shared: false,
    };
  }

  /** A column that another engine made may be one that must have values. */
  async #refuseMissing(rows: string): Promise<void> {
    for (const field of this.#layout.schema.fields) {
      if (!field.required) continue;
      const nulls = await rowCount(this.#session, `${rows} WHERE ${quoteName(field.name)} IS NULL`);
      if (nulls === 0) continue;
      const { write } = this.#request;
      throw new UserError(
        `Cannot write ${write.target}: column ${field.name} must have values, and ${nulls} rows have none`,
        {
          code: "null_in_required_column",
          kind: "execution",
          hint: "leave the rows out in the query, or make the column optional in the table",
        },
      );
    }
  }

  #storedOutput(): string {
    return storedRows({
      rows: readParquet(this.#request.parquet),
      columns: this.#columns,
      schema: this.#layout.schema,
    });
  }

  async #outputBytes(): Promise<number> {
    return (await Deno.stat(this.#request.parquet)).size;
  }

  /** Writes rows that are in the table's types already. */
  async #write(relation: string, part: string, sizeBytes: number): Promise<DataFile[]> {
    const { batch, location, storage, temporaryDir } = this.#request;
    return await writeDataFiles(
      {
        rows: relation,
        columns: duckColumns(this.#layout.schema),
        sizeBytes,
        schema: this.#layout.schema,
        spec: this.#layout.spec,
        location: batchFolder(location, batch),
        // Two attempts under one id must not write over one another.
        prefix: `${part}-${crypto.randomUUID().slice(0, 8)}`,
      },
      { session: this.#session, storage, temporaryDir },
    );
  }

  /** Compares what lies beside the table with the output. */
  async #validate(
    rows: string,
    added: readonly DataFile[],
  ): Promise<{ rows: number; checksum: string | null }> {
    const { write } = this.#request;
    const written = added.reduce((sum, file) => sum + file.recordCount, 0);
    if (write.spec.validation?.checksum === false) return { rows: written, checksum: null };
    const columns = this.#layout.schema.fields.map((field) => field.name);
    const expected = await rowChecksum(this.#session, rows, columns);
    const found = await this.#readBack(added, columns);
    if (expected.rows !== found.rows || found.rows !== written) {
      throw this.#failed(expected.rows, found.rows);
    }
    if (expected.checksum !== found.checksum) {
      throw new UserError(
        `${write.target} is not written: the staged rows are not those of ${write.node} (checksum ${found.checksum}, not ${expected.checksum})`,
        {
          code: "validation_failed",
          kind: "execution",
          hint: "the storage damaged them; run it again, and check the disk if it happens again",
        },
      );
    }
    return found;
  }

  /** Compares the file's rows with what was said of them; modes may bring fewer of them in. */
  async #countOutput(): Promise<void> {
    const { write, parquet } = this.#request;
    const found = await rowCount(this.#session, readParquet(parquet));
    const tolerance = write.spec.validation?.row_count_tolerance ?? 0;
    if (Math.abs(found - write.rows) > write.rows * tolerance) {
      throw this.#failed(write.rows, found);
    }
  }

  #failed(expected: number, found: number): UserError {
    const { write } = this.#request;
    return new UserError(
      `${write.target} is not written: ${found} rows are staged, ${write.node} has ${expected}`,
      { code: "validation_failed", kind: "execution", hint: "run it again; rows were lost" },
    );
  }

  /** Reads what is staged from where it is staged. */
  async #readBack(added: readonly DataFile[], columns: readonly string[]): Promise<RowChecksum> {
    if (added.length === 0) return NO_ROWS;
    const { storage, temporaryDir } = this.#request;
    const folder = join(temporaryDir, `readback-${crypto.randomUUID()}`);
    try {
      const paths = await mapAtOnce(added, (file) => fetchLocal(storage, file.path, folder));
      const relation = `read_parquet([${
        paths.map(quoteText).join(", ")
      }], hive_partitioning = false)`;
      return await rowChecksum(this.#session, relation, columns);
    } finally {
      await Deno.remove(folder, { recursive: true }).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    }
  }

  /** The files that go, with their other rows written anew. */
  async #replace(
    rows: string,
    added: readonly DataFile[],
  ): Promise<{ added: DataFile[]; removed: readonly string[] | "all" }> {
    const { write } = this.#request;
    if (write.spec.mode === "full") return { added: [], removed: "all" };
    if (this.#existing.length === 0) return { added: [], removed: [] };
    const condition = await replacedCondition(
      write,
      { relation: rows, schema: this.#layout.schema },
      this.#layout.spec,
      this.#session,
    );
    if (condition === null) return { added: [], removed: [] };
    const { whole, candidates } = await this.#candidates(rows, added);
    const touched = candidates.length === 0 ? [] : await this.#touched(candidates, condition);
    const removed = [...whole, ...touched].map(({ file }) => file.path);
    if (touched.length === 0) return { added: [], removed };
    const relation = `(SELECT * FROM ${await this.#scan(touched)} t WHERE NOT (${
      orFalse(condition)
    }))`;
    const sizeBytes = touched.reduce((sum, { file }) => sum + file.sizeBytes, 0);
    return { added: await this.#write(relation, "kept", sizeBytes), removed };
  }

  /** Files of which every row goes, and files that must be looked into. */
  async #candidates(
    rows: string,
    added: readonly DataFile[],
  ): Promise<{ whole: readonly ScanFile[]; candidates: readonly ScanFile[] }> {
    const { spec: { mode, unique_keys: keys = [], time_column: time } } = this.#request.write;
    if (mode === "overwrite_partitions") {
      const partitions = new Set(added.map(partitionKey));
      const [alike, others] = partition(
        this.#existing,
        (scan) => scan.specId === this.#layout.spec["spec-id"],
      );
      return {
        whole: alike.filter(({ file }) => partitions.has(partitionKey(file))),
        candidates: others,
      };
    }
    const columns = mode === "incremental_by_time" && time !== undefined ? [time] : keys;
    const { schema } = this.#layout;
    return {
      whole: [],
      candidates: await filesInRange(this.#existing, schema, columns, rows, this.#session),
    };
  }

  /** Files with at least one row that is replaced. */
  async #touched(files: readonly ScanFile[], condition: string): Promise<ScanFile[]> {
    const scan = await this.#scan(files, FILE);
    const { rows } = await this.#session.read(
      `SELECT DISTINCT ${FILE} FROM ${scan} t WHERE ${condition}`,
    );
    const paths = new Set(rows.map(([path]) => String(path)));
    return files.filter(({ file }) => paths.has(file.path));
  }

  async #scan(files: readonly ScanFile[], fileColumn?: string): Promise<string> {
    const { table, storage, temporaryDir } = this.#request;
    if (table === null) throw new Error("a table that is not there has no files");
    return await scanSql(
      { metadata: table.metadata, schema: this.#layout.schema, files },
      {
        session: this.#session,
        storage,
        cacheDir: downloadsDir(temporaryDir),
        ...(fileColumn === undefined ? {} : { fileColumn }),
      },
    );
  }
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}

/**
 * Columns of the output's file as they are in it. Whole numbers of 128 bits must not have become floating-point
 * on the way, as DuckDB makes of them in Parquet unless they are cast.
 */
async function outputColumns(
  session: Session,
  write: TableWrite,
  parquet: string,
): Promise<TableWrite["columns"]> {
  const { rows } = await session.read(`DESCRIBE SELECT * FROM ${readParquet(parquet)}`);
  const found = rows.map(([name, type]) => ({ name: String(name), type: String(type) }));
  const types = new Map(found.map(({ name, type }) => [name.toLowerCase(), type]));
  for (const { name, type } of write.columns) {
    const stored = types.get(name.toLowerCase());
    const isLossy = /HUGEINT/.test(type) && !/HUGEINT|DECIMAL/.test(stored ?? "");
    if (stored !== undefined && !isLossy) continue;
    throw new UserError(
      stored === undefined
        ? `The output of ${write.node} has no column ${name}`
        : `The output of ${write.node} holds column ${name} (${type}) as ${stored}, which loses digits`,
      {
        code: "validation_failed",
        kind: "execution",
        hint: `run ${write.node} again; cast the column to DECIMAL(38,0) in its query`,
      },
    );
  }
  return found;
}

/** A comparison with NULL is not known, and such a row stays. */
function orFalse(condition: string): string {
  return `coalesce(${condition}, false)`;
}
