import { didYouMean } from "../base/closest.ts";
import { type FieldReader, type Locator, type Report } from "../base/field_reader.ts";
import { quoteNodeId } from "../engine/quote.ts";
import { type NodeId, nodeId } from "../model/ids.ts";
import type { NodeCommon } from "../model/node.ts";
import { groupings } from "../semantic/catalog.ts";
import { modelConfig, type SemanticModel } from "../semantic/definition.ts";
import { aggregateSql, joinNames } from "../semantic/model_sql.ts";
import { ident } from "../semantic/sql_text.ts";
import { type MetricSpec, readMetrics } from "./metric_fields.ts";
import type {
  DescribeContext,
  DescribedNode,
  LoadedNode,
  NodeKind,
  ResolvedNode,
} from "./node_kind.ts";
import { refId } from "./ref_id.ts";
import { readDimensions, readEntities, readJoins, readMeasures } from "./semantic_fields.ts";
import { relationOf, withMeaning } from "./semantic_relation.ts";
import { describeQueries } from "./sql_node.ts";

/** The meaning of a node's rows: what they can be grouped by, and what adds up. */
export interface SemanticModelSpec extends NodeCommon {
  readonly kind: "semantic_model";
  readonly definition: SemanticModel;
  /** Metrics that are written inside it. */
  readonly metrics: readonly { readonly spec: MetricSpec; readonly index: number }[];
}

/** Dimensions and measures of a node. It has no rows of its own. */
export const SEMANTIC_MODEL: NodeKind<SemanticModelSpec> = {
  kind: "semantic_model",
  summary: "What the rows of a node mean: entities, dimensions, measures and joins",
  hasRows: false,
  sqlField: null,
  takesScript: false,
  readsVirtual: ["semantic_model"],
  schema: {
    properties: {
      model: { type: "string", description: "The node it describes: ref('transform.orders')" },
      default_time_dimension: { type: "string", description: "What metric_time stands for" },
      entities: { type: "array", description: "Keys: name, type (primary, foreign, unique), expr" },
      dimensions: {
        type: "array",
        description: "name, type (time, categorical, …), expr, time_granularity",
      },
      measures: { type: "array", description: "name, agg (sum, count, …), expr, filters" },
      joins: { type: "array", description: "name, relationship (many_to_one, …), sql" },
      metrics: { type: "array", description: "Metrics of this model, as nodes of kind metric" },
    },
    required: ["measures"],
  },
  parse,
  innerNodes: ({ spec, file, locator }) =>
    spec.metrics.map(({ spec, index }) => ({ spec, file, locator: below(locator, index) })),
  findInputs,
  resolve: (node) => {
    const { sql, fieldAt } = relationOf(node.spec.definition);
    return { node, sql, version: null, locate: (line) => node.locator.locate(fieldAt(line)) };
  },
  describe,
  config: ({ definition }) => modelConfig(definition),
  job: (node) => {
    throw new Error(`${node.id} has no rows to build`);
  },
};

function parse(reader: FieldReader, common: NodeCommon): SemanticModelSpec | null {
  const model = readModel(reader, common);
  const time = reader.optionalText("default_time_dimension");
  const definition = {
    name: common.name,
    model: model ?? common.id,
    default_time_dimension: time,
    entities: readEntities(reader),
    dimensions: readDimensions(reader),
    measures: readMeasures(reader),
    joins: readJoins(reader),
  };
  const metrics = readMetrics(reader, common);
  if (LISTS.every((field) => !reader.has(field))) {
    reader.problem(
      [],
      "empty_model",
      "The model has no measures and no dimensions",
      "write measures: [{name: total, agg: sum, expr: amount}]",
    );
    return null;
  }
  const isSound = hasUniqueNames(reader, definition) && hasTime(reader, definition);
  if (model === null || !isSound || !isWhole(reader, { ...definition, metrics })) return null;
  const joined = definition.joins.map(({ name }) => nodeId("semantic_model", name));
  return { ...common, kind: "semantic_model", inputs: [model, ...joined], definition, metrics };
}

