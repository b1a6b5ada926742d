import type { ListedMetric } from "../../app/query_metrics.ts";
import { writeFileAtomic } from "../../base/atomic_write.ts";
import { UserError } from "../../base/user_error.ts";
import type { Table } from "../../engine/session.ts";
import { type Command, type CommandContext, type CommandOption, PROFILE } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import {
  envOption,
  filePath,
  flag,
  printJson,
  text,
  texts,
  wholeNumber,
  words,
} from "../options.ts";
import { styleFor } from "../terminal.ts";
import { pad, plural } from "../views/format.ts";
import { tableCsv, tableJson, tableView } from "../views/table_view.ts";

const FORMATS = ["table", "json", "csv"];

/** Options of `metrics`, also of `query --metrics`, where they are not those of `query`. */
export const METRICS_OPTIONS: readonly CommandOption[] = [
  {
    flags: "-d, --dimensions <NAMES>",
    doc: "group by these: status, order_date__month, metric_time__day, customers.region",
    repeats: true,
  },
  {
    flags: "--filter <CONDITION>",
    doc: "only rows for which a condition over dimensions holds",
    repeats: true,
  },
  { flags: "--order-by <COLUMNS>", doc: "order by these; -column: highest first", repeats: true },
  { flags: "--compile", doc: "print the SQL instead of running it" },
];

/** `metrics [NAMES]` */
export const METRICS: Command = {
  name: "metrics",
  summary: "Compute metrics by dimensions, or list them",
  arguments: [{
    name: "[NAMES...]",
    doc: "metrics, separated by spaces or commas; without: list them",
  }],
  options: [
    { flags: "-e, --env <ENV>", doc: "environment (default: prod)", completes: "environment" },
    ...METRICS_OPTIONS,
    { flags: "--limit <N>", doc: "rows at most" },
    { flags: "--format <FORMAT>", doc: "table, json or csv", completes: FORMATS },
    { flags: "-o, --output <FILE>", doc: "write to a file; its ending chooses the format" },
    PROFILE,
  ],
  examples: [
    "seeknal metrics",
    "seeknal metrics revenue,average_order --dimensions metric_time__month",
    "seeknal metrics revenue -d customers.region --filter \"status = 'paid'\" --order-by -revenue --limit 10",
  ],
  run: async (context) => {
    const names = splitNames(words(context, 0));
    return names.length === 0 ? await runList(context) : await runMetrics(context, names);
  },
};

/** Computes metrics and shows them; also behind `query --metrics`. Throws `invalid_option` (2). */
export async function runMetrics(
  context: CommandContext,
  names: readonly string[],
): Promise<number> {
  const output = filePath(context, "output");
  const format = formatOf(context, output);
  const env = envOption(context);
  const request = {
    metrics: names,
    dimensions: texts(context, "dimensions"),
    filters: filtersOf(context),
    orderBy: texts(context, "orderBy"),
    limit: wholeNumber(context, "limit", 0),
  };
  const workspace = await context.workspace("read");
  const { compileQuery, queryMetrics } = await import("../../app/query_metrics.ts");
  if (flag(context, "compile")) {
    const { sql, columns } = await compileQuery(workspace, env, request);
    const isJson = flag(context, "json") || text(context, "format") === "json";
    const shown = isJson
      ? `${JSON.stringify({ format_version: 1, environment: env, sql, columns }, null, 2)}\n`
      : `${sql}\n`;
    if (output === null) context.terminal.out(shown);
    else writeFileAtomic(output, shown);
    return EXIT_DONE;
  }
  const table = await queryMetrics(workspace, env, request);
  if (output === null) context.terminal.out(render(context, table, format));
  else {
    writeFileAtomic(output, render(context, table, format));
    context.terminal.err(`Wrote ${plural(table.rows.length, "row")} to ${output}\n`);
  }
  return EXIT_DONE;
}

/** Names of metrics as typed, with commas between them. */
export function splitNames(typed: readonly string[]): string[] {
  return typed.flatMap((one) => one.split(",")).map((name) => name.trim()).filter(Boolean);
}

async function runList(context: CommandContext): Promise<number> {
  const env = envOption(context);
  const workspace = await context.workspace("read");
  const { listMetrics } = await import("../../app/query_metrics.ts");
  const metrics = await listMetrics(workspace, env);
  if (flag(context, "json") || text(context, "format") === "json") {
    printJson(context, { format_version: 1, environment: env, metrics });
    return EXIT_DONE;
  }
  context.terminal.out(
    metrics.length === 0 ? `No metrics in ${env}\n` : listView(context, metrics),
  );
  if (metrics.length === 0) {
    const { cyan } = styleFor(context.terminal.colorErr);
    context.terminal.err(`  ${cyan("hint:")} write a node with kind: metric\n`);
  }
  return EXIT_DONE;
}

function listView({ terminal }: CommandContext, metrics: readonly ListedMetric[]): string {
  const style = styleFor(terminal.colorOut);
  const nameWidth = Math.max(...metrics.map(({ name }) => name.length));
  const typeWidth = Math.max(...metrics.map(({ type }) => type.length));
  const indent = " ".repeat(nameWidth + typeWidth + 4);
  return metrics.map(({ name, type, description, measures, dimensions, problem }) =>
    [
      `${style.bold(pad(name, nameWidth))}  ${pad(type, typeWidth)}  ${
        problem !== null ? style.red(problem) : description ?? style.dim(measures.join(", "))
      }`,
      ...wrapped(dimensions, Math.max(20, terminal.width - indent.length - 4))
        .map((line, i) => style.dim(`${indent}${i === 0 ? "by " : "   "}${line}`)),
    ].join("\n") + "\n"
  ).join("");
}

/** Names with commas between them, on lines up to a width. */
function wrapped(names: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last === undefined || last.length + name.length + 2 > width) lines.push(name);
    else lines[lines.length - 1] = `${last}, ${name}`;
  }
  return lines;
}

/** Conditions are taken whole: a comma in one separates nothing. */
function filtersOf({ options }: CommandContext): string[] {
  const value = options["filter"];
  return Array.isArray(value) ? value.map(String) : [];
}

function formatOf(context: CommandContext, output: string | null): string {
  const ending = /\.(json|csv)$/.exec(output ?? "")?.[1];
  const format = text(context, "format") ?? (flag(context, "json") ? "json" : ending ?? "table");
  if (FORMATS.includes(format)) return format;
  throw new UserError(`Unknown format "${format}"`, {
    code: "invalid_option",
    kind: "usage",
    hint: `write --format ${FORMATS.join(", ")}`,
  });
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
