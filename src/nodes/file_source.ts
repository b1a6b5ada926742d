import { join } from "node:path";
import { compactJson } from "../base/canonical_json.ts";
import { didYouMean } from "../base/closest.ts";
import type { Report } from "../base/field_reader.ts";
import { sha256 } from "../base/hash.ts";
import { projectRelative } from "../base/project_path.ts";
import { UserError } from "../base/user_error.ts";
import { type Session, SqlError } from "../engine/session.ts";
import type { ManifestNode, SourceVersion } from "../model/manifest.ts";
import type { SourceSpec } from "../model/node.ts";
import type { NodeJob } from "../model/run.ts";
import type { OutputColumn } from "../shape/query_shape.ts";
import { findSourceType } from "../sources/registry.ts";
import { differingColumns } from "../sources/same_columns.ts";
import { scanSql } from "../sources/scan_sql.ts";
import { findSourceFiles, namesManyFiles } from "../sources/source_files.ts";
import {
  filenameColumn,
  isScanType,
  type RowRequest,
  type RowType,
  type ScanType,
} from "../sources/source_type.ts";
import { storedType } from "../sql/stored_type.ts";
import type {
  DescribeContext,
  DescribedNode,
  JobContext,
  LoadedNode,
  ResolvedNode,
  SourceData,
} from "./node_kind.ts";
import { outsideShape, readText } from "./outside_source.ts";
import { contentShape } from "./source_content.ts";
import { keepsContract } from "./source_contract.ts";

/** Digits of the hashes that only tell which files of many changed. */
const FILE_DIGITS = 12;

/** Settles a source of files: which files there are, and what is in them. */
export function resolveFiles(
  node: LoadedNode<SourceSpec>,
  data: SourceData,
  report: Report,
): ResolvedNode<SourceSpec> | null {
  const spec = withDefaults(node.spec, data);
  const type = findSourceType(spec.source)!;
  const problem = isScanType(type) ? null : type.problem(spec.params);
  if (problem !== null) {
    const location = node.locator.locate(["params", problem.param]);
    const { message, hint } = problem;
    report({ severity: "error", code: "source_table", message, ...location, hint });
    return null;
  }
  const found = findSourceFiles(data.root, spec.table!, type.extensions);
  if (found.problem !== null) {
    const { message, hint } = found.problem;
    const location = node.locator.locate(["table"]);
    report({ severity: "error", code: "source_file", message, ...location, hint });
    return null;
  }
  const { table } = spec;
  return {
    node: { ...node, spec },
    // The pattern, not the files it finds: a new file is new data, not another query.
    sql: isScanType(type)
      ? scan(type, spec, { files: [table!], root: null })
      : readText(spec, { table, params: spec.params, columnTypes: typesToRead(spec, type) }),
    version: versionOf(spec, found.files, data),
    locate: () => node.locator.locate(["table"]),
  };
}

function versionOf(spec: SourceSpec, files: readonly string[], data: SourceData): SourceVersion {
  const contents = watchedFiles(spec, files, data.root)
    .map((file) => [file, data.hash(file)] as const);
  const hashes = new Map(contents);
  return {
    hash: sha256(compactJson(contents)),
    files,
    ...(namesManyFiles(data.root, spec.table!)
      ? { file_hashes: files.map((file) => hashes.get(file)!.slice(0, FILE_DIGITS)) }
      : {}),
  };
}

/** Project-relative files that hold the rows: those that are named, and what belongs to them. */
function watchedFiles(spec: SourceSpec, files: readonly string[], root: string): string[] {
  const type = findSourceType(spec.source)!;
  if (isScanType(type)) return [...files];
  return files.flatMap((file) => [
    file,
    ...type.besides(join(root, file)).map((path) => projectRelative(root, path)),
  ]);
}

/** Files are read with the profile's defaults where the node does not say otherwise. */
function withDefaults(spec: SourceSpec, data: SourceData): SourceSpec {
  const known = findSourceType(spec.source)!.params;
  const defaults = Object.entries(data.defaults(spec.source))
    .filter(([name]) => Object.hasOwn(known, name));
  return defaults.length === 0
    ? spec
    : { ...spec, params: { ...Object.fromEntries(defaults), ...spec.params } };
}

