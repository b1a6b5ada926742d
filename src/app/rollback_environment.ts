import { UserError } from "../base/user_error.ts";
import { compare } from "../changes/compare.ts";
import type { Change } from "../model/change.ts";
import { type CommitId, type EnvName, PROD } from "../model/ids.ts";
import { deliveriesOf, tablesOf, withDeliveries, withTables } from "../model/outside.ts";
import type { Profile } from "../model/profile.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { TableReport } from "../materialize/batch.ts";
import { noTableChanges, type TableChanges } from "../materialize/table_changes.ts";
import { projectName } from "../project/load_project.ts";
import { positions, resolveRevision } from "../state/revisions.ts";
import type { CommitInfo, CommitRequest } from "../state/state_repo.ts";
import { requireProfile } from "./environment_profile.ts";
import { beforeDeliveries } from "./before_deliveries.ts";
import { changesBody, tablesTrailer, trailerCommit } from "./messages.ts";
import { isValidRecord } from "./outputs.ts";
import { requireEnvironment } from "./require_environment.ts";
import { catchUp, publish } from "./publish.ts";
import { changesFor, moveTables } from "./run_tables.ts";
import type { Workspace } from "./workspace.ts";

/** A rollback that is possible, before it happens. */
export interface PreparedRollback {
  readonly environment: EnvName;
  readonly from: CommitId;
  readonly to: CommitInfo;
  /** What going back changes, in id order. */
  readonly changes: readonly Change[];
  readonly nothingToDo: boolean;
  readonly snapshot: Snapshot;
  readonly profile: Profile;
  /** Tables outside to bring back. */
  readonly tables: TableChanges;
}

/**
 * Finds the state to go back to and checks that every output of it still exists.
 * Without a revision that is the last state whose nodes or outputs differ; after a
 * rollback, the one before the state that was gone back to. Writes nothing.
 *
 * Throws `UserError`s `unknown_environment` and `unknown_revision` (2),
 * `nothing_to_roll_back` (3) and `outputs_missing` (4).
 */
export async function prepareRollback(
  workspace: Workspace,
  environment: EnvName,
  revision: string | null,
): Promise<PreparedRollback> {
  const { state } = workspace;
  const from = requireEnvironment(workspace, environment);
  const to = await original(
    workspace,
    revision === null
      ? await previousState(workspace, environment, from)
      : await state.commit(await resolveRevision(state, revision)),
  );
  const snapshot = await state.snapshot(to.id);
  const before = await state.snapshot(from);
  checkOutputs(workspace, environment, snapshot, to);
  const nothingToDo =
    await dataOf(workspace, to) === await dataOf(workspace, await state.commit(from));
  const changes = compare(before.manifest, snapshot.manifest).filter(({ kind }) => kind !== "none");
  const profile = requireProfile(workspace, environment);
  const now = tablesOf(before.outside, environment);
  const outside = withTables(snapshot.outside, environment, now, "all");
  const then = tablesOf(snapshot.outside, environment);
  const tables = profile.materialize
    ? changesFor({
      env: environment,
      profile,
      project: projectName(workspace.root),
      snapshot: { ...snapshot, outside },
      back: then,
      // Nodes that had no tables then and have none now stay without.
      isWanted: ({ id }) => then.has(id) || now.has(id),
    })
    : noTableChanges(now);
  return { environment, from, to, changes, nothingToDo, snapshot, profile, tables };
}

/**
 * Commits the earlier tree on top of the environment and brings its tables outside back; nothing is
 * computed again. Throws `ref_moved` (4), and what `moveTogether` throws.
 */
