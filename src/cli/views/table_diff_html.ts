import type { Comparison } from "../../app/compare_outputs.ts";
import type { NodeComparison, TableDiff } from "../../app/table_diff.ts";
import type { Cell, Table } from "../../engine/session.ts";
import { formatCount, plural } from "./format.ts";
import {
  columnsTitle,
  comparisonTitle,
  keyHint,
  rowKinds,
  rowsTitle,
  sideLabels,
  summaryWords,
} from "./table_diff_view.ts";
import { cellText, isNumeric } from "./table_view.ts";

/** Characters of a cell on the page; the whole value is in its tooltip up to ten times that. */
const CELL_WIDTH = 120;

/** A table-diff as a page that needs nothing else, in light and dark. */
export function tableDiffHtml(
  diff: TableDiff,
  { select, warnings }: {
    readonly select: readonly string[];
    readonly warnings: readonly string[];
  },
): string {
  const title = `Table diff: ${diff.source.name} and ${diff.target.name}`;
  const [first, ...rest] = summaryWords(diff, select);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<p class="kicker">Seeknal table-diff</p>
<h1>${side(diff.source, "source")} <span class="arrow">&rarr;</span> ${
    side(diff.target, "target")
  }</h1>
<p class="summary">${escape(first!)}</p>
${rest.map((line) => `<p class="note">${escape(line)}</p>`).join("\n")}
${warnings.map((line) => `<p class="warning">${escape(line)}</p>`).join("\n")}
</header>
${diff.nodes.length > 1 ? overview(diff.nodes) : ""}
<main>
${diff.nodes.map(section).join("\n")}
</main>
</body>
</html>
`;
}

function side({ name, commit }: TableDiff["source"], kind: "source" | "target"): string {
  return `<span class="side ${kind}">${escape(name)}</span>` +
    (commit === null || commit.startsWith(name)
      ? ""
      : `<code class="commit">${escape(commit.slice(0, 7))}</code>`);
}

function overview(nodes: readonly NodeComparison[]): string {
  const items = nodes.map((comparison, i) =>
    `<tr><td><a href="#node-${i}">${escape(comparison.node)}</a></td>` +
    `<td>${rowBar(comparison)}</td>` +
    `<td class="number">${comparison.rows.full.pct.toFixed(2)} %</td></tr>`
  );
  return `<nav><table><thead><tr><th>node</th><th>rows</th><th class="number">full match</th></tr></thead>
<tbody>${items.join("\n")}</tbody></table></nav>`;
}

function section(comparison: NodeComparison, i: number): string {
  const { source, target } = comparison.totals;
  const isEmpty = source + target === 0;
  return `<section id="node-${i}">
<h2>${
    escape(
      comparison.source.node === comparison.target.node
        ? comparison.node
        : comparisonTitle(comparison),
    )
  }</h2>
${schemaPart(comparison)}
${
    isEmpty
      ? `<p class="note">Neither the source nor the target table contained any records</p>`
      : rowsPart(comparison) + columnsPart(comparison) + samplesPart(comparison)
  }
</section>`;
}

function schemaPart({ schema }: Comparison): string {
  const chips = [
    ...schema.added.map(({ name, type }) => chip("added", "+", name, type)),
    ...schema.removed.map(({ name, type }) => chip("removed", "−", name, type)),
    ...schema.modified.map(({ name, source_type, target_type }) =>
      chip("modified", "~", name, `${source_type} → ${target_type}, values not compared`)
    ),
  ];
  return `<h3>Columns</h3>\n` +
    (chips.length === 0
      ? `<p class="note">Schemas match</p>`
      : `<ul class="chips">${chips.join("")}</ul>`);
}

function chip(kind: string, sign: string, name: string, type: string): string {
  return `<li class="${kind}"><b>${sign} ${escape(name)}</b> <span>${escape(type)}</span></li>`;
}

function rowsPart(comparison: NodeComparison): string {
  const kinds = rowKinds(comparison).map(({ kind, label, count, pct }) =>
    `<li class="${kind}"><b>${formatCount(count)}</b> ` +
    `<span>${escape(label.toLowerCase())} &middot; ${pct.toFixed(2)} %</span></li>`
  );
  const hint = comparison.mode === "bag"
    ? `<p class="note">${escape(keyHint(comparison))}</p>`
    : "";
  return `<h3>${escape(rowsTitle(comparison).replace(/:$/, ""))}</h3>
${rowBar(comparison)}
<ul class="legend">${kinds.join("")}</ul>
${hint}`;
}

function rowBar(comparison: NodeComparison): string {
  const parts = rowKinds(comparison).map(({ kind, label, count, pct }) =>
    `<i class="${kind}" style="flex-grow:${pct}" title="${
      escape(`${label}: ${plural(count, "row")} (${pct.toFixed(2)} %)`)
    }"></i>`
  );
  return `<div class="bar">${parts.join("")}</div>`;
}

