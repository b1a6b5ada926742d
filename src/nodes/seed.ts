import { compactJson } from "../base/canonical_json.ts";
import type { FieldReader, Locator } from "../base/field_reader.ts";
import type { NodeCommon, ParamValue, SourceSpec } from "../model/node.ts";
import { CSV } from "../sources/csv.ts";
import type { LoadedNode, NodeKind, ResolvedNode, SourceData } from "./node_kind.ts";
import { SOURCE } from "./source.ts";
import { parseParams } from "./source_params.ts";

/** A CSV file that belongs to the project itself. */
export interface SeedSpec extends NodeCommon {
  readonly kind: "seed";
  /** Project-relative. */
  readonly table: string;
  readonly params: Readonly<Record<string, ParamValue>>;
}

/** Settings that need not stand under `params`. */
const TEXT_SETTINGS = ["delimiter", "quote", "nullstr"] as const;

/** Rows of a small CSV file kept with the project. What a profile says of sources does not touch it: it is the same everywhere. */
export const SEED: NodeKind<SeedSpec> = {
  kind: "seed",
  summary: "Rows of a small CSV file that is kept with the project",
  hasRows: true,
  sqlField: null,
  takesScript: false,
  makesSql: true,
  schema: {
    properties: {
      file: { type: "string", description: "Path of the CSV file; absent: seeds/NAME.csv" },
      table: { type: "string", description: "Another word for file" },
      delimiter: { type: "string", description: "Field separator" },
      header: { type: "boolean", description: "First line holds names" },
      quote: { type: "string", description: "Quote character" },
      nullstr: { type: "string", description: "Text that stands for NULL" },
      params: { type: "object", description: "Further options of a csv source" },
    },
    required: [],
  },
  parse,
  resolve: (node, data, report) => {
    const resolved = SOURCE.resolve(asSource(node), withoutDefaults(data), report);
    return resolved === null ? null : { ...resolved, node };
  },
  describe: (nodes, context) => SOURCE.describe(nodes.map(asResolvedSource), context),
  config: (spec) => ({ file: spec.table, params: compactJson(spec.params) }),
  job: (node, spec, sql, context) =>
    SOURCE.job(node, sourceSpec(spec), sql, { ...context, data: withoutDefaults(context.data) }),
};

function parse(reader: FieldReader, common: NodeCommon): SeedSpec | null {
  const [file, table] = [reader.optionalText("file"), reader.optionalText("table")];
  if (file !== null && table !== null) {
    reader.problem(
      ["table"],
      "two_files",
      `"file" and "table" are both written`,
      "write file: only",
    );
  }
  const params = { ...parseParams(reader, CSV, reader.mapping("params")) };
  for (const name of TEXT_SETTINGS) {
    const value = reader.optionalText(name);
    if (value !== null) params[name] = value;
  }
  const header = reader.optionalBoolean("header");
  if (header !== null) params["header"] = header;
  if (common.inputs.length > 0) {
    reader.problem(["inputs"], "seed_inputs", "A seed reads its file and no other node");
  }
  return { ...common, kind: "seed", table: file ?? table ?? `seeds/${common.name}.csv`, params };
}

function sourceSpec(spec: SeedSpec): SourceSpec {
  return { ...spec, kind: "source", source: CSV.name, freshness: null, contract: "ignore" };
}

function asSource(node: LoadedNode<SeedSpec>): LoadedNode<SourceSpec> {
  return { ...node, spec: sourceSpec(node.spec), locator: fileLocator(node.locator) };
}

function asResolvedSource(resolved: ResolvedNode<SeedSpec>): ResolvedNode<SourceSpec> {
  return { ...resolved, node: asSource(resolved.node) };
}

/** Problems of a source's `table` are those of a seed's `file`. */
function fileLocator(locator: Locator): Locator {
  const isFile = locator.textAt(["file"]) !== null;
  return {
    locate: (path) => locator.locate(isFile && path[0] === "table" ? ["file"] : path),
    locateKey: (path) => locator.locateKey(path),
    locateInText: (path, line, column) => locator.locateInText(path, line, column),
    textAt: (path) => locator.textAt(path),
  };
}

function withoutDefaults(data: SourceData): SourceData {
  return { ...data, defaults: () => ({}) };
}
