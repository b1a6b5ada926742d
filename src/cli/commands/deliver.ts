import { UserError } from "../../base/user_error.ts";
import { didYouMean } from "../../base/closest.ts";
import type { ExposureState } from "../../app/exposure_states.ts";
import type { NodeId } from "../../model/ids.ts";
import { type Command, type CommandContext, PROFILE } from "../command.ts";
import { EXIT_DONE, EXIT_EXECUTION } from "../exit_codes.ts";
import { envOption, flag, printJson, words } from "../options.ts";
import { styleFor } from "../terminal.ts";
import {
  deliveriesJson,
  exposuresView,
  reportLine,
  sayUndelivered,
} from "../views/exposures_view.ts";
import { plural } from "../views/format.ts";
import { splitNames } from "./metrics.ts";

/** `deliver [NAMES]` */
export const DELIVER: Command = {
  name: "deliver",
  summary: "Deliver exposures whose inputs changed since they were delivered",
  arguments: [{
    name: "[NAMES...]",
    doc: "exposures, separated by spaces or commas (default: all)",
    completes: "node",
  }],
  options: [
    {
      flags: "-e, --env <ENV>",
      doc: "environment whose outputs to deliver (default: prod)",
      completes: "environment",
    },
    { flags: "--force", doc: "also what was delivered already" },
    { flags: "--dry-run", doc: "show how exposures stand and deliver nothing" },
    PROFILE,
  ],
  examples: ["seeknal deliver", "seeknal deliver orders_export --dry-run"],
  run: async (context) => {
    const { terminal } = context;
    const env = envOption(context);
    const isDry = flag(context, "dryRun");
    const workspace = await context.workspace(isDry ? "read" : "write");
    const { deliverExposures } = await import("../../app/deliver_exposures.ts");
    const { listExposures } = await import("../../app/exposure_states.ts");
    const { catchUp } = await import("../../app/publish.ts");
    const exposures = await listExposures(workspace, env);
    const only = chosen(context, exposures);
    if (isDry) {
      const shown = exposures.filter(({ id }) => only === null || only.has(id));
      if (flag(context, "json")) {
        printJson(context, { format_version: 1, environment: env, exposures: shown });
      } else if (shown.length === 0) terminal.out(`No exposures in ${env}\n`);
      else terminal.out(exposuresView(shown, styleFor(terminal.colorOut)));
      return EXIT_DONE;
    }
    await catchUp(workspace);
    const style = styleFor(terminal.colorErr);
    const { reports, failed, commit } = await deliverExposures(workspace, {
      env,
      only,
      force: flag(context, "force"),
      report: (report) => {
        if (!flag(context, "json")) terminal.err(`  ${reportLine(report, style)}\n`);
      },
    });
    const delivered = reports.length - failed;
    if (flag(context, "json")) {
      const deliveries = deliveriesJson(reports);
      printJson(context, { format_version: 1, environment: env, commit, deliveries });
    } else {
      terminal.out(
        reports.length === 0
          ? `Nothing to deliver: ${env} has no exposure whose inputs changed\n`
          : `${styleFor(terminal.colorOut).bold(`Delivered ${env}:`)} ${
            plural(delivered, "exposure")
          }${commit === null ? "" : `, now at ${commit.slice(0, 7)}`}\n`,
      );
      if (failed > 0) sayUndelivered(terminal, reports, env);
    }
    return failed > 0 ? EXIT_EXECUTION : EXIT_DONE;
  },
};

/** Exposures that were named; null for all. Throws `unknown_exposure` (2). */
function chosen(
  context: CommandContext,
  exposures: readonly ExposureState[],
): ReadonlySet<NodeId> | null {
  const names = splitNames(words(context, 0));
  if (names.length === 0) return null;
  return new Set(names.map((name) => {
    const found = exposures.find(({ id }) => id === name || id === `exposure.${name}`);
    if (found !== undefined) return found.id;
    const known = exposures.map(({ id }) => id.slice("exposure.".length));
    throw new UserError(`There is no exposure "${name}"`, {
      code: "unknown_exposure",
      kind: "usage",
      hint: didYouMean(name, known) ?? "list them:\n    seeknal deliver --dry-run",
    });
  }));
}
