/// <reference lib="dom" />
import type { Selection } from "./page_data.ts";
import { type Camera, cardCorner, cardHeight, columnY, type Scene } from "./scene.ts";

/** Everything that moves the camera. */
export interface CameraMoves {
  /** Shows the whole graph. */
  fit(isSmooth: boolean): void;
  /** The scale at which the whole graph is in sight. */
  wholeScale(): number;
  /** Shows all that is lit if it can be read then, otherwise the selection in the middle. */
  centre(to: Selection, isSmooth: boolean): void;
  /** Moves only if the selection is not in sight, or too small to read. */
  reveal(to: Selection): void;
  /** Zooms around a point of the canvas, its middle if none is given. */
  zoom(factor: number, x?: number, y?: number): void;
  /** Moves the graph by so many pixels. */
  pan(x: number, y: number): void;
}

/**
 * Moves the camera of a scene, which is drawn anew after every step. Runs in the page; besides the
 * functions of `scene.ts` it uses nothing from outside of itself.
 */
export function createCameraMoves(
  canvas: HTMLCanvasElement,
  scene: Scene,
  isReadable: (scale: number) => boolean,
  draw: () => void,
): CameraMoves {
  let flight = 0;
  return { fit, wholeScale, centre, reveal, zoom, pan };

  function fit(isSmooth: boolean): void {
    fly(wholeView(), isSmooth);
  }

  function wholeScale(): number {
    return wholeView().scale;
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

  function centre({ node, column }: Selection, isSmooth: boolean): void {
    const { order, trace, camera } = scene;
    if (order.layerOf[node] === -1) return;
    const boxes = scene.data.nodes.map((_, other) => other)
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

  function reveal(to: Selection): void {
    const { camera, order } = scene;
    if (order.layerOf[to.node] === -1) return;
    const { left, right } = boxOf(to.node);
    const y = columnY(scene, to.node, to.column) * camera.scale + camera.y;
    const isInSight = left * camera.scale + camera.x > 0 && y > 20 &&
      right * camera.scale + camera.x < canvas.clientWidth && y < canvas.clientHeight - 90;
    if (!isInSight || !isReadable(camera.scale)) centre(to, true);
  }

  function fly(to: Camera, isSmooth: boolean): void {
    stop();
    const { camera } = scene;
    if (!isSmooth || matchMedia("(prefers-reduced-motion: reduce)").matches) {
      Object.assign(camera, to);
      return draw();
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
    stop();
    const { camera } = scene;
    const least = Math.min(0.015, wholeScale());
    const scale = Math.max(least, Math.min(3, camera.scale * factor));
    camera.x = x - (x - camera.x) * scale / camera.scale;
    camera.y = y - (y - camera.y) * scale / camera.scale;
    camera.scale = scale;
    draw();
  }

  function pan(x: number, y: number): void {
    stop();
    scene.camera.x += x;
    scene.camera.y += y;
    draw();
  }

  function stop(): void {
    cancelAnimationFrame(flight);
  }
}

/** A part of the graph. */
interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}
