import type { CheckHistory, DataQuality, QualityPoint } from "../../app/data_quality.ts";
import type { ProfileSeries } from "../../app/profile_history.ts";
import { formatCount, formatTime, plural } from "./format.ts";
import { QUALITY_SCRIPT, QUALITY_STYLE } from "./quality_page.ts";

/** Times that are shown of a check, the last ones. */
const TIMES = 60;

/** Quality over time as a page that needs nothing else, in light and dark. */
export function qualityHtml(
  quality: DataQuality,
  { now }: { readonly now: Date },
): string {
  const { project, environment, checks, runs } = quality;
  const title = `${project}: data quality of ${environment}`;
  const nodes = [
    ...new Set([...checks.map(({ node }) => node), ...quality.profiles.map(({ node }) => node)]),
  ].sort();
  const times = runs.map(({ at }) => at);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<style>${QUALITY_STYLE}</style>
</head>
<body>
<header>
<p class="kicker">Seeknal data quality</p>
<h1>${escape(project)} <span class="env">${escape(environment)}</span></h1>
${headline(quality)}
<p class="note">${
    runs.length === 0
      ? "Nothing was checked yet"
      : `${plural(runs.length, "time")} between ${time(times[0]!)} and ${time(times.at(-1)!)}`
  } &middot; written ${escape(formatTime(now))}</p>
${runs.length === 0 ? "" : runStrip(quality)}
</header>
<form class="filter" role="search" onsubmit="return false">
<input type="search" id="find" placeholder="Find a node or check" aria-label="Find a node or check" autocomplete="off">
<div role="group" aria-label="Status">${
    (["all", "failed", "warned", "passed"] as const).map((status) =>
      `<button type="button" data-status="${status}" aria-pressed="${status === "all"}">${
        WORDS[status]
      }</button>`
    ).join("")
  }</div>
</form>
<main>
${nodes.map((node) => nodeSection(node, quality)).join("\n")}
</main>
<p id="none" class="note" hidden>Nothing is like that</p>
<script>${QUALITY_SCRIPT}</script>
</body>
</html>
`;
}

const WORDS = { all: "All", failed: "Failing", warned: "Warning", passed: "Passing" };

function headline({ checks }: DataQuality): string {
  const of = (status: QualityPoint["status"]) =>
    checks.filter((check) => check.status === status).length;
  const items = (["failed", "warned", "passed"] as const).map((status) =>
    `<li class="${status}"><b>${formatCount(of(status))}</b> <span>${
      WORDS[status].toLowerCase()
    }</span></li>`
  );
  return `<ul class="headline">${items.join("")}</ul>`;
}

/** A column for each command: how many of its checks passed, warned and failed. */
function runStrip({ runs }: DataQuality): string {
  const shown = runs.slice(-TIMES);
  const most = Math.max(...shown.map(({ passed, warned, failed }) => passed + warned + failed), 1);
  const bars = shown.map(({ at, action, passed, warned, failed, commit }) => {
    const part = (status: string, count: number) =>
      count === 0 ? "" : `<i class="${status}" style="flex-grow:${count}"></i>`;
    const tip = `${time(at)} ${action}: ${passed} passed, ${warned} warned, ${failed} failed` +
      (commit === null ? "" : ` (${commit.slice(0, 7)})`);
    const height = Math.round((passed + warned + failed) / most * 100);
    return `<div title="${escape(tip)}"><span style="height:${height}%">${part("failed", failed)}${
      part("warned", warned)
    }${part("passed", passed)}</span></div>`;
  });
  return `<div class="runs" role="img" aria-label="Checks of each command, oldest first">${
    bars.join("")
  }</div>`;
}

function nodeSection(node: string, quality: DataQuality): string {
  const checks = quality.checks.filter((check) => check.node === node);
  const rows = quality.rows[node as keyof typeof quality.rows] ?? [];
  const worst = checks.some(({ status }) => status === "failed")
    ? "failed"
    : checks.some(({ status }) => status === "warned")
    ? "warned"
    : "passed";
  const profiles = quality.profiles.filter((series) => series.node === node);
  return `<section data-node="${escape(node)}">
<div class="head"><h2><i class="dot ${worst}"></i>${escape(node)}</h2>${
    rows.length === 0 ? "" : lineChart("rows", rows.map(({ at, rows: value }) => ({ at, value })))
  }</div>
${
    checks.length === 0
      ? ""
      : `<div class="scroll"><table><thead><tr><th>check</th><th>status</th><th>over time</th><th>last found</th></tr></thead>
<tbody>${checks.map(checkRow).join("\n")}</tbody></table></div>`
  }
${profiles.length === 0 ? "" : profilePart(profiles)}
</section>`;
}

function checkRow(check: CheckHistory): string {
  const { name, status, points, query, failing_since, severity } = check;
  const last = points.at(-1)!;
  const found = status === "passed"
    ? last.checked > 0 ? plural(last.checked, "row") : ""
    : check.found ?? "";
  const since = failing_since === null ? "" : `<small>failing since ${time(failing_since)}</small>`;
  return `<tr data-status="${status}" data-name="${escape(name)}"><td><code>${escape(name)}</code>${
    severity === "warn" ? ` <small>warns</small>` : ""
  }</td><td><b class="word ${status}">${WORDS[status].toLowerCase()}</b></td><td>${
    strip(points)
  }</td><td>${escape(found)}${since}${
    query === null ? "" : `<details><summary>query</summary><pre>${escape(query)}</pre></details>`
  }</td></tr>`;
}

/** A cell for each time, as tall as the share of the rows that failed. */
function strip(points: readonly QualityPoint[]): string {
  const cells = points.slice(-TIMES).map((point) => {
    const { at, action, status, violations, checked, share } = point;
    const height = status === "passed" ? 30 : Math.round(55 + 45 * share);
    const tip = `${time(at)} ${action}: ${status}` +
      (violations > 0 ? `, ${formatCount(violations)} of ${formatCount(checked)}` : "");
    return `<i class="${status}" style="height:${height}%" title="${escape(tip)}"></i>`;
  });
  return `<div class="strip">${cells.join("")}</div>`;
}

function profilePart(profiles: readonly ProfileSeries[]): string {
  const charts = profiles.map(({ column, metric, points }) => {
    const name = column === "_table_" ? metric : `${column} ${metric}`;
    return `<li>${lineChart(name.replaceAll("_", " "), points)}</li>`;
  });
  return `<ul class="profiles">${charts.join("")}</ul>`;
}

const CHART_WIDTH = 160;
const CHART_HEIGHT = 32;

/** A line of values with the first and the last one in words. */
function lineChart(
  name: string,
  points: readonly { readonly at: string; readonly value: number }[],
): string {
  const shown = points.slice(-TIMES);
  const values = shown.map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (i: number) =>
    shown.length < 2 ? CHART_WIDTH / 2 : i * CHART_WIDTH / (shown.length - 1);
  const y = (value: number) =>
    high === low
      ? CHART_HEIGHT / 2
      : CHART_HEIGHT - 3 - (value - low) / (high - low) * (CHART_HEIGHT - 6);
  const line = values.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  const last = values.at(-1)!;
  const text = (value: number) => Number.isInteger(value) ? formatCount(value) : value.toFixed(2);
  const tip = `${name}: ${text(low)} to ${text(high)} between ${time(shown[0]!.at)} and ${
    time(shown.at(-1)!.at)
  }`;
  return `<figure class="chart" title="${escape(tip)}"><figcaption>${escape(name)} <b>${
    text(last)
  }</b></figcaption><svg viewBox="-3 0 ${CHART_WIDTH + 6} ${CHART_HEIGHT}" aria-hidden="true">` +
    `<polyline points="${line}"/><circle cx="${x(shown.length - 1).toFixed(1)}" cy="${
      y(last).toFixed(1)
    }" r="2.5"/></svg></figure>`;
}

function time(at: string): string {
  return escape(formatTime(new Date(at)));
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
