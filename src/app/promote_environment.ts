import { compactJson } from "../base/canonical_json.ts";
import { UserError } from "../base/user_error.ts";
import { compare } from "../changes/compare.ts";
import { reachable, readersOf } from "../dag/graph.ts";
import type { TableReport } from "../materialize/batch.ts";
import { isWhole, noTableChanges, type TableChanges } from "../materialize/table_changes.ts";
import { isWantedIn, type WantedTable, wantedTables } from "../materialize/wanted_tables.ts";
import type { Change } from "../model/change.ts";
import { type CommitId, type EnvName, type NodeId, PROD } from "../model/ids.ts";
import { deliveriesOf, tablesOf, withDeliveries, withTables } from "../model/outside.ts";
import type { Profile } from "../model/profile.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { projectName } from "../project/load_project.ts";
import type { CommitRequest } from "../state/state_repo.ts";
import {
  loadEnvironmentProfile,
  requireProfile,
  withPlannedProfile,
} from "./environment_profile.ts";
import { beforeDeliveries } from "./before_deliveries.ts";
import { changesBody, tablesTrailer, trailerCommit } from "./messages.ts";
import { isChecked } from "./node_checks.ts";
import { pendingNodes } from "./outputs.ts";
import { foreignSources } from "./outside_sources.ts";
import { requireEnvironment } from "./require_environment.ts";
import { catchUp, publish } from "./publish.ts";
import { changesFor, moveTables } from "./run_tables.ts";
import type { Workspace } from "./workspace.ts";

/** A promotion that is allowed, before it happens. */
export interface PreparedPromotion {
  readonly environment: EnvName;
  readonly target: EnvName;
  /** Commit the target is at; null when the promotion makes it. */
  readonly from: CommitId | null;
  /** Commit of the environment that is promoted. */
  readonly source: CommitId;
  /** Nodes that differ, in id order; empty when there is nothing to do. */
  readonly changes: readonly Change[];
  /** Nodes whose definition is the same but whose rows were built again. */
  readonly rebuilt: readonly NodeId[];
  readonly nothingToDo: boolean;
  readonly snapshot: Snapshot;
  /** Profile of the target. */
  readonly profile: Profile;
  /** Sources whose rows came from another system than the target reads from. */
  readonly foreign: readonly NodeId[];
  /** Tables outside to write, and what the target's tables hold then. */
  readonly tables: TableChanges;
}

/** How to promote. */
export interface PromoteOptions {
  /** Write tables although they hold their content already. */
  readonly rematerialize?: boolean;
  /** False: write no tables outside. */
  readonly materialize?: boolean;
}

/**
 * Checks that an environment may be promoted: it exists, every node has its output,
 * and the target has not moved since. Writes nothing.
 *
 * Throws `UserError`s `unknown_environment` (2), `not_applied` (3),
 * `outputs_missing` (4) and `not_fast_forward` (4).
 */
export async function preparePromotion(
  workspace: Workspace,
  environment: EnvName,
  target: EnvName,
  options: PromoteOptions = {},
): Promise<PreparedPromotion> {
  if (environment === target) throw sameEnvironment(environment);
  const { state } = workspace;
  const source = requireEnvironment(workspace, environment);
  const from = state.head(target);
  const snapshot = await state.snapshot(source);
  const before = await state.snapshot(from);
  const changes = compare(before.manifest, snapshot.manifest).filter(({ kind }) => kind !== "none");
  const rebuilt = rebuiltNodes(before, snapshot, changes);
  const profile = requireProfile(workspace, target);
  const own = await ownProfile(workspace, environment);
  const foreign = foreignSources(snapshot.manifest, own, profile);
  const tables = await promotedTables(
    workspace,
    { environment, target, snapshot, before, foreign, own },
    profile,
    options,
  );
  const prepared = {
    environment,
    target,
    from,
    source,
    changes,
    rebuilt,
    snapshot,
    profile,
    foreign,
    tables,
  };
  const differs = changes.length + rebuilt.length > 0;
  const holding = from === null ? null : await beforeDeliveries(state, from);
  if (from !== null && await state.isAncestor(source, from)) {
    if (differs) throw await moved(workspace, environment, target, from);
    // On top of what the target has: a promotion whose tables are written again needs a commit of its own.
    if (tables.writes.length === 0 || holding !== source) return { ...prepared, nothingToDo: true };
  }
  if (holding !== null && !await isOnTopOf(workspace, source, holding)) {
    throw await moved(workspace, prepared.environment, target, holding);
  }
  checkComplete(workspace, environment, snapshot, before);
  const nothingToDo = from !== null && !differs && tables.writes.length === 0 &&
    state.manifestTree(before.manifest) === state.manifestTree(snapshot.manifest);
  return { ...prepared, nothingToDo };
}

