import { completeQuery, nodeNames } from "../../app/complete_query.ts";
import { findNode } from "../../app/find_node.ts";
import { listNodes } from "../../app/list_nodes.ts";
import { OutputSession } from "../../app/query_outputs.ts";
import { splitStatements } from "../../app/split_statements.ts";
import { traceLineage } from "../../app/trace_lineage.ts";
import type { Workspace } from "../../app/workspace.ts";
import { UserError } from "../../base/user_error.ts";
import { normalizeEnvName } from "../../model/env_name.ts";
import type { EnvName } from "../../model/ids.ts";
import { styleFor, type Terminal } from "../terminal.ts";
import { columnLines } from "../views/columns_view.ts";
import { alignColumns, formatCount, formatDuration, plural } from "../views/format.ts";
import { lineageView } from "../views/lineage_view.ts";
import { tableCsv, tableJson, tableView } from "../views/table_view.ts";
import { DOT_COMMANDS, readDotCommand } from "./dot_commands.ts";
import type { Completion } from "./line_editor.ts";

/** How results are shown. */
export interface ReplSettings {
  readonly format: "table" | "json" | "csv";
  /** Rows shown at most; null for all. */
  readonly limit: number | null;
  readonly timing: boolean;
}

/** A session of questions about an environment: SQL and commands of its own, none of which changes anything. */
export class Repl implements AsyncDisposable {
  readonly #workspace: Workspace;
  readonly #terminal: Terminal;
  #settings: ReplSettings;
  #session: OutputSession;

  private constructor(
    workspace: Workspace,
    terminal: Terminal,
    settings: ReplSettings,
    session: OutputSession,
  ) {
    this.#workspace = workspace;
    this.#terminal = terminal;
    this.#settings = settings;
    this.#session = session;
  }

  /** Throws `unknown_environment` (2). */
  static async open(
    workspace: Workspace,
    terminal: Terminal,
    { env, settings }: { readonly env: EnvName; readonly settings: ReplSettings },
  ): Promise<Repl> {
    return new Repl(workspace, terminal, settings, await OutputSession.open(workspace, env));
  }

  get env(): EnvName {
    return this.#session.env;
  }

  /** Nodes that have an output. */
  get built(): number {
    const { results } = this.#session.snapshot;
    return [...results.values()].filter(({ status }) => status === "success").length;
  }

  /** Carries out a command or statements; false when the session is to end. Throws `UserError`. */
  async execute(text: string): Promise<boolean> {
    const command = readDotCommand(text);
    if (command !== null) return await this.#command(command.name, command.rest);
    const { statements, rest } = splitStatements(text);
    for (const sql of [...statements, ...(rest.trim() === "" ? [] : [rest])]) {
      await this.#query(sql);
    }
    return true;
  }

  /** Stops the query that is being run. */
  interrupt(): void {
    this.#session.interrupt();
  }

  /** What may be written at a place of a text. */
  complete(text: string, cursor: number): Completion {
    const { manifest } = this.#session.snapshot;
    const match = /^\s*\.(\w*)(\s+)?/.exec(text.slice(0, cursor));
    if (match === null) return completeQuery(text, cursor, manifest);
    const command = DOT_COMMANDS.find(({ name }) => name === match[1]);
    if (match[2] === undefined || command === undefined) {
      const names = DOT_COMMANDS.map(({ name }) => name).filter((n) => n.startsWith(match[1]!));
      return { start: cursor - match[1]!.length, candidates: names };
    }
    if (command.argument === "sql") return completeQuery(text, cursor, manifest);
    const start = match[0].length;
    const typed = text.slice(start, cursor);
    const all = command.argument === "node"
      ? nodeNames(manifest)
      : command.argument === "environment"
      ? this.#workspace.state.environments()
      : command.argument ?? [];
    return { start, candidates: all.filter((name) => name.startsWith(typed)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }

  async #query(sql: string): Promise<void> {
    if (this.#session.isBehind) await this.#use(this.env);
    const { host } = this.#workspace;
    const { format, limit, timing } = this.#settings;
    const started = host.now().getTime();
    const found = await this.#session.read(sql, limit === null ? null : limit + 1);
    const took = timing ? ` in ${formatDuration(host.now().getTime() - started)}` : "";
    const isCut = limit !== null && found.rows.length > limit;
    const table = isCut ? { ...found, rows: found.rows.slice(0, limit) } : found;
    const count = isCut
      ? `first ${plural(limit, "row")}${took}; .limit shows more`
      : plural(table.rows.length, "row") + took;
    const { colorOut, outWidth } = this.#terminal;
    if (format === "table") {
      const style = styleFor(colorOut);
      this.#terminal.out(tableView(table, { style, width: outWidth, footer: count }));
      return;
    }
    this.#terminal.out(format === "json" ? tableJson(table) : tableCsv(table));
    this.#terminal.err(`${styleFor(this.#terminal.colorErr).dim(`(${count})`)}\n`);
  }

  async #command(name: string, rest: string): Promise<boolean> {
    switch (name) {
      case "quit":
        return false;
      case "help":
        this.#say(HELP);
        break;
      case "tables":
        this.#tables(rest);
        break;
      case "schema":
        this.#schema(rest);
        break;
      case "sources":
        this.#sources();
        break;
      case "lineage":
        await this.#lineage(rest);
        break;
      case "explain":
        if (rest === "") throw missing("explain", "SELECT count(*) FROM orders");
        await this.#query(`EXPLAIN ${rest}`);
        break;
      case "refresh":
        await this.#use(this.env);
        break;
      case "env":
        if (rest !== "") await this.#use(normalizeEnvName(rest).name);
        else this.#say(this.#environments());
        break;
      case "format":
      case "limit":
      case "timing":
        this.#set(name, rest);
        break;
    }
    return true;
  }

  #set(name: "format" | "limit" | "timing", value: string): void {
    const settings = this.#settings;
    if (value !== "") this.#settings = { ...settings, ...readSetting(name, value) };
    const now = this.#settings[name];
    const shown = now === null || now === false ? "off" : now === true ? "on" : String(now);
    this.#say([`${name}: ${shown}`]);
  }