/** `model: ref('kind.name')`, or the one input. */
function readModel(reader: FieldReader, { inputs }: NodeCommon): NodeId | null {
  const example = "ref('transform.orders')";
  if (reader.has("model")) {
    const written = reader.requiredText("model", example);
    if (written === null) return null;
    const id = refId(written);
    if (/^[^.\s]+\.[^.\s]+$/.test(id)) return id as NodeId;
    reader.problem(
      ["model"],
      "invalid_input",
      `"${written}" is not the id of a node`,
      `write model: ${example}`,
    );
    return null;
  }
  if (inputs.length === 1) return inputs[0]!;
  reader.problem([], "missing_field", 'Field "model" is missing', `write model: ${example}`);
  return null;
}

/** Fields whose items have names, which are columns of one relation. */
const LISTS = ["entities", "dimensions", "measures", "joins"] as const;

/** False where an item has problems of its own: who names it has not to be told as well. */
function isWhole(
  reader: FieldReader,
  model: Pick<SemanticModel, typeof LISTS[number]> & Pick<SemanticModelSpec, "metrics">,
): boolean {
  return ([...LISTS, "metrics"] as const)
    .every((field) => reader.list(field).length === model[field].length);
}

/** Names in one model are columns of one relation. */
function hasUniqueNames(reader: FieldReader, model: SemanticModel): boolean {
  const seen = new Map<string, string>();
  let isUnique = true;
  for (const field of LISTS) {
    model[field].forEach(({ name }, i) => {
      const first = seen.get(name.toLowerCase());
      seen.set(name.toLowerCase(), first ?? field);
      if (first === undefined) return;
      isUnique = false;
      reader.problem(
        [field, i, "name"],
        "duplicate_name",
        `"${name}" is there already, among the ${first}`,
        "entities, dimensions, measures and joins of a model have names of their own",
      );
    });
  }
  return isUnique;
}

function hasTime(reader: FieldReader, model: SemanticModel): boolean {
  const { default_time_dimension: time, dimensions } = model;
  if (time === null || dimensions.some(({ name, type }) => name === time && type === "time")) {
    return true;
  }
  const times = dimensions.filter(({ type }) => type === "time").map(({ name }) => name);
  reader.problem(
    ["default_time_dimension"],
    "unknown_dimension",
    `"${time}" is no dimension of type time`,
    didYouMean(time, times) ??
      (times.length === 0 ? "add a dimension with type: time" : `there is: ${times.join(", ")}`),
  );
  return false;
}

/** The node and the joined models have to be there, and joins name what models call their own. */
function findInputs(
  { spec, locator }: LoadedNode<SemanticModelSpec>,
  project: readonly LoadedNode[],
  report: Report,
): readonly NodeId[] | null {
  const models = new Map(
    project.flatMap(({ spec }) =>
      isSemanticModel(spec) ? [[spec.name, spec.definition] as const] : []
    ),
  );
  let isSound = true;
  const problem = (path: (string | number)[], code: string, message: string, hint: string) => {
    isSound = false;
    report({
      severity: "error",
      code,
      message: `${spec.id}: ${message}`,
      ...locator.locate(path),
      hint,
    });
  };
  const { definition } = spec;
  const ids = project.filter(({ spec }) => spec.kind !== "semantic_model").map(({ spec }) =>
    spec.id
  );
  if (!ids.includes(definition.model)) {
    const hint = didYouMean(definition.model, ids) ??
      "write model: ref('kind.name') of a node with rows";
    problem(["model"], "unknown_model", `there is no node ${definition.model} to describe`, hint);
  }
  definition.joins.forEach((join, i) => {
    const path = ["joins", i, "sql"];
    if (!models.has(join.name)) {
      const hint = didYouMean(join.name, models.keys()) ?? "name a semantic model of the project";
      problem(
        ["joins", i, "name"],
        "unknown_semantic_model",
        `there is no semantic model "${join.name}" to join`,
        hint,
      );
      return;
    }
    for (const { model, column } of joinNames(definition, join)) {
      const owner = model === definition.name ? definition : models.get(model);
      if (model !== definition.name && model !== join.name) {
        const hint = `name {CUBE} and {${join.name}} only`;
        problem(path, "invalid_join", `the join ${join.name} names {${model}}`, hint);
        continue;
      }
      const names = groupings(owner!).map(({ name }) => name);
      if (names.includes(column)) continue;
      const hint = didYouMean(column, names) ??
        `add it to the entities of ${model}: - name: ${column}`;
      problem(
        path,
        "unknown_entity",
        `${model} has no entity or dimension "${column}" to join by`,
        hint,
      );
    }
  });
  return isSound ? spec.inputs : null;
}

