import type { JsonSchema } from "../base/json_schema.ts";
import { CONNECTION_TYPES } from "../connections/registry.ts";
import { AUTO_CATEGORIZE, LINT_LEVELS } from "../model/config.ts";
import type { ConnectionOption } from "../model/connection_type.ts";
import { NODE_KINDS } from "../nodes/registry.ts";
import { SNIPPET_FILES, type SnippetFile } from "./common_snippets.ts";
import { DIALECT, kindSchema, nodeSchema } from "./node_schemas.ts";
import { testSchema } from "./test_schema.ts";
import { COMMON_OPTIONS } from "./profiles.ts";

/** A kind of file that a project has, or a draft is, with the JSON Schema of its documents. */
export interface FileSchema {
  /** As `seeknal schema` takes it; the file is `<name>.json`. */
  readonly name: string;
  /** Which files it is of. */
  readonly files: string;
  readonly schema: JsonSchema;
}

/** Schemas of every kind of file, the kinds of nodes first. */
export function fileSchemas(): FileSchema[] {
  return [
    ...NODE_KINDS.map((kind) => ({
      name: kind.kind,
      files: `nodes with kind: ${kind.kind}`,
      schema: kindSchema(kind),
    })),
    { name: "node", files: "seeknal/**/*.yml", schema: nodeSchema() },
    { name: "project", files: "seeknal_project.yml", schema: projectSchema() },
    { name: "test", files: "tests/**/*.yml", schema: testSchema() },
    { name: "profiles", files: "profiles.yml, profiles-ENV.yml", schema: profileSchema() },
    ...SNIPPET_FILES.flatMap((file) => [
      {
        name: `common_${file.name}`,
        files: `seeknal/common/${file.name}.yml`,
        schema: snippetsSchema(file),
      },
      {
        name: file.kind.replaceAll("-", "_"),
        files: `drafts with kind: ${file.kind}`,
        schema: snippetDraftSchema(file),
      },
    ]),
  ];
}

function projectSchema(): JsonSchema {
  const text = { type: ["string", "number", "null"] };
  const old = { ...text, description: "Read from older projects; decides nothing" };
  return {
    $schema: DIALECT,
    title: "seeknal_project.yml",
    type: "object",
    properties: {
      name: { type: "string", minLength: 1, description: "Name of the project" },
      version: { ...text, description: "Yours to choose; nothing depends on it" },
      description: { ...text, description: "What it is for" },
      environments: {
        type: ["object", "null"],
        properties: {
          ttl_days: {
            type: "number",
            exclusiveMinimum: 0,
            description: "Days an environment lives after its last use; default: 7",
          },
        },
        additionalProperties: false,
      },
      auto_categorize: { enum: AUTO_CATEGORIZE, description: "Who decides what a change means" },
      lint: {
        type: ["object", "null"],
        description: "How strict lint is about a rule; seeknal lint --rules lists them",
        additionalProperties: { enum: [...LINT_LEVELS, "warning", false] },
      },
      profile: old,
      "config-version": old,
      state_backend: old,
    },
    required: ["name"],
    additionalProperties: false,
  };
}

function profileSchema(): JsonSchema {
  return {
    $schema: DIALECT,
    title: "profiles.yml: systems outside, for each environment",
    type: ["object", "null"],
    properties: {
      connections: {
        type: ["object", "null"],
        description: "Systems by name; ${VAR} and ${VAR:default} are put in when connecting",
        additionalProperties: {
          type: "object",
          properties: { type: { enum: CONNECTION_TYPES.map(({ name }) => name) } },
          required: ["type"],
          allOf: CONNECTION_TYPES.map(({ name, options }) => ({
            if: { properties: { type: { const: name } }, required: ["type"] },
            then: connectionSchema(options),
          })),
        },
      },
      source_defaults: {
        type: ["object", "null"],
        description: "Params that sources of a type have unless they say otherwise",
        additionalProperties: { type: "object" },
      },
      materialization: {
        type: ["object", "null"],
        properties: {
          enabled: { type: "boolean", description: "false: no table outside is written" },
          schema_evolution: {
            type: "object",
            properties: { mode: { enum: ["safe", "auto", "strict"] } },
          },
          catalog: { type: "object", description: "The one Iceberg catalog, in the older form" },
          default_mode: { type: "string", description: "Read from older profiles" },
          duckdb: { type: "object", description: "Read from older profiles" },
          partition_by: { description: "Read from older profiles" },
        },
        additionalProperties: false,
      },
      starrocks: { description: "Read from older profiles" },
      publish: { description: "Read from older profiles" },
    },
    additionalProperties: false,
  };
}

function connectionSchema(own: Readonly<Record<string, ConnectionOption>>): JsonSchema {
  const options = Object.entries({ ...own, ...COMMON_OPTIONS });
  return {
    properties: {
      type: { type: "string" },
      ...Object.fromEntries(options.map(([name, option]) => [name, optionSchema(option)])),
    },
    required: options.filter(([, { required }]) => required === true).map(([name]) => name),
    additionalProperties: false,
  };
}

/** What is not a text may still be one: `${VAR}`. */
function optionSchema({ values, doc }: ConnectionOption): JsonSchema {
  const scalar = ["string", "number", "boolean", "null"];
  return values === undefined
    ? { type: scalar, description: doc }
    : { anyOf: [{ enum: values }, { type: "string", pattern: "\\$\\{" }], description: doc };
}

function snippetsSchema(file: SnippetFile): JsonSchema {
  return {
    $schema: DIALECT,
    title: `seeknal/common/${file.name}.yml: ${file.summary}`,
    type: "object",
    properties: { [file.list]: { type: "array", items: snippet(file) } },
    required: [file.list],
  };
}

function snippetDraftSchema(file: SnippetFile): JsonSchema {
  const { properties, required } = snippet(file);
  return {
    $schema: DIALECT,
    title: `${file.kind}: ${file.summary}`,
    type: "object",
    properties: { kind: { const: file.kind }, ...properties as Record<string, JsonSchema> },
    required: ["kind", ...required as string[]],
    additionalProperties: false,
  };
}

function snippet({ value, use }: SnippetFile): JsonSchema {
  return {
    type: "object",
    properties: {
      id: { type: "string", description: `Used as ${use}` },
      [value]: { type: ["string", "number", "boolean"] },
      description: { type: "string" },
      params: {
        type: "object",
        description: "Further values: {{ id.name }}",
        additionalProperties: { type: ["string", "number", "boolean", "null"] },
      },
    },
    required: ["id", value],
  };
}
