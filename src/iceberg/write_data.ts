import { join } from "node:path";
import { UserError } from "../base/user_error.ts";
import { quoteName, quoteText } from "../engine/quote.ts";
import { type Session, SqlError, type Table } from "../engine/session.ts";
import type { ObjectStorage } from "../storage/object_storage.ts";
import { parseDuckType } from "./duck_type.ts";
import { fieldIdsSql, type Leaf, leavesByPath } from "./field_ids.ts";
import type { DataFile } from "./manifest.ts";
import { mapAtOnce } from "./map_at_once.ts";
import { BUCKET_MACROS, readShown, shownSql, transformSql } from "./partition_sql.ts";
import { parseTransform, type Transform, transformResult } from "./partition_transforms.ts";
import { boundOf, parseValue, type PrimitiveValue } from "./single_value.ts";
import { duckTypeText, storedExpression } from "./types.ts";
import type { PartitionSpec, PrimitiveType, TableSchema } from "./table_metadata.ts";

/** Rows to be written as data files. */
export interface DataWrite {
  /** SQL of a relation with `columns`. */
  readonly rows: string;
  /** What the relation has, with DuckDB types; fields of the schema that are not among them become NULL. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** About how many bytes come, as Parquet; decides whether there are several files. */
  readonly sizeBytes: number;
  readonly schema: TableSchema;
  readonly spec: PartitionSpec;
  /** Folder of the data files. */
  readonly location: string;
  /** Begins the files' names. */
  readonly prefix: string;
}

/** What writing may use. */
export interface DataWriteContext {
  /** May read the rows' files and write `temporaryDir` and, where it lies on this disk, the table. */
  readonly session: Session;
  readonly storage: ObjectStorage;
  readonly temporaryDir: string;
}

/** Size at which another data file is begun (Iceberg's default). */
const TARGET_FILE_BYTES = 512 * 1024 * 1024;

const PARTITION_COLUMN = "seeknal_partition";

/**
 * Writes rows as Parquet files with field ids and brings them to the table's store. Nothing
 * refers to them yet. Throws a `UserError` `value_not_writable` (4) for a value that has no place
 * in its column's type.
 */
export async function writeDataFiles(
  write: DataWrite,
  context: DataWriteContext,
): Promise<DataFile[]> {
  const partitions = await partitionTable(write, context.session);
  const folder = join(context.temporaryDir, write.prefix);
  await Deno.mkdir(folder, { recursive: true });
  try {
    const written = partitions === null
      ? await copyPlain(write, context, folder)
      : await copyPartitioned(write, context, folder, partitions);
    return await mapAtOnce(written, (file) => place(file, context.storage));
  } finally {
    await Deno.remove(folder, { recursive: true });
    if (partitions !== null) await context.session.run(`DROP TABLE ${partitions.table}`);
  }
}

/** SQL that gives the rows in the types and the order of the table. */
export function storedRows(write: Pick<DataWrite, "rows" | "columns" | "schema">): string {
  return `SELECT ${storedColumns(write).join(", ")} FROM ${write.rows}`;
}

function storedColumns(write: Pick<DataWrite, "columns" | "schema">): string[] {
  const columns = new Map(write.columns.map((column) => [column.name.toLowerCase(), column]));
  return write.schema.fields.map((field) => {
    const column = columns.get(field.name.toLowerCase());
    const sql = column === undefined
      ? `CAST(NULL AS ${duckTypeText(field.type)})`
      : storedExpression(
        quoteName(column.name),
        parseDuckType(column.type),
        field.type,
        column.name,
      );
    return `${sql} AS ${quoteName(field.name)}`;
  });
}

interface Partitions {
  readonly table: string;
  readonly fields: readonly { readonly sql: string; readonly type: PrimitiveType }[];
  readonly tuples: ReadonlyMap<string, readonly (PrimitiveValue | null)[]>;
}

let partitionTables = 0;

