import type { Diagnostic } from "../../base/diagnostic.ts";
import { UserError } from "../../base/user_error.ts";
import type { Change } from "../../model/change.ts";
import { type EnvName, PROD } from "../../model/ids.ts";
import type { CategoryOverride } from "../../model/manifest.ts";
import type { Plan } from "../../model/plan.ts";
import { hasChanges, summarize } from "../../plan/build_plan.ts";
import { type Command, type CommandContext, type CommandOption, PROFILE } from "../command.ts";
import { EXIT_CHANGES, EXIT_DONE, EXIT_INTERRUPTED, EXIT_UNEXPECTED } from "../exit_codes.ts";
import { loading, showWarnings } from "../loading.ts";
import { envName, flag, printJson, text, texts } from "../options.ts";
import { INTERVAL_OPTIONS, typedIntervals, VARIABLE_OPTIONS } from "../typed_values.ts";
import { styleFor } from "../terminal.ts";
import { planMarkdown, planView } from "../views/plan_view.ts";
import { selectionOf } from "../selection_options.ts";

/** Options of `plan` and `env plan`. */
export const PLAN_OPTIONS: readonly CommandOption[] = [
  PROFILE,
  { flags: "--format <FORMAT>", doc: "text, md or json", completes: ["text", "md", "json"] },
  { flags: "--all", doc: "list every node instead of the first of each section" },
  { flags: "--ttl <DAYS>", doc: "days the environment lives after its last use" },
  {
    flags: "--category <NODE=CATEGORY>",
    doc: "decide what a change means: breaking, non_breaking, or auto to take that back",
    repeats: true,
  },
  {
    flags: "--no-auto-categorization",
    doc: "ask about every change instead of categorising it",
  },
  ...INTERVAL_OPTIONS,
  ...VARIABLE_OPTIONS,
  {
    flags: "-s, --select <SELECTOR>",
    doc: "show only what a selector matches; everything is planned",
    repeats: true,
    completes: "node",
  },
  {
    flags: "--tags <TAG>",
    doc: "show only nodes with a tag and everything upstream",
    repeats: true,
  },
  { flags: "--exclude-tags <TAG>", doc: "do not show nodes with a tag", repeats: true },
  { flags: "--detailed-exitcode", doc: "exit 0: nothing to do, 2: something to do, 1: error" },
];

/** `plan [ENV]` */
export const PLAN: Command = {
  name: "plan",
  summary: "Show what a change will do; with ENV, keep the plan for run and promote",
  arguments: [{
    name: "[ENV]",
    doc: "environment to plan (default: compare with production, write nothing)",
    completes: "environment",
  }],
  options: [
    { flags: "-e, --env <ENV>", doc: "the same as ENV", completes: "environment" },
    ...PLAN_OPTIONS,
    { flags: "-w, --watch", doc: "plan again when a file changes; keeps no plan, Ctrl-C ends it" },
  ],
  examples: [
    "seeknal plan dev",
    "seeknal plan dev --watch",
    "seeknal plan dev --format md   # for a pull request",
  ],
  run: async (context) => {
    const [typed, option] = [context.args[0], text(context, "env")];
    if (typed !== undefined && option !== null && typed !== option) {
      throw new UserError(`Two environments are named: ${typed} and ${option}`, {
        code: "two_environments",
        kind: "usage",
        hint: `write seeknal plan ${typed}`,
      });
    }
    const name = typed ?? option;
    const env = name === null ? null : envName(context, name);
    return flag(context, "watch") ? await watchPlan(context, env) : await runPlan(context, env);
  },
};

/** Plans whenever a file of the project changes, and writes nothing, until somebody stops it. */
async function watchPlan(context: CommandContext, env: EnvName | null): Promise<number> {
  const { terminal, host } = context;
  const { watchFiles } = await import("../watch_files.ts");
  const style = styleFor(terminal.colorErr);
  const { root } = await context.workspace("read");
  const show = async (changed: readonly string[]) => {
    if (terminal.outWidth !== null) terminal.out("\x1b[2J\x1b[3J\x1b[H");
    else if (changed.length > 0) terminal.err(`\n${style.dim(changedWords(changed))}\n`);
    try {
      await runPlan(context, env, { showOnly: true });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      terminal.err(`${style.red("error:")} ${error.message}\n`);
      if (error.hint !== undefined) terminal.err(`  ${style.cyan("hint:")} ${error.hint}\n`);
    }
    const time = host.now().toISOString().slice(11, 19);
    const keep = env === null || env === PROD ? "" : `seeknal plan ${env} keeps it; `;
    terminal.err(style.dim(`Planned at ${time} UTC; ${keep}Ctrl-C ends\n`));
  };
  const changes = watchFiles(root, host.signal);
  // The watcher looks on while the first plan is made.
  let next = changes.next();
  await show([]);
  for (;;) {
    const { done, value } = await next;
    if (done === true) return EXIT_INTERRUPTED;
    next = changes.next();
    await show(value);
  }
}

function changedWords(files: readonly string[]): string {
  const shown = files.slice(0, 3).join(", ");
  return `Changed: ${shown}${files.length > 3 ? ` and ${files.length - 3} more` : ""}`;
}

