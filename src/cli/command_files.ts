import type { Command } from "./command.ts";

/**
 * The file of each first word, loaded when somebody types it: reading all of them takes longer than
 * most commands. `commands/registry.ts` has every verb; a test keeps the two equal.
 */
const FILES: Readonly<Record<string, () => Promise<Readonly<Record<string, unknown>>>>> = {
  apply: () => import("./commands/apply.ts"),
  audit: () => import("./commands/audit.ts"),
  completions: () => import("./commands/completions.ts"),
  "connection-test": () => import("./commands/connection_test.ts"),
  dag: () => import("./commands/dag.ts"),
  deliver: () => import("./commands/deliver.ts"),
  diff: () => import("./commands/diff.ts"),
  docs: () => import("./commands/docs.ts"),
  doctor: () => import("./commands/doctor.ts"),
  dq: () => import("./commands/dq.ts"),
  draft: () => import("./commands/draft.ts"),
  "dry-run": () => import("./commands/dry_run.ts"),
  env: () => import("./commands/env.ts"),
  exec: () => import("./commands/exec.ts"),
  format: () => import("./commands/format.ts"),
  freshness: () => import("./commands/freshness.ts"),
  gc: () => import("./commands/gc.ts"),
  history: () => import("./commands/history.ts"),
  info: () => import("./commands/info.ts"),
  init: () => import("./commands/init.ts"),
  inspect: () => import("./commands/inspect.ts"),
  intervals: () => import("./commands/intervals.ts"),
  lineage: () => import("./commands/lineage.ts"),
  lint: () => import("./commands/lint.ts"),
  list: () => import("./commands/list.ts"),
  metrics: () => import("./commands/metrics.ts"),
  parse: () => import("./commands/parse.ts"),
  plan: () => import("./commands/plan.ts"),
  promote: () => import("./commands/promote.ts"),
  query: () => import("./commands/query.ts"),
  repl: () => import("./commands/repl.ts"),
  rollback: () => import("./commands/rollback.ts"),
  run: () => import("./commands/run.ts"),
  schema: () => import("./commands/schema.ts"),
  show: () => import("./commands/show.ts"),
  "table-diff": () => import("./commands/table_diff.ts"),
  table_diff: () => import("./commands/table_diff.ts"),
  test: () => import("./commands/test.ts"),
  validate: () => import("./commands/validate.ts"),
  why: () => import("./commands/why.ts"),
};

/** What the groups of verbs are about. */
export const GROUPS: Readonly<Record<string, string>> = {
  env: "Environments: list, show, delete, clean up",
  intervals: "Nodes that are built piece by piece: what is done, pending, build it again",
};

/** The verbs that begin with a word; null where only all of them will do: for help, and for words that are none. */
export async function commandsOf(word: string | undefined): Promise<readonly Command[] | null> {
  const load = word !== undefined && Object.hasOwn(FILES, word) ? FILES[word] : undefined;
  if (load === undefined) return null;
  const found = Object.values(await load()).filter(isCommand);
  return found.filter(({ name }) => name.split(" ")[0] === word);
}

function isCommand(value: unknown): value is Command {
  return typeof value === "object" && value !== null && "name" in value && "run" in value &&
    "arguments" in value;
}
