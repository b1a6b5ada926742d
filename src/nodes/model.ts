import { type FieldReader, isMapping, isScalar } from "../base/field_reader.ts";
import { METRIC_AUDIT, metricBounds } from "../model/metric.ts";
import type { NodeId } from "../model/ids.ts";
import type {
  AuditSpec,
  DeclaredColumn,
  NodeCommon,
  ParamValue,
  ScriptNodeSpec,
} from "../model/node.ts";
import type { NodeKind } from "./node_kind.ts";
import { parseScriptNode, scriptNode } from "./script_node.ts";

/**
 * A model: a script trains it and predicts with it. Its rows are the predictions; the trained model
 * itself is the script's artifact, which scripts that read the node find beside the rows.
 */
export const MODEL: NodeKind<ScriptNodeSpec> = {
  ...scriptNode,
  kind: "model",
  ownsTests: true,
  summary: "Trains and predicts with a script; keeps metrics and the trained model",
  schema: {
    properties: {
      script: { type: "string", description: "Project-relative path of a .ts or .py file" },
      params: { type: "object", description: "What the function finds in its params" },
      output_columns: { type: "object", description: "The same as columns: what it predicts" },
      training: { type: "object", description: "What the function finds in its training" },
      tests: {
        type: "array",
        description: "Bounds of metrics: - min_accuracy: 0.8",
        items: { type: "object" },
      },
    },
    required: ["script"],
  },
  parse: (reader) => {
    reader.problem(
      ["kind"],
      "script_missing",
      "A model is made by a script",
      "write script: seeknal/models/NAME.py, or the model itself as a .py or .ts file",
    );
    for (const field of ["params", "output_columns", "training", "tests"]) reader.ignore(field);
    return null;
  },
  parseScript: (reader, common, script) => {
    const training = readTraining(reader);
    const withOwn: NodeCommon = {
      ...common,
      inputs: withLabels(common.inputs, training),
      columns: common.columns.length > 0 ? common.columns : readOutputColumns(reader),
      audits: [...common.audits, ...readTests(reader)],
    };
    reader.ignore("output_columns");
    return { ...parseScriptNode(reader, withOwn, script), training };
  },
};

function readTraining(reader: FieldReader): Record<string, ParamValue> {
  const training: Record<string, ParamValue> = {};
  for (const [name, value] of Object.entries(reader.mapping("training"))) {
    const isList = Array.isArray(value) && value.every(isScalar);
    const isFlat = isMapping(value) && Object.values(value).every(isScalar);
    if (isScalar(value) || isList || isFlat) training[name] = value as ParamValue;
    else reader.problem(["training", name], "wrong_type", `"${name}" is nested too deeply`);
  }
  return training;
}

/** The node that `label_source` names is read like any other input. */
function withLabels(
  inputs: readonly NodeId[],
  { label_source: source }: Readonly<Record<string, ParamValue>>,
): readonly NodeId[] {
  if (typeof source !== "string") return inputs;
  const id = (/^\s*ref\(\s*(['"])(.*)\1\s*\)\s*$/.exec(source)?.[2] ?? source.trim()) as NodeId;
  return inputs.includes(id) ? inputs : [...inputs, id];
}

/** `output_columns` is another name for `columns`; a list of bare names leaves out the types, which is said where they are needed. */
function readOutputColumns(reader: FieldReader): DeclaredColumn[] {
  const items = reader.listOrOne("output_columns");
  if (items.some(({ path }) => path.length > 1)) {
    return items.map(({ value }) => ({ name: String(value), type: null, description: null }));
  }
  return Object.entries(reader.mapping("output_columns")).map(([name, type]) => {
    if (typeof type === "string") return { name, type, description: null };
    if (type !== null && !isMapping(type)) {
      reader.problem(["output_columns", name], "wrong_type", `Column "${name}" needs a type`);
    }
    if (!isMapping(type)) return { name, type: null, description: null };
    const inner = reader.child(type, ["output_columns", name]);
    const column = {
      name,
      type: inner.optionalText("type"),
      description: inner.optionalText("description"),
    };
    inner.rejectUnknown(`column "${name}"`);
    return column;
  });
}

/** `- min_accuracy: 0.8`, `- max_loss: 0.2`, each with an optional `severity`. */
function readTests(reader: FieldReader): AuditSpec[] {
  return reader.list("tests").flatMap((item, i) => {
    const path = ["tests", i];
    if (!isMapping(item)) {
      reader.problem(path, "wrong_type", "A test is a mapping", "write - min_accuracy: 0.8");
      return [];
    }
    const inner = reader.child(item, path);
    const severity = inner.optionalText("severity") ?? "error";
    if (severity !== "error" && severity !== "warn") {
      inner.problem(["severity"], "wrong_value", `Unknown severity "${severity}"`, "error or warn");
      return [];
    }
    return Object.keys(item).filter((field) => field !== "severity").flatMap((field) => {
      const [, side, metric] = /^(min|max)_(.+)$/.exec(field) ?? [];
      if (side === undefined || metric === undefined) {
        inner.problem(
          [field],
          "unknown_test",
          `Unknown test "${field}"`,
          "write min_METRIC or max_METRIC, for example min_accuracy: 0.8",
        );
        return [];
      }
      const bound = inner.optionalNumber(field);
      if (bound === null) return [];
      const params = metricBounds(metric, side === "min" ? { min: bound } : { max: bound });
      return [{ type: METRIC_AUDIT, severity, columns: [], params }];
    });
  });
}
