import { columnPart, partsOf } from "../dag/fingerprint.ts";
import type { Change } from "../model/change.ts";
import type { NodeId } from "../model/ids.ts";
import type { ManifestNode } from "../model/manifest.ts";

/** Something upstream that changed and that a node reads. */
export interface UpstreamChange {
  /** In words: `reads transform.users.email, whose expression changed`. */
  readonly reason: string;
  /** Where it started: `kind.name.column`, or `kind.name` for its rows. */
  readonly because: readonly string[];
}

/** What a node notices of the change of one of its inputs. */
export function impactOf(
  reader: ManifestNode,
  input: ManifestNode,
  before: ManifestNode | undefined,
  change: Change,
): UpstreamChange[] {
  const { id } = input;
  if (before === undefined) return [{ reason: `reads ${id}, which is new`, because: [id] }];
  if (before === input) return [];
  const { lineage } = reader.shape;
  if (lineage === null) {
    return before.fingerprint === input.fingerprint
      ? []
      : [{ reason: `reads ${id}, which changed`, because: origins(id, change) }];
  }
  if (partsOf(before).rows !== partsOf(input).rows && readsNode(reader, id)) {
    return [{ reason: `reads ${id}, whose rows changed`, because: origins(id, change) }];
  }
  const columns = readColumns(reader, id).filter((column) =>
    columnPart(before, column) !== columnPart(input, column)
  );
  if (columns.length > 0) {
    return columns.map((column) => columnChange(id, column, before, input, change));
  }
  return order(reader, input, before, change);
}

function origins(id: NodeId, { kind, category, because }: Change): readonly string[] {
  const own = kind === "new" || (kind === "direct" && category !== "METADATA");
  return own || because.length === 0 ? [id, ...because] : because;
}

function columnChange(
  id: NodeId,
  column: string,
  before: ManifestNode,
  after: ManifestNode,
  change: Change,
): UpstreamChange {
  const name = `${id}.${column}`;
  const shapeOf = (node: ManifestNode) => node.shape.columns.find((c) => c.name === column);
  const [old, now] = [shapeOf(before), shapeOf(after)];
  if (old === undefined) return { reason: `reads ${name}, which is new`, because: [name] };
  const own = change.kind === "direct" && change.category !== "METADATA";
  if (own && old.expression !== now!.expression) {
    const what = after.kind === "source"
      ? "values"
      : old.type !== now!.type
      ? "type"
      : "expression";
    return { reason: `reads ${name}, whose ${what} changed`, because: [name] };
  }
  if (own && now!.unstable === true) {
    return {
      reason: `reads ${name}, which may get other values when it is built again`,
      because: [name],
    };
  }
  const because = own ? [name] : change.because;
  const from = because.filter((cause) => cause !== name);
  return {
    reason: `reads ${name}${
      from.length === 0 ? ", which changed" : `, which comes from ${from.join(", ")}`
    }`,
    because: because.length > 0 ? because : [name],
  };
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

/** Nothing that is read changed: what is left is a node for which the order or the whole counts. */
function order(
  reader: ManifestNode,
  input: ManifestNode,
  before: ManifestNode,
  change: Change,
): UpstreamChange[] {
  if (reader.shape.order_sensitive !== true || before.fingerprint === input.fingerprint) return [];
  const because = origins(input.id, change);
  return [{
    reason: `depends on the order in which ${input.id} comes, and that is built again`,
    because,
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
