import { relative } from "node:path";
import { UserError } from "../../base/user_error.ts";
import type { DraftLanguage } from "../../app/authoring/draft_template.ts";
import type { Command, CommandContext } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { flag, printJson, text, texts } from "../options.ts";
import { styleFor } from "../terminal.ts";

/** What can be drafted; a test holds it to the templates. */
export const DRAFT_TYPES: readonly string[] = [
  "source",
  "seed",
  "transform",
  "feature_group",
  "training_set",
  "aggregation",
  "second_order_aggregation",
  "profile",
  "rule",
  "model",
  "semantic_model",
  "metric",
  "exposure",
  "test",
  "common-source",
  "common-rule",
  "common-transformation",
];

/** `draft TYPE NAME` */
export const DRAFT: Command = {
  name: "draft",
  summary: "Begin a node: a file that plans and runs as it is, to be edited and applied",
  arguments: [
    { name: "TYPE", doc: DRAFT_TYPES.join(", "), completes: DRAFT_TYPES },
    { name: "NAME", doc: "name of the node" },
  ],
  options: [
    { flags: "-d, --description <TEXT>", doc: "what it is" },
    { flags: "-f, --force", doc: "write over a draft of that name" },
    { flags: "--sql", doc: "as a .sql file" },
    { flags: "--ts", doc: "as a TypeScript function" },
    { flags: "--python", doc: "as a Python function (also -py)" },
    {
      flags: "--deps <PACKAGES>",
      doc: 'packages of a Python script: "pandas,requests"',
      repeats: true,
    },
    { flags: "--from <NODE>", doc: "node to read (default: one that suits)", completes: "node" },
  ],
  spellings: { "-py": "--python" },
  examples: [
    "seeknal draft source orders",
    "seeknal draft transform clean_orders --from source.orders",
    'seeknal draft transform scores --python --deps "pandas"',
  ],
  run: async (context) => {
    const language = languageOf(context);
    const packages = texts(context, "deps");
    if (packages.length > 0 && language !== "python") {
      throw new UserError("Only a Python script has packages: --deps needs --python", {
        code: "invalid_option",
        kind: "usage",
        hint: "write --python --deps pandas",
      });
    }
    const workspace = await context.workspace("read");
    const { draftNode } = await import("../../app/authoring/draft_node.ts");
    const draft = await draftNode(workspace, {
      type: context.args[0]!,
      name: context.args[1]!,
      description: text(context, "description"),
      language,
      packages,
      from: text(context, "from"),
      force: flag(context, "force"),
    });
    const { terminal, host } = context;
    const file = relative(host.cwd, draft.path) || draft.path;
    if (flag(context, "json")) {
      const { kind, reads, samples } = draft;
      printJson(context, { format_version: 1, file, kind, reads, samples });
      return EXIT_DONE;
    }
    const style = styleFor(terminal.colorOut);
    terminal.out(`${style.green("+")} ${file}`);
    terminal.out(draft.reads === null ? "\n" : style.dim(`  reads ${draft.reads}`) + "\n");
    for (const path of draft.samples) {
      terminal.out(
        `${style.green("+")} ${path}${style.dim("  to go with it: put your own here")}\n`,
      );
    }
    const errors = styleFor(terminal.colorErr);
    if (draft.note !== null) terminal.err(`${errors.yellow("note:")} ${draft.note}\n`);
    terminal.err(
      `${errors.cyan("next:")} edit it, then\n  seeknal dry-run ${file}\n  seeknal apply ${file}\n`,
    );
    return EXIT_DONE;
  },
};

function languageOf(context: CommandContext): DraftLanguage {
  const chosen = (["sql", "ts", "python"] as const).filter((name) => flag(context, name));
  if (chosen.length > 1) {
    throw new UserError(`--${chosen.join(" and --")} cannot both be`, {
      code: "invalid_option",
      kind: "usage",
      hint: "choose one language",
    });
  }
  return chosen[0] === "ts" ? "typescript" : chosen[0] ?? "yaml";
}
