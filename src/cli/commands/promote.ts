import type { PreparedPromotion } from "../../app/promote_environment.ts";
import { changeGlyph } from "../../app/messages.ts";
import { type EnvName, PROD } from "../../model/ids.ts";
import { type Command, type CommandContext, PROFILE, YES } from "../command.ts";
import { EXIT_DONE, EXIT_EXECUTION } from "../exit_codes.ts";
import { confirmed, envName, flag, printJson } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { deliveriesJson, reportLine, sayPending, sayUndelivered } from "../views/exposures_view.ts";
import { plural } from "../views/format.ts";
import { tableLine, tablesJson, tablesToWrite } from "../views/tables_view.ts";
import type { TableReport } from "../../app/run_tables.ts";
import type { Workspace } from "../../app/workspace.ts";

/** Options of `promote` and `env promote`. */
export const PROMOTE_OPTIONS = [
  YES,
  { flags: "--dry-run", doc: "show what would move and write nothing" },
  { flags: "--rematerialize", doc: "write tables outside although they hold their content" },
  { flags: "--no-materialize", doc: "write no tables outside" },
  { flags: "--with-exposures", doc: "deliver exposures right after production moved" },
  PROFILE,
];

/** `promote ENV [TARGET]` */
export const PROMOTE: Command = {
  name: "promote",
  summary: "Move an environment's state on to production, or to another environment",
  arguments: [
    { name: "ENV", doc: "environment to promote", completes: "environment" },
    { name: "[TARGET]", doc: "where to (default: prod)", completes: "environment" },
  ],
  options: PROMOTE_OPTIONS,
  examples: ["seeknal promote dev", "seeknal promote dev staging --yes"],
  run: (context) => runPromote(context),
};

/** Promotes and reports; also behind `env promote`. */
export async function runPromote(context: CommandContext): Promise<number> {
  const environment = envName(context, context.args[0]!);
  const target = context.args[1] === undefined ? PROD : envName(context, context.args[1]);
  const isDry = flag(context, "dryRun");
  const workspace = await context.workspace(isDry ? "read" : "write");
  const { preparePromotion, executePromotion } = await import("../../app/promote_environment.ts");
  const { catchUp } = await import("../../app/publish.ts");
  const { recoverTables } = await import("../../app/outside_tables.ts");
  const { checkTables } = await import("../../app/run_tables.ts");
  if (!isDry) await recoverTables(workspace, target);
  const prepared = await preparePromotion(workspace, environment, target, {
    rematerialize: flag(context, "rematerialize"),
    materialize: context.options["materialize"] !== false,
  });
  if (prepared.nothingToDo) {
    if (!isDry) await catchUp(workspace);
    return report(context, prepared, "nothing_to_do", prepared.from);
  }
  if (!flag(context, "json")) showChanges(context, prepared);
  if (isDry) {
    await checkTables(workspace, prepared.profile, prepared.tables);
    return report(context, prepared, "would_promote", null);
  }
  const command = `seeknal promote ${environment}${target === PROD ? "" : ` ${target}`}`;
  if (!confirmed(context, `Promote ${environment} to ${nameOf(target)}?`, command)) {
    return report(context, prepared, "refused", null);
  }
  const style = styleFor(context.terminal.colorErr);
  const { commit, tables } = await executePromotion(workspace, prepared, (table) => {
    if (!flag(context, "json")) context.terminal.err(`  ${tableLine(table, style)}\n`);
  });
  const after = await afterMove(context, workspace, target);
  report(context, prepared, "promoted", commit, tables, after.json);
  after.say();
  return after.code;
}

/** What became of exposures when an environment moved. */
export interface AfterMove {
  readonly code: number;
  /** Further fields of the answer in JSON. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Says what is left to do; called last. */
  say(): void;
}

