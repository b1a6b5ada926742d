import { posix } from "node:path";
import { compactJson } from "../base/canonical_json.ts";
import { didYouMean } from "../base/closest.ts";
import type { FieldReader, Report } from "../base/field_reader.ts";
import { sha256 } from "../base/hash.ts";
import { quoteNodeId } from "../engine/quote.ts";
import type { NodeId } from "../model/ids.ts";
import type { NodeCommon, ParamValue } from "../model/node.ts";
import type { ExposureSettings, ExposureType } from "../exposures/exposure_type.ts";
import { EXPOSURE_TYPES, findExposureType } from "../exposures/registry.ts";
import type {
  DescribeContext,
  DescribedNode,
  LoadedNode,
  NodeKind,
  ResolvedNode,
} from "./node_kind.ts";
import { describeQueries, resolveMade } from "./sql_node.ts";

/** A use of nodes outside the project. */
export interface ExposureSpec extends NodeCommon {
  readonly kind: "exposure";
  /** Name of an exposure type (`exposures/registry.ts`). */
  readonly type: string;
  readonly url: string | null;
  readonly maturity: string | null;
  readonly settings: ExposureSettings;
}

const MATURITIES = ["high", "medium", "low"];

/** What to write instead of types of other systems. */
const INSTEAD: Readonly<Record<string, string>> = {
  database:
    "tables outside are written with the environment they belong to: on the node itself write\n" +
    "    materializations:\n      - type: postgresql\n        connection: …\n        table: schema.table",
  starrocks_materialized_view: "write materializations: on the node itself",
  report: "write type: dashboard, with its url",
};

/** A use of the data outside: a file, a request, a message, or only its description. It has no rows of its own. */
export const EXPOSURE: NodeKind<ExposureSpec> = {
  kind: "exposure",
  summary: "A use of the data outside: file, api, webhook, notification, dashboard and the like",
  hasRows: false,
  sqlField: null,
  takesScript: false,
  readsVirtual: ["semantic_model", "metric"],
  schema: {
    properties: {
      type: { enum: EXPOSURE_TYPES.map(({ name }) => name), description: "What uses the data" },
      depends_on: { type: "array", description: "What is used: - ref: kind.name" },
      params: { type: "object", description: "Fields of the type: path, format, url, headers, …" },
      url: { type: "string", description: "Where a dashboard and the like is" },
      maturity: { enum: MATURITIES, description: "How far others rely on it" },
    },
    required: ["type"],
  },
  parse,
  findInputs,
  resolve,
  describe,
  config: ({ type, url, maturity, settings }) => ({ type, url, maturity, ...prefixed(settings) }),
  job: (node) => {
    throw new Error(`${node.id} has no rows to build`);
  },
};

/** Settings beside the other fields of a manifest's config. */
function prefixed(settings: ExposureSettings): Record<string, ParamValue> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [`params.${key}`, value]),
  );
}

/** The settings that `config` of the kind was made from. */
export function exposureSettings(config: Readonly<Record<string, ParamValue>>): ExposureSettings {
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) =>
      key.startsWith("params.") ? [[key.slice("params.".length), value]] : []
    ),
  );
}

function parse(reader: FieldReader, common: NodeCommon): ExposureSpec | null {
  const name = reader.requiredText("type", "file")?.toLowerCase() ?? null;
  const url = reader.optionalText("url");
  const maturity = reader.optionalText("maturity");
  const params = reader.mapping("params");
  if (maturity !== null && !MATURITIES.includes(maturity)) {
    reader.problem(
      ["maturity"],
      "wrong_value",
      `Unknown maturity "${maturity}"`,
      `write one of: ${MATURITIES.join(", ")}`,
    );
  }
  const type = name === null ? null : findExposureType(name);
  if (name !== null && type === null) {
    const names = EXPOSURE_TYPES.map((one) => one.name);
    const hint = INSTEAD[name] ?? didYouMean(name, names) ?? `use one of: ${names.join(", ")}`;
    reader.problem(["type"], "unknown_exposure", `There is no exposure of type "${name}"`, hint);
  }
  if (type === null) return null;
  // The address of what is sent to may stand beside `params`, as that of a dashboard does.
  const isSent = type.deliver !== undefined && url !== null && !("url" in params);
  const inner = isSent
    ? reader.child({ ...params, url }, ["params"])
    : reader.child(params, ["params"]);
  const settings = type.parse(inner, common);
  inner.rejectUnknown(`params of a ${type.name} exposure`);
  if (settings === null || !hasInputs(reader, type, common)) return null;
  return { ...common, kind: "exposure", type: type.name, url, maturity, settings };
}

