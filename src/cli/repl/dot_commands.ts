import { didYouMean } from "../../base/closest.ts";
import { UserError } from "../../base/user_error.ts";

/** What a command's argument is, for completion. */
export type DotArgument = "node" | "environment" | "sql" | readonly string[] | null;

/** A command of the session itself. */
export interface DotCommand {
  readonly name: string;
  /** As help shows it: `NODE`, `[PATTERN]`; empty where there is none. */
  readonly takes: string;
  readonly doc: string;
  readonly argument: DotArgument;
}

/** The commands, in the order in which help shows them. */
export const DOT_COMMANDS: readonly DotCommand[] = [
  { name: "tables", takes: "[PATTERN]", doc: "nodes that can be asked", argument: "node" },
  { name: "schema", takes: "NODE", doc: "columns of a node", argument: "node" },
  { name: "sources", takes: "", doc: "where rows come in", argument: null },
  {
    name: "lineage",
    takes: "NODE[.COLUMN]",
    doc: "where it comes from and goes to",
    argument: "node",
  },
  { name: "explain", takes: "SQL", doc: "how a query is carried out", argument: "sql" },
  { name: "env", takes: "[NAME]", doc: "go to another environment", argument: "environment" },
  { name: "refresh", takes: "", doc: "read the environment again", argument: null },
  {
    name: "format",
    takes: "FORMAT",
    doc: "table, json or csv",
    argument: ["table", "json", "csv"],
  },
  { name: "limit", takes: "N|off", doc: "rows shown at most", argument: ["100", "1000", "off"] },
  { name: "timing", takes: "on|off", doc: "how long each query took", argument: ["on", "off"] },
  { name: "help", takes: "", doc: "this list", argument: null },
  { name: "quit", takes: "", doc: "leave (also Ctrl-D)", argument: null },
];

const OTHER_NAMES: Readonly<Record<string, string>> = { exit: "quit", q: "quit", h: "help" };

/** Commands of other tools, with what serves instead. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  connect:
    "queries see the outputs of nodes only; try a connection with: seeknal connection-test NAME",
  duckdb: "every output is a view already: .tables lists them",
  open: "queries see the outputs of nodes only: .env NAME goes to another environment",
  read: "run a file with: seeknal repl < FILE",
  output: "write a file with: seeknal query SQL --output FILE.csv",
  columns: "write .schema NODE",
};

/** A command as it was typed. */
export interface TypedCommand {
  readonly name: string;
  /** What stands behind the name. */
  readonly rest: string;
}

/** Reads `.name rest`; null for SQL. Throws `unknown_command` (2). */
export function readDotCommand(text: string): TypedCommand | null {
  const trimmed = text.trim().replace(/;$/, "").trim();
  if (/^(quit|exit|help)$/i.test(trimmed)) return { name: known(trimmed.toLowerCase()), rest: "" };
  if (trimmed.startsWith("\\")) throw otherShell(trimmed);
  const match = /^\.(\S*)\s*([\s\S]*)$/.exec(trimmed);
  if (match === null) return null;
  return { name: known(match[1]!.toLowerCase()), rest: match[2]!.trim() };
}

function otherShell(typed: string): UserError {
  return new UserError(`"${typed.split(/\s/)[0]}" is a command of psql`, {
    code: "unknown_command",
    kind: "usage",
    hint:
      ".tables lists nodes, .schema NODE their columns, .quit leaves, .help says what else there is",
  });
}

function known(typed: string): string {
  const name = OTHER_NAMES[typed] ?? typed;
  const names = DOT_COMMANDS.map((command) => command.name);
  if (names.includes(name)) return name;
  const near = didYouMean(name, names)?.replace('"', '".');
  throw new UserError(`Unknown command ".${typed}"`, {
    code: "unknown_command",
    kind: "usage",
    hint: ELSEWHERE[typed] ?? near ?? "list the commands with: .help",
  });
}
