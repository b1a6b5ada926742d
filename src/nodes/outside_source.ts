import { compactJson } from "../base/canonical_json.ts";
import { didYouMean } from "../base/closest.ts";
import type { Report } from "../base/field_reader.ts";
import { sha256 } from "../base/hash.ts";
import { UserError } from "../base/user_error.ts";
import { quoteName, quoteText } from "../engine/quote.ts";
import type { ManifestNode, QueryShape } from "../model/manifest.ts";
import type { ParamValue, SourceSpec } from "../model/node.ts";
import type { TableRead } from "../model/outside_read.ts";
import type { TableReadJob } from "../model/run.ts";
import { findTableSource } from "../sources/registry.ts";
import { storedType } from "../sql/stored_type.ts";
import { keepsContract } from "./source_contract.ts";
import type {
  DescribeContext,
  DescribedNode,
  JobContext,
  LoadedNode,
  ResolvedNode,
  SourceData,
} from "./node_kind.ts";

/** What a source node asks an outside system for: its params over the profile's defaults. */
export function tableReadOf(spec: SourceSpec, defaults: TableRead["params"]): TableRead {
  const declared = spec.columns.filter(({ type }) => type !== null);
  const type = findTableSource(spec.source)!;
  const fitting = Object.entries(defaults).filter(([name]) => Object.hasOwn(type.params, name));
  const read = {
    table: spec.table,
    params: { ...Object.fromEntries(fitting), ...spec.params },
    columnTypes: Object.fromEntries(declared.map(({ name, type }) => [name, type!])),
  };
  // A contract compares the declared types with those that are there.
  return spec.contract === "enforce" && hasOwnTypes(spec) ? { ...read, columnTypes: {} } : read;
}

/** True where the system says which types there are. */
function hasOwnTypes(spec: SourceSpec): boolean {
  const { table, params } = spec;
  return findTableSource(spec.source)!.hasTypes?.({ table, params, columnTypes: {} }) ?? true;
}

/** Settles a source outside: which version of which table, through which connection. */
export function resolveOutside(
  node: LoadedNode<SourceSpec>,
  data: SourceData,
  report: Report,
): ResolvedNode<SourceSpec> | null {
  const { spec, locator } = node;
  const read = tableReadOf(spec, data.defaults(spec.source));
  const type = findTableSource(spec.source)!;
  const problem = type.problem(read);
  if (problem !== null) {
    const { path, message, hint } = problem;
    report({ severity: "error", code: "source_table", message, ...locator.locate(path), hint });
    return null;
  }
  const version = data.outsideVersion(spec.id);
  if (version === null) return null;
  return {
    node,
    sql: readText(spec, read),
    version,
    locate: () => locator.locate(spec.table === null ? ["params", "query"] : ["table"]),
  };
}

/** A read as the manifest and diffs show it. */
export function readText(spec: SourceSpec, { table, params, columnTypes }: TableRead): string {
  const quiet = findTableSource(spec.source)?.quiet ?? [];
  const options = Object.keys(params).sort().filter((name) => !quiet.includes(name))
    .map((name) => `${name} = ${quoteText(paramText(params[name]))}`);
  const casts = Object.entries(columnTypes)
    .map(([name, type]) => `CAST(${quoteName(name)} AS ${type}) AS ${quoteName(name)}`);
  const columns = casts.length === 0 ? "*" : `* REPLACE (${casts.join(", ")})`;
  const what = [...(table === null ? [] : [quoteText(table)]), ...options].join(", ");
  return `SELECT ${columns} FROM ${spec.source}(${what})`;
}

function paramText(value: ParamValue | undefined): string {
  const isMapping = typeof value === "object" && value !== null && !Array.isArray(value);
  return isMapping ? compactJson(value) : String(value);
}

/** Finds out which columns a table outside has. */
export async function describeOutside(
  { node, sql, version, locate }: ResolvedNode<SourceSpec>,
  context: DescribeContext,
): Promise<DescribedNode | null> {
  const { spec, locator } = node;
  const fail = (message: string, hint?: string, location = locate(1, 1)) => {
    context.report({ severity: "error", code: "source_unreadable", message, ...location, hint });
    return null;
  };
  try {
    const { columns } = await context.table(spec.id);
    const hasTypes = hasOwnTypes(spec);
    if (!await keepsContract({ node: { spec, locator }, columns, hasTypes }, context)) return null;
    const names = columns.map(({ name }) => name);
    const known = new Set(names.map((name) => name.toLowerCase()));
    const missing = spec.columns.find(({ name }) => !known.has(name.toLowerCase()));
    if (missing !== undefined) {
      const hint = didYouMean(missing.name, names);
      const where = locator.locate(["columns", missing.name]);
      return fail(`The table has no column "${missing.name}"`, hint, where);
    }
    const unstorable = columns.find(({ type }) => storedType(type) !== type);
    if (unstorable !== undefined) {
      return fail(
        `Column "${unstorable.name}" has type ${unstorable.type}, which cannot be stored as it is`,
        `declare another type under columns:, for example ${unstorable.name}: VARCHAR`,
      );
    }
    const shape = outsideShape(sql, version!.hash, columns);
    return { id: spec.id, shape, canonicalSql: sql, queryHash: sha256(sql) };
  } catch (error) {
    if (!(error instanceof UserError) || error.kind !== "validation") throw error;
    return fail(error.message, error.hint);
  }
}

/** Nothing finer than the whole is known of a table outside: every column changes with its version. */
export function outsideShape(
  sql: string,
  version: string,
  columns: readonly { readonly name: string; readonly type: string }[],
): QueryShape {
  const hash = (part: unknown) => sha256(compactJson([sql, version, part])).slice(0, 24);
  return {
    columns: columns.map(({ name, type }) => ({ name, type, expression: hash(name) })),
    rows: hash(null),
    order: null,
    lineage: { columns: {}, rows: {}, order: {} },
    volatile: [],
  };
}

/** The job that reads a table outside. */
export function outsideJob(
  node: ManifestNode,
  spec: SourceSpec,
  context: JobContext,
): TableReadJob {
  const { connection, pin, previous } = context.outside(node.id);
  return {
    type: "table",
    id: node.id,
    objectsDir: context.objectsDir,
    temporaryDir: context.temporaryDir,
    watched: [],
    timeoutMs: context.timeoutMs,
    table: {
      source: spec.source,
      connection,
      read: tableReadOf(spec, context.data.defaults(spec.source)),
      columns: node.shape.columns.map(({ name, type }) => ({ name, type })),
      pin,
      previous,
      root: context.data.root,
      temporaryDir: context.temporaryDir,
    },
  };
}
