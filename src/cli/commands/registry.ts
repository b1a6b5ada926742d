import type { Command } from "../command.ts";
import { completeCommand } from "./complete.ts";
import { COMPLETIONS } from "./completions.ts";
import { CONNECTION_TEST } from "./connection_test.ts";
import { DAG } from "./dag.ts";
import { DIFF } from "./diff.ts";
import { DOCTOR } from "./doctor.ts";
import {
  ENV_APPLY,
  ENV_CHECKOUT,
  ENV_CLEANUP,
  ENV_DELETE,
  ENV_LIST,
  ENV_PLAN,
  ENV_PROMOTE,
  ENV_SHOW,
} from "./env.ts";
import { FORMAT } from "./format.ts";
import { GC } from "./gc.ts";
import { HISTORY } from "./history.ts";
import { INFO } from "./info.ts";
import { INIT } from "./init.ts";
import { INSPECT } from "./inspect.ts";
import { LINEAGE } from "./lineage.ts";
import { LINT } from "./lint.ts";
import { LIST } from "./list.ts";
import { PARSE } from "./parse.ts";
import { PLAN } from "./plan.ts";
import { PROMOTE } from "./promote.ts";
import { QUERY } from "./query.ts";
import { REPL } from "./repl.ts";
import { ROLLBACK } from "./rollback.ts";
import { RUN } from "./run.ts";
import { SHOW } from "./show.ts";
import { TABLE_DIFF, TABLE_DIFF_ALIAS } from "./table_diff.ts";
import { VALIDATE } from "./validate.ts";
import { WHY } from "./why.ts";

/** Every verb, in the order in which help shows them. */
export const COMMANDS: readonly Command[] = [
  INIT,
  PARSE,
  VALIDATE,
  LINT,
  FORMAT,
  PLAN,
  RUN,
  PROMOTE,
  ROLLBACK,
  LIST,
  SHOW,
  WHY,
  LINEAGE,
  DAG,
  DIFF,
  TABLE_DIFF,
  TABLE_DIFF_ALIAS,
  HISTORY,
  QUERY,
  INSPECT,
  REPL,
  ENV_LIST,
  ENV_SHOW,
  ENV_PLAN,
  ENV_APPLY,
  ENV_PROMOTE,
  ENV_DELETE,
  ENV_CHECKOUT,
  ENV_CLEANUP,
  CONNECTION_TEST,
  GC,
  DOCTOR,
  INFO,
  COMPLETIONS,
  completeCommand(() => COMMANDS),
];

/** What the groups of verbs are about. */
export const GROUPS: Readonly<Record<string, string>> = {
  env: "Environments: list, show, delete, clean up",
};

/** Under which heading help shows a verb; the others come last. */
export const HELP_GROUPS: Readonly<Record<string, readonly string[]>> = {
  "Write": ["init", "draft", "dry-run", "apply", "parse", "validate", "lint", "format", "schema"],
  "Change": ["plan", "run", "promote", "rollback", "env", "intervals"],
  "Test": ["test", "audit", "dq", "exec", "diff", "table-diff"],
  "Look": ["list", "show", "why", "lineage", "dag", "history"],
  "Ask": ["query", "inspect", "repl", "metrics"],
  "Keep": ["connection-test", "gc", "doctor", "info", "completions", "docs", "help"],
};
