import { isAbsolute, join } from "node:path";
import { Command as Program, CommanderError } from "commander";
import { UserError } from "../base/user_error.ts";
import type { Host } from "../model/host.ts";
import { VERSION } from "../model/version.ts";
import {
  type Command,
  type CommandContext,
  type CommandOption,
  COMMON_OPTIONS,
} from "./command.ts";
import { commandsOf, GROUPS } from "./command_files.ts";
import { EXIT_CODES, EXIT_DONE, EXIT_UNEXPECTED } from "./exit_codes.ts";
import { familiarHint } from "./familiar_words.ts";
import { typedVariables } from "./typed_values.ts";
import { styleFor, type Terminal } from "./terminal.ts";

/** What a command line runs in. */
export interface CliEnvironment {
  readonly host: Host;
  readonly terminal: Terminal;
}

/** Runs a command line and returns its exit code. The only door to the program; never throws. */
export async function runCli(args: readonly string[], cli: CliEnvironment): Promise<number> {
  let code = EXIT_DONE;
  const verbs = await verbsFor(args[0]);
  const { own, rest } = splitCommand(args, verbs.commands);
  const program = buildProgram(verbs, { cli, rest, done: (result) => code = result });
  if (args.length === 0) {
    program.outputHelp();
    return EXIT_DONE;
  }
  try {
    await program.parseAsync(spelledOut(own, verbs.commands), { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_CODES.usage;
    return reportError(error, own, cli);
  }
}

/** Verbs to choose from, and where headings of the help begin. */
interface Verbs {
  readonly commands: readonly Command[];
  readonly headings: ReadonlyMap<string, string>;
}

/** Those that begin with a word are enough to run one of them. */
async function verbsFor(word: string | undefined): Promise<Verbs> {
  const commands = word === "--version" || word === "-V" ? [] : await commandsOf(word);
  if (commands !== null) return { commands, headings: new Map() };
  const { COMMANDS, HEADINGS } = await import("./commands/registry.ts");
  return { commands: COMMANDS, headings: HEADINGS };
}

function spelledOut(
  [name, ...rest]: readonly string[],
  commands: readonly Command[],
): string[] {
  const spellings = commands.find((command) => command.name === name)?.spellings ?? {};
  return [name!, ...rest.map((word) => Object.hasOwn(spellings, word) ? spellings[word]! : word)];
}

/** Words of another command are none of ours: its options are not even looked at. */
function splitCommand(
  args: readonly string[],
  commands: readonly Command[],
): { own: readonly string[]; rest: readonly string[] | null } {
  const takesCommand = commands.some((command) =>
    command.takesCommand === true && command.name === args[0]
  );
  const at = takesCommand ? args.indexOf("--") : -1;
  return at < 0 ? { own: args, rest: null } : { own: args.slice(0, at), rest: args.slice(at + 1) };
}

function buildProgram(
  { commands, headings }: Verbs,
  { cli, rest, done }: {
    readonly cli: CliEnvironment;
    readonly rest: readonly string[] | null;
    readonly done: (code: number) => void;
  },
): Program {
  const program = prepare(new Program("seeknal"), cli)
    .description("Data pipelines whose environments are Git refs")
    .version(`seeknal ${VERSION}`, "-V, --version", "print the version")
    .commandsGroup("Upkeep:")
    .helpCommand("help [COMMAND]", "show help for a command")
    .addHelpText("after", FIRST_STEPS);
  const groups = new Map<string, Program>();
  let heading = "";
  for (const command of commands) {
    const words = command.name.split(" ");
    heading = headings.get(command.name) ?? heading;
    program.commandsGroup(heading);
    let parent = program;
    if (words.length === 2) {
      const name = words[0]!;
      parent = groups.get(name) ??
        prepare(program.command(name), cli).description(GROUPS[name]!)
          .helpCommand("help [COMMAND]", "show help for a command");
      groups.set(name, parent);
    }
    addCommand(parent, words.at(-1)!, command, { cli, rest, done });
  }
  return program;
}

const FIRST_STEPS = `
The loop:
  $ seeknal init                 a project that runs
  $ seeknal plan dev             what a change will do, before anything runs
  $ seeknal run --env dev        build what is affected, and nothing else
  $ seeknal promote dev          make it production
  $ seeknal rollback             go back`;

function prepare(program: Program, { terminal }: CliEnvironment): Program {
  return program.exitOverride().showSuggestionAfterError(true)
    .configureHelp({ showGlobalOptions: false, subcommandTerm: termOf })
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      outputError: (text, write) => write(usageError(program, text, terminal)),
      getOutHelpWidth: () => Math.min(terminal.width, 100),
    });
}

/** A verb as help lists it, without saying of each that it has options. */
function termOf(command: Program): string {
  const takes = command.registeredArguments.map((argument) => {
    const name = argument.name() + (argument.variadic ? "..." : "");
    return argument.required ? ` ${name}` : ` [${name}]`;
  });
  return command.name() + takes.join("");
}