function columnsPart(comparison: Comparison): string {
  const rows = comparison.columns.flatMap(({ name, pct_match, differing }) =>
    pct_match === null ? [] : [
      `<tr${differing > 0 ? ` class="differs"` : ""}><th scope="row">${escape(name)}</th>` +
      `<td><div class="meter"><i style="width:${pct_match}%"></i></div></td>` +
      `<td class="number">${pct_match.toFixed(2)} %</td>` +
      `<td class="number">${differing === 0 ? "" : `${formatCount(differing)} differ`}</td></tr>`,
    ]
  );
  if (rows.length === 0) return "";
  return `<h3>${escape(columnsTitle(comparison).replace(/:$/, ""))}</h3>
<table class="columns">${rows.join("\n")}</table>`;
}

function samplesPart(comparison: NodeComparison): string {
  const { partial, source_only, target_only } = comparison.samples;
  const { rows } = comparison;
  const labels = sideLabels(comparison);
  const parts: string[] = [];
  if (partial.rows.length > 0) {
    parts.push(
      `<h3>Rows that differ in part (${sampleWords(partial.rows.length, rows.partial.count)})</h3>`,
      partialTable(partial, labels),
    );
  }
  const only = [
    { label: labels.source, table: source_only, count: rows.source_only.count },
    { label: labels.target, table: target_only, count: rows.target_only.count },
  ];
  for (const { label, table, count } of only) {
    if (table.rows.length === 0) continue;
    parts.push(
      `<h3>Rows in ${escape(label)} only (${sampleWords(table.rows.length, count)})</h3>`,
      plainTable(table),
    );
  }
  return parts.join("\n");
}

function sampleWords(shown: number, all: number): string {
  return shown === all ? `all ${formatCount(all)}` : `${formatCount(shown)} of ${formatCount(all)}`;
}

/** Both sides of each row side by side; columns that agree in the whole sample are left to the rows that have them. */
function partialTable(
  { key, columns, rows }: Comparison["samples"]["partial"],
  labels: { readonly source: string; readonly target: string },
): string {
  const differing = columns.flatMap((column, i) =>
    rows.some(({ differs }) => differs[i]) ? [{ ...column, i }] : []
  );
  const heads = [
    ...key.map((column) => headCell(column, ' rowspan="2"')),
    ...differing.map(({ name }) => `<th colspan="2" class="pair">${escape(name)}</th>`),
  ];
  const sides = differing.map(({ type }) => {
    const number = isNumeric(type) ? " number" : "";
    return `<th class="source pair${number}">${escape(labels.source)}</th>` +
      `<th class="target${number}">${escape(labels.target)}</th>`;
  });
  const body = rows.map((row) => {
    const cells = [
      ...key.map(({ type }, i) => cell(row.key[i], type, "key")),
      ...differing.flatMap(({ type, i }) => [
        cell(row.source[i], type, row.differs[i] ? "pair was" : "pair same"),
        cell(row.target[i], type, row.differs[i] ? "is" : "same"),
      ]),
    ];
    return `<tr>${cells.join("")}</tr>`;
  });
  const rest = columns.length - differing.length;
  const note = rest === 0
    ? ""
    : `<p class="note">${plural(rest, "column")} without a difference in these rows ${
      rest === 1 ? "is" : "are"
    } not shown.</p>`;
  return `<div class="scroll"><table class="rows"><thead><tr>${heads.join("")}</tr><tr>${
    sides.join("")
  }</tr></thead>
<tbody>${body.join("\n")}</tbody></table></div>${note}`;
}

function plainTable({ columns, rows }: Table): string {
  const heads = columns.map((column) => headCell(column, ""));
  const body = rows.map((row) =>
    `<tr>${columns.map(({ type }, i) => cell(row[i], type, "")).join("")}</tr>`
  );
  return `<div class="scroll"><table class="rows"><thead><tr>${heads.join("")}</tr></thead>
<tbody>${body.join("\n")}</tbody></table></div>`;
}

function headCell({ name, type }: Table["columns"][number], attributes: string): string {
  const number = isNumeric(type) ? ' class="number"' : "";
  return `<th${number}${attributes}>${escape(name)}</th>`;
}

function cell(value: Cell, type: string, kind: string): string {
  const isNull = value === null || value === undefined;
  const names = [kind, isNumeric(type) ? "number" : "", isNull ? "null" : ""].filter(Boolean);
  const text = cellText(value);
  const isLong = text.length > CELL_WIDTH;
  const title = isLong ? ` title="${escape(text.slice(0, 10 * CELL_WIDTH))}"` : "";
  const shown = isLong ? `${text.slice(0, CELL_WIDTH)}…` : text;
  return `<td class="${names.join(" ")}"${title}>${escape(shown)}</td>`;
}

