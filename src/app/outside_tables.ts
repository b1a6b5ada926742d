import { isAbsolute, join } from "node:path";
import type { Diagnostic } from "../base/diagnostic.ts";
import { compactJson } from "../base/canonical_json.ts";
import { didYouMean } from "../base/closest.ts";
import { UserError } from "../base/user_error.ts";
import {
  lookAtPending,
  type PendingWork,
  pendingWork,
  recoverUnlessBusy,
  type Recovery,
} from "../materialize/recover.ts";
import { type OutsideContext, whileTablesLocked } from "../materialize/outside_context.ts";
import type { Intent } from "../materialize/intent.ts";
import { isWhole, tableChanges } from "../materialize/table_changes.ts";
import { isWantedIn, type WantedTable, wantedTables } from "../materialize/wanted_tables.ts";
import { type EnvName, type NodeId, PROD } from "../model/ids.ts";
import type { Manifest } from "../model/manifest.ts";
import { type TablesByNode, tablesOf } from "../model/outside.ts";
import type { PlannedMaterialization } from "../model/plan.ts";
import { connectionOf, leadsToSame, type Profile } from "../model/profile.ts";
import type { NodeRecord } from "../model/snapshot.ts";
import { loadEnvironmentProfile, requireProfile } from "./environment_profile.ts";
import type { LoadedManifest } from "./load_manifest.ts";
import type { PlanningBase } from "./planned.ts";
import type { Workspace } from "./workspace.ts";

/** What moving tables outside needs of a workspace. */
export function outsideContext({ host, root, state, cache, profile }: Workspace): OutsideContext {
  const isTyped = profile !== null && !isAbsolute(profile);
  return { host, root, state, cache, profile: isTyped ? join(host.cwd, profile) : profile };
}

