import type { EnvName, NodeId } from "./ids.ts";
import type { MaterializationRecord } from "./materialization.ts";

/** What an exposure was last delivered as. */
export interface DeliveryRecord {
  /** Where to, as written: no secrets. */
  readonly target: string;
  /** Stands for the exposure and the content of its inputs: equal where delivering again would bring nothing new. */
  readonly delivery_hash: string;
  /** Rows that were delivered. */
  readonly rows: number;
}

/** What is outside of one node, environment by environment: its tables, or what was delivered of an exposure. */
export interface OutsideRecord {
  readonly format_version: 1;
  readonly id: NodeId;
  /** By environment, then target. An environment's tree has its own; a promotion adds those of where it went. */
  readonly tables: readonly (MaterializationRecord & { readonly environment: EnvName })[];
  /** By environment; absent: nothing was delivered. A promotion keeps those of where it went. */
  readonly deliveries?: readonly (DeliveryRecord & { readonly environment: EnvName })[];
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

/** What exposures were last delivered as in an environment, by node. */
export type DeliveriesByNode = ReadonlyMap<NodeId, DeliveryRecord>;

/** The deliveries of one environment. */
export function deliveriesOf(outside: Outside, env: EnvName): DeliveriesByNode {
  const found = new Map<NodeId, DeliveryRecord>();
  for (const { id, deliveries = [] } of outside.values()) {
    for (const { environment, ...record } of deliveries) {
      if (environment === env) found.set(id, record);
    }
  }
  return found;
}

/**
 * The same with one environment's tables replaced; its deliveries stay. What is there of other environments stays if
 * `keep` names them, or all of them do.
 */
export function withTables(
  outside: Outside,
  env: EnvName,
  tables: TablesByNode,
  keep: readonly EnvName[] | "all",
): Outside {
  const isKept = (environment: EnvName) =>
    environment !== env && (keep === "all" || keep.includes(environment));
  return changed(outside, [...tables.keys()], (id, record) => ({
    tables: [
      ...record.tables.filter(({ environment }) => isKept(environment)),
      ...(tables.get(id) ?? []).map((table) => ({ environment: env, ...table })),
    ],
    deliveries: (record.deliveries ?? []).filter(({ environment }) =>
      environment === env || isKept(environment)
    ),
  }));
}

/** The same with one environment's deliveries replaced. */
export function withDeliveries(
  outside: Outside,
  env: EnvName,
  deliveries: DeliveriesByNode,
): Outside {
  return changed(outside, [...deliveries.keys()], (id, record) => {
    const own = deliveries.get(id);
    return {
      tables: record.tables,
      deliveries: [
        ...(record.deliveries ?? []).filter(({ environment }) => environment !== env),
        ...(own === undefined ? [] : [{ environment: env, ...own }]),
      ],
    };
  });
}

type Contents = Required<Pick<OutsideRecord, "tables" | "deliveries">>;

/** Every record that is not changed, and the whole where none is, is the very object it was. */
function changed(
  outside: Outside,
  added: readonly NodeId[],
  change: (id: NodeId, record: OutsideRecord) => Contents,
): Outside {
  const ids = [...new Set([...outside.keys(), ...added])].sort();
  const records = ids.flatMap((id): OutsideRecord[] => {
    const before: OutsideRecord = outside.get(id) ?? { format_version: 1, id, tables: [] };
    const after = change(id, before);
    const tables = [...after.tables].sort((a, b) =>
      compare(a.environment, b.environment) || compare(a.target, b.target)
    );
    const deliveries = [...after.deliveries].sort((a, b) => compare(a.environment, b.environment));
    if (tables.length + deliveries.length === 0) return [];
    const isSame = JSON.stringify(before.tables) === JSON.stringify(tables) &&
      JSON.stringify(before.deliveries ?? []) === JSON.stringify(deliveries);
    if (isSame) return [before];
    return [{ format_version: 1, id, tables, ...(deliveries.length === 0 ? {} : { deliveries }) }];
  });
  const isSame = records.length === outside.size &&
    records.every((record) => outside.get(record.id) === record);
  return isSame ? outside : new Map(records.map((record) => [record.id, record]));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
