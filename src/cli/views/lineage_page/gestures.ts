/// <reference lib="dom" />

/** What the hands do on the canvas; all places are pixels of the canvas. */
export interface Gestures {
  pan(x: number, y: number): void;
  zoom(factor: number, x: number, y: number): void;
  click(x: number, y: number): void;
  doubleClick(x: number, y: number): void;
  /** The pointer is over a place, or over none. */
  hover(at: { readonly x: number; readonly y: number } | null): void;
}

/**
 * Tells clicks from drags and fingers from wheels. Runs in the page, so it uses nothing from
 * outside of itself.
 */
export function listenToGestures(canvas: HTMLCanvasElement, gestures: Gestures): void {
  const pointers = new Map<number, { x: number; y: number }>();
  let moved = 0;
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 24 : 1;
    if (event.shiftKey) return gestures.pan(-(event.deltaX + event.deltaY) * unit, 0);
    // A pinch on a touchpad arrives as a wheel with Ctrl and much smaller steps.
    const step = event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.0016);
    const factor = Math.exp(-Math.max(-0.6, Math.min(0.6, step)));
    gestures.zoom(factor, event.offsetX, event.offsetY);
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    if (pointers.size === 0) moved = 0;
    pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
  });
  canvas.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    const now = { x: event.offsetX, y: event.offsetY };
    if (last === undefined) return gestures.hover(now);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, now);
    if (other !== undefined) {
      const before = Math.hypot(last.x - other.x, last.y - other.y);
      const spread = Math.hypot(now.x - other.x, now.y - other.y);
      moved = Infinity;
      return gestures.zoom(spread / Math.max(1, before), other.x, other.y);
    }
    const isDrag = moved > 4;
    moved += Math.hypot(now.x - last.x, now.y - last.y);
    if (!isDrag) return;
    canvas.classList.add("dragged");
    gestures.hover(null);
    gestures.pan(now.x - last.x, now.y - last.y);
  });
  const release = (event: PointerEvent) => {
    if (!pointers.delete(event.pointerId)) return;
    canvas.classList.remove("dragged");
    if (event.type === "pointerup" && moved <= 4) gestures.click(event.offsetX, event.offsetY);
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => gestures.hover(null));
  canvas.addEventListener("dblclick", (event) => {
    gestures.doubleClick(event.offsetX, event.offsetY);
  });
}
