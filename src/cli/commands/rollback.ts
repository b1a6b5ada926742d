import { changeGlyph } from "../../app/messages.ts";
import { PROD } from "../../model/ids.ts";
import { type Command, PROFILE, YES } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { confirmed, envName, flag, printJson, text } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { formatTime, plural } from "../views/format.ts";
import { type AfterMove, afterMove } from "./promote.ts";
import { tableLine, tablesJson, tablesToWrite } from "../views/tables_view.ts";
import type { TableReport } from "../../app/run_tables.ts";

/** Changes listed before a question. */
const SHOWN = 20;

/** `rollback [ENV]` */
export const ROLLBACK: Command = {
  name: "rollback",
  summary: "Go back to an earlier state; nothing is computed again",
  arguments: [{ name: "[ENV]", doc: "environment (default: prod)", completes: "environment" }],
  options: [
    {
      flags: "--to <REVISION>",
      doc: "commit, prod@{1}, prod~2 or an environment (default: the state before)",
    },
    YES,
    { flags: "--dry-run", doc: "show what would change and write nothing" },
    { flags: "--with-exposures", doc: "deliver exposures right after production moved" },
    PROFILE,
  ],
  examples: ["seeknal rollback", "seeknal rollback --to prod@{2}"],
  run: async (context) => {
    const { terminal } = context;
    const env = context.args[0] === undefined ? PROD : envName(context, context.args[0]);
    const isDry = flag(context, "dryRun");
    const typedFor = await context.workspace(isDry ? "read" : "write");
    const { prepareRollback, executeRollback } = await import("../../app/rollback_environment.ts");
    const { catchUp } = await import("../../app/publish.ts");
    const { recoverTables } = await import("../../app/outside_tables.ts");
    const { checkTables } = await import("../../app/run_tables.ts");
    const { withPlannedProfile } = await import("../../app/environment_profile.ts");
    if (!isDry) await recoverTables(typedFor, env);
    const workspace = await withPlannedProfile(typedFor, env);
    const prepared = await prepareRollback(workspace, env, text(context, "to"));
    const { from, to, changes, nothingToDo, tables } = prepared;
    const style = styleFor(terminal.colorErr);
    const say = (
      status: string,
      commit: string | null,
      words: string,
      written: readonly TableReport[] = [],
      more: AfterMove["json"] = {},
    ) => {
      if (flag(context, "json")) {
        const nodes = changes.map(({ id }) => id);
        printJson(context, {
          format_version: 1,
          environment: env,
          target: env,
          from,
          to: commit ?? to.id,
          nodes,
          materializations: tablesJson(tables.writes, written),
          status,
          reason: status === "refused" ? "answered no" : null,
          ...more,
        });
      } else terminal.out(`${words}\n`);
      return EXIT_DONE;
    };
    if (nothingToDo) {
      if (!isDry) await catchUp(workspace);
      return say("nothing_to_do", null, `Nothing to roll back: ${env} is in that state`);
    }
    if (!flag(context, "json")) {
      terminal.err(
        style.bold(`${env}: back to ${to.id.slice(0, 7)}, ${formatTime(to.date)}: ${to.subject}`) +
          "\n",
      );
      for (const change of changes.slice(0, SHOWN)) {
        terminal.err(`  ${changeGlyph(change)} ${change.id}\n`);
      }
      if (changes.length > SHOWN) {
        terminal.err(style.dim(`  ... and ${changes.length - SHOWN} more`) + "\n");
      }
      terminal.err(tablesToWrite(tables, style));
      for (const name of tables.left) {
        terminal.err(
          `${
            style.yellow("warning:")
          } ${name} was first written after that state: the rows that were ` +
            "added to it stay\n",
        );
      }
    }
    const nodes = [
      changes.length === 0 ? "outputs only" : plural(changes.length, "node"),
      ...(tables.writes.length === 0 ? [] : [plural(tables.writes.length, "table")]),
    ].join(", ");
    if (isDry) await checkTables(workspace, prepared.profile, tables);
    if (isDry) return say("would_roll_back", null, `Would roll ${env} back: ${nodes}`);
    const command = `seeknal rollback${env === PROD ? "" : ` ${env}`}`;
    if (!confirmed(context, `Roll ${env} back?`, command)) {
      return say("refused", null, `Not rolled back: ${env} stays as it is`);
    }
    const { commit, tables: written } = await executeRollback(workspace, prepared, (table) => {
      if (!flag(context, "json")) terminal.err(`  ${tableLine(table, style)}\n`);
    });
    terminal.err(
      `${
        style.dim("note:")
      } the project's files stay as they are; the next run or promotion goes by them\n`,
    );
    const after = await afterMove(context, workspace, env);
    say(
      "rolled_back",
      commit,
      `${styleFor(terminal.colorOut).bold(`Rolled ${env} back:`)} ${nodes}, now at ${
        commit.slice(0, 7)
      }`,
      written,
      after.json,
    );
    after.say();
    return after.code;
  },
};
