import type { NodeStatus, RunEvent } from "../model/run.ts";
import { styleFor, type Terminal } from "./terminal.ts";
import { deliveryLine } from "./views/exposures_view.ts";
import { checkedLines } from "./views/checks_view.ts";
import { tableLine } from "./views/tables_view.ts";
import { formatBytes, formatDuration, pad, plural } from "./views/format.ts";

/** Shows a run while it goes on. */
export interface Reporter {
  report(event: RunEvent): void;
}

/** One JSON object a line on stdout. */
export function jsonReporter(terminal: Terminal, now: () => Date): Reporter {
  return {
    report: ({ event, ...rest }) =>
      terminal.out(`${JSON.stringify({ event, time: now().toISOString(), ...rest })}\n`),
  };
}

const WORDS: Readonly<Record<NodeStatus, string>> = {
  success: "built",
  cached: "cached",
  failed: "failed",
  skipped: "skipped",
};

/** Nodes up to which each finished one gets a line on a screen; the bar alone says enough beyond. */
const LINES_ON_SCREEN = 100;
const BAR_WIDTH = 30;
/** Milliseconds between two drawings of the bar. */
const REDRAW_MS = 50;

/** `, accuracy 0.91` */
function metricWords(metrics: Readonly<Record<string, number>> = {}): string {
  return Object.entries(metrics).map(([name, value]) => `, ${name} ${Number(value.toPrecision(4))}`)
    .join("");
}

/** Lines on stderr for each finished node, and a bar below them on a screen. */
export class HumanReporter implements Reporter {
  readonly #terminal: Terminal;
  #environment: string | null = null;
  #total = 0;
  #layers = 0;
  #done = 0;
  #failed = 0;
  #layer = 0;
  #drawnAt = -Infinity;
  #hasBar = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  report(event: RunEvent): void {
    const style = styleFor(this.#terminal.colorErr);
    switch (event.event) {
      case "plan":
        this.#environment = event.environment;
        this.#total = event.nodes;
        this.#layers = event.layers;
        this.#line(style.bold(
          `Running ${event.environment ?? "production"}: ${event.nodes} to build in ` +
            `${plural(event.layers, "layer")}, ${event.workers} at a time`,
        ));
        break;
      case "node_started":
        this.#layer = Math.max(this.#layer, event.layer);
        this.#draw();
        break;
      case "node_retry":
        this.#line(
          style.yellow(
            `  retry ${event.attempt} of ${event.node} in ${event.wait_ms} ms: ${event.error}`,
          ),
        );
        break;
      case "node_finished":
        this.#finished(event);
        break;
      case "log":
        this.#line(`  ${style.dim(`${event.node} |`)} ${event.message}`);
        this.#draw();
        break;
      case "checked":
        for (const line of checkedLines(event, this.#environment, style)) this.#line(line);
        this.#draw();
        break;
      case "materialized": {
        const { rows, ...table } = event;
        this.#line(`  ${tableLine({ ...table, rows_written: rows }, style)}`);
        this.#draw();
        break;
      }
      case "delivered":
        this.#line(`  ${deliveryLine(event, style)}`);
        break;
      case "finished":
        this.#clear();
        break;
    }
  }

  #finished(event: Extract<RunEvent, { event: "node_finished" }>): void {
    const style = styleFor(this.#terminal.colorErr);
    const { status, node, layer, rows, bytes, error } = event;
    this.#done++;
    if (status === "failed") this.#failed++;
    const isQuiet = this.#terminal.isScreen && this.#total > LINES_ON_SCREEN &&
      (status === "success" || status === "cached");
    if (!isQuiet) {
      const paint = status === "failed"
        ? style.red
        : status === "skipped"
        ? style.yellow
        : style.green;
      const facts = error !== null
        ? error.replaceAll("\n", "\n      ")
        : `${plural(rows!, "row")}, ${formatBytes(bytes!)}, ${formatDuration(event.duration_ms)}${
          metricWords(event.metrics)
        }`;
      this.#line(
        `  ${style.dim(`[layer ${layer}/${this.#layers}]`)} ${
          paint(pad(WORDS[status], 7))
        } ${node}  ${style.dim(facts)}`,
      );
    }
    this.#draw();
  }

  #line(text: string): void {
    this.#clear();
    this.#terminal.err(`${text}\n`);
  }

  #draw(): void {
    if (!this.#terminal.isScreen || this.#total === 0) return;
    const now = performance.now();
    if (now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    const style = styleFor(this.#terminal.colorErr);
    const filled = Math.round(BAR_WIDTH * this.#done / this.#total);
    const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
    const failed = this.#failed > 0 ? style.red(`, ${this.#failed} failed`) : "";
    this.#terminal.err(
      `\r\x1b[2K${
        style.green(bar)
      } ${this.#done}/${this.#total}  layer ${this.#layer}/${this.#layers}${failed}`,
    );
    this.#hasBar = true;
  }

  #clear(): void {
    if (this.#hasBar) this.#terminal.err("\r\x1b[2K");
    this.#hasBar = false;
  }
}
