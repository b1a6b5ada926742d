import type { Selection } from "./page_data.ts";
import type { Scene } from "./scene.ts";

/**
 * What an arrow key goes to: to the left and right along the edges, up and down to the neighbour in
 * the layer or card. Null: there is nothing.
 *
 * Runs in the page, so it uses nothing from outside of itself.
 */
export function nextSelection(
  scene: Scene,
  selection: Selection | null,
  arrow: "Left" | "Right" | "Up" | "Down",
): Selection | null {
  const { order, rows, places, data, links } = scene;
  if (selection === null) return nodeOrNull(order.layers[0]?.find(isNode));
  const { node, column } = selection;
  if (arrow === "Up" || arrow === "Down") return beside(arrow === "Up" ? -1 : 1);
  return column === -1 ? alongEdge(arrow === "Left") : alongColumnEdge(arrow === "Left");

  function isNode(item: number): boolean {
    return item < order.nodeCount;
  }

  function nodeOrNull(node: number | undefined): Selection | null {
    return node === undefined ? null : { node, column: -1 };
  }

  function beside(step: number): Selection | null {
    if (column === -1) {
      const items = order.layers[order.layerOf[node]!]!.filter(isNode);
      return nodeOrNull(items[items.indexOf(node) + step]);
    }
    const next = rows[node]![rows[node]!.indexOf(column) + step];
    if (next !== undefined) return { node, column: next };
    return step === -1 ? { node, column: -1 } : null;
  }

  function alongColumnEdge(isLeft: boolean): Selection | null {
    const index = links.columnStart[node]! + column;
    const edge = (isLeft ? links.intoColumn : links.outOfColumn)[index]![0];
    if (edge === undefined) return null;
    const end = edge * 4 + (isLeft ? 0 : 2);
    return { node: data.columnEdges[end]!, column: data.columnEdges[end + 1]! };
  }

  function alongEdge(isLeft: boolean): Selection | null {
    const ends = isLeft
      ? links.into[node]!.map((edge) => data.edges[edge * 2]!)
      : links.outOf[node]!.map((edge) => data.edges[edge * 2 + 1]!);
    const distance = (end: number) => Math.abs(places.portY[end]! - places.portY[node]!);
    const shown = ends.filter((end) => order.layerOf[end] !== -1);
    return nodeOrNull(shown.sort((a, b) => distance(a) - distance(b))[0]);
  }
}