function hasInputs(reader: FieldReader, type: ExposureType, { inputs }: NodeCommon): boolean {
  const field = reader.has("inputs") ? "inputs" : "depends_on";
  if (inputs.length === 0) {
    reader.problem(
      [],
      "missing_field",
      `Field "depends_on" is missing`,
      "write depends_on: [{ref: transform.name}]",
    );
    return false;
  }
  if (type.inputs === "any" || inputs.length === 1) return true;
  reader.problem(
    [field],
    "several_inputs",
    `A ${type.name} exposure delivers the rows of one node, and there are ${inputs.length}`,
    "join them in a transform, or write an exposure for each",
  );
  return false;
}

/** Rows that are delivered have to be there; a file must not be one that something else reads or writes. */
function findInputs(
  { spec, locator }: LoadedNode<ExposureSpec>,
  project: readonly LoadedNode[],
  report: Report,
): readonly NodeId[] | null {
  const type = findExposureType(spec.type)!;
  const problem = (path: (string | number)[], code: string, message: string, hint: string) => {
    report({
      severity: "error",
      code,
      message: `${spec.id}: ${message}`,
      ...locator.locate(path),
      hint,
    });
    return null;
  };
  const virtual = project.find(({ spec: { id, kind } }) =>
    spec.inputs.includes(id) && ["semantic_model", "metric", "exposure"].includes(kind)
  );
  if (type.deliver !== undefined && virtual !== undefined) {
    const hint = "deliver a transform that computes what is wanted";
    return problem([], "input_without_rows", `${virtual.spec.id} has no rows to deliver`, hint);
  }
  const own = spec.settings["path"];
  if (type.name !== "file" || typeof own !== "string") return spec.inputs;
  const same = (path: unknown) =>
    typeof path === "string" && posix.normalize(path).toLowerCase() === own.toLowerCase();
  const other = project.find(({ spec: one }) =>
    one.id !== spec.id &&
    ("table" in one && same(one.table) || isExposure(one) && same(one.settings["path"]))
  );
  if (other === undefined) return spec.inputs;
  const does = other.spec.kind === "exposure" ? "writes" : "reads";
  const hint = `write another path, for example target/exports/${spec.name}.csv`;
  return problem(["params", "path"], "exposure_path", `${other.spec.id} ${does} ${own}`, hint);
}

/** True for a node of this kind. */
export function isExposure(spec: NodeCommon): spec is ExposureSpec {
  return spec.kind === "exposure";
}

/** What is delivered is the rows of the one input as they are: its columns, and who computes them, are the exposure's. */
function resolve(node: LoadedNode<ExposureSpec>): ResolvedNode<ExposureSpec> {
  const { type, settings, inputs } = node.spec;
  const [input] = inputs;
  const isOfRows = findExposureType(type)!.inputs === "one";
  const about = `-- ${compactJson({ type, settings })}`;
  return resolveMade(
    node,
    isOfRows ? `SELECT * FROM ${quoteNodeId(input!)}\n${about}` : about,
    "depends_on",
  );
}

async function describe(
  nodes: readonly ResolvedNode<ExposureSpec>[],
  context: DescribeContext,
): Promise<DescribedNode[]> {
  const isOfRows = ({ node }: ResolvedNode<ExposureSpec>) =>
    findExposureType(node.spec.type)!.inputs === "one";
  const plain = nodes.filter((resolved) => !isOfRows(resolved)).map((
    { node, sql },
  ): DescribedNode => ({
    id: node.spec.id,
    shape: { columns: [], rows: null, lineage: null, untraced: "an exposure has no query" },
    canonicalSql: sql,
    queryHash: sha256(sql),
  }));
  return [...plain, ...await describeQueries(nodes.filter(isOfRows), context)];
}
