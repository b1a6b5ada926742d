import type { Lineage } from "../../app/trace_lineage.ts";
import type { PageData, PageNode, Selection } from "./lineage_page/page_data.ts";
import { pageScript } from "./lineage_page/page_script.ts";
import { PAGE_STYLE } from "./lineage_page/page_style.ts";

/** Up to this many nodes, cards start with their columns shown. */
const OPEN_UP_TO = 60;

const KIND_COLOURS = Array.from({ length: 8 }, (_, i) => `kind-${i}`);

/** What the lineage page shows. */
export interface LineageDocument
  extends Pick<Lineage, "edges" | "column_edges" | "row_edges" | "focus"> {
  /** `jaffle_shop: dev at 1a2b3c4`. */
  readonly title: string;
  readonly nodes: readonly PageNode[];
}

/** The page of a lineage, with a title that says of what. `root` is the project's folder. */
export function lineagePage(traced: Lineage, root: string): string {
  const project = root.split(/[\\/]/).at(-1)!;
  const of = traced.environment === null
    ? "the project's files"
    : `${traced.environment} at ${traced.commit!.slice(0, 7)}`;
  return lineageHtml({ ...traced, title: `${project}: ${of}` });
}

/**
 * The lineage as one HTML file that needs no network and no other file. Edges with an end that the
 * document does not have are left out.
 */
export function lineageHtml(document: LineageDocument): string {
  const title = escapeHtml(document.title);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${title}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>
  <h1 title="${title}">${title}</h1>
  <div class="finder">
    <input id="search" type="search" role="combobox" placeholder="Find a node or column" autocomplete="off" spellcheck="false" aria-label="Find a node or column" aria-controls="results" aria-expanded="false" aria-autocomplete="list">
    <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="7" cy="7" r="4.6"/><path d="M10.5 10.5 14 14"/></svg>
    <kbd aria-hidden="true">/</kbd>
    <ul id="results" role="listbox" aria-label="Nodes and columns found" hidden></ul>
  </div>
  <p class="word">Lineage by Seeknal</p>
</header>
<main>
  <canvas id="graph" tabindex="0" role="application" aria-label="Graph of nodes. Arrow keys move along it, the panel tells what is selected."></canvas>
  <div id="tip" hidden></div>
  <div id="legend" class="float" aria-label="Legend" role="group">
    <ul id="kinds"><li id="untraced">columns cannot be followed</li></ul>
    <ul class="lines">
      <li>${line("up")}upstream</li>
      <li>${line("down")}downstream</li>
      <li>${line("rows")}decides rows</li>
    </ul>
  </div>
  <div id="tools" class="float" role="toolbar" aria-label="View">
    <button type="button" id="columns" aria-pressed="false" title="Show or hide all columns (C)">Columns</button>
    <button type="button" id="path" aria-pressed="false" title="Show only what is up and downstream of the selection (P)">Only path</button>
    <hr>
    <button type="button" id="fit" title="Show everything (F)">Fit</button>
    <button type="button" id="zoom-out" class="round" aria-label="Zoom out" title="Zoom out (-)">&minus;</button>
    <span id="scale" aria-hidden="true">100%</span>
    <button type="button" id="zoom-in" class="round" aria-label="Zoom in" title="Zoom in (+)">+</button>
  </div>
</main>
<aside id="panel" aria-label="Details of the selection" tabindex="-1"></aside>
<p id="status" class="unseen" role="status"></p>
<noscript>This page draws the lineage with JavaScript.</noscript>
<script type="application/json" id="data">${
    escapeScript(JSON.stringify(pageData(document)))
  }</script>
<script>
${pageScript({ dataId: "data", openUpTo: OPEN_UP_TO, kindColours: KIND_COLOURS })}
</script>
</body>
</html>
`;
}

function pageData(document: LineageDocument): PageData {
  const nodeOf = new Map(document.nodes.map(({ id }, node) => [id, node]));
  const columnsOf = document.nodes.map(({ columns }) =>
    new Map(columns.map(({ name }, column) => [name, column]))
  );
  const node = (id: string) => nodeOf.get(id);
  /** A column's name may contain dots, so the longest node that has the rest as a column counts. */
  const column = (name: string): Selection | undefined => {
    for (let dot = name.lastIndexOf("."); dot > 0; dot = name.lastIndexOf(".", dot - 1)) {
      const found = nodeOf.get(name.slice(0, dot));
      const at = found === undefined ? undefined : columnsOf[found]!.get(name.slice(dot + 1));
      if (at !== undefined) return { node: found!, column: at };
    }
    return undefined;
  };
  const whole = (name: string): Selection | undefined => {
    const found = node(name);
    return found === undefined ? undefined : { node: found, column: -1 };
  };
  const { focus } = document;
  return {
    title: document.title,
    nodes: document.nodes.map(({ id, kind, file, description, sql, columns, traced }) => ({
      id,
      kind,
      file,
      description,
      sql,
      columns: columns.map(({ name, type }) => ({ name, type })),
      traced,
    })),
    edges: document.edges.flatMap(({ from, to }) => {
      const [start, end] = [node(from), node(to)];
      return start === undefined || end === undefined ? [] : [start, end];
    }),
    columnEdges: document.column_edges.flatMap(({ from, to }) => {
      const [start, end] = [column(from), column(to)];
      return start === undefined || end === undefined
        ? []
        : [start.node, start.column, end.node, end.column];
    }),
    rowEdges: document.row_edges.flatMap(({ from, to }) => {
      const [start, end] = [column(from), node(to)];
      return start === undefined || end === undefined ? [] : [start.node, start.column, end];
    }),
    focus: focus === null ? null : whole(focus) ?? column(focus) ?? null,
  };
}

function line(colour: string): string {
  return `<svg class="${colour}" viewBox="0 0 24 8" aria-hidden="true"><path d="M0 4h24"/></svg>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

/**
 * JSON that no HTML parser sees a tag or comment in; JSON knows these characters by number, too.
 */
function escapeScript(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
