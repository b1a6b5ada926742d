import type { Command } from "../command.ts";
import { APPLY } from "./apply.ts";
import { AUDIT } from "./audit.ts";
import { completeCommand } from "./complete.ts";
import { COMPLETIONS } from "./completions.ts";
import { CONNECTION_TEST } from "./connection_test.ts";
import { DELIVER } from "./deliver.ts";
import { DAG } from "./dag.ts";
import { DIFF } from "./diff.ts";
import { DOCS } from "./docs.ts";
import { DRAFT } from "./draft.ts";
import { DRY_RUN } from "./dry_run.ts";
import { DOCTOR } from "./doctor.ts";
import { DQ } from "./dq.ts";
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
import { FRESHNESS } from "./freshness.ts";
import { EXEC } from "./exec.ts";
import { FORMAT } from "./format.ts";
import { GC } from "./gc.ts";
import { HISTORY } from "./history.ts";
import { INFO } from "./info.ts";
import { INIT } from "./init.ts";
import {
  INTERVALS_BACKFILL,
  INTERVALS_LIST,
  INTERVALS_PENDING,
  INTERVALS_RESTATE,
} from "./intervals.ts";
import { LINEAGE } from "./lineage.ts";
import { METRICS } from "./metrics.ts";
import { INSPECT } from "./inspect.ts";
import { LINT } from "./lint.ts";
import { LIST } from "./list.ts";
import { PARSE } from "./parse.ts";
import { PLAN } from "./plan.ts";
import { PROMOTE } from "./promote.ts";
import { QUERY } from "./query.ts";
import { REPL } from "./repl.ts";
import { ROLLBACK } from "./rollback.ts";
import { RUN } from "./run.ts";
import { SCHEMA } from "./schema.ts";
import { TABLE_DIFF, TABLE_DIFF_ALIAS } from "./table_diff.ts";
import { TEST } from "./test.ts";
import { SHOW } from "./show.ts";
import { VALIDATE } from "./validate.ts";
import { WHY } from "./why.ts";

/** Every verb, in the order in which help shows them. */
export const COMMANDS: readonly Command[] = [
  INIT,
  DRAFT,
  DRY_RUN,
  APPLY,
  PARSE,
  VALIDATE,
  LINT,
  FORMAT,
  SCHEMA,
  PLAN,
  RUN,
  PROMOTE,
  ROLLBACK,
  DELIVER,
  ENV_LIST,
  ENV_SHOW,
  ENV_PLAN,
  ENV_APPLY,
  ENV_PROMOTE,
  ENV_DELETE,
  ENV_CHECKOUT,
  ENV_CLEANUP,
  INTERVALS_LIST,
  INTERVALS_PENDING,
  INTERVALS_BACKFILL,
  INTERVALS_RESTATE,
  WHY,
  LINEAGE,
  DAG,
  LIST,
  SHOW,
  DIFF,
  TABLE_DIFF,
  TABLE_DIFF_ALIAS,
  HISTORY,
  QUERY,
  REPL,
  INSPECT,
  METRICS,
  EXEC,
  TEST,
  AUDIT,
  FRESHNESS,
  DQ,
  CONNECTION_TEST,
  DOCTOR,
  GC,
  INFO,
  DOCS,
  COMPLETIONS,
  completeCommand(() => COMMANDS),
];

/** Headings of the help, each with the first of its verbs. */
export const HEADINGS: ReadonlyMap<string, string> = new Map([
  ["init", "Write:"],
  ["plan", "The loop:"],
  ["why", "Understand:"],
  ["query", "Look at data:"],
  ["test", "Check:"],
  ["connection-test", "Upkeep:"],
]);
