import type { EnvName, NodeId } from "./ids.ts";
import type { MaterializationRecord } from "./materialization.ts";

/** What tables outside hold of one node, environment by environment. */
export interface OutsideRecord {
  readonly format_version: 1;
  readonly id: NodeId;
  /** By environment, then target. An environment's tree has its own; a promotion adds those of where it went. */
  readonly tables: readonly (MaterializationRecord & { readonly environment: EnvName })[];
}

/** {@linkcode OutsideRecord}s by node. */
export type Outside = ReadonlyMap<NodeId, OutsideRecord>;

/** What the tables of one environment hold, by node. */
export type TablesByNode = ReadonlyMap<NodeId, readonly MaterializationRecord[]>;

/** The tables of one environment. */
export function tablesOf(outside: Outside, env: EnvName): TablesByNode {
  const tables = new Map<NodeId, MaterializationRecord[]>();
  for (const { id, tables: all } of outside.values()) {
    const own = all.flatMap(({ environment, ...record }) => environment === env ? [record] : []);
    if (own.length > 0) tables.set(id, own);
  }
  return tables;
}

/** The same with one environment's tables replaced, and those of environments that are not in `keep` left out. */
export function withTables(
  outside: Outside,
  env: EnvName,
  tables: TablesByNode,
  keep: readonly EnvName[] = [],
): Outside {
  const ids = [...new Set([...outside.keys(), ...tables.keys()])].sort();
  const records = ids.flatMap((id): OutsideRecord[] => {
    const others = (outside.get(id)?.tables ?? [])
      .filter(({ environment }) => environment !== env && keep.includes(environment));
    const own = (tables.get(id) ?? []).map((record) => ({ environment: env, ...record }));
    const all = [...others, ...own].sort((a, b) =>
      compare(a.environment, b.environment) || compare(a.target, b.target)
    );
    if (all.length === 0) return [];
    const before = outside.get(id);
    return [
      before !== undefined && JSON.stringify(before.tables) === JSON.stringify(all)
        ? before
        : { format_version: 1, id, tables: all },
    ];
  });
  const isSame = records.length === outside.size &&
    records.every((record) => outside.get(record.id) === record);
  return isSame ? outside : new Map(records.map((record) => [record.id, record]));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
