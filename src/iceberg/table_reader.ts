import { dirname, join } from "node:path";
import { UserError } from "../base/user_error.ts";
import { quoteName, quoteText, readParquet } from "../engine/quote.ts";
import { openSession } from "../engine/registry.ts";
import type { Session } from "../engine/session.ts";
import { addedSince } from "./added_since.ts";
import type { Catalog, LoadedTable } from "./catalog.ts";
import { sha256 } from "../base/hash.ts";
import { statIfExists } from "../base/atomic_write.ts";
import { downloadsDir } from "./fetch_local.ts";
import type { ReadRequest } from "./read_request.ts";
import { planScan, type ScanPlan, scanSql } from "./scan.ts";
import { type SelectedSnapshot, selectSnapshot } from "./select_snapshot.ts";
import { findSnapshot, schemaById } from "./table_files.ts";
import { duckColumns } from "./types.ts";
import type { ObjectStorage } from "../storage/object_storage.ts";

/** A table as it is read. */
export interface ReadState extends SelectedSnapshot {
  readonly table: LoadedTable;
}

/** Loads a table and finds the state to read. Throws `UserError`s `table_missing` and `snapshot_missing` (3). */
export async function findState(catalog: Catalog, request: ReadRequest): Promise<ReadState> {
  const table = await catalog.load(request.table);
  if (table === null) throw await tableMissing(catalog, request);
  return { table, ...selectSnapshot(table.metadata, request.choice, request.title) };
}

async function tableMissing(catalog: Catalog, request: ReadRequest): Promise<UserError> {
  const namespace = request.table.slice(0, -1);
  const tables = (await catalog.list(namespace)).map((table) => table.at(-1) ?? "");
  return new UserError(`There is no table ${request.title}`, {
    code: "table_missing",
    kind: "validation",
    hint: tables.length === 0
      ? `namespace ${namespace.join(".")} has no tables`
      : `${namespace.join(".")} has: ${tables.slice(0, 20).join(", ")}`,
  });
}

/** Stands for the rows of a state: another one where they may differ. */
export function stateToken({ table, snapshot, schema }: ReadState): string {
  return [
    table.metadata["table-uuid"],
    snapshot?.["snapshot-id"] ?? "none",
    schema["schema-id"],
  ].join(":");
}

/** The state that a token names. Throws a `UserError` `source_changed` (4) when it is gone. */
export async function stateOfToken(
  catalog: Catalog,
  request: ReadRequest,
  token: string,
): Promise<ReadState> {
  const [uuid, snapshotId, schemaId] = token.split(":");
  const table = await catalog.load(request.table);
  const snapshot = table === null || snapshotId === undefined || snapshotId === "none"
    ? null
    : findSnapshot(table.metadata, BigInt(snapshotId));
  const isThere = table?.metadata["table-uuid"] === uuid &&
    (snapshotId === "none" || snapshot !== null);
  if (table === null || !isThere) {
    throw new UserError(`Snapshot ${snapshotId} of ${request.title} is not there any more`, {
      code: "source_changed",
      kind: "execution",
      hint: "plan again",
    });
  }
  return { table, snapshot, schema: schemaById(table.metadata, Number(schemaId)) };
}

/**
 * The last value of the time column, as text; null for a table without rows. Exactly what is in the rows: a bound
 * in a manifest may be of a row that is deleted.
 */
export async function lastTime(
  state: ReadState,
  column: string,
  temporaryDir: string,
): Promise<string | null> {
  await using session = await openSession({ allowedDirs: [temporaryDir], temporaryDir });
  const plan = await planOf(state);
  const scan = await scanIn(session, plan, state.table.storage, temporaryDir, [column]);
  const { rows } = await session.read(
    `SELECT CAST(max(${quoteName(column)}) AS VARCHAR) FROM ${scan}`,
  );
  const value = rows[0]?.[0] ?? null;
  return value === null ? null : String(value);
}

async function planOf({ table, snapshot, schema }: ReadState): Promise<ScanPlan> {
  return await planScan(table.storage, table.metadata, snapshot, schema);
}

/** SQL of a scan that touches files below one folder only. */
async function scanIn(
  session: Session,
  plan: ScanPlan,
  storage: ObjectStorage,
  temporaryDir: string,
  columns: readonly string[],
): Promise<string> {
  const cacheDir = downloadsDir(temporaryDir);
  await Deno.mkdir(cacheDir, { recursive: true });
  return await scanSql(plan, {
    session,
    storage: withinFolder(storage, cacheDir),
    cacheDir,
    columns,
  });
}

