import { PROD } from "../../model/ids.ts";
import type { Command } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { envName, flag, printJson, text, wholeNumber } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { formatTime } from "../views/format.ts";

/** `history [ENV]` */
export const HISTORY: Command = {
  name: "history",
  summary: "What happened to an environment, newest first",
  arguments: [{ name: "[ENV]", doc: "environment (default: prod)", completes: "environment" }],
  options: [
    {
      flags: "--node <NODE>",
      doc: "only commits that changed this node or its output",
      completes: "node",
    },
    { flags: "-n, --limit <N>", doc: "entries at most (default: 20)" },
    { flags: "--details", doc: "with the nodes of each entry" },
  ],
  examples: ["seeknal history", "seeknal history dev --node transform.orders"],
  run: async (context) => {
    const env = context.args[0] === undefined ? PROD : envName(context, context.args[0]);
    const workspace = await context.workspace("read");
    const { showHistory } = await import("../../app/show_history.ts");
    const entries = await showHistory(workspace, {
      env,
      node: text(context, "node"),
      limit: wholeNumber(context, "limit", 1) ?? 20,
    });
    if (flag(context, "json")) {
      printJson(context, entries);
      return EXIT_DONE;
    }
    const style = styleFor(context.terminal.colorOut);
    for (const { commit, date, author, subject, body } of entries) {
      const head = [
        style.yellow(commit.slice(0, 7)),
        style.dim(formatTime(new Date(date))),
        author,
        subject,
      ];
      context.terminal.out(`${head.join("  ")}\n`);
      if (flag(context, "details") && body !== "") {
        context.terminal.out(`${body.split("\n").map((line) => `    ${line}`).join("\n")}\n\n`);
      }
    }
    return EXIT_DONE;
  },
};
