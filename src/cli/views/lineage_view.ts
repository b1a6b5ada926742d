import type { Lineage, LineageNode, LineageRequest } from "../../app/trace_lineage.ts";
import type { Style } from "../terminal.ts";
import { plural } from "./format.ts";

/** Lines of one tree shown without --all. */
const LINES = 60;

/** How a lineage is shown. */
export interface LineageViewOptions {
  readonly style: Style;
  /** Every line of a long tree. */
  readonly all: boolean;
  readonly direction: LineageRequest["direction"];
}

/** A lineage for people: trees up and down from what was asked for, or all nodes from the sources on. */
export function lineageView(
  lineage: Lineage,
  { style, all, direction }: LineageViewOptions,
): string {
  if (lineage.nodes.length === 0) return "The project has no nodes.\n";
  if (lineage.focus === null) return wholeView(lineage, style, all);
  const isColumn = !lineage.nodes.some(({ id }) => id === lineage.focus);
  const options = { style, all, direction };
  return isColumn ? columnView(lineage, options) : nodeView(lineage, options);
}

function wholeView(lineage: Lineage, style: Style, all: boolean): string {
  const links = linksOf(lineage.edges, "from", "to");
  const hasInput = new Set(lineage.edges.map(({ to }) => to));
  const roots = lineage.nodes.filter(({ id }) => !hasInput.has(id)).map(({ id }) => id as string);
  const labels = labelsOf(lineage, style);
  const seen = new Set<string>();
  const lines = roots.flatMap((root) => [
    labels(root),
    ...branches(root, { links, labels, style, seen, indent: "" }),
  ]);
  return finish(lines, all, style) +
    style.dim(`${plural(lineage.nodes.length, "node")}, ${plural(lineage.edges.length, "edge")}\n`);
}

function nodeView(lineage: Lineage, options: LineageViewOptions): string {
  const { style } = options;
  const focus = lineage.focus!;
  const node = lineage.nodes.find(({ id }) => id === focus)!;
  const width = Math.max(0, ...node.columns.map(({ name }) => name.length));
  const columns = node.columns.map(({ name, type }) => {
    const from = lineage.column_edges.filter(({ to }) => to === `${focus}.${name}`)
      .map((edge) => edge.from);
    const origin = from.length === 0 ? "" : `  <- ${from.join(", ")}`;
    return `  ${name.padEnd(width)}  ${style.dim(type)}${origin}`;
  });
  const rows = lineage.row_edges.filter(({ to }) => to === focus).map(({ from }) => from);
  const labels = labelsOf(lineage, style);
  return [
    `${style.bold(focus)}  ${style.dim(node.file)}`,
    ...(node.traced ? [] : [`  ${style.yellow(untracedWords(node))}`]),
    ...columns,
    ...(rows.length === 0 ? [] : [`  ${style.dim("rows decided by")} ${rows.join(", ")}`]),
    "",
    ...trees(lineage.edges, focus, labels, options),
  ].join("\n") + "\n";
}

function columnView(lineage: Lineage, options: LineageViewOptions): string {
  const { style } = options;
  const focus = lineage.focus!;
  const node = lineage.nodes.find(({ id }) => focus.startsWith(`${id}.`))!;
  const column = node.columns.find(({ name }) => focus === `${node.id}.${name}`)!;
  return [
    `${style.bold(focus)}  ${style.dim(`${column.type}  ${node.file}`)}`,
    ...(node.traced ? [] : [`  ${style.yellow(untracedWords(node))}`]),
    "",
    ...trees(lineage.column_edges, focus, (id) => id, options),
    ...rowLines(lineage, focus, options),
  ].join("\n") + "\n";
}

/** Nodes whose rows depend on the column, or on one computed from it: filters, joins, groups. */
function rowLines(
  { column_edges, row_edges }: Lineage,
  focus: string,
  { style, direction }: LineageViewOptions,
): string[] {
  if (direction === "up") return [];
  const links = linksOf(column_edges, "from", "to");
  const below = new Set([focus]);
  for (const column of below) for (const next of links.get(column) ?? []) below.add(next);
  const found = row_edges.filter(({ from }) => below.has(from));
  if (found.length === 0) return [];
  return [
    style.bold("Decides the rows of"),
    ...found.map(({ from, to }) =>
      `${style.dim("-")} ${to}${from === focus ? "" : style.dim(`  by ${from}`)}`
    ),
  ];
}

function trees(
  edges: Lineage["edges"],
  focus: string,
  labels: (id: string) => string,
  { style, all, direction }: LineageViewOptions,
): string[] {
  const tree = (title: string, none: string, links: Links) => {
    const seen = new Set<string>([focus]);
    const lines = branches(focus, { links, labels, style, seen, indent: "" });
    return lines.length === 0
      ? [`${style.bold(title)}  ${style.dim(none)}`]
      : [style.bold(title), finish(lines, all, style).trimEnd()];
  };
  return [
    ...(direction === "down" ? [] : tree("Comes from", "nothing", linksOf(edges, "to", "from"))),
    ...(direction === "up" ? [] : tree("Goes to", "nothing", linksOf(edges, "from", "to"))),
  ];
}

function finish(lines: readonly string[], all: boolean, style: Style): string {
  const shown = all ? lines : lines.slice(0, LINES);
  const more = lines.length - shown.length;
  const rest = more > 0
    ? [style.dim(`... and ${plural(more, "more line")} (--all shows them, --html draws them)`)]
    : [];
  return [...shown, ...rest].join("\n") + "\n";
}

type Links = ReadonlyMap<string, readonly string[]>;

function linksOf(edges: Lineage["edges"], from: "from" | "to", to: "from" | "to"): Links {
  const links = new Map<string, string[]>();
  for (const edge of edges) {
    const list = links.get(edge[from]);
    if (list === undefined) links.set(edge[from], [edge[to]]);
    else if (!list.includes(edge[to])) list.push(edge[to]);
  }
  return links;
}

interface Branching {
  readonly links: Links;
  readonly labels: (id: string) => string;
  readonly style: Style;
  /** What stands with its own branches already. */
  readonly seen: Set<string>;
  readonly indent: string;
}

function branches(id: string, branching: Branching): string[] {
  const { links, labels, style, seen, indent } = branching;
  const next = links.get(id) ?? [];
  return next.flatMap((child, i) => {
    const isLast = i === next.length - 1;
    const line = `${indent}${style.dim(isLast ? "└─" : "├─")} ${labels(child)}`;
    if (seen.has(child)) return [links.has(child) ? `${line} ${style.dim("(see above)")}` : line];
    seen.add(child);
    const deeper = { ...branching, indent: `${indent}${isLast ? "   " : "│  "}` };
    return [line, ...branches(child, deeper)];
  });
}

function labelsOf({ nodes }: Lineage, style: Style): (id: string) => string {
  const untraced = new Set<string>(nodes.filter(({ traced }) => !traced).map(({ id }) => id));
  return (id) => untraced.has(id) ? `${id} ${style.yellow("(columns cannot be followed)")}` : id;
}

function untracedWords({ untraced }: LineageNode): string {
  return `its columns cannot be followed${untraced === null ? "" : `: ${untraced}`}`;
}
