import type { Workspace } from "../app/workspace.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import { UserError } from "../base/user_error.ts";
import type { CommandContext } from "./command.ts";
import { EXIT_CODES } from "./exit_codes.ts";
import { flag, printJson } from "./options.ts";
import { styleFor } from "./terminal.ts";
import { diagnosticsView } from "./views/diagnostics_view.ts";

/**
 * Runs work that loads the project. A project with problems is shown problem by
 * problem instead of as one error; with `--json` as what `asJson` makes of them.
 */
export async function loading(
  context: CommandContext,
  workspace: Workspace,
  options: { readonly asJson: (diagnostics: readonly Diagnostic[]) => unknown },
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== "invalid_project") throw error;
    const { terminal } = context;
    if (flag(context, "json")) printJson(context, options.asJson(error.diagnostics));
    const style = styleFor(terminal.colorErr);
    terminal.err(diagnosticsView(error.diagnostics, workspace.root, style));
    terminal.err(`\n${style.red("error:")} ${error.message}; nothing was written\n`);
    return EXIT_CODES[error.kind];
  }
}

/** Shows warnings about a project that loads. */
export function showWarnings(
  { terminal }: CommandContext,
  workspace: Workspace,
  diagnostics: readonly Diagnostic[],
): void {
  if (diagnostics.length === 0) return;
  terminal.err(diagnosticsView(diagnostics, workspace.root, styleFor(terminal.colorErr)));
}
