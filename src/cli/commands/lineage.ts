import type { Lineage } from "../../app/trace_lineage.ts";
import { writeFileAtomic } from "../../base/atomic_write.ts";
import type { Command, CommandContext } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { loading } from "../loading.ts";
import { envName, filePath, flag, printJson, text, wholeNumber } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { lineageView } from "../views/lineage_view.ts";

/** `lineage [NODE[.COLUMN]]` */
export const LINEAGE: Command = {
  name: "lineage",
  summary: "Where nodes and columns come from and go to",
  arguments: [{
    name: "[NODE]",
    doc: "node or column, kind.name.column (default: everything)",
    completes: "node",
  }],
  options: [
    {
      flags: "--env <ENV>",
      doc: "environment (default: the project's files)",
      completes: "environment",
    },
    { flags: "--upstream", doc: "only where it comes from" },
    { flags: "--downstream", doc: "only where it goes to" },
    { flags: "--depth <N>", doc: "steps from the node at most" },
    { flags: "--all", doc: "every line of a long tree" },
    { flags: "--html <FILE>", doc: "write a page to look at in a browser" },
  ],
  examples: [
    "seeknal lineage transform.orders.amount",
    "seeknal lineage --html lineage.html",
  ],
  run: async (context) => {
    const env = text(context, "env");
    const file = filePath(context, "html");
    const request = {
      env: env === null ? null : envName(context, env),
      focus: context.args[0] ?? null,
      direction: directionOf(context),
      depth: wholeNumber(context, "depth", 1) ?? Infinity,
      // A page shows everything and begins at what was asked for.
      whole: file !== null,
    };
    const workspace = await context.workspace("read");
    const { traceLineage } = await import("../../app/trace_lineage.ts");
    return await loading(
      context,
      workspace,
      { asJson: (diagnostics) => ({ format_version: 1, nodes: [], edges: [], diagnostics }) },
      async () => {
        const traced = await traceLineage(workspace, request);
        if (file !== null) await writePage(context, workspace.root, file, traced);
        else if (flag(context, "json")) printJson(context, traced);
        else {
          const style = styleFor(context.terminal.colorOut);
          const { direction } = request;
          context.terminal.out(
            lineageView(traced, { style, all: flag(context, "all"), direction }),
          );
        }
        return EXIT_DONE;
      },
    );
  },
};

function directionOf(context: CommandContext): "up" | "down" | "both" {
  const [up, down] = [flag(context, "upstream"), flag(context, "downstream")];
  return up === down ? "both" : up ? "up" : "down";
}

async function writePage(
  context: CommandContext,
  root: string,
  file: string,
  traced: Lineage,
): Promise<void> {
  const { lineageHtml } = await import("../views/lineage_html.ts");
  const project = root.split(/[\\/]/).at(-1)!;
  const of = traced.environment === null
    ? "the project's files"
    : `${traced.environment} at ${traced.commit!.slice(0, 7)}`;
  const html = lineageHtml({ ...traced, title: `${project}: ${of}` });
  writeFileAtomic(file, html);
  const typed = text(context, "html")!;
  if (flag(context, "json")) printJson(context, { format_version: 1, file: typed });
  else context.terminal.out(`Wrote ${typed}: open it in a browser\n`);
}
