import type { Change } from "../model/change.ts";
import type { CommitId } from "../model/ids.ts";
import type { Plan, PlanNode, PlanSummary } from "../model/plan.ts";

/** Lines of a commit's body; the tree holds the rest. */
const BODY_LINES = 50;

/** `2 to build, 5 to reuse, 1 to drop`, and `3 tables to write` where there are any. */
export function summaryWords({ build, reuse, drop, materialize }: PlanSummary): string {
  const tables = materialize === 0
    ? ""
    : `, ${materialize} ${materialize === 1 ? "table" : "tables"} to write`;
  return `${build} to build, ${reuse} to reuse, ${drop} to drop${tables}`;
}

/** The changed nodes of a plan as the body of a commit. */
export function planBody(plan: Plan): string {
  const nodes = plan.nodes.filter((node) => node.change !== "none" || node.action === "build");
  return clip(nodes.map((node) => `${glyph(node)} ${node.id}${because(node.reasons)}`));
}

/** Changes as the body of a commit. */
export function changesBody(changes: readonly Change[]): string {
  return clip(
    changes.filter(({ kind }) => kind !== "none")
      .map((change) => `${changeGlyph(change)} ${change.id}${because(change.reasons)}`),
  );
}

/** `+` new, `-` removed, `!` breaking, `~` other, one for every line that shows a node. */
export function changeGlyph(
  { kind, category }: { kind: Change["kind"]; category: Change["category"] },
): string {
  switch (kind) {
    case "new":
      return "+";
    case "removed":
      return "-";
    case "direct":
      return category === "BREAKING" ? "!" : category === "METADATA" ? "." : "~";
    case "indirect":
      return ">";
    case "none":
      return " ";
  }
}

/** A commit in a trailer; `none` for none. */
export function trailerCommit(id: CommitId | null): string {
  return id ?? "none";
}

/** How many tables outside went along; nothing where there were none. */
export function tablesTrailer(writes: readonly unknown[]): Record<string, string> {
  return writes.length === 0 ? {} : { "Tables-Written": String(writes.length) };
}

function glyph({ change, category }: PlanNode): string {
  return changeGlyph({ kind: change, category });
}

function because(reasons: readonly string[]): string {
  return reasons.length === 0 ? "" : `: ${reasons.join("; ")}`;
}

/** The first lines of a commit's body, and how many more there are. */
export function clip(lines: readonly string[]): string {
  if (lines.length <= BODY_LINES) return lines.join("\n");
  return [...lines.slice(0, BODY_LINES), `... and ${lines.length - BODY_LINES} more`].join("\n");
}
