import { type Command, PROFILE } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { loading } from "../loading.ts";
import { envName, flag, printJson, text } from "../options.ts";
import { styleFor } from "../terminal.ts";

/** `show NODE` */
export const SHOW: Command = {
  name: "show",
  summary: "Everything about a node: columns, inputs, readers, SQL, checks, last result",
  arguments: [{ name: "NODE", doc: "kind.name or name", completes: "node" }],
  options: [
    {
      flags: "-e, --env <ENV>",
      doc: "environment (default: the project's files)",
      completes: "environment",
    },
    PROFILE,
  ],
  examples: ["seeknal show transform.orders"],
  run: async (context) => {
    const typed = text(context, "env");
    const env = typed === null ? null : envName(context, typed);
    const workspace = await context.workspace("read");
    const { showNode } = await import("../../app/show_node.ts");
    const { nodeView } = await import("../views/node_view.ts");
    return await loading(
      context,
      workspace,
      { asJson: (diagnostics) => ({ format_version: 1, id: null, diagnostics }) },
      async () => {
        const node = await showNode(workspace, context.args[0]!, env);
        const { colorOut, outWidth } = context.terminal;
        if (flag(context, "json")) printJson(context, node);
        else context.terminal.out(nodeView(node, styleFor(colorOut), outWidth));
        return EXIT_DONE;
      },
    );
  },
};
