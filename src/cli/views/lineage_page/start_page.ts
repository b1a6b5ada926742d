/// <reference lib="dom" />
import { createCameraMoves } from "./camera_moves.ts";
import { listenToGestures } from "./gestures.ts";
import { nextSelection } from "./next_selection.ts";
import { createPainter } from "./painter.ts";
import { createPanel } from "./panel.ts";
import { orderGraph } from "./order_graph.ts";
import type { PageData, Selection } from "./page_data.ts";
import { placeGraph } from "./place_graph.ts";
import { cardCorner, cardHeight, cardMetrics, findAt, type Scene } from "./scene.ts";
import { createSearchBox } from "./search_box.ts";
import { linkEdges, traceSelection } from "./trace.ts";

/** Where the page finds its data, and how many nodes at most start with their columns shown. */
export interface PageOptions {
  readonly dataId: string;
  readonly openUpTo: number;
  /** Names of the colours of kinds in the style sheet, the last one for all further kinds. */
  readonly kindColours: readonly string[];
}

/** Starts the page. Runs in it; uses what it imports and nothing else from outside of itself. */
export function startPage(options: PageOptions): void {
  const data = JSON.parse(byId(options.dataId).textContent!) as PageData;
  const canvas = byId("graph") as HTMLCanvasElement;
  const tip = byId("tip");
  const kinds = colourKinds();
  const kindColours = data.nodes.map(({ kind }) => kinds.get(kind)!);
  const links = linkEdges(data);
  const painter = createPainter(canvas, kindColours);
  const panel = createPanel(
    byId("panel"),
    data,
    links,
    kindColours,
    (to) => choose(to, "reveal"),
  );
  const search = createSearchBox(
    byId("search") as HTMLInputElement,
    byId("results"),
    data,
    kindColours,
    (to) => choose(to, "centre"),
  );
  const widest = 300;
  const widths = data.nodes.map(cardWidth);
  const open = data.nodes.map(() => data.nodes.length <= options.openUpTo);
  let onlyPath = false;
  let isDirty = false;
  const whole = orderGraph(data.nodes.length, data.edges, () => true);
  const scene: Scene = {
    data,
    links,
    order: whole,
    places: { portY: new Float64Array(), layerX: [], layerWidth: [], width: 0, height: 0 },
    rows: [],
    selection: null,
    hover: null,
    trace: null,
    camera: { x: 0, y: 0, scale: 1 },
  };
  const moves = createCameraMoves(canvas, scene, painter.isReadable, redraw);

  fillLegend();
  place();
  resize();
  if (!painter.isReadable(moves.wholeScale())) {
    open.fill(false);
    place();
  }
  moves.fit(false);
  panel.show(null, null);
  showButtons();
  if (data.focus !== null) choose(data.focus, "start");
  listen();
  draw();
  document.documentElement.dataset.firstFrame = performance.now().toFixed(0);

  function byId(id: string): HTMLElement {
    return document.getElementById(id)!;
  }

  /** Kinds in a fixed order, so that a kind has the same colour in every document with them. */
  function colourKinds(): Map<string, string> {
    const others = new Set(data.nodes.map(({ kind }) => kind));
    const common = ["source", "transform"].filter((kind) => others.delete(kind));
    const colours = options.kindColours;
    const last = colours.length - 1;
    return new Map([
      ...common.map((kind) => [kind, colours[kind === "source" ? 0 : 1]!] as const),
      ...[...others].sort().map((kind, i) => [kind, colours[Math.min(i + 2, last)]!] as const),
    ]);
  }

  /** Counted, not measured: measuring 20,000 names takes longer than the first frame may. */
  function cardWidth({ id, kind, columns, traced }: PageData["nodes"][number]): number {
    let width = Math.max(traced ? 168 : 220, (id.length - kind.length - 1) * 7.7 + 56);
    for (const { name, type } of columns) {
      width = Math.max(width, name.length * 6.8 + type.length * 6.5 + 52);
    }
    return Math.min(widest, width);
  }

  /** Places everything again, and keeps one card where it is on the screen. */
  function place(fixed?: number): void {
    const at = fixed === undefined || scene.order.layerOf[fixed] === -1 || scene.rows.length === 0
      ? null
      : cardCorner(scene, fixed);
    const { trace } = scene;
    const isShown = (node: number) => trace?.nodes[node] !== 0;
    scene.order = onlyPath && trace !== null
      ? orderGraph(data.nodes.length, data.edges, isShown, true)
      : whole;
    scene.rows = data.nodes.map(({ columns }, node) => {
      if (open[node]) return columns.map((_, column) => column);
      const first = links.columnStart[node]!;
      if (trace === null || trace.nodes[node] === 0) return [];
      return columns.flatMap((_, column) => trace.columns[first + column] === 0 ? [] : column);
    });
    const port = cardMetrics().header / 2;
    scene.places = placeGraph(scene.order, (node) => ({
      width: widths[node]!,
      height: cardHeight(scene, node),
      port,
    }));
    if (at !== null && scene.order.layerOf[fixed!] !== -1) {
      const now = cardCorner(scene, fixed!);
      const { scale } = scene.camera;
      moves.pan((at.x - now.x) * scale, (at.y - now.y) * scale);
    }
  }

  function choose(to: Selection | null, move: "stay" | "reveal" | "centre" | "start"): void {
    scene.selection = to;
    scene.trace = to === null ? null : traceSelection(data, links, to);
    if (to === null) onlyPath = false;
    place(to?.node);
    panel.show(to, scene.trace);
    byId("status").textContent = to === null ? "Nothing is selected." : nameOf(to);
    showButtons();
    if (to !== null && move === "reveal") moves.reveal(to);
    else if (to !== null && move !== "stay") moves.centre(to, move === "centre");
    redraw();
  }

  function showButtons(): void {
    const path = byId("path") as HTMLButtonElement;
    path.disabled = scene.selection === null;
    path.setAttribute("aria-pressed", String(onlyPath));
    byId("columns").setAttribute("aria-pressed", String(open.every((isOpen) => isOpen)));
    byId("legend").classList.toggle("traced", scene.selection !== null);
  }

  function toggle(node: number): void {
    open[node] = !open[node];
    place(node);
    showButtons();
    redraw();
  }

  function toggleAll(): void {
    const isOpen = !open.every((each) => each);
    open.fill(isOpen);
    place(scene.selection?.node ?? cardInMiddle());
    showButtons();
    redraw();
  }

  function togglePath(): void {
    if (scene.selection === null) return;
    onlyPath = !onlyPath;
    place(scene.selection.node);
    showButtons();
    if (onlyPath) moves.fit(true);
    else moves.centre(scene.selection, true);
    redraw();
  }

  function cardInMiddle(): number | undefined {
    const { camera, order } = scene;
    const x = (canvas.clientWidth / 2 - camera.x) / camera.scale;
    const y = (canvas.clientHeight / 2 - camera.y) / camera.scale;
    let nearest: number | undefined;
    let least = Infinity;
    data.nodes.forEach((_, node) => {
      if (order.layerOf[node] === -1) return;
      const corner = cardCorner(scene, node);
      const distance = Math.hypot(corner.x - x, corner.y - y);
      if (distance < least) [least, nearest] = [distance, node];
    });
    return nearest;
  }

  function redraw(): void {
    if (isDirty) return;
    isDirty = true;
    requestAnimationFrame(draw);
  }

  function draw(): void {
    isDirty = false;
    painter.paint(scene);
    byId("scale").textContent = `${Math.round(scene.camera.scale * 100)}%`;
  }

  function resize(): void {
    const ratio = Math.min(2, devicePixelRatio);
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    redraw();
  }

  function fillLegend(): void {
    byId("kinds").prepend(...[...kinds].map(([kind, colour]) => {
      const line = document.createElement("li");
      line.textContent = kind;
      line.style.setProperty("--kind", `var(--${colour})`);
      return line;
    }));
    byId("legend").hidden = data.nodes.length === 0;
    byId("untraced").hidden = data.nodes.every(({ traced }) => traced);
  }

  function listen(): void {
    new ResizeObserver(() => {
      resize();
      draw();
    }).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      painter.readColours();
      redraw();
    });
    byId("zoom-in").addEventListener("click", () => moves.zoom(1.3));
    byId("zoom-out").addEventListener("click", () => moves.zoom(1 / 1.3));
    byId("fit").addEventListener("click", () => moves.fit(true));
    byId("columns").addEventListener("click", toggleAll);
    byId("path").addEventListener("click", togglePath);
    listenToGestures(canvas, { pan: moves.pan, zoom: moves.zoom, click, doubleClick, hover });
    document.addEventListener("keydown", press);
  }

  function at(x: number, y: number): Selection | null {
    const { camera } = scene;
    return findAt(scene, (x - camera.x) / camera.scale, (y - camera.y) / camera.scale);
  }

  function hover(place: { readonly x: number; readonly y: number } | null): void {
    const found = place === null ? null : at(place.x, place.y);
    const isSame = found?.node === scene.hover?.node && found?.column === scene.hover?.column;
    if (!isSame) {
      scene.hover = found;
      canvas.classList.toggle("over", found !== null);
      redraw();
    }
    // A card that shows everything in full needs no tip over its neighbours.
    const isPlain = painter.isFull(scene.camera.scale) && widths[found?.node ?? 0]! < widest;
    tip.hidden = found === null || isPlain;
    if (place === null || found === null || isPlain) return;
    tip.textContent = nameOf(found);
    const right = Math.min(place.x + 14, canvas.clientWidth - tip.offsetWidth - 8);
    tip.style.transform = `translate(${right}px, ${place.y + 20}px)`;
  }

  function nameOf({ node, column }: Selection): string {
    const { id, columns } = data.nodes[node]!;
    const named = columns[column];
    return named === undefined ? id : `${id}.${named.name} ${named.type}`;
  }

  function click(x: number, y: number): void {
    const found = at(x, y);
    if (found === null) return choose(null, "stay");
    const { camera, places, order } = scene;
    const layer = order.layerOf[found.node]!;
    const end = (places.layerX[layer]! + places.layerWidth[layer]!) * camera.scale + camera.x;
    const isChevron = found.column === -1 && end - x < 36 * camera.scale;
    if (isChevron && painter.isFull(camera.scale)) toggle(found.node);
    else choose(found, "stay");
  }

  function doubleClick(x: number, y: number): void {
    const found = at(x, y);
    if (found === null) moves.zoom(1.6, x, y);
    else if (found.column === -1) toggle(found.node);
  }

  function press(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inPanel = byId("panel").contains(event.target as Node);
    const { selection } = scene;
    const arrow = (["Left", "Right", "Up", "Down"] as const)
      .find((side) => event.key === `Arrow${side}`);
    if (event.key === "/") search.focus();
    else if (event.key === "Escape") {
      search.clear();
      choose(null, "stay");
    } else if (event.key === "+" || event.key === "=") moves.zoom(1.3);
    else if (event.key === "-") moves.zoom(1 / 1.3);
    else if (event.key === "f" || event.key === "0") moves.fit(true);
    else if (event.key === "c") toggleAll();
    else if (event.key === "p") togglePath();
    else if (inPanel || event.target instanceof HTMLButtonElement) return;
    else if (event.key === " " && selection !== null) toggle(selection.node);
    else if (arrow !== undefined) {
      const next = nextSelection(scene, selection, arrow);
      if (next !== null) choose(next, "reveal");
    } else return;
    event.preventDefault();
  }
}
