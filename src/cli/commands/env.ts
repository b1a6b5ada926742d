import type { EnvironmentDetails } from "../../app/manage_environments.ts";
import type { EnvironmentFacts } from "../../app/environment_facts.ts";
import { describeEnvCategory, envCategory } from "../../model/env_name.ts";
import { UserError } from "../../base/user_error.ts";
import type { CommitId, EnvName } from "../../model/ids.ts";
import { tablesOf } from "../../model/outside.ts";
import {
  type Command,
  type CommandArgument,
  type CommandContext,
  PROFILE,
  YES,
} from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { confirmed, envName, flag, printJson, text } from "../options.ts";
import { type Style, styleFor } from "../terminal.ts";
import { alignColumns, formatAge, formatTime, plural } from "../views/format.ts";
import { NO_DETAILS, planView } from "../views/plan_view.ts";
import { PLAN_OPTIONS, runPlan } from "./plan.ts";
import { PROMOTE_OPTIONS, runPromote } from "./promote.ts";
import { RUN_OPTIONS, runRun } from "./run.ts";

const ENV_ARGUMENT: CommandArgument = { name: "ENV", doc: "environment", completes: "environment" };

/** `env list` */
export const ENV_LIST: Command = {
  name: "env list",
  summary: "All environments and where they stand",
  arguments: [],
  options: [{
    flags: "--category <NAME>",
    doc: "only local, remote, testing, safe or dangerous ones",
    completes: ["local", "remote", "testing", "safe", "dangerous"],
  }, PROFILE],
  run: async (context) => {
    const workspace = await context.workspace("read");
    const { listEnvironments } = await import("../../app/manage_environments.ts");
    const wanted = categoryOption(context);
    const all = (await listEnvironments(workspace)).filter(({ name }) => wanted(name));
    if (flag(context, "json")) printJson(context, all);
    else context.terminal.out(listView(context, all));
    return EXIT_DONE;
  },
};

/** `env show ENV` */
export const ENV_SHOW: Command = {
  name: "env show",
  summary: "One environment in detail",
  arguments: [ENV_ARGUMENT],
  options: [PROFILE],
  run: async (context) => {
    const env = envName(context, context.args[0]!);
    const workspace = await context.workspace("read");
    const { showEnvironment } = await import("../../app/manage_environments.ts");
    const details = await showEnvironment(workspace, env);
    if (flag(context, "json")) printJson(context, details);
    else context.terminal.out(showView(context, details));
    return EXIT_DONE;
  },
};

/** `env plan ENV` */
export const ENV_PLAN: Command = {
  name: "env plan",
  summary: "The same as seeknal plan ENV",
  arguments: [ENV_ARGUMENT],
  options: PLAN_OPTIONS,
  run: (context) => runPlan(context, envName(context, context.args[0]!)),
};

/** `env apply ENV` */
export const ENV_APPLY: Command = {
  name: "env apply",
  summary: "The same as seeknal run --env ENV",
  arguments: [ENV_ARGUMENT],
  options: RUN_OPTIONS,
  run: (context) => runRun(context, envName(context, context.args[0]!)),
};

/** `env promote ENV [TARGET]` */
export const ENV_PROMOTE: Command = {
  name: "env promote",
  summary: "The same as seeknal promote ENV [TARGET]",
  arguments: [ENV_ARGUMENT, {
    name: "[TARGET]",
    doc: "where to (default: prod)",
    completes: "environment",
  }],
  options: PROMOTE_OPTIONS,
  run: (context) => runPromote(context),
};