function escape(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

const STYLE = `
:root { --page: #f6f7f9; --card: #fff; --ink: #1c2330; --soft: #667085; --line: #e3e7ee; --head: #f0f2f6;
  --full: #2e9e6b; --partial: #e0a526; --source: #d4544f; --target: #3f7fd6;
  --was: #fde7e5; --was-ink: #9c2620; --is: #e2eefc; --is-ink: #1f57a3; }
@media (prefers-color-scheme: dark) {
  :root { --page: #12161d; --card: #1a2029; --ink: #e4e8ef; --soft: #96a0b0; --line: #2b3340; --head: #222a35;
    --full: #3fb583; --partial: #e3b341; --source: #e5706b; --target: #5c9cee;
    --was: #46211f; --was-ink: #ffb3ae; --is: #1c3352; --is-ink: #b3d4ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
.kicker { margin: 0; color: var(--soft); font-size: .8rem; letter-spacing: .06em; text-transform: uppercase; }
h1 { margin: .2rem 0 .4rem; font-size: 1.7rem; display: flex; align-items: baseline; flex-wrap: wrap; gap: .5rem; }
h2 { margin: 0 0 .5rem; font-size: 1.2rem; font-family: ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
h3 { margin: 1.6rem 0 .6rem; font-size: .95rem; }
.arrow, .commit, .note { color: var(--soft); } .commit { font-size: .85rem; font-weight: 400; }
.side.source { color: var(--source); } .side.target { color: var(--target); }
.summary { margin: .2rem 0; } .note { margin: .5rem 0; font-size: .88rem; }
.warning { margin: .5rem 0; padding: .5rem .8rem; border-left: 3px solid var(--partial); background: var(--card);
  border-radius: 0 6px 6px 0; font-size: .9rem; }
section, nav { margin-top: 1.25rem; padding: 1.25rem 1.4rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .3rem .7rem; vertical-align: top; }
nav table { width: 100%; } nav td:nth-child(2) { width: 50%; vertical-align: middle; } nav th { color: var(--soft); font-weight: 500; font-size: .85rem; }
a { color: var(--target); text-decoration: none; } a:hover { text-decoration: underline; }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.bar { display: flex; gap: 2px; height: 14px; border-radius: 7px; overflow: hidden; background: var(--line); }
nav .bar { height: 10px; margin-top: .35rem; }
.bar i { flex-basis: 0; min-width: 3px; }
i.full { background: var(--full); } i.partial { background: var(--partial); }
i.source_only { background: var(--source); } i.target_only { background: var(--target); }
ul { list-style: none; margin: .6rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: .4rem 1.6rem; }
.legend b { font-size: 1.15rem; font-variant-numeric: tabular-nums; } .legend span { color: var(--soft); font-size: .88rem; }
.legend li::before { content: ""; display: inline-block; width: .65rem; height: .65rem; margin-right: .45rem; border-radius: 3px; }
.legend .full::before { background: var(--full); } .legend .partial::before { background: var(--partial); }
.legend .source_only::before { background: var(--source); } .legend .target_only::before { background: var(--target); }
.chips { gap: .4rem; } .chips li { padding: .15rem .6rem; border: 1px solid var(--line); border-radius: 6px; font-size: .88rem; }
.chips span { color: var(--soft); } .chips .added b { color: var(--full); } .chips .removed b { color: var(--source); }
.chips .modified b { color: var(--partial); }
.columns { width: 100%; } .columns th { font-weight: 500; white-space: nowrap; } .columns td:nth-child(2) { width: 60%; vertical-align: middle; }
.columns tr:not(.differs) { color: var(--soft); }
.meter { height: 8px; border-radius: 4px; background: var(--source); overflow: hidden; } .meter i { display: block; height: 100%; background: var(--full); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
.rows { width: 100%; font-size: .86rem; } .rows thead { background: var(--head); } .rows th { font-weight: 600; white-space: nowrap; }
.rows thead tr + tr th { font-weight: 500; font-size: .78rem; padding-top: 0; } th.source { color: var(--source); } th.target { color: var(--target); }
.rows tbody tr + tr td { border-top: 1px solid var(--line); }
.rows td { font-family: ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.pair { border-left: 1px solid var(--line); } th.pair[colspan] { text-align: center; }
td.was { background: var(--was); color: var(--was-ink); } td.is { background: var(--is); color: var(--is-ink); }
td.same { color: var(--soft); } td.null { font-style: italic; opacity: .75; } td.key { font-weight: 600; }
`;
