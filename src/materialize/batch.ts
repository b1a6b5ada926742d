import { statIfExists } from "../base/atomic_write.ts";
import { faultPoint } from "../base/fault_point.ts";
import { UserError } from "../base/user_error.ts";
import type { CommitId, EnvName } from "../model/ids.ts";
import type { TableWrite } from "../model/materialization.ts";
import type { CommitRequest, PendingRef } from "../state/state_repo.ts";
import type { TargetProblem } from "../targets/target_type.ts";
import type { Intent } from "./intent.ts";
import { type OutsideContext, parquetOf } from "./outside_context.ts";
import type { Stores, StoreWrites } from "./stores.ts";

/** How one table came out. */
export interface TableReport {
  readonly node: string;
  readonly type: string;
  readonly target: string;
  readonly mode: string;
  /**
   * `staged`: its rows are there, and nothing has changed yet. `unchanged`: it held the content already,
   * whatever the state knew.
   */
  readonly status: "staged" | "written" | "unchanged" | "failed";
  readonly rows_expected: number;
  readonly rows_written: number | null;
  readonly duration_ms: number;
  readonly error: string | null;
}

/** Tables that change together with a ref. */
export interface Batch {
  /** Its name, as in `TableChanges`. */
  readonly id: string;
  readonly action: Intent["action"];
  /** Whose tables are written. */
  readonly env: EnvName;
  readonly writes: readonly TableWrite[];
  /** The commit that goes with them, and the refs that move to it. */
  readonly commit: CommitRequest;
  /** Told when a table is done or about to change, in no order. */
  readonly report: (table: TableReport) => void;
}

/**
 * Changes tables of several systems and moves refs, all or nothing; see "Outside tables" in
 * `src/README.md`. To be called under `whileTablesLocked`. Returns the commit.
 *
 * Throws `UserError`s: `tables_refused` (3) before anything is written, `validation_failed` (4), what
 * stores throw, and `ref_moved` (4). After each of them everything is as it was, unless the message
 * says that `seeknal doctor --fix` has to finish the work.
 */
export async function moveTogether(
  context: OutsideContext,
  stores: Stores,
  batch: Batch,
): Promise<CommitId> {
  const { state } = context;
  for (const { env, from } of batch.commit.moves) await state.requireAt(env, from);
  const groups = await stores.group(batch.writes);
  await checkAll(groups);
  const due = await withoutHeld(groups, batch.report);
  if (due.length === 0) return await state.write(batch.commit);
  requireOutputs(context, due);
  faultPoint("checked");
  const writes = due.flatMap((group) => group.writes);
  const { moves, ...waiting } = batch.commit;
  const { id } = batch;
  const document = (phase: Intent["phase"]): Intent => ({
    format_version: 1,
    id,
    action: batch.action,
    environment: batch.env,
    profile: context.profile,
    phase,
    moves,
    writes,
  });
  let pending = await state.writePending(batch.env, waiting, () => document("staging"));
  faultPoint("intent");
  const staged: TableReport[] = [];
  try {
    await stageAll(context, id, due, (table) => {
      staged.push(table);
      batch.report(table);
    });
    await requireNotAdded(due);
    pending = await state.updatePending(pending, document("swapping"));
  } catch (error) {
    await takeBack(context, pending, error, () => abortStores(id, due));
  }
  faultPoint("swapping");
  try {
    for (const { store, writes } of due) {
      await store.swap(id, writes);
      faultPoint("swapped");
    }
    await state.moveTo(pending.commit, moves);
  } catch (error) {
    const [first] = moves;
    // The ref that counts has moved, and another could not: there is no way back.
    if (first !== undefined && await state.hasReached(first.env, pending.commit)) {
      throw unfinished(error);
    }
    await takeBack(context, pending, error, () => undoStores(id, due));
  }
  faultPoint("moved");
  for (const table of staged) batch.report({ ...table, status: "written" });
  try {
    await finishAll(context, id, due, pending);
  } catch (error) {
    throw unfinished(error);
  }
  return pending.commit;
}

