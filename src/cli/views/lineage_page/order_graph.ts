/** Which layer everything is in, and in which order; places come from `placeGraph()`. */
export interface GraphOrder {
  /** How many items are nodes; items from here on are bends of long edges. */
  readonly nodeCount: number;
  /** The layer of every item; -1: not shown. */
  readonly layerOf: readonly number[];
  /** The items of every layer, top to bottom. */
  readonly layers: readonly (readonly number[])[];
  /** Pairs `from item, to item`, each from one layer to the next one. */
  readonly segments: readonly number[];
  /**
   * For every edge, the segments it runs along; empty for an edge that is not shown or goes back.
   */
  readonly edgeSegments: readonly (readonly number[])[];
}

/**
 * Orders a graph for drawing it left to right: a node's layer is its longest path from a source,
 * the order inside a layer comes from barycentre sweeps. Long edges of one node share their bends,
 * so a node that is read everywhere shows one trunk instead of a fan. Same input, same answer. In a
 * tight order what reads nothing stands right before its first reader instead of all the way to the
 * left.
 *
 * Runs in the page, so it uses nothing from outside of itself.
 */
export function orderGraph(
  nodeCount: number,
  edges: readonly number[],
  isShown: (node: number) => boolean,
  isTight = false,
): GraphOrder {
  const targets: number[][] = Array.from({ length: nodeCount }, () => []);
  const sources: number[][] = Array.from({ length: nodeCount }, () => []);
  for (let i = 0; i < edges.length; i += 2) {
    const [from, to] = [edges[i]!, edges[i + 1]!];
    if (from === to || !isShown(from) || !isShown(to)) continue;
    targets[from]!.push(to);
    sources[to]!.push(from);
  }
  const layerOf = findLayers();
  if (isTight) pullRight();
  const segments: number[] = [];
  const edgeSegments = layEdges();
  const itemCount = layerOf.length;
  const before: number[][] = Array.from({ length: itemCount }, () => []);
  const after: number[][] = Array.from({ length: itemCount }, () => []);
  for (let i = 0; i < segments.length; i += 2) {
    after[segments[i]!]!.push(segments[i + 1]!);
    before[segments[i + 1]!]!.push(segments[i]!);
  }
  const partOf = findParts();
  let layers = firstOrder();
  sweep();
  return { nodeCount, layerOf, layers, segments, edgeSegments };

  function findLayers(): number[] {
    const result: number[] = targets.map((_, node) => isShown(node) ? 0 : -1);
    const waiting = sources.map((list) => list.length);
    const done = new Uint8Array(nodeCount);
    const queue: number[] = [];
    for (let node = 0; node < nodeCount; node++) {
      if (result[node] === 0 && waiting[node] === 0) queue.push(node);
    }
    let next = 0;
    for (let node = 0; node <= nodeCount; node++) {
      while (next < queue.length) {
        const from = queue[next++]!;
        if (done[from] === 1) continue;
        done[from] = 1;
        for (const to of targets[from]!) {
          if (done[to] === 1) continue;
          result[to] = Math.max(result[to]!, result[from]! + 1);
          if (--waiting[to]! === 0) queue.push(to);
        }
      }
      // Only a cycle leaves nodes over; it is cut at its first node, so the page still opens.
      if (node < nodeCount && result[node] !== -1 && done[node] === 0) queue.push(node);
    }
    return result;
  }

  function pullRight(): void {
    sources.forEach((list, node) => {
      if (list.length > 0 || targets[node]!.length === 0) return;
      layerOf[node] = Math.max(0, Math.min(...targets[node]!.map((to) => layerOf[to]!)) - 1);
    });
  }

  function layEdges(): number[][] {
    const trunkOf = new Map<number, { first: number; last: number }>();
    const known = new Map<string, number>();
    const segment = (from: number, to: number) => {
      const key = `${from} ${to}`;
      let index = known.get(key);
      if (index === undefined) {
        index = segments.length / 2;
        segments.push(from, to);
        known.set(key, index);
      }
      return index;
    };
    const bend = (from: number, layer: number) => {
      const start = layerOf[from]! + 1;
      let trunk = trunkOf.get(from);
      if (trunk === undefined) {
        const last = Math.max(...targets[from]!.map((to) => layerOf[to]!)) - 1;
        trunk = { first: layerOf.length, last };
        trunkOf.set(from, trunk);
        for (let l = start; l <= last; l++) layerOf.push(l);
      }
      return trunk.first + layer - start;
    };
    const result: number[][] = [];
    for (let i = 0; i < edges.length; i += 2) {
      const [from, to] = [edges[i]!, edges[i + 1]!];
      const path: number[] = [];
      result.push(path);
      if (from === to || !isShown(from) || !isShown(to) || layerOf[to]! <= layerOf[from]!) continue;
      let item = from;
      for (let layer = layerOf[from]! + 1; layer < layerOf[to]!; layer++) {
        const bent = bend(from, layer);
        path.push(segment(item, bent));
        item = bent;
      }
      path.push(segment(item, to));
    }
    return result;
  }

  /** Numbers the connected parts, the largest first: parts are kept one under the other. */
  function findParts(): number[] {
    const part = new Array<number>(itemCount).fill(-1);
    const sizes: number[] = [];
    for (let start = 0; start < itemCount; start++) {
      if (part[start] !== -1 || layerOf[start] === -1) continue;
      const stack = [start];
      part[start] = sizes.length;
      let size = 0;
      while (stack.length > 0) {
        const item = stack.pop()!;
        size++;
        for (const list of [before[item]!, after[item]!]) {
          for (const other of list) {
            if (part[other] !== -1) continue;
            part[other] = sizes.length;
            stack.push(other);
          }
        }
      }
      sizes.push(size);
    }
    const bySize = sizes.map((_, i) => i).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
    const rank: number[] = [];
    bySize.forEach((index, i) => rank[index] = i);
    return part.map((index) => index === -1 ? -1 : rank[index]!);
  }

  /** Depth first from the sources: what hangs together starts close together. */
  function firstOrder(): number[][] {
    const result: number[][] = [];
    const seen = new Uint8Array(itemCount);
    const starts = layerOf.map((_, item) => item)
      .filter((item) => item < nodeCount && layerOf[item] !== -1)
      .sort((a, b) => layerOf[a]! - layerOf[b]! || a - b);
    for (const start of starts) {
      const stack = [start];
      while (stack.length > 0) {
        const item = stack.pop()!;
        if (seen[item] === 1) continue;
        seen[item] = 1;
        (result[layerOf[item]!] ??= []).push(item);
        for (let i = after[item]!.length - 1; i >= 0; i--) stack.push(after[item]![i]!);
      }
    }
    for (const items of result) items.sort((a, b) => partOf[a]! - partOf[b]!);
    return result;
  }

  function sweep(): void {
    const position = new Float64Array(itemCount);
    const number = (items: readonly number[]) => items.forEach((item, i) => position[item] = i);
    for (const items of layers) number(items);
    const key = new Float64Array(itemCount);
    let best = layers.map((items) => [...items]);
    let fewest = crossings(position);
    const rounds = segments.length > 20_000 ? 6 : 16;
    let idle = 0;
    for (let round = 0; round < rounds && fewest > 0 && idle < 4; round++) {
      const forward = round % 2 === 0;
      for (let step = 1; step < layers.length; step++) {
        const layer = forward ? step : layers.length - 1 - step;
        const items = layers[layer]!;
        const beside = layers[forward ? layer - 1 : layer + 1]!;
        const stretch = beside.length / Math.max(1, items.length);
        for (const item of items) {
          const near = forward ? before[item]! : after[item]!;
          let sum = 0;
          for (const other of near) sum += position[other]!;
          key[item] = near.length === 0 ? position[item]! * stretch : sum / near.length;
        }
        items.sort((a, b) =>
          partOf[a]! - partOf[b]! || key[a]! - key[b]! || position[a]! - position[b]!
        );
        number(items);
      }
      const count = crossings(position);
      idle++;
      if (count < fewest) {
        fewest = count;
        best = layers.map((items) => [...items]);
        idle = 0;
      }
    }
    layers = best;
  }

  function crossings(position: Float64Array): number {
    let count = 0;
    for (let layer = 0; layer + 1 < layers.length; layer++) {
      const size = layers[layer + 1]!.length;
      const tree = new Int32Array(size + 1);
      let placed = 0;
      for (const item of layers[layer]!) {
        const ends = after[item]!.map((other) => position[other]!);
        for (const end of ends) {
          let notAbove = 0;
          for (let i = end + 1; i > 0; i -= i & -i) notAbove += tree[i]!;
          count += placed - notAbove;
        }
        for (const end of ends) {
          for (let i = end + 1; i <= size; i += i & -i) tree[i]!++;
          placed++;
        }
      }
    }
    return count;
  }
}
