import { extname } from "node:path";
import { writeFileAtomic } from "../../base/atomic_write.ts";
import { UserError } from "../../base/user_error.ts";
import type { Command, CommandContext } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { loading } from "../loading.ts";
import { envName, filePath, flag, text, wholeNumber } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { SELECT, selectionOf, TAGS } from "../selection_options.ts";

const FORMATS = ["text", "html", "mermaid", "dot", "json"] as const;
type Format = (typeof FORMATS)[number];

const BY_ENDING: Readonly<Record<string, Format>> = {
  ".html": "html",
  ".mmd": "mermaid",
  ".mermaid": "mermaid",
  ".dot": "dot",
  ".gv": "dot",
  ".json": "json",
  ".txt": "text",
};

/** `dag [NODE]` */
export const DAG: Command = {
  name: "dag",
  summary: "The graph of nodes: text, a page, Mermaid, Graphviz or JSON",
  arguments: [{
    name: "[NODE]",
    doc: "only what it is made of and what is made of it",
    completes: "node",
  }],
  options: [
    {
      flags: "-e, --env <ENV>",
      doc: "environment (default: the project's files)",
      completes: "environment",
    },
    {
      flags: "-f, --format <FORMAT>",
      doc: `${FORMATS.slice(0, -1).join(", ")} or ${FORMATS.at(-1)}`,
      completes: [...FORMATS],
    },
    { flags: "-o, --output <FILE>", doc: "write to a file; its ending chooses the format" },
    { flags: "--upstream", doc: "only what the node is made of" },
    { flags: "--downstream", doc: "only what is made of the node" },
    { flags: "--depth <N>", doc: "steps from the node at most" },
    SELECT,
    ...TAGS,
    { flags: "--all", doc: "every node of a large graph" },
  ],
  examples: ["seeknal dag", "seeknal dag --format mermaid > dag.mmd", "seeknal dag -o dag.html"],
  run: async (context) => {
    const typed = text(context, "env");
    const env = typed === null ? null : envName(context, typed);
    const format = formatOf(context);
    const [up, down] = [flag(context, "upstream"), flag(context, "downstream")];
    const request = {
      env,
      focus: context.args[0] ?? null,
      direction: up === down ? "both" as const : up ? "up" as const : "down" as const,
      depth: wholeNumber(context, "depth", 1) ?? Infinity,
      whole: false,
      selection: selectionOf(context),
    };
    const workspace = await context.workspace("read");
    const { traceLineage } = await import("../../app/trace_lineage.ts");
    const { dagDot, dagJson, dagMermaid, dagText } = await import("../views/dag_view.ts");
    return await loading(
      context,
      workspace,
      { asJson: (diagnostics) => ({ format_version: 1, nodes: [], edges: [], diagnostics }) },
      async () => {
        const graph = await traceLineage(workspace, request);
        const { terminal } = context;
        const output = filePath(context, "output");
        const isScreen = output === null;
        const { lineagePage } = await import("../views/lineage_html.ts");
        const views: Readonly<Record<Format, () => string>> = {
          html: () => lineagePage(graph, workspace.root),
          mermaid: () => dagMermaid(graph),
          dot: () => dagDot(graph),
          json: () => `${JSON.stringify(dagJson(graph), null, 2)}\n`,
          text: () =>
            dagText(graph, {
              style: styleFor(isScreen && terminal.colorOut),
              width: isScreen ? terminal.outWidth : null,
              all: !isScreen || flag(context, "all"),
            }),
        };
        const shown = views[format]();
        if (output === null) terminal.out(shown);
        else {
          writeFileAtomic(output, shown);
          const what = format === "html" ? ": open it in a browser" : "";
          terminal.err(`Wrote ${text(context, "output")}${what}\n`);
        }
        return EXIT_DONE;
      },
    );
  },
};

/** Throws `invalid_option` (2). */
function formatOf(context: CommandContext): Format {
  const output = text(context, "output");
  const typed = text(context, "format");
  const ending = output === null ? undefined : BY_ENDING[extname(output).toLowerCase()];
  const name = typed ??
    (flag(context, "json") ? "json" : ending ?? (output === null ? "text" : ""));
  const format = FORMATS.find((known) => known === name);
  if (format !== undefined) return format;
  const problem = typed === null
    ? `Cannot tell the format of "${output}" by its name`
    : `Unknown format "${typed}"`;
  throw new UserError(problem, {
    code: "invalid_option",
    kind: "usage",
    hint: `write --format ${FORMATS.join(", ")}`,
  });
}
