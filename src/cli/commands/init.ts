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
    { flags: "--force", doc: "write seeknal_project.yml again; nothing else is overwritten" },
  ],
  run: async (context) => {
    const typed = context.args[0] ?? text(context, "projectPath") ?? ".";
    const root = isAbsolute(typed) ? typed : join(context.host.cwd, typed);
    const { initProject } = await import("../../app/init_project.ts");
    const written = initProject({
      root,
      name: text(context, "name"),
      description: text(context, "description"),
      force: flag(context, "force"),
    });
    if (flag(context, "json")) {
      printJson(context, { format_version: 1, project: root, written });
      return EXIT_DONE;
    }
    const style = styleFor(context.terminal.colorOut);
    for (const path of written) context.terminal.out(`  ${style.green("+")} ${path}\n`);
    const enter = typed === "." ? "" : `  cd ${typed}\n`;
    context.terminal.out(
      `\n${style.bold("A project that runs is in place.")} Next:\n${enter}` +
        "  seeknal run                    build production\n" +
        "  (edit seeknal/transforms/daily_revenue.yml)\n" +
        "  seeknal plan dev               see what the edit will do\n" +
        "  seeknal run --env dev          build what is affected, in parallel\n" +
        "  seeknal promote dev            make it production\n",
    );
    return EXIT_DONE;
  },
};
