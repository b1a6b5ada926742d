import { isAbsolute, join } from "node:path";
import type { Command } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { flag, printJson, text } from "../options.ts";
import { styleFor } from "../terminal.ts";

/** `init` */
export const INIT: Command = {
  name: "init",
  summary: "Start a project that runs",
  arguments: [{ name: "[DIR]", doc: "folder (default: the current one)" }],
  options: [
    { flags: "-n, --name <NAME>", doc: "name of the project (default: the folder's)" },
    { flags: "-d, --description <TEXT>", doc: "what it is for" },
    { flags: "--path <DIR>", doc: "the folder, as an option (so does -p)" },
    { flags: "--no-example", doc: "without the source, its data and the transform to begin with" },
    { flags: "-f, --force", doc: "write seeknal_project.yml again; nothing else is overwritten" },
  ],
  run: async (context) => {
    const typed = context.args[0] ?? text(context, "path") ?? text(context, "projectPath") ?? ".";
    const root = isAbsolute(typed) ? typed : join(context.host.cwd, typed);
    const hasExample = context.options["example"] !== false;
    const { initProject } = await import("../../app/init_project.ts");
    const written = initProject({
      root,
      name: text(context, "name"),
      description: text(context, "description"),
      force: flag(context, "force"),
      example: hasExample,
      programDir: context.host.programDir,
    });
    if (flag(context, "json")) {
      printJson(context, { format_version: 1, project: root, written });
      return EXIT_DONE;
    }
    const style = styleFor(context.terminal.colorOut);
    for (const path of written) context.terminal.out(`  ${style.green("+")} ${path}\n`);
    const enter = typed === "." ? "" : `  cd ${typed}\n`;
    context.terminal.out(
      (hasExample
        ? `\n${style.bold("A project that runs is in place. Next:")}\n${enter}` +
          "  seeknal run                         build production\n"
        : `\n${style.bold("An empty project is in place.")}\n${enter}`) +
        `\n${style.bold("Next steps, for a node of your own:")}\n` +
        "  1. Begin it:           seeknal draft source NAME\n" +
        "  2. Validate it:        seeknal dry-run draft_source_NAME.yml\n" +
        "  3. Put it in place:    seeknal apply draft_source_NAME.yml\n" +
        "  4. See what will run:  seeknal plan\n" +
        "  5. Run it:             seeknal run\n" +
        `\n${style.bold("Advanced:")}\n` +
        "  - Test in isolation:   seeknal plan dev && seeknal run --env dev\n" +
        "  - Promote to prod:     seeknal promote dev\n" +
        "  - Go back:             seeknal rollback\n" +
        "  - Parallel execution:  seeknal run --parallel   (the default)\n" +
        "  - Guides:              seeknal docs\n",
    );
    return EXIT_DONE;
  },
};
