import { UserError } from "../base/user_error.ts";
import { type EnvName } from "../model/ids.ts";
import type { TableWrite } from "../model/materialization.ts";
import { tablesOf, withTables } from "../model/outside.ts";
import { connectionOf, type Profile, systemOf } from "../model/profile.ts";
import type { PendingRef, StateRepo } from "../state/state_repo.ts";
import { finishAll, undoStores } from "./batch.ts";
import { type Intent, parseIntent } from "./intent.ts";
import { openStores, type OutsideContext, whileTablesLocked } from "./outside_context.ts";
import type { StoreWrites } from "./stores.ts";
import { recordOfWrite } from "./table_changes.ts";

/** What became of something that a killed command left. */
export interface Recovery {
  readonly environment: EnvName;
  readonly action: Intent["action"];
  /** `finished`: everything is at the new version. `undone`: everything is at the old one. `cleaned`: only leftovers were there. */
  readonly outcome: "finished" | "undone" | "cleaned";
  readonly tables: number;
}

/** What a killed command left and nobody has looked after yet. */
export interface PendingWork {
  readonly environment: EnvName;
  readonly intent: Intent;
  readonly ref: PendingRef;
}

/** Everything that killed commands left, and what running ones are about. */
export async function pendingWork({ state }: OutsideContext): Promise<PendingWork[]> {
  const found: PendingWork[] = [];
  for (const name of state.pending()) {
    const pending = await state.readPending(name);
    if (pending === null) continue;
    const intent = parseIntent(pending.document);
    found.push({ environment: intent.environment, intent, ref: pending.ref });
  }
  return found;
}

/**
 * Finishes or undoes what a killed command left of one environment. To be called under
 * `whileTablesLocked`. Null when there is nothing.
 *
 * Before the first table was swapped everything staged is dropped. After it the rest is swapped and
 * the ref moves; where that cannot be, all is taken back.
 */
export async function recoverEnvironment(
  context: OutsideContext,
  env: EnvName,
  profileOf: (intent: Intent) => Profile,
): Promise<Recovery | null> {
  const pending = await context.state.readPending(env);
  if (pending === null) return null;
  const intent = parseIntent(pending.document);
  const profile = profileOf(intent);
  requireSystems(intent, profile);
  await using stores = openStores(context, profile);
  const groups = await stores.group(intent.writes);
  const outcome = await settle(context, intent, groups, pending.ref);
  return { environment: env, action: intent.action, outcome, tables: intent.writes.length };
}

/** Looking for what was left in another system would find that nothing was. */
function requireSystems({ action, environment, writes }: Intent, profile: Profile): void {
  for (const { spec, system } of writes) {
    const connection = connectionOf(profile, spec.connection, spec.type);
    if (system === undefined || systemOf(connection) === system) continue;
    throw new UserError(
      `Cannot look after the ${action} of ${environment} that was killed: connection ` +
        `"${spec.connection}" of ${profile.file} leads elsewhere since`,
      {
        code: "profile_changed",
        kind: "execution",
        hint: `let it lead to where it did until this is done:\n    seeknal doctor --fix`,
      },
    );
  }
}

async function settle(
  context: OutsideContext,
  intent: Intent,
  groups: readonly StoreWrites[],
  ref: PendingRef,
): Promise<Recovery["outcome"]> {
  if (intent.phase === "each") return await cleanEach(context, intent, groups, ref);
  const { state } = context;
  const [first] = intent.moves;
  const isOver = async () => first !== undefined && await state.hasReached(first.env, ref.commit);
  if (await isOver()) {
    await moveRest(context, intent, ref);
    await finishAll(context, intent.id, groups, ref);
    return "finished";
  }
  const isSwapped = intent.phase === "swapping" && await anySwapped(intent, groups);
  if (!isSwapped) {
    for (const { store, writes } of groups) await store.abort(intent.id, writes);
    await state.removePending(ref);
    return "cleaned";
  }
  try {
    for (const { store, writes } of groups) await store.swap(intent.id, writes);
    await state.moveTo(ref.commit, intent.moves);
  } catch (error) {
    if (!(error instanceof UserError) || error.kind === "dependency") throw error;
    if (await isOver()) throw error;
    await undoStores(intent.id, groups);
    await state.removePending(ref);
    return "undone";
  }
  await finishAll(context, intent.id, groups, ref);
  return "finished";
}

