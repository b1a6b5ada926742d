import { checkAll, moveTogether, type TableReport } from "../materialize/batch.ts";
import { openStores, whileTablesLocked } from "../materialize/outside_context.ts";
import { newBatch, type TableChanges, tableChanges } from "../materialize/table_changes.ts";
import { type WantedTable, wantedTables } from "../materialize/wanted_tables.ts";
import { writeEach } from "../materialize/write_each.ts";
import type { StepOutcome } from "../exec/run_steps.ts";
import { type CommitId, type ContentHash, type EnvName, type NodeId, PROD } from "../model/ids.ts";
import type { ManifestNode } from "../model/manifest.ts";
import type { MaterializationRecord } from "../model/materialization.ts";
import { type Outside, type TablesByNode, tablesOf, withTables } from "../model/outside.ts";
import type { Profile } from "../model/profile.ts";
import type { RunEvent } from "../model/run.ts";
import type { NodeRecord, Snapshot } from "../model/snapshot.ts";
import { isPartial } from "../plan/select_nodes.ts";
import type { CommitRequest } from "../state/state_repo.ts";
import type { Executed } from "./execute_nodes.ts";
import { outsideContext, wantedIn } from "./outside_tables.ts";
import type { PreparedRun, RunRequest } from "./prepared_run.ts";
import { ownFolders } from "./temporary_folders.ts";
import type { Workspace } from "./workspace.ts";

export type { TableChanges, TableReport };

/** What the tables of a promoted, rolled back or run environment have to become. */
export function changesFor(
  { env, profile, project, snapshot, ...rest }: {
    readonly env: EnvName;
    readonly profile: Profile;
    readonly project: string;
    /** The state to come; its `outside` still says what the tables hold now. */
    readonly snapshot: Snapshot;
    readonly forced?: boolean;
    /** What the tables held in the state that a rollback goes to. */
    readonly back?: TablesByNode;
    readonly like?: (table: WantedTable) => readonly string[] | null;
    readonly isLeft?: (table: WantedTable) => boolean;
    /** Which nodes have tables there; absent: all. */
    readonly isWanted?: (node: ManifestNode) => boolean;
  },
): TableChanges {
  const { manifest, results, outside } = snapshot;
  const { isWanted, ...options } = rest;
  return tableChanges({
    env,
    project,
    profile,
    manifest,
    wanted: wantedTables(manifest, env, profile, isWanted).tables,
    results,
    now: tablesOf(outside, env),
    batch: newBatch(),
    ...options,
  });
}

/**
 * Asks the systems outside about changes that are not to be made now: rights, owners, columns, the way
 * back. Writes nothing. Throws what the changes themselves would be refused with.
 */
export async function checkTables(
  workspace: Workspace,
  profile: Profile,
  { writes }: TableChanges,
): Promise<void> {
  if (writes.length === 0) return;
  await using stores = openStores(outsideContext(workspace), profile);
  await checkAll(await stores.group(writes));
}

/**
 * Asks about the tables that a run of production will write before anything is built: what is refused
 * then would be refused afterwards too. Throws as {@linkcode checkTables}.
 */
export async function checkPlannedTables(
  workspace: Workspace,
  { env, planned: { loaded, plan, base }, selected }: PreparedRun,
  { materialize, selection }: RunRequest,
): Promise<void> {
  const { profile, manifest, config } = loaded;
  if (env !== null || !materialize || !profile.materialize || plan.materializations.length === 0) {
    return;
  }
  const inScope = isPartial(selection) ? selected.ids : new Set(manifest.nodes.keys());
  const due = new Set(plan.materializations.map(({ target }) => target));
  const placeholder = (node: ManifestNode): NodeRecord => ({
    format_version: 1,
    id: node.id,
    status: "success",
    fingerprint: node.fingerprint,
    content_hash: "0".repeat(64) as ContentHash,
    head_hash: null,
    size_bytes: null,
    rows: 0,
    error: null,
  });
  const results = new Map([...manifest.nodes.values()].map((node) => [node.id, placeholder(node)]));
  const changes = changesFor({
    env: PROD,
    profile,
    project: config.name,
    snapshot: { ...base.prod, manifest, results },
  });
  const writes = changes.writes.filter(({ node, target }) => inScope.has(node) && due.has(target));
  await checkTables(workspace, profile, { ...changes, writes });
}

/** Changes tables and moves refs together, under the lock of the environment's tables. */
export async function moveTables(
  workspace: Workspace,
  { profile, changes, ...batch }: {
    readonly action: "promote" | "rollback" | "run";
    readonly env: EnvName;
    readonly profile: Profile;
    readonly changes: TableChanges;
    readonly commit: CommitRequest;
    readonly report?: (table: TableReport) => void;
  },
): Promise<{ commit: CommitId; tables: readonly TableReport[] }> {
  const context = outsideContext(workspace);
  using _folders = ownFolders(workspace);
  return await whileTablesLocked(context, batch.env, async () => {
    await using stores = openStores(context, profile);
    const tables: TableReport[] = [];
    const commit = await moveTogether(context, stores, {
      ...batch,
      id: changes.batch,
      writes: changes.writes,
      report: (table) => {
        if (table.status !== "staged") tables.push(table);
        batch.report?.(table);
      },
    });
    return { commit, tables };
  });
}

