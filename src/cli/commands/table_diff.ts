import type { TableDiff, TableDiffSide } from "../../app/table_diff.ts";
import { writeFileAtomic } from "../../base/atomic_write.ts";
import { UserError } from "../../base/user_error.ts";
import type { Command, CommandContext } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { filePath, flag, printJson, revision, text, texts, wholeNumber } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { tableDiffJson, tableDiffView, tableDiffWarnings } from "../views/table_diff_view.ts";

/** DuckDB's widest decimals have this many digits. */
const MOST_DECIMALS = 38;

/** `table-diff A.t B.t`, `table-diff A:B [NODE]` */
export const TABLE_DIFF: Command = {
  name: "table-diff",
  summary: "Compare the data of two environments: columns, rows, values",
  arguments: [
    {
      name: "A",
      doc: "dev.orders, dev:prod or dev.orders:prod.orders; environments, commits or prod@{1}",
      completes: "environment",
    },
    { name: "[B]", doc: "prod.orders behind dev.orders, or the node behind dev:prod" },
  ],
  options: [
    {
      flags: "-o, --on <COLUMN>",
      doc: "join rows on these columns (default: the node's grain; without one, rows as a whole)",
      repeats: true,
    },
    {
      flags: "-s, --skip-columns <COLUMN>",
      doc: "leave the values of a column out",
      repeats: true,
    },
    { flags: "--where <SQL>", doc: "condition on the rows of both sides" },
    { flags: "--limit <N>", doc: "sample rows of each kind (default: 20)" },
    { flags: "--show-sample", doc: "print sample rows" },
    {
      flags: "-d, --decimals <N>",
      doc: "digits behind the point in which numbers are compared (default: 3)",
    },
    {
      flags: "-m, --select-model <SELECTOR>",
      doc: "every selected node whose output differs",
      repeats: true,
      completes: "node",
    },
    { flags: "--skip-grain-check", doc: "say nothing about keys that are not unique" },
    { flags: "--warn-grain-check", doc: "leave out selected nodes that have no grain" },
    { flags: "--schema-diff-ignore-case", doc: "ID and id are the same column" },
    {
      flags: "--temp-schema <NAME>",
      doc: "schema for what the comparison needs in memory (default: seeknal_temp)",
    },
    { flags: "--html <FILE>", doc: "write a page with everything, sample rows included" },
  ],
  examples: [
    "seeknal table-diff prod.orders dev.orders --on id --show-sample",
    "seeknal table-diff prod:dev orders --on id --where \"day >= DATE '2026-01-01'\"",
    "seeknal table-diff prod:dev -m tag:mart",
    "seeknal table-diff prod@{1}:prod --html difference.html",
  ],
  run: async (context) => {
    const { source, target } = sidesOf(context.args[0]!, context.args[1]);
    const select = selectors(context);
    if (select.length > 0 && source.node !== null) {
      throw usage("Cannot take a node and --select-model at once", "leave one of the two out");
    }
    const page = filePath(context, "html");
    const limit = wholeNumber(context, "limit", 0);
    const decimals = wholeNumber(context, "decimals", 0);
    if (decimals !== null && decimals > MOST_DECIMALS) {
      throw usage(
        `Invalid --decimals "${decimals}": at most ${MOST_DECIMALS}`,
        "write --decimals 6",
      );
    }
    const workspace = await context.workspace("read");
    const { tableDiff } = await import("../../app/table_diff.ts");
    const { COMPARE_DEFAULTS } = await import("../../app/compare_outputs.ts");
    const needsSample = flag(context, "showSample") || flag(context, "json") || page !== null;
    const diff = await tableDiff(workspace, {
      source,
      target,
      select,
      skipKeyless: flag(context, "warnGrainCheck"),
      options: {
        on: texts(context, "on"),
        skipColumns: texts(context, "skipColumns"),
        where: text(context, "where"),
        limit: needsSample ? limit ?? COMPARE_DEFAULTS.limit : 0,
        decimals: decimals ?? COMPARE_DEFAULTS.decimals,
        ignoreCase: flag(context, "schemaDiffIgnoreCase"),
        tempSchema: text(context, "tempSchema") ?? COMPARE_DEFAULTS.tempSchema,
      },
    });
    await show(context, diff, { select, page, isOne: source.node !== null });
    return EXIT_DONE;
  },
};

