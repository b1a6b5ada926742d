import type { TableReport } from "../materialize/batch.ts";
import { type CommitId, PROD } from "../model/ids.ts";
import { withTables } from "../model/outside.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { CommitRequest, StagedSnapshot } from "../state/state_repo.ts";
import type { Executed } from "./execute_nodes.ts";
import { clip, tablesTrailer, trailerCommit } from "./messages.ts";
import type { PreparedRun, RunRequest } from "./prepared_run.ts";
import { publish } from "./publish.ts";
import { environmentAfter, productionAfter } from "./run_snapshots.ts";
import {
  changesFor,
  materialized,
  moveTables,
  withFailedTables,
  writeEnvironmentTables,
} from "./run_tables.ts";
import type { Workspace } from "./workspace.ts";

/** How many nodes ended how. */
export interface Counts {
  readonly built: number;
  readonly cached: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Counts what became of the nodes of a run. */
export function count({ outcomes }: Executed): Counts {
  const of = (status: string) => [...outcomes.values()].filter((o) => o.status === status).length;
  return {
    built: of("success"),
    cached: of("cached"),
    failed: of("failed"),
    skipped: of("skipped"),
  };
}

/** What a run came to. */
export interface Committed {
  readonly commit: CommitId | null;
  /** Nodes whose tables could not be written have failed. */
  readonly executed: Executed;
  readonly tables: readonly TableReport[];
}

/**
 * Writes tables outside and commits a run. An environment records everything, failures too.
 * Production moves to a state that is whole, its tables included: on failure it stays where it is,
 * unless the user asked to go on with what succeeds.
 */
export async function commitRun(
  workspace: Workspace,
  prepared: PreparedRun,
  built: Executed,
  request: RunRequest,
): Promise<Committed> {
  const { base } = prepared.planned;
  const head = prepared.env === null ? base.prodHead : base.envHead;
  const nothing = { commit: head, executed: built, tables: [] };
  if (prepared.selected.ids.size === 0) return nothing;
  if (prepared.env === null) {
    if (count(built).failed > 0 && !request.continueOnError) return nothing;
    const snapshot = productionAfter(workspace, prepared, built, request);
    return {
      ...await commitProduction(workspace, prepared, snapshot, built, request),
      executed: built,
    };
  }
  const snapshot = environmentAfter(workspace, prepared, built);
  return await writeEnvironmentTables(workspace, prepared, snapshot, request, async (after) => {
    const executed = withFailedTables(built, after);
    return { executed, commit: await commitSnapshot(workspace, prepared, after, executed, head) };
  });
}

/** Production moves together with its tables, or neither does. */
async function commitProduction(
  workspace: Workspace,
  prepared: PreparedRun,
  snapshot: Snapshot,
  executed: Executed,
  request: RunRequest,
): Promise<{ commit: CommitId; tables: readonly TableReport[] }> {
  const head = prepared.planned.base.prodHead;
  const { profile, config } = prepared.planned.loaded;
  const changes = request.materialize && profile.materialize
    ? changesFor({
      env: PROD,
      profile,
      project: config.name,
      snapshot,
      forced: request.rematerialize === true,
    })
    : null;
  const after = changes === null
    ? snapshot
    : { ...snapshot, outside: withTables(snapshot.outside, PROD, changes.after, "all") };
  if (changes === null || changes.writes.length === 0) {
    return { commit: await commitSnapshot(workspace, prepared, after, executed, head), tables: [] };
  }
  const staged = workspace.state.stage(after);
  const plain = runCommit(prepared, staged, executed, head);
  const trailers = { ...plain.message.trailers, ...tablesTrailer(changes.writes) };
  const commit = { ...plain, message: { ...plain.message, trailers } };
  const tables = await moveTables(workspace, {
    action: "run",
    env: PROD,
    profile,
    changes,
    commit,
    report: (table) => request.report(materialized(table)),
  });
  publish(workspace, { env: PROD, commit: tables.commit, snapshot: after, staged, links: true });
  return tables;
}

async function commitSnapshot(
  workspace: Workspace,
  prepared: PreparedRun,
  snapshot: Snapshot,
  executed: Executed,
  head: CommitId | null,
): Promise<CommitId> {
  const { state } = workspace;
  const env = prepared.env ?? PROD;
  if (head !== null && await isUnchanged(workspace, head, snapshot)) {
    const staged = state.stage(await state.snapshot(head));
    if (prepared.env !== null) state.touch(env);
    publish(workspace, { env, commit: head, snapshot, staged, links: true });
    return head;
  }
  const staged = state.stage(snapshot);
  const commit = await state.write(runCommit(prepared, staged, executed, head));
  publish(workspace, { env, commit, snapshot, staged, links: true });
  return commit;
}

function runCommit(
  prepared: PreparedRun,
  staged: StagedSnapshot,
  executed: Executed,
  head: CommitId | null,
): CommitRequest {
  const env = prepared.env ?? PROD;
  const { built, cached, failed, skipped } = count(executed);
  return {
    staged,
    parents: head === null ? [] : [head],
    message: {
      subject: `run ${env}: ${built} built, ${prepared.reused + cached} reused` +
        (failed > 0 ? `, ${failed} failed` : ""),
      body: runBody(executed),
      trailers: {
        "Seeknal-Action": "run",
        Environment: env,
        Previous: trailerCommit(head),
        ...(prepared.env === null ? {} : { Plan: trailerCommit(head) }),
        "Nodes-Built": String(built),
        "Nodes-Reused": String(prepared.reused + cached),
        "Nodes-Failed": String(failed),
        "Nodes-Skipped": String(skipped),
      },
    },
    moves: [{ env, from: head }],
  };
}

/** True when a commit holds these nodes and results already, whatever plan led to them. */
async function isUnchanged(
  { state }: Workspace,
  head: CommitId,
  snapshot: Snapshot,
): Promise<boolean> {
  const { plan, environment } = await state.snapshot(head);
  return state.stage({ ...snapshot, plan, environment }).tree === (await state.commit(head)).tree;
}

function runBody({ outcomes }: Executed): string {
  const lines = [...outcomes].map(([id, outcome]) =>
    "output" in outcome
      ? `${outcome.status === "cached" ? "cached" : "built"} ${id}`
      : `${outcome.status} ${id}`
  ).sort();
  return clip(lines);
}