/** What is wrong with a command line, with what was probably meant or where to look. */
function usageError(program: Program, text: string, { colorErr }: Terminal): string {
  const style = styleFor(colorErr);
  const [, what, meant] = /^error: ([\s\S]*?)(?:\n\(Did you mean ([\s\S]*?)\?\))?\n?$/.exec(text) ??
    [text, text];
  const words: string[] = [];
  for (let at: Program | null = program; at !== null; at = at.parent) words.unshift(at.name());
  const familiar = familiarHint(words.slice(1).join(" "), what ?? "");
  const hint = familiar !== null
    ? familiar
    : meant === undefined
    ? `see: ${words.join(" ")} --help`
    : `did you mean ${meant.replace(/^one of /, "one of: ")}?`;
  return `${style.red("error:")} ${what}\n  ${style.cyan("hint:")} ${hint}\n`;
}

function addCommand(
  parent: Program,
  name: string,
  command: Command,
  { cli, rest, done }: {
    readonly cli: CliEnvironment;
    readonly rest: readonly string[] | null;
    readonly done: (code: number) => void;
  },
): void {
  const program = prepare(
    parent.command(name, command.hidden === true ? { hidden: true } : {}),
    cli,
  ).description(command.summary);
  if (!command.name.includes(" ")) program;
  if (command.takesAnyOption === true) program.allowUnknownOption(true);
  for (const argument of command.arguments) {
    program.argument(
      argument.name.startsWith("[") ? argument.name : `<${argument.name}>`,
      argument.doc,
    );
  }
  for (const option of [...command.options, ...COMMON_OPTIONS]) addOption(program, option);
  if (command.examples !== undefined) {
    program.addHelpText(
      "after",
      `\nExamples:\n${command.examples.map((e) => `  $ ${e}`).join("\n")}`,
    );
  }
  program.action(async (...values: unknown[]) => {
    const args = values.slice(0, command.arguments.length) as (string | undefined)[];
    done(await command.run(makeContext(cli, args, rest, program.opts())));
  });
}

function addOption(program: Program, { flags, doc, repeats }: CommandOption): void {
  if (repeats === true) {
    program.option(
      flags,
      doc,
      (value: string, all: string[] | undefined) => [...(all ?? []), value],
    );
  } else program.option(flags, doc);
}

function makeContext(
  { host, terminal }: CliEnvironment,
  args: readonly (string | undefined)[],
  rest: readonly string[] | null,
  options: Record<string, unknown>,
): CommandContext {
  return {
    host,
    terminal,
    args,
    rest,
    options,
    workspace: async (mode) => {
      const { openWorkspace } = await import("../app/workspace.ts");
      const projectPath = (options["projectPath"] as string | undefined) ?? null;
      const typed = options["profile"] as string | undefined;
      const profile = typed === undefined || isAbsolute(typed)
        ? typed ?? null
        : join(host.cwd, typed);
      const note = styleFor(terminal.colorErr).yellow("note:");
      const notice = (text: string) => terminal.err(`${note} ${text}\n`);
      return openWorkspace(host, {
        projectPath,
        readOnly: mode === "read",
        profile,
        typed: typedVariables(options),
        notice,
      });
    },
  };
}

function reportError(error: unknown, args: readonly string[], cli: CliEnvironment): number {
  const { terminal } = cli;
  const style = styleFor(terminal.colorErr);
  if (error instanceof UserError) {
    const { code, message, hint, diagnostics } = error;
    if (args.includes("--json")) {
      const detail = { code, message, hint: hint ?? null, diagnostics };
      terminal.out(`${JSON.stringify({ format_version: 1, event: "error", error: detail })}\n`);
    }
    terminal.err(`${style.red("error:")} ${message}\n`);
    if (hint !== undefined) terminal.err(`  ${style.cyan("hint:")} ${hint}\n`);
    return EXIT_CODES[error.kind];
  }
  const system = systemError(error);
  if (system !== null) return reportError(system, args, cli);
  const text = error instanceof Error ? error : new Error(String(error));
  terminal.err(`${style.red("error:")} This is a bug in seeknal: ${text.message}\n`);
  if (args.includes("--verbose")) terminal.err(`${text.stack ?? ""}\n`);
  else {terminal.err(
      `  ${style.cyan("hint:")} run it again with --verbose and report what it prints\n`,
    );}
  return EXIT_UNEXPECTED;
}

/** What the operating system refused, as an error the user can act on; null for anything else. */
function systemError(error: unknown): UserError | null {
  if (!(error instanceof Error)) return null;
  const code = (error as { code?: unknown }).code;
  const refusal = SYSTEM_ERRORS[typeof code === "string" ? code : ""];
  return refusal === undefined ? null : new UserError(`${refusal.what}: ${error.message}`, {
    code: "system_error",
    kind: refusal.kind,
    hint: refusal.hint,
    cause: error,
  });
}

type Refusal = {
  readonly what: string;
  readonly kind: "execution" | "security";
  readonly hint: string;
};

const DENIED: Refusal = {
  what: "The system does not allow it",
  kind: "security",
  hint: "look at the rights of the project's folder and of target/",
};
const IN_THE_WAY: Refusal = {
  what: "Something else stands in the way",
  kind: "execution",
  hint: "a file stands where a folder is needed, or the other way round",
};

const SYSTEM_ERRORS: Readonly<Record<string, Refusal>> = {
  ENOSPC: {
    what: "The disk is full",
    kind: "execution",
    hint: "free some space (seeknal gc helps), then try again; nothing is half done",
  },
  EROFS: DENIED,
  EACCES: DENIED,
  EPERM: DENIED,
  EISDIR: IN_THE_WAY,
  ENOTDIR: IN_THE_WAY,
  EEXIST: IN_THE_WAY,
};
