import type { DryRun } from "../../app/authoring/dry_run.ts";
import type { Workspace } from "../../app/workspace.ts";
import { type Command, type CommandContext, PROFILE } from "../command.ts";
import { EXIT_DONE, EXIT_EXECUTION } from "../exit_codes.ts";
import { loading, showWarnings } from "../loading.ts";
import { envName, flag, printJson, text, wholeNumber } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { draftSummary } from "../views/draft_view.ts";
import { tableObjects, tableView } from "../views/table_view.ts";

/** `dry-run FILE` */
export const DRY_RUN: Command = {
  name: "dry-run",
  summary: "Check a draft in the project and show its first rows; writes nothing",
  arguments: [{ name: "FILE", doc: "a draft, or a file of the project" }],
  options: [
    { flags: "-l, --limit <N>", doc: "rows to show (default: 10)" },
    { flags: "-t, --timeout <SECONDS>", doc: "time for the rows (default: 30)" },
    { flags: "-s, --schema-only", doc: "check it and show no rows" },
    {
      flags: "-e, --env <ENV>",
      doc: "environment whose outputs and profile it reads (default: prod)",
      completes: "environment",
    },
    PROFILE,
  ],
  examples: ["seeknal dry-run draft_transform_clean_orders.yml --limit 5"],
  run: async (context) => {
    const typed = text(context, "env");
    const request = {
      file: context.args[0]!,
      env: typed === null ? null : envName(context, typed),
      limit: wholeNumber(context, "limit", 1) ?? 10,
      timeoutMs: (wholeNumber(context, "timeout", 1) ?? 30) * 1000,
      schemaOnly: flag(context, "schemaOnly"),
    };
    const workspace = await context.workspace("read");
    const { dryRun } = await import("../../app/authoring/dry_run.ts");
    const asJson = (diagnostics: unknown) => ({ format_version: 1, valid: false, diagnostics });
    return await loading(context, workspace, { asJson }, async () => {
      const result = await dryRun(workspace, request);
      if (flag(context, "json")) printJson(context, json(result));
      else await show(context, workspace, result);
      const isFailed = result.tests.some(({ status }) => status === "failed" || status === "error");
      return isFailed ? EXIT_EXECUTION : EXIT_DONE;
    });
  },
};

function json({ draft, target, nodes, replaces, diagnostics, preview, tests }: DryRun) {
  return {
    format_version: 1,
    valid: true,
    file: draft.file,
    target,
    nodes: nodes.map(({ id, inputs, shape }) => ({
      id,
      inputs,
      columns: shape.columns.map(({ name, type }) => ({ name, type })),
      replaces: replaces.get(id) ?? null,
    })),
    built_for_preview: preview?.built ?? [],
    rows: preview === null ? null : tableObjects(preview.table),
    tests,
    diagnostics,
  };
}

async function show(context: CommandContext, workspace: Workspace, result: DryRun): Promise<void> {
  const { terminal } = context;
  const style = styleFor(terminal.colorOut);
  showWarnings(context, workspace, result.diagnostics);
  terminal.out(draftSummary(result, style));
  const { preview, draft, target } = result;
  if (preview !== null) {
    const { rows } = preview.table;
    const isAll = rows.length < (wholeNumber(context, "limit", 1) ?? 10);
    const footer = isAll ? `all ${rows.length} rows` : `the first ${rows.length} rows`;
    const width = terminal.outWidth;
    terminal.out(`\n${tableView(preview.table, { style, width, footer })}`);
    if (preview.built.length > 0) {
      const built = preview.built.join(", ");
      terminal.err(`${style.dim(`computed for this, for there is no output yet: ${built}`)}\n`);
    }
  }
  if (result.tests.length > 0) {
    const { testView } = await import("../views/test_view.ts");
    const duration_ms = result.tests.reduce((sum, test) => sum + test.duration_ms, 0);
    const report = { environment: null, results: result.tests, duration_ms };
    terminal.out(`\n${testView(report, style)}`);
  }
  const errors = styleFor(terminal.colorErr);
  if (draft.file !== target) {
    terminal.err(`${errors.cyan("next:")} seeknal apply ${context.args[0]}\n`);
  }
}
