import assert from "node:assert/strict";
import { join } from "node:path";
import { type LineageDocument, lineageHtml } from "../../../src/cli/views/lineage_html.ts";
import { findMatches } from "../../../src/cli/views/lineage_page/find_matches.ts";
import { nextSelection } from "../../../src/cli/views/lineage_page/next_selection.ts";
import { type GraphOrder, orderGraph } from "../../../src/cli/views/lineage_page/order_graph.ts";
import type { PageData } from "../../../src/cli/views/lineage_page/page_data.ts";
import { placeGraph } from "../../../src/cli/views/lineage_page/place_graph.ts";
import type { Scene } from "../../../src/cli/views/lineage_page/scene.ts";
import { linkEdges, traceSelection } from "../../../src/cli/views/lineage_page/trace.ts";
import { randomNumbers } from "../../support/random.ts";

const PAGE_FOLDER = join(import.meta.dirname!, "../../../src/cli/views/lineage_page");

const SHOP: LineageDocument = {
  title: "shop: dev at 1a2b3c4",
  nodes: [
    node("source.users", ["id", "email", "age"]),
    node("source.orders", ["user_id", "amount"]),
    node("transform.adults", ["id", "email"]),
    node("transform.totals", ["email", "total"]),
    { ...node("transform.pivot", ["id"]), traced: false },
  ],
  edges: [
    { from: "source.users", to: "transform.adults" },
    { from: "transform.adults", to: "transform.totals" },
    { from: "source.orders", to: "transform.totals" },
    { from: "source.orders", to: "transform.pivot" },
  ],
  column_edges: [
    { from: "source.users.id", to: "transform.adults.id" },
    { from: "source.users.email", to: "transform.adults.email" },
    { from: "transform.adults.email", to: "transform.totals.email" },
    { from: "source.orders.amount", to: "transform.totals.total" },
  ],
  row_edges: [
    { from: "source.users.age", to: "transform.adults" },
    { from: "transform.adults.id", to: "transform.totals" },
    { from: "source.orders.user_id", to: "transform.totals" },
  ],
  focus: "transform.totals.email",
};

Deno.test("lineageHtml() embeds every node with all that is said about it", () => {
  const data = embedded(lineageHtml(SHOP));
  assert.deepEqual(data.nodes, SHOP.nodes);
  assert.deepEqual(data.edges, [0, 2, 2, 3, 1, 3, 1, 4]);
  assert.deepEqual(data.columnEdges, [0, 0, 2, 0, 0, 1, 2, 1, 2, 1, 3, 0, 1, 1, 3, 1]);
  assert.deepEqual(data.rowEdges, [0, 2, 2, 2, 0, 3, 1, 0, 3]);
  assert.deepEqual(data.focus, { node: 3, column: 0 });
});

Deno.test("lineageHtml() writes the same document for the same input", () => {
  assert.equal(lineageHtml(SHOP), lineageHtml(structuredClone(SHOP)));
});

Deno.test("lineageHtml() lets no name, text or SQL out of the data", () => {
  const hostile = `</script><script>alert(1)</script><!-- " ' & \u2028\u2029 \\u003c \${x}`;
  const document: LineageDocument = {
    title: `</title>${hostile}`,
    nodes: [{
      ...node(`source.${hostile}`, [hostile, "__proto__"]),
      kind: hostile,
      file: hostile,
      description: hostile,
      sql: hostile,
    }],
    edges: [],
    column_edges: [{ from: `source.${hostile}.${hostile}`, to: `source.${hostile}.__proto__` }],
    row_edges: [],
    focus: `source.${hostile}`,
  };
  const html = lineageHtml(document);
  const plain = lineageHtml({ ...SHOP, title: "x" });
  const tags = (text: string) => [...text.matchAll(/<[/!]?[a-z-]+/gi)].map(([tag]) => tag);
  assert.deepEqual(tags(html), tags(plain));
  assert.ok(!/[\u2028\u2029]/.test(html.slice(html.indexOf(`id="data"`))));
  assert.deepEqual(embedded(html).nodes, document.nodes);
  assert.deepEqual(embedded(html).columnEdges, [0, 0, 0, 1]);
});