/** Declared types that the files are read in; none where a contract compares them with those that are there. */
function typesToRead(spec: SourceSpec, type: ScanType | RowType): Record<string, string> {
  const hasTypes = isScanType(type) ? type.isParquet : type.hasTypes;
  if (spec.contract === "enforce" && hasTypes) return {};
  const fileColumn = filenameColumn(spec.params);
  const declared = spec.columns.filter(({ name, type }) => type !== null && name !== fileColumn);
  return Object.fromEntries(declared.map(({ name, type }) => [name, type!]));
}

function scan(
  type: ScanType,
  spec: SourceSpec,
  place: { readonly files: readonly string[]; readonly root: string | null },
  columnTypes: Readonly<Record<string, string>> = typesToRead(spec, type),
): string {
  return scanSql(type, { ...place, params: spec.params, columnTypes });
}

/** Finds out what the files of a source hold. */
export async function describeFiles(
  node: ResolvedNode<SourceSpec>,
  context: DescribeContext,
): Promise<DescribedNode | null> {
  const type = findSourceType(node.node.spec.source)!;
  try {
    return isScanType(type)
      ? await describeScan(node, type, await context.files(), context)
      : await describeRows(node, type, context);
  } catch (error) {
    const { spec } = node.node;
    if (error instanceof SqlError) {
      const why = error.message.split("\n")[0]!;
      return fail(node, context, `Cannot read "${spec.table}" as ${spec.source}: ${why}`);
    }
    if (!(error instanceof UserError) || error.kind !== "validation") throw error;
    return fail(node, context, error.message, error.hint);
  }
}

function fail(
  { node, locate }: ResolvedNode<SourceSpec>,
  context: DescribeContext,
  message: string,
  hint?: string,
  path: readonly string[] = ["table"],
): null {
  const location = path[0] === "table" ? locate(1, 1) : node.locator.locate(path);
  context.report({ severity: "error", code: "source_unreadable", message, ...location, hint });
  return null;
}

async function describeScan(
  resolved: ResolvedNode<SourceSpec>,
  type: ScanType,
  session: Session,
  context: DescribeContext,
): Promise<DescribedNode | null> {
  const { node: { spec }, sql, locate, version } = resolved;
  const paths = version!.files.map((file) => join(context.root, file));
  const columnsOf = async (files: readonly string[], types?: Readonly<Record<string, string>>) => {
    const { rows } = await session.read(
      `DESCRIBE ${scan(type, spec, { files, root: context.root }, types)}`,
    );
    return rows.map(([name, type]) => ({ name: String(name), type: String(type) }));
  };
  // The engine leaves out columns that only later files have, and says nothing.
  if (paths.length > 1 && spec.params["union_by_name"] !== true && type.reader !== "read_json") {
    const each: { file: string; columns: string[] }[] = [];
    for (const path of paths) {
      const columns = (await columnsOf([path], {})).map(({ name }) => name);
      each.push({ file: projectRelative(context.root, path), columns });
    }
    const differing = differingColumns(each);
    if (differing !== null) {
      const hint = "make them alike, or fill what is missing with NULL: " +
        "params: {union_by_name: true}";
      return fail(resolved, context, differing, hint);
    }
  }
  let columns: readonly OutputColumn[];
  try {
    columns = await columnsOf(paths);
  } catch (error) {
    // The engine's words for a declared column that is not there are about its options.
    const isNamed = error instanceof SqlError &&
      await areColumnsFine(resolved, await columnsOf(paths, {}), false, context);
    if (error instanceof SqlError && !isNamed) return null;
    throw error;
  }
  if (!await areColumnsFine(resolved, columns, type.isParquet, context)) return null;
  const absolute = scan(type, spec, { files: paths, root: context.root });
  const read = { scanSql: absolute, paths, isPlainParquet: isUnchangedParquet(spec) };
  const isEnforced = spec.contract === "enforce";
  const shape = await contentShape(session, read, columns, (why) =>
    context.report({
      severity: isEnforced ? "error" : "warning",
      code: isEnforced ? "contract" : "source_unreadable",
      message: isEnforced
        ? `${spec.id} breaks its contract: ${why}`
        : `${spec.id} cannot be read to its end, and a run will fail: ${why}`,
      ...locate(1, 1),
      hint: "correct the file, declare other types, or set params such as nullstr or ignore_errors",
    }));
  return { id: spec.id, shape, canonicalSql: sql, queryHash: sha256(sql) };
}