/** Refs that follow the one that counts. */
async function moveRest(
  { state }: OutsideContext,
  { moves }: Intent,
  { commit }: PendingRef,
): Promise<void> {
  for (const { env, from } of moves.slice(1)) {
    if (state.head(env) === from) await state.moveTo(commit, [{ env, from }]);
  }
}

async function anySwapped({ id }: Intent, groups: readonly StoreWrites[]): Promise<boolean> {
  for (const { store, writes } of groups) {
    const progress = await store.progress(id, writes);
    if (progress === "swapped" || progress === "mixed") return true;
  }
  return false;
}

/**
 * Tables that were each written for itself: those in place stay, and the state says so; what was only
 * staged goes.
 */
async function cleanEach(
  { state }: OutsideContext,
  { id, environment }: Intent,
  groups: readonly StoreWrites[],
  ref: PendingRef,
): Promise<"cleaned"> {
  const written: TableWrite[] = [];
  for (const { store, writes } of groups) {
    for (const write of writes) {
      if (await store.progress(id, [write]) === "swapped") {
        await store.finish(id, [write]);
        written.push(write);
      } else await store.abort(id, [write]);
    }
  }
  await putOnRecord(state, environment, id, written);
  await state.removePending(ref);
  return "cleaned";
}

/** Commits what tables of an environment hold, where its state does not say so. */
async function putOnRecord(
  state: StateRepo,
  env: EnvName,
  batch: string,
  written: readonly TableWrite[],
): Promise<void> {
  const head = state.head(env);
  if (head === null) return;
  const snapshot = await state.snapshot(head);
  const tables = new Map(tablesOf(snapshot.outside, env));
  for (const write of written) {
    const record = recordOfWrite(write, batch);
    const others = (tables.get(write.node) ?? []).filter((other) =>
      other.target !== record.target || other.type !== record.type ||
      other.connection !== record.connection
    );
    tables.set(write.node, [...others, record]);
  }
  const outside = withTables(snapshot.outside, env, tables, "all");
  if (outside === snapshot.outside) return;
  await state.write({
    staged: state.stage({ ...snapshot, outside }),
    parents: [head],
    message: {
      subject: `recover ${env}: ${written.length} tables were written by a run that was killed`,
      body: written.map(({ target }) => target).join("\n"),
      trailers: { "Seeknal-Action": "recover", Environment: env, Previous: head },
    },
    moves: [{ env, from: head }],
  });
}

/** Looks after one environment unless a running command does. Null when there was nothing to do. */
export async function recoverUnlessBusy(
  context: OutsideContext,
  env: EnvName,
  profileOf: (intent: Intent) => Profile,
): Promise<Recovery | "busy" | null> {
  try {
    return await whileTablesLocked(
      context,
      env,
      () => recoverEnvironment(context, env, profileOf),
    );
  } catch (error) {
    if (error instanceof UserError && error.code === "locked") return "busy";
    throw error;
  }
}

/** How far something unfinished has come; `running`: a command is at it. */
export async function lookAtPending(
  context: OutsideContext,
  { environment, intent }: PendingWork,
  profileOf: (intent: Intent) => Profile,
): Promise<"running" | "untouched" | "partly"> {
  try {
    return await whileTablesLocked(context, environment, async () => {
      if (intent.phase === "staging") return "untouched";
      await using stores = openStores(context, profileOf(intent));
      const groups = await stores.group(intent.writes);
      return await anySwapped(intent, groups) ? "partly" : "untouched";
    });
  } catch (error) {
    if (error instanceof UserError && error.code === "locked") return "running";
    throw error;
  }
}