/** The partitions that rows fall into, numbered; null for a table that is not partitioned. */
async function partitionTable(write: DataWrite, session: Session): Promise<Partitions | null> {
  const fields = partitionExpressions(write.spec, write.schema);
  if (fields.length === 0) return null;
  if (fields.some(({ transform }) => transform.kind === "bucket")) await session.run(BUCKET_MACROS);
  const table = `seeknal_partitions_${partitionTables++}`;
  const values = fields.map(({ sql }, i) => `${sql} AS p${i}`).join(", ");
  await guarded(() =>
    session.run(
      `CREATE TEMP TABLE ${table} AS SELECT row_number() OVER () AS n, * FROM (
        SELECT DISTINCT ${values} FROM (${storedRows(write)}))`,
    )
  );
  const shown = fields.map(({ type }, i) => shownSql(`p${i}`, type)).join(", ");
  const { rows } = await session.read(`SELECT CAST(n AS VARCHAR), ${shown} FROM ${table}`);
  const tuples = new Map(rows.map(([n, ...tuple]) => [
    String(n),
    tuple.map((value, i) =>
      value === null ? null : readShown(fields[i]?.type ?? "string", String(value))
    ),
  ]));
  return { table, fields, tuples };
}

/** SQL of each partition value over the table's columns. Throws a `UserError` `unsupported_partition` (3). */
export function partitionExpressions(
  spec: PartitionSpec,
  schema: TableSchema,
): { readonly sql: string; readonly type: PrimitiveType; readonly transform: Transform }[] {
  return spec.fields.map((field) => {
    const transform = parseTransform(field.transform);
    const source = schema.fields.find((candidate) => candidate.id === field["source-id"]);
    if (transform === null || typeof source?.type !== "string") {
      if (transform?.kind === "void") {
        return { sql: "CAST(NULL AS INTEGER)", type: "int", transform };
      }
      throw new UserError(
        `The table is partitioned by ${field.name} (${field.transform}), which cannot be written`,
        {
          code: "unsupported_partition",
          kind: "validation",
          hint: "partition the table by columns of its own, with transforms of format version 2",
        },
      );
    }
    return {
      sql: transformSql(transform, source.name, source.type),
      type: transformResult(transform, source.type),
      transform,
    };
  });
}

interface WrittenFile {
  /** Where it is now; null when it is in its place already. */
  readonly from: string | null;
  readonly file: DataFile;
}

async function copyPlain(
  write: DataWrite,
  context: DataWriteContext,
  folder: string,
): Promise<WrittenFile[]> {
  const isLarge = write.sizeBytes > TARGET_FILE_BYTES;
  const path = isLarge ? null : `${write.location}/${write.prefix}-0.parquet`;
  const direct = path === null ? null : context.storage.localPath(path);
  if (direct !== null) await Deno.mkdir(join(direct, ".."), { recursive: true });
  const to = isLarge ? folder : direct ?? join(folder, "0.parquet");
  const stats = await copy(write, context.session, storedRows(write), to, [
    ...(isLarge ? [`FILE_SIZE_BYTES ${TARGET_FILE_BYTES}`, "OVERWRITE_OR_IGNORE"] : []),
  ]);
  if (direct !== null) {
    const rows = stats.rows.reduce((sum, row) => sum + Number(row[1]), 0);
    if (rows === 0) await Deno.remove(direct);
    else await sync(direct);
  }
  return filesOf(stats, write, direct !== null, () => []);
}

async function copyPartitioned(
  write: DataWrite,
  context: DataWriteContext,
  folder: string,
  partitions: Partitions,
): Promise<WrittenFile[]> {
  if (partitions.tuples.size === 0) return [];
  const on = partitions.fields.map(({ sql }, i) => `${sql} IS NOT DISTINCT FROM p.p${i}`);
  const rows = `SELECT s.*, p.n AS ${PARTITION_COLUMN} FROM (${
    storedRows(write)
  }) s JOIN ${partitions.table} p ON ${on.join(" AND ")}`;
  const stats = await copy(write, context.session, rows, folder, [
    `PARTITION_BY (${PARTITION_COLUMN})`,
    "OVERWRITE_OR_IGNORE",
  ]);
  return filesOf(stats, write, false, (keys) => partitions.tuples.get(keys) ?? []);
}

async function copy(
  write: DataWrite,
  session: Session,
  rows: string,
  to: string,
  options: readonly string[],
): Promise<Table> {
  const all = [
    "FORMAT parquet",
    "COMPRESSION zstd",
    `FIELD_IDS ${fieldIdsSql(write.schema.fields)}`,
    "RETURN_STATS",
    ...options,
  ];
  return await guarded(() =>
    session.read(`COPY (${rows}) TO ${quoteText(to)} (${all.join(", ")})`)
  );
}