async function describeRows(
  resolved: ResolvedNode<SourceSpec>,
  type: RowType,
  context: DescribeContext,
): Promise<DescribedNode | null> {
  const { node: { spec }, sql, version } = resolved;
  const reader = await type.reader();
  const found = await reader.describe(rowRequest(spec, type, version!.files, context.root));
  const types = await context.normalizeTypes(found.map(({ type }) => type));
  const unknown = found.find(({ type }) => (types.get(type) ?? null) === null);
  if (unknown !== undefined) {
    return fail(
      resolved,
      context,
      `"${unknown.type}" of column "${unknown.name}" is no type`,
      "write a type such as BIGINT, DOUBLE, VARCHAR, DATE or TIMESTAMP",
      ["columns", unknown.name],
    );
  }
  const fileColumn = filenameColumn(spec.params);
  const columns = [
    ...found.map(({ name, type }) => ({ name, type: types.get(type)! })),
    ...(fileColumn === null ? [] : [{ name: fileColumn, type: "VARCHAR" }]),
  ];
  const twice = found.find(({ name }) => name.toLowerCase() === fileColumn?.toLowerCase());
  if (twice !== undefined) {
    const hint = "give that of the file names another one: params: {filename: source_file}";
    return fail(resolved, context, `There is a column "${twice.name}" already`, hint);
  }
  if (!await areColumnsFine(resolved, columns, type.hasTypes, context)) return null;
  const shape = outsideShape(sql, version!.hash, columns);
  return { id: spec.id, shape, canonicalSql: sql, queryHash: sha256(sql) };
}

/** Looks at columns for what keeps them from being read; reports it. */
async function areColumnsFine(
  resolved: ResolvedNode<SourceSpec>,
  columns: readonly OutputColumn[],
  hasTypes: boolean,
  context: DescribeContext,
): Promise<boolean> {
  const { node } = resolved;
  if (!await keepsContract({ node, columns, hasTypes }, context)) return false;
  const names = columns.map(({ name }) => name);
  const known = new Set(names.map((name) => name.toLowerCase()));
  const unknown = node.spec.columns.find(({ name }) => !known.has(name.toLowerCase()));
  if (unknown !== undefined) {
    const hint = didYouMean(unknown.name, names);
    const path = ["columns", unknown.name];
    fail(resolved, context, `The file has no column "${unknown.name}"`, hint, path);
    return false;
  }
  const unstorable = columns.find(({ type }) => storedType(type) === null);
  if (unstorable === undefined) return true;
  const { name, type } = unstorable;
  fail(resolved, context, `Column "${name}" has type ${type}, which cannot be stored`);
  return false;
}

function rowRequest(
  spec: SourceSpec,
  type: RowType,
  files: readonly string[],
  root: string,
): RowRequest {
  return {
    files: files.map((file) => join(root, file)),
    root,
    params: spec.params,
    columnTypes: typesToRead(spec, type),
  };
}

/** The job that reads files. */
export function filesJob(node: ManifestNode, written: SourceSpec, context: JobContext): NodeJob {
  const { data, objectsDir, temporaryDir, timeoutMs } = context;
  const spec = withDefaults(written, data);
  const type = findSourceType(spec.source)!;
  const { files } = node.version!;
  const paths = files.map((file) => join(data.root, file));
  const { columns } = node.shape;
  const common = {
    id: node.id,
    objectsDir,
    temporaryDir,
    timeoutMs,
    watched: watchedFiles(spec, files, data.root).map((file) => data.watched(file)),
  };
  if (!isScanType(type)) {
    const request = rowRequest(spec, type, files, data.root);
    return { ...common, ...request, type: "rows", source: spec.source, columns };
  }
  if (isPlainParquet(spec, columns, paths)) return { ...common, type: "copy", path: paths[0]! };
  return {
    ...common,
    type: "query",
    sql: scan(type, spec, { files: paths, root: data.root }),
    inputs: [],
    readable: [data.root],
    columns,
    checkColumns: true,
  };
}

/** Parquet that is read without options and without other types. */
function isUnchangedParquet(spec: SourceSpec): boolean {
  const type = findSourceType(spec.source)!;
  return isScanType(type) && type.isParquet && Object.keys(spec.params).length === 0 &&
    Object.keys(typesToRead(spec, type)).length === 0;
}

/** A Parquet file read without options already is what a node output would be. */
function isPlainParquet(
  spec: SourceSpec,
  columns: readonly OutputColumn[],
  paths: readonly string[],
): boolean {
  return isUnchangedParquet(spec) && paths.length === 1 &&
    columns.every(({ type }) => storedType(type) === type);
}
