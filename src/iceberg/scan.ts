import { UserError } from "../base/user_error.ts";
import { quoteList, quoteName, quoteText } from "../engine/quote.ts";
import type { Session } from "../engine/session.ts";
import type { ObjectStorage } from "../storage/object_storage.ts";
import type { DataFile } from "./manifest.ts";
import { fetchLocal } from "./fetch_local.ts";
import { mapAtOnce } from "./map_at_once.ts";
import { nameMapping } from "./name_mapping.ts";
import { parseTransform } from "./partition_transforms.ts";
import { type PhysicalField, physicalGroups } from "./physical_schema.ts";
import { findById, type FindField, missingValue, readExpression } from "./read_expression.ts";
import { partitionLiteral } from "./partition_literal.ts";
import { readSnapshotFiles, specById } from "./table_files.ts";
import { fieldsById } from "./types.ts";
import type { SchemaField, TableMetadata, TableSchema, TableSnapshot } from "./table_metadata.ts";

/** A data file with what has been deleted from it. */
export interface ScanFile {
  readonly file: DataFile;
  readonly specId: number;
  readonly sequenceNumber: number;
  readonly positionDeletes: readonly DataFile[];
  readonly equalityDeletes: readonly DataFile[];
}

/** Live files of a snapshot. */
export interface ScanPlan {
  readonly metadata: TableMetadata;
  readonly schema: TableSchema;
  readonly files: readonly ScanFile[];
}

/** How a plan becomes SQL. */
export interface ScanOptions {
  readonly session: Session;
  readonly storage: ObjectStorage;
  /** Where files of a store are put to be read; they stay there for the next read. */
  readonly cacheDir: string;
  /** Columns to read, in order; absent: all. */
  readonly columns?: readonly string[];
  /** Adds a column with the location of each row's file. */
  readonly fileColumn?: string;
}

interface Deletes {
  readonly file: DataFile;
  readonly specId: number;
  readonly sequenceNumber: number;
}

/** Which files hold the rows of a snapshot, and what is deleted from them (specification, "Scan Planning"). */
export async function planScan(
  storage: ObjectStorage,
  metadata: TableMetadata,
  snapshot: TableSnapshot | null,
  schema: TableSchema,
): Promise<ScanPlan> {
  if (snapshot === null) return { metadata, schema, files: [] };
  const data: Deletes[] = [];
  const deletes: Deletes[] = [];
  for (const { manifest, entries } of await readSnapshotFiles(storage, metadata, snapshot)) {
    for (const entry of entries) {
      if (entry.status === "deleted") continue;
      (entry.file.content === "data" ? data : deletes).push({
        file: entry.file,
        specId: manifest.specId,
        sequenceNumber: entry.sequenceNumber ?? 0,
      });
    }
  }
  return {
    metadata,
    schema,
    files: data.map((entry) => {
      const applying = deletes.filter((candidate) => applies(candidate, entry, metadata));
      const of = (content: DataFile["content"]) =>
        applying.map(({ file }) => file).filter((file) => file.content === content);
      return {
        ...entry,
        positionDeletes: of("position_deletes"),
        equalityDeletes: of("equality_deletes"),
      };
    }),
  };
}

function applies(deletes: Deletes, data: Deletes, metadata: TableMetadata): boolean {
  const { file } = deletes;
  const isPosition = file.content === "position_deletes";
  if (
    isPosition
      ? deletes.sequenceNumber < data.sequenceNumber
      : deletes.sequenceNumber <= data.sequenceNumber
  ) return false;
  if (isPosition && file.referencedDataFile !== null) {
    return file.referencedDataFile === data.file.path;
  }
  const isGlobal = !isPosition && specById(metadata, deletes.specId).fields.length === 0;
  if (isGlobal) return true;
  return deletes.specId === data.specId &&
    partitionKey(file) === partitionKey(data.file);
}

/** A partition as text: equal for equal values. */
export function partitionKey(file: Pick<DataFile, "partition">): string {
  return JSON.stringify(
    file.partition.map((value) =>
      value === null
        ? null
        : `${typeof value} ${
          value instanceof Uint8Array ? value.toHex() : Object.is(value, -0) ? "-0" : String(value)
        }`
    ),
  );
}

