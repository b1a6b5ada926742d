import type { Command } from "../command.ts";
import { EXIT_CODES, EXIT_DONE } from "../exit_codes.ts";
import { envName, flag, printJson, text } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { pad } from "../views/format.ts";

/** `doctor` */
export const DOCTOR: Command = {
  name: "doctor",
  summary: "Check the engine, the state, outputs, profiles, and what killed commands left",
  arguments: [],
  options: [
    { flags: "--fix", doc: "mend what can be mended without losing anything" },
    { flags: "--deep", doc: "hash every output again" },
    {
      flags: "--abandon <ENV>",
      doc: "forget what a killed command left of ENV's tables, and leave them as they are",
      completes: "environment",
    },
  ],
  run: async (context) => {
    const fix = flag(context, "fix");
    const abandoned = text(context, "abandon");
    const workspace = await context.workspace(fix || abandoned !== null ? "write" : "read");
    if (abandoned !== null) {
      const { abandonPending } = await import("../../app/outside_tables.ts");
      context.terminal.err(await abandonPending(workspace, envName(context, abandoned)) + "\n");
    }
    const { checkHealth } = await import("../../app/check_health.ts");
    const checks = await checkHealth(workspace, { fix, deep: flag(context, "deep") });
    const problems = checks.filter(({ status }) => status === "problem");
    if (flag(context, "json")) printJson(context, { format_version: 1, checks });
    else {
      const style = styleFor(context.terminal.colorOut);
      for (const { check, status, detail, hint } of checks) {
        const paint = status === "problem"
          ? style.red
          : status === "fixed"
          ? style.yellow
          : style.green;
        context.terminal.out(`${paint(pad(status, 7))}  ${style.bold(check)}: ${detail}\n`);
        if (hint !== null) context.terminal.out(`         ${style.cyan("hint:")} ${hint}\n`);
      }
    }
    return problems.length === 0 ? EXIT_DONE : EXIT_CODES.execution;
  },
};
