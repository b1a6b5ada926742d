import type { ListedNode } from "../../app/list_nodes.ts";
import type { Style } from "../terminal.ts";
import { displayWidth, fitText, formatCount, pad, plural } from "./format.ts";

/** Nodes one a line: how many rows they have, what they are about. Descriptions are cut at `width`, unless it is null. */
export function nodeListView(
  nodes: readonly ListedNode[],
  style: Style,
  width: number | null,
): string {
  if (nodes.length === 0) return "No nodes\n";
  const ids = widest(nodes.map(({ id }) => id));
  const states = nodes.map(stateOf);
  const room = widest(states);
  const lines = nodes.map((node, i) => {
    const state = states[i]!;
    const right = " ".repeat(room - displayWidth(state)) + state;
    const paint = node.status === "failed" ? style.red : style.dim;
    const about = [
      node.tags.length === 0 ? "" : `[${node.tags.join(", ")}]`,
      (node.description ?? "").replace(/\s+/g, " ").trim(),
    ].filter(Boolean).join(" ");
    const left = width === null ? Infinity : Math.max(0, width - ids - room - 4);
    const shown = left < 8 ? "" : fitText(about, left);
    return `${pad(node.id, ids)}  ${paint(right)}  ${style.dim(shown)}`.trimEnd();
  });
  return [...lines, style.dim(plural(nodes.length, "node"))].join("\n") + "\n";
}

function stateOf({ status, rows }: ListedNode): string {
  switch (status) {
    case "success":
      return `${formatCount(rows ?? 0)} rows`;
    case "virtual":
      return "-";
    case "none":
      return "not built";
    default:
      return status;
  }
}

function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, displayWidth(text)), 0);
}
