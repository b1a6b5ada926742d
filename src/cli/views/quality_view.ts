import type { CheckHistory, DataQuality, QualityPoint } from "../../app/data_quality.ts";
import type { Style } from "../terminal.ts";
import { displayWidth, formatAge, formatTime, pad, plural } from "./format.ts";

/** Times that a trend shows at most, the last ones. */
const TREND = 20;
const BARS = "▁▂▃▄▅▆▇█";

/** Checks with their trend, as people read them. */
export function qualityView(
  { environment, checks, runs }: DataQuality,
  { style, now }: { readonly style: Style; readonly now: Date },
): string {
  if (runs.length === 0) {
    return `Nothing was checked in ${environment} yet: write audits, then seeknal run or seeknal audit\n`;
  }
  const width = Math.max(...checks.map(({ name }) => displayWidth(name)), 0);
  const trendWidth = Math.min(TREND, Math.max(...checks.map(({ points }) => points.length), 0));
  const nodes = Map.groupBy(checks, ({ node }) => node);
  const lines = [...nodes].flatMap(([node, own]) => [
    style.bold(node),
    ...own.map((check) =>
      [
        `  ${statusWord(check.status, style)}`,
        pad(check.name, width),
        pad(trend(check.points, style), trendWidth),
        check.failing_since === null
          ? style.dim(
            `${plural(check.points.length, "time")}, passed ${
              formatAge(new Date(check.points.at(-1)!.at), now)
            }`,
          )
          : `failing since ${formatTime(new Date(check.failing_since))}: ${check.found}`,
      ].join("  ").trimEnd()
    ),
  ]);
  const of = (status: QualityPoint["status"]) =>
    checks.filter((check) => check.status === status).length;
  const last = runs.at(-1)!;
  const summary =
    `${style.bold(plural(checks.length, "check"))} in ${environment}: ${of("passed")} passing` +
    (of("warned") > 0 ? `, ${style.yellow(`${of("warned")} warning`)}` : "") +
    (of("failed") > 0 ? `, ${style.red(`${of("failed")} failing`)}` : "") +
    style.dim(`; last ${last.action} ${formatAge(new Date(last.at), now)}`);
  return [...lines, summary, ""].join("\n");
}

/** A bar for each time: how large a part of the rows failed, in the colour of how it ended. */
export function trend(points: readonly QualityPoint[], style: Style): string {
  const shown = points.slice(-TREND);
  return shown.map((point) => {
    const paint = point.status === "passed"
      ? style.green
      : point.status === "warned"
      ? style.yellow
      : style.red;
    return paint(BARS[level(point)]!);
  }).join("");
}

/** 0 where it passed, else 1 to 7 by the share of rows. */
function level({ status, share }: QualityPoint): number {
  return status === "passed" ? 0 : Math.max(1, Math.round(share * (BARS.length - 1)));
}

function statusWord(status: CheckHistory["status"], style: Style): string {
  if (status === "passed") return style.green("passed");
  return status === "warned" ? style.yellow("warned") : style.red("failed");
}