/** `env delete ENV` */
export const ENV_DELETE: Command = {
  name: "env delete",
  summary: "Delete an environment; its outputs stay until seeknal gc",
  arguments: [ENV_ARGUMENT],
  options: [
    YES,
    { flags: "--drop-tables", doc: "drop the tables outside that the environment has" },
    PROFILE,
  ],
  run: async (context) => {
    const env = envName(context, context.args[0]!);
    const workspace = await context.workspace("write");
    const { requireDeletable, deleteEnvironment } = await import(
      "../../app/manage_environments.ts"
    );
    const { environmentTables, dropEnvironmentTables } = await import(
      "../../app/environment_tables.ts"
    );
    const { recoverTables } = await import("../../app/outside_tables.ts");
    requireDeletable(workspace, env);
    await recoverTables(workspace, env);
    const head = requireDeletable(workspace, env);
    const recorded = [...tablesOf((await workspace.state.snapshot(head)).outside, env).values()];
    const left = flag(context, "dropTables") ? [] : recorded.flat().map(({ target }) => target);
    const dropped = flag(context, "dropTables") ? await environmentTables(workspace, env) : [];
    for (const { type, target } of dropped) {
      context.terminal.err(`  - ${target}  (${type})\n`);
    }
    if (dropped.length > 0) context.terminal.err(`${plural(dropped.length, "table")} to drop\n`);
    // Before the question: once the environment is gone, it is too late to ask for it.
    if (left.length > 0) {
      const names = left.slice(0, 5).join(", ");
      const more = left.length > 5 ? ` and ${left.length - 5} more` : "";
      context.terminal.err(`Its tables stay: ${names}${more} (--drop-tables drops them)\n`);
    }
    if (!confirmed(context, `Delete environment ${env}?`, `seeknal env delete ${env}`)) {
      context.terminal.out(`Not deleted: ${env} stays\n`);
      return EXIT_DONE;
    }
    await workspace.state.requireAt(env, head);
    if (dropped.length > 0) await dropEnvironmentTables(workspace, env, dropped);
    await deleteEnvironment(workspace, env, head);
    const tables = dropped.map(({ target }) => target);
    if (flag(context, "json")) {
      printJson(context, {
        format_version: 1,
        environment: env,
        commit: head,
        tables_dropped: tables,
        status: "deleted",
      });
    } else {
      const words = tables.length === 0 ? "" : `, ${plural(tables.length, "table")} dropped`;
      context.terminal.out(`Deleted ${env} (was ${head.slice(0, 7)})${words}\n`);
    }
    return EXIT_DONE;
  },
};

/** `env checkout ENV` */
export const ENV_CHECKOUT: Command = {
  name: "env checkout",
  summary: "Write an environment's readable copy in target/ again",
  arguments: [ENV_ARGUMENT],
  options: [PROFILE],
  run: async (context) => {
    const env = envName(context, context.args[0]!);
    const workspace = await context.workspace("write");
    const { checkoutEnvironment } = await import("../../app/manage_environments.ts");
    await checkoutEnvironment(workspace, env);
    const place = env === "prod" ? "target/" : `target/environments/${env}/`;
    if (flag(context, "json")) {
      printJson(context, { format_version: 1, environment: env, path: place, status: "written" });
    } else context.terminal.out(`Wrote ${place}\n`);
    return EXIT_DONE;
  },
};

/** `env cleanup` */
export const ENV_CLEANUP: Command = {
  name: "env cleanup",
  summary: "Delete environments that have not been used for their time to live",
  arguments: [],
  options: [
    { flags: "--drop-tables", doc: "drop the tables outside that they have" },
    PROFILE,
    { flags: "--dry-run", doc: "only list them" },
  ],
  run: async (context) => {
    const isDry = flag(context, "dryRun");
    const workspace = await context.workspace(isDry ? "read" : "write");
    const { expiredEnvironments, deleteEnvironment } = await import(
      "../../app/manage_environments.ts"
    );
    const { recoverTables } = await import("../../app/outside_tables.ts");
    if (!isDry) await recoverTables(workspace, null);
    const expired = await expiredEnvironments(workspace);
    const { environmentTables, dropEnvironmentTables } = await import(
      "../../app/environment_tables.ts"
    );
    for (const { name, commit } of expired) {
      const tables = flag(context, "dropTables") ? await environmentTables(workspace, name) : [];
      for (const { target } of tables) context.terminal.err(`  - ${target} of ${name}\n`);
      if (isDry) continue;
      if (tables.length > 0) await dropEnvironmentTables(workspace, name, tables);
      await deleteEnvironment(workspace, name, commit as CommitId);
    }
    if (flag(context, "json")) {
      const status = isDry ? "expired" : "deleted";
      printJson(context, expired.map(({ name, commit }) => ({ name, commit, status })));
      return EXIT_DONE;
    }
    for (const { name, commit, last_accessed } of expired) {
      const used = formatAge(new Date(last_accessed), context.host.now());
      context.terminal.out(
        `${isDry ? "Would delete" : "Deleted"} ${name} (was ${
          commit.slice(0, 7)
        }, last used ${used})\n`,
      );
    }
    if (expired.length === 0) context.terminal.out("No expired environments\n");
    return EXIT_DONE;
  },
};

