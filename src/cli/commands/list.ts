import type { ProjectState } from "../../app/read_state.ts";
import { didYouMean } from "../../base/closest.ts";
import { UserError } from "../../base/user_error.ts";
import { type Command, type CommandContext, PROFILE } from "../command.ts";
import { EXIT_DONE } from "../exit_codes.ts";
import { loading } from "../loading.ts";
import { envName, flag, printJson, text } from "../options.ts";
import { styleFor } from "../terminal.ts";
import { alignColumns, plural } from "../views/format.ts";
import { SELECT_MODIFIED, selectionOf, TAGS, TYPES } from "../selection_options.ts";

/** What can be listed besides nodes and the nodes of a kind, with what counts a node to it. */
const GROUPINGS = {
  kinds: ({ kind }: Grouped) => [kind],
  tags: ({ tags }: Grouped) => tags,
  owners: ({ owner }: Grouped) => owner === null ? [] : [owner],
} as const;

interface Grouped {
  readonly kind: string;
  readonly tags: readonly string[];
  readonly owner: string | null;
}

const WHAT = ["nodes", ...Object.keys(GROUPINGS), "sources", "transforms"];

/** `list [WHAT]` */
export const LIST: Command = {
  name: "list",
  summary: "List nodes, or the kinds, tags and owners that they have",
  arguments: [{
    name: "[WHAT]",
    doc: "nodes, kinds, tags, owners, or a kind: sources, transforms, … (default: nodes)",
    completes: WHAT,
  }],
  options: [
    {
      flags: "-e, --env <ENV>",
      doc: "environment (default: the project's files)",
      completes: "environment",
    },
    SELECT_MODIFIED,
    ...TAGS,
    TYPES,
    { flags: "-q, --names", doc: "names alone, one a line" },
    PROFILE,
  ],
  examples: ["seeknal list --select state:modified+", "seeknal list sources --names"],
  run: async (context) => {
    const typed = text(context, "env");
    const env = typed === null ? null : envName(context, typed);
    const workspace = await context.workspace("read");
    const { readState } = await import("../../app/read_state.ts");
    return await loading(
      context,
      workspace,
      { asJson: (diagnostics) => ({ format_version: 1, nodes: [], diagnostics }) },
      async () => await list(context, await readState(workspace, env)),
    );
  },
};

async function list(context: CommandContext, state: ProjectState): Promise<number> {
  const { modifiedNodes } = await import("../../app/read_state.ts");
  const { listNodes } = await import("../../app/list_nodes.ts");
  const { nodeListView } = await import("../views/node_list_view.ts");
  const { selectNodes } = await import("../../plan/select_nodes.ts");
  const { terminal } = context;
  const style = styleFor(terminal.colorOut);
  const { manifest, results, env, commit } = state;
  const selection = selectionOf(context);
  const needsModified = selection.select.some((one) => one.includes("state:"));
  const modified = needsModified ? modifiedNodes(state) : new Set<never>();
  const { ids, warnings } = selectNodes(manifest, selection, modified);
  for (const warning of warnings) {
    terminal.err(`${styleFor(terminal.colorErr).yellow("warning:")} ${warning}\n`);
  }
  const what = context.args[0] ?? "nodes";
  const chosen = listNodes(manifest, results, ids);
  const grouping = Object.entries(GROUPINGS).find(([name]) => name === what)?.[1];
  if (grouping !== undefined) {
    const counts = new Map<string, number>();
    for (const name of chosen.flatMap(grouping)) counts.set(name, (counts.get(name) ?? 0) + 1);
    const names = [...counts].sort(([a], [b]) => a < b ? -1 : 1);
    if (flag(context, "json")) {
      const entries = names.map(([name, nodes]) => ({ name, nodes }));
      printJson(context, { format_version: 1, environment: env, [what]: entries });
    } else if (flag(context, "names")) terminal.out(names.map(([name]) => `${name}\n`).join(""));
    else if (names.length === 0) terminal.out(`No ${what}\n`);
    else {
      const rows = names.map(([name, n]) => [name, style.dim(plural(n, "node"))]);
      terminal.out(`${alignColumns(rows).join("\n")}\n`);
    }
    return EXIT_DONE;
  }
  const kinds = new Set([...manifest.nodes.values()].map(({ kind }) => kind));
  const kind = what === "nodes" ? null : kindNamed(what, kinds);
  const nodes = kind === null ? chosen : chosen.filter((node) => node.kind === kind);
  if (flag(context, "json")) {
    printJson(context, { format_version: 1, environment: env, commit, nodes });
  } else if (flag(context, "names")) terminal.out(nodes.map(({ id }) => `${id}\n`).join(""));
  else terminal.out(nodeListView(nodes, style, terminal.outWidth));
  return EXIT_DONE;
}

/** The kind that a word means, also in the plural. Throws `unknown_kind` (2). */
function kindNamed(what: string, kinds: ReadonlySet<string>): string {
  const plurals = new Map([...kinds].flatMap((kind) => [[kind, kind], [pluralOf(kind), kind]]));
  const kind = plurals.get(what);
  if (kind !== undefined) return kind;
  const known = ["nodes", ...Object.keys(GROUPINGS), ...[...kinds].map(pluralOf)];
  throw new UserError(`No node is of kind "${what}"`, {
    code: "unknown_kind",
    kind: "usage",
    hint: didYouMean(what, known) ?? `list one of: ${known.join(", ")}`,
  });
}

function pluralOf(kind: string): string {
  return kind.endsWith("y") ? `${kind.slice(0, -1)}ies` : `${kind}s`;
}
