import type { PreparedApply } from "../../app/authoring/apply_draft.ts";
import type { DryRun } from "../../app/authoring/dry_run.ts";
import type { Change } from "../../model/change.ts";
import type { Style } from "../terminal.ts";
import { alignColumns, plural } from "./format.ts";

/** Columns named in a line. */
const COLUMNS_SHOWN = 8;
/** Nodes downstream that are named. */
const READERS_SHOWN = 10;

/** What a draft is and where it belongs, node by node. */
export function draftSummary({ draft, target, nodes, replaces }: DryRun, style: Style): string {
  if (draft.type === "test") {
    return `${style.green("OK")} ${style.bold(draft.file)} is valid\n` +
      factLines([["goes to", target]], style);
  }
  if (draft.type === "snippet") {
    const { use } = draft.snippet;
    return `${style.green("OK")} ${style.bold(draft.id)} is valid\n` +
      factLines([["use", use.replace("id", draft.id)], ["goes to", target]], style);
  }
  return nodes.map((node, i) => {
    const there = replaces.get(node.id);
    const place = there === undefined ? target : `${there}, in place of what is there`;
    const shown = node.shape.columns.slice(0, COLUMNS_SHOWN).map(({ name, type }) =>
      `${name} ${type}`
    );
    const more = node.shape.columns.length - shown.length;
    const columns = [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join(", ");
    return `${style.green("OK")} ${style.bold(node.id)} is valid\n` + factLines([
      ...(node.inputs.length === 0 ? [] : [["reads", node.inputs.join(", ")]]),
      ...(columns === "" ? [] : [["columns", columns]]),
      ...(node.virtual === true ? [["rows", "none of its own"]] : []),
      ...(i === 0 ? [["goes to", place]] : []),
    ], style);
  }).join("");
}

function factLines(facts: readonly (readonly string[])[], style: Style): string {
  const rows = facts.map(([name = "", value = ""]) => [`   ${style.dim(name)}`, value]);
  return rows.length === 0 ? "" : `${alignColumns(rows).join("\n")}\n`;
}

/** What applying a draft writes and what that means. */
export function applyView(
  { draft, target, action, lines, changes }: PreparedApply,
  style: Style,
): string {
  if (action === "none") return "";
  const text: string[] = [];
  if (action === "replace") {
    text.push(style.bold(target));
    for (const { sign, text: line } of lines) {
      const shown = `  ${sign} ${line}`.trimEnd();
      text.push(
        sign === "+" ? style.green(shown) : sign === "-" ? style.red(shown) : style.dim(shown),
      );
    }
    text.push("");
  }
  const own = (changes ?? []).filter(({ kind }) => kind !== "indirect");
  for (const change of own) text.push(...changeLines(change, style));
  const reached = (changes ?? []).filter(({ kind }) => kind === "indirect");
  if (reached.length > 0) {
    const names = reached.slice(0, READERS_SHOWN).map(({ id }) => id);
    const more = reached.length - names.length;
    text.push(
      `  reaches ${plural(reached.length, "node")} downstream: ${names.join(", ")}${
        more > 0 ? `, and ${more} more` : ""
      }`,
    );
  }
  if (changes === null) {
    text.push("  what it changes cannot be told: the project as it is does not load");
  }
  if (draft.type !== "test" && action === "replace" && changes?.length === 0) {
    text.push("  no node changes by it");
  }
  return text.length === 0 ? "" : `${text.join("\n")}\n`;
}

function changeLines({ id, kind, category, reasons }: Change, style: Style): string[] {
  if (kind === "new") return [`Added: ${style.green(`+ ${id}`)}`];
  if (kind === "removed") return [`Removed: ${style.red(`- ${id}`)}`];
  const paint = category === "BREAKING"
    ? style.red
    : category === "NON_BREAKING"
    ? style.yellow
    : style.dim;
  return [
    `Changed: ${style.bold(id)}  ${paint(category ?? "")}`,
    ...reasons.map((reason) => `  ${reason}`),
  ];
}