/** Delivers what production's move made due, where that was asked for; else it is the next step. */
export async function afterMove(
  context: CommandContext,
  workspace: Workspace,
  moved: EnvName,
): Promise<AfterMove> {
  const { terminal } = context;
  const isJson = flag(context, "json");
  if (moved !== PROD) return { code: EXIT_DONE, json: {}, say: () => {} };
  const { deliverExposures } = await import("../../app/deliver_exposures.ts");
  const { pendingExposures } = await import("../../app/exposure_states.ts");
  if (!flag(context, "withExposures")) {
    const pending = await pendingExposures(workspace, PROD);
    return {
      code: EXIT_DONE,
      json: pending.length === 0 ? {} : { pending_exposures: pending },
      say: () => {
        if (!isJson) sayPending(terminal, pending);
      },
    };
  }
  const style = styleFor(terminal.colorErr);
  const { reports, failed } = await deliverExposures(workspace, {
    env: PROD,
    only: null,
    report: (one) => terminal.err(`  ${reportLine(one, style)}\n`),
  });
  return {
    code: failed > 0 ? EXIT_EXECUTION : EXIT_DONE,
    json: { deliveries: deliveriesJson(reports) },
    say: () => {
      if (reports.length > failed && !isJson) {
        terminal.out(`${plural(reports.length - failed, "exposure")} delivered\n`);
      }
      if (failed > 0) sayUndelivered(terminal, reports, PROD);
    },
  };
}

function nameOf(target: EnvName): string {
  return target === PROD ? "production" : target;
}

type Status = "promoted" | "nothing_to_do" | "refused" | "would_promote";

function report(
  context: CommandContext,
  { environment, target, from, source, changes, rebuilt, tables }: PreparedPromotion,
  status: Status,
  to: string | null,
  written: readonly TableReport[] = [],
  more: AfterMove["json"] = {},
): number {
  if (flag(context, "json")) {
    printJson(context, {
      format_version: 1,
      environment,
      target,
      from,
      to: to ?? source,
      nodes: [...changes.map(({ id }) => id), ...rebuilt].sort(),
      materializations: tablesJson(tables.writes, written),
      status,
      reason: status === "refused" ? "answered no" : null,
      ...more,
    });
    return EXIT_DONE;
  }
  const style = styleFor(context.terminal.colorOut);
  const nodes = [
    plural(changes.length + rebuilt.length, "node"),
    ...(tables.writes.length === 0 ? [] : [plural(tables.writes.length, "table")]),
  ].join(", ");
  const texts: Record<Status, string> = {
    promoted: `${style.bold(`Promoted ${environment} to ${nameOf(target)}:`)} ${nodes}, now at ${
      to?.slice(0, 7)
    }`,
    nothing_to_do: `Nothing to promote: ${nameOf(target)} has everything that ${environment} has`,
    refused: `Not promoted: ${nameOf(target)} stays as it is`,
    would_promote: `Would promote ${environment} to ${nameOf(target)}: ${nodes}`,
  };
  context.terminal.out(`${texts[status]}\n`);
  return EXIT_DONE;
}

/** Changes listed before a question. */
const SHOWN = 20;

function showChanges({ terminal }: CommandContext, prepared: PreparedPromotion): void {
  const style = styleFor(terminal.colorErr);
  const { environment, target, changes, rebuilt } = prepared;
  const lines = [
    ...changes.map((change) => {
      const category = change.category === null ? "" : `  ${change.category}`;
      return `  ${changeGlyph(change)} ${change.id}${style.bold(category)}`;
    }),
    ...rebuilt.map((id) => `  > ${id}  ${style.dim("built again")}`),
  ];
  terminal.err(
    style.bold(`${environment} -> ${nameOf(target)}: ${plural(lines.length, "node")}`) + "\n",
  );
  for (const line of lines.slice(0, SHOWN)) terminal.err(`${line}\n`);
  if (lines.length > SHOWN) {
    terminal.err(style.dim(`  ... and ${lines.length - SHOWN} more`) + "\n");
  }
  terminal.err(tablesToWrite(prepared.tables, style));
  const { foreign, tables: { left } } = prepared;
  if (foreign.length > 0) {
    const listed = (all: readonly string[]) =>
      all.slice(0, 3).join(", ") + (all.length > 3 ? ` and ${all.length - 3} more` : "");
    const place = nameOf(target);
    terminal.err(
      `${style.yellow("warning:")} ${listed(foreign)} ${
        foreign.length === 1 ? "was" : "were"
      } read through ` +
        `the profile of ${environment}, from another system than ${place} reads: those rows come along\n` +
        (left.length === 0
          ? ""
          : `  tables that are added to are left to the next run of ${place}: ${listed(left)}\n`) +
        `  ${style.cyan("hint:")} read ${place}'s own afterwards:\n    ` +
        `seeknal run${target === PROD ? "" : ` --env ${target}`}\n`,
    );
  }
}
