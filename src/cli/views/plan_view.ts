import { changeGlyph, summaryWords } from "../../app/messages.ts";
import type { SqlDiffLine } from "../../app/sql_diff.ts";
import { describeEnvCategory } from "../../model/env_name.ts";
import type { NodeId } from "../../model/ids.ts";
import type { Plan, PlanNode } from "../../model/plan.ts";
import type { ImpactNode, ImpactTree } from "../../plan/impact_tree.ts";
import type { Style } from "../terminal.ts";
import { alignColumns, plural } from "./format.ts";
import { plannedTables } from "./tables_view.ts";

/** SQL diffs by node. */
export type SqlDiffs = ReadonlyMap<NodeId, readonly SqlDiffLine[]>;

/** What is shown beside a plan; a plan that was committed has neither. */
export interface PlanDetails {
  readonly sql: SqlDiffs;
  readonly impact: readonly ImpactTree[];
  /** Nodes that the plan asks something for and that were not asked for. */
  readonly hidden: number;
}

/** The details of a plan that is read back. */
export const NO_DETAILS: PlanDetails = { sql: new Map(), impact: [], hidden: 0 };

/** Nodes listed in a section before `... and n more`. */
const SHOWN = 20;

interface Section {
  readonly title: string;
  readonly nodes: readonly PlanNode[];
}

/** A plan for people: what changed and why, section by section, and one last line with the counts. */
export function planView(
  plan: Plan,
  { sql, impact, hidden }: PlanDetails,
  style: Style,
  all: boolean,
): string {
  const lines = [style.bold(title(plan)), ""];
  const inTrees = new Set(impact.flatMap(({ readers }) => idsIn(readers)));
  for (const { title, nodes: found } of sections(plan)) {
    const nodes = title === AFFECTED ? found.filter(({ id }) => !inTrees.has(id)) : found;
    if (nodes.length === 0) continue;
    const isFirst = title === AFFECTED && lines.length === 2;
    lines.push(style.bold(`${isFirst ? "Affected" : title} (${nodes.length})`));
    const shown = all ? nodes : nodes.slice(0, SHOWN);
    for (const node of shown) lines.push(...nodeLines(node, sql, style));
    if (shown.length < nodes.length) {
      lines.push(style.dim(`  ... and ${nodes.length - shown.length} more (--all shows them)`));
    }
    lines.push("");
  }
  if (lines.length === 2) lines.push(noChanges(plan, hidden), "");
  if (impact.length > 0) lines.push(...impactLines(impact, style, all), "");
  lines.push(...plannedTables(plan.materializations, style, all));
  if (plan.released !== undefined) {
    lines.push(style.bold(`Tables that nothing writes to any more (${plan.released.length})`));
    lines.push(...plan.released.map((target) => `  ${target}  ${style.dim("stays as it is")}`), "");
  }
  lines.push(...buildLines(plan, style, all));
  lines.push(style.bold(`Plan: ${summaryWords(plan.summary)}`));
  if (hidden > 0) {
    lines.push(`Not shown: ${plural(hidden, "other node")} that the plan asks something for`);
  }
  return lines.join("\n") + "\n";
}

function title({ environment, base }: Plan): string {
  const against = base.commit === null
    ? "production is empty"
    : `compared with ${base.ref} at ${base.commit.slice(0, 7)}`;
  return environment === null
    ? `Plan for production, ${against}`
    : `Plan for ${environment} (${describeEnvCategory(environment)}), ${against}`;
}

function noChanges({ base }: Plan, hidden: number): string {
  if (hidden > 0) return "No changes in what is shown.";
  return base.commit === null
    ? "The project has no nodes."
    : `No changes: the project is what ${base.ref} has.`;
}

function sections({ nodes }: Plan): Section[] {
  const of = (test: (node: PlanNode) => boolean) => nodes.filter(test);
  return [
    { title: "New", nodes: of((n) => n.change === "new") },
    { title: "Removed", nodes: of((n) => n.change === "removed") },
    { title: "Changed", nodes: of((n) => n.change === "direct" && n.category !== "METADATA") },
    { title: AFFECTED, nodes: of((n) => n.change === "indirect") },
    {
      title: "Metadata only",
      nodes: of((n) => n.change === "direct" && n.category === "METADATA"),
    },
  ];
}

const AFFECTED = "Affected by those";

function idsIn(nodes: readonly ImpactNode[]): NodeId[] {
  return nodes.flatMap(({ node, affected, readers }) => [
    ...(affected ? [node.id] : []),
    ...idsIn(readers),
  ]);
}