/** An engine's refusal of a value, in words for people. */
async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SqlError) || !VALUE_CATEGORIES.has(error.category)) throw error;
    throw new UserError(`A value cannot be written to the Iceberg table: ${error.message}`, {
      code: "value_not_writable",
      kind: "execution",
      hint: "cast the column in the query to a type that holds all of its values",
      cause: error,
    });
  }
}

const VALUE_CATEGORIES: ReadonlySet<string> = new Set([
  "Conversion",
  "Out of Range",
  "Invalid Input",
]);

async function sync(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true });
  await file.syncData();
}

function filesOf(
  stats: Table,
  write: DataWrite,
  isInPlace: boolean,
  tupleOf: (key: string) => readonly (PrimitiveValue | null)[],
): WrittenFile[] {
  const leaves = leavesByPath(write.schema.fields);
  return stats.rows.flatMap((row, i): WrittenFile[] => {
    const [filename, count, size, , statistics, keys] = row;
    if (Number(count) === 0) return [];
    const metrics = metricsOf(pairs(statistics), leaves);
    const key = pairs(keys).find(([name]) => name === PARTITION_COLUMN)?.[1];
    return [{
      from: isInPlace ? null : String(filename),
      file: {
        content: "data",
        path: `${write.location}/${write.prefix}-${i}.parquet`,
        format: "PARQUET",
        partition: tupleOf(String(key ?? "")),
        recordCount: Number(count),
        sizeBytes: Number(size),
        ...metrics,
        splitOffsets: null,
        equalityIds: null,
        sortOrderId: 0,
        referencedDataFile: null,
      },
    }];
  });
}

/** Entries of a DuckDB map as its JSON has it. */
function pairs(value: unknown): [string, unknown][] {
  if (!Array.isArray(value)) return [];
  return value.map((entry) => [String(entry.key), entry.value]);
}

type Metrics = Pick<
  DataFile,
  "columnSizes" | "valueCounts" | "nullCounts" | "nanCounts" | "lowerBounds" | "upperBounds"
>;

function metricsOf(
  statistics: readonly [string, unknown][],
  leaves: ReadonlyMap<string, Leaf>,
): Metrics {
  const metrics = {
    columnSizes: new Map<number, number>(),
    valueCounts: new Map<number, number>(),
    nullCounts: new Map<number, number>(),
    nanCounts: new Map<number, number>(),
    lowerBounds: new Map<number, Uint8Array>(),
    upperBounds: new Map<number, Uint8Array>(),
  };
  for (const [path, value] of statistics) {
    const leaf = leaves.get(path);
    if (leaf === undefined) continue;
    const found = Object.fromEntries(pairs(value).map(([k, v]) => [k, String(v)]));
    metrics.columnSizes.set(leaf.id, Number(found["column_size_bytes"] ?? 0));
    // Counts and bounds of what repeats within a row mean nothing to a filter.
    if (leaf.isRepeated) continue;
    if (found["num_values"] !== undefined) {
      metrics.valueCounts.set(leaf.id, Number(found["num_values"]));
    }
    if (found["null_count"] !== undefined) {
      metrics.nullCounts.set(leaf.id, Number(found["null_count"]));
    }
    if (found["has_nan"] === "false") metrics.nanCounts.set(leaf.id, 0);
    // How many there are is not known, and bounds are of the other values.
    setBound(metrics.lowerBounds, leaf, found["min"], "lower");
    setBound(metrics.upperBounds, leaf, found["max"], "upper");
  }
  return metrics;
}

function setBound(
  bounds: Map<number, Uint8Array>,
  leaf: Leaf,
  text: string | undefined,
  side: "lower" | "upper",
): void {
  const value = text === undefined ? null : parseValue(leaf.type, text);
  const bound = value === null ? null : boundOf(leaf.type, value, side);
  if (bound !== null) bounds.set(leaf.id, bound);
}

async function place(written: WrittenFile, storage: ObjectStorage): Promise<DataFile> {
  if (written.from !== null) await storage.upload(written.from, written.file.path);
  return written.file;
}
