import type { Command } from "../command.ts";
import { EXIT_DONE, EXIT_EXECUTION } from "../exit_codes.ts";
import { loading } from "../loading.ts";
import { envOption, flag, printJson, wholeNumber, words } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { checksView } from "../views/checks_view.ts";
import { SELECT, selectionOf } from "../selection_options.ts";

/** `audit [NODE…]` */
export const AUDIT: Command = {
  name: "audit",
  summary: "Check the outputs of an environment again, without building anything",
  arguments: [{ name: "[NODE...]", doc: "nodes to check (default: all)", completes: "node" }],
  options: [
    { flags: "-e, --env <ENV>", doc: "environment (default: prod)", completes: "environment" },
    SELECT,
    { flags: "--max-workers <N>", doc: "nodes at the same time (default: the number of cores)" },
  ],
  examples: ["seeknal audit", "seeknal audit transform.orders --env dev"],
  run: async (context) => {
    const env = envOption(context);
    const request = {
      env,
      nodes: words(context, 0),
      select: selectionOf(context).select,
      maxWorkers: wholeNumber(context, "maxWorkers", 1) ?? context.host.cpuCount,
    };
    const workspace = await context.workspace("write");
    const { auditOutputs } = await import("../../app/audit_outputs.ts");
    return await loading(context, workspace, { asJson: null }, async () => {
      const report = await auditOutputs(workspace, request);
      const { terminal } = context;
      const { nodes, counts, missing, behind } = report;
      if (flag(context, "json")) {
        printJson(context, {
          format_version: 1,
          environment: env,
          summary: counts,
          nodes: nodes.map(({ id, results }) => ({ node: id, results })),
          missing,
          behind,
        });
      } else if (nodes.length + missing.length === 0) {
        terminal.out("Nothing to check: no node has audits\n");
      } else {
        terminal.out(checksView(nodes, { env, style: styleFor(terminal.colorOut) }));
      }
      const style = styleFor(terminal.colorErr);
      const say = (ids: readonly string[], what: string) => {
        if (ids.length === 0) return;
        const list = ids.slice(0, 5).join(", ") + (ids.length > 5 ? ", …" : "");
        terminal.err(`${style.yellow("warning:")} ${what}: ${list}\n`);
      };
      say(missing, "Not checked, there is no output");
      say(behind, "Checked as it is, and the project's files say something else by now");
      return counts.failed > 0 ? EXIT_EXECUTION : EXIT_DONE;
    });
  },
};