/** A store whose files on this disk are linked into a folder: the session may read nothing else. */
function withinFolder(storage: ObjectStorage, folder: string): ObjectStorage {
  return {
    read: (location) => storage.read(location),
    write: (location, data, options) => storage.write(location, data, options),
    upload: (path, location) => storage.upload(path, location),
    download: (location, path) => storage.download(location, path),
    stat: (location) => storage.stat(location),
    list: (prefix) => storage.list(prefix),
    remove: (locations) => storage.remove(locations),
    localPath: (location) => {
      const path = storage.localPath(location);
      if (path === null || path.startsWith(`${folder}/`)) return path;
      const link = join(folder, `${sha256(location)}.parquet`);
      return statIfExists(link) !== null || tryLink(path, link) ? link : null;
    },
  };
}

/** False on another disk: the file is copied then. */
function tryLink(path: string, link: string): boolean {
  try {
    Deno.mkdirSync(dirname(link), { recursive: true });
    Deno.linkSync(path, link);
    return true;
  } catch {
    return statIfExists(link) !== null;
  }
}

/** A read as a worker does it. */
export interface TableRead {
  readonly request: ReadRequest;
  readonly state: ReadState;
  /** What comes out, in order; types other than the table's are cast to. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly previous: { readonly parquet: string; readonly watermark: string } | null;
  readonly temporaryDir: string;
}

/** Writes the rows of a state as one Parquet file; how many there are. */
export async function readTable(
  read: TableRead,
  outPath: string,
  session: Session,
): Promise<number> {
  const { state, temporaryDir } = read;
  checkColumns(read);
  const names = read.columns.map((column) => column.name);
  const scan = (plan: ScanPlan) => scanIn(session, plan, state.table.storage, temporaryDir, names);
  const increment = await incrementOf(read, session);
  const fresh = await scan(increment?.plan ?? await planOf(state));
  const columns = read.columns.map(({ name, type }) =>
    `CAST(${quoteName(name)} AS ${type}) AS ${quoteName(name)}`
  ).join(", ");
  const rows = `SELECT ${columns} FROM ${fresh}${increment?.where ?? ""}`;
  const before = increment === null || read.previous === null
    ? ""
    : `SELECT ${columns} FROM ${readParquet(read.previous.parquet)} UNION ALL `;
  return await session.run(
    `COPY (${before}${rows}) TO ${quoteText(outPath)} (FORMAT parquet)`,
  );
}

function checkColumns({ request, state, columns }: TableRead): void {
  const there = new Set(duckColumns(state.schema).map((column) => column.name));
  const missing = columns.find((column) => !there.has(column.name));
  if (missing === undefined) return;
  throw new UserError(`Column "${missing.name}" of ${request.title} is not there any more`, {
    code: "source_changed",
    kind: "execution",
    hint: "plan again",
  });
}

/** What has come since the read before; null when everything is to be read. */
async function incrementOf(
  read: TableRead,
  session: Session,
): Promise<{ readonly plan: ScanPlan; readonly where: string } | null> {
  const { previous, state, request } = read;
  if (previous === null || request.increment === null || state.snapshot === null) return null;
  if (!await hasSameColumns(read, previous.parquet, session)) return null;
  if (request.increment.kind === "time") {
    const { column } = request.increment;
    const type = read.columns.find(({ name }) => name === column)?.type;
    if (type === undefined) return null;
    const where = ` WHERE ${quoteName(column)} > CAST(${quoteText(previous.watermark)} AS ${type})`;
    return { plan: await planOf(state), where };
  }
  const plan = await addedSince(
    state.table.storage,
    state.table.metadata,
    BigInt(previous.watermark),
    state.snapshot,
    state.schema,
  );
  return plan === null ? null : { plan, where: "" };
}

async function hasSameColumns(
  read: TableRead,
  parquet: string,
  session: Session,
): Promise<boolean> {
  const { rows } = await session.read(`DESCRIBE SELECT * FROM ${readParquet(parquet)}`);
  return rows.map(([name]) => String(name)).join("\0") ===
    read.columns.map(({ name }) => name).join("\0");
}
