import type { NodeIntervals } from "../../app/list_intervals.ts";
import { UserError } from "../../base/user_error.ts";
import { intervalWords } from "../../base/time_intervals.ts";
import type { EnvName } from "../../model/ids.ts";
import type { Command, CommandArgument, CommandContext, CommandOption } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { envName, envOption, flag, printJson, text } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { alignColumns, plural } from "../views/format.ts";
import { RUN_OPTIONS, runRun } from "./run.ts";

const ENV: CommandOption = {
  flags: "-e, --env <ENV>",
  doc: "environment (default: production)",
  completes: "environment",
};
const SOME_NODE: CommandArgument = { name: "[NODE]", doc: "one node only", completes: "node" };
const NODE: CommandArgument = { name: "NODE", doc: "node to build", completes: "node" };

/** `intervals list` */
export const INTERVALS_LIST: Command = {
  name: "intervals list",
  summary: "What is built of nodes that are built piece by piece",
  arguments: [SOME_NODE],
  options: [ENV],
  run: async (context) => await show(context, listView),
};

/** `intervals pending` */
export const INTERVALS_PENDING: Command = {
  name: "intervals pending",
  summary: "Intervals that are not built yet, up to now",
  arguments: [SOME_NODE],
  options: [ENV],
  run: async (context) => await show(context, pendingView),
};

/** `intervals backfill NODE` */
export const INTERVALS_BACKFILL: Command = {
  name: "intervals backfill",
  summary: "Build pending intervals of a node and what reads it, between --start and --end or all",
  arguments: [NODE],
  options: [ENV, ...RUN_OPTIONS],
  examples: ["seeknal intervals backfill daily_orders --start 2026-01-01 --end 2026-02-01"],
  run: async (context) => await build(context, {}),
};

/** `intervals restate NODE` */
export const INTERVALS_RESTATE: Command = {
  name: "intervals restate",
  summary: "Build done intervals of a node again, and what reads it",
  arguments: [NODE],
  options: [ENV, ...RUN_OPTIONS],
  examples: [
    "seeknal intervals restate daily_orders --start 2026-01-05 --end 2026-01-07 --env dev",
  ],
  run: async (context) => await build(context, { restate: [context.args[0]!] }),
};

async function build(
  context: CommandContext,
  more: Readonly<Record<string, unknown>>,
): Promise<number> {
  const typed = text(context, "env");
  const env = typed === null ? null : envName(context, typed);
  const nodes = [...(context.options["nodes"] as string[] | undefined ?? []), context.args[0]!];
  return await runRun({ ...context, options: { ...context.options, nodes, ...more } }, env);
}

type View = (context: CommandContext, env: EnvName, nodes: readonly NodeIntervals[]) => string;

async function show(context: CommandContext, view: View): Promise<number> {
  const env = envOption(context);
  const workspace = await context.workspace("read");
  const { listIntervals } = await import("../../app/list_intervals.ts");
  const typed = context.args[0] ?? null;
  const list = await listIntervals(workspace, env, typed);
  if (typed !== null && list.nodes.length === 0) throw notIncremental(typed);
  if (flag(context, "json")) printJson(context, list);
  else context.terminal.out(view(context, env, list.nodes));
  return EXIT_DONE;
}

function notIncremental(typed: string): UserError {
  return new UserError(`${typed} is built as a whole, not by intervals or keys`, {
    code: "not_incremental",
    kind: "usage",
    hint: "list those that are:\n    seeknal intervals list",
  });
}

function listView(
  { terminal }: CommandContext,
  env: EnvName,
  nodes: readonly NodeIntervals[],
): string {
  const style = styleFor(terminal.colorOut);
  if (nodes.length === 0) return `No node of ${env} is built by intervals or keys\n`;
  const rows = nodes.map(({ node, mode, interval, done, pending, rows: count }) => [
    node,
    interval ?? mode.replace("incremental_by_", "by "),
    count === null ? "not built" : plural(count, "row"),
    mode === "incremental_by_key"
      ? ""
      : done.length === 0
      ? "nothing done"
      : done.slice(0, 2).map(intervalWords).join(", ") + (done.length > 2 ? ", ..." : ""),
    pending.length === 0 ? "" : style.yellow(`${pending.length} pending`),
  ]);
  return `${alignColumns(rows).join("\n")}\n`;
}

/** Pending intervals of a node that are listed; more are counted. */
const SHOWN = 20;

function pendingView(
  { terminal }: CommandContext,
  env: EnvName,
  nodes: readonly NodeIntervals[],
): string {
  const style = styleFor(terminal.colorOut);
  const open = nodes.filter(({ pending }) => pending.length > 0);
  if (open.length === 0) return `Nothing is pending in ${env}\n`;
  const lines = open.flatMap(({ node, pending }) => [
    `${style.bold(node)}  ${plural(pending.length, "interval")} pending`,
    ...pending.slice(0, SHOWN).map((part) => `  ${intervalWords(part)}`),
    ...(pending.length > SHOWN ? [`  ... ${pending.length - SHOWN} more`] : []),
  ]);
  return `${lines.join("\n")}\n`;
}
