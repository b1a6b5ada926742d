import { join } from "node:path";
import { didYouMean } from "../base/closest.ts";
import { type FieldReader, isMapping, isScalar } from "../base/field_reader.ts";
import { compactJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/hash.ts";
import { type Session, SqlError } from "../engine/session.ts";
import type { OutputColumn } from "../shape/query_shape.ts";
import type { NodeCommon, ParamValue, SourceSpec } from "../model/node.ts";
import {
  findSourceType,
  findTableSource,
  SOURCE_TYPES,
  TABLE_SOURCES,
} from "../sources/registry.ts";
import { scanSql } from "../sources/scan_sql.ts";
import { findSourceFiles } from "../sources/source_files.ts";
import type { SourceParam, SourceType } from "../sources/source_type.ts";
import type { TableSourceType } from "../sources/table_source.ts";
import { storedType } from "../sql/stored_type.ts";
import { contentShape } from "./source_content.ts";
import type {
  DescribeContext,
  DescribedNode,
  NodeKind,
  ResolvedNode,
  SourceData,
} from "./node_kind.ts";
import { describeOutside, outsideJob, resolveOutside } from "./outside_source.ts";

/** Rows read from files of the project, or from a table outside. */
export const SOURCE: NodeKind<SourceSpec> = {
  kind: "source",
  summary: "Rows read from files of the project, or from a table outside",
  hasRows: true,
  sqlField: null,
  takesScript: true,
  schema: {
    properties: {
      source: { enum: [...SOURCE_TYPES, ...TABLE_SOURCES].map((type) => type.name) },
      table: { type: "string", description: "Path of a file, a glob, or the name of a table" },
      params: { type: "object", description: "Options of the source type" },
    },
    required: ["source"],
  },
  parse,
  resolve: (node, data, report) => {
    if (findTableSource(node.spec.source) !== null) return resolveOutside(node, data, report);
    const spec = withDefaults(node.spec, data);
    const found = findSourceFiles(data.root, spec.table!);
    if (found.problem !== null) {
      const { message, hint } = found.problem;
      const location = node.locator.locate(["table"]);
      report({ severity: "error", code: "source_file", message, ...location, hint });
      return null;
    }
    const contents = found.files.map((file) => [file, data.hash(file)] as const);
    return {
      node: { ...node, spec },
      // The pattern, not the files it finds: a new file is new data, not another query.
      sql: scan(spec, [spec.table!]),
      version: { hash: sha256(compactJson(contents)), files: found.files },
      locate: () => node.locator.locate(["table"]),
    };
  },
  describe: async (nodes, context) => {
    const described: DescribedNode[] = [];
    for (const node of nodes) {
      const result = findTableSource(node.node.spec.source) === null
        ? await describe(node, await context.files(), context)
        : await describeOutside(node, context);
      if (result !== null) described.push(result);
    }
    return described;
  },
  config: (spec) => ({
    source: spec.source,
    ...(spec.table === null ? {} : { table: spec.table }),
    params: paramsText(spec),
  }),
  job: (node, written, _sql, context) => {
    if (findTableSource(written.source) !== null) return outsideJob(node, written, context);
    const spec = withDefaults(written, context.data);
    const paths = node.version!.files.map((file) => join(context.data.root, file));
    const common = {
      id: node.id,
      objectsDir: context.objectsDir,
      temporaryDir: context.temporaryDir,
      timeoutMs: context.timeoutMs,
      watched: node.version!.files.map((file) => context.data.watched(file)),
    };
    if (isPlainParquet(spec, node.shape.columns, paths)) {
      return { ...common, type: "copy", path: paths[0]! };
    }
    return {
      ...common,
      type: "query",
      sql: scan(spec, paths),
      inputs: [],
      readable: [context.data.root],
      columns: node.shape.columns,
      checkColumns: true,
    };
  },
};

/** Files are read with the profile's defaults where the node does not say otherwise. */
function withDefaults(spec: SourceSpec, data: SourceData): SourceSpec {
  const known = findSourceType(spec.source)!.params;
  const defaults = Object.entries(data.defaults(spec.source))
    .filter(([name]) => Object.hasOwn(known, name));
  return defaults.length === 0
    ? spec
    : { ...spec, params: { ...Object.fromEntries(defaults), ...spec.params } };
}

function parse(reader: FieldReader, common: NodeCommon): SourceSpec | null {
  const names = [...SOURCE_TYPES, ...TABLE_SOURCES].map((type) => type.name);
  const source = reader.requiredText("source", names.join(" | "));
  const raw = reader.mapping("params");
  const type = source === null ? null : findSourceType(source) ?? findTableSource(source);
  const table = raw["query"] === undefined || !isTableSource(type)
    ? reader.requiredText(
      "table",
      isTableSource(type) ? "public.orders" : `data/${common.name}.csv`,
    )
    : reader.optionalText("table");
  if (source !== null && type === null) {
    reader.problem(
      ["source"],
      "unknown_source",
      `Unknown source type "${source}"`,
      didYouMean(source, names) ?? `use one of: ${names.join(", ")}`,
    );
  }
  if (type === null || (table === null && raw["query"] === undefined)) return null;
  const params = parseParams(reader, type, raw);
  return { ...common, kind: "source", source: type.name, table, params };
}

function isTableSource(type: SourceType | TableSourceType | null): type is TableSourceType {
  return type !== null && findTableSource(type.name) !== null;
}

/** The options of a source type, as they are written; each that is unknown or unfit is reported and left out. */
export function parseParams(
  reader: FieldReader,
  type: Pick<SourceType, "name" | "params">,
  raw: Readonly<Record<string, unknown>>,
): Record<string, ParamValue> {
  const params: Record<string, ParamValue> = {};
  for (const [name, value] of Object.entries(raw)) {
    const param = type.params[name];
    const path = ["params", name];
    if (param === undefined) {
      const known = Object.keys(type.params);
      reader.problem(
        path,
        "unknown_param",
        `Unknown parameter "${name}" for source type "${type.name}"`,
        didYouMean(name, known) ?? `it has: ${known.join(", ")}`,
      );
    } else if (isMapping(value) && Object.keys(value).some((key) => /^\d+$/.test(key))) {
      reader.problem(
        path,
        "unordered_keys",
        `"${name}" has a column whose name is a whole number, and the order of those cannot be kept`,
        "leave columns out, and rename them in a transform",
      );
    } else if (!fits(param, value)) {
      reader.problem(path, "wrong_type", `"${name}" must be ${PARAM_WORDS[param.type]}`, param.doc);
    } else {
      params[name] = value as ParamValue;
    }
  }
  return params;
}

const PARAM_WORDS: Readonly<Record<SourceParam["type"], string>> = {
  text: "a text",
  boolean: "true or false",
  integer: "a whole number",
  list: "a list",
  mapping: "a mapping",
};

function fits(param: SourceParam, value: unknown): boolean {
  switch (param.type) {
    case "text":
      return typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    case "integer":
      return typeof value === "number" && Number.isInteger(value);
    case "list":
      return Array.isArray(value) && value.every(isScalar);
    case "mapping":
      return isMapping(value) && Object.values(value).every(isScalar);
  }
}

function scan(spec: SourceSpec, files: readonly string[]): string {
  const declared = spec.columns.filter(({ type }) => type !== null);
  return scanSql(findSourceType(spec.source)!, {
    files,
    params: spec.params,
    columnTypes: Object.fromEntries(declared.map(({ name, type }) => [name, type!])),
  });
}

async function describe(
  { node, sql, locate }: ResolvedNode<SourceSpec>,
  session: Session,
  context: DescribeContext,
): Promise<DescribedNode | null> {
  const files = findSourceFiles(context.root, node.spec.table!).files ?? [];
  const absolute = scan(node.spec, files.map((file) => join(context.root, file)));
  const fail = (message: string, hint?: string, path: string[] = ["table"]) => {
    const location = path[0] === "table" ? locate(1, 1) : node.locator.locate(path);
    context.report({ severity: "error", code: "source_unreadable", message, ...location, hint });
    return null;
  };
  try {
    const { rows } = await session.read(`DESCRIBE ${absolute}`);
    const columns = (rows as [string, string][]).map(([name, type]) => ({ name, type }));
    const unknown = node.spec.columns.find((declared) => !hasColumn(columns, declared.name));
    if (unknown !== undefined) {
      const hint = didYouMean(unknown.name, columns.map((column) => column.name));
      return fail(`The file has no column "${unknown.name}"`, hint, ["columns", unknown.name]);
    }
    const unstorable = columns.find(({ type }) => storedType(type) === null);
    if (unstorable !== undefined) {
      return fail(
        `Column "${unstorable.name}" has type ${unstorable.type}, which cannot be stored`,
      );
    }
    const paths = files.map((file) => join(context.root, file));
    const read = {
      scanSql: absolute,
      paths,
      isPlainParquet: isUnchangedParquet(node.spec),
    };
    const shape = await contentShape(session, read, columns, (why) =>
      context.report({
        severity: "warning",
        code: "source_unreadable",
        message: `${node.spec.id} cannot be read to its end, and a run will fail: ${why}`,
        ...locate(1, 1),
        hint:
          "correct the file, declare other types, or set params such as nullstr or ignore_errors",
      }));
    return { id: node.spec.id, shape, canonicalSql: sql, queryHash: sha256(sql) };
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return fail(`Cannot read "${node.spec.table}" as ${node.spec.source}: ${firstLine(error)}`);
  }
}

function firstLine(error: SqlError): string {
  return error.message.split("\n")[0]!;
}

function hasColumn(columns: readonly OutputColumn[], name: string): boolean {
  return columns.some((column) => column.name.toLowerCase() === name.toLowerCase());
}

/** Parquet that is read without options and without other types. */
function isUnchangedParquet(spec: SourceSpec): boolean {
  return findSourceType(spec.source)!.isParquet && Object.keys(spec.params).length === 0 &&
    spec.columns.every(({ type }) => type === null);
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

function paramsText(spec: SourceSpec): string {
  return compactJson(spec.params);
}