/** What the target's tables have to become. */
async function promotedTables(
  workspace: Workspace,
  { environment, target, snapshot, before, foreign, own }: {
    readonly foreign: readonly NodeId[];
    /** Profile of the environment. */
    readonly own: Profile;
    readonly environment: EnvName;
    readonly target: EnvName;
    readonly snapshot: Snapshot;
    readonly before: Snapshot;
  },
  profile: Profile,
  { rematerialize = false, materialize = true }: PromoteOptions,
): Promise<TableChanges> {
  const { state } = workspace;
  const now = withTables(snapshot.outside, target, tablesOf(before.outside, target), "all");
  if (!materialize || !profile.materialize) {
    return noTableChanges(tablesOf(now, target));
  }
  const readers = readersOf(snapshot.manifest.nodes.values());
  const fed = reachable(foreign, (id) => readers.get(id) ?? []);
  return changesFor({
    env: target,
    profile,
    project: projectName(workspace.root),
    snapshot: { ...snapshot, outside: now },
    forced: rematerialize,
    // Rows of another system would stay for ever in a table that is added to.
    isLeft: ({ node, spec }) => fed.has(node) && !isWhole(spec),
    isWanted: target === PROD ? () => true : isWantedIn(
      target,
      (await state.snapshot(state.head(PROD))).manifest,
      tablesOf(now, target),
    ),
    like: sameContent(environment, own, profile, snapshot),
  });
}

/** The profile that an environment was planned and run with; `--profile` of a promotion names the target's. */
async function ownProfile(workspace: Workspace, environment: EnvName): Promise<Profile> {
  const planned = await withPlannedProfile({ ...workspace, profile: null }, environment);
  return loadEnvironmentProfile(planned, environment).profile;
}

/** The environment's own table where it lies in the same system and holds the content. */
function sameContent(
  environment: EnvName,
  own: Profile,
  profile: Profile,
  snapshot: Snapshot,
): (table: WantedTable) => readonly string[] | null {
  const held = tablesOf(snapshot.outside, environment);
  return ({ node, spec }) => {
    const options = (of: Profile) =>
      compactJson(of.connections.get(spec.connection)?.options ?? {});
    const record = held.get(node)?.find((table) =>
      table.type === spec.type && table.connection === spec.connection &&
      table.content_hash === snapshot.results.get(node)?.content_hash
    );
    if (record === undefined || options(own) !== options(profile)) return null;
    return wantedTables(snapshot.manifest, environment, own).tables
      .find(({ target }) => target === record.target)?.table ?? null;
  };
}

/**
 * Moves the target to the environment's state, its tables outside included. The commit that records
 * it has the environment's nodes and results; moving the target's ref to it is the commit point.
 * Throws `ref_moved` (4) when somebody was faster, `locked` (4) when somebody is at it, and what
 * `moveTogether` throws.
 */
export async function executePromotion(
  workspace: Workspace,
  prepared: PreparedPromotion,
  report: (table: TableReport) => void = () => {},
): Promise<{ commit: CommitId; tables: readonly TableReport[] }> {
  const { environment, target, from, source, changes, rebuilt, profile } = prepared;
  const { state } = workspace;
  await catchUp(workspace);
  const before = await state.snapshot(from);
  const tablesAfter = withTables(
    withTables(prepared.snapshot.outside, target, tablesOf(before.outside, target), [environment]),
    target,
    prepared.tables.after,
    [environment],
  );
  // What the target delivered is its own account: the environment's deliveries went elsewhere.
  const outside = withDeliveries(tablesAfter, target, deliveriesOf(before.outside, target));
  const snapshot = { ...prepared.snapshot, outside };
  const staged = state.stage(snapshot);
  const nodes = changes.length + rebuilt.length;
  const { writes } = prepared.tables;
  const request: CommitRequest = {
    staged,
    // What the target delivered since belongs to its history as well.
    parents: from === null || await state.isAncestor(from, source) ? [source] : [source, from],
    message: {
      subject: `promote ${environment} to ${target}: ${nodes} ${nodes === 1 ? "node" : "nodes"}`,
      body: changesBody(changes),
      trailers: {
        "Seeknal-Action": "promote",
        Environment: environment,
        Target: target,
        Previous: trailerCommit(from),
        "Nodes-Promoted": String(nodes),
        ...tablesTrailer(writes),
      },
    },
    // The target first: a process killed in between has promoted.
    moves: [{ env: target, from }, { env: environment, from: source }],
  };
  const { commit, tables } = writes.length === 0
    ? { commit: await state.write(request), tables: [] }
    : await moveTables(workspace, {
      action: "promote",
      env: target,
      profile,
      changes: prepared.tables,
      commit: request,
      report,
    });
  publish(workspace, { env: target, commit, snapshot, staged, links: true, like: environment });
  publish(workspace, { env: environment, commit, snapshot, staged, links: false });
  return { commit, tables };
}