/** True for a node of this kind. */
export function isSemanticModel(spec: NodeCommon): spec is SemanticModelSpec {
  return spec.kind === "semantic_model";
}

async function describe(
  nodes: readonly ResolvedNode<SemanticModelSpec>[],
  context: DescribeContext,
): Promise<DescribedNode[]> {
  const described = await describeQueries(nodes, context);
  const byId = new Map(nodes.map((resolved) => [resolved.node.spec.id, resolved.node]));
  const sound: DescribedNode[] = [];
  for (const found of described) {
    const node = byId.get(found.id)!;
    const isSound = timesAreTimes(node, found, context) && await measuresAddUp(node, context);
    if (isSound) sound.push(withMeaning(node.spec.definition, found));
  }
  return sound;
}

function timesAreTimes(
  { spec, locator }: LoadedNode<SemanticModelSpec>,
  { shape }: DescribedNode,
  context: DescribeContext,
): boolean {
  const types = new Map(shape.columns.map(({ name, type }) => [name, type]));
  const wrong = spec.definition.dimensions.flatMap(({ name, type, expr }, i) =>
    type === "time" && !/^(DATE|TIMESTAMP)/.test(types.get(name) ?? "") ? [{ name, expr, i }] : []
  );
  for (const { name, expr, i } of wrong) {
    context.report({
      severity: "error",
      code: "time_dimension_type",
      message: `${spec.id}: time dimension "${name}" is ${
        types.get(name)
      }, neither a date nor a timestamp`,
      ...locator.locate(["dimensions", i]),
      hint: `cast it: expr: CAST(${expr} AS DATE)`,
    });
  }
  return wrong.length === 0;
}

/** What is added up has to be of a type that can be. */
async function measuresAddUp(
  { spec, locator }: LoadedNode<SemanticModelSpec>,
  context: DescribeContext,
): Promise<boolean> {
  const { measures } = spec.definition;
  if (measures.length === 0) return true;
  const totals = measures.map((measure) =>
    `${aggregateSql(measure, ident(measure.name))} AS ${ident(measure.name)}`
  );
  const sql = `SELECT\n${totals.join(",\n")}\nFROM ${quoteNodeId(spec.id)}`;
  const binder = await context.binder();
  const [result] = await binder.bind([{ id: `${spec.id} totals` as NodeId, sql }]);
  if (result!.ok) return true;
  const { error } = result!;
  const index = Math.max(0, (error.position?.line ?? 2) - 2);
  const measure = measures[index] ?? measures[0]!;
  context.report({
    severity: "error",
    code: "measure_does_not_add_up",
    message: `${spec.id}: measure "${measure.name}": ${error.message}`,
    ...locator.locate(["measures", index]),
    hint: `choose another agg, or cast what is added up: expr: CAST(${
      measure.expr ?? measure.name
    } AS DOUBLE)`,
  });
  return false;
}

function below(locator: Locator, index: number): Locator {
  const at = (path: readonly (string | number)[]) => ["metrics", index, ...path];
  return {
    locate: (path) => locator.locate(at(path)),
    locateKey: (path) => locator.locateKey(at(path)),
    locateInText: (path, line, column) => locator.locateInText(at(path), line, column),
    textAt: (path) => locator.textAt(at(path)),
  };
}
