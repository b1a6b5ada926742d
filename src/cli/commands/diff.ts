import type { NodeDiff } from "../../app/diff_states.ts";
import type { TableDiff } from "../../app/table_diff.ts";
import { changeGlyph } from "../../app/messages.ts";
import { PROD } from "../../model/ids.ts";
import type { Command, CommandContext } from "../command.ts";
import { EXIT_CHANGES, EXIT_DONE, EXIT_UNEXPECTED } from "../exit_codes.ts";
import { loading } from "../loading.ts";
import { flag, printJson, revision, texts } from "../options.ts";
import { type Style, styleFor } from "../terminal.ts";
import { plural } from "../views/format.ts";
import { sqlLine } from "../views/plan_view.ts";

/** `diff [A] [B]` */
export const DIFF: Command = {
  name: "diff",
  summary: "Nodes that differ between environments, commits or the project's files",
  arguments: [
    {
      name: "[A]",
      doc: "environment, commit, prod@{1} or . for the files (default: prod)",
      completes: "environment",
    },
    {
      name: "[B]",
      doc: "what to compare it with (default: the files, or prod with A)",
      completes: "environment",
    },
  ],
  options: [
    { flags: "--stat", doc: "one line a node, no SQL" },
    {
      flags: "-n, --nodes <NODE>",
      doc: "only these nodes; also in the place of A: seeknal diff transforms/orders",
      repeats: true,
      completes: "node",
    },
    {
      flags: "-t, --type <KIND>",
      doc: "only nodes of a kind: transform, or transforms",
      repeats: true,
    },
    { flags: "--data", doc: "compare the outputs too: columns, row counts, changed rows" },
    { flags: "--detailed-exitcode", doc: "exit 0: no difference, 2: differences, 1: error" },
  ],
  examples: [
    "seeknal diff            # production and the files",
    "seeknal diff dev        # production and dev",
    "seeknal diff dev --nodes transform.orders",
    "seeknal diff prod@{1} prod --data",
  ],
  run: async (context) => {
    const named = context.args.filter((arg) => arg !== undefined && isNode(arg)) as string[];
    const [a, b] = context.args.filter((arg) => arg !== undefined && !isNode(arg));
    const only = {
      nodes: [...named, ...texts(context, "nodes")],
      kinds: texts(context, "type"),
    };
    const [from, to] = b !== undefined
      ? [revision(a!), revision(b)]
      : a !== undefined
      ? [PROD, revision(a)]
      : [PROD, "."];
    const workspace = await context.workspace("read");
    const { diffStates } = await import("../../app/diff_states.ts");
    const detailed = flag(context, "detailedExitcode");
    const code = await loading(
      context,
      workspace,
      { asJson: (diagnostics) => ({ format_version: 1, nodes: [], diagnostics }) },
      async () => {
        const diff = await diffStates(workspace, from, to, {
          data: flag(context, "data"),
          only,
        });
        if (flag(context, "json")) {
          const { data, ...rest } = diff;
          const nodes = diff.nodes.map(nodeJson);
          const compared = data === null ? {} : { data: await dataJson(data) };
          printJson(context, { format_version: 1, ...rest, nodes, ...compared });
        } else {
          context.terminal.out(view(context, from, to, diff.nodes));
          if (diff.data !== null) context.terminal.out(await dataView(context, diff.data));
        }
        return detailed && diff.nodes.length > 0 ? EXIT_CHANGES : EXIT_DONE;
      },
    );
    return detailed && code > EXIT_CHANGES ? EXIT_UNEXPECTED : code;
  },
};

/** `transforms/orders` or `transform.orders`: no environment and no commit is written like that. */
function isNode(typed: string): boolean {
  return /^\p{L}[\p{L}\p{N}_]*[./][\p{L}_][\p{L}\p{N}_-]*$/u.test(typed);
}

function nodeJson({ id, file, kind, category, reasons, columns, because, sql }: NodeDiff): unknown {
  return { id, file, change: kind, category, reasons, columns, because, sql };
}

async function dataJson(data: TableDiff): Promise<unknown> {
  const { tableDiffJson } = await import("../views/table_diff_view.ts");
  return tableDiffJson(data, { isOne: false });
}

async function dataView({ terminal }: CommandContext, data: TableDiff): Promise<string> {
  const { tableDiffView, tableDiffWarnings } = await import("../views/table_diff_view.ts");
  const label = styleFor(terminal.colorErr).yellow("warning:");
  for (const warning of tableDiffWarnings(data, { checkKeys: true })) {
    terminal.err(`${label} ${warning}\n`);
  }
  const options = { select: [], isOne: false, samples: false };
  return `\n${tableDiffView(data, options, styleFor(terminal.colorOut))}`;
}

function view(
  context: CommandContext,
  from: string,
  to: string,
  nodes: readonly NodeDiff[],
): string {
  const style = styleFor(context.terminal.colorOut);
  const name = (side: string) => side === "." ? "the project's files" : side;
  if (nodes.length === 0) return `No difference between ${name(from)} and ${name(to)}\n`;
  const lines = [style.bold(`${name(from)} -> ${name(to)}`), ""];
  for (const node of nodes) lines.push(...nodeLines(node, style, flag(context, "stat")));
  lines.push(
    "",
    style.bold(
      `Diff: ${plural(nodes.length, "node")} ${nodes.length === 1 ? "differs" : "differ"}`,
    ),
  );
  return lines.join("\n") + "\n";
}

function nodeLines(node: NodeDiff, style: Style, short: boolean): string[] {
  const category = node.category === null ? "" : `  ${style.bold(node.category)}`;
  const head = `  ${changeGlyph(node)} ${node.id}${category}  ${
    style.dim(node.reasons.join("; "))
  }`;
  return short ? [head] : [head, ...node.sql.map((line) => `      ${sqlLine(line, style)}`)];
}
