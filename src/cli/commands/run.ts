import type { PreparedRun, RunRequest } from "../../app/prepared_run.ts";
import type { RunResult } from "../../app/run_environment.ts";
import { projectRelative } from "../../base/project_path.ts";
import { type EnvName, PROD } from "../../model/ids.ts";
import { type Command, type CommandContext, type CommandOption, PROFILE } from "../command.ts";
import { EXIT_DONE, EXIT_EXECUTION, EXIT_INTERRUPTED } from "../exit_codes.ts";
import { loading, showWarnings } from "../loading.ts";
import { envName, flag, printJson, text, wholeNumber } from "../options.ts";
import { HumanReporter, jsonReporter } from "../reporter.ts";
import { INTERVAL_OPTIONS, typedIntervals, VARIABLE_OPTIONS } from "../typed_values.ts";
import { styleFor } from "../terminal.ts";
import { sayUndelivered } from "../views/exposures_view.ts";
import { checkParts } from "../views/checks_view.ts";
import { formatDuration, plural } from "../views/format.ts";
import { SELECT_MODIFIED, selectionOf, TAGS, TYPES } from "../selection_options.ts";

/** Options of `run` and `env apply`. */
export const RUN_OPTIONS: readonly CommandOption[] = [
  {
    flags: "-n, --nodes <NODE>",
    doc: "only these nodes and everything downstream",
    repeats: true,
    completes: "node",
  },
  SELECT_MODIFIED,
  ...TAGS,
  TYPES,
  { flags: "-f, --full", doc: "build what is selected whatever exists" },
  { flags: "--force", doc: "plan again when the plan is stale, then run" },
  {
    flags: "--continue-on-error",
    doc: "after a failure go on with all that does not depend on it",
  },
  { flags: "-r, --retry <N>", doc: "tries after a failure that may pass (default: 0)" },
  { flags: "--timeout <SECONDS>", doc: "stop a node after this time" },
  { flags: "--max-workers <N>", doc: "nodes at the same time (default: the number of cores)" },
  { flags: "--parallel", doc: "accepted: parallel is the default, --max-workers 1 is sequential" },
  ...INTERVAL_OPTIONS,
  { flags: "--backfill", doc: "accepted: pending intervals are always built" },
  ...VARIABLE_OPTIONS,
  { flags: "--rematerialize", doc: "write tables outside although they hold their content" },
  { flags: "--materialize", doc: "accepted: tables outside are written by default" },
  { flags: "--no-materialize", doc: "write no tables outside, and deliver no exposures" },
  { flags: "--no-exposures", doc: "deliver no exposures" },
  { flags: "--with-exposures", doc: "deliver exposures of an environment too" },
  PROFILE,
  { flags: "--dry-run", doc: "show what would run and write nothing" },
  { flags: "--show-plan", doc: "the same as --dry-run" },
];

/** `run` */
export const RUN: Command = {
  name: "run",
  summary: "Build what is affected: an environment's plan, or production in one go",
  arguments: [],
  options: [
    { flags: "-e, --env <ENV>", doc: "environment to run", completes: "environment" },
    ...RUN_OPTIONS,
  ],
  examples: [
    "seeknal run --env dev",
    "seeknal run --select tag:finance+ --max-workers 4",
  ],
  run: async (context) => {
    const typed = text(context, "env");
    return await runRun(context, typed === null ? null : envName(context, typed));
  },
};

/** Runs and reports; also behind `env apply`. */
export async function runRun(context: CommandContext, env: EnvName | null): Promise<number> {
  const request = requestOf(context, env);
  const isDry = flag(context, "dryRun") || flag(context, "showPlan");
  const workspace = await context.workspace(isDry ? "read" : "write");
  const { prepareRun, runEnvironment } = await import("../../app/run_environment.ts");
  return await loading(context, workspace, { asJson: null }, async () => {
    const onPrepared = (prepared: PreparedRun) => {
      showWarnings(context, workspace, prepared.planned.plan.diagnostics);
      sayWarnings(context, prepared);
      sayTip(context, prepared, request.maxWorkers);
    };
    if (isDry) {
      const prepared = await prepareRun(workspace, request);
      onPrepared(prepared);
      return showDryRun(context, prepared);
    }
    const { prepared, result } = await runEnvironment(workspace, request, onPrepared);
    if (!flag(context, "json")) sayResult(context, workspace.root, prepared, result);
    if (result.status === "interrupted") return EXIT_INTERRUPTED;
    return result.status === "failed" ? EXIT_EXECUTION : EXIT_DONE;
  });
}

function requestOf(context: CommandContext, env: EnvName | null): RunRequest {
  const { host, terminal } = context;
  const reporter = flag(context, "json")
    ? jsonReporter(terminal, () => host.now())
    : new HumanReporter(terminal);
  const timeout = wholeNumber(context, "timeout", 1);
  return {
    env,
    selection: selectionOf(context),
    full: flag(context, "full"),
    force: flag(context, "force"),
    intervals: typedIntervals(context.options),
    materialize: context.options["materialize"] !== false,
    rematerialize: flag(context, "rematerialize"),
    deliver: delivers(context, env),
    maxWorkers: wholeNumber(context, "maxWorkers", 1) ?? host.cpuCount,
    continueOnError: flag(context, "continueOnError"),
    retries: wholeNumber(context, "retry", 0) ?? 0,
    timeoutMs: timeout === null ? null : timeout * 1000,
    report: (event) => reporter.report(event),
  };
}

/** Exposures are effects: of production, unless somebody asks for an environment's. */
function delivers({ options }: CommandContext, env: EnvName | null): boolean {
  if (options["exposures"] === false || options["materialize"] === false) return false;
  return env === null || env === PROD || options["withExposures"] === true;
}

