import { layersOf } from "../dag/graph.ts";
import type { EnvName, NodeId } from "../model/ids.ts";
import type { Manifest } from "../model/manifest.ts";
import type {
  MaterializationRecord,
  MaterializationSpec,
  TableWrite,
} from "../model/materialization.ts";
import type { TablesByNode } from "../model/outside.ts";
import type { Profile } from "../model/profile.ts";
import type { NodeRecord } from "../model/snapshot.ts";
import type { WantedTable } from "./wanted_tables.ts";

/** A name for a batch: contents may come again, batches do not. */
export function newBatch(): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, 12);
}

/** What has to happen to the tables of an environment. */
export interface TableChanges {
  /** Name of the batch that does it. */
  readonly batch: string;
  /** What is read comes before what reads it. */
  readonly writes: readonly TableWrite[];
  /** What the tables hold when all of it has happened. */
  readonly after: TablesByNode;
  /** Tables that nothing writes to any more; they are left as they are. */
  readonly released: readonly MaterializationRecord[];
  /** Tables that are left to a later command, in words that name them. */
  readonly left: readonly string[];
}

/** What tables are to become. */
export interface TableChangesRequest {
  readonly env: EnvName;
  readonly project: string;
  readonly profile: Profile;
  readonly manifest: Manifest;
  readonly wanted: readonly WantedTable[];
  /** Outputs of the nodes; those without a success are left alone. */
  readonly results: ReadonlyMap<NodeId, NodeRecord>;
  /** What the tables hold now. */
  readonly now: TablesByNode;
  /** Name of the batch that will write them. */
  readonly batch: string;
  /** Write tables that hold their content already. */
  readonly forced?: boolean;
  /**
   * A rollback, to a state that says its tables held this: those that were added to since are
   * taken back to it. Tables that are added to and had nothing then are left alone.
   */
  readonly back?: TablesByNode;
  /** Tables that are left as they are for now. */
  readonly isLeft?: (table: WantedTable) => boolean;
  /** A table that may hold the same content, to be taken over without copying. */
  readonly like?: (table: WantedTable) => readonly string[] | null;
}

/** Changes that leave every table as it is. */
export function noTableChanges(now: TablesByNode): TableChanges {
  return { batch: "none", writes: [], after: now, released: [], left: [] };
}

/** Compares what the tables of an environment should hold with what they hold. Pure. */
export function tableChanges(request: TableChangesRequest): TableChanges {
  const { now, wanted } = request;
  const writes: TableWrite[] = [];
  const left: string[] = [];
  const after = new Map<NodeId, MaterializationRecord[]>();
  const keep = (id: NodeId, record: MaterializationRecord) =>
    after.set(id, [...(after.get(id) ?? []), record]);
  for (const table of wanted) {
    const held = now.get(table.node)?.find((record) => isSameTable(record, table));
    const result = request.results.get(table.node);
    if (result?.status !== "success") {
      if (held !== undefined) keep(table.node, held);
      continue;
    }
    const record = wantedRecord(table, result, request);
    if (record !== null && request.isLeft?.(table) === true) {
      if (held === undefined || !isHeld(held, record, request)) left.push(table.target);
      if (held !== undefined) keep(table.node, held);
      continue;
    }
    if (record === null) {
      if (held !== undefined) {
        keep(table.node, held);
        left.push(table.target);
      }
      continue;
    }
    if (request.forced !== true && held !== undefined && isHeld(held, record, request)) {
      const { batch: _, ...rest } = record;
      keep(table.node, held.batch === undefined ? rest : { ...rest, batch: held.batch });
      continue;
    }
    const write = writeOf(table, record, request);
    keep(table.node, recordOfWrite(write, request.batch));
    writes.push(write);
  }
  const released = [...now.values()].flat().filter((record) =>
    !wanted.some((table) => isSameTable(record, table))
  );
  const order = new Map(
    layersOf([...request.manifest.nodes.values()]).flat().map((n, i) => [n.id, i]),
  );
  writes.sort((a, b) => order.get(a.node)! - order.get(b.node)!);
  return { batch: request.batch, writes, after, released, left };
}

function isSameTable(
  record: MaterializationRecord,
  { spec, target, system }: WantedTable,
): boolean {
  return record.type === spec.type && record.connection === spec.connection &&
    record.target === target &&
    (record.system === undefined || system === null || record.system === system);
}

/** What a table is to hold; null where it is to be left alone. */
function wantedRecord(
  table: WantedTable,
  result: NodeRecord,
  { back }: TableChangesRequest,
): MaterializationRecord | null {
  const record = recordOf(table, result);
  if (back === undefined || isWhole(table.spec)) return record;
  const then = back.get(table.node)?.find((before) => isSameTable(before, table));
  // Not the node's output: that state may have left its tables behind it.
  return then === undefined ? null : {
    ...record,
    content_hash: then.content_hash,
    rows: then.rows,
    ...(then.batch === undefined ? {} : { batch: then.batch }),
  };
}

/**
 * A table that was added to is not added to again because of how that is spelled. Going back, the
 * content alone does not say what such a table held.
 */
function isHeld(
  held: MaterializationRecord,
  wanted: MaterializationRecord,
  { back }: TableChangesRequest,
): boolean {
  if (back !== undefined && wanted.batch !== undefined) return held.batch === wanted.batch;
  return held.content_hash === wanted.content_hash &&
    (held.spec_hash === wanted.spec_hash || wanted.mode === "append");
}

function recordOf(
  { spec, target, specHash, system }: WantedTable,
  result: NodeRecord,
): MaterializationRecord {
  return {
    type: spec.type,
    connection: spec.connection,
    ...(system === null ? {} : { system }),
    target,
    mode: spec.mode,
    content_hash: result.content_hash!,
    spec_hash: specHash,
    rows: result.rows!,
  };
}

/** What the state says of a table after a write of a batch. What went back holds what an earlier one brought in. */
export function recordOfWrite(
  { action, back_to, spec, system, target, content_hash, spec_hash, rows }: TableWrite,
  batch: string,
): MaterializationRecord {
  const holds = action === "write" ? batch : back_to;
  return {
    type: spec.type,
    connection: spec.connection,
    ...(system === undefined ? {} : { system }),
    target,
    mode: spec.mode,
    content_hash,
    spec_hash,
    rows,
    ...(holds === undefined ? {} : { batch: holds }),
  };
}

function writeOf(
  table: WantedTable,
  record: MaterializationRecord,
  { manifest, env, project, profile, forced, back, like }: TableChangesRequest,
): TableWrite {
  const { node, spec } = table;
  const takenOver = like?.(table) ?? null;
  return {
    node,
    table: table.table,
    target: table.target,
    ...(table.system === null ? {} : { system: table.system }),
    spec,
    action: back !== undefined && !isWhole(spec) ? "revert" : "write",
    ...(record.batch === undefined ? {} : { back_to: record.batch }),
    columns: manifest.nodes.get(node)!.shape.columns.map(({ name, type }) => ({ name, type })),
    rows: record.rows,
    content_hash: record.content_hash,
    spec_hash: record.spec_hash,
    owner: { project, environment: env },
    schema_evolution: spec.schema_evolution ?? profile.schemaEvolution,
    ...(takenOver === null ? {} : { like: takenOver }),
    ...(forced === true ? { forced } : {}),
  };
}

/** True where the table is the output, whatever it was before. */
export function isWhole({ mode }: MaterializationSpec): boolean {
  return mode === "full" || mode === "view";
}
