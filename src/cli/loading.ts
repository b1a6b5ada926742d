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
  options: {
    /** Null: as any other error is printed. */
    readonly asJson: ((diagnostics: readonly Diagnostic[]) => unknown) | null;
  },
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== "invalid_project") throw error;
    const { terminal } = context;
    const style = styleFor(terminal.colorErr);
    if (!flag(context, "json")) {
      terminal.err(diagnosticsView(error.diagnostics, workspace.root, style));
    } else if (options.asJson === null) throw error;
    else printJson(context, options.asJson(error.diagnostics));
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
