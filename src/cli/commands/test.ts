import type { TestReport } from "../../app/run_tests.ts";
import { writeFileAtomic } from "../../base/atomic_write.ts";
import { UserError } from "../../base/user_error.ts";
import { type Command, type CommandContext, PROFILE } from "../command.ts";
import { EXIT_DONE, EXIT_EXECUTION } from "../exit_codes.ts";
import { loading } from "../loading.ts";
import { envName, filePath, flag, printJson, text, wholeNumber, words } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { plural } from "../views/format.ts";
import { selectionOf } from "../selection_options.ts";

const FORMATS = ["table", "json", "junit"];

/** `test [NAMES…]` */
export const TEST: Command = {
  name: "test",
  summary: "Run the tests of tests/: given rows in, expected rows out; queries that return no rows",
  arguments: [{ name: "[NAMES...]", doc: "tests, nodes or files (default: all)" }],
  options: [
    {
      flags: "-e, --env <ENV>",
      doc: "environment that data tests ask (default: prod)",
      completes: "environment",
    },
    {
      flags: "-s, --select <SELECTOR>",
      doc: "only tests of what a selector matches: name, tag:, kind:, path:, +up, down+",
      repeats: true,
      completes: "node",
    },
    {
      flags: "--create <NODE>",
      doc: "write a unit test of a node from real rows of its inputs",
      completes: "node",
    },
    { flags: "--limit <N>", doc: "with --create: rows of each input at most (default: 5)" },
    { flags: "--format <FORMAT>", doc: "table, json or junit", completes: FORMATS },
    { flags: "-o, --output <FILE>", doc: "write the result to a file" },
    PROFILE,
  ],
  examples: [
    "seeknal test",
    "seeknal test transform.orders",
    "seeknal test --create transform.orders --env dev",
    "seeknal test --env dev --format junit --output tests.xml",
  ],
  run: async (context) => {
    const created = text(context, "create");
    if (created !== null) return await create(context, created);
    const format = formatOf(context);
    const workspace = await context.workspace("read");
    const { runTests } = await import("../../app/run_tests.ts");
    return await loading(context, workspace, { asJson: null }, async () => {
      const report = await runTests(workspace, {
        env: environment(context),
        names: words(context, 0),
        select: selectionOf(context).select,
      });
      await show(context, report, format);
      const failed = report.results.some(({ status }) => status === "failed" || status === "error");
      return failed ? EXIT_EXECUTION : EXIT_DONE;
    });
  },
};

function environment(context: CommandContext) {
  const typed = text(context, "env");
  return typed === null ? null : envName(context, typed);
}

function formatOf(context: CommandContext): string {
  const format = text(context, "format") ?? (flag(context, "json") ? "json" : "table");
  if (FORMATS.includes(format)) return format;
  throw new UserError(`Unknown format "${format}"`, {
    code: "invalid_option",
    kind: "usage",
    hint: `write --format ${FORMATS.join(", ")}`,
  });
}

async function show(context: CommandContext, report: TestReport, format: string): Promise<void> {
  const { terminal } = context;
  const file = filePath(context, "output");
  if (report.results.length === 0 && format === "table") {
    terminal.err("There are no tests: write them in tests/, or\n    seeknal test --create NODE\n");
    return;
  }
  const { junitXml, testView } = await import("../views/test_view.ts");
  const shown = format === "junit"
    ? junitXml(report)
    : format === "json"
    ? `${JSON.stringify({ format_version: 1, ...report }, null, 2)}\n`
    : testView(report, styleFor(file === null && terminal.colorOut));
  if (file === null) terminal.out(shown);
  else {
    writeFileAtomic(file, shown);
    terminal.err(`Wrote ${file}\n`);
  }
}

async function create(context: CommandContext, node: string): Promise<number> {
  const limit = wholeNumber(context, "limit", 1) ?? 5;
  const workspace = await context.workspace("write");
  const { createTest } = await import("../../app/create_test.ts");
  return await loading(context, workspace, { asJson: null }, async () => {
    const created = await createTest(workspace, { node, env: environment(context), limit });
    if (flag(context, "json")) {
      printJson(context, { format_version: 1, ...created });
      return EXIT_DONE;
    }
    const given = Object.entries(created.given)
      .map(([id, rows]) => `${plural(rows, "row")} of ${id}`).join(", ");
    context.terminal.out(
      `Wrote ${created.file}: ${given} in, ${plural(created.expected, "row")} out\n`,
    );
    const style = styleFor(context.terminal.colorErr);
    context.terminal.err(`${style.cyan("next:")} seeknal test ${created.node}\n`);
    return EXIT_DONE;
  });
}