/** Which tables outside a plan leads to writing, and what is wrong with them. */
export interface PlannedTables {
  readonly materializations: readonly PlannedMaterialization[];
  /** Tables of production that no node would write to any more. */
  readonly released: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

/** What {@linkcode planTables} looks at. */
export interface PlanTablesRequest {
  readonly base: PlanningBase;
  readonly loaded: LoadedManifest;
  /** Outputs that are there already. */
  readonly results: ReadonlyMap<NodeId, NodeRecord>;
}

/**
 * Lists the tables outside that a run, and for an environment then a promotion, will write. Connects
 * to nothing: it compares with what the state says the tables hold.
 */
export function planTables(workspace: Workspace, request: PlanTablesRequest): PlannedTables {
  const { base, loaded } = request;
  const { manifest, profile } = loaded;
  const hasTables = base.prod.outside.size + base.envSnapshot.outside.size > 0 ||
    [...manifest.nodes.values()].some(({ materializations }) => materializations);
  if (!hasTables) {
    return { materializations: [], released: [], diagnostics: [] };
  }
  const env = base.env ?? PROD;
  const production = env === PROD ? profile : loadEnvironmentProfile(workspace, null).profile;
  const own = wantedIn(env, profile, base, manifest);
  const theirs = env === PROD ? null : wantedTables(manifest, PROD, production);
  const diagnostics = [
    ...nameProblems(own.problems, loaded),
    ...columnProblems(loaded),
    ...connectionProblems(own.tables, profile, loaded, "error"),
    ...(theirs === null ? [] : connectionProblems(theirs.tables, production, loaded, "warning")),
    ...(theirs === null ? [] : sharedNames(workspace, env, own.tables, theirs.tables, loaded)),
    ...(env === PROD ? [] : sameDatabase(own.tables, profile, production, loaded)),
  ];
  const due = (
    tables: readonly WantedTable[],
    environment: EnvName,
    now: TablesByNode,
    by: "run" | "promote",
  ) => {
    const used = environment === PROD ? production : profile;
    if (!used.materialize) return [];
    const isBuilt = (id: NodeId) => !request.results.has(id);
    const changes = tableChanges({
      env: environment,
      project: loaded.config.name,
      profile: used,
      manifest,
      wanted: tables,
      results: request.results,
      now,
      batch: "planned",
    });
    const written = new Set(changes.writes.map(({ target }) => target));
    return tables.filter(({ node, target }) => isBuilt(node) || written.has(target))
      .map(({ node, spec: { type, mode }, target }) => ({ node, type, target, mode, by }));
  };
  const envTables = tablesOf(base.envSnapshot.outside, env);
  const prodTables = tablesOf(base.prod.outside, PROD);
  return {
    materializations: [
      ...due(own.tables, env, env === PROD ? prodTables : envTables, "run"),
      ...(theirs === null ? [] : due(theirs.tables, PROD, prodTables, "promote")),
    ],
    released: released(prodTables, (theirs ?? own).tables),
    diagnostics: [
      ...diagnostics,
      ...replacedRows(prodTables, (theirs ?? own).tables, loaded),
    ],
  };
}

/** Tables that nothing writes to any more. */
function released(now: TablesByNode, wanted: readonly WantedTable[]): string[] {
  const kept = new Set(wanted.map(({ spec, target }) => `${spec.type} ${target}`));
  return [...now.values()].flat().filter(({ type, target }) => !kept.has(`${type} ${target}`))
    .map(({ target }) => target).sort();
}

/** Tables that rows were added to, batch by batch, and that are to be no more than an output. */
function replacedRows(
  now: TablesByNode,
  wanted: readonly WantedTable[],
  loaded: LoadedManifest,
): Diagnostic[] {
  return wanted.flatMap((table) => {
    const { spec, target } = table;
    const held = now.get(table.node)?.find((one) =>
      one.type === spec.type && one.target === target
    );
    if (held === undefined || isWhole({ ...spec, mode: held.mode }) || !isWhole(spec)) return [];
    return [at(table, loaded, {
      severity: "warning",
      code: "accumulated_rows",
      message: `${target} was added to (${held.mode}); with mode ${spec.mode} it becomes the ` +
        "node's output, and the rows it has gathered go",
      hint: "keep the mode, or give the node another table, if they are to stay",
    })];
  });
}

/** The tables that a run of an environment is about. */
export function wantedIn(
  env: EnvName,
  profile: Profile,
  { prod, envSnapshot }: Pick<PlanningBase, "prod" | "envSnapshot">,
  manifest: Manifest,
): ReturnType<typeof wantedTables> {
  const tables = tablesOf(envSnapshot.outside, env);
  return wantedTables(manifest, env, profile, isWantedIn(env, prod.manifest, tables));
}

function place({ resolved }: LoadedManifest, id: NodeId, index: number) {
  const { locator, spec } = resolved.get(id)!.node;
  const count = spec.materializations.length;
  const plural = locator.locate(["materializations", index]);
  const whole = locator.locate([]);
  const isPlural = plural.line !== whole.line || count > 1;
  return isPlural ? plural : locator.locate(["materialization"]);
}

function nameProblems(
  problems: ReturnType<typeof wantedTables>["problems"],
  loaded: LoadedManifest,
): Diagnostic[] {
  return problems.map(({ node, index, message, hint }) => ({
    severity: "error",
    code: "table_name",
    message: `${node}: ${message}`,
    ...place(loaded, node, index),
    hint,
  }));
}

/** Columns that a materialization names and its node does not return. */
function columnProblems(loaded: LoadedManifest): Diagnostic[] {
  return [...loaded.manifest.nodes.values()].flatMap(({ id, materializations = [], shape }) =>
    materializations.flatMap((spec, index) => {
      const known = new Set(shape.columns.map(({ name }) => name.toLowerCase()));
      const named = [
        ...(spec.unique_keys ?? []),
        ...(spec.time_column === undefined ? [] : [spec.time_column]),
        ...Object.keys(spec.column_types ?? {}),
        ...(spec.partition_by ?? []).map(partitionColumn),
      ];
      const missing = named.filter((name) => !known.has(name.toLowerCase()));
      return missing.map((name): Diagnostic => ({
        severity: "error",
        code: "column_missing",
        message: `${id}: there is no column "${name}" for ${spec.table}`,
        ...place(loaded, id, index),
        hint: didYouMean(name, shape.columns.map((column) => column.name)),
      }));
    })
  );
}

/** The column of `day(ts)`, `bucket(16, id)` or `region`. */
function partitionColumn(field: string): string {
  const inner = /\(([^)]*)\)\s*$/.exec(field)?.[1] ?? field;
  return (inner.split(",").at(-1) ?? inner).trim().replace(/^"(.*)"$/, "$1");
}

function connectionProblems(
  tables: readonly WantedTable[],
  profile: Profile,
  loaded: LoadedManifest,
  severity: Diagnostic["severity"],
): Diagnostic[] {
  return tables.flatMap((table) => {
    try {
      connectionOf(profile, table.spec.connection, table.spec.type);
      return [];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return [at(table, loaded, {
        severity,
        code: error.code,
        message: severity === "error" ? error.message : `${error.message}: promoting needs it`,
        hint: error.hint,
      })];
    }
  });
}

function at(
  { node, spec }: WantedTable,
  loaded: LoadedManifest,
  diagnostic: Diagnostic,
): Diagnostic {
  const all = loaded.resolved.get(node)!.node.spec.materializations;
  const index = all.findIndex((one) => compactJson(one) === compactJson(spec));
  return {
    ...diagnostic,
    message: `${node}: ${diagnostic.message}`,
    ...place(loaded, node, Math.max(0, index)),
  };
}

