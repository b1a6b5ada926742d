import type { Command } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { loading, showWarnings } from "../loading.ts";
import { flag, printJson } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { alignColumns, plural } from "../views/format.ts";

/** `parse` */
export const PARSE: Command = {
  name: "parse",
  summary: "Check the project and list its nodes; writes nothing",
  arguments: [],
  options: [],
  run: async (context) => {
    const workspace = await context.workspace("read");
    const { describeProject } = await import("../../app/describe_project.ts");
    return await loading(
      context,
      workspace,
      { asJson: (diagnostics) => ({ format_version: 1, nodes: [], diagnostics }) },
      async () => {
        const { config, nodes, edges, layers, diagnostics } = await describeProject(workspace);
        showWarnings(context, workspace, diagnostics);
        if (flag(context, "json")) {
          printJson(context, { format_version: 1, project: config.name, nodes, diagnostics });
          return EXIT_DONE;
        }
        const style = styleFor(context.terminal.colorOut);
        const rows = nodes.map((node) => [
          node.id,
          plural(node.shape.columns.length, "column"),
          style.dim(node.file),
        ]);
        context.terminal.out(`${alignColumns(rows).join("\n")}\n\n`);
        context.terminal.out(
          `${style.bold(config.name)}: ${plural(nodes.length, "node")}, ${plural(edges, "edge")}, ${
            plural(layers, "layer")
          }\n`,
        );
        return EXIT_DONE;
      },
    );
  },
};
