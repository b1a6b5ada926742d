/** The style sheet of the page; the painter reads its colours and fonts from here as well. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --text-font: Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue",
    "Noto Sans", "Liberation Sans", sans-serif;
  --code-font: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono",
    monospace;
  --canvas: #f5f6f8;
  --card: #ffffff;
  --shade: rgba(20, 28, 45, .07);
  --ink: #171b24;
  --soft: #626c7d;
  --faint: #d4d9e1;
  --line: #d9dee6;
  --hover: #eef1f5;
  --edge: #b3bccb;
  --edge-dim: #e1e5eb;
  --self: #171b24;
  --up: #0a78c2;
  --down: #d0570b;
  --rows: #a0309a;
  --warn: #9a6200;
  --warn-back: #fff5dc;
  --kind-0: #0c8a6c;
  --kind-1: #5661d8;
  --kind-2: #b3391f;
  --kind-3: #8748c9;
  --kind-4: #8a6d00;
  --kind-5: #b7297c;
  --kind-6: #287fa0;
  --kind-7: #6a7280;
}
@media (prefers-color-scheme: dark) {
  :root {
    --canvas: #0f1217;
    --card: #1a1f27;
    --shade: rgba(0, 0, 0, .35);
    --ink: #e9ecf1;
    --soft: #98a3b4;
    --faint: #323a46;
    --line: #2d3540;
    --hover: #232a34;
    --edge: #4a5668;
    --edge-dim: #222831;
    --self: #f4f6f9;
    --up: #52b1f2;
    --down: #ff9a52;
    --rows: #e086da;
    --warn: #e7b34a;
    --warn-back: #2d2617;
    --kind-0: #3fbf9d;
    --kind-1: #8d97ff;
    --kind-2: #f08067;
    --kind-3: #bd8bf3;
    --kind-4: #d4b43c;
    --kind-5: #f07fba;
    --kind-6: #62bbdc;
    --kind-7: #9aa3b2;
  }
}
* { box-sizing: border-box; margin: 0; }
html, body { height: 100%; overflow: hidden; }
body {
  display: grid;
  grid-template: auto minmax(0, 1fr) / minmax(0, 1fr) 372px;
  background: var(--canvas);
  color: var(--ink);
  font: 400 14px/1.5 var(--text-font);
  -webkit-font-smoothing: antialiased;
}
button, input { font: inherit; color: inherit; }
button { background: none; border: 0; cursor: pointer; text-align: left; }
ul { list-style: none; padding: 0; }
:focus-visible { outline: 2px solid var(--up); outline-offset: 1px; }
[hidden] { display: none !important; }
.soft { color: var(--soft); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }

header {
  grid-column: 1 / -1;
  display: grid;
  grid-template-columns: minmax(0, 1fr) minmax(220px, 460px) minmax(0, 1fr);
  align-items: center;
  gap: 24px;
  height: 56px;
  padding: 0 20px;
  background: var(--card);
  border-bottom: 1px solid var(--line);
  z-index: 2;
}
header h1 {
  font-size: 15px;
  font-weight: 650;
  letter-spacing: -.01em;
  white-space: nowrap;
  overflow: hidden;
  text-overflow: ellipsis;
}
header .word { color: var(--soft); font-size: 13px; text-align: right; }
.finder { position: relative; }
.finder svg {
  position: absolute; left: 11px; top: 10px; width: 16px; height: 16px;
  fill: none; stroke: var(--soft); stroke-width: 1.8; stroke-linecap: round;
}
.finder input {
  width: 100%; height: 36px; padding: 0 40px 0 36px;
  background: var(--canvas); border: 1px solid var(--line); border-radius: 9px;
}
.finder input::placeholder { color: var(--soft); opacity: 1; }
.finder input::-webkit-search-cancel-button { display: none; }
.finder input:focus { outline: 2px solid var(--up); outline-offset: -1px; background: var(--card); }
.finder kbd { position: absolute; right: 9px; top: 8px; pointer-events: none; }
.finder input:focus ~ kbd { visibility: hidden; }
kbd {
  display: inline-block; min-width: 20px; padding: 0 5px;
  font: 500 11.5px/18px var(--text-font); text-align: center; white-space: nowrap;
  color: var(--soft); background: var(--card); border: 1px solid var(--line); border-radius: 5px;
}
#results {
  position: absolute; top: 42px; left: 0; right: 0; max-height: min(440px, 70vh);
  overflow: auto; padding: 6px;
  background: var(--card); border: 1px solid var(--line); border-radius: 11px;
  box-shadow: 0 12px 32px rgba(10, 16, 30, .18);
}
#results li {
  display: flex; align-items: baseline; gap: 9px; padding: 6px 9px;
  border-radius: 7px; cursor: pointer; white-space: nowrap;
}
#results li:not(.note):hover { background: var(--canvas); }
#results li[aria-selected] { background: var(--hover); }
#results .name { overflow: hidden; text-overflow: ellipsis; flex: 0 1 auto; font-weight: 500; }
#results .of {
  margin-left: auto; padding-left: 12px; color: var(--soft); font-size: 12.5px;
  overflow: hidden; text-overflow: ellipsis; flex: 0 1 auto; min-width: 60px; text-align: right;
}
#results .mark { flex: none; width: 9px; height: 9px; background: var(--kind); }
#results .mark.node { border-radius: 3px; }
#results .mark.column { border-radius: 50%; background: none; border: 2px solid var(--kind); }
#results .note { color: var(--soft); cursor: default; font-size: 13px; }

main { position: relative; overflow: hidden; }
#graph { display: block; width: 100%; height: 100%; cursor: grab; touch-action: none; }
#graph.over { cursor: pointer; }
#graph.dragged { cursor: grabbing; }
#graph:focus-visible { outline-offset: -3px; }
#tip {
  position: absolute; left: 0; top: 0; max-width: 420px; padding: 4px 9px; pointer-events: none;
  font-size: 12.5px; color: var(--canvas); background: var(--ink); border-radius: 6px;
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
}
.float {
  position: absolute; background: var(--card); border: 1px solid var(--line); border-radius: 11px;
  box-shadow: 0 3px 14px rgba(10, 16, 30, .09);
}
#tools { right: 16px; bottom: 16px; display: flex; padding: 4px; gap: 2px; }
#tools button {
  display: flex; align-items: center; height: 32px; padding: 0 10px; border-radius: 7px;
  font-size: 13px; font-weight: 500; white-space: nowrap;
}
#tools button:hover:not(:disabled) { background: var(--hover); }
#tools button[aria-pressed="true"] {
  color: var(--up);
  background: color-mix(in srgb, var(--up) 12%, transparent);
}
#tools button:disabled { color: var(--soft); opacity: .55; cursor: default; }
#tools .round { width: 32px; padding: 0; justify-content: center; font-size: 17px; }
#tools hr { width: 1px; height: auto; margin: 5px 4px; border: 0; background: var(--line); }
#scale {
  width: 44px; align-self: center; text-align: center; color: var(--soft);
  font-size: 12.5px; font-variant-numeric: tabular-nums;
}
#legend {
  left: 16px; bottom: 16px; padding: 9px 14px; max-width: calc(100% - 400px); font-size: 12.5px;
  color: var(--soft);
}
#legend ul { display: flex; flex-wrap: wrap; gap: 4px 16px; }
#legend li { display: flex; align-items: center; gap: 7px; }
#kinds li:not(#untraced)::before {
  content: ""; width: 10px; height: 10px; border-radius: 3px; background: var(--kind);
}
#legend .lines { display: none; }
#legend.traced .lines { display: flex; }
#legend svg { width: 24px; height: 8px; stroke-width: 2.2; }
#legend .up { stroke: var(--up); }
#legend .down { stroke: var(--down); }
#legend .rows { stroke: var(--rows); stroke-dasharray: 5 4; }
#untraced::before {
  content: ""; width: 12px; height: 12px; border: 1.5px dashed var(--warn); border-radius: 3px;
  background: var(--warn-back);
}

#panel {
  overflow: auto; padding: 22px 22px 40px; background: var(--card);
  border-left: 1px solid var(--line); overflow-wrap: anywhere;
}
#panel h2 { font-size: 20px; font-weight: 650; line-height: 1.25; letter-spacing: -.015em; }
#panel .over {
  display: flex; align-items: baseline; gap: 6px; margin-bottom: 7px; font-size: 13px;
}
#panel .over .soft { flex: none; }
#panel .over .link { width: auto; padding: 0 5px; margin: 0 -5px; }
#panel .file { margin-top: 5px; font: 400 12.5px/1.5 var(--code-font); color: var(--soft); }
#panel .description { margin-top: 14px; white-space: pre-line; }
#panel section { margin-top: 24px; }
#panel h3 {
  display: flex; align-items: center; justify-content: space-between; margin-bottom: 5px;
  font-size: 12px; font-weight: 600; color: var(--soft);
}
#panel .pill {
  padding: 1px 9px; font-size: 12px; font-weight: 600; color: var(--kind); border-radius: 99px;
  background: color-mix(in srgb, var(--kind) 13%, transparent);
}
#panel .warning {
  margin-top: 14px; padding: 8px 12px; font-size: 13px; color: var(--warn);
  background: var(--warn-back); border-radius: 8px;
}
#panel .reach {
  display: flex; gap: 4px 16px; flex-wrap: wrap; margin-top: 14px; font-size: 13px;
  font-weight: 500;
}
#panel .reach span::before {
  content: ""; display: inline-block; width: 14px; height: 3px; margin-right: 7px;
  vertical-align: middle; border-radius: 2px; background: currentColor;
}
#panel .up { color: var(--up); }
#panel .down { color: var(--down); }
#panel .rows { color: var(--rows); }
#panel .figures { display: flex; gap: 28px; margin-top: 14px; }
#panel .figures div { display: flex; flex-direction: column-reverse; }
#panel .figures dt { font-size: 12.5px; color: var(--soft); }
#panel .figures dd { font-size: 21px; font-weight: 600; line-height: 1.2; letter-spacing: -.01em; }
#panel .kind-line { display: flex; justify-content: space-between; padding: 3px 0; }
#panel .links { margin: 0 -8px; }
#panel .kind-line { margin: 0 8px; }
#panel .link {
  display: flex; align-items: baseline; gap: 10px; width: 100%; padding: 3px 8px;
  border-radius: 6px;
}
#panel .link:hover { background: var(--hover); }
#panel .link .name { flex: 1 1 auto; }
#panel .link .mark {
  flex: none; width: 9px; height: 9px; border-radius: 3px; background: var(--kind);
}
#panel .link .type { flex: 0 1 auto; font: 400 12px/1.5 var(--code-font); color: var(--soft); }
#panel .link .of { flex: 0 1 auto; color: var(--kind); font-size: 12.5px; text-align: right; }
#panel .more { padding: 4px 8px; color: var(--up); font-weight: 500; }
#panel .copy { padding: 1px 8px; border-radius: 5px; font-weight: 500; }
#panel .copy:hover { background: var(--hover); color: var(--ink); }
#panel .sql {
  overflow: auto; max-height: 480px; padding: 12px 14px; tab-size: 2; overflow-wrap: normal;
  font: 400 12.5px/1.6 var(--code-font); background: var(--canvas); border-radius: 9px;
}
.sql .keyword { color: var(--kind-1); font-weight: 600; }
.sql .literal { color: var(--kind-0); }
.sql .comment { color: var(--soft); font-style: italic; }
#panel .keys {
  display: grid; grid-template-columns: auto 1fr; gap: 6px 12px; margin-top: 4px; font-size: 13px;
}
#panel .keys dd { color: var(--soft); }

@media (max-width: 1180px) {
  #legend { bottom: 72px; max-width: calc(100% - 32px); }
}
@media (max-width: 820px) {
  body { grid-template: auto minmax(0, 1fr) minmax(0, 42vh) / minmax(0, 1fr); }
  header { grid-template-columns: minmax(0, 1fr) minmax(0, 1.4fr); gap: 12px; padding: 0 12px; }
  header .word, #legend { display: none; }
  #panel { border-left: 0; border-top: 1px solid var(--line); padding: 16px; }
}
`;
