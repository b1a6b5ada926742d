import { extname } from "node:path";
import { UserError } from "../../base/user_error.ts";
import { writeFileAtomic } from "../../base/atomic_write.ts";
import type { Table } from "../../engine/session.ts";
import { type Command, type CommandContext, PROFILE } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { envOption, filePath, flag, text, texts, wholeNumber } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { plural } from "../views/format.ts";
import { tableCsv, tableJson, tableView } from "../views/table_view.ts";
import { METRICS_OPTIONS, runMetrics } from "./metrics.ts";

const FORMATS = ["table", "json", "csv", "parquet", "arrow"];

/** `query SQL` */
export const QUERY: Command = {
  name: "query",
  summary: "Ask the outputs of an environment; every node is a view kind.name",
  arguments: [{ name: "[SQL]", doc: "one SELECT; - reads it from stdin" }],
  options: [
    { flags: "-e, --env <ENV>", doc: "environment (default: prod)", completes: "environment" },
    { flags: "--format <FORMAT>", doc: "table, json, csv, parquet or arrow", completes: FORMATS },
    { flags: "-o, --output <FILE>", doc: "write to a file; its ending chooses the format" },
    { flags: "--limit <N>", doc: "rows at most" },
    {
      flags: "--metrics <NAMES>",
      doc: "compute metrics instead (see seeknal metrics)",
      repeats: true,
    },
    ...METRICS_OPTIONS,
    PROFILE,
  ],
  examples: [
    'seeknal query "SELECT * FROM transform.orders LIMIT 5"',
    'seeknal query "SELECT count(*) FROM orders" --env dev --format json',
  ],
  run: async (context) => {
    const metrics = texts(context, "metrics");
    return metrics.length > 0
      ? await runMetrics(context, metrics)
      : await runQuery(context, context.args[0] ?? "");
  },
};

/** Answers one query, `-` for the one on stdin; also behind `repl --exec`. */
export async function runQuery(context: CommandContext, typed: string): Promise<number> {
  const output = filePath(context, "output");
  const format = formatOf(context, output);
  const sql = typed === "-" ? await context.terminal.readInput() : typed;
  const request = { env: envOption(context), sql, limit: wholeNumber(context, "limit", 0) };
  const workspace = await context.workspace("read");
  const { queryOutputs, queryToParquet } = await import("../../app/query_outputs.ts");
  if (format === "parquet") {
    const rows = await queryToParquet(workspace, request, output!);
    context.terminal.err(`Wrote ${plural(rows, "row")} to ${output}\n`);
    return EXIT_DONE;
  }
  if (format === "arrow") {
    const { arrowIpc } = await import("../../arrow/arrow_ipc.ts");
    writeFileAtomic(output!, arrowIpc(await queryOutputs(workspace, request)));
    context.terminal.err(`Wrote ${output}\n`);
    return EXIT_DONE;
  }
  const shown = render(context, await queryOutputs(workspace, request), format);
  if (output === null) context.terminal.out(shown);
  else writeFileAtomic(output, shown);
  return EXIT_DONE;
}

function render(context: CommandContext, table: Table, format: string): string {
  if (format === "json") return tableJson(table);
  if (format === "csv") return tableCsv(table);
  const { colorOut, outWidth } = context.terminal;
  const isScreen = text(context, "output") === null;
  return tableView(table, {
    style: styleFor(isScreen && colorOut),
    width: isScreen ? outWidth : null,
  });
}

function formatOf(context: CommandContext, output: string | null): string {
  const ending = output === null
    ? ""
    : extname(output).slice(1).toLowerCase().replace(/^txt$/, "table");
  if (output !== null && text(context, "format") === null && !FORMATS.includes(ending)) {
    throw new UserError(`Cannot tell the format of "${text(context, "output")}" by its name`, {
      code: "invalid_option",
      kind: "usage",
      hint: "end it in .csv, .json, .parquet or .arrow, or name one with --format",
    });
  }
  const format = text(context, "format") ??
    (flag(context, "json") ? "json" : FORMATS.includes(ending) ? ending : "table");
  if (!FORMATS.includes(format)) {
    throw new UserError(`Unknown format "${format}"`, {
      code: "invalid_option",
      kind: "usage",
      hint: `write --format ${FORMATS.join(", ")}`,
    });
  }
  if (output === null && (format === "parquet" || format === "arrow")) {
    throw new UserError(`Cannot print ${format} on a terminal`, {
      code: "invalid_option",
      kind: "usage",
      hint: `name a file: --output result.${format}`,
    });
  }
  return format;
}
