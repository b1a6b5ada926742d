import { openStores } from "../materialize/outside_context.ts";
import type { Stores } from "../materialize/stores.ts";
import { type EnvName } from "../model/ids.ts";
import { tablesOf } from "../model/outside.ts";
import type { MaterializationRecord, TableOwner } from "../model/materialization.ts";
import { projectName } from "../project/load_project.ts";
import { requireProfile, withPlannedProfile } from "./environment_profile.ts";
import { findTargetType } from "../targets/registry.ts";
import { outsideContext } from "./outside_tables.ts";
import type { Workspace } from "./workspace.ts";

/** A table outside that an environment has. */
export interface EnvironmentTable {
  readonly type: string;
  readonly connection: string;
  /** Name in parts, without the catalog. */
  readonly table: readonly string[];
  readonly target: string;
}

/**
 * Tables that an environment has in the systems it wrote to, by what those systems say. Throws what
 * connecting throws, and `invalid_profile` (2).
 */
export async function environmentTables(
  workspace: Workspace,
  env: EnvName,
): Promise<EnvironmentTable[]> {
  const connections = await connectionsOf(workspace, env);
  if (connections.length === 0) return [];
  await using stores = await storesOf(workspace, env);
  const tables: EnvironmentTable[] = [];
  for (const { type, connection } of connections) {
    const store = await stores.get(type, connection);
    for (const { table } of await store.owned(ownerOf(workspace, env))) {
      const name = table.join(".");
      const target = type === "iceberg" ? `${connection}.${name}` : name;
      tables.push({ type, connection, table, target });
    }
  }
  return tables;
}

/** Drops tables of an environment, each only if the environment still owns it. */
export async function dropEnvironmentTables(
  workspace: Workspace,
  env: EnvName,
  tables: readonly EnvironmentTable[],
): Promise<void> {
  await using stores = await storesOf(workspace, env);
  for (const { type, connection } of distinct(tables)) {
    const own = tables.filter((table) => table.type === type && table.connection === connection);
    const store = await stores.get(type, connection);
    await store.drop(own.map(({ table }) => table), ownerOf(workspace, env));
  }
}

/** The systems that an environment writes to. */
export async function storesOf(workspace: Workspace, env: EnvName): Promise<Stores> {
  const profile = requireProfile(await withPlannedProfile(workspace, env), env);
  return openStores(outsideContext(workspace), profile);
}

function ownerOf({ root }: Workspace, environment: EnvName): TableOwner {
  return { project: projectName(root), environment };
}

type Connection = Pick<EnvironmentTable, "type" | "connection">;

/** Connections that an environment wrote through, or would write through. */
export async function connectionsOf({ state }: Workspace, env: EnvName): Promise<Connection[]> {
  const { manifest, outside } = await state.snapshot(state.head(env));
  return distinct([
    ...[...tablesOf(outside, env).values()].flat(),
    ...[...manifest.nodes.values()].flatMap(({ materializations }) => materializations ?? []),
  ]);
}

function distinct(all: readonly Connection[]): Connection[] {
  const byKey = new Map(
    all.map(({ type, connection }) => [`${type}\0${connection}`, { type, connection }] as const),
  );
  return [...byKey.values()];
}

/**
 * Tables that are not there, or whose own account is of another content than the state's, in words.
 * Throws what connecting throws.
 */
export async function tablesAstray(
  workspace: Workspace,
  env: EnvName,
  records: readonly MaterializationRecord[],
): Promise<string[]> {
  await using stores = await storesOf(workspace, env);
  const astray: string[] = [];
  for (const { type, connection } of distinct(records)) {
    const own = records.filter((r) => r.type === type && r.connection === connection);
    const store = await stores.get(type, connection);
    const tables = own.map(({ target: table, mode }) => {
      const named = findTargetType(type)!.tableIn({ type, connection, table, mode }, null);
      return "table" in named ? named.table : [];
    });
    const states = await store.inspect(tables);
    own.forEach(({ target, content_hash }, i) => {
      const state = states[i]!;
      if (!state.exists) astray.push(`${target} is not there`);
      else if (state.content_hash !== content_hash) astray.push(`${target} holds something else`);
    });
  }
  return astray;
}
