/** Commands of dbt, SQLMesh and Git, with what to type instead. */
const COMMANDS: Readonly<Record<string, string>> = {
  build: "seeknal run builds, and checks what it builds",
  clean: "seeknal gc frees space, seeknal env cleanup removes old environments",
  compile: "seeknal show NODE",
  debug: "seeknal doctor, or seeknal connection-test",
  deps: "there are no packages of nodes; packages of scripts are named in the scripts",
  evaluate: "seeknal dry-run FILE, or seeknal inspect NODE",
  fetchdf: "seeknal query SQL --output FILE.parquet",
  invalidate: "seeknal env delete ENV",
  janitor: "seeknal env cleanup, then seeknal gc",
  log: "seeknal history",
  ls: "seeknal list",
  render: "seeknal show NODE",
  restate: "seeknal intervals restate NODE --env ENV",
  backfill: "seeknal intervals backfill NODE",
  retry: "seeknal run goes on where the last one failed",
  rm: "delete the node's file, then seeknal plan dev",
  seed: "seeds are nodes: seeknal run builds them",
  snapshot: "there are none; seeknal history and seeknal rollback go back to what was",
  source: "seeknal freshness, or seeknal list sources",
  status: "seeknal env list, or seeknal plan",
  ui: "seeknal lineage --html FILE, or seeknal dq --format html",
};

/** Options of other tools, or of a sister command, by command and option; `*` is any command. */
const OPTIONS: Readonly<Record<string, string>> = {
  "plan --env": "write seeknal plan ENV",
  "plan -e": "write seeknal plan ENV",
  "promote --env": "write seeknal promote ENV",
  "run --exclude": "leave nodes out by a tag: --exclude-tags TAG",
  "run --full-refresh": "write --full",
  "* --models": "write --select",
  "* --target": "write --env ENV",
  "dq --html": "write --format html",
  "dag --html": "write --format html",
};

/**
 * What to type instead of what somebody knows from elsewhere; null where that is not known.
 * `command` is the one in question without `seeknal`, empty for the program itself.
 */
export function familiarHint(command: string, problem: string): string | null {
  const unknown = /^unknown (command|option) '([^']+)'/.exec(problem);
  if (unknown !== null) {
    const [, what, typed = ""] = unknown;
    if (what === "option") {
      return entry(OPTIONS, `${command} ${typed}`) ?? entry(OPTIONS, `* ${typed}`);
    }
    return command === "" ? entry(COMMANDS, typed) : null;
  }
  const surplus = /^too many arguments.* got 1: ([^,\s]+)\.$/.exec(problem)?.[1];
  return command === "run" && surplus !== undefined
    ? `an environment: seeknal run --env ${surplus}; nodes: seeknal run --select ${surplus}`
    : null;
}

function entry(words: Readonly<Record<string, string>>, key: string): string | null {
  return Object.hasOwn(words, key) ? words[key]! : null;
}
