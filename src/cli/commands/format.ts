import { relative, resolve } from "node:path";
import type { FormattedFile } from "../../app/format_files.ts";
import { UserError } from "../../base/user_error.ts";
import type { Command, CommandContext } from "../command.ts";
import { EXIT_CODES, EXIT_DONE } from "../exit_codes.ts";
import { flag, printJson } from "../options.ts";
import { type Style, styleFor } from "../terminal.ts";
import { plural } from "../views/format.ts";

/** `format [PATHS]` */
export const FORMAT: Command = {
  name: "format",
  summary: "Lay out the SQL of nodes; what it means, comments and templates stay",
  arguments: [{ name: "[PATHS...]", doc: "files and folders (default: all nodes); - for stdin" }],
  options: [
    { flags: "--check", doc: "write nothing; exit 3 where a file would change" },
    { flags: "--diff", doc: "write nothing; show what would change" },
  ],
  examples: ["seeknal format", "seeknal format --check --diff seeknal/marts"],
  run: async (context) => {
    const { terminal } = context;
    const typed = (context.args[0] ?? []) as unknown as string[];
    if (typed.length === 1 && typed[0] === "-") return await formatInput(context);
    const workspace = await context.workspace("read");
    const paths = typed.map((path) => {
      const absolute = resolve(context.host.cwd, path);
      return relative(workspace.root, absolute).replaceAll("\\", "/");
    });
    const [check, diff] = [flag(context, "check"), flag(context, "diff")];
    const { formatFiles } = await import("../../app/format_files.ts");
    const files = await formatFiles(workspace, { paths, write: !check && !diff });
    if (files.length === 0 && paths.length > 0) throw noFiles(typed);
    const changed = files.filter(({ status }) => status === "changed");
    if (flag(context, "json")) printJson(context, { format_version: 1, files });
    else {
      const style = styleFor(terminal.colorOut);
      const isWritten = !check && !diff;
      for (const { file, diff: patch } of changed) {
        terminal.out(
          diff ? paintedDiff(patch, style) : `${isWritten ? "" : "would change "}${file}\n`,
        );
      }
      sayLeft(context, files);
      const rest = files.length - changed.length;
      const verb = isWritten ? "formatted" : "to format";
      terminal.err(
        `${plural(changed.length, "file")} ${verb}, ${plural(rest, "file")} as they were\n`,
      );
    }
    return check && changed.length > 0 ? EXIT_CODES.validation : EXIT_DONE;
  },
};

function sayLeft({ terminal }: CommandContext, files: readonly FormattedFile[]): void {
  const label = styleFor(terminal.colorErr).yellow("left:");
  for (const { file, left } of files) {
    for (const reason of left) terminal.err(`${label} ${file}: ${reason}\n`);
  }
}

function paintedDiff(patch: string, style: Style): string {
  return patch.split("\n").map((line) =>
    line.startsWith("+++") || line.startsWith("---")
      ? style.bold(line)
      : line.startsWith("+")
      ? style.green(line)
      : line.startsWith("-")
      ? style.red(line)
      : line.startsWith("@@")
      ? style.cyan(line)
      : line
  ).join("\n");
}

/** Editors hand a text over and want it back. */
async function formatInput({ terminal }: CommandContext): Promise<number> {
  const { formatText } = await import("../../app/format_files.ts");
  const formatted = await formatText(await terminal.readInput());
  if (formatted.problem !== null) {
    throw new UserError(`Cannot format: ${formatted.problem}`, {
      code: "not_formatted",
      kind: "validation",
      hint: "give it one statement that DuckDB can parse",
    });
  }
  terminal.out(`${formatted.sql}\n`);
  return EXIT_DONE;
}

function noFiles(paths: readonly string[]): UserError {
  return new UserError(`No node is in ${paths.join(", ")}`, {
    code: "unknown_path",
    kind: "usage",
    hint: "name files below seeknal/",
  });
}