/** A name that another environment's tables have, or production's: one would overwrite the other. */
function sharedNames(
  { state }: Workspace,
  env: EnvName,
  own: readonly WantedTable[],
  production: readonly WantedTable[],
  loaded: LoadedManifest,
): Diagnostic[] {
  if (own.length === 0) return [];
  const key = ({ spec, table }: WantedTable) => compactJson([spec.type, spec.connection, table]);
  const owners = new Map<string, string>();
  for (const other of state.environments()) {
    if (other === env || other === PROD) continue;
    for (const table of wantedTables(loaded.manifest, other, loaded.profile).tables) {
      owners.set(key(table), `environment "${other}"`);
    }
  }
  const separate = (table: WantedTable) =>
    loaded.profile.connections.get(table.spec.connection)?.options["prefix"] === false;
  for (const table of production) {
    if (!separate(table)) owners.set(key(table), "production");
  }
  return own.flatMap((table) => {
    const owner = owners.get(key(table));
    return owner === undefined ? [] : [at(table, loaded, {
      severity: "error",
      code: "shared_table",
      message: `${table.target} would be a table of ${owner} too`,
      hint: `give the environment another name than "${env}"`,
    })];
  });
}

/** Names without a prefix are for a database that production does not write to. */
function sameDatabase(
  tables: readonly WantedTable[],
  profile: Profile,
  production: Profile,
  loaded: LoadedManifest,
): Diagnostic[] {
  return tables.flatMap((table) => {
    const { connection } = table.spec;
    const mine = profile.connections.get(connection);
    const theirs = production.connections.get(connection);
    if (mine?.options["prefix"] !== false || theirs === undefined) return [];
    return !leadsToSame(mine, theirs) ? [] : [at(table, loaded, {
      severity: "error",
      code: "shared_table",
      message: `connection "${connection}" of ${mine.file} leads to production's database, and ` +
        "says prefix: false",
      hint: `name another database in ${mine.file}, or remove prefix: false`,
    })];
  });
}

/** The profile that a killed command used, whatever this command was told. */
function profileOfIntent(workspace: Workspace): (intent: Intent) => Profile {
  return ({ environment, profile }) => requireProfile({ ...workspace, profile }, environment);
}

/** Finishes or undoes what a killed command left of one environment. Throws what connecting throws. */
export async function recoverPending(
  workspace: Workspace,
  env: EnvName,
): Promise<Recovery | "busy" | null> {
  return await recoverUnlessBusy(outsideContext(workspace), env, profileOfIntent(workspace));
}

/**
 * Forgets what a killed command left of an environment, where it can be neither finished nor undone.
 * Tables stay as they are; the next `run --rematerialize` brings them in line. Returns what to say.
 * Throws `nothing_pending` (3), and `locked` (4) while a command is at it.
 */
export async function abandonPending(workspace: Workspace, env: EnvName): Promise<string> {
  const { state } = workspace;
  return await whileTablesLocked(outsideContext(workspace), env, async () => {
    const pending = await state.readPending(env);
    if (pending === null) {
      throw new UserError(`No killed command left anything of ${env}`, {
        code: "nothing_pending",
        kind: "validation",
        hint: "see how things are:\n    seeknal doctor",
      });
    }
    await state.removePending(pending.ref);
    const command = env === PROD ? "seeknal run" : `seeknal run --env ${env}`;
    return `Forgotten. Tables stay as they are; bring them in line with:\n    ${command} --rematerialize`;
  });
}

/** How far something unfinished has come. Writes nothing. Throws what connecting throws. */
export async function lookAtTables(
  workspace: Workspace,
  work: PendingWork,
): Promise<"running" | "untouched" | "partly"> {
  return await lookAtPending(outsideContext(workspace), work, profileOfIntent(workspace));
}

/** What became of something unfinished, in words. */
export function recoveryWords({ environment, action, outcome, tables }: Recovery): string {
  const what = `${action} of ${environment} that was killed (${tables} tables)`;
  switch (outcome) {
    case "finished":
      return `finished the ${what}: everything is at the new version`;
    case "undone":
      return `undid the ${what}: everything is at the old version`;
    case "cleaned":
      return action === "run" && environment !== PROD
        ? `cleaned up after the ${what}; what is missing is written by the next run`
        : `undid the ${what}: nothing had changed, what was staged is gone`;
  }
}

/**
 * Finishes or undoes what killed commands left, before a command that writes, and tells of it. A system
 * that cannot be reached keeps only commands about `env` from going on (null: none). Throws what
 * connecting throws.
 */
export async function recoverTables(workspace: Workspace, env: EnvName | null): Promise<void> {
  if (workspace.state.pending().length === 0) return;
  for (const { environment } of await pendingWork(outsideContext(workspace))) {
    try {
      const recovery = await recoverPending(workspace, environment);
      if (recovery !== null && recovery !== "busy") workspace.notice(recoveryWords(recovery));
    } catch (error) {
      if (environment === env || !(error instanceof UserError)) throw error;
    }
  }
}
