import { compactJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/hash.ts";
import { type EnvName, type NodeId, PROD } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";
import type { MaterializationSpec } from "../model/materialization.ts";
import type { TablesByNode } from "../model/outside.ts";
import { type Profile, systemOf } from "../model/profile.ts";
import { findTargetType } from "../targets/registry.ts";

/** A table outside that a node of an environment is written to. */
export interface WantedTable {
  readonly node: NodeId;
  readonly spec: MaterializationSpec;
  /** Name in the environment, in parts. */
  readonly table: readonly string[];
  readonly target: string;
  readonly specHash: string;
  /** The system that it is in, see `systemOf`; null where the profile has no such connection. */
  readonly system: string | null;
}

/** Why a node cannot be written to a table of an environment. */
export interface TableProblem {
  readonly node: NodeId;
  /** Which of its materializations, from 0. */
  readonly index: number;
  readonly message: string;
  readonly hint: string;
}

/** The tables of an environment, in id order, and what is wrong with their names. */
export function wantedTables(
  { nodes }: Manifest,
  env: EnvName,
  profile: Profile,
  isWanted: (node: ManifestNode) => boolean = () => true,
): { tables: WantedTable[]; problems: TableProblem[] } {
  const tables: WantedTable[] = [];
  const problems: TableProblem[] = [];
  const writers = new Map<string, NodeId>();
  for (const node of nodes.values()) {
    (node.materializations ?? []).forEach((spec, index) => {
      const named = findTargetType(spec.type)!.tableIn(spec, prefixFor(spec, env, profile));
      if ("problem" in named) {
        const hint = "rename the environment or the table";
        problems.push({ node: node.id, index, message: named.problem, hint });
        return;
      }
      const key = compactJson([spec.type, spec.connection, named.table]);
      const other = writers.get(key);
      if (other !== undefined) {
        const message = `${named.target} is written by ${other} already`;
        problems.push({ node: node.id, index, message, hint: "give one of them another table" });
        return;
      }
      writers.set(key, node.id);
      if (isWanted(node)) {
        const system = systemBehind(spec, profile);
        tables.push({ node: node.id, spec, ...named, specHash: specHash(spec), system });
      }
    });
  }
  return { tables, problems };
}

function systemBehind(
  { type, connection }: MaterializationSpec,
  { connections, catalog }: Profile,
): string | null {
  const found = connections.get(connection) ?? (type === "iceberg" ? catalog : null);
  return found === null ? null : systemOf(found);
}

/** What goes before schemas and namespaces; null in production, and where a connection has a database for the environment alone. */
function prefixFor(
  { connection }: MaterializationSpec,
  env: EnvName,
  { connections }: Profile,
): EnvName | null {
  return env === PROD || connections.get(connection)?.options["prefix"] === false ? null : env;
}

/** Hash of what decides what a table holds besides the content of the output. */
function specHash(spec: MaterializationSpec): string {
  const { existing: _, validation: __, schema_evolution: ___, ...rest } = spec;
  return sha256(compactJson(rest)).slice(0, 24);
}

/**
 * Whether an environment has tables of its own for a node: where the node, or how it is written,
 * is not as in production, and where it once wrote some.
 */
export function isWantedIn(
  env: EnvName,
  production: Manifest,
  tables: TablesByNode,
): (node: ManifestNode) => boolean {
  if (env === PROD) return () => true;
  return (node) => {
    const before = production.nodes.get(node.id);
    return before === undefined || before.fingerprint !== node.fingerprint ||
      tables.has(node.id) ||
      compactJson(before.materializations ?? []) !== compactJson(node.materializations ?? []);
  };
}