/** Outputs of unchanged nodes are not looked at by a promotion; those to be written must be there. */
function requireOutputs(context: OutsideContext, groups: readonly StoreWrites[]): void {
  const lost = groups.flatMap(({ writes }) => writes).filter((write) =>
    write.action === "write" && statIfExists(parquetOf(context, write)) === null
  );
  if (lost.length === 0) return;
  const nodes = [...new Set(lost.map(({ node }) => node))];
  throw new UserError(
    `Cannot write ${lost.length} tables: outputs are missing from the cache: ` +
      nodes.slice(0, 5).join(", ") + (nodes.length > 5 ? ` and ${nodes.length - 5} more` : ""),
    {
      code: "outputs_missing",
      kind: "execution",
      hint: "build them again:\n    seeknal run",
    },
  );
}

/** Drops what was kept to go back; a failure leaves it to the next command. */
export async function finishAll(
  { state }: Pick<OutsideContext, "state">,
  id: string,
  groups: readonly StoreWrites[],
  pending: PendingRef,
): Promise<void> {
  for (const { store, writes } of groups) {
    await store.finish(id, writes);
    faultPoint("finished");
  }
  await state.removePending(pending);
}

/** Asks every store about everything first, so that a refusal names all that is wrong. */
export async function checkAll(groups: readonly StoreWrites[]): Promise<void> {
  const problems: TargetProblem[] = [];
  for (const { store, writes } of groups) problems.push(...await store.check(writes));
  if (problems.length > 0) throw refused(problems);
}

function refused(problems: readonly TargetProblem[]): UserError {
  const lines = problems.map(({ write, message }) =>
    message.includes(write.target)
      ? `${write.node}: ${message}`
      : `${write.node} -> ${write.target}: ${message}`
  );
  const hints = [...new Set(problems.flatMap(({ hint }) => hint ?? []))];
  const isDenied = problems.every(({ code }) => code === "missing_privilege");
  return new UserError(
    problems.length === 1
      ? `Cannot write ${lines[0]}`
      : [`Cannot write ${problems.length} tables; nothing was written`, ...lines].join("\n  "),
    {
      code: problems.length === 1 ? problems[0]!.code : "tables_refused",
      kind: isDenied ? "security" : "validation",
      hint: hints.length === 0 ? undefined : hints.join("\n    "),
    },
  );
}

/** Leaves out tables that hold their content already: a killed or a foreign run may have written them. */
export async function withoutHeld(
  groups: readonly StoreWrites[],
  report: (table: TableReport) => void,
): Promise<StoreWrites[]> {
  const due: StoreWrites[] = [];
  for (const { connection, store, writes } of groups) {
    const states = await store.inspect(writes.map(({ table }) => table));
    const isHeld = (write: TableWrite, i: number) => {
      const { exists, content_hash, spec_hash } = states[i]!;
      return exists && content_hash === write.content_hash &&
        // What was added once is not added again, whoever asks.
        (write.spec.mode === "append" ||
          (write.forced !== true && spec_hash === write.spec_hash));
    };
    writes.forEach((write, i) => {
      if (isHeld(write, i)) report(reportOf(write, { status: "unchanged" }));
    });
    const rest = writes.filter((write, i) => !isHeld(write, i));
    if (rest.length > 0) due.push({ connection, store, writes: rest });
  }
  return due;
}

/**
 * Looks again, once a store keeps other batches of the project out: another clone of the project may
 * have added the same content since. Throws `changed_meanwhile` (4).
 */
export async function requireNotAdded(groups: readonly StoreWrites[]): Promise<void> {
  for (const { store, writes } of groups) {
    const added = writes.filter(({ spec, action }) => spec.mode === "append" && action === "write");
    if (added.length === 0) continue;
    const states = await store.inspect(added.map(({ table }) => table));
    const twice = added.find(({ content_hash }, i) =>
      states[i]!.exists && states[i]!.content_hash === content_hash
    );
    if (twice === undefined) continue;
    throw new UserError(
      `The rows of ${twice.node} were added to ${twice.target} by another command`,
      {
        code: "changed_meanwhile",
        kind: "execution",
        hint: "repeat the command: it does not add them again",
      },
    );
  }
}

