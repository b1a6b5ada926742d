import type { LineageNode } from "../../../app/trace_lineage.ts";

/** What the page embeds: nodes and columns named by number, so that 20,000 edges stay small. */
export interface PageData {
  readonly title: string;
  readonly nodes: readonly PageNode[];
  /** Pairs `from, to` of node numbers. */
  readonly edges: readonly number[];
  /** Quadruples `from node, from column, to node, to column`. */
  readonly columnEdges: readonly number[];
  /** Triples `from node, from column, to node`. */
  readonly rowEdges: readonly number[];
  readonly focus: Selection | null;
}

/** A node as the page shows it. */
export interface PageNode extends Omit<LineageNode, "id" | "untraced"> {
  readonly id: string;
}

/** A node, or one of its columns; `column` is -1 for the node as a whole. */
export interface Selection {
  readonly node: number;
  readonly column: number;
}
