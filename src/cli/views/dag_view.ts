import type { Lineage, LineageNode } from "../../app/trace_lineage.ts";
import type { Style } from "../terminal.ts";
import { displayWidth, fitText, pad, plural } from "./format.ts";

/** Nodes listed in text without --all. */
const SHOWN = 500;

/** A node's number in the graph, and how far it is from the sources. */
interface Placed {
  readonly node: LineageNode;
  readonly layer: number;
  readonly inputs: readonly string[];
}

/** The nodes layer by layer, each with what it reads. Lines are cut at `width`, unless it is null. */
export function dagText(
  graph: Lineage,
  { style, width, all }: {
    readonly style: Style;
    readonly width: number | null;
    readonly all: boolean;
  },
): string {
  const placed = place(graph);
  if (placed.length === 0) return "No nodes\n";
  const shown = all ? placed : placed.slice(0, SHOWN);
  const widest = shown.reduce((most, { node }) => Math.max(most, displayWidth(node.id)), 0);
  const names = width === null ? widest : Math.min(widest, Math.max(20, Math.floor(width / 2)));
  const digits = String(placed.at(-1)!.layer + 1).length;
  let layer = -1;
  const lines = shown.map(({ node, layer: own, inputs }) => {
    const label = own === layer ? "" : String(own + 1);
    layer = own;
    const left = width === null ? Infinity : width - digits - names - 4;
    const reads = inputs.length === 0 ? "" : inputsWords(inputs, left);
    const isFocus = node.id === graph.focus;
    const name = pad(fitText(node.id, names), names);
    return `${style.dim(label.padStart(digits))}  ${isFocus ? style.bold(name) : name}  ${
      style.dim(reads)
    }`.trimEnd();
  });
  const more = placed.length - shown.length;
  const count = `${plural(placed.length, "node")}, ${plural(graph.edges.length, "edge")}, ${
    plural(placed.at(-1)!.layer + 1, "layer")
  }`;
  return [
    ...lines,
    ...(more > 0
      ? [
        style.dim(
          `... and ${plural(more, "more node")} (--all shows them, --format html draws them)`,
        ),
      ]
      : []),
    style.dim(count),
  ].join("\n") + "\n";
}

/** As many of the inputs as fit, and how many more there are. */
function inputsWords(inputs: readonly string[], room: number): string {
  let words = "";
  for (let i = 0; i < inputs.length; i++) {
    const next = `${words}${i === 0 ? "<- " : ", "}${inputs[i]}`;
    const rest = inputs.length - i - 1;
    const tail = rest > 0 ? ` +${rest}` : "";
    if (displayWidth(next + tail) > room) {
      if (i === 0) return fitText(next, Math.max(1, room));
      return `${words} +${inputs.length - i}`;
    }
    words = next;
  }
  return words;
}

/** A flow chart that GitHub and most editors draw. */
export function dagMermaid(graph: Lineage): string {
  const placed = place(graph);
  const names = new Map(placed.map(({ node }, i) => [node.id as string, `n${i}`]));
  const kinds = [...new Set(placed.map(({ node }) => node.kind))].sort();
  return [
    "flowchart LR",
    ...placed.map(({ node }) =>
      `  ${names.get(node.id)}["${node.id.replaceAll('"', "#quot;")}"]:::${kindClass(node.kind)}`
    ),
    ...graph.edges.map(({ from, to }) => `  ${names.get(from)} --> ${names.get(to)}`),
    ...kinds.map((kind, i) =>
      `  classDef ${kindClass(kind)} ${MERMAID_COLOURS[i % MERMAID_COLOURS.length]}`
    ),
  ].join("\n") + "\n";
}

/** A word that Mermaid has no other meaning for. */
function kindClass(kind: string): string {
  return `kind_${kind.replace(/\W/g, "_")}`;
}

const MERMAID_COLOURS = [
  "fill:#e3f0fb,stroke:#2f6fab,color:#12304d",
  "fill:#e8f5e6,stroke:#3d8b37,color:#173d14",
  "fill:#fdf0dc,stroke:#b4761c,color:#4a3008",
  "fill:#f3e8f8,stroke:#8a4fa3,color:#3a1d47",
  "fill:#fbe6e6,stroke:#b04545,color:#4d1717",
  "fill:#e2f4f3,stroke:#23807b,color:#0c3a37",
];

/** A graph for Graphviz. */
export function dagDot(graph: Lineage): string {
  const quote = (text: string) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  return [
    "digraph seeknal {",
    "  rankdir=LR;",
    '  node [shape=box, style=rounded, fontname="sans-serif"];',
    ...place(graph).map(({ node }) => `  ${quote(node.id)} [class=${quote(node.kind)}];`),
    ...graph.edges.map(({ from, to }) => `  ${quote(from)} -> ${quote(to)};`),
    "}",
  ].join("\n") + "\n";
}

/** The graph as data. */
export function dagJson(graph: Lineage): unknown {
  const { environment, commit, focus, edges } = graph;
  return {
    format_version: 1,
    ...{ environment, commit, focus },
    nodes: place(graph).map(({ node, layer }) => ({
      ...{ id: node.id, kind: node.kind, file: node.file, description: node.description, layer },
    })),
    edges,
  };
}

/** Nodes by layer, then by id; what is not in the graph counts for nothing. */
function place({ nodes, edges }: Lineage): Placed[] {
  const inputs = new Map<string, string[]>(nodes.map(({ id }) => [id, []]));
  for (const { from, to } of edges) {
    const list = inputs.get(to);
    if (list !== undefined && !list.includes(from)) list.push(from);
  }
  const layers = new Map<string, number>();
  const waiting: string[] = nodes.map(({ id }) => id);
  // An explicit stack: a chain of ten thousand nodes is no reason to run out of it.
  while (waiting.length > 0) {
    const id = waiting.at(-1)!;
    const own = inputs.get(id) ?? [];
    const missing = own.filter((input) => !layers.has(input));
    if (layers.has(id) || missing.length === 0) {
      if (!layers.has(id)) {
        layers.set(id, own.reduce((most, input) => Math.max(most, layers.get(input)! + 1), 0));
      }
      waiting.pop();
    } else waiting.push(...missing);
  }
  return nodes.map((node) => ({
    node,
    layer: layers.get(node.id)!,
    inputs: inputs.get(node.id)!,
  })).sort((a, b) => a.layer - b.layer || (a.node.id < b.node.id ? -1 : 1));
}
