import { join } from "node:path";
import { type Command, type CommandOption, COMMON_OPTIONS } from "../src/cli/command.ts";
import { COMMANDS } from "../src/cli/commands/registry.ts";
import { AUDIT_TYPES } from "../src/checks/registry.ts";
import type { JsonSchema } from "../src/base/json_schema.ts";
import { NODE_KINDS } from "../src/nodes/registry.ts";
import { CONNECTION_TYPES } from "../src/connections/registry.ts";
import { COMMON_OPTIONS as CONNECTION_OPTIONS } from "../src/project/profiles.ts";
import { SOURCE_TYPES, TABLE_SOURCES } from "../src/sources/registry.ts";
import type { SourceType } from "../src/sources/source_type.ts";

/** A part of `docs/` that comes from the code. */
export interface GeneratedDoc {
  /** Relative to the repository. */
  readonly path: string;
  /** The file as it should be, given the file as it is (empty when there is none). */
  generate(current: string): string;
}

/** Everything that `--write` writes and that a test keeps current. */
export const GENERATED_DOCS: readonly GeneratedDoc[] = [
  { path: "docs/reference.md", generate: commandReference },
  { path: "docs/nodes.md", generate: withKinds },
  { path: "docs/guide.md", generate: (current) => withSources(current, "sources", SOURCE_TYPES) },
  {
    path: "docs/outside-tables.md",
    generate: (current) => withConnections(withSources(current, "table-sources", TABLE_SOURCES)),
  },
];

/** All commands with their arguments and options as Markdown. */
function commandReference(): string {
  const shown = COMMANDS.filter(({ hidden }) => hidden !== true);
  return [
    "# Command reference",
    "",
    "<!-- Written by scripts/reference.ts from src/cli/commands/. To write it again: -->",
    "<!-- deno run -A scripts/reference.ts --write -->",
    "",
    "What the commands are for, in order, is in the [guide](guide.md). `seeknal help COMMAND` prints",
    "the same as the sections below.",
    "",
    ...table(
      ["command", ""],
      shown.map((c) => [`[\`${c.name}\`](#${anchor(c)})`, cell(c.summary)]),
    ),
    "",
    "## Options of every command",
    "",
    ...optionsTable(COMMON_OPTIONS),
    "",
    ...shown.flatMap(commandSection),
  ].join("\n");
}

function commandSection(command: Command): string[] {
  const args = command.arguments.map(({ name }) => name).join(" ");
  const usage = ["seeknal", command.name, args, "[options]"].filter((word) => word !== "").join(
    " ",
  );
  const examples = command.examples ?? [];
  return [
    `## seeknal ${command.name}`,
    "",
    `${command.summary}.`,
    "",
    "```text",
    usage,
    "```",
    "",
    ...(command.arguments.length === 0 ? [] : [
      ...table(
        ["argument", ""],
        command.arguments.map(({ name, doc }) => [`\`${name}\``, cell(doc)]),
      ),
      "",
    ]),
    ...(command.options.length === 0 ? [] : [...optionsTable(command.options), ""]),
    ...(examples.length === 0 ? [] : ["```text", ...examples, "```", ""]),
  ];
}

function optionsTable(options: readonly CommandOption[]): string[] {
  return table(
    ["option", ""],
    options.map(({ flags, doc, repeats }) => [
      `\`${flags}\``,
      cell(doc) + (repeats === true ? "; may be given several times" : ""),
    ]),
  );
}

/** Types of sources and their parameters, between the markers of a text. */
function withSources(
  text: string,
  marker: string,
  types: readonly Pick<SourceType, "name" | "summary" | "params">[],
): string {
  const lines = types.flatMap(({ name, summary, params }) => [
    `**\`source: ${name}\`**: ${summary}. Parameters:`,
    "",
    ...table(
      ["parameter", "value", ""],
      Object.entries(params).map(([param, { type, doc, option }]) => [
        `\`${param}\``,
        type,
        cell(doc) + (option === undefined ? "" : ` (DuckDB's \`${option}\`)`),
      ]),
    ),
    "",
  ]);
  return between(text, marker, lines);
}

