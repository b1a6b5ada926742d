import { projectRelative } from "../../base/project_path.ts";
import { type Command, PROFILE } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { flag, printJson, wholeNumber } from "../options.ts";
import { formatBytes, plural } from "../views/format.ts";

/** `gc` */
export const GC: Command = {
  name: "gc",
  summary: "Remove outputs that no environment and no kept history names",
  arguments: [],
  options: [
    { flags: "--keep-days <N>", doc: "keep outputs of states younger than this (default: 30)" },
    { flags: "--keep-promotions <N>", doc: "and of the last N states of production (default: 5)" },
    { flags: "--tables", doc: "in the systems outside too: versions and leftovers nothing needs" },
    PROFILE,
    { flags: "--dry-run", doc: "only list them" },
  ],
  run: async (context) => {
    const isDry = flag(context, "dryRun");
    const workspace = await context.workspace(isDry ? "read" : "write");
    const { collectGarbage } = await import("../../app/collect_garbage.ts");
    const keepDays = wholeNumber(context, "keepDays", 0) ?? 30;
    const { removed, bytes, kept, repacked, tables } = await collectGarbage(workspace, {
      keepDays,
      keepPromotions: wholeNumber(context, "keepPromotions", 0) ?? 5,
      tables: flag(context, "tables"),
      dryRun: isDry,
    });
    const paths = removed.map((item) => ({
      ...item,
      path: projectRelative(workspace.root, item.path),
    }));
    if (flag(context, "json")) {
      printJson(context, {
        format_version: 1,
        dry_run: isDry,
        removed: paths,
        bytes,
        kept,
        repacked,
        tables,
      });
      return EXIT_DONE;
    }
    const { terminal } = context;
    if (isDry) {
      for (const { path, bytes } of paths) terminal.out(`${path}  ${formatBytes(bytes)}\n`);
      for (const table of tables) terminal.out(`${table}\n`);
    }
    if (repacked > 0) {
      terminal.err(`Packed ${plural(repacked, "object")} of the state repository\n`);
    }
    terminal.out(
      `${isDry ? "Would remove" : "Removed"} ${plural(paths.length, "file")}, ${
        formatBytes(bytes)
      }; ` +
        (tables.length === 0 ? "" : `${plural(tables.length, "thing")} outside; `) +
        `${plural(kept, "output")} in use\n`,
    );
    return EXIT_DONE;
  },
};
