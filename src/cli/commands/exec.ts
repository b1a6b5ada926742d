import { UserError } from "../../base/user_error.ts";
import type { Command, CommandContext } from "../command.ts";
import { envOption, words } from "../options.ts";

/** `exec --env ENV -- COMMAND …` */
export const EXEC: Command = {
  name: "exec",
  summary: "Run any program with the outputs of an environment",
  takesCommand: true,
  arguments: [{ name: "[COMMAND...]", doc: "a program and its arguments, behind --" }],
  options: [
    { flags: "-e, --env <ENV>", doc: "environment (default: prod)", completes: "environment" },
  ],
  examples: [
    "seeknal exec --env dev -- pytest tests/",
    "seeknal exec --env dev -- sh -c 'ls $SEEKNAL_CACHE/transform'",
  ],
  run: async (context) => {
    const [program, ...args] = context.rest ?? [];
    const env = envOption(context);
    if (program === undefined) {
      throw new UserError("There is no command to run", {
        code: "missing_command",
        kind: "usage",
        hint: `write it behind --:\n    seeknal exec --env ${env} -- ${
          words(context, 0).join(" ") || "pytest tests/"
        }`,
      });
    }
    const workspace = await context.workspace("write");
    const { environmentVariables } = await import("../../app/exec_environment.ts");
    const variables = await environmentVariables(workspace, env);
    return await runProgram(context, program, args, variables);
  },
};

/** Signals that reach this process alone are passed on; what a terminal sends reaches the program by itself. */
async function runProgram(
  { host, terminal }: CommandContext,
  program: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<number> {
  let child: Deno.ChildProcess | null = null;
  const pass = (signal: Deno.Signal) => () => {
    if (signal === "SIGINT" && terminal.canAsk) return;
    try {
      child?.kill(signal);
    } catch (error) {
      // It ended by itself a moment ago.
      if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
    }
  };
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  const listeners = signals.map((signal) => [signal, pass(signal)] as const);
  // Before there is a program to pass them on to: none may end this process in between.
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  try {
    child = spawn(program, args, host.cwd, variables);
    return (await child.status).code;
  } finally {
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  }
}

function spawn(
  program: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Deno.ChildProcess {
  try {
    return new Deno.Command(program, {
      args: [...args],
      cwd,
      env: { ...env },
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UserError(`Cannot run "${program}": there is no such program`, {
      code: "command_not_found",
      kind: "dependency",
      hint: "install it, or name it by its path",
      cause: error,
    });
  }
}
