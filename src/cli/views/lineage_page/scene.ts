import type { GraphOrder } from "./order_graph.ts";
import type { GraphPlaces } from "./place_graph.ts";
import type { PageData, Selection } from "./page_data.ts";
import type { Links, Trace } from "./trace.ts";

/** Everything the painter draws. The page changes it and asks for a new frame. */
export interface Scene {
  readonly data: PageData;
  readonly links: Links;
  order: GraphOrder;
  places: GraphPlaces;
  /** For every node, the columns its card shows, as column numbers. */
  rows: (readonly number[])[];
  selection: Selection | null;
  hover: Selection | null;
  trace: Trace | null;
  readonly camera: Camera;
}

/** Where a point of the graph is on the canvas: `graph * scale + offset`. */
export interface Camera {
  x: number;
  y: number;
  scale: number;
}

/** Sizes inside a card. */
export interface CardMetrics {
  readonly header: number;
  readonly row: number;
  readonly mark: number;
  readonly foot: number;
}

/** The sizes inside a card, in one place for layout, painting and hit tests. */
export function cardMetrics(): CardMetrics {
  return { header: 48, row: 22, mark: 24, foot: 6 };
}

/** How far below the top of its card the first column of a node starts. */
export function rowsTop(scene: Scene, node: number): number {
  const { header, mark } = cardMetrics();
  return header + (scene.data.nodes[node]!.traced ? 0 : mark);
}

/** The height of a card with what it shows now. */
export function cardHeight(scene: Scene, node: number): number {
  const { row, foot } = cardMetrics();
  const shown = scene.rows[node]!.length;
  return rowsTop(scene, node) + (shown === 0 ? 0 : shown * row + foot);
}

/** The left top corner of a card. */
export function cardCorner(scene: Scene, node: number): { x: number; y: number } {
  const { order, places } = scene;
  return {
    x: places.layerX[order.layerOf[node]!]!,
    y: places.portY[node]! - cardMetrics().header / 2,
  };
}

/** The height at which the edges of a column meet its card: its header where it is not shown. */
export function columnY(scene: Scene, node: number, column: number): number {
  const shown = scene.rows[node]!;
  const at = shown[column] === column ? column : shown.indexOf(column);
  if (at === -1) return scene.places.portY[node]!;
  const { row } = cardMetrics();
  return cardCorner(scene, node).y + rowsTop(scene, node) + (at + 0.5) * row;
}

/** What is at a point of the graph; `column` is -1 on the header of a card. */
export function findAt(scene: Scene, x: number, y: number): Selection | null {
  const { order, places } = scene;
  const layer = places.layerX.findIndex((left, i) =>
    x >= left && x <= left + places.layerWidth[i]!
  );
  for (const node of order.layers[layer] ?? []) {
    if (node >= order.nodeCount) continue;
    const inside = y - cardCorner(scene, node).y;
    if (inside < 0 || inside > cardHeight(scene, node)) continue;
    const at = Math.floor((inside - rowsTop(scene, node)) / cardMetrics().row);
    return { node, column: at < 0 ? -1 : scene.rows[node]![at] ?? -1 };
  }
  return null;
}