/** The event that tells of a table. */
export function materialized(
  { node, type, target, mode, status, rows_written, duration_ms, error }: TableReport,
): RunEvent {
  return {
    event: "materialized",
    node: node as NodeId,
    type,
    target,
    mode,
    status,
    rows: rows_written,
    duration_ms,
    error,
  };
}

/**
 * Writes the tables of an environment after its nodes were built. A node one of whose tables cannot
 * be written has failed; its output is kept, and the next run writes what is missing. `commit` puts the
 * outcome into the state, before anybody may forget that tables were written.
 */
export async function writeEnvironmentTables<T extends object>(
  workspace: Workspace,
  { env, planned: { base, loaded }, selected }: PreparedRun,
  snapshot: Snapshot,
  request: RunRequest,
  commit: (snapshot: Snapshot) => Promise<T>,
): Promise<T & { readonly tables: readonly TableReport[] }> {
  const { profile, config, manifest } = loaded;
  if (env === null || env === PROD || !request.materialize || !profile.materialize) {
    return { ...await commit(snapshot), tables: [] };
  }
  const now = tablesOf(snapshot.outside, env);
  const inScope = isPartial(request.selection) ? selected.ids : new Set(manifest.nodes.keys());
  const wanted = wantedIn(env, profile, base, manifest).tables;
  const { results } = snapshot;
  const batch = newBatch();
  const all = {
    env,
    project: config.name,
    profile,
    manifest,
    wanted,
    results,
    now,
    batch,
    forced: request.rematerialize === true,
  };
  const { writes, after } = tableChanges(all);
  const due = writes.filter(({ node }) => inScope.has(node));
  if (due.length === 0) return { ...await commit(snapshot), tables: [] };
  const context = outsideContext(workspace);
  const account = async (tables: readonly TableReport[]) => {
    const outside = accountOf(tables, { env, snapshot, writes, after });
    const written = { ...snapshot, results: withFailures(results, tables), outside };
    return { ...await commit(written), tables };
  };
  return await whileTablesLocked(context, env, async () => {
    await using stores = openStores(context, profile);
    return await writeEach(context, stores, {
      id: batch,
      env,
      head: base.envHead!,
      writes: due,
      report: (table) => request.report(materialized(table)),
      account,
    });
  });
}

/** What tables hold after a run that could not write all of them, or was not to. */
function accountOf(
  tables: readonly TableReport[],
  { env, snapshot, writes, after }: Pick<TableChanges, "writes" | "after"> & {
    readonly env: EnvName;
    readonly snapshot: Snapshot;
  },
): Outside {
  const now = tablesOf(snapshot.outside, env);
  const done = new Set(tables.filter(({ status }) => status !== "failed").map((t) => t.target));
  const missing = new Set(writes.map(({ target }) => target).filter((target) => !done.has(target)));
  const held = new Map<NodeId, MaterializationRecord[]>();
  for (const [id, records] of after) {
    const kept = records.flatMap((record) =>
      missing.has(record.target)
        ? now.get(id)?.filter(({ target }) => target === record.target) ?? []
        : [record]
    );
    if (kept.length > 0) held.set(id, kept);
  }
  return withTables(snapshot.outside, env, held, "all");
}

function withFailures(
  results: ReadonlyMap<NodeId, NodeRecord>,
  tables: readonly TableReport[],
): ReadonlyMap<NodeId, NodeRecord> {
  const failed = tables.filter(({ status }) => status === "failed");
  if (failed.length === 0) return results;
  const next = new Map(results);
  for (const { node, target, error } of failed) {
    const record = next.get(node as NodeId)!;
    next.set(node as NodeId, {
      ...record,
      status: "failed",
      content_hash: null,
      head_hash: null,
      size_bytes: null,
      rows: null,
      error: `cannot write ${target}: ${error}`,
      tables_failed: true,
    });
  }
  return next;
}

/** What a run did, with the nodes counted as failed whose tables could not be written. */
export function withFailedTables(executed: Executed, { results }: Snapshot): Executed {
  const outcomes = new Map<NodeId, StepOutcome>(executed.outcomes);
  for (const { id, status, error } of results.values()) {
    const before = outcomes.get(id);
    const isNew = before === undefined || before.status === "success" || before.status === "cached";
    if (status === "failed" && isNew) outcomes.set(id, { status, error: error ?? "" });
  }
  return { ...executed, outcomes };
}