/** For each change the tree of what it reaches, with the reason at every branch. */
function impactLines(trees: readonly ImpactTree[], style: Style, all: boolean): string[] {
  const lines: string[] = [];
  for (const { root, readers } of trees) {
    lines.push(`  ${paintOf(root, style)(root.id)}`);
    lines.push(...branchLines(root.id, readers, "  ", style));
  }
  const shown = all ? lines : lines.slice(0, TREE_LINES);
  const more = lines.length - shown.length;
  return [
    style.bold("What they touch"),
    ...shown,
    ...(more > 0 ? [style.dim(`  ... and ${more} more lines (--all shows them)`)] : []),
  ];
}

/** Lines of impact shown without --all. */
const TREE_LINES = 40;
/** Readers that are not affected are named up to here, then counted. */
const SPARED = 3;

function branchLines(
  parent: NodeId,
  nodes: readonly ImpactNode[],
  indent: string,
  style: Style,
): string[] {
  const affected = nodes.filter((node) => node.affected);
  const spared = nodes.filter((node) => !node.affected);
  const named = spared.length > SPARED + 1 ? spared.slice(0, SPARED) : spared;
  const rest = spared.length - named.length;
  const shown = [...affected, ...named];
  const lines = shown.flatMap((item, i) => {
    const isLast = i === shown.length - 1 && rest === 0;
    const deeper = `${indent}${isLast ? "   " : "│  "}`;
    return [
      `${indent}${style.dim(isLast ? "└─" : "├─")} ${branchText(parent, item, style)}`,
      ...branchLines(item.node.id, item.readers, deeper, style),
    ];
  });
  return rest === 0
    ? lines
    : [...lines, style.dim(`${indent}└─ = and ${plural(rest, "other reader")} not affected`)];
}

function branchText(
  parent: NodeId,
  { node, affected, again }: ImpactNode,
  style: Style,
): string {
  const glyph = affected ? changeGlyph({ kind: node.change, category: node.category }) : "=";
  const why = again
    ? "see above"
    : affected
    ? node.reasons.filter((reason) => /^(reads|depends|returns) /.test(reason)).join("; ")
    : node.reasons.find((reason) => /decided|stays/.test(reason)) ?? "reads nothing that changed";
  const paint = affected ? paintOf(node, style) : style.dim;
  // What stands right above need not be named in full.
  const short = (why || node.reasons[0]!).replaceAll(`reads ${parent}.`, "reads ");
  return `${paint(`${glyph} ${node.id}`)}  ${style.dim(short)}`;
}

function nodeLines(node: PlanNode, sql: SqlDiffs, style: Style): string[] {
  const glyph = changeGlyph({ kind: node.change, category: node.category });
  const label = node.change === "direct" ? `  ${node.category ?? "DATA"}` : "";
  const paint = paintOf(node, style);
  const head = `  ${paint(glyph)} ${paint(node.id)}${style.bold(label)}`;
  const reasons = node.reasons.filter((reason) => reason !== "new node");
  const single = node.change !== "direct" && reasons.length === 1;
  return [
    single ? `${head}  ${style.dim(reasons[0]!)}` : head,
    ...(single ? [] : reasons.map((reason) => `      ${reason}`)),
    ...(sql.get(node.id) ?? []).map((line) => `      ${sqlLine(line, style)}`),
  ];
}

/** A line of an SQL diff with its sign and colour. */
export function sqlLine({ sign, text }: SqlDiffLine, style: Style): string {
  const line = `${sign} ${text}`;
  return sign === "+" ? style.green(line) : sign === "-" ? style.red(line) : style.dim(line);
}

function paintOf({ change, category }: PlanNode, style: Style): (text: string) => string {
  if (change === "new") return style.green;
  if (change === "removed" || category === "BREAKING") return style.red;
  return change === "direct" && category !== "METADATA" ? style.yellow : (text) => text;
}

