import { reachable, readersOf } from "../dag/graph.ts";
import { type EnvName, type NodeId, PROD } from "../model/ids.ts";
import type { Manifest, ManifestNode } from "../model/manifest.ts";
import { isPartial, type Selection, selectNodes } from "../plan/select_nodes.ts";
import { findNodeOrColumn } from "./find_node.ts";
import { loadManifest } from "./load_manifest.ts";
import { requireEnvironment } from "./require_environment.ts";
import { nodeText } from "./sql_diff.ts";
import type { Workspace } from "./workspace.ts";

/** From where a value or a row comes to where it goes. */
export interface LineageEdge {
  readonly from: string;
  readonly to: string;
}

/** A node in a lineage. */
export interface LineageNode {
  readonly id: NodeId;
  readonly kind: string;
  readonly file: string;
  readonly description: string | null;
  readonly sql: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** False where its columns cannot be followed. */
  readonly traced: boolean;
  /** Why they cannot. */
  readonly untraced: string | null;
}

/** Nodes with what flows between them, as `lineage --json` prints it. */
export interface Lineage {
  readonly format_version: 1;
  /** Null for the project's files. */
  readonly environment: EnvName | null;
  readonly commit: string | null;
  /** The node or column asked for; null for everything. */
  readonly focus: string | null;
  readonly nodes: readonly LineageNode[];
  /** Between nodes. */
  readonly edges: readonly LineageEdge[];
  /** `source.src.email` to `transform.a.email`: computed from. */
  readonly column_edges: readonly LineageEdge[];
  /** `source.src.amount` to `transform.users`: decides which rows come out. */
  readonly row_edges: readonly LineageEdge[];
}

/** What to trace. */
export interface LineageRequest {
  /** Null: the project's files as they are now. */
  readonly env: EnvName | null;
  /** A node, a column (`kind.name.column`), or null for everything. */
  readonly focus: string | null;
  readonly direction: "up" | "down" | "both";
  /** Steps from the focus. */
  readonly depth: number;
  /** Everything, with the focus only named. */
  readonly whole: boolean;
  /** Leaves out the nodes that it does not choose; absent: none. */
  readonly selection?: Selection;
}

/**
 * Follows nodes and columns up and down. Writes nothing.
 * Throws `unknown_environment`, `unknown_node`, `unknown_column` (2) and `invalid_project` (3).
 */
export async function traceLineage(
  workspace: Workspace,
  request: LineageRequest,
): Promise<Lineage> {
  const { state } = workspace;
  const commit = request.env === null ? null : requireEnvironment(workspace, request.env);
  const manifest = commit === null
    ? (await loadManifest(workspace, [(await state.snapshot(state.head(PROD))).manifest])).manifest
    : (await state.snapshot(commit)).manifest;
  const focus = request.focus === null
    ? null
    : findNodeOrColumn(manifest, request.focus, request.env ?? undefined);
  const edges = edgesOf(manifest);
  const isChosen = chosenBy(manifest, request.selection);
  const common = { format_version: 1 as const, environment: request.env, commit };
  if (focus === null || request.whole) {
    const name = focus &&
      [focus.node.id, ...(focus.column === null ? [] : [focus.column])].join(".");
    return {
      ...common,
      focus: name,
      ...lineageOf([...manifest.nodes.values()].filter(isChosen), edges),
    };
  }
  if (focus.column === null) {
    const ids = around(manifest, focus.node.id, request);
    const nodes = [...manifest.nodes.values()].filter((node) => ids.has(node.id) && isChosen(node));
    return { ...common, focus: focus.node.id, ...lineageOf(nodes, edges) };
  }
  const column = `${focus.node.id}.${focus.column}`;
  const columns = aroundColumn(edges.columns, column, request);
  const kept = edges.columns.filter(({ from, to }) => columns.has(from) && columns.has(to));
  const rows = edges.rows.filter(({ from }) => columns.has(from));
  const ids = new Set<string>([...[...columns].map(idOfColumn), ...rows.map(({ to }) => to)]);
  const nodes = [...manifest.nodes.values()].filter((node) => ids.has(node.id) && isChosen(node));
  return { ...common, focus: column, ...lineageOf(nodes, { columns: kept, rows }) };
}

