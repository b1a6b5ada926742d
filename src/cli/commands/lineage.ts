import type { Lineage } from "../../app/trace_lineage.ts";
import { writeFileAtomic } from "../../base/atomic_write.ts";
import { UserError } from "../../base/user_error.ts";
import type { Command, CommandContext } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { loading } from "../loading.ts";
import { envName, filePath, flag, printJson, text, texts, wholeNumber } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { lineageView } from "../views/lineage_view.ts";
import { TAGS } from "../selection_options.ts";

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
    { flags: "-c, --column <COLUMN>", doc: "a column of the node" },
    ...TAGS,
    { flags: "--html <FILE>", doc: "write a page to look at in a browser" },
    { flags: "-o, --output <FILE>", doc: "the same; a file that ends in .json gets that" },
    { flags: "--ascii", doc: "accepted: text is the default" },
    { flags: "--no-open", doc: "accepted: no browser is ever opened" },
  ],
  examples: [
    "seeknal lineage transform.orders.amount",
    "seeknal lineage --html lineage.html",
  ],
  run: async (context) => {
    const env = text(context, "env");
    const output = outputOf(context);
    const { tags, excludeTags } = tagsOf(context);
    const request = {
      env: env === null ? null : envName(context, env),
      focus: focusOf(context),
      direction: directionOf(context),
      depth: wholeNumber(context, "depth", 1) ?? Infinity,
      // A page shows everything and begins at what was asked for.
      whole: output?.format === "html",
      selection: { nodes: [], select: [], tags, excludeTags, types: [] },
    };
    const workspace = await context.workspace("read");
    const { traceLineage } = await import("../../app/trace_lineage.ts");
    return await loading(
      context,
      workspace,
      { asJson: (diagnostics) => ({ format_version: 1, nodes: [], edges: [], diagnostics }) },
      async () => {
        const traced = await traceLineage(workspace, request);
        if (traced.nodes.length === 0 && tags.length > 0) sayNoTags(context, tags);
        if (output?.format === "html") await writePage(context, workspace.root, output, traced);
        else if (output !== null) {
          writeFileAtomic(output.path, `${JSON.stringify(traced, null, 2)}\n`);
          sayWritten(context, output.typed);
        } else if (flag(context, "json")) printJson(context, traced);
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

/** A file that a lineage is written to. */
interface LineageFile {
  /** Absolute. */
  readonly path: string;
  readonly typed: string;
  readonly format: "html" | "json";
}

function outputOf(context: CommandContext): LineageFile | null {
  for (const option of ["html", "output"]) {
    const path = filePath(context, option);
    if (path === null) continue;
    const isJson = option === "output" && /\.json$/i.test(path);
    return { path, typed: text(context, option)!, format: isJson ? "json" : "html" };
  }
  return null;
}

function tagsOf(context: CommandContext): { tags: string[]; excludeTags: string[] } {
  return { tags: texts(context, "tags"), excludeTags: texts(context, "excludeTags") };
}

/** `NODE`, `NODE.COLUMN`, or `NODE --column COLUMN`. Throws `invalid_option` (2) for a column of nothing. */
function focusOf(context: CommandContext): string | null {
  const node = context.args[0] ?? null;
  const column = text(context, "column");
  if (column === null) return node;
  if (node !== null) return `${node}.${column}`;
  throw new UserError("Cannot follow a column without its node", {
    code: "invalid_option",
    kind: "usage",
    hint: `write seeknal lineage NODE --column ${column}`,
  });
}

function sayNoTags({ terminal }: CommandContext, tags: readonly string[]): void {
  const label = styleFor(terminal.colorErr).yellow("warning:");
  terminal.err(`${label} No nodes have the tags: ${tags.join(", ")}\n`);
}

function sayWritten(context: CommandContext, typed: string): void {
  if (flag(context, "json")) printJson(context, { format_version: 1, file: typed });
  else context.terminal.out(`Wrote ${typed}\n`);
}

async function writePage(
  context: CommandContext,
  root: string,
  { path, typed }: Pick<LineageFile, "path" | "typed">,
  traced: Lineage,
): Promise<void> {
  const { lineagePage } = await import("../views/lineage_html.ts");
  writeFileAtomic(path, lineagePage(traced, root));
  if (flag(context, "json")) printJson(context, { format_version: 1, file: typed });
  else context.terminal.out(`Wrote ${typed}: open it in a browser\n`);
}
