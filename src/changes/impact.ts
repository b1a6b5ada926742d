import { compareText } from "../base/diagnostic.ts";
import { columnPart, partsOf } from "../dag/fingerprint.ts";
import type { Change } from "../model/change.ts";
import type { NodeId } from "../model/ids.ts";
import type { ColumnShape, Manifest, ManifestNode } from "../model/manifest.ts";
import { readsFiles } from "./categorize.ts";

/** Something upstream that changed and that a node reads. */
export interface UpstreamChange {
  /** In words: `reads transform.users.email, whose expression changed`. */
  readonly reason: string;
  /** Where it started: `kind.name.column`, or `kind.name` for its rows. */
  readonly because: readonly string[];
}

/** Two manifests and what became of their nodes so far, inputs before readers. */
export interface Comparison {
  readonly before: Manifest;
  readonly after: Manifest;
  readonly changes: ReadonlyMap<NodeId, Change>;
}

/** What a node notices of the change of one of its inputs, which both manifests may have. */
export function impactOf(
  reader: ManifestNode,
  id: NodeId,
  comparison: Comparison,
): UpstreamChange[] {
  const [before, input] = [comparison.before.nodes.get(id), comparison.after.nodes.get(id)];
  const change = comparison.changes.get(id);
  if (input === undefined || change === undefined || before === input) return [];
  if (before === undefined) return [{ reason: `reads ${id}, which is new`, because: [id] }];
  const { lineage } = reader.shape;
  if (lineage === null) {
    return before.fingerprint === input.fingerprint
      ? []
      : [{ reason: `reads ${id}, which changed`, because: origins(id, change) }];
  }
  if (partsOf(before).rows !== partsOf(input).rows && readsNode(reader, id)) {
    // Data are other data; a query may still give the same rows.
    const what = readsFiles(input) ? "whose rows changed" : "whose rows can change";
    return [{ reason: `reads ${id}, ${what}`, because: origins(id, change) }];
  }
  const columns = readColumns(reader, id).filter((column) =>
    columnPart(before, column) !== columnPart(input, column)
  );
  if (columns.length > 0) {
    return columns.map((column) => columnChange(column, before, input, comparison));
  }
  return order(reader, before, input, change);
}

function origins(id: NodeId, change: Change): readonly string[] {
  return isOwn(change) || change.because.length === 0 ? [id, ...change.because] : change.because;
}

function isOwn({ kind, category }: Change): boolean {
  return kind === "new" || (kind === "direct" && category !== "METADATA");
}

function columnChange(
  column: string,
  before: ManifestNode,
  after: ManifestNode,
  comparison: Comparison,
): UpstreamChange {
  const name = `${after.id}.${column}`;
  const [old, now] = [columnOf(before, column), columnOf(after, column)!];
  const because = columnOrigins(after.id, column, comparison);
  const why = (words: string) => ({ reason: `reads ${name}, ${words}`, because });
  if (old === undefined) return why("which is new");
  if (isOwn(comparison.changes.get(after.id)!)) {
    if (old.name !== now.name) return why("whose name is spelled otherwise now");
    if (old.type !== now.type) return why("whose type changed");
    if (old.expression !== now.expression) {
      return why(readsFiles(after) ? "whose values changed" : "whose expression changed");
    }
    if (now.unstable === true) return why("which may get other values when it is built again");
  }
  const { override } = before;
  if (override?.category === "NON_BREAKING" && old.expression === now.expression) {
    return why(`whose change was kept from readers until now, as decided by ${override.by}`);
  }
  const from = because.filter((cause) => cause !== name);
  return why(from.length === 0 ? "which changed" : `which comes from ${from.join(", ")}`);
}

function columnOf({ shape }: ManifestNode, column: string) {
  return shape.columns.find(({ name }) => name.toLowerCase() === column.toLowerCase());
}

/** The columns further up in which the change of a column starts; itself where it starts there. */
function columnOrigins(
  id: NodeId,
  column: string,
  comparison: Comparison,
  seen: Set<string> = new Set(),
): string[] {
  const name = `${id}.${column}`;
  const [before, after] = [comparison.before.nodes.get(id), comparison.after.nodes.get(id)];
  if (seen.has(name) || after === undefined) return [];
  seen.add(name);
  const [old, now] = [before && columnOf(before, column), columnOf(after, column)];
  if (before === undefined || isOwnEdit(old, now)) return [name];
  const reads = Object.entries(after.shape.lineage?.columns[column] ?? {});
  const found = reads.flatMap(([input, columns]) =>
    columns.filter((read) => isPartMoved(input as NodeId, read, comparison))
      .flatMap((read) => columnOrigins(input as NodeId, read, comparison, seen))
  );
  return found.length > 0 ? [...new Set(found)].sort(compareText) : [name];
}

function isOwnEdit(old: ColumnShape | undefined, now: ColumnShape | undefined): boolean {
  return old === undefined || now === undefined || old.expression !== now.expression;
}

function isPartMoved(id: NodeId, column: string, { before, after }: Comparison): boolean {
  const [old, now] = [before.nodes.get(id), after.nodes.get(id)];
  return old === undefined || now === undefined ||
    columnPart(old, column) !== columnPart(now, column);
}

/** True when a node reads something of an input that means something else than before, whatever was decided about it. */
export function readsChanged(
  reader: ManifestNode,
  before: ManifestNode,
  after: ManifestNode,
): boolean {
  if (reader.shape.lineage === null) return true;
  if (before.shape.rows !== after.shape.rows) return true;
  const meaning = ({ shape }: ManifestNode, column: string) =>
    shape.columns.find(({ name }) => name === column);
  return readColumns(reader, after.id).some((column) => {
    const [old, now] = [meaning(before, column), meaning(after, column)];
    return old?.expression !== now?.expression || old?.type !== now?.type;
  });
}

/** Nothing that is read changed: what is left is a node that takes the rows as they come. */
function order(
  reader: ManifestNode,
  before: ManifestNode,
  input: ManifestNode,
  change: Change,
): UpstreamChange[] {
  if (reader.shape.order_sensitive !== true || partsOf(before).order === partsOf(input).order) {
    return [];
  }
  return [{
    reason: `depends on the order of ${input.id}, which changed`,
    because: origins(input.id, change),
  }];
}

/** True when anything of a node is read. */
function readsNode(reader: ManifestNode, id: NodeId): boolean {
  const { columns, rows, order } = reader.shape.lineage!;
  return [...Object.values(columns), rows, order].some((reads) => Object.hasOwn(reads, id));
}

/** Columns of a node that are read, for whatever purpose. */
function readColumns(reader: ManifestNode, id: NodeId): string[] {
  const { columns, rows, order } = reader.shape.lineage!;
  const found = [...Object.values(columns), rows, order].flatMap((reads) => reads[id] ?? []);
  return [...new Set(found)];
}
