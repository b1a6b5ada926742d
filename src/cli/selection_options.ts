import type { Selection } from "../plan/select_nodes.ts";
import type { CommandContext, CommandOption } from "./command.ts";
import { texts } from "./options.ts";

/** `--select`, as every command that chooses nodes has it. */
export const SELECT: CommandOption = {
  flags: "-s, --select <SELECTOR>",
  doc: "only what a selector matches: name, tag:, kind:, path:, +up, down+",
  repeats: true,
  completes: "node",
};

/** The same where the command knows what is modified. */
export const SELECT_MODIFIED: CommandOption = {
  ...SELECT,
  doc: "only what a selector matches: name, tag:, kind:, path:, state:modified, +up, down+",
};

/** `--tags` and `--exclude-tags`. */
export const TAGS: readonly CommandOption[] = [
  {
    flags: "--tags <TAG>",
    doc: "only nodes with a tag and everything upstream",
    repeats: true,
    completes: "tag",
  },
  {
    flags: "--exclude-tags <TAG>",
    doc: "leave out nodes with a tag",
    repeats: true,
    completes: "tag",
  },
];

/** `--types`. */
export const TYPES: CommandOption = {
  flags: "-t, --types <KIND>",
  doc: "only nodes of a kind",
  repeats: true,
  completes: "kind",
};

/** What was typed of a selection; options that a command does not have ask for nothing. */
export function selectionOf(context: CommandContext): Selection {
  const select = context.options["select"];
  return {
    nodes: texts(context, "nodes"),
    // Commas are part of a selector.
    select: Array.isArray(select) ? select.map(String) : [],
    tags: texts(context, "tags"),
    excludeTags: texts(context, "excludeTags"),
    types: texts(context, "types"),
  };
}
