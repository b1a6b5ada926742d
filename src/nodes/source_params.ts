import { didYouMean } from "../base/closest.ts";
import { type FieldReader, isMapping, isScalar } from "../base/field_reader.ts";
import type { ParamValue } from "../model/node.ts";
import {
  findSourceType,
  findTableSource,
  SOURCE_TYPES,
  TABLE_SOURCES,
} from "../sources/registry.ts";
import type { SourceParam } from "../sources/source_type.ts";

/** A type of source with the params that it has. */
export interface SourceParams {
  readonly name: string;
  readonly params: Readonly<Record<string, SourceParam>>;
}

/** Names of all types of sources. */
export const SOURCE_NAMES: readonly string[] = [...SOURCE_TYPES, ...TABLE_SOURCES]
  .map(({ name }) => name);

/** The type of source of that name or alias, or null. */
export function findSourceParams(name: string): SourceParams | null {
  return findSourceType(name) ?? findTableSource(name);
}

/** Reads the `params` of a source, found `at` a path; reports those that its type does not have, or that are of another type. */
export function parseParams(
  reader: FieldReader,
  type: SourceParams,
  raw: Readonly<Record<string, unknown>>,
  at: readonly string[] = ["params"],
): Record<string, ParamValue> {
  const params: Record<string, ParamValue> = {};
  for (const [name, value] of Object.entries(raw)) {
    const param = Object.hasOwn(type.params, name) ? type.params[name] : undefined;
    const path = [...at, name];
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
  refuseSecrets(reader, params["headers"], [...at, "headers"]);
  return params;
}

const PARAM_WORDS: Readonly<Record<SourceParam["type"], string>> = {
  text: "a text",
  boolean: "true or false",
  integer: "a whole number",
  list: "a list",
  mapping: "a mapping",
  "boolean or text": "true, false or a text",
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
    case "boolean or text":
      return typeof value === "boolean" || typeof value === "string";
  }
}

/** What is written into a node is kept in every state: no secret may stand there. A profile is kept nowhere. */
function refuseSecrets(
  reader: FieldReader,
  headers: ParamValue | undefined,
  at: readonly string[],
): void {
  if (!isMapping(headers)) return;
  const isNode = at[0] === "params";
  for (const [name, value] of Object.entries(headers)) {
    if (!/auth|cookie|token|key|secret/i.test(name) || String(value).includes("${")) continue;
    const hint = `keep it in an environment variable: ${name}: \${MY_TOKEN}`;
    if (isNode) {
      const message = `Header "${name}" is written down, and would be kept in every state`;
      reader.problem([...at, name], "secret_in_node", message, hint);
    } else {
      const message = `Header "${name}" is written into the profile`;
      reader.warning([...at, name], "secret_in_profile", message, hint);
    }
  }
}
