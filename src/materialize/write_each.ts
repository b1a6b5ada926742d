import { faultPoint } from "../base/fault_point.ts";
import { UserError } from "../base/user_error.ts";
import type { CommitId, EnvName } from "../model/ids.ts";
import type { TableWrite } from "../model/materialization.ts";
import { checkAll, reportOf, requireNotAdded, type TableReport, withoutHeld } from "./batch.ts";
import type { Intent } from "./intent.ts";
import { type OutsideContext, parquetOf } from "./outside_context.ts";
import type { Stores } from "./stores.ts";

/**
 * Writes tables of an environment, each for itself: one that fails does not keep the others from being
 * written. To be called under `whileTablesLocked`. What is staged is on record first, so that the next
 * command can clean up after a crash; it stays so until `account` has put into the state what came of it.
 */
export async function writeEach<T>(
  context: OutsideContext,
  stores: Stores,
  { id, env, head, writes, report, account }: {
    /** Name of the batch, as in `TableChanges`. */
    readonly id: string;
    readonly env: EnvName;
    readonly head: CommitId;
    readonly writes: readonly TableWrite[];
    readonly report: (table: TableReport) => void;
    /** Given one report for every write. */
    readonly account: (tables: readonly TableReport[]) => Promise<T>;
  },
): Promise<T> {
  const reports: TableReport[] = [];
  const done = (table: TableReport) => {
    reports.push(table);
    report(table);
  };
  const intent: Intent = {
    format_version: 1,
    id,
    action: "run",
    environment: env,
    profile: context.profile,
    phase: "each",
    moves: [],
    writes,
  };
  const pending = await context.state.writePending(env, head, () => intent);
  for (const write of writes) {
    if (context.host.signal.aborted) break;
    done(await writeOne(context, stores, id, write));
  }
  const result = await account(reports);
  await context.state.removePending(pending);
  return result;
}

async function writeOne(
  context: OutsideContext,
  stores: Stores,
  id: string,
  write: TableWrite,
): Promise<TableReport> {
  const started = performance.now();
  const elapsed = () => Math.round(performance.now() - started);
  try {
    const groups = await stores.group([write]);
    await checkAll(groups);
    let held: TableReport | null = null;
    const due = await withoutHeld(groups, (table) => held = table);
    if (due.length === 0) return held!;
    const { store, writes } = due[0]!;
    try {
      const { rows } = await store.stage(id, write, parquetOf(context, write));
      faultPoint("env-staged");
      await requireNotAdded(due);
      await store.swap(id, writes);
      faultPoint("env-swapped");
      await store.finish(id, writes);
      return reportOf(write, { rows_written: rows, duration_ms: elapsed() });
    } catch (error) {
      if (await store.progress(id, writes) === "swapped") await store.finish(id, writes);
      else await store.abort(id, writes);
      throw error;
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return reportOf(write, {
      status: "failed",
      duration_ms: elapsed(),
      error: error.hint === undefined ? error.message : `${error.message} (${error.hint})`,
    });
  }
}
