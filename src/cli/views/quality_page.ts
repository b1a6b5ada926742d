/** The style sheet of the page on quality. */
export const QUALITY_STYLE = `
:root { --page: #f6f7f9; --card: #fff; --ink: #1c2330; --soft: #667085; --line: #e3e7ee; --head: #f0f2f6;
  --passed: #2e9e6b; --warned: #c98a0b; --failed: #d4544f; --accent: #3f7fd6; }
@media (prefers-color-scheme: dark) {
  :root { --page: #12161d; --card: #1a2029; --ink: #e4e8ef; --soft: #96a0b0; --line: #2b3340; --head: #222a35;
    --passed: #3fb583; --warned: #e3b341; --failed: #e5706b; --accent: #5c9cee; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
.kicker { margin: 0; color: var(--soft); font-size: .8rem; letter-spacing: .06em; text-transform: uppercase; }
h1 { margin: .2rem 0 .4rem; font-size: 1.7rem; overflow-wrap: anywhere; }
.env { color: var(--accent); }
h2 { margin: 0; font-size: 1.1rem; font-family: ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.note, small { color: var(--soft); font-size: .85rem; } small { display: block; }
code + small { display: inline; }
.headline { list-style: none; display: flex; gap: 1.8rem; margin: .6rem 0; padding: 0; }
.headline b { font-size: 1.6rem; font-variant-numeric: tabular-nums; } .headline span { color: var(--soft); }
.headline .failed b, .word.failed { color: var(--failed); } .headline .warned b, .word.warned { color: var(--warned); }
.headline .passed b, .word.passed { color: var(--passed); } .word { font-weight: 600; }
.runs { display: flex; align-items: flex-end; gap: 3px; height: 64px; padding: 8px; background: var(--card);
  border: 1px solid var(--line); border-radius: 10px; }
.runs div { flex: 1 1 0; max-width: 22px; height: 100%; display: flex; align-items: flex-end; }
.runs span { width: 100%; display: flex; flex-direction: column; gap: 1px; border-radius: 2px; overflow: hidden; min-height: 4px; }
.runs i { flex-basis: 0; min-height: 2px; } .runs div:hover { opacity: .75; }
i.passed, .dot.passed { background: var(--passed); } i.warned, .dot.warned { background: var(--warned); }
i.failed, .dot.failed { background: var(--failed); }
.filter { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .6rem; margin-top: 1rem; padding: .6rem 0;
  background: var(--page); }
.filter input { flex: 1 1 16rem; padding: .45rem .8rem; font: inherit; color: inherit; background: var(--card);
  border: 1px solid var(--line); border-radius: 8px; }
.filter div { display: flex; } button { padding: .45rem .9rem; font: inherit; color: var(--soft); background: var(--card);
  border: 1px solid var(--line); margin-left: -1px; cursor: pointer; }
button:first-child { border-radius: 8px 0 0 8px; } button:last-child { border-radius: 0 8px 8px 0; }
button[aria-pressed=true] { color: var(--card); background: var(--accent); border-color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
section { margin-top: 1rem; padding: 1rem 1.2rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.head { display: flex; justify-content: space-between; align-items: center; gap: 1rem; flex-wrap: wrap; }
.dot { display: inline-block; width: .65rem; height: .65rem; border-radius: 50%; margin-right: .6rem; }
.scroll { overflow-x: auto; margin-top: .6rem; } table { width: 100%; min-width: 44rem; table-layout: fixed; border-collapse: collapse; font-size: .92rem; }
th { color: var(--soft); font-weight: 500; font-size: .82rem; text-align: left; } th, td { padding: .35rem .8rem .35rem 0; vertical-align: top; }
tbody tr td { border-top: 1px solid var(--line); } td { overflow-wrap: anywhere; }
th:nth-child(1) { width: 30%; } th:nth-child(2) { width: 6.5rem; } th:nth-child(3) { width: 30%; }
td:nth-child(2) { white-space: nowrap; }
code, pre { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .88em; }
pre { margin: .3rem 0 0; padding: .5rem .7rem; background: var(--head); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; }
summary { color: var(--soft); font-size: .82rem; cursor: pointer; }
.strip { display: flex; align-items: flex-end; gap: 2px; height: 20px; } .strip i { flex: 0 1 8px; border-radius: 2px; min-width: 2px; }
.strip i:hover { opacity: .6; }
.chart { margin: 0; display: flex; align-items: center; gap: .7rem; } .chart figcaption { color: var(--soft); font-size: .82rem; white-space: nowrap; }
.chart b { color: var(--ink); font-variant-numeric: tabular-nums; } .chart svg { width: 166px; height: 32px; }
.chart polyline { fill: none; stroke: var(--accent); stroke-width: 1.6; stroke-linejoin: round; } .chart circle { fill: var(--accent); }
.profiles { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 2rem; margin: .8rem 0 0; padding: .6rem 0 0; border-top: 1px solid var(--line); }
[hidden] { display: none !important; }
@media (max-width: 40rem) { body { padding: 1rem .8rem 3rem; } }
@media print { .filter { display: none; } body { background: none; } section { break-inside: avoid; } }
`;

/** Hides what is not looked for; without it the page shows everything. */
export const QUALITY_SCRIPT = `
const find = document.getElementById("find");
const buttons = [...document.querySelectorAll("button[data-status]")];
let status = "all";
function apply() {
  const text = find.value.trim().toLowerCase();
  let shown = 0;
  for (const section of document.querySelectorAll("section")) {
    const ofNode = section.dataset.node.toLowerCase().includes(text);
    const rows = [...section.querySelectorAll("tbody tr")];
    let left = 0;
    for (const row of rows) {
      row.hidden = !(ofNode || row.dataset.name.toLowerCase().includes(text)) ||
        (status !== "all" && row.dataset.status !== status);
      if (!row.hidden) left++;
    }
    section.hidden = rows.length === 0 ? !ofNode || status !== "all" : left === 0;
    if (!section.hidden) shown++;
  }
  document.getElementById("none").hidden = shown > 0;
}
find.addEventListener("input", apply);
for (const button of buttons) {
  button.addEventListener("click", () => {
    status = button.dataset.status;
    for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    apply();
  });
}
addEventListener("keydown", (event) => {
  if (event.key !== "/" || document.activeElement === find) return;
  event.preventDefault();
  find.focus();
});
`;
