import { didYouMean } from "../base/closest.ts";
import { compactJson } from "../base/canonical_json.ts";
import type { FieldReader } from "../base/field_reader.ts";
import type { NodeCommon, SourceSpec } from "../model/node.ts";
import {
  findSourceType,
  findTableSource,
  SOURCE_ALIASES,
  SOURCE_TYPES,
  TABLE_SOURCES,
} from "../sources/registry.ts";
import type { SourceType } from "../sources/source_type.ts";
import type { TableSourceType } from "../sources/table_source.ts";
import { paramsSchema } from "./params_schema.ts";
import { describeFiles, filesJob, resolveFiles } from "./file_source.ts";
import type { DescribedNode, NodeKind } from "./node_kind.ts";
import { describeOutside, outsideJob, resolveOutside } from "./outside_source.ts";
import { readContract } from "./source_contract.ts";
import { readFreshness } from "./source_freshness.ts";
import { parseParams, SOURCE_NAMES } from "./source_params.ts";

/** Rows read from files of the project, or from a table outside. */
export const SOURCE: NodeKind<SourceSpec> = {
  kind: "source",
  summary: "Rows read from files of the project, or from a table outside",
  hasRows: true,
  sqlField: null,
  takesScript: true,
  schema: {
    properties: {
      source: { enum: [...SOURCE_NAMES, ...Object.keys(SOURCE_ALIASES)] },
      table: {
        type: "string",
        description: "Path of a file, a folder or a pattern, an address, or the name of a table",
      },
      params: { type: "object", description: "Options of the source type" },
      freshness: {
        type: "object",
        description: "How old the newest row may be",
        properties: {
          time_column: { type: "string", description: "Column with the time of a row" },
          warn_after: { type: "string", description: "Age from which it is said: 30m, 24h, 7d" },
          error_after: { type: "string", description: "Age from which the source fails" },
        },
        required: ["time_column"],
      },
      contract: {
        description: "Whether the data may have other columns than columns: lists",
        anyOf: [
          { enum: ["enforce", "evolve", "ignore"] },
          { type: "object", properties: { mode: { enum: ["enforce", "evolve", "ignore"] } } },
        ],
      },
    },
    required: ["source"],
    rules: [...SOURCE_TYPES, ...TABLE_SOURCES].map(({ name, params }) => ({
      if: { properties: { source: { enum: spellingsOf(name) } }, required: ["source"] },
      then: { properties: { params: paramsSchema(params) } },
    })),
  },
  parse,
  resolve: (node, data, report) =>
    findTableSource(node.spec.source) === null
      ? resolveFiles(node, data, report)
      : resolveOutside(node, data, report),
  describe: async (nodes, context) => {
    const described: DescribedNode[] = [];
    for (const node of nodes) {
      const result = findTableSource(node.node.spec.source) === null
        ? await describeFiles(node, context)
        : await describeOutside(node, context);
      if (result !== null) described.push(result);
    }
    return described;
  },
  config: ({ source, table, params, freshness, contract }) => ({
    source,
    ...(table === null ? {} : { table }),
    params: compactJson(params),
    ...(freshness === null ? {} : { freshness: { ...freshness } }),
    ...(contract === "ignore" ? {} : { contract }),
  }),
  job: (node, spec, _sql, context) =>
    findTableSource(spec.source) === null
      ? filesJob(node, spec, context)
      : outsideJob(node, spec, context),
};

/** Params that say what is read, in the place of `table`. */
const INSTEAD_OF_TABLE = ["query", "url"];

/** What `source:` may say for a type. */
function spellingsOf(type: string): string[] {
  return [type, ...Object.keys(SOURCE_ALIASES).filter((alias) => SOURCE_ALIASES[alias] === type)];
}

function parse(reader: FieldReader, common: NodeCommon): SourceSpec | null {
  const source = reader.requiredText("source", SOURCE_NAMES.join(" | "));
  const raw = reader.mapping("params");
  const type = source === null ? null : findSourceType(source) ?? findTableSource(source);
  const isElsewhere = isTableSource(type) &&
    INSTEAD_OF_TABLE.some((name) => raw[name] !== undefined && Object.hasOwn(type.params, name));
  const table = isElsewhere
    ? reader.optionalText("table")
    : reader.requiredText("table", exampleTable(type, common.name));
  const freshness = readFreshness(reader);
  const contract = readContract(reader, common.columns.length);
  if (source !== null && type === null) {
    reader.problem(
      ["source"],
      "unknown_source",
      `Unknown source type "${source}"`,
      didYouMean(source, SOURCE_NAMES) ?? `use one of: ${SOURCE_NAMES.join(", ")}`,
    );
  }
  if (type === null || (table === null && !isElsewhere)) return null;
  const params = parseParams(reader, type, raw);
  return { ...common, kind: "source", source: type.name, table, params, freshness, contract };
}

function exampleTable(type: SourceType | TableSourceType | null, name: string): string {
  if (type?.name === "http") return `https://example.org/${name}.csv`;
  if (isTableSource(type)) return "public.orders";
  return `data/${name}${type?.extensions[0] ?? ".csv"}`;
}

function isTableSource(type: SourceType | TableSourceType | null): type is TableSourceType {
  return type !== null && findTableSource(type.name) !== null;
}
