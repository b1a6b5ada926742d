import type { DeliveryReport } from "../../app/deliver_exposures.ts";
import type { ExposureState } from "../../app/exposure_states.ts";
import { type EnvName, PROD } from "../../model/ids.ts";
import type { RunEvent } from "../../model/run.ts";
import type { Style, Terminal } from "../terminal.ts";
import { styleFor } from "../terminal.ts";
import { formatDuration, pad, plural } from "./format.ts";

/** One delivery, on one line. */
export function deliveryLine(
  { status, node, target, rows, duration_ms, error }: Omit<
    Extract<RunEvent, { event: "delivered" }>,
    "event" | "type"
  >,
  style: Style,
): string {
  const paint = status === "failed" ? style.red : style.green;
  const facts = error ?? `${plural(rows, "row")} to ${target}, ${formatDuration(duration_ms)}`;
  return `${paint(pad(status, 9))} ${node}  ${style.dim(facts)}`;
}

/** The same of a report. */
export function reportLine({ id, durationMs, ...report }: DeliveryReport, style: Style): string {
  return deliveryLine({ ...report, node: id, duration_ms: Math.round(durationMs) }, style);
}

/** Says that exposures were not delivered, and how to try again. */
export function sayUndelivered(
  terminal: Terminal,
  reports: readonly DeliveryReport[],
  env: EnvName | null,
): void {
  const style = styleFor(terminal.colorErr);
  const failed = reports.filter(({ status }) => status === "failed");
  const isProd = env === null || env === PROD;
  const place = isProd ? "production" : env;
  terminal.err(
    `${style.red("error:")} ${plural(failed.length, "exposure")} not delivered; ` +
      `what was built stays in ${place}\n`,
  );
  const command = `seeknal deliver${isProd ? "" : ` --env ${env}`}`;
  terminal.err(
    `  ${
      style.cyan("hint:")
    } correct what is named above, then (the next run does it too)\n    ${command}\n`,
  );
}

/** Names the next step where exposures wait to be delivered. */
export function sayPending(terminal: Terminal, pending: readonly string[]): void {
  if (pending.length === 0) return;
  const style = styleFor(terminal.colorErr);
  terminal.err(
    `${style.cyan("next:")} seeknal deliver   ${
      style.dim(`(${plural(pending.length, "exposure")} to deliver: ${named(pending)})`)
    }\n`,
  );
}

function named(ids: readonly string[]): string {
  return ids.slice(0, 3).join(", ") + (ids.length > 3 ? ", ..." : "");
}

/** Exposures with where they go and how they stand. */
export function exposuresView(exposures: readonly ExposureState[], style: Style): string {
  const idWidth = Math.max(...exposures.map(({ id }) => id.length));
  const typeWidth = Math.max(...exposures.map(({ type }) => type.length));
  const statusWidth = Math.max(...exposures.map(({ status }) => status.length));
  return exposures.map(({ id, type, target, inputs, status }) => {
    const paint = status === "pending"
      ? style.yellow
      : status === "delivered"
      ? style.green
      : style.dim;
    const place = status === "documentation" ? inputs.join(", ") : target;
    return `${paint(pad(status, statusWidth))}  ${pad(id, idWidth)}  ${pad(type, typeWidth)}  ${
      style.dim(place)
    }\n`;
  }).join("");
}

/** Deliveries as the machine contract has them. */
export function deliveriesJson(reports: readonly DeliveryReport[]): object[] {
  return reports.map(({ id, type, target, status, rows, durationMs, error }) => ({
    node: id,
    type,
    target,
    status,
    rows,
    duration_ms: Math.round(durationMs),
    error,
  }));
}
