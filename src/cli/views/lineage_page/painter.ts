/// <reference lib="dom" />
import type { GraphOrder } from "./order_graph.ts";
import { cardCorner, cardHeight, cardMetrics, columnY, rowsTop, type Scene } from "./scene.ts";
import type { Trace } from "./trace.ts";

/** Draws scenes on one canvas. */
export interface Painter {
  /** Draws a frame. */
  paint(scene: Scene): void;
  /** Reads the colours of the style sheet again, after the colour scheme changed. */
  readColours(): void;
  /** True when a card shows its columns at this scale. */
  isReadable(scale: number): boolean;
  /** True when a card shows all it has to say at this scale. */
  isFull(scale: number): boolean;
}

/** Runs in the page; besides the functions of `scene.ts` it uses nothing from outside of itself. */
export function createPainter(canvas: HTMLCanvasElement, kindColours: readonly string[]): Painter {
  const context = canvas.getContext("2d")!;
  const fits = new Map<string, string>();
  const sideColours = ["line", "up", "down", "self", "rows"];
  let colours = new Map<string, string>();
  let sorted: SortedEdges | null = null;
  let fonts = { text: "", code: "" };
  readColours();
  return { paint, readColours, isReadable, isFull };

  function isReadable(scale: number): boolean {
    return scale >= 0.34;
  }

  function isFull(scale: number): boolean {
    return scale >= 0.62;
  }

  function readColours(): void {
    const style = getComputedStyle(document.documentElement);
    const names = [
      ...["canvas", "card", "shade", "ink", "soft", "faint", "line", "edge", "edge-dim"],
      ...["up", "down", "self", "rows", "warn", "warn-back"],
      ...kindColours,
    ];
    colours = new Map(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    fonts = {
      text: style.getPropertyValue("--text-font"),
      code: style.getPropertyValue("--code-font"),
    };
    fits.clear();
  }

  function colour(name: string): string {
    return colours.get(name)!;
  }

  function paint(scene: Scene): void {
    const { camera } = scene;
    const ratio = canvas.width / Math.max(1, canvas.clientWidth);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = colour("canvas");
    context.fillRect(0, 0, canvas.width, canvas.height);
    const scale = camera.scale * ratio;
    context.setTransform(scale, 0, 0, scale, camera.x * ratio, camera.y * ratio);
    const view = {
      left: -camera.x / camera.scale,
      top: -camera.y / camera.scale,
      right: (canvas.clientWidth - camera.x) / camera.scale,
      bottom: (canvas.clientHeight - camera.y) / camera.scale,
    };
    paintEdges(scene, view);
    paintCards(scene, view);
  }

  function paintEdges(scene: Scene, view: View): void {
    const { data, trace, camera } = scene;
    const thin = 1 / camera.scale;
    const { plain, lit, rowEdges } = sortEdges(scene);
    // Thousands of lines on top of each other would be one grey area: this way dense parts show.
    context.globalAlpha = Math.max(0.25, Math.min(1, camera.scale * 4));
    if (trace === null || camera.scale >= 0.1) {
      const style = colour(trace === null ? "edge" : "edge-dim");
      stroke(style, Math.max(1.3, thin), [], plain, (segment) => {
        paintSegment(scene, view, segment);
      });
    }
    context.globalAlpha = 1;
    if (trace === null && isReadable(camera.scale)) {
      const shown: number[] = [];
      for (let i = 0; i < data.columnEdges.length; i += 4) {
        const [from, to] = [data.columnEdges[i]!, data.columnEdges[i + 2]!];
        if (scene.rows[from]!.length > 0 || scene.rows[to]!.length > 0) shown.push(i / 4);
      }
      stroke(colour("edge"), 0.9, [], shown, (edge) => paintColumnEdge(scene, view, edge));
    }
    for (const { style, segments, columnEdges } of lit) {
      // Lines of one pixel are many times faster, and among thousands the width is not seen.
      const isMany = segments.length + columnEdges.length > 1500 && camera.scale < 0.1;
      const width = isMany ? thin : Math.max(1.8, 1.4 * thin);
      stroke(colour(style), width, [], segments, (segment) => paintSegment(scene, view, segment));
      stroke(colour(style), width, [], columnEdges, (edge) => paintColumnEdge(scene, view, edge));
    }
    const dash = [5, 4].map((length) => length * Math.max(1, thin * 0.8));
    stroke(colour("rows"), Math.max(1.5, 1.2 * thin), dash, rowEdges, (edge) => {
      const i = edge * 3;
      const [from, column, to] = [data.rowEdges[i]!, data.rowEdges[i + 1]!, data.rowEdges[i + 2]!];
      const end = scene.places.portY[to]! + 10;
      paintLink(scene, view, from, columnY(scene, from, column), to, end, 0);
    });
  }

  /** What is drawn in which colour; it stays until the selection or the order changes. */
  function sortEdges({ order, trace }: Scene): SortedEdges {
    if (sorted !== null && sorted.order === order && sorted.trace === trace) return sorted;
    const sides = new Uint8Array(order.segments.length / 2);
    trace?.edges.forEach((side, edge) => {
      if (side === 0) return;
      for (const segment of order.edgeSegments[edge]!) sides[segment] = side;
    });
    const where = (list: Uint8Array, side: number) =>
      [...list.keys()].filter((index) => list[index] === side);
    sorted = {
      order,
      trace,
      plain: where(sides, 0),
      lit: trace === null ? [] : [1, 2].map((side) => ({
        style: sideColours[side]!,
        segments: where(sides, side),
        columnEdges: where(trace.columnEdges, side),
      })),
      rowEdges: trace === null ? [] : where(trace.rowEdges, 4),
    };
    return sorted;
  }

  /** One path of everything is slow to rasterise, one path each is slow to set up. */
  function stroke(
    style: string,
    width: number,
    dash: readonly number[],
    items: readonly number[],
    add: (item: number) => void,
  ): void {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.setLineDash([...dash]);
    for (let start = 0; start < items.length; start += 64) {
      context.beginPath();
      for (let i = start; i < Math.min(items.length, start + 64); i++) add(items[i]!);
      context.stroke();
    }
    context.setLineDash([]);
  }

  function paintSegment(scene: Scene, view: View, segment: number): void {
    const { order, places } = scene;
    const [from, to] = [order.segments[segment * 2]!, order.segments[segment * 2 + 1]!];
    const [layer, next] = [order.layerOf[from]!, order.layerOf[to]!];
    const start = places.layerX[layer]! + places.layerWidth[layer]!;
    const end = places.layerX[next]!;
    const through = to >= order.nodeCount ? places.layerWidth[next]! : 0;
    const [y, endY] = [places.portY[from]!, places.portY[to]!];
    if (end + through < view.left || start > view.right) return;
    if (Math.max(y, endY) < view.top || Math.min(y, endY) > view.bottom) return;
    context.moveTo(start, y);
    curve(scene, start, y, end, endY);
    if (through > 0) context.lineTo(end + through, endY);
  }

  function paintColumnEdge(scene: Scene, view: View, edge: number): void {
    const { columnEdges } = scene.data;
    const i = edge * 4;
    const [from, column] = [columnEdges[i]!, columnEdges[i + 1]!];
    const [to, toColumn] = [columnEdges[i + 2]!, columnEdges[i + 3]!];
    const [y, endY] = [columnY(scene, from, column), columnY(scene, to, toColumn)];
    paintLink(scene, view, from, y, to, endY, (column % 7 - 3) * 1.6);
  }

  /** A line between two cards, along the trunk of their edge where it passes other layers. */
  function paintLink(
    scene: Scene,
    view: View,
    from: number,
    y: number,
    to: number,
    endY: number,
    lane: number,
  ): void {
    const { order, places } = scene;
    const [layer, last] = [order.layerOf[from]!, order.layerOf[to]!];
    if (layer === -1 || last === -1) return;
    const start = places.layerX[layer]! + places.layerWidth[layer]!;
    const end = places.layerX[last]!;
    if (Math.max(start, end) < view.left || Math.min(start, end) > view.right) return;
    const bends = bendsBetween(scene, from, to);
    let [low, high] = [Math.min(y, endY), Math.max(y, endY)];
    for (const bend of bends) {
      low = Math.min(low, places.portY[bend]!);
      high = Math.max(high, places.portY[bend]!);
    }
    if (high < view.top || low > view.bottom) return;
    context.moveTo(start, y);
    let [x, at] = [start, y];
    for (const bend of bends) {
      const left = places.layerX[order.layerOf[bend]!]!;
      const right = left + places.layerWidth[order.layerOf[bend]!]!;
      const bendY = places.portY[bend]! + lane;
      curve(scene, x, at, left, bendY);
      context.lineTo(right, bendY);
      [x, at] = [right, bendY];
    }
    curve(scene, x, at, end, endY);
  }

  function bendsBetween(scene: Scene, from: number, to: number): number[] {
    const { order, links, data } = scene;
    if (order.layerOf[to]! - order.layerOf[from]! < 2) return [];
    const edge = links.into[to]!.find((candidate) => data.edges[candidate * 2] === from);
    if (edge === undefined) return [];
    return order.edgeSegments[edge]!.slice(0, -1)
      .map((segment) => order.segments[segment * 2 + 1]!);
  }

  function curve(scene: Scene, x: number, y: number, endX: number, endY: number): void {
    const reach = endX > x ? (endX - x) / 2 : 70;
    if (Math.abs(endY - y) * scene.camera.scale < 2 || reach * scene.camera.scale < 5) {
      context.lineTo(endX, endY);
    } else {
      context.bezierCurveTo(x + reach, y, endX - reach, endY, endX, endY);
    }
  }

  function paintCards(scene: Scene, view: View): void {
    const { order, places, camera } = scene;
    order.layers.forEach((items, layer) => {
      const x = places.layerX[layer]!;
      const width = places.layerWidth[layer]!;
      if (x > view.right || x + width < view.left) return;
      for (const node of items) {
        if (node >= order.nodeCount) continue;
        const { y } = cardCorner(scene, node);
        const height = cardHeight(scene, node);
        if (y > view.bottom || y + height < view.top) continue;
        const dark = scene.trace !== null && scene.trace.nodes[node] === 0;
        if (!isReadable(camera.scale)) {
          paintBlock(scene, node, x, y, width, height, dark);
        } else {
          paintCard(scene, node, x, y, width, height, dark);
        }
      }
    });
  }

  /** A card from far away: its kind as a colour, and its name as long as that can be read. */
  function paintBlock(
    scene: Scene,
    node: number,
    x: number,
    y: number,
    width: number,
    height: number,
    dark: boolean,
  ): void {
    const { data, camera, trace } = scene;
    const side = trace?.nodes[node] ?? 0;
    const named = camera.scale >= 0.17;
    context.globalAlpha = dark ? 0.22 : 1;
    context.fillStyle = colour("card");
    context.fillRect(x, y, width, height);
    if (!named) {
      context.fillStyle = colour(kindColours[node]!);
      context.fillRect(x, y, width, cardMetrics().header);
      context.globalAlpha *= 0.3;
      context.fillRect(x, y, width, height);
      context.globalAlpha = dark ? 0.22 : 1;
    } else {
      context.fillStyle = colour(kindColours[node]!);
      context.fillRect(x, y, 10, height);
      context.strokeStyle = colour("line");
      context.lineWidth = 1 / camera.scale;
      context.strokeRect(x, y, width, height);
      context.font = `600 ${Math.min(30, 8 / camera.scale)}px ${fonts.text}`;
      context.textBaseline = "middle";
      context.fillStyle = colour("ink");
      context.fillText(
        fit(nameOf(scene, node), width - (data.nodes[node]!.traced ? 28 : 40)),
        x + 18,
        y + cardMetrics().header / 2,
      );
    }
    if (named) {
      const { row } = cardMetrics();
      const top = y + rowsTop(scene, node);
      scene.rows[node]!.forEach((column, i) => {
        const lit = trace?.columns[scene.links.columnStart[node]! + column] ?? 0;
        context.fillStyle = colour(lit === 0 ? "faint" : sideColours[lit]!);
        const length = 14 + data.nodes[node]!.columns[column]!.name.length * 6;
        context.fillRect(x + 20, top + (i + 0.5) * row - 4, Math.min(width - 50, length), 7);
      });
    }
    if (side !== 0 || isHover(scene, node)) {
      context.strokeStyle = colour(side === 0 ? "ink" : sideColours[side]!);
      context.lineWidth = (side === 3 ? 3 : 1.8) / camera.scale;
      context.strokeRect(x, y, width, height);
    }
    if (!data.nodes[node]!.traced && !dark) {
      context.fillStyle = colour("warn");
      context.fillRect(x + width - 12, y, 12, height);
    }
    context.globalAlpha = 1;
  }

  function paintCard(
    scene: Scene,
    node: number,
    x: number,
    y: number,
    width: number,
    height: number,
    dark: boolean,
  ): void {
    const { data, trace, camera } = scene;
    const { kind, columns, traced } = data.nodes[node]!;
    const { header, mark } = cardMetrics();
    const side = trace?.nodes[node] ?? 0;
    const plainly = !isFull(camera.scale);
    context.globalAlpha = dark ? 0.3 : 1;
    context.fillStyle = colour("shade");
    box(x, y + 2, width, height, 9);
    context.fill();
    context.fillStyle = colour("card");
    box(x, y, width, height, 9);
    context.fill();
    context.save();
    context.clip();
    if (!traced) {
      context.fillStyle = colour("warn-back");
      context.fillRect(x, y + header, width, mark);
    }
    context.fillStyle = colour(kindColours[node]!);
    context.fillRect(x, y, 5, height);
    context.restore();
    const hover = isHover(scene, node);
    const name = sideColours[side]!;
    context.strokeStyle = colour(side === 0 && hover ? "soft" : name);
    const strength = side === 3 ? 2.4 : side !== 0 ? 1.7 : hover ? 1.5 : 1;
    context.lineWidth = Math.max(strength, strength * 0.75 / camera.scale);
    if (!traced && side === 0) {
      context.strokeStyle = colour("warn");
      context.setLineDash([4, 3]);
    }
    box(x, y, width, height, 9);
    context.stroke();
    context.setLineDash([]);

    const left = x + 18;
    context.textBaseline = "middle";
    context.fillStyle = colour("ink");
    if (plainly) {
      context.font = `600 19px ${fonts.text}`;
      context.fillText(fit(nameOf(scene, node), width - 30), left, y + header / 2);
    } else {
      context.font = `600 13.5px ${fonts.text}`;
      context.fillText(fit(nameOf(scene, node), width - 50), left, y + 18);
      context.font = `600 10.5px ${fonts.text}`;
      context.fillStyle = colour(kindColours[node]!);
      const shownKind = fit(kind, width / 2);
      context.fillText(shownKind, left, y + 34);
      const past = left + context.measureText(shownKind).width + 7;
      context.font = `400 10.5px ${fonts.text}`;
      context.fillStyle = colour("soft");
      const count = `${columns.length} column${columns.length === 1 ? "" : "s"}`;
      context.fillText(fit(count, x + width - 34 - past), past, y + 34);
    }
    if (columns.length > 0 && !plainly) paintChevron(scene, node, x + width - 20, y + header / 2);
    if (!traced) {
      context.font = `500 11px ${fonts.text}`;
      context.fillStyle = colour("warn");
      context.fillText(
        fit("columns cannot be followed", width - 42),
        left + 18,
        y + header + mark / 2,
      );
      paintWarning(left + 6, y + header + mark / 2);
    }
    paintRows(scene, node, x, y, width, dark);
    context.globalAlpha = 1;
  }

  function paintRows(
    scene: Scene,
    node: number,
    x: number,
    y: number,
    width: number,
    dark: boolean,
  ): void {
    const { data, links, trace, selection, hover, camera } = scene;
    const shown = scene.rows[node]!;
    if (shown.length === 0) return;
    const { row } = cardMetrics();
    const top = y + rowsTop(scene, node);
    context.strokeStyle = colour("line");
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x + 5, top);
    context.lineTo(x + width, top);
    context.stroke();
    shown.forEach((column, i) => {
      const { name, type } = data.nodes[node]!.columns[column]!;
      const index = links.columnStart[node]! + column;
      const side = trace?.columns[index] ?? 0;
      const middle = top + (i + 0.5) * row + 1;
      const isHovered = hover?.node === node && hover.column === column;
      if (side !== 0 || isHovered) {
        context.fillStyle = side === 0 ? colour("soft") : colour(sideColours[side]!);
        context.globalAlpha = side === 3 ? 0.16 : 0.13;
        context.fillRect(x + 5, middle - row / 2, width - 6, row);
      }
      const calm = selection !== null && selection.column !== -1 && side === 0;
      const strength = dark ? 0.3 : calm ? 0.45 : 1;
      context.globalAlpha = strength;
      if (camera.scale >= 0.45) {
        context.font = `${side === 0 ? 400 : 600} 12px ${fonts.text}`;
        context.fillStyle = colour("ink");
        const shownName = fit(name, width - 34);
        context.fillText(shownName, x + 18, middle);
        const room = width - 46 - context.measureText(shownName).width;
        if (room > 24 && type !== "") {
          context.font = `400 10.5px ${fonts.code}`;
          context.fillStyle = colour("soft");
          const shownType = fit(type, room);
          const wide = context.measureText(shownType).width;
          context.fillText(shownType, x + width - 14 - wide, middle);
        }
      } else {
        context.fillStyle = colour("faint");
        context.fillRect(x + 18, middle - 3, Math.min(width - 60, 12 + name.length * 5), 6);
      }
      const dots = [[links.intoColumn, x], [links.outOfColumn, x + width]] as const;
      for (const [edges, at] of dots) {
        if (edges[index]!.length === 0) continue;
        context.fillStyle = side === 0 ? colour("edge") : colour(sideColours[side]!);
        context.beginPath();
        context.arc(at, middle - 1, side === 0 ? 2.6 : 3.4, 0, Math.PI * 2);
        context.fill();
      }
    });
  }

  function paintChevron(scene: Scene, node: number, x: number, y: number): void {
    const isOpen = scene.rows[node]!.length === scene.data.nodes[node]!.columns.length;
    context.strokeStyle = colour("soft");
    context.lineWidth = 1.6;
    context.beginPath();
    if (isOpen) {
      context.moveTo(x - 4, y - 2);
      context.lineTo(x, y + 2);
      context.lineTo(x + 4, y - 2);
    } else {
      context.moveTo(x - 2, y - 4);
      context.lineTo(x + 2, y);
      context.lineTo(x - 2, y + 4);
    }
    context.stroke();
  }

  function paintWarning(x: number, y: number): void {
    context.strokeStyle = colour("warn");
    context.lineWidth = 1.4;
    context.lineJoin = "round";
    context.beginPath();
    context.moveTo(x, y - 5.5);
    context.lineTo(x + 6, y + 4.5);
    context.lineTo(x - 6, y + 4.5);
    context.closePath();
    context.moveTo(x, y - 2);
    context.lineTo(x, y + 1);
    context.moveTo(x, y + 2.6);
    context.lineTo(x, y + 3);
    context.stroke();
  }

  function box(x: number, y: number, width: number, height: number, radius: number): void {
    context.beginPath();
    context.roundRect(x, y, width, height, radius);
  }

  function isHover({ hover }: Scene, node: number): boolean {
    return hover?.node === node;
  }

  function nameOf({ data }: Scene, node: number): string {
    const { id, kind } = data.nodes[node]!;
    return id.slice(kind.length + 1);
  }

  /** The text, cut with an ellipsis where it is wider than the room for it in the current font. */
  function fit(text: string, room: number): string {
    const key = `${context.font} ${Math.round(room)} ${text}`;
    const known = fits.get(key);
    if (known !== undefined) return known;
    let shown = text;
    if (context.measureText(text).width > room) {
      let [low, high] = [0, text.length];
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        const isShort = context.measureText(`${text.slice(0, middle)}\u2026`).width <= room;
        if (isShort) low = middle;
        else high = middle - 1;
      }
      shown = `${text.slice(0, low)}\u2026`;
    }
    if (fits.size > 20_000) fits.clear();
    fits.set(key, shown);
    return shown;
  }
}

/** The part of the graph that is on the canvas. */
interface View {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Numbers of segments, column edges and row edges by how they are drawn. */
interface SortedEdges {
  readonly order: GraphOrder;
  readonly trace: Trace | null;
  readonly plain: readonly number[];
  readonly lit: readonly {
    readonly style: string;
    readonly segments: readonly number[];
    readonly columnEdges: readonly number[];
  }[];
  readonly rowEdges: readonly number[];
}
