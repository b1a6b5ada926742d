import { compactJson } from "../base/canonical_json.ts";
import { compareText } from "../base/diagnostic.ts";
import { sha256 } from "../base/hash.ts";
import type { Fingerprint, NodeId } from "../model/ids.ts";
import type { IncrementalState } from "../model/incremental.ts";
import type {
  ManifestNode,
  NodeParts,
  QueryShape,
  Reads,
  SourceVersion,
} from "../model/manifest.ts";

/** Raised whenever a fingerprint would mean something else than before. */
const FINGERPRINT_VERSION = 2;

/** Hex digits of the fingerprint of a part: 96 bits. */
const PART_DIGITS = 24;

/** An upstream node as its readers depend on it. */
export type FingerprintInput = Pick<ManifestNode, "id" | "fingerprint" | "shape" | "parts">;

/** Everything that decides a node's rows. */
export interface FingerprintParts {
  readonly id: NodeId;
  readonly engine: string;
  readonly queryHash: string;
  readonly version: SourceVersion | null;
  readonly shape: QueryShape;
  readonly inputs: readonly FingerprintInput[];
  /** For a node that is built piece by piece: what its output is made of, instead of its inputs. */
  readonly incremental?: IncrementalState | undefined;
}

/** What a node's output is made from, as a whole and as its readers see it. */
export interface Fingerprints {
  readonly fingerprint: Fingerprint;
  readonly parts: NodeParts;
}

/**
 * Hashes what a node's output depends on. Where its query was understood, that is the
 * meaning of every column and of the rows, with the fingerprints of exactly the upstream
 * columns and rows they come from; otherwise the query and its whole inputs.
 *
 * A part has the same fingerprint as before only if its readers would find the same
 * values. What may come out otherwise the next time therefore has the node's own in it.
 * Description, owner, tags, file name and spelling are in none of them.
 */
export function fingerprintsOf(node: FingerprintParts): Fingerprints {
  const { shape, inputs } = node;
  const { lineage } = shape;
  if (node.incremental !== undefined) {
    const fingerprint = sha256(compactJson({
      version: FINGERPRINT_VERSION,
      ...node.incremental,
      base: node.incremental.base?.fingerprint ?? null,
    })) as Fingerprint;
    return { fingerprint, parts: wholeParts(fingerprint, shape) };
  }
  const common = { version: FINGERPRINT_VERSION, engine: node.engine };
  if (lineage === null || shape.rows === null) {
    const fingerprint = sha256(compactJson({
      ...common,
      id: node.id,
      query: node.queryHash,
      data: node.version?.hash ?? null,
      inputs: wholeInputs(inputs),
    })) as Fingerprint;
    return { fingerprint, parts: wholeParts(fingerprint, shape) };
  }
  const upstream = new Map(inputs.map((input) => [input.id, input]));
  const rows = [shape.rows, partsRead(lineage.rows, upstream)];
  const columns = shape.columns.map(({ name, type, expression }) => [
    type,
    expression,
    partsRead(lineage.columns[name] ?? {}, upstream),
  ]);
  const order = shape.order ? [shape.order, partsRead(lineage.order, upstream)] : null;
  const fingerprint = sha256(compactJson({
    ...common,
    rows,
    columns,
    names: shape.columns.map(({ name }) => name),
    order,
    // Any choice among equals is right as long as the rows are the same; but an order that
    // somebody asked for is one that readers count on.
    sequence: shape.order_sensitive === true ? inputOrders(inputs) : null,
    // Two nodes of the same query do not share what chance gave to one of them.
    own: isUnstable(shape) ? node.id : null,
  })) as Fingerprint;
  const part = (value: unknown, unstable: boolean) =>
    sha256(compactJson([common, value, unstable ? fingerprint : null])).slice(0, PART_DIGITS);
  return {
    fingerprint,
    parts: {
      rows: part(rows, shape.unstable_rows === true),
      columns: shape.columns.map(({ unstable }, i) => part(columns[i], unstable === true)),
      order: order === null ? null : part(order, false),
    },
  };
}

/** The fingerprint a node would have if it read these nodes; null where an input is not among them. */
export function fingerprintFrom(
  node: ManifestNode,
  nodes: ReadonlyMap<NodeId, FingerprintInput>,
  engine: string,
): Fingerprint | null {
  const inputs = node.inputs.flatMap((id) => nodes.get(id) ?? []);
  if (inputs.length < node.inputs.length) return null;
  return fingerprintsOf({ ...node, engine, queryHash: node.query_hash, inputs }).fingerprint;
}

function isUnstable(shape: QueryShape): boolean {
  return shape.unstable_rows === true || shape.columns.some(({ unstable }) => unstable === true);
}

function wholeInputs(inputs: readonly FingerprintInput[]): [NodeId, Fingerprint][] {
  const unique = new Map(inputs.map(({ id, fingerprint }) => [id, fingerprint]));
  return [...unique].sort(([a], [b]) => compareText(a, b));
}

function inputOrders(inputs: readonly FingerprintInput[]): [NodeId, string | null][] {
  const orders = new Map(inputs.map((input) => [input.id, partsOf(input).order]));
  return [...orders].sort(([a], [b]) => compareText(a, b));
}

/** Parts of a node of which nothing finer is known: each changes with the whole. */
function wholeParts(fingerprint: Fingerprint, { columns }: QueryShape): NodeParts {
  const part = fingerprint.slice(0, PART_DIGITS);
  return { rows: part, columns: columns.map(() => part), order: part };
}

function partsRead(reads: Reads, upstream: ReadonlyMap<NodeId, FingerprintInput>): unknown[] {
  return Object.entries(reads).map(([id, columns]) => {
    const node = upstream.get(id as NodeId)!;
    return [id, partsOf(node).rows, columns.map((column) => columnPart(node, column))];
  });
}

/** The fingerprints of a node's rows and columns. */
export function partsOf(node: Pick<ManifestNode, "fingerprint" | "shape" | "parts">): NodeParts {
  return node.parts ?? wholeParts(node.fingerprint, node.shape);
}

/** The fingerprint of one column; null when the node has no such column. */
export function columnPart(
  node: Pick<ManifestNode, "fingerprint" | "shape" | "parts">,
  column: string,
): string | null {
  const at = node.shape.columns.findIndex(({ name }) => name === column);
  return partsOf(node).columns[at] ?? null;
}