/** A report about a write; nothing else is known of it than `what` says. */
export function reportOf(write: TableWrite, what: Partial<TableReport>): TableReport {
  const { node, spec, target, rows } = write;
  return {
    node,
    type: spec.type,
    target,
    mode: spec.mode,
    status: "written",
    rows_expected: rows,
    rows_written: null,
    duration_ms: 0,
    error: null,
    ...what,
  };
}

/** Stores stage at the same time, each one table after the other. */
async function stageAll(
  context: OutsideContext,
  id: string,
  groups: readonly StoreWrites[],
  report: (table: TableReport) => void,
): Promise<void> {
  let failed = false;
  const stageGroup = async ({ store, writes }: StoreWrites) => {
    for (const write of writes) {
      if (failed) return;
      if (context.host.signal.aborted) throw interrupted();
      const started = performance.now();
      const { rows } = await store.stage(id, write, parquetOf(context, write));
      const duration_ms = Math.round(performance.now() - started);
      report(reportOf(write, { status: "staged", rows_written: rows, duration_ms }));
      faultPoint("staged");
    }
  };
  const results = await Promise.allSettled(
    groups.map((group) =>
      stageGroup(group).catch((error) => {
        failed = true;
        throw error;
      })
    ),
  );
  const broken = results.find((result) => result.status === "rejected");
  if (broken !== undefined) throw broken.reason;
}

function interrupted(): UserError {
  return new UserError("Stopped: no table was changed", {
    code: "interrupted",
    kind: "interrupted",
  });
}

/** Takes back what a failed batch did, and says so with the failure. */
async function takeBack(
  { state }: OutsideContext,
  pending: PendingRef,
  cause: unknown,
  work: () => Promise<void>,
): Promise<never> {
  try {
    await work();
    await state.removePending(pending);
  } catch (error) {
    throw leftOver(cause, error);
  }
  if (!(cause instanceof UserError)) throw cause;
  const { code, kind, hint } = cause;
  throw new UserError(`${cause.message}\n  every table is as it was`, { code, kind, hint, cause });
}

async function abortStores(id: string, groups: readonly StoreWrites[]): Promise<void> {
  for (const { store, writes } of groups) await store.abort(id, writes);
}

/** Takes tables back, and makes sure that they are: what is needed for it may have been lost. */
export async function undoStores(id: string, groups: readonly StoreWrites[]): Promise<void> {
  for (const { store, writes } of groups) await store.undo(id, writes);
  for (const { store, writes } of groups) {
    for (const write of writes) {
      if (await store.progress(id, [write]) !== "swapped") continue;
      throw new UserError(`The write of ${write.target} cannot be taken back: nothing was kept`, {
        code: "cannot_undo",
        kind: "execution",
        hint: "its new rows are in place, those of other tables of the command are not",
      });
    }
  }
}

/** The commit point is behind: only what comes after it is missing, and the next command does it. */
function unfinished(error: unknown): UserError {
  return new UserError(
    `Everything is at the new version, but not all was cleaned up: ${wordsOf(error)}`,
    {
      code: "recovery_needed",
      kind: error instanceof UserError ? error.kind : "execution",
      hint: "the next command that writes finishes it, and so does:\n    seeknal doctor --fix",
      cause: error,
    },
  );
}

function wordsOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Cleaning up failed as well: what is left is on record, and the next command goes on with it. */
function leftOver(cause: unknown, error: unknown): UserError {
  return new UserError(`${wordsOf(cause)}\n  and it could not be taken back: ${wordsOf(error)}`, {
    code: "recovery_needed",
    kind: cause instanceof UserError ? cause.kind : "execution",
    hint: "when the system can be reached again, this finishes or undoes it:\n" +
      "    seeknal doctor --fix",
    cause,
  });
}
