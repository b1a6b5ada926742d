import { UserError } from "../../base/user_error.ts";
import { type Command, type CommandContext, PROFILE } from "../command.ts";
import { envOption, flag, text, wholeNumber } from "../options.ts";
import type { ReplSettings } from "../repl/repl.ts";
import { runQuery } from "./query.ts";

/** Rows that are shown where a person reads them. */
const SHOWN = 100;

/** `repl` */
export const REPL: Command = {
  name: "repl",
  summary: "Ask one question after another; reads only",
  arguments: [],
  options: [
    { flags: "--env <ENV>", doc: "environment (default: prod)", completes: "environment" },
    { flags: "-e, --exec <SQL>", doc: "answer one query and end; - reads it from stdin" },
    {
      flags: "-f, --format <FORMAT>",
      doc: "table, json or csv",
      completes: ["table", "json", "csv"],
    },
    { flags: "-o, --output <FILE>", doc: "with --exec: write to a file; .csv, .json or .parquet" },
    { flags: "--limit <N>", doc: `rows at most (default: ${SHOWN} on a terminal, else all)` },
    PROFILE,
  ],
  examples: [
    "seeknal repl --env dev",
    'seeknal repl --exec "SELECT count(*) FROM orders" --format csv',
    "seeknal repl < questions.sql",
  ],
  run: async (context) => {
    const { terminal } = context;
    const sql = text(context, "exec");
    if (sql !== null) return await runQuery(context, sql);
    if (text(context, "output") !== null) throw needsExec();
    const env = envOption(context);
    const format = formatOf(context);
    const limit = wholeNumber(context, "limit", 0);
    const workspace = await context.workspace("read");
    const { interact, runScript } = await import("../repl/run_repl.ts");
    using keyboard = terminal.takeKeyboard();
    if (keyboard !== null) {
      const settings = { format, limit: limit ?? SHOWN, timing: true };
      return await interact(workspace, terminal, keyboard, { env, settings });
    }
    const settings = { format, limit, timing: false };
    return await runScript(workspace, terminal, await terminal.readInput(), { env, settings });
  },
};

function formatOf(context: CommandContext): ReplSettings["format"] {
  const format = text(context, "format") ?? (flag(context, "json") ? "json" : "table");
  if (format === "table" || format === "json" || format === "csv") return format;
  throw new UserError(`Unknown format "${format}"`, {
    code: "invalid_option",
    kind: "usage",
    hint: "write --format table, json or csv",
  });
}

function needsExec(): UserError {
  return new UserError("Cannot use --output without --exec: it takes one query", {
    code: "invalid_option",
    kind: "usage",
    hint: 'write:\n    seeknal repl --exec "SELECT …" --output result.csv',
  });
}