/**
 * SQL of a relation with the rows of a plan, in the types of its schema. Files of a store are brought to
 * this disk first. Throws a `UserError` `unsupported_file` (4) for files that are not Parquet.
 */
export async function scanSql(plan: ScanPlan, options: ScanOptions): Promise<string> {
  const fields = projected(plan.schema, options.columns);
  const scans = await mapAtOnce(
    plan.files,
    async (scan) => ({ scan, path: await localFile(scan.file, options) }),
  );
  const byPath = new Map(scans.map((entry) => [entry.path, entry.scan]));
  const find = findById(nameMapping(plan.metadata, plan.schema));
  const parts: string[] = [];
  for (const group of await physicalGroups(options.session, [...byPath.keys()])) {
    const kinds = Map.groupBy(group.paths, (path) => {
      const scan = byPath.get(path);
      return scan === undefined ? "" : kindOf(plan, scan, group.fields, fields, find);
    });
    for (const paths of kinds.values()) {
      const first = byPath.get(paths[0] ?? "");
      if (first === undefined) continue;
      const columns = columnsOf(plan, first, group.fields, fields, find);
      parts.push(
        await select(
          plan,
          { paths, byPath, scan: first, columns, physical: group.fields },
          options,
          find,
        ),
      );
    }
  }
  return parts.length === 0 ? emptyScan(fields, options) : `(${parts.join(" UNION ALL ")})`;
}

function projected(schema: TableSchema, columns?: readonly string[]): readonly SchemaField[] {
  if (columns === undefined) return schema.fields;
  return columns.flatMap((name) => schema.fields.filter((field) => field.name === name));
}

function emptyScan(fields: readonly SchemaField[], options: ScanOptions): string {
  const columns = fields.map((field) => `${missingValue(field)} AS ${quoteName(field.name)}`);
  const file = options.fileColumn === undefined
    ? []
    : [`CAST(NULL AS VARCHAR) AS ${quoteName(options.fileColumn)}`];
  return `(SELECT ${[...columns, ...file].join(", ") || "1"} WHERE false)`;
}

async function localFile(file: DataFile, options: ScanOptions): Promise<string> {
  if (file.format !== "PARQUET") {
    throw new UserError(`${file.path} is a file of format ${file.format}, which cannot be read`, {
      code: "unsupported_file",
      kind: "execution",
      hint: file.format === "PUFFIN"
        ? "rewrite the table's deletes with the engine that wrote them, or use format version 2"
        : "rewrite the table's files as Parquet with the engine that wrote them",
    });
  }
  return await fetchLocal(options.storage, file.path, options.cacheDir);
}

/** Files of one kind are read in one call. */
function kindOf(
  plan: ScanPlan,
  scan: ScanFile,
  physical: readonly PhysicalField[],
  fields: readonly SchemaField[],
  find: FindField,
): string {
  if (scan.positionDeletes.length + scan.equalityDeletes.length > 0) return scan.file.path;
  return columnsOf(plan, scan, physical, fields, find).join("\0");
}

function columnsOf(
  plan: ScanPlan,
  scan: ScanFile,
  physical: readonly PhysicalField[],
  fields: readonly SchemaField[],
  find: FindField,
): string[] {
  return fields.map((field) =>
    `${columnOf(plan, scan, physical, field, find)} AS ${quoteName(field.name)}`
  );
}

function columnOf(
  plan: ScanPlan,
  scan: ScanFile,
  physical: readonly PhysicalField[],
  field: SchemaField,
  find: FindField,
): string {
  const found = find(physical, field);
  if (found !== null) return readExpression(`t.${quoteName(found.name)}`, found, field, find);
  return partitionConstant(plan, scan, field) ?? missingValue(field);
}