/** Plans and prints; also behind `env plan`. With `showOnly` no plan is kept. */
export async function runPlan(
  context: CommandContext,
  env: EnvName | null,
  { showOnly = false }: { readonly showOnly?: boolean } = {},
): Promise<number> {
  const format = formatOf(context);
  const ttlSeconds = ttlOf(context);
  const categories = categoriesOf(context);
  if (categories.size > 0 && (env === null || env === PROD)) throw categoryWithoutEnvironment();
  const isRead = showOnly || env === null || env === PROD;
  const workspace = await context.workspace(isRead ? "read" : "write");
  const detailed = flag(context, "detailedExitcode");
  const { planEnvironment } = await import("../../app/plan_environment.ts");
  const { recoverTables } = await import("../../app/outside_tables.ts");
  if (!isRead) await recoverTables(workspace, env);
  const code = await loading(
    { ...context, options: { ...context.options, json: format === "json" } },
    workspace,
    { asJson: (diagnostics) => brokenPlan(env, diagnostics) },
    async () => {
      const { plan, ...details } = await planEnvironment(workspace, {
        env,
        ttlSeconds,
        ...(showOnly ? { showOnly } : {}),
        categories,
        intervals: typedIntervals(context.options),
        shown: selectionOf(context),
        autoCategorize: context.options["autoCategorization"] === false ? "off" : null,
        ...(context.terminal.canAsk && format === "text" && !showOnly
          ? { decide: askCategory(context) }
          : {}),
      });
      showWarnings(context, workspace, plan.diagnostics);
      if (format === "json") printJson(context, plan);
      else if (format === "md") context.terminal.out(planMarkdown(plan, details.sql));
      else {
        const style = styleFor(context.terminal.colorOut);
        context.terminal.out(planView(plan, details, style, flag(context, "all")));
        if (!showOnly) sayNext(context, plan);
      }
      return detailed && hasChanges(plan) ? EXIT_CHANGES : EXIT_DONE;
    },
  );
  return detailed && code > EXIT_CHANGES ? EXIT_UNEXPECTED : code;
}

function sayNext({ terminal }: CommandContext, { environment, base, summary, nodes }: Plan): void {
  // Where there is a production, a plan of it is for looking: changes are tried in an environment.
  if (environment === null && base.commit !== null) return;
  const isSame = nodes.every(({ change }) => change === "none");
  if (isSame && summary.build === 0 && summary.materialize === 0) return;
  const next = summary.build > 0 || summary.materialize > 0
    ? environment === null ? "seeknal run" : `seeknal run --env ${environment}`
    : `seeknal promote ${environment}`;
  const style = styleFor(terminal.colorErr);
  terminal.err(`${style.cyan("next:")} ${next}\n`);
}

function formatOf(context: CommandContext): string {
  if (flag(context, "json")) return "json";
  const format = text(context, "format") ?? "text";
  if (["text", "md", "json"].includes(format)) return format;
  throw new UserError(`Unknown format "${format}"`, {
    code: "invalid_option",
    kind: "usage",
    hint: "write --format text, md or json",
  });
}

function ttlOf(context: CommandContext): number | null {
  const days = text(context, "ttl");
  if (days === null) return null;
  const match = /^(\d+(?:\.\d+)?)d?$/.exec(days);
  if (match !== null && Number(match[1]) > 0) return Math.round(Number(match[1]) * 86_400);
  throw new UserError(`Invalid --ttl "${days}": expected a number of days above 0`, {
    code: "invalid_option",
    kind: "usage",
    hint: "write --ttl 14",
  });
}

const CATEGORIES: Readonly<Record<string, CategoryOverride["category"] | null>> = {
  breaking: "BREAKING",
  non_breaking: "NON_BREAKING",
  auto: null,
};

function categoriesOf(context: CommandContext): Map<string, CategoryOverride["category"] | null> {
  return new Map(
    texts(context, "category").map((typed) => {
      const match = /^([^=\s]+)=(\S+)$/.exec(typed);
      const word = (match?.[2] ?? "").toLowerCase().replaceAll("-", "_");
      if (match !== null && Object.hasOwn(CATEGORIES, word)) {
        return [match[1]!, CATEGORIES[word]!];
      }
      const why = match === null ? "expected NODE=CATEGORY" : `unknown category "${match[2]}"`;
      throw new UserError(`Invalid --category "${typed}": ${why}`, {
        code: "invalid_option",
        kind: "usage",
        hint: "write --category transform.users=non_breaking, =breaking or =auto",
      });
    }),
  );
}

function categoryWithoutEnvironment(): UserError {
  return new UserError("Cannot keep a category without an environment: it lives in its plan", {
    code: "invalid_option",
    kind: "usage",
    hint: "name an environment:\n    seeknal plan dev --category transform.users=non_breaking",
  });
}

function askCategory({ terminal }: CommandContext) {
  const style = styleFor(terminal.colorErr);
  return ({ id, category, reasons }: Change): CategoryOverride["category"] => {
    const question = `${style.bold(id)}: ${reasons.join("; ")} (seeknal would say ${category})`;
    const chosen = terminal.choose(question, ["Breaking", "Non-breaking"]);
    if (chosen !== null) return chosen === 0 ? "BREAKING" : "NON_BREAKING";
    throw new UserError("No answer: nothing was planned", {
      code: "needs_category",
      kind: "validation",
      hint: `say it on the command line: --category ${id}=breaking`,
    });
  };
}

function brokenPlan(environment: EnvName | null, diagnostics: readonly Diagnostic[]): unknown {
  return {
    format_version: 1,
    environment: environment === PROD ? null : environment,
    base: { ref: PROD, commit: null },
    plan: null,
    profile: null,
    summary: summarize([]),
    nodes: [],
    materializations: [],
    diagnostics,
  };
}
