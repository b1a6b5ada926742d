import { type Command, type CommandContext, PROFILE } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { envOption, flag, printJson, wholeNumber } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { formatBytes, plural } from "../views/format.ts";

/** Rows shown unless said otherwise. */
const ROWS = 10;

/** `inspect [NODE]` */
export const INSPECT: Command = {
  name: "inspect",
  summary: "The first rows of a node's output, its columns, what is in them",
  arguments: [{
    name: "[NODE]",
    doc: "kind.name or name (default: list the outputs)",
    completes: "node",
  }],
  options: [
    { flags: "-e, --env <ENV>", doc: "environment (default: prod)", completes: "environment" },
    { flags: "-l, --limit <N>", doc: `rows shown (default: ${ROWS})` },
    { flags: "-s, --schema", doc: "only the columns, with their types" },
    { flags: "--stats", doc: "for every column nulls, distinct values, range and mean" },
    { flags: "--list", doc: "list the outputs" },
    PROFILE,
  ],
  examples: ["seeknal inspect orders --env dev", "seeknal inspect transform.orders --stats"],
  run: async (context) => {
    const typed = context.args[0];
    if (typed === undefined || flag(context, "list")) return await listOutputs(context);
    return await inspect(context, typed);
  },
};

async function inspect(context: CommandContext, typed: string): Promise<number> {
  const { terminal } = context;
  const [schema, stats] = [flag(context, "schema"), flag(context, "stats")];
  const asked = wholeNumber(context, "limit", 0);
  const limit = schema || (stats && asked === null) ? null : asked ?? ROWS;
  const env = envOption(context);
  const workspace = await context.workspace("read");
  const { inspectNode } = await import("../../app/inspect_node.ts");
  const { tableView, tableJson } = await import("../views/table_view.ts");
  const found = await inspectNode(workspace, { env, node: typed, limit, stats });
  const { node, record, rows } = found;
  if (flag(context, "json")) {
    const table = (t: typeof rows) => t === null ? {} : JSON.parse(tableJson(t)) as unknown;
    printJson(context, {
      format_version: 1,
      ...{ environment: env, commit: found.commit, node: node.id },
      ...{ rows: record.rows, size_bytes: record.size_bytes },
      columns: node.shape.columns.map(({ name, type }) => ({ name, type })),
      ...(rows === null ? {} : { sample: table(rows) }),
      ...(found.stats === null ? {} : { stats: table(found.stats) }),
    });
    return EXIT_DONE;
  }
  const { columnLines } = await import("../views/columns_view.ts");
  const style = styleFor(terminal.colorOut);
  const size = `${plural(record.rows ?? 0, "row")}, ${
    plural(node.shape.columns.length, "column")
  }, ${formatBytes(record.size_bytes ?? 0)} in ${env}`;
  const about = node.description === null ? [] : [style.dim(node.description.trim())];
  terminal.out([`${style.bold(node.id)}  ${size}`, ...about, ""].join("\n") + "\n");
  if (schema) terminal.out(`${columnLines(node, style, terminal.outWidth).join("\n")}\n`);
  const options = { style, width: terminal.outWidth };
  if (found.stats !== null) {
    const footer = plural(found.stats.rows.length, "column");
    terminal.out(tableView(found.stats, { ...options, footer }) + (rows === null ? "" : "\n"));
  }
  if (rows !== null) {
    const all = rows.rows.length === record.rows;
    const footer = all
      ? plural(rows.rows.length, "row")
      : `first ${plural(rows.rows.length, "row")} of ${plural(record.rows ?? 0, "row")}`;
    terminal.out(tableView(rows, { ...options, footer }));
  }
  return EXIT_DONE;
}

async function listOutputs(context: CommandContext): Promise<number> {
  const env = envOption(context);
  const workspace = await context.workspace("read");
  const { readState } = await import("../../app/read_state.ts");
  const { listNodes } = await import("../../app/list_nodes.ts");
  const { nodeListView } = await import("../views/node_list_view.ts");
  const { manifest, results, commit } = await readState(workspace, env);
  const nodes = listNodes(manifest, results, null).filter(({ status }) => status === "success");
  if (flag(context, "json")) {
    printJson(context, { format_version: 1, environment: env, commit, nodes });
  } else {
    const { colorOut, outWidth } = context.terminal;
    context.terminal.out(nodeListView(nodes, styleFor(colorOut), outWidth));
  }
  return EXIT_DONE;
}