export async function executeRollback(
  workspace: Workspace,
  { environment, from, to, changes, profile, tables, ...prepared }: PreparedRollback,
  report: (table: TableReport) => void = () => {},
): Promise<{ commit: CommitId; tables: readonly TableReport[] }> {
  const { state } = workspace;
  await catchUp(workspace);
  const { outside: now } = await state.snapshot(from);
  const tablesAfter = withTables(prepared.snapshot.outside, environment, tables.after, "all");
  // What was delivered cannot be taken back: that it was stays on record.
  const outside = withDeliveries(tablesAfter, environment, deliveriesOf(now, environment));
  const snapshot = { ...prepared.snapshot, outside };
  const staged = state.stage(snapshot);
  const request: CommitRequest = {
    staged,
    parents: [from],
    message: {
      subject: `rollback ${environment} to ${to.id.slice(0, 7)} (${to.subject})`,
      body: changesBody(changes),
      trailers: {
        "Seeknal-Action": "rollback",
        Environment: environment,
        Previous: trailerCommit(from),
        "Rolled-Back-To": to.id,
        ...tablesTrailer(tables.writes),
      },
    },
    moves: [{ env: environment, from }],
  };
  const { writes } = tables;
  const done = writes.length === 0
    ? { commit: await state.write(request), tables: [] }
    : await moveTables(workspace, {
      action: "rollback",
      env: environment,
      profile,
      changes: tables,
      commit: request,
      report,
    });
  publish(workspace, { env: environment, commit: done.commit, snapshot, staged, links: true });
  return done;
}

/** Identity of what readers see in a commit: nodes and results, not plans. */
async function dataOf({ state }: Workspace, { tree }: CommitInfo): Promise<string> {
  const entries = await state.treeEntries(tree);
  const oid = (path: string) => entries.find((entry) => entry.path === path)?.oid ?? "none";
  return `${oid("nodes")} ${oid("results")}`;
}

/** The commit that first had a state: a rollback only repeats one, and a delivery leaves it as it is. */
async function original({ state }: Workspace, info: CommitInfo): Promise<CommitInfo> {
  for (let commit = info;;) {
    const under = await state.commit(await beforeDeliveries(state, commit.id));
    const repeated = under.trailers["Rolled-Back-To"] as CommitId | undefined;
    if (repeated === undefined) return under;
    commit = await state.commit(repeated);
  }
}

async function previousState(
  workspace: Workspace,
  environment: EnvName,
  head: CommitId,
): Promise<CommitInfo> {
  const { state } = workspace;
  const start = await original(workspace, await state.commit(head));
  const data = await dataOf(workspace, start);
  for await (const position of positions(state, environment, start.id)) {
    if (await dataOf(workspace, position) !== data) return position;
  }
  throw new UserError(`Cannot roll back "${environment}": it has no earlier state`, {
    code: "nothing_to_roll_back",
    kind: "validation",
    hint: `look at its history:\n    seeknal history ${environment}`,
  });
}

function checkOutputs(
  { cache }: Workspace,
  environment: EnvName,
  snapshot: Snapshot,
  to: CommitInfo,
): void {
  const nodes = [...snapshot.manifest.nodes.values()].filter(({ virtual }) => virtual !== true);
  const list = (ids: readonly { id: string }[]) =>
    ids.slice(0, 5).map(({ id }) => id).join(", ") + (ids.length > 5 ? ", ..." : "");
  const unbuilt = nodes.filter(({ id }) => snapshot.results.get(id)?.status !== "success");
  if (environment === PROD && unbuilt.length > 0) {
    throw new UserError(
      `Cannot roll back to ${to.id.slice(0, 7)}: it is not a state of production, ` +
        `${unbuilt.length} nodes were not built there: ${list(unbuilt)}`,
      {
        code: "not_applied",
        kind: "validation",
        hint: "choose a state that was promoted or run:\n    seeknal history",
      },
    );
  }
  const lost = nodes.filter((node) => {
    const record = snapshot.results.get(node.id);
    if (record?.status !== "success") return false;
    const asItWas = { ...node, fingerprint: record.fingerprint };
    return !isValidRecord(record, asItWas, cache);
  });
  if (lost.length === 0) return;
  throw new UserError(
    `Cannot roll back to ${to.id.slice(0, 7)}: outputs of ${lost.length} nodes are gone: ${
      list(lost)
    }`,
    {
      code: "outputs_missing",
      kind: "execution",
      hint: "check out the project files of that time and build them:\n    seeknal run",
    },
  );
}
