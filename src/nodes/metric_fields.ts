import { type FieldReader, isMapping } from "../base/field_reader.ts";
import { nodeId } from "../model/ids.ts";
import type { NodeCommon } from "../model/node.ts";
import { bareMetric } from "../semantic/catalog.ts";
import { type Grain, GRAINS, type Metric, type MetricFormula } from "../semantic/definition.ts";
import { parseSpan } from "../semantic/grain.ts";
import { strangeNames } from "../semantic/metric_tree.ts";
import type { KindSchema } from "./node_kind.ts";
import { readExpression, readWord } from "./semantic_fields.ts";

/** A number with a name. */
export interface MetricSpec extends NodeCommon {
  readonly kind: "metric";
  readonly definition: Metric;
}

const TYPES = ["simple", "ratio", "cumulative", "derived"] as const;

/** Fields of a metric for editors. */
export const METRIC_SCHEMA: KindSchema = {
  properties: {
    type: { enum: [...TYPES], description: "How it is computed" },
    semantic_model: {
      type: "string",
      description: "Where bare names of measures are looked for",
    },
    measure: { type: "string", description: "simple, cumulative: measure or model.measure" },
    numerator: { type: "string", description: "ratio: measure or metric" },
    denominator: { type: "string", description: "ratio: measure or metric" },
    grain_to_date: {
      enum: [...GRAINS],
      description: "cumulative: from the beginning of this period on",
    },
    window: { type: "string", description: "cumulative: over this much time, such as 7 days" },
    expr: { type: "string", description: "derived: arithmetic over the aliases of inputs" },
    inputs: { type: "array", description: "derived: metric, alias, offset (such as 1 month)" },
    filter: { type: "string", description: "Condition over dimensions" },
  },
  required: [],
};

/** `metrics:` of a semantic model, with their place in the list. */
export function readMetrics(
  reader: FieldReader,
  model: NodeCommon,
): { readonly spec: MetricSpec; readonly index: number }[] {
  return reader.list("metrics").flatMap((value, index) => {
    if (!isMapping(value)) {
      reader.problem(["metrics", index], "wrong_type", "A metric is a mapping with a name");
      return [];
    }
    const inner = reader.child(value, ["metrics", index]);
    const name = inner.requiredText("name", "revenue");
    if (name === null) return [];
    const common: NodeCommon = {
      ...model,
      id: nodeId("metric", name),
      kind: "metric",
      name,
      description: inner.optionalText("description"),
      owner: inner.optionalText("owner") ?? model.owner,
      tags: inner.has("tags") ? inner.texts("tags") : model.tags,
      inputs: [],
      columns: [],
      grain: [],
    };
    const definition = readDefinition(inner, common, model.name);
    if (definition !== null) inner.rejectUnknown("a metric");
    return definition === null ? [] : [{ spec: { ...common, kind: "metric", definition }, index }];
  });
}

/** The metric that a mapping describes; null after reporting why it does not. */
export function readDefinition(
  reader: FieldReader,
  { name, description }: NodeCommon,
  model: string | null = null,
): Metric | null {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    const hint = "it becomes a column: letters, digits and _ only";
    for (const field of Object.keys(METRIC_SCHEMA.properties)) reader.ignore(field);
    reader.problem(["name"], "invalid_name", `Invalid name of a metric "${name}"`, hint);
    return null;
  }
  const semantic = reader.optionalText("semantic_model")?.replace(/^semantic_model\./, "") ?? model;
  const hasFilter = reader.has("filter");
  const filter = hasFilter ? readExpression(reader, "filter") : null;
  const formula = readFormula(reader);
  if (formula === null || (hasFilter && filter === null)) return null;
  return { name, description, semantic_model: semantic, filter, formula };
}

function readFormula(reader: FieldReader): MetricFormula | null {
  const type = readWord(reader, "type", TYPES, { fallback: "simple" });
  switch (type) {
    case "simple": {
      const measure = reader.requiredText("measure", "total");
      return measure === null ? null : { type, measure };
    }
    case "ratio": {
      const numerator = reader.requiredText("numerator", "total");
      const denominator = reader.requiredText("denominator", "orders_count");
      return numerator === null || denominator === null ? null : { type, numerator, denominator };
    }
    case "cumulative":
      return readCumulative(reader);
    case "derived":
      return readDerived(reader);
    case null:
      for (const field of Object.keys(METRIC_SCHEMA.properties)) reader.ignore(field);
      return null;
  }
}

function readCumulative(reader: FieldReader): MetricFormula | null {
  const measure = reader.requiredText("measure", "total");
  const toDate: Grain | null = reader.has("grain_to_date")
    ? readWord(reader, "grain_to_date", GRAINS, { fallback: null })
    : null;
  const written = reader.optionalText("window");
  const window = written === null ? null : parseSpan(written);
  if (written !== null && window === null) {
    reader.problem(
      ["window"],
      "wrong_value",
      `"${written}" is no length of time`,
      "write window: 7 days",
    );
    return null;
  }
  if (toDate !== null && window !== null) {
    const hint = "write one of them";
    reader.problem(
      ["window"],
      "two_windows",
      "A metric has grain_to_date or window, not both",
      hint,
    );
    return null;
  }
  if (measure === null || (reader.has("grain_to_date") && toDate === null)) return null;
  return { type: "cumulative", measure, grain_to_date: toDate, window };
}

function readDerived(reader: FieldReader): MetricFormula | null {
  const isThere = reader.requiredText("expr", "revenue / cost") !== null;
  const expr = isThere ? readExpression(reader, "expr") : null;
  const inputs = reader.list("inputs").map((value, i) => {
    const item = isMapping(value) ? value : { metric: value };
    const inner = reader.child(item, ["inputs", i]);
    const name = inner.requiredText("metric", "revenue");
    const metric = name === null ? null : bareMetric(name);
    const alias = inner.optionalText("alias") ?? metric;
    const written = inner.optionalText("offset") ?? inner.optionalText("offset_window");
    inner.ignore("offset_window");
    inner.rejectUnknown("an input of a metric");
    const offset = written === null ? null : parseSpan(written);
    if (written !== null && offset === null) {
      const hint = "write offset: 1 month";
      inner.problem(["offset"], "wrong_value", `"${written}" is no length of time`, hint);
      return null;
    }
    return metric === null || alias === null ? null : { metric, alias, offset };
  });
  if (expr === null || inputs.some((input) => input === null)) return null;
  const sound = inputs.flatMap((input) => input ?? []);
  const aliases = sound.map(({ alias }) => alias);
  const strange = strangeNames(expr, aliases);
  const twice = aliases.findIndex((alias, i) => aliases.indexOf(alias) !== i);
  if (strange.length > 0) {
    const hint = aliases.length === 0
      ? "write inputs: [{metric: …}]"
      : `its inputs are: ${aliases.join(", ")}`;
    reader.problem(
      ["expr"],
      "unknown_input",
      `The expression names "${strange[0]}", which is no input`,
      hint,
    );
  }
  if (twice >= 0) {
    const hint = "write alias: for one of them";
    reader.problem(
      ["inputs", twice],
      "duplicate_name",
      `Two inputs are called "${aliases[twice]}"`,
      hint,
    );
  }
  return strange.length > 0 || twice >= 0 ? null : { type: "derived", expr, inputs: sound };
}
