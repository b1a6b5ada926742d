import type { GraphOrder } from "./order_graph.ts";

/** The size of a card; edges meet it at `port`, measured from its top. */
export interface CardSize {
  readonly width: number;
  readonly height: number;
  readonly port: number;
}

/** Where everything is. */
export interface GraphPlaces {
  /** The height at which edges meet an item. */
  readonly portY: Float64Array;
  /** Left edge and width of every layer; cards are as wide as their layer. */
  readonly layerX: readonly number[];
  readonly layerWidth: readonly number[];
  readonly width: number;
  readonly height: number;
}

/**
 * Places an ordered graph: layers side by side, and inside a layer every item as close as the order
 * and the heights allow to the items it hangs together with (pool adjacent violators, so the
 * squared distances are the least possible). Cheap enough to run again when a card changes height.
 *
 * Runs in the page, so it uses nothing from outside of itself.
 */
export function placeGraph(order: GraphOrder, sizeOf: (node: number) => CardSize): GraphPlaces {
  const { layers, layerOf, segments, nodeCount } = order;
  const itemCount = layerOf.length;
  const bendSpace = 7;
  const above = new Float64Array(itemCount).fill(bendSpace);
  const below = new Float64Array(itemCount).fill(bendSpace);
  const layerWidth = layers.map(() => 0);
  for (let node = 0; node < nodeCount; node++) {
    const layer = layerOf[node]!;
    if (layer === -1) continue;
    const size = sizeOf(node);
    above[node] = size.port + 9;
    below[node] = size.height - size.port + 9;
    layerWidth[layer] = Math.max(layerWidth[layer]!, size.width);
  }
  const near: number[][] = Array.from({ length: itemCount }, () => []);
  const crossing = layers.map(() => 0);
  for (let i = 0; i < segments.length; i += 2) {
    near[segments[i]!]!.push(segments[i + 1]!);
    near[segments[i + 1]!]!.push(segments[i]!);
    crossing[layerOf[segments[i]!]!]!++;
  }
  const layerX: number[] = [];
  let x = 0;
  layers.forEach((_, layer) => {
    layerX.push(x);
    x += layerWidth[layer]! + 84 + Math.min(320, 10 * Math.sqrt(crossing[layer]!));
  });

  const portY = new Float64Array(itemCount);
  for (const items of layers) {
    let y = 0;
    for (const item of items) {
      portY[item] = y + above[item]!;
      y += above[item]! + below[item]!;
    }
    for (const item of items) portY[item]! -= y / 2;
  }
  const rounds = 6;
  for (let round = 0; round <= rounds; round++) {
    for (let step = 0; step < layers.length; step++) {
      const layer = round % 2 === 0 ? step : layers.length - 1 - step;
      const side = round === rounds ? 0 : round % 2 === 0 ? -1 : 1;
      settle(layers[layer]!, side === 0 ? null : layer + side);
    }
  }

  let top = Infinity;
  let bottom = -Infinity;
  for (const items of layers) {
    for (const item of items) {
      top = Math.min(top, portY[item]! - above[item]!);
      bottom = Math.max(bottom, portY[item]! + below[item]!);
    }
  }
  if (layers.length === 0) top = bottom = 0;
  for (let item = 0; item < itemCount; item++) portY[item]! -= top;
  const last = layers.length - 1;
  return {
    portY,
    layerX,
    layerWidth,
    width: last === -1 ? 0 : layerX[last]! + layerWidth[last]!,
    height: bottom - top,
  };

  /** Moves the items of a layer towards their neighbours in one layer, or in both beside it. */
  function settle(items: readonly number[], toLayer: number | null): void {
    const blocks: { sum: number; weight: number; count: number }[] = [];
    const shift: number[] = [];
    let taken = 0;
    items.forEach((item, i) => {
      if (i > 0) taken += below[items[i - 1]!]! + above[item]!;
      shift.push(taken);
      let sum = 0;
      let weight = 0;
      for (const other of near[item]!) {
        if (toLayer !== null && layerOf[other] !== toLayer) continue;
        // A trunk that stays straight is easier to follow than a card that sits in the middle.
        const pull = item >= nodeCount && other >= nodeCount ? 4 : 1;
        sum += portY[other]! * pull;
        weight += pull;
      }
      if (weight === 0) {
        weight = 0.05;
        sum = portY[item]! * weight;
      }
      let block = { sum: sum - taken * weight, weight, count: 1 };
      while (blocks.length > 0) {
        const previous = blocks[blocks.length - 1]!;
        if (previous.sum / previous.weight <= block.sum / block.weight) break;
        blocks.pop();
        block = {
          sum: previous.sum + block.sum,
          weight: previous.weight + block.weight,
          count: previous.count + block.count,
        };
      }
      blocks.push(block);
    });
    let i = 0;
    for (const { sum, weight, count } of blocks) {
      for (let n = 0; n < count; n++, i++) portY[items[i]!] = sum / weight + shift[i]!;
    }
  }
}
