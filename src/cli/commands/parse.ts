import type { ProjectChanges, ProjectDescription } from "../../app/describe_project.ts";
import { toYaml } from "../../base/to_yaml.ts";
import { UserError } from "../../base/user_error.ts";
import type { Command, CommandContext } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { loading, showWarnings } from "../loading.ts";
import { flag, printJson, text } from "../options.ts";
import { type Style, styleFor } from "../terminal.ts";
import { alignColumns, plural } from "../views/format.ts";

const FORMATS = ["table", "json", "yaml"];

/** `parse` */
export const PARSE: Command = {
  name: "parse",
  summary: "Check the project and list its nodes; writes nothing",
  arguments: [],
  options: [
    { flags: "-f, --format <FORMAT>", doc: "table, json or yaml", completes: FORMATS },
    { flags: "--no-diff", doc: "do not say what differs from production" },
  ],
  examples: ["seeknal parse", "seeknal parse --format yaml"],
  run: async (context) => {
    const format = formatOf(context);
    const workspace = await context.workspace("read");
    const { describeProject } = await import("../../app/describe_project.ts");
    return await loading(
      { ...context, options: { ...context.options, json: format !== "table" } },
      workspace,
      { asJson: (diagnostics) => ({ format_version: 1, nodes: [], diagnostics }) },
      async () => {
        const described = await describeProject(workspace);
        showWarnings(context, workspace, described.diagnostics);
        if (format === "table") showTable(context, described);
        else {
          const { config, nodes, diagnostics, changes } = described;
          const diff = context.options["diff"] === false ? {} : { changes };
          const value = { format_version: 1, project: config.name, nodes, diagnostics, ...diff };
          if (format === "json") printJson(context, value);
          else context.terminal.out(toYaml(value));
        }
        return EXIT_DONE;
      },
    );
  },
};

function showTable(context: CommandContext, described: ProjectDescription): void {
  const { config, nodes, edges, layers, changes } = described;
  const style = styleFor(context.terminal.colorOut);
  const rows = nodes.map((node) => [
    node.id,
    plural(node.shape.columns.length, "column"),
    style.dim(node.file),
  ]);
  context.terminal.out(`${alignColumns(rows).join("\n")}\n\n`);
  if (context.options["diff"] !== false && nodes.length > 0) {
    const lines = changeLines(changes, nodes.length, style);
    if (lines.length > 0) context.terminal.out(`${lines.join("\n")}\n\n`);
  }
  context.terminal.out(
    `${style.bold(config.name)}: ${plural(nodes.length, "node")}, ${plural(edges, "edge")}, ${
      plural(layers, "layer")
    }\n`,
  );
}

/** Nodes listed one by one. */
const SHOWN = 20;

/** What differs from production; nothing where there is none yet, or nothing does. */
function changeLines(changes: ProjectChanges, nodes: number, style: Style): string[] {
  const { added, removed, modified, edges_added, edges_removed } = changes;
  if (added.length === nodes) return [];
  const lines = [
    ...added.map((id) => `  ${style.green("+")} ${id}`),
    ...removed.map((id) => `  ${style.red("-")} ${id}`),
    ...modified.map(({ id, fields }) =>
      `  ${style.yellow("~")} ${id}  ${style.dim(fields.join(", "))}`
    ),
    ...edges_added.map((edge) => `  ${style.green("+")} ${style.dim(edge)}`),
    ...edges_removed.map((edge) => `  ${style.red("-")} ${style.dim(edge)}`),
  ];
  if (lines.length === 0) return [];
  const more = lines.length - SHOWN;
  return [
    style.bold("Compared with production"),
    ...lines.slice(0, SHOWN),
    ...(more > 0 ? [style.dim(`  ... and ${more} more (seeknal diff shows all)`)] : []),
  ];
}

function formatOf(context: CommandContext): string {
  const format = text(context, "format") ?? (flag(context, "json") ? "json" : "table");
  if (FORMATS.includes(format)) return format;
  throw new UserError(`Unknown format "${format}"`, {
    code: "invalid_option",
    kind: "usage",
    hint: `write --format ${FORMATS.join(", ")}`,
  });
}
