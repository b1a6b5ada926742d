import assert from "node:assert/strict";
import {
  findGraphProblems,
  type GraphNode,
  layersOf,
  reachable,
  readersOf,
} from "../../../src/dag/graph.ts";
import type { NodeId } from "../../../src/model/ids.ts";

/** `{ b: "a", c: "a b" }`: b reads a, c reads a and b. */
function graph(edges: Readonly<Record<string, string>>): GraphNode[] {
  return Object.entries(edges).map(([id, inputs]) => ({
    id: id as NodeId,
    inputs: inputs.split(" ").filter(Boolean) as NodeId[],
  }));
}

function layers(edges: Readonly<Record<string, string>>): string[][] {
  return layersOf(graph(edges)).map((layer) => layer.map(({ id }) => id as string));
}

Deno.test("layersOf() puts a node one layer behind the highest of its inputs", () => {
  assert.deepEqual(layers({ d: "b c", c: "b", b: "a", a: "", e: "a" }), [
    ["a"],
    ["b", "e"],
    ["c"],
    ["d"],
  ]);
});

Deno.test("layersOf() keeps the given order inside a layer", () => {
  assert.deepEqual(layers({ z: "", a: "", m: "" }), [["z", "a", "m"]]);
  assert.deepEqual(layers({}), []);
});

Deno.test("layersOf() counts an input that is named twice once, and an unknown one not at all", () => {
  assert.deepEqual(layers({ a: "", b: "a a", c: "elsewhere" }), [["a", "c"], ["b"]]);
});

Deno.test("layersOf() leaves out nodes on a cycle and behind one", () => {
  assert.deepEqual(layers({ a: "", b: "c", c: "b", d: "c", e: "a" }), [["a"], ["e"]]);
  assert.deepEqual(layers({ a: "a" }), []);
});

Deno.test("layersOf() sorts a chain of 20,000 nodes without running out of stack", () => {
  const chain = Array.from({ length: 20_000 }, (_, i) => ({
    id: `n${i}` as NodeId,
    inputs: i === 0 ? [] : [`n${i - 1}` as NodeId],
  }));
  assert.equal(layersOf(chain.reverse()).length, 20_000);
});

Deno.test("findGraphProblems() finds nothing in a sound graph", () => {
  assert.deepEqual(findGraphProblems(graph({ a: "", b: "a", c: "a b" })), []);
});

Deno.test("findGraphProblems() names a missing input, its position and what was meant", () => {
  const problems = findGraphProblems(
    graph({ "source.orders": "", "transform.t": "source.orders source.order" }),
  );
  assert.deepEqual(problems, [{
    type: "missing",
    node: "transform.t",
    input: "source.order",
    index: 1,
    suggestion: "source.orders",
  }]);
});

Deno.test("findGraphProblems() never means the reader itself", () => {
  const [problem] = findGraphProblems(graph({ "transform.c": "transform.x" }));
  assert.ok(problem?.type === "missing");
  assert.equal(problem.suggestion, null);
});

Deno.test("findGraphProblems() shows a cycle as a closed path along inputs", () => {
  const problems = findGraphProblems(graph({ a: "c", b: "a", c: "b", d: "c" }));
  assert.equal(problems.length, 1);
  const problem = problems[0]!;
  assert.ok(problem.type === "cycle");
  assert.equal(problem.path.length, 4);
  assert.equal(problem.path[0], problem.path[3]);
  assert.deepEqual([...new Set(problem.path)].sort(), ["a", "b", "c"]);
});

Deno.test("findGraphProblems() finds a node that reads itself, and every separate cycle", () => {
  const problems = findGraphProblems(graph({ a: "a", b: "c", c: "b", d: "a c" }));
  const cycles = problems.flatMap((p) => p.type === "cycle" ? [[...new Set(p.path)].sort()] : []);
  assert.deepEqual(cycles.sort(), [["a"], ["b", "c"]]);
});

Deno.test("readersOf() lists each reader once", () => {
  const readers = readersOf(graph({ a: "", b: "a a", c: "a b" }));
  assert.deepEqual(readers.get("a" as NodeId), ["b", "c"]);
  assert.equal(readers.get("c" as NodeId), undefined);
});

Deno.test("reachable() includes the start and stops after depth steps", () => {
  const nodes = graph({ a: "", b: "a", c: "b", d: "c" });
  const readers = readersOf(nodes);
  const from = (depth?: number) =>
    [...reachable(["a" as NodeId], (id) => readers.get(id) ?? [], depth)].join("");
  assert.equal(from(), "abcd");
  assert.equal(from(0), "a");
  assert.equal(from(2), "abc");
});

Deno.test("findGraphProblems() suggests the node of that name where the kind is missing or another one", () => {
  const nodes = graph({
    "source.orders": "",
    "transform.a": "orders",
    "transform.b": "model.orders",
    "transform.c": "source.ordres",
    "transform.d": "nothing.like_it",
  });
  const suggestions = findGraphProblems(nodes).map((problem) =>
    problem.type === "missing" ? problem.suggestion : problem.type
  );
  assert.deepEqual(suggestions, ["source.orders", "source.orders", "source.orders", null]);
});