function sayWarnings({ terminal }: CommandContext, { warnings, included }: PreparedRun): void {
  const style = styleFor(terminal.colorErr);
  for (const warning of warnings) terminal.err(`${style.yellow("warning:")} ${warning}\n`);
  if (included.length > 0) {
    const names = included.slice(0, 5).join(", ") + (included.length > 5 ? ", ..." : "");
    terminal.err(
      `Including ${plural(included.length, "upstream node")} that ${
        included.length === 1 ? "has" : "have"
      } to be built or checked first: ${names}\n`,
    );
  }
}

/** Nodes side by side from which waiting for each other is worth a word. */
const WIDE = 4;

/** One node at a time is said to be slow where several could be built at once. */
function sayTip({ host, terminal }: CommandContext, { steps }: PreparedRun, workers: number): void {
  if (workers > 1 || host.cpuCount < 2) return;
  const widths = new Map<number, number>();
  for (const { layer } of steps) widths.set(layer, (widths.get(layer) ?? 0) + 1);
  const [layer, width] = [...widths].reduce((a, b) => b[1] > a[1] ? b : a, [0, 0]);
  if (width < WIDE) return;
  const label = styleFor(terminal.colorErr).cyan("tip:");
  terminal.err(
    `${label} layer ${layer} has ${width} nodes that do not wait for each other; ` +
      `without --max-workers 1 they run ${host.cpuCount} at a time\n`,
  );
}

function showDryRun(context: CommandContext, prepared: PreparedRun): number {
  const { env, steps, reused, dropped } = prepared;
  if (flag(context, "json")) {
    printJson(context, { format_version: 1, environment: env, steps, reused, dropped });
    return EXIT_DONE;
  }
  const style = styleFor(context.terminal.colorOut);
  const lines = steps.map(({ id, layer }) => `  ${style.dim(`[layer ${layer}]`)} ${id}`);
  const head = style.bold(
    `Would run ${
      env ?? "production"
    }: ${steps.length} to build, ${reused} to reuse, ${dropped} to drop`,
  );
  context.terminal.out([head, ...lines].join("\n") + "\n");
  return EXIT_DONE;
}

function sayResult(
  { terminal }: CommandContext,
  root: string,
  prepared: PreparedRun,
  result: RunResult,
): void {
  const { env, reused } = prepared;
  const dropped = result.status === "success" ? prepared.dropped : 0;
  const { counts, status, commit, log, failures, durationMs } = result;
  const style = styleFor(terminal.colorOut);
  const place = env ?? "production";
  if (status === "failed" && log !== null) {
    terminal.err(`Log: ${projectRelative(root, log)}\n`);
  }
  if (status === "interrupted") {
    terminal.out(`Stopped: ${counts.built} built and kept; the next run goes on from there\n`);
    return;
  }
  if (prepared.selected.ids.size === 0) {
    terminal.out("Nothing to run: nothing is selected\n");
    return;
  }
  if (prepared.steps.length === 0 && !result.published && status === "success") {
    terminal.out(
      `No changes detected. Nothing to run: ${plural(reused, "node")} up to date in ${place}\n`,
    );
    sayNext(terminal, prepared);
    return;
  }
  const tables = result.tables.filter((table) => table.status === "written").length;
  const delivered = result.deliveries.filter((one) => one.status === "delivered").length;
  const undelivered = result.deliveries.length - delivered;
  const parts = [
    `${counts.built} built`,
    ...(counts.cached > 0 ? [`${counts.cached} cached`] : []),
    `${reused} reused`,
    ...checkParts(result.checks, style),
    ...(tables > 0 ? [`${plural(tables, "table")} written`] : []),
    ...(delivered > 0 ? [`${plural(delivered, "exposure")} delivered`] : []),
    ...(undelivered > 0 ? [style.red(`${plural(undelivered, "exposure")} not delivered`)] : []),
    ...(dropped > 0 ? [`${dropped} dropped`] : []),
    ...(counts.failed > 0 ? [style.red(`${counts.failed} failed`)] : []),
    ...(counts.skipped > 0 ? [`${counts.skipped} skipped`] : []),
  ];
  const at = commit === null ? "" : `, now at ${commit.slice(0, 7)}`;
  terminal.out(
    `${style.bold(`Run ${place}:`)} ${parts.join(", ")} in ${formatDuration(durationMs)}${at}\n`,
  );
  if (failures.length > 0) sayFailed(terminal, env, failures.length, result.published);
  else if (undelivered > 0) sayUndelivered(terminal, result.deliveries, env);
  else sayNext(terminal, prepared);
}

function sayFailed(
  terminal: CommandContext["terminal"],
  env: EnvName | null,
  failures: number,
  published: boolean,
): void {
  const style = styleFor(terminal.colorErr);
  const kept = env !== null
    ? "what was built is kept"
    : published
    ? "production has what succeeded; failed nodes keep their former output"
    : "production stays as it was; what was built is kept for the next run";
  terminal.err(`${style.red("error:")} ${plural(failures, "node")} failed; ${kept}\n`);
  const again = env === null ? "seeknal run" : `seeknal plan ${env}\n    seeknal run --env ${env}`;
  terminal.err(`  ${style.cyan("hint:")} correct what is named above, then\n    ${again}\n`);
}

function sayNext(terminal: CommandContext["terminal"], { env, planned }: PreparedRun): void {
  if (env === null || planned.plan.nodes.every(({ change }) => change === "none")) return;
  const style = styleFor(terminal.colorErr);
  terminal.err(`${style.cyan("next:")} seeknal promote ${env}\n`);
}
