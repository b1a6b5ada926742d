import type { PageData, Selection } from "./page_data.ts";

/** The edges of the page by what they start from and end in; columns are numbered through. */
export interface Links {
  readonly columnStart: readonly number[];
  readonly nodeOfColumn: readonly number[];
  /** Numbers of edges into and out of a node. */
  readonly into: readonly (readonly number[])[];
  readonly outOf: readonly (readonly number[])[];
  /** Numbers of column edges into and out of a column. */
  readonly intoColumn: readonly (readonly number[])[];
  readonly outOfColumn: readonly (readonly number[])[];
  /** Numbers of row edges into a node, and out of a column. */
  readonly rowsInto: readonly (readonly number[])[];
  readonly rowsOutOf: readonly (readonly number[])[];
}

/**
 * What a selection lights. In every list 0 is dark, 1 upstream, 2 downstream, 3 the selection
 * itself and 4 what hangs together with it only because columns decide rows.
 */
export interface Trace {
  readonly nodes: Uint8Array;
  readonly edges: Uint8Array;
  readonly columns: Uint8Array;
  readonly columnEdges: Uint8Array;
  readonly rowEdges: Uint8Array;
}

/** Indexes the edges. Runs in the page, so it uses nothing from outside of itself. */
export function linkEdges(data: PageData): Links {
  const columnStart: number[] = [];
  const nodeOfColumn: number[] = [];
  data.nodes.forEach(({ columns }, node) => {
    columnStart.push(nodeOfColumn.length);
    columns.forEach(() => nodeOfColumn.push(node));
  });
  const lists = (length: number): number[][] => Array.from({ length }, () => []);
  const links = {
    columnStart,
    nodeOfColumn,
    into: lists(data.nodes.length),
    outOf: lists(data.nodes.length),
    intoColumn: lists(nodeOfColumn.length),
    outOfColumn: lists(nodeOfColumn.length),
    rowsInto: lists(data.nodes.length),
    rowsOutOf: lists(nodeOfColumn.length),
  };
  const { edges, columnEdges, rowEdges } = data;
  for (let i = 0; i < edges.length; i += 2) {
    links.outOf[edges[i]!]!.push(i / 2);
    links.into[edges[i + 1]!]!.push(i / 2);
  }
  for (let i = 0; i < columnEdges.length; i += 4) {
    const from = columnStart[columnEdges[i]!]! + columnEdges[i + 1]!;
    const to = columnStart[columnEdges[i + 2]!]! + columnEdges[i + 3]!;
    links.outOfColumn[from]!.push(i / 4);
    links.intoColumn[to]!.push(i / 4);
  }
  for (let i = 0; i < rowEdges.length; i += 3) {
    links.rowsOutOf[columnStart[rowEdges[i]!]! + rowEdges[i + 1]!]!.push(i / 3);
    links.rowsInto[rowEdges[i + 2]!]!.push(i / 3);
  }
  return links;
}

/**
 * What to light for a selection. A node lights everything up and down. A column lights the columns
 * it is computed from and those computed from it, the columns that decide the rows of the nodes on
 * that path, and the nodes whose rows it decides itself.
 *
 * Runs in the page, so it uses nothing from outside of itself.
 */
export function traceSelection(data: PageData, links: Links, selection: Selection): Trace {
  const trace: Trace = {
    nodes: new Uint8Array(data.nodes.length),
    edges: new Uint8Array(data.edges.length / 2),
    columns: new Uint8Array(links.nodeOfColumn.length),
    columnEdges: new Uint8Array(data.columnEdges.length / 4),
    rowEdges: new Uint8Array(data.rowEdges.length / 3),
  };
  const up = 1;
  const down = 2;
  const self = 3;
  const byRows = 4;
  if (selection.column === -1) {
    const { edges } = data;
    trace.nodes[selection.node] = self;
    walk(selection.node, links.into, (edge) => edges[edge * 2]!, trace.nodes, trace.edges, up);
    walk(
      selection.node,
      links.outOf,
      (edge) => edges[edge * 2 + 1]!,
      trace.nodes,
      trace.edges,
      down,
    );
    return trace;
  }

  const { columnEdges, rowEdges } = data;
  const end = (edge: number, side: number) =>
    links.columnStart[columnEdges[edge * 4 + side]!]! + columnEdges[edge * 4 + side + 1]!;
  const start = links.columnStart[selection.node]! + selection.column;
  trace.columns[start] = self;
  const { columns, columnEdges: lit } = trace;
  walk(start, links.intoColumn, (edge) => end(edge, 0), columns, lit, up);
  walk(start, links.outOfColumn, (edge) => end(edge, 2), columns, lit, down);
  columns.forEach((side, column) => {
    const node = links.nodeOfColumn[column]!;
    if (side !== 0 && trace.nodes[node] === 0) trace.nodes[node] = side;
  });
  trace.nodes[selection.node] = self;

  const passed = [...trace.nodes.keys()].filter((node) => trace.nodes[node] !== 0);
  const read = [...columns.keys()].filter((column) => columns[column]! >= down);
  for (const node of passed) {
    for (const edge of links.rowsInto[node]!) {
      trace.rowEdges[edge] = byRows;
      const [from, column] = [rowEdges[edge * 3]!, rowEdges[edge * 3 + 1]!];
      if (trace.nodes[from] === 0) trace.nodes[from] = byRows;
      const index = links.columnStart[from]! + column;
      if (columns[index] === 0) columns[index] = byRows;
    }
  }
  for (const column of read) {
    for (const edge of links.rowsOutOf[column]!) {
      trace.rowEdges[edge] = byRows;
      const node = rowEdges[edge * 3 + 2]!;
      if (trace.nodes[node] === 0) trace.nodes[node] = byRows;
    }
  }
  return trace;

  function walk(
    from: number,
    edgesOf: readonly (readonly number[])[],
    otherEnd: (edge: number) => number,
    items: Uint8Array,
    edges: Uint8Array,
    side: number,
  ): void {
    const queue = [from];
    for (let next = 0; next < queue.length; next++) {
      for (const edge of edgesOf[queue[next]!]!) {
        edges[edge] = side;
        const other = otherEnd(edge);
        if (items[other] !== 0) continue;
        items[other] = side;
        queue.push(other);
      }
    }
  }
}
