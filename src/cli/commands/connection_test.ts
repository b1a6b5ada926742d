import { type Command, PROFILE } from "../command.ts";
import { EXIT_CODES, EXIT_DONE } from "../exit_codes.ts";
import { envName, flag, printJson, text } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { formatDuration, pad } from "../views/format.ts";

/** `connection-test [NAME]` */
export const CONNECTION_TEST: Command = {
  name: "connection-test",
  summary: "Connect through the connections of a profile, and write nothing",
  arguments: [{ name: "[NAME]", doc: "connection (default: all)" }],
  options: [
    {
      flags: "-e, --env <ENV>",
      doc: "environment whose profile counts (default: prod)",
      completes: "environment",
    },
    PROFILE,
  ],
  examples: ["seeknal connection-test", "seeknal connection-test warehouse --env dev"],
  run: async (context) => {
    const typed = text(context, "env");
    const env = typed === null ? null : envName(context, typed);
    const workspace = await context.workspace("read");
    const { testConnections } = await import("../../app/test_connections.ts");
    const { profile, checks } = await testConnections(workspace, env, context.args[0] ?? null);
    const failed = checks.find(({ status }) => status === "failed");
    const code = failed?.kind ? EXIT_CODES[failed.kind] : EXIT_DONE;
    if (flag(context, "json")) {
      const shown = checks.map(({ kind: _, ...check }) => check);
      printJson(context, { format_version: 1, profile, connections: shown });
      return code;
    }
    const style = styleFor(context.terminal.colorOut);
    context.terminal.out(style.bold(profile ?? "No profile") + "\n");
    if (checks.length === 0) {
      context.terminal.err(
        `${style.cyan("hint:")} write profiles.yml:\n    connections:\n      warehouse:\n` +
          "        type: postgresql\n",
      );
    }
    for (const { connection, status, detail, facts, hint, duration_ms } of checks) {
      const paint = status === "ok" ? style.green : style.red;
      const time = style.dim(formatDuration(duration_ms));
      context.terminal.out(
        `${paint(pad(status, 7))} ${style.bold(connection)}  ${detail}  ${time}\n`,
      );
      for (const fact of facts) context.terminal.out(`        ${style.dim(fact)}\n`);
      // "Test the connection" is no advice to somebody who does.
      if (hint !== null && !/^seeknal connection-test/.test(hint)) {
        context.terminal.out(`        ${style.cyan("hint:")} ${hint}\n`);
      }
    }
    return code;
  },
};
