import { createCameraMoves } from "./camera_moves.ts";
import { findMatches } from "./find_matches.ts";
import { listenToGestures } from "./gestures.ts";
import { nextSelection } from "./next_selection.ts";
import { orderGraph } from "./order_graph.ts";
import { createPainter } from "./painter.ts";
import { createPanel } from "./panel.ts";
import { placeGraph } from "./place_graph.ts";
import { cardCorner, cardHeight, cardMetrics, columnY, findAt, rowsTop } from "./scene.ts";
import { createSearchBox } from "./search_box.ts";
import { type PageOptions, startPage } from "./start_page.ts";
import { linkEdges, traceSelection } from "./trace.ts";

/** Every function of the page. They know each other by name, in the page as in these files. */
const FUNCTIONS: readonly ((...input: never[]) => unknown)[] = [
  orderGraph,
  placeGraph,
  linkEdges,
  traceSelection,
  findMatches,
  cardMetrics,
  rowsTop,
  cardHeight,
  cardCorner,
  columnY,
  findAt,
  nextSelection,
  createCameraMoves,
  listenToGestures,
  createPainter,
  createPanel,
  createSearchBox,
  startPage,
];

/**
 * The script of the page: the text of functions that are checked, formatted and tested like all
 * others. What the runtime hands out is their JavaScript, the types are gone.
 */
export function pageScript(options: PageOptions): string {
  return [
    `"use strict";`,
    ...FUNCTIONS.map(String),
    `startPage(${JSON.stringify(options)});`,
  ].join("\n");
}