  async #use(env: EnvName): Promise<void> {
    const next = await OutputSession.open(this.#workspace, env);
    const before = this.#session;
    this.#session = next;
    await before[Symbol.asyncDispose]();
    const { dim } = styleFor(this.#terminal.colorErr);
    const at = next.commit.slice(0, 7);
    const moved = before.env === env && before.commit !== next.commit ? " (it moved)" : "";
    const outputs = plural(this.built, "output");
    this.#terminal.err(`${dim(`${env} at ${at}${moved}: ${outputs}`)}\n`);
  }

  #environments(): string[] {
    const { bold } = styleFor(this.#terminal.colorOut);
    return this.#workspace.state.environments()
      .map((env) => env === this.env ? bold(`* ${env}`) : `  ${env}`);
  }

  #tables(pattern: string): void {
    const { manifest, results } = this.#session.snapshot;
    const { dim, yellow } = styleFor(this.#terminal.colorOut);
    const like = likePattern(pattern);
    const nodes = listNodes(manifest, results, null)
      .filter(({ id, status }) => status !== "virtual" && like.test(id));
    this.#say(
      alignColumns(nodes.map(({ id, rows, columns, status }) => [
        id,
        status === "success"
          ? dim(`${formatCount(rows ?? 0).padStart(9)} rows`)
          : yellow("not built".padStart(14)),
        dim(plural(columns, "column")),
      ])),
      pattern === "" ? "nothing is built yet" : `no node is like "${pattern}"`,
    );
  }

  #schema(typed: string): void {
    if (typed === "") throw missing("schema", "transform.orders");
    const node = findNode(this.#session.snapshot.manifest, typed.replaceAll('"', ""), this.env);
    this.#say(columnLines(node, styleFor(this.#terminal.colorOut), this.#terminal.outWidth));
  }

  #sources(): void {
    const { manifest } = this.#session.snapshot;
    const sources = [...manifest.nodes.values()].filter(({ kind }) => kind === "source");
    const { dim } = styleFor(this.#terminal.colorOut);
    this.#say(
      alignColumns(sources.map(({ id, config, version }) => [
        id,
        String(config["source"]),
        String(config["table"] ?? "a query"),
        dim(version === null ? "" : plural(version.files.length, "file")),
      ])),
      "there are no sources",
    );
  }

  async #lineage(typed: string): Promise<void> {
    if (typed === "") throw missing("lineage", "transform.orders.amount");
    const traced = await traceLineage(this.#workspace, {
      env: this.env,
      focus: typed.replaceAll('"', ""),
      direction: "both",
      depth: Infinity,
      whole: false,
    });
    const style = styleFor(this.#terminal.colorOut);
    this.#terminal.out(lineageView(traced, { style, all: false, direction: "both" }));
  }

  #say(lines: readonly string[], none = ""): void {
    this.#terminal.out(`${(lines.length === 0 ? [none] : lines).join("\n")}\n`);
  }
}

const HELP: readonly string[] = [
  "One SELECT, ended by a semicolon; every node is a view: transform.orders, or orders where that is one node's name.",
  "",
  ...alignColumns(
    DOT_COMMANDS.map(({ name, takes, doc }) => [`  .${name} ${takes}`.trimEnd(), doc]),
  ),
  "",
  "Tab completes nodes, columns and words. Up finds what was typed before and begins the same.",
  "Ctrl-C stops a query and keeps the session.",
];

function readSetting(name: "format" | "limit" | "timing", value: string): Partial<ReplSettings> {
  const word = value.toLowerCase();
  if (name === "format" && (word === "table" || word === "json" || word === "csv")) {
    return { format: word };
  }
  if (name === "timing" && (word === "on" || word === "off")) return { timing: word === "on" };
  if (name === "limit" && word === "off") return { limit: null };
  if (name === "limit" && /^\d{1,9}$/.test(word)) return { limit: Number(word) };
  throw new UserError(`Cannot set .${name} to "${value}"`, {
    code: "invalid_option",
    kind: "usage",
    hint: `write .${name} ${DOT_COMMANDS.find((command) => command.name === name)!.takes}`,
  });
}

function missing(name: string, example: string): UserError {
  return new UserError(`.${name} needs to know of what`, {
    code: "missing_argument",
    kind: "usage",
    hint: `write .${name} ${example}`,
  });
}

/** `*` and `%` stand for anything; a text without them for any id that holds it. */
function likePattern(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\?]/g, "\\$&").replace(/[*%]/g, ".*");
  return new RegExp(/[*%]/.test(pattern) ? `^(.*\\.)?${escaped}$` : escaped, "iu");
}
