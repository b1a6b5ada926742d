import { summaryWords } from "../../app/messages.ts";
import type { Applied, PreparedApply } from "../../app/authoring/apply_draft.ts";
import { type Command, type CommandContext, YES } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { loading } from "../loading.ts";
import { confirmed, flag, printJson } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { applyView } from "../views/draft_view.ts";

/** `apply FILE` */
export const APPLY: Command = {
  name: "apply",
  summary: "Move a draft to its place in the project and say what that changes",
  arguments: [{ name: "FILE", doc: "a draft" }],
  options: [
    { flags: "-f, --force", doc: "replace a file that differs without asking" },
    YES,
    { flags: "--no-parse", doc: "do not plan afterwards" },
  ],
  examples: ["seeknal apply draft_transform_clean_orders.yml"],
  run: async (context) => {
    const file = context.args[0]!;
    const workspace = await context.workspace("read");
    const { applyDraft, prepareApply } = await import("../../app/authoring/apply_draft.ts");
    const asJson = (diagnostics: unknown) => ({
      format_version: 1,
      status: "refused",
      diagnostics,
    });
    return await loading(context, workspace, { asJson }, async () => {
      const prepared = await prepareApply(workspace, file);
      const { terminal } = context;
      const isJson = flag(context, "json");
      if (!isJson) terminal.out(applyView(prepared, styleFor(terminal.colorOut)));
      const mustAsk = prepared.action === "replace" && !flag(context, "force");
      if (mustAsk && !confirmed(context, "Apply these changes?", `seeknal apply ${file}`)) {
        terminal.err("Nothing was changed\n");
        return EXIT_DONE;
      }
      const parse = context.options["parse"] !== false;
      const applied = await applyDraft(workspace, prepared, { parse });
      if (isJson) printJson(context, json(prepared, applied));
      else say(context, prepared, applied);
      return EXIT_DONE;
    });
  },
};

function say(context: CommandContext, prepared: PreparedApply, { moved, plan }: Applied): void {
  const { terminal } = context;
  const { draft, target, action } = prepared;
  const style = styleFor(terminal.colorOut);
  if (action === "none") {
    terminal.out("Files are identical. No action needed.\n");
    if (moved) {
      terminal.out(`${style.dim(`${draft.file} is in place as ${target}; the draft is gone`)}\n`);
    }
    return;
  }
  const what = draft.type === "nodes"
    ? prepared.nodes.map(({ id }) => id).join(", ")
    : draft.type === "snippet"
    ? draft.id
    : target;
  const from = moved ? style.dim(`  from ${draft.file}`) : "";
  terminal.out(`${style.green("+")} ${target}${from}\n`);
  terminal.out(`Applied successfully: ${what}\n`);
  const errors = styleFor(terminal.colorErr);
  if (draft.type === "test") terminal.err(`${errors.cyan("next:")} seeknal test ${target}\n`);
  if (plan === null) return;
  terminal.out(`${style.bold(`Plan: ${summaryWords(plan.summary)}`)}\n`);
  const next = plan.base.commit === null ? "seeknal run" : "seeknal plan dev";
  terminal.err(`${errors.cyan("next:")} ${next}\n`);
}

function json({ draft, nodes, target, action, changes }: PreparedApply, { moved, plan }: Applied) {
  return {
    format_version: 1,
    status: action === "none" ? "identical" : "applied",
    file: draft.file,
    target,
    action,
    moved,
    nodes: nodes.map(({ id }) => id),
    changes: changes?.map(({ id, kind, category, reasons, columns }) => ({
      id,
      change: kind,
      category,
      reasons,
      columns,
    })) ?? null,
    summary: plan?.summary ?? null,
  };
}