Deno.test("lineageHtml() finds a column by the longest node that has it", () => {
  const { columnEdges, rowEdges, focus } = embedded(lineageHtml({
    ...SHOP,
    nodes: [
      node("source.a", ["b.c", "b.d", "x"]),
      node("source.a.b", ["c"]),
      node("transform.t", ["x"]),
    ],
    edges: [],
    column_edges: [
      { from: "source.a.b.c", to: "transform.t.x" },
      { from: "source.a.b.d", to: "transform.t.x" },
    ],
    row_edges: [{ from: "source.a.b.c", to: "transform.t" }],
    focus: "source.a.b",
  }));
  assert.deepEqual(columnEdges, [1, 0, 2, 0, 0, 1, 2, 0]);
  assert.deepEqual(rowEdges, [1, 0, 2]);
  assert.deepEqual(focus, { node: 1, column: -1 });
});

Deno.test("lineageHtml() leaves out edges and a focus that name nothing", () => {
  const data = embedded(lineageHtml({
    ...SHOP,
    edges: [{ from: "source.users", to: "transform.gone" }],
    column_edges: [{ from: "source.users.gone", to: "transform.adults.id" }],
    row_edges: [{ from: "source.users.id", to: "transform.gone" }],
    focus: "transform.gone",
  }));
  assert.deepEqual([data.edges, data.columnEdges, data.rowEdges, data.focus], [[], [], [], null]);
});