/** The spelling with an underscore. */
export const TABLE_DIFF_ALIAS: Command = { ...TABLE_DIFF, name: "table_diff", hidden: true };

async function show(
  context: CommandContext,
  diff: TableDiff,
  { select, page, isOne }: {
    readonly select: readonly string[];
    readonly page: string | null;
    readonly isOne: boolean;
  },
): Promise<void> {
  const { terminal } = context;
  const warnings = tableDiffWarnings(diff, { checkKeys: !flag(context, "skipGrainCheck") });
  const label = styleFor(terminal.colorErr).yellow("warning:");
  for (const warning of warnings) terminal.err(`${label} ${warning}\n`);
  if (page !== null) {
    const { tableDiffHtml } = await import("../views/table_diff_html.ts");
    writeFileAtomic(page, tableDiffHtml(diff, { select, warnings }));
  }
  if (flag(context, "json")) printJson(context, tableDiffJson(diff, { isOne }));
  else {
    const samples = flag(context, "showSample");
    terminal.out(tableDiffView(diff, { select, isOne, samples }, styleFor(terminal.colorOut)));
  }
  if (page !== null) terminal.err(`Wrote ${page}\n`);
}

/** A selector may hold a comma, so these are not split at one. */
function selectors({ options }: CommandContext): string[] {
  const value = options["selectModel"];
  return Array.isArray(value) ? value.map(String).filter((item) => item.trim() !== "") : [];
}

const FORMS = "write one of:\n    seeknal table-diff prod.orders dev.orders\n" +
  "    seeknal table-diff prod:dev orders\n    seeknal table-diff prod:dev";

/** The two sides that the words on the command line name. */
function sidesOf(a: string, b: string | undefined): Record<"source" | "target", TableDiffSide> {
  const gateway = [a, b ?? ""].find((word) => word.includes("|"));
  if (gateway !== undefined) {
    throw new UserError(
      `Cannot compare "${gateway}": tables of two gateways live in systems that never see each other's data`,
      {
        code: "cross_gateway",
        kind: "usage",
        hint: "compare two environments of one gateway:\n    seeknal table-diff prod:dev orders",
      },
    );
  }
  const words = a.split(":");
  if (words.length > 2 || (words.length === 1 && b === undefined)) {
    throw usage(`Cannot tell the two sides of "${a}"`, FORMS);
  }
  if (words.length === 1) {
    const [source, target] = [sideOf(a), sideOf(b!)];
    if (source.node !== null && target.node !== null) return { source, target };
    const hint = source.node === null && target.node === null
      ? `compare all nodes that differ:\n    seeknal table-diff ${a}:${b}`
      : FORMS;
    throw usage(`Cannot compare "${a}" with "${b}": both need a node`, hint);
  }
  const [source, target] = [sideOf(words[0]!), sideOf(words[1]!)];
  if ((source.node === null) !== (target.node === null)) {
    throw usage(`Cannot compare "${words[0]}" with "${words[1]}": both need a node`, FORMS);
  }
  if (b === undefined) return { source, target };
  if (source.node !== null) {
    throw usage(`Cannot take "${b}": "${a}" names the nodes already`, FORMS);
  }
  return { source: { ...source, node: b }, target: { ...target, node: b } };
}

function sideOf(word: string): TableDiffSide {
  const dot = word.indexOf(".");
  const [name, node] = dot < 0 ? [word, null] : [word.slice(0, dot), word.slice(dot + 1)];
  if (name === "" || node === "") throw usage(`Cannot read "${word}"`, FORMS);
  return { typed: word, revision: revision(name), node };
}

function usage(message: string, hint: string): UserError {
  return new UserError(message, { code: "invalid_option", kind: "usage", hint });
}