/** What a run will do, and with what it can do without. */
function buildLines(plan: Plan, style: Style, all: boolean): string[] {
  const rows: string[][] = [];
  const list = (action: PlanNode["action"]) => plan.nodes.filter((node) => node.action === action);
  const builds = list("build");
  if (builds.length > 0) {
    const changed = plan.nodes.filter(({ change, category }) =>
      change !== "none" && change !== "removed" && category !== "METADATA"
    );
    const shown = all ? builds : builds.slice(0, 8);
    const more = builds.length - shown.length;
    const names = shown.map(({ id }) => id).join(", ") + (more > 0 ? ` and ${more} more` : "");
    // Only where nothing else stands above.
    const isListed = builds.length === changed.length && builds.length <= SHOWN &&
      builds.every((node) => changed.includes(node)) &&
      plan.nodes.every(({ change, category, reasons }) =>
        change === "none" ? reasons.length === 0 : change !== "removed" && category !== "METADATA"
      );
    rows.push([style.bold("Build"), String(builds.length), isListed ? "all of the above" : names]);
    const unexplained = builds.filter((node) => node.change === "none");
    for (const { id, reasons } of unexplained.slice(0, 8)) {
      rows.push(["", "", style.dim(`${id}: ${reasons.join("; ")}`)]);
    }
  }
  const reused = list("reuse");
  if (reused.length > 0) {
    const changed = reused.filter((n) => n.change !== "none" && n.category !== "METADATA").length;
    const note = changed > 0 ? `; ${plural(changed, "changed node")} among them, built before` : "";
    rows.push([
      style.bold("Reuse"),
      String(reused.length),
      style.dim(`${reuseSources(reused)}${note}`),
    ]);
  }
  const kept = plan.nodes.filter(({ reasons }) => reasons.some((r) => /^keeps its output/.test(r)));
  if (kept.length > 0) {
    const names = kept.slice(0, 8).map(({ id }) => id).join(", ");
    rows.push([
      style.bold("Kept"),
      String(kept.length),
      style.dim(`by decision, behind what they read: ${names} (seeknal run --full builds them)`),
    ]);
  }
  const dropped = list("drop");
  if (dropped.length > 0) {
    rows.push([
      style.bold("Drop"),
      String(dropped.length),
      dropped.map(({ id }) => id).slice(0, 8).join(", "),
    ]);
  }
  return rows.length === 0 ? [] : [...alignColumns(rows), ""];
}

/** `5 from prod, 1 from the cache`; `from prod` where it is one place. */
function reuseSources(nodes: readonly PlanNode[]): string {
  const counts = new Map<string, number>();
  for (const { reused_from } of nodes) {
    if (reused_from) counts.set(reused_from, (counts.get(reused_from) ?? 0) + 1);
  }
  const sources = [...counts].sort((a, b) => b[1] - a[1]);
  if (sources.length === 1) return `from ${sources[0]![0]}`;
  return sources.map(([from, count]) => `${count} from ${from}`).join(", ");
}

/** A plan as Markdown, for a comment on a pull request. */
export function planMarkdown(plan: Plan, sql: SqlDiffs): string {
  const lines = [`### Seeknal: ${title(plan)}`, "", `**Plan: ${summaryWords(plan.summary)}**`, ""];
  const changed = plan.nodes.filter((node) => node.change !== "none");
  if (changed.length > 0) {
    lines.push("| | node | category | action | why |", "|---|---|---|---|---|");
    for (const node of changed) {
      const glyph = changeGlyph({ kind: node.change, category: node.category });
      const why = node.reasons.join("; ").replaceAll("|", "\\|");
      lines.push(
        `| \`${glyph}\` | \`${node.id}\` | ${
          node.category ?? (node.change === "direct" ? "DATA" : node.change)
        } | ${node.action} | ${why} |`,
      );
    }
  } else lines.push("No changes.");
  if (plan.materializations.length > 0) {
    lines.push("", "| table outside | mode | of | written by |", "|---|---|---|---|");
    for (const { target, mode, node, by } of plan.materializations) {
      lines.push(`| \`${target}\` | ${mode} | \`${node}\` | ${by} |`);
    }
  }
  const spared = plan.nodes.filter((node) =>
    node.change === "none" && node.action === "reuse" && node.reasons.length > 0
  );
  if (spared.length > 0) {
    lines.push("", "Read a changed node, and are not affected:");
    lines.push(
      ...spared.slice(0, SHOWN).map(({ id, reasons }) => `- \`${id}\`: ${reasons.join("; ")}`),
    );
    if (spared.length > SHOWN) lines.push(`- and ${spared.length - SHOWN} more`);
  }
  for (const [id, diff] of sql) {
    if (diff.length === 0) continue;
    const body = diff.map((line) => `${line.sign} ${line.text}`).join("\n");
    lines.push(
      "",
      `<details><summary><code>${id}</code></summary>`,
      "",
      "```diff",
      body,
      "```",
      "",
      "</details>",
    );
  }
  return lines.join("\n") + "\n";
}
