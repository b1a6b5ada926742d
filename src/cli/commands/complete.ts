import {
  type Command,
  type CommandContext,
  type CommandOption,
  COMMON_OPTIONS,
  type Completes,
} from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";

/** `__complete WORDS…`: candidates for the last word, one a line. Called by the completion scripts. */
export function completeCommand(commands: () => readonly Command[]): Command {
  return {
    name: "__complete",
    summary: "Candidates for shell completion",
    hidden: true,
    takesAnyOption: true,
    arguments: [{ name: "[WORDS...]", doc: "words of the line so far" }],
    options: [],
    run: async (context) => {
      const words = (context.args[0] ?? []) as unknown as string[];
      const last = words.at(-1) ?? "";
      const candidates = await candidatesFor(context, words.slice(0, -1), last, commands());
      const matching = [...new Set(candidates)].filter((word) => word.startsWith(last)).sort();
      if (matching.length > 0) context.terminal.out(`${matching.join("\n")}\n`);
      return EXIT_DONE;
    },
  };
}

async function candidatesFor(
  context: CommandContext,
  before: readonly string[],
  last: string,
  commands: readonly Command[],
): Promise<string[]> {
  const visible = commands.filter(({ hidden }) => hidden !== true);
  const plain = before.filter((word) => !word.startsWith("-"));
  const command = visible.find(({ name }) => name === plain.slice(0, 2).join(" ")) ??
    visible.find(({ name }) => name === plain[0]);
  if (command === undefined) {
    const depth = plain.length;
    return visible.filter(({ name }) =>
      name.split(" ").slice(0, depth).join(" ") === plain.join(" ")
    )
      .map(({ name }) => name.split(" ")[depth] ?? "").filter(Boolean);
  }
  const options = [...command.options, ...COMMON_OPTIONS];
  const pending = options.find((option) =>
    takesValue(option) && names(option).includes(before.at(-1) ?? "")
  );
  if (pending !== undefined) return await values(context, pending.completes, before);
  if (last.startsWith("-")) return options.flatMap(names);
  const valueWords = options.filter(takesValue).flatMap((option) =>
    before.filter((_, i) => i > 0 && names(option).includes(before[i - 1]!))
  );
  const position = plain.length - command.name.split(" ").length - valueWords.length;
  return await values(context, argumentAt(command, position)?.completes, before);
}

/** The argument at a place; the last one goes on where it takes several. */
function argumentAt({ arguments: all }: Command, position: number) {
  const last = all.at(-1);
  return all[position] ?? (last?.name.includes("...") ? last : undefined);
}

function takesValue({ flags }: CommandOption): boolean {
  return flags.includes("<");
}

function names({ flags }: CommandOption): string[] {
  return flags.replace(/<.*/, "").split(",").map((name) => name.trim()).filter(Boolean);
}

async function values(
  context: CommandContext,
  completes: Completes | undefined,
  before: readonly string[],
): Promise<string[]> {
  if (completes === undefined) return [];
  if (typeof completes !== "string") return [...completes];
  const { completionNames } = await import("../../app/completion_names.ts");
  const env = before.findLast((_, i) => /^(-e|--env)$/.test(before[i - 1] ?? "")) ?? null;
  return await completionNames(await context.workspace("read"), completes, env);
}