Deno.test("lineageHtml() loads nothing from anywhere", () => {
  const html = lineageHtml(SHOP);
  assert.deepEqual(html.match(/https?:|\bsrc=|\bhref=|\burl\(|@import|\bfetch\(/g), null);
  assert.ok(html.includes("default-src 'none'"));
});

Deno.test("lineageHtml() embeds every function of the page, and none needs anything else", () => {
  const html = lineageHtml(SHOP);
  const script = html.slice(html.lastIndexOf("<script>") + 8, html.lastIndexOf("</script>"));
  const names: string[] = [];
  for (const { name } of Deno.readDirSync(PAGE_FOLDER)) {
    if (name === "page_script.ts") continue;
    const text = Deno.readTextFileSync(join(PAGE_FOLDER, name));
    names.push(...[...text.matchAll(/^(?:export )?function (\w+)/gm)].map((match) => match[1]!));
  }
  for (const name of names) assert.ok(script.includes(`function ${name}(`), name);
  assert.ok(names.includes("startPage"));

  const functions = script.slice(0, script.lastIndexOf("startPage("));
  const page = new Function(`${functions}; return { orderGraph, placeGraph };`)();
  const order = page.orderGraph(4, [0, 1, 1, 2, 0, 3, 2, 3], () => true);
  assert.deepEqual(order, orderGraph(4, [0, 1, 1, 2, 0, 3, 2, 3], () => true));
  const size = () => ({ width: 200, height: 48, port: 24 });
  assert.deepEqual(page.placeGraph(order, size), placeGraph(order, size));
});

Deno.test("lineageHtml() takes 2,000 nodes and 20,000 column edges", () => {
  const random = randomNumbers(1);
  const nodes = Array.from({ length: 2000 }, (_, i) =>
    node(
      `transform.node_${i}`,
      Array.from({ length: 10 }, (_, column) => `column_${column}`),
    ));
  const edges = Array.from({ length: 4000 }, (_, i) => {
    const to = 1 + i % 1999;
    return { from: nodes[Math.floor(random() * to)]!.id, to: nodes[to]!.id };
  });
  const column_edges = Array.from({ length: 20_000 }, (_, i) => {
    const { from, to } = edges[i % 4000]!;
    return { from: `${from}.column_${i % 10}`, to: `${to}.column_${i % 7}` };
  });
  const html = lineageHtml({ ...SHOP, nodes, edges, column_edges, row_edges: [], focus: null });
  assert.ok(html.length < 3_000_000, String(html.length));
  const data = embedded(html);
  assert.equal(data.columnEdges.length, 80_000);
  const order = orderGraph(2000, data.edges, () => true);
  assertOrdered(order, data.edges);
  assertApart(order);
});

Deno.test("orderGraph() puts a node into the layer of its longest path from a source", () => {
  const order = orderGraph(5, [0, 1, 1, 2, 0, 2, 2, 3, 4, 3], () => true);
  assert.deepEqual(order.layerOf.slice(0, 5), [0, 1, 2, 3, 0]);
});

Deno.test("orderGraph() crosses no edges where none have to", () => {
  const order = orderGraph(8, [0, 7, 1, 6, 2, 5, 3, 4], () => true);
  assert.equal(crossings(order), 0);
  const fan = orderGraph(7, [0, 6, 1, 4, 2, 5, 0, 5, 1, 3], () => true);
  assert.equal(crossings(fan), 0);
});

Deno.test("orderGraph() leads the long edges of one node along one trunk", () => {
  const edges = [0, 1, 1, 2, 2, 3, 0, 2, 0, 3];
  const order = orderGraph(4, edges, () => true);
  assert.equal(order.layerOf.length, 6);
  const [toTwo, toThree] = [order.edgeSegments[3]!, order.edgeSegments[4]!];
  assert.deepEqual([toTwo.length, toThree.length], [2, 3]);
  assert.equal(toTwo[0], toThree[0]);
  assertOrdered(order, edges);
});

Deno.test("orderGraph() shows only what is asked for, and pulls sources to their readers", () => {
  const edges = [0, 1, 1, 2, 2, 3, 4, 3];
  const isShown = (node: number) => node !== 0;
  const wide = orderGraph(5, edges, isShown);
  assert.deepEqual(wide.layerOf.slice(0, 5), [-1, 0, 1, 2, 0]);
  assert.deepEqual(wide.edgeSegments[0], []);
  assert.equal(orderGraph(5, edges, isShown, true).layerOf[4], 1);
});

Deno.test("orderGraph() survives cycles, edges to oneself and nothing at all", () => {
  const order = orderGraph(3, [0, 1, 1, 2, 2, 1, 0, 0], () => true);
  assert.deepEqual(order.layers.flat().filter((item) => item < 3).sort(), [0, 1, 2]);
  assert.deepEqual(orderGraph(0, [], () => true).layers, []);
  assert.equal(placeGraph(orderGraph(0, [], () => true), () => assert.fail()).height, 0);
});

Deno.test("placeGraph() keeps cards apart, inside and in order, whatever their heights", () => {
  const random = randomNumbers(5);
  for (let round = 0; round < 20; round++) {
    const count = 2 + Math.floor(random() * 40);
    const edges: number[] = [];
    for (let to = 1; to < count; to++) {
      for (let n = Math.floor(random() * 4); n > 0; n--) {
        edges.push(Math.floor(random() * to), to);
      }
    }
    const order = orderGraph(count, edges, () => true);
    assertOrdered(order, edges);
    assertApart(order);
  }
});

Deno.test("traceSelection() lights everything up and downstream of a node", () => {
  const data = embedded(lineageHtml(SHOP));
  const trace = traceSelection(data, linkEdges(data), { node: 2, column: -1 });
  assert.deepEqual([...trace.nodes], [1, 0, 3, 2, 0]);
  assert.deepEqual([...trace.edges], [1, 2, 0, 0]);
});

Deno.test("traceSelection() lights the path of a column and what decides rows along it", () => {
  const data = embedded(lineageHtml(SHOP));
  const links = linkEdges(data);
  const trace = traceSelection(data, links, { node: 2, column: 1 });
  assert.deepEqual([...trace.columnEdges], [0, 1, 2, 0]);
  assert.deepEqual([...trace.rowEdges], [4, 4, 4]);
  assert.deepEqual([...trace.nodes], [1, 4, 3, 2, 0]);
  assert.deepEqual([...trace.columns], [0, 1, 4, 4, 0, 4, 3, 2, 0, 0]);
  const age = traceSelection(data, links, { node: 0, column: 2 });
  assert.deepEqual([...age.rowEdges], [4, 0, 0]);
  assert.deepEqual([...age.nodes], [3, 0, 4, 0, 0]);
});

Deno.test("nextSelection() goes along edges and to neighbours, and stops where there is nothing", () => {
  const data = embedded(lineageHtml(SHOP));
  const order = orderGraph(5, data.edges, () => true);
  const scene: Scene = {
    data,
    links: linkEdges(data),
    order,
    places: placeGraph(order, () => ({ width: 200, height: 48, port: 24 })),
    rows: data.nodes.map(({ columns }) => columns.map((_, column) => column)),
    selection: null,
    hover: null,
    trace: null,
    camera: { x: 0, y: 0, scale: 1 },
  };
  const whole = (node: number) => ({ node, column: -1 });
  assert.deepEqual(nextSelection(scene, whole(2), "Left"), whole(0));
  assert.deepEqual(nextSelection(scene, whole(2), "Right"), whole(3));
  assert.equal(nextSelection(scene, whole(0), "Left"), null);
  assert.deepEqual(nextSelection(scene, { node: 3, column: 0 }, "Left"), { node: 2, column: 1 });
  assert.deepEqual(nextSelection(scene, { node: 3, column: 0 }, "Down"), { node: 3, column: 1 });
  assert.deepEqual(nextSelection(scene, { node: 3, column: 0 }, "Up"), whole(3));
  assert.equal(nextSelection(scene, { node: 3, column: 1 }, "Down"), null);
  const [first, second] = order.layers[0]!;
  assert.deepEqual(nextSelection(scene, null, "Down"), whole(first!));
  assert.deepEqual(nextSelection(scene, whole(first!), "Down"), whole(second!));
});

Deno.test("findMatches() puts exact names first, then beginnings, nodes before columns", () => {
  const data = embedded(lineageHtml(SHOP));
  const names = (query: string) =>
    findMatches(data, query, 10).best.map(({ node, column }) =>
      [data.nodes[node]!.id, data.nodes[node]!.columns[column]?.name].filter(Boolean).join(".")
    );
  assert.deepEqual(names("ID"), [
    "source.users.id",
    "transform.adults.id",
    "transform.pivot.id",
    "source.orders.user_id",
  ]);
  assert.deepEqual(names("total"), [
    "transform.totals.total",
    "transform.totals",
    "transform.totals.email",
  ]);
  assert.deepEqual(names("adults email"), ["transform.adults.email"]);
  assert.deepEqual(names("  "), []);
  assert.deepEqual(findMatches(data, "s", 2).best.length, 2);
});

function node(id: string, columns: readonly string[]): LineageDocument["nodes"][number] {
  return {
    id,
    kind: id.slice(0, id.indexOf(".")),
    file: `seeknal/${id}.yml`,
    description: null,
    sql: "SELECT 1",
    columns: columns.map((name) => ({ name, type: "VARCHAR" })),
    traced: true,
  };
}

function embedded(html: string): PageData {
  const start = html.indexOf(">", html.indexOf(`id="data"`)) + 1;
  return JSON.parse(html.slice(start, html.indexOf("</script>", start)));
}

function assertOrdered(order: GraphOrder, edges: readonly number[]): void {
  for (let i = 0; i < edges.length; i += 2) {
    let item = edges[i]!;
    for (const segment of order.edgeSegments[i / 2]!) {
      assert.equal(order.segments[segment * 2], item);
      const next = order.segments[segment * 2 + 1]!;
      assert.equal(order.layerOf[next], order.layerOf[item]! + 1);
      item = next;
    }
    assert.equal(item, edges[i + 1]!);
  }
}

function assertApart(order: GraphOrder): void {
  const size = (node: number) => ({ width: 180, height: 48 + node % 5 * 40, port: 24 });
  const places = placeGraph(order, size);
  for (const items of order.layers) {
    let free = 0;
    for (const item of items) {
      if (item >= order.nodeCount) continue;
      const top = places.portY[item]! - size(item).port;
      assert.ok(top >= free - 1e-6, `${item} starts at ${top}, ${free} is taken`);
      free = top + size(item).height;
    }
    assert.ok(free <= places.height);
  }
}

function crossings({ layers, segments }: GraphOrder): number {
  const position = new Map(layers.flatMap((items) => items.map((item, i) => [item, i] as const)));
  let count = 0;
  for (let a = 0; a < segments.length; a += 2) {
    for (let b = 0; b < a; b += 2) {
      const starts = position.get(segments[a]!)! - position.get(segments[b]!)!;
      const ends = position.get(segments[a + 1]!)! - position.get(segments[b + 1]!)!;
      if (starts * ends < 0) count++;
    }
  }
  return count;
}
