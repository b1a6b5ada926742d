import type { TableChanges, TableReport } from "../../app/run_tables.ts";
import type { TableWrite } from "../../model/materialization.ts";
import type { PlannedMaterialization } from "../../model/plan.ts";
import type { Style } from "../terminal.ts";
import { formatDuration, pad, plural } from "./format.ts";

/** Tables listed one by one. */
const SHOWN = 20;

/** Tables outside as the machine contract has them: `rows_written` is null where nothing was written. */
export function tablesJson(
  writes: readonly TableWrite[],
  written: readonly TableReport[],
): object[] {
  const reports = new Map(written.map((report) => [report.target, report]));
  return writes.map(({ node, spec, target, rows }) => ({
    node,
    type: spec.type,
    target,
    mode: spec.mode,
    rows_expected: rows,
    rows_written: reports.get(target)?.rows_written ?? null,
    status: reports.get(target)?.status ?? "planned",
  }));
}

/** What is about to be written, before anybody is asked. */
export function tablesToWrite({ writes, released }: TableChanges, style: Style): string {
  const lines = writes.map(({ target, spec, action, rows, node }) => {
    const mode = action === "revert" ? `${spec.mode}, taken back` : spec.mode;
    return `  ${style.cyan("->")} ${target}  ${
      style.dim(`${spec.type}, ${mode}, ${plural(rows, "row")} of ${node}`)
    }`;
  });
  return [
    ...(lines.length === 0 ? [] : [style.bold(`Tables to write (${lines.length})`)]),
    ...shortened(lines, style),
    ...released.map(({ target }) =>
      style.dim(`  ${target} is written by no node any more; it stays as it is`)
    ),
  ].map((line) => `${line}\n`).join("");
}

/** One table, on one line. */
export function tableLine(
  { target, status, rows_written, duration_ms, error }: Pick<
    TableReport,
    "target" | "status" | "rows_written" | "duration_ms" | "error"
  >,
  style: Style,
): string {
  const paint = status === "failed" ? style.red : status === "staged" ? style.dim : style.green;
  const facts = error !== null
    ? error.replaceAll("\n", "\n      ")
    : status === "unchanged"
    ? "holds its content already"
    : `${plural(rows_written ?? 0, "row")}, ${formatDuration(duration_ms)}`;
  return `${paint(pad(status, 9))} ${target}  ${style.dim(facts)}`;
}

/** The tables of a plan, by the command that writes them. */
export function plannedTables(
  tables: readonly PlannedMaterialization[],
  style: Style,
  all: boolean,
): string[] {
  return (["run", "promote"] as const).flatMap((by) => {
    const own = tables.filter((table) => table.by === by);
    if (own.length === 0) return [];
    const width = Math.max(...own.map(({ target }) => target.length));
    const lines = own.map(({ node, type, target, mode }) =>
      `  ${style.cyan("->")} ${pad(target, width)}  ${style.dim(`${type}, ${mode}, of ${node}`)}`
    );
    return [
      style.bold(`Tables outside, written by ${by} (${own.length})`),
      ...(all ? lines : shortened(lines, style)),
      "",
    ];
  });
}

function shortened(lines: readonly string[], style: Style): string[] {
  const more = lines.length - SHOWN;
  return more <= 0 ? [...lines] : [...lines.slice(0, SHOWN), style.dim(`  ... and ${more} more`)];
}
