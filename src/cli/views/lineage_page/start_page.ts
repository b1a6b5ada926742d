/// <reference lib="dom" />
import { createPainter } from "./painter.ts";
import { createPanel } from "./panel.ts";
import { orderGraph } from "./order_graph.ts";
import type { PageData, Selection } from "./page_data.ts";
import { placeGraph } from "./place_graph.ts";
import {
  type Camera,
  cardCorner,
  cardHeight,
  cardMetrics,
  columnY,
  findAt,
  type Scene,
} from "./scene.ts";
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
  const kindColours = colourKinds();
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
  let flight = 0;
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

  fillLegend();
  place();
  resize();
  if (!painter.isReadable(wholeView().scale)) {
    open.fill(false);
    place();
  }
  fit(false);
  panel.show(null, null);
  showButtons();
  if (data.focus !== null) choose(data.focus, "start");
  listen();
  draw();
  document.documentElement.dataset.firstFrame = performance.now().toFixed(0);

  function byId(id: string): HTMLElement {
    return document.getElementById(id)!;
  }

  function colourKinds(): string[] {
    const known = new Map([["source", options.kindColours[0]!], [
      "transform",
      options.kindColours[1]!,
    ]]);
    return data.nodes.map(({ kind }) => {
      const last = options.kindColours.length - 1;
      if (!known.has(kind)) known.set(kind, options.kindColours[Math.min(known.size, last)]!);
      return known.get(kind)!;
    });
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
      scene.camera.x += (at.x - now.x) * scene.camera.scale;
      scene.camera.y += (at.y - now.y) * scene.camera.scale;
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
    if (to !== null && move === "reveal") reveal(to);
    else if (to !== null && move !== "stay") centre(to, move === "centre");
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
    if (onlyPath) fit(true);
    else centre(scene.selection, true);
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

  function fit(isSmooth: boolean): void {
    fly(wholeView(), isSmooth);
  }

  function wholeView(): Camera {
    const { width, height } = scene.places;
    return viewOf({ left: 0, top: 0, right: width, bottom: height }, 1.1);
  }

  /** The camera that shows a part of the graph as large as fits beside the legend and the tools. */
  function viewOf(part: Box, most: number): Camera {
    const { left, top, right, bottom } = part;
    const [side, above, below] = [40, 36, 92];
    const room = {
      width: Math.max(80, canvas.clientWidth - 2 * side),
      height: Math.max(80, canvas.clientHeight - above - below),
    };
    const scale = Math.min(
      most,
      room.width / Math.max(1, right - left),
      room.height / Math.max(1, bottom - top),
    );
    return {
      scale,
      x: side + (room.width - (right - left) * scale) / 2 - left * scale,
      y: above + (room.height - (bottom - top) * scale) / 2 - top * scale,
    };
  }

  function boxOf(node: number): Box {
    const { x, y } = cardCorner(scene, node);
    const width = scene.places.layerWidth[scene.order.layerOf[node]!]!;
    return { left: x, top: y, right: x + width, bottom: y + cardHeight(scene, node) };
  }

  /** Shows all that is lit if it can be read then, otherwise the selection in the middle. */
  function centre({ node, column }: Selection, isSmooth: boolean): void {
    const { order, trace, camera } = scene;
    if (order.layerOf[node] === -1) return;
    const boxes = data.nodes.map((_, other) => other)
      .filter((other) => trace?.nodes[other] !== 0 && order.layerOf[other] !== -1)
      .map(boxOf);
    const all = viewOf({
      left: Math.min(...boxes.map(({ left }) => left)),
      top: Math.min(...boxes.map(({ top }) => top)),
      right: Math.max(...boxes.map(({ right }) => right)),
      bottom: Math.max(...boxes.map(({ bottom }) => bottom)),
    }, 1.1);
    if (all.scale >= 0.62) return fly(all, isSmooth);
    const { left, right } = boxOf(node);
    const y = column === -1 ? scene.places.portY[node]! : columnY(scene, node, column);
    const scale = Math.max(0.85, Math.min(1.3, camera.scale));
    fly({
      scale,
      x: canvas.clientWidth / 2 - (left + right) / 2 * scale,
      y: canvas.clientHeight / 2 - y * scale,
    }, isSmooth);
  }

  /** Moves only if the selection is not in sight, or too small to read. */
  function reveal(to: Selection): void {
    const { camera, order } = scene;
    if (order.layerOf[to.node] === -1) return;
    const { left, right } = boxOf(to.node);
    const y = columnY(scene, to.node, to.column) * camera.scale + camera.y;
    const isInSight = left * camera.scale + camera.x > 0 && y > 20 &&
      right * camera.scale + camera.x < canvas.clientWidth && y < canvas.clientHeight - 90;
    if (!isInSight || !painter.isReadable(camera.scale)) centre(to, true);
  }

  function fly(to: Camera, isSmooth: boolean): void {
    cancelAnimationFrame(flight);
    const { camera } = scene;
    if (!isSmooth || matchMedia("(prefers-reduced-motion: reduce)").matches) {
      Object.assign(camera, to);
      return redraw();
    }
    const from = { ...camera };
    const start = performance.now();
    const step = (now: number) => {
      const time = Math.max(0, Math.min(1, (now - start) / 260));
      const part = 1 - (1 - time) ** 3;
      camera.scale = from.scale * (to.scale / from.scale) ** part;
      // The point in the middle moves evenly although the scale changes under way.
      const along = from.scale === to.scale
        ? part
        : (1 / camera.scale - 1 / from.scale) / (1 / to.scale - 1 / from.scale);
      camera.x = camera.scale * (from.x / from.scale * (1 - along) + to.x / to.scale * along);
      camera.y = camera.scale * (from.y / from.scale * (1 - along) + to.y / to.scale * along);
      draw();
      if (time < 1) flight = requestAnimationFrame(step);
    };
    flight = requestAnimationFrame(step);
  }

  function zoom(factor: number, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2): void {
    cancelAnimationFrame(flight);
    const { camera } = scene;
    const scale = Math.max(0.015, Math.min(3, camera.scale * factor));
    camera.x = x - (x - camera.x) * scale / camera.scale;
    camera.y = y - (y - camera.y) * scale / camera.scale;
    camera.scale = scale;
    redraw();
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
    const kinds = new Map(data.nodes.map(({ kind }, node) => [kind, kindColours[node]!]));
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
    const pointers = new Map<number, { x: number; y: number }>();
    let moved = 0;
    new ResizeObserver(() => {
      resize();
      draw();
    }).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      painter.readColours();
      redraw();
    });
    byId("zoom-in").addEventListener("click", () => zoom(1.3));
    byId("zoom-out").addEventListener("click", () => zoom(1 / 1.3));
    byId("fit").addEventListener("click", () => fit(true));
    byId("columns").addEventListener("click", toggleAll);
    byId("path").addEventListener("click", togglePath);
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 24 : 1;
      if (event.shiftKey) {
        scene.camera.x -= (event.deltaX + event.deltaY) * lines;
        return redraw();
      }
      // A pinch on a touchpad arrives as a wheel with Ctrl and much smaller steps.
      const step = event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016);
      zoom(Math.exp(-Math.max(-0.6, Math.min(0.6, step))), event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      if (pointers.size === 0) moved = 0;
      pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
      cancelAnimationFrame(flight);
    });
    canvas.addEventListener("pointermove", (event) => {
      const last = pointers.get(event.pointerId);
      const now = { x: event.offsetX, y: event.offsetY };
      if (last === undefined) return hoverAt(now.x, now.y);
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      if (other !== undefined) {
        const spread = (p: { x: number; y: number }) => Math.hypot(p.x - other.x, p.y - other.y);
        zoom(spread(now) / Math.max(1, spread(last)), other.x, other.y);
        moved = Infinity;
      } else {
        moved += Math.hypot(now.x - last.x, now.y - last.y);
        if (moved > 4) {
          scene.camera.x += now.x - last.x;
          scene.camera.y += now.y - last.y;
          canvas.classList.add("dragged");
          tip.hidden = true;
          redraw();
        }
      }
      pointers.set(event.pointerId, now);
    });
    const release = (event: PointerEvent) => {
      if (!pointers.delete(event.pointerId)) return;
      canvas.classList.remove("dragged");
      if (event.type === "pointerup" && moved <= 4) click(event.offsetX, event.offsetY);
    };
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointerleave", () => hoverAt(-1, -1));
    canvas.addEventListener("dblclick", ({ offsetX, offsetY }) => {
      const found = at(offsetX, offsetY);
      if (found === null) zoom(1.6, offsetX, offsetY);
      else if (found.column === -1) toggle(found.node);
    });
    document.addEventListener("keydown", press);
  }

  function at(x: number, y: number): Selection | null {
    const { camera } = scene;
    return findAt(scene, (x - camera.x) / camera.scale, (y - camera.y) / camera.scale);
  }

  function hoverAt(x: number, y: number): void {
    const found = x < 0 ? null : at(x, y);
    const isSame = found?.node === scene.hover?.node && found?.column === scene.hover?.column;
    if (!isSame) {
      scene.hover = found;
      canvas.classList.toggle("over", found !== null);
      redraw();
    }
    // A card that shows everything in full needs no tip over its neighbours.
    const isPlain = painter.isFull(scene.camera.scale) && widths[found?.node ?? 0]! < widest;
    tip.hidden = found === null || isPlain;
    if (found === null || isPlain) return;
    tip.textContent = nameOf(found);
    const right = Math.min(x + 14, canvas.clientWidth - tip.offsetWidth - 8);
    tip.style.transform = `translate(${right}px, ${y + 20}px)`;
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

  function press(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inPanel = byId("panel").contains(event.target as Node);
    const { selection } = scene;
    if (event.key === "/") search.focus();
    else if (event.key === "Escape") {
      search.clear();
      choose(null, "stay");
    } else if (event.key === "+" || event.key === "=") zoom(1.3);
    else if (event.key === "-") zoom(1 / 1.3);
    else if (event.key === "f" || event.key === "0") fit(true);
    else if (event.key === "c") toggleAll();
    else if (event.key === "p") togglePath();
    else if (inPanel || event.target instanceof HTMLButtonElement) return;
    else if (event.key === " " && selection !== null) toggle(selection.node);
    else if (event.key.startsWith("Arrow")) {
      const next = selection === null ? firstNode() : beside(selection, event.key.slice(5));
      if (next !== null) choose(next, "reveal");
    } else return;
    event.preventDefault();
  }

  function firstNode(): Selection | null {
    const node = scene.order.layers[0]?.find((item) => item < scene.order.nodeCount);
    return node === undefined ? null : { node, column: -1 };
  }

  /** What an arrow key goes to: along the edges, or to the neighbour in the layer or card. */
  function beside({ node, column }: Selection, arrow: string): Selection | null {
    const { order, rows, places } = scene;
    if (arrow === "Up" || arrow === "Down") {
      const step = arrow === "Up" ? -1 : 1;
      if (column !== -1) {
        const next = rows[node]![rows[node]!.indexOf(column) + step];
        return next === undefined
          ? step === -1 ? { node, column: -1 } : null
          : { node, column: next };
      }
      const items = order.layers[order.layerOf[node]!]!.filter((item) => item < order.nodeCount);
      const next = items[items.indexOf(node) + step];
      return next === undefined ? null : { node: next, column: -1 };
    }
    const isLeft = arrow === "Left";
    if (column !== -1) {
      const index = links.columnStart[node]! + column;
      const edge = (isLeft ? links.intoColumn : links.outOfColumn)[index]![0];
      if (edge === undefined) return null;
      const [end, endColumn] = data.columnEdges.slice(edge * 4 + (isLeft ? 0 : 2));
      return { node: end!, column: endColumn! };
    }
    const others = isLeft
      ? links.into[node]!.map((edge) => data.edges[edge * 2]!)
      : links.outOf[node]!.map((edge) => data.edges[edge * 2 + 1]!);
    const distance = (other: number) => Math.abs(places.portY[other]! - places.portY[node]!);
    const nearest = others.filter((other) => order.layerOf[other] !== -1)
      .sort((a, b) => distance(a) - distance(b))[0];
    return nearest === undefined ? null : { node: nearest, column: -1 };
  }
}

/** A part of the graph. */
interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}