/** Tells the nodes that a selection chooses. */
function chosenBy(
  manifest: Manifest,
  selection: Selection | undefined,
): (node: ManifestNode) => boolean {
  if (selection === undefined || !isPartial(selection)) return () => true;
  const { ids } = selectNodes(manifest, selection, new Set());
  return ({ id }) => ids.has(id);
}

interface Edges {
  readonly columns: readonly LineageEdge[];
  readonly rows: readonly LineageEdge[];
}

function edgesOf({ nodes }: Manifest): Edges {
  const columns: LineageEdge[] = [];
  const rows: LineageEdge[] = [];
  for (const { id, shape: { lineage } } of nodes.values()) {
    if (lineage === null) continue;
    for (const [column, reads] of Object.entries(lineage.columns)) {
      for (const from of readColumns(reads)) columns.push({ from, to: `${id}.${column}` });
    }
    for (const from of readColumns(lineage.rows)) rows.push({ from, to: id });
  }
  return { columns, rows };
}

function readColumns(reads: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(reads).flatMap(([id, columns]) => columns.map((name) => `${id}.${name}`));
}

function lineageOf(
  nodes: Iterable<ManifestNode>,
  { columns, rows }: Edges,
): Pick<Lineage, "nodes" | "edges" | "column_edges" | "row_edges"> {
  const list = [...nodes];
  const ids = new Set<string>(list.map(({ id }) => id));
  const isHere = (column: string) => ids.has(idOfColumn(column));
  return {
    nodes: list.map(({ id, kind, file, description, sql, config, shape }) => ({
      id,
      kind,
      file,
      description,
      sql: nodeText({ sql, config }),
      columns: shape.columns.map(({ name, type }) => ({ name, type })),
      traced: shape.lineage !== null,
      untraced: shape.untraced ?? null,
    })),
    edges: list.flatMap(({ id, inputs }) =>
      inputs.filter((input) => ids.has(input)).map((input) => ({ from: input, to: id }))
    ),
    column_edges: columns.filter(({ from, to }) => isHere(from) && isHere(to)),
    row_edges: rows.filter(({ from, to }) => isHere(from) && ids.has(to)),
  };
}

/** Names of nodes hold no dot: the id ends at the second one. */
function idOfColumn(column: string): string {
  return column.slice(0, column.indexOf(".", column.indexOf(".") + 1));
}

function around(
  manifest: Manifest,
  id: NodeId,
  { direction, depth }: LineageRequest,
): Set<NodeId> {
  const readers = readersOf(manifest.nodes.values());
  const up = reachable([id], (node) => manifest.nodes.get(node)?.inputs ?? [], depth);
  const down = reachable([id], (node) => readers.get(node) ?? [], depth);
  return new Set([...(direction === "down" ? [] : up), ...(direction === "up" ? [] : down)]);
}

function aroundColumn(
  edges: readonly LineageEdge[],
  column: string,
  { direction, depth }: LineageRequest,
): Set<string> {
  const next = (key: "from" | "to", other: "from" | "to") => {
    const map = new Map<string, NodeId[]>();
    for (const edge of edges) {
      const list = map.get(edge[key]);
      if (list === undefined) map.set(edge[key], [edge[other] as NodeId]);
      else list.push(edge[other] as NodeId);
    }
    return (id: NodeId) => map.get(id) ?? [];
  };
  const up = direction === "down" ? [] : reachable([column as NodeId], next("to", "from"), depth);
  const down = direction === "up" ? [] : reachable([column as NodeId], next("from", "to"), depth);
  return new Set<string>([column, ...up, ...down]);
}