/**
 * True when what `source` holds was planned on top of `target`. The tree decides, not
 * the parents alone: an environment that was rolled back holds what an older plan made.
 */
async function isOnTopOf(
  { state }: Workspace,
  source: CommitId,
  target: CommitId,
): Promise<boolean> {
  let commit = await state.commit(source);
  for (;;) {
    if (commit.id === target) return true;
    const { trailers, parents } = commit;
    const maker = trailers["Rolled-Back-To"] as CommitId | undefined ?? parents[0];
    if (trailers["Seeknal-Action"] === "plan" || maker === undefined) break;
    commit = await state.commit(maker);
  }
  return await state.isAncestor(target, commit.id);
}

function rebuiltNodes(before: Snapshot, after: Snapshot, changes: readonly Change[]): NodeId[] {
  const changed = new Set(changes.map(({ id }) => id));
  return [...after.results.values()]
    .filter(({ id, content_hash }) =>
      !changed.has(id) && before.results.get(id)?.content_hash !== content_hash
    )
    .map(({ id }) => id);
}

/** Outputs that the target has already are not looked at: the promotion does not touch them. */
function checkComplete(
  workspace: Workspace,
  environment: EnvName,
  snapshot: Snapshot,
  before: Snapshot,
): void {
  const pending = pendingNodes(snapshot, workspace.cache, before);
  if (pending.length === 0) return;
  const of = (status: string) =>
    pending.filter((id) => snapshot.results.get(id)?.status === status);
  const failed = of("failed");
  const { manifest: { nodes }, results } = snapshot;
  const isCurrent = (id: NodeId) => isChecked(nodes.get(id)!, results.get(id)!, nodes);
  const lost = of("success").filter(isCurrent);
  const unchecked = of("success").filter((id) => !isCurrent(id));
  const list = (ids: readonly NodeId[]) =>
    ids.slice(0, 5).join(", ") + (ids.length > 5 ? ` and ${ids.length - 5} more` : "");
  if (lost.length > 0) {
    throw new UserError(
      `Cannot promote "${environment}": outputs are missing from the cache: ${list(lost)}`,
      {
        code: "outputs_missing",
        kind: "execution",
        hint:
          `plan and build them again:\n    seeknal plan ${environment}\n    seeknal run --env ${environment}`,
      },
    );
  }
  if (unchecked.length > 0) {
    throw new UserError(
      `Cannot promote "${environment}": audits were not run as they are written now: ${
        list(unchecked)
      }`,
      {
        code: "not_applied",
        kind: "validation",
        hint: `run them:\n    seeknal run --env ${environment}`,
      },
    );
  }
  if (failed.length > 0) {
    throw new UserError(`Cannot promote "${environment}": its last run failed: ${list(failed)}`, {
      code: "not_applied",
      kind: "validation",
      hint:
        `correct what failed, then:\n    seeknal plan ${environment}\n    seeknal run --env ${environment}`,
    });
  }
  const why = `it has not been applied, ${pending.length} ${
    pending.length === 1 ? "node is" : "nodes are"
  } not built: ${list(pending)}`;
  throw new UserError(`Cannot promote "${environment}": ${why}`, {
    code: "not_applied",
    kind: "validation",
    hint: `run it first:\n    seeknal run --env ${environment}`,
  });
}

async function moved(
  { state }: Workspace,
  environment: EnvName,
  target: EnvName,
  head: CommitId,
): Promise<UserError> {
  const { author, date, subject } = await state.commit(head);
  const when = date.toISOString().slice(0, 16).replace("T", " ");
  return new UserError(
    `Cannot promote "${environment}": ${target === PROD ? "production" : `"${target}"`} moved to ` +
      `${head.slice(0, 7)} after it was planned (${author}, ${when} UTC: ${subject})`,
    {
      code: "not_fast_forward",
      kind: "execution",
      hint: target === PROD
        ? `plan again on top of it; valid results are kept:\n    seeknal plan ${environment}`
        : `"${target}" holds work that "${environment}" does not; delete it if it is not needed:\n    seeknal env delete ${target}`,
    },
  );
}

function sameEnvironment(environment: EnvName): UserError {
  return new UserError(`Cannot promote "${environment}" to itself`, {
    code: "same_environment",
    kind: "usage",
    hint: "name the environment to promote, and where to:\n    seeknal promote dev staging",
  });
}
