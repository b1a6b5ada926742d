import { compactJson } from "../base/canonical_json.ts";
import { type FieldReader, isScalar } from "../base/field_reader.ts";
import { sha256 } from "../base/hash.ts";
import type {
  NodeCommon,
  NodeSpec,
  ParamValue,
  ScriptNodeSpec,
  ScriptSpec,
} from "../model/node.ts";
import { unknownShape } from "../shape/query_shape.ts";
import { storedType } from "../sql/stored_type.ts";
import type { NodeKind } from "./node_kind.ts";

/** A node of any kind with rows whose rows a script makes; what it returns is what it declares. */
export const scriptNode = {
  kind: "script",
  summary: "Rows that a TypeScript or Python function makes",
  hasRows: true,
  sqlField: null,
  takesScript: true,
  schema: {
    properties: {
      script: { type: "string", description: "Project-relative path of a .ts or .py file" },
      params: { type: "object", description: "What the function finds in its params" },
    },
    required: ["script", "columns"],
  },
  parse: () => null,
  resolve: (node, data, report) => {
    const { spec, locator } = node;
    const params = Object.fromEntries(
      Object.entries(spec.params).map(([name, value]) => [
        name,
        data.variables.override(name) ?? value,
      ]),
    );
    const untyped = spec.columns.find(({ type }) => type === null);
    if (spec.columns.length > 0 && untyped === undefined) {
      return {
        node: { ...node, spec: { ...spec, params } },
        sql: scriptText({ ...spec, params }),
        version: null,
        locate: (line, column) => locator.locateInText(["script"], line, column),
      };
    }
    report({
      severity: "error",
      code: "columns_missing",
      message: untyped === undefined
        ? `${spec.id} is made by a script and does not say which columns it returns`
        : `${spec.id} does not say which type column "${untyped.name}" has`,
      ...locator.locate(["columns"]),
      hint: "write columns: {id: BIGINT, name: VARCHAR}",
    });
    return null;
  },
  describe: async (nodes, context) => {
    const types = await context.normalizeTypes(
      nodes.flatMap(({ node }) => node.spec.columns.map(({ type }) => type!)),
    );
    return nodes.flatMap(({ node }) => {
      const { spec, locator } = node;
      const columns = spec.columns.flatMap(({ name, type }) => {
        const known = types.get(type!) ?? null;
        const stored = known === null ? null : storedType(known);
        if (stored !== null) return [{ name, type: stored }];
        context.report({
          severity: "error",
          code: "unknown_type",
          message: `${spec.id}: column "${name}" has unknown type "${type}"`,
          ...locator.locate(["columns", name]),
          hint: "write an SQL type such as INTEGER, DECIMAL(10,2), VARCHAR or DATE",
        });
        return [];
      });
      if (columns.length < spec.columns.length) return [];
      const { language } = spec.script;
      return [{
        id: spec.id,
        shape: unknownShape(columns, `it is made by ${language}`),
        canonicalSql: shownCode(spec.script),
        queryHash: sha256(scriptText(spec)),
      }];
    });
  },
  config: (spec) => ({
    script: spec.script.file,
    language: spec.script.language,
    params: compactJson(spec.params),
    ...(isEmpty(spec.training) ? {} : { training: compactJson(spec.training) }),
    ...(isEmpty(spec.script.modules) ? {} : { modules: Object.keys(spec.script.modules).sort() }),
  }),
  job: (node, spec, _sql, context) => ({
    type: "script",
    id: node.id,
    objectsDir: context.objectsDir,
    temporaryDir: context.temporaryDir,
    timeoutMs: context.timeoutMs,
    watched: [],
    language: spec.script.language,
    file: spec.script.file,
    code: spec.script.code,
    line: spec.script.line,
    modules: spec.script.modules,
    params: spec.params,
    training: spec.training,
    inputs: node.inputs.map((id) => ({
      id,
      path: context.objectPath(context.output(id)),
      ...context.extras(id),
    })),
    columns: node.shape.columns.map(({ name, type }) => ({ name, type })),
  }),
} satisfies NodeKind<ScriptNodeSpec>;

/** Raised whenever the same script would give other rows than before. */
const SCRIPT_VERSION = 1;

/** Everything that decides what the script does, as one text: where it is the same, so are its rows. */
function scriptText({ script, params, training }: ScriptNodeSpec): string {
  const { language, code, modules } = script;
  return compactJson([SCRIPT_VERSION, language, code, modules, params, training]);
}

/** The code with that of the files it imports, for reading. */
function shownCode({ code, language, modules }: ScriptSpec): string {
  const mark = language === "python" ? "#" : "//";
  const imported = Object.keys(modules).sort().map((path) => `${mark} ${path}\n${modules[path]}`);
  return [code.trimEnd(), ...imported.map((text) => text.trimEnd())].join("\n\n");
}

function isEmpty(mapping: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(mapping).length === 0;
}

/** True for a node whose rows a script makes. */
export function isScriptNode(spec: NodeSpec): spec is ScriptNodeSpec {
  return "script" in spec;
}

/** Reads the fields of a node that a script makes. */
export function parseScriptNode(
  reader: FieldReader,
  common: NodeCommon,
  script: ScriptSpec,
): ScriptNodeSpec {
  reader.ignore("script");
  const params: Record<string, ParamValue> = {};
  for (const [name, value] of Object.entries(reader.mapping("params"))) {
    if (isScalar(value) || (Array.isArray(value) && value.every(isScalar))) params[name] = value;
    else reader.problem(["params", name], "wrong_type", `"${name}" must be a value or a list`);
  }
  return { ...common, script, params, training: {} };
}