function categoryOption(context: CommandContext): (name: EnvName) => boolean {
  const category = text(context, "category");
  if (category === null) return () => true;
  switch (category) {
    case "local":
    case "remote":
      return (name) => envCategory(name).place === category;
    case "testing":
      return (name) => envCategory(name).testing;
    case "safe":
      return (name) => !envCategory(name).dangerous;
    case "dangerous":
      return (name) => envCategory(name).dangerous;
  }
  throw new UserError(`Unknown category "${category}"`, {
    code: "invalid_option",
    kind: "usage",
    hint: "write local, remote, testing, safe or dangerous",
  });
}

function listView({ host, terminal }: CommandContext, all: readonly EnvironmentFacts[]): string {
  if (all.length === 0) {
    return "No environments yet: make one with seeknal plan dev, or production with seeknal run\n";
  }
  const style = styleFor(terminal.colorOut);
  const head = ["NAME", "CATEGORY", "STATUS", "LAST USED", "EXPIRES", "HEAD", "NODES"].map(
    style.bold,
  );
  const rows = all.map((facts) => [
    facts.name,
    describeEnvCategory(facts.name),
    paintStatus(facts.status, style),
    formatAge(new Date(facts.last_accessed), host.now()),
    expiry(facts, host.now()),
    facts.commit.slice(0, 7),
    `${facts.nodes.built} built, ${facts.nodes.referenced} referenced` +
    (facts.promoted_from === null ? "" : `, promoted from ${facts.promoted_from}`),
  ]);
  return alignColumns([head, ...rows]).join("\n") + "\n";
}

function expiry({ status, expires_at }: EnvironmentFacts, now: Date): string {
  if (expires_at === null) return "never";
  return status === "expired" ? "expired" : formatAge(new Date(expires_at), now);
}

function paintStatus(status: string, style: Style): string {
  switch (status) {
    case "applied":
    case "promoted":
      return style.green(status);
    case "failed":
      return style.red(status);
    case "stale":
    case "expired":
      return style.yellow(status);
    default:
      return status;
  }
}

function showView({ host, terminal }: CommandContext, facts: EnvironmentDetails): string {
  const style = styleFor(terminal.colorOut);
  const rows = [
    ["name", facts.name],
    ["category", describeEnvCategory(facts.name)],
    ["status", paintStatus(facts.status, style)],
    ["commit", facts.commit],
    ["base", facts.base === null ? "none" : `prod at ${facts.base.slice(0, 7)}`],
    ["created", formatTime(new Date(facts.created_at))],
    [
      "last used",
      `${formatTime(new Date(facts.last_accessed))} (${
        formatAge(new Date(facts.last_accessed), host.now())
      })`,
    ],
    ["expires", facts.expires_at === null ? "never" : formatTime(new Date(facts.expires_at))],
    ["promoted from", facts.promoted_from ?? "none"],
    [
      "nodes",
      `${facts.nodes.built} built here, ${plural(facts.nodes.referenced, "node")} referenced`,
    ],
    ["profile", facts.profile ?? "none"],
    ...facts.tables.map(({ target, type, mode, node, rows }) => [
      "table",
      `${target}  ${style.dim(`${type}, ${mode}, ${plural(rows, "row")} of ${node}`)}`,
    ]),
    ...facts.failures.map(({ node, error }) => ["failed", `${node}: ${error}`]),
  ];
  const plan = facts.plan === null ? "" : `\n${planView(facts.plan, NO_DETAILS, style, false)}`;
  return alignColumns(rows).join("\n") + "\n" + plan;
}