/** Kinds of nodes with their own fields, and audit types, between the markers of a text. */
function withKinds(text: string): string {
  const kinds = NODE_KINDS.flatMap(({ kind, summary, hasRows, takesScript, schema }) => [
    `### ${kind}`,
    "",
    `${summary}.${hasRows ? "" : " It has no rows of its own."}${
      takesScript ? " A script can make its rows instead." : ""
    }`,
    "",
    ...fieldTable(schema.properties, schema.required),
    "",
  ]);
  const audits = AUDIT_TYPES.flatMap(({ name, summary, takesColumns, schema }) => [[
    `\`${name}\``,
    cell(summary),
    [...(takesColumns ? ["`columns`"] : []), ...Object.keys(schema).map((key) => `\`${key}\``)]
      .join(", "),
  ]]);
  return between(
    between(text, "kinds", kinds),
    "audits",
    [...table(["type", "", "fields"], audits), ""],
  );
}

function fieldTable(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[],
): string[] {
  const rows = Object.entries(properties).map(([name, schema]) => [
    `\`${name}\``,
    `${typeOf(schema)}${required.includes(name) ? ", required" : ""}`,
    cell(String(schema["description"] ?? "")),
  ]);
  return table(["field", "value", ""], rows);
}

/** A JSON Schema in a word or two. */
function typeOf({ type, enum: values, const: only, anyOf, oneOf }: JsonSchema): string {
  if (Array.isArray(values)) return values.map((value) => `\`${value}\``).join(" ");
  if (only !== undefined) return `\`${only}\``;
  const choices = anyOf ?? oneOf;
  if (Array.isArray(choices)) {
    return [...new Set(choices.map((choice) => typeOf(choice as JsonSchema)))].join(" or ");
  }
  const name = Array.isArray(type) ? type.join(" or ") : String(type ?? "any");
  const words: Readonly<Record<string, string>> = {
    string: "text",
    object: "mapping",
    array: "list",
    integer: "whole number",
    boolean: "true or false",
  };
  return words[name] ?? name;
}

/** Types of connections and their options, between the markers of a text. */
function withConnections(text: string): string {
  const lines = CONNECTION_TYPES.flatMap(({ name, summary, options }) => [
    `**\`type: ${name}\`**: ${summary}. Options:`,
    "",
    ...table(
      ["option", "value", ""],
      Object.entries({ ...options, ...CONNECTION_OPTIONS }).map((
        [option, { type, doc, required }],
      ) => [
        `\`${option}\``,
        type,
        cell(doc) + (required === true ? "; required" : ""),
      ]),
    ),
    "",
  ]);
  return between(text, "connections", lines);
}

function between(text: string, marker: string, lines: readonly string[]): string {
  const [open, close] = [`<!-- ${marker} -->`, `<!-- /${marker} -->`];
  const [start, end] = [text.indexOf(open), text.indexOf(close)];
  if (start < 0 || end < start) throw new Error(`No ${open} … ${close} in the text`);
  return `${text.slice(0, start + open.length)}\n\n${lines.join("\n")}\n${text.slice(end)}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`.replaceAll("|  |", "| |");
  return [line(head), `|${head.map(() => "---|").join("")}`, ...rows.map(line)];
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function anchor({ name }: Command): string {
  return `seeknal-${name.replaceAll(" ", "-")}`;
}

if (import.meta.main) {
  for (const { path, generate } of GENERATED_DOCS) {
    const absolute = join(import.meta.dirname!, "..", path);
    const current = readIfExists(absolute);
    const text = generate(current);
    if (Deno.args.includes("--write")) Deno.writeTextFileSync(absolute, text);
    else if (text !== current) {
      Deno.stderr.writeSync(
        new TextEncoder().encode(`${path} is not current; write it: --write\n`),
      );
      Deno.exitCode = 1;
    }
  }
}

function readIfExists(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