/** Files that were taken over from Hive have no column for what their folder says. */
function partitionConstant(plan: ScanPlan, scan: ScanFile, field: SchemaField): string | null {
  const index = specById(plan.metadata, scan.specId).fields.findIndex((part) =>
    part["source-id"] === field.id && parseTransform(part.transform)?.kind === "identity"
  );
  const value = scan.file.partition[index] ?? null;
  if (value === null || typeof field.type !== "string") return null;
  return partitionLiteral(field.type, value);
}

interface Group {
  readonly paths: readonly string[];
  readonly byPath: ReadonlyMap<string, ScanFile>;
  readonly scan: ScanFile;
  readonly columns: readonly string[];
  readonly physical: readonly PhysicalField[];
}

async function select(
  plan: ScanPlan,
  group: Group,
  options: ScanOptions,
  find: FindField,
): Promise<string> {
  const { scan, paths } = group;
  const hasPositions = scan.positionDeletes.length > 0;
  const flags = [
    "hive_partitioning = false",
    ...(hasPositions ? ["file_row_number = true"] : []),
    ...(options.fileColumn === undefined ? [] : ["filename = 'seeknal_filename'"]),
  ];
  const conditions = [
    ...(hasPositions ? [await positionCondition(scan, options)] : []),
    ...await Promise.all(
      scan.equalityDeletes.map((file) => equalityCondition(plan, group, file, options, find)),
    ),
  ];
  const file = options.fileColumn === undefined
    ? []
    : [`${fileLocation(group)} AS ${quoteName(options.fileColumn)}`];
  const columns = [...group.columns, ...file].join(", ") || "1";
  const where = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  return `SELECT ${columns} FROM read_parquet(${quoteList(paths)}, ${flags.join(", ")}) t${where}`;
}

function fileLocation(group: Group): string {
  const moved = group.paths.filter((path) => group.byPath.get(path)?.file.path !== path);
  if (moved.length === 0) return "t.seeknal_filename";
  const keys = moved.map(quoteText).join(", ");
  const values = moved.map((path) => quoteText(group.byPath.get(path)?.file.path ?? "")).join(", ");
  return `MAP([${keys}], [${values}])[t.seeknal_filename]`;
}

async function positionCondition(scan: ScanFile, options: ScanOptions): Promise<string> {
  const paths = await Promise.all(scan.positionDeletes.map((file) => localFile(file, options)));
  // Writers differ in whether a path on this disk has its scheme.
  const plain = scan.file.path.replace(/^file:(\/\/)?/, "");
  const names = [scan.file.path, plain, `file://${plain}`, `file:${plain}`].map(quoteText);
  return `t.file_row_number NOT IN (SELECT d.pos FROM read_parquet(${
    quoteList(paths)
  }, hive_partitioning = false) d WHERE d.pos IS NOT NULL AND d.file_path IN (${
    [...new Set(names)].join(", ")
  }))`;
}

async function equalityCondition(
  plan: ScanPlan,
  group: Group,
  file: DataFile,
  options: ScanOptions,
  find: FindField,
): Promise<string> {
  const path = await localFile(file, options);
  const [deletes] = await physicalGroups(options.session, [path]);
  const all = allFields(plan.metadata);
  const equal = (file.equalityIds ?? []).map((id) => {
    const field = all.get(id);
    const column = field === undefined ? null : find(deletes?.fields ?? [], field);
    if (field === undefined || column === null) {
      throw new UserError(`${file.path} deletes by a column that it does not have (id ${id})`, {
        code: "unsupported_file",
        kind: "execution",
        hint: "rewrite the table's deletes with the engine that wrote them",
      });
    }
    const left = columnOf(plan, group.scan, group.physical, field, find);
    const right = readExpression(`d.${quoteName(column.name)}`, column, field, find);
    return `${right} IS NOT DISTINCT FROM ${left}`;
  });
  return `NOT EXISTS (SELECT 1 FROM read_parquet(${
    quoteText(path)
  }, hive_partitioning = false) d WHERE ${equal.join(" AND ")})`;
}

/** Fields of all schemas, the newest definition of each: deletes may be by a column that is gone. */
function allFields(metadata: TableMetadata): Map<number, SchemaField> {
  return new Map(metadata.schemas.flatMap((schema) => [...fieldsById(schema)]));
}
