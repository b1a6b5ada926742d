import { splitStatements } from "../../app/split_statements.ts";
import type { Workspace } from "../../app/workspace.ts";
import { UserError } from "../../base/user_error.ts";
import type { EnvName } from "../../model/ids.ts";
import { EXIT_CODES, EXIT_DONE } from "../exit_codes.ts";
import { type Keyboard, styleFor, type Terminal } from "../terminal.ts";
import { plural } from "../views/format.ts";
import { History } from "./history.ts";
import { KeyQueue } from "./key_queue.ts";
import { LineEditor } from "./line_editor.ts";
import { Repl, type ReplSettings } from "./repl.ts";

/** How a session is begun. */
export interface ReplRequest {
  readonly env: EnvName;
  readonly settings: ReplSettings;
}

/** Lets a person ask questions until they leave; the exit code. Throws `unknown_environment` (2). */
export async function interact(
  workspace: Workspace,
  terminal: Terminal,
  keyboard: Keyboard,
  request: ReplRequest,
): Promise<number> {
  await using repl = await Repl.open(workspace, terminal, request);
  const history = new History(workspace.targetDir);
  const style = styleFor(terminal.colorOut);
  const editor = new LineEditor({
    write: (text) => terminal.out(text),
    width: () => terminal.outWidth ?? terminal.width,
    style,
    history: () => history.entries,
    isComplete,
    complete: (text, cursor) => repl.complete(text, cursor),
  });
  terminal.out(
    `${style.bold(`${repl.env}: ${plural(repl.built, "output")} to ask.`)} ` +
      `End with ;  .help lists commands, Ctrl-D leaves.\n\x1b[?2004h`,
  );
  const keys = new KeyQueue(keyboard);
  try {
    for (;;) {
      const typed = await editor.read(`${repl.env}> `, keys);
      if (typed.type === "end") return EXIT_DONE;
      if (typed.type === "cancelled" || typed.text.trim() === "") continue;
      history.add(typed.text.trim());
      if (!await carryOut(repl, typed.text, terminal, keys)) return EXIT_DONE;
    }
  } finally {
    terminal.out("\x1b[?2004l");
  }
}

/** False when the session is to end. Errors are shown, and the session goes on. */
async function carryOut(
  repl: Repl,
  text: string,
  terminal: Terminal,
  keys: KeyQueue,
): Promise<boolean> {
  let isStopped = false;
  keys.onInterrupt = () => {
    isStopped = true;
    repl.interrupt();
  };
  try {
    return await repl.execute(text);
  } catch (error) {
    if (isStopped) terminal.err(`${styleFor(terminal.colorErr).yellow("Stopped")}\n`);
    else sayError(terminal, error);
    return true;
  } finally {
    keys.onInterrupt = null;
  }
}

/**
 * Carries out a text of statements and commands (one a line). What fails is said and the next one is tried;
 * the exit code is that of the first failure.
 */
export async function runScript(
  workspace: Workspace,
  terminal: Terminal,
  text: string,
  request: ReplRequest,
): Promise<number> {
  await using repl = await Repl.open(workspace, terminal, request);
  let code = EXIT_DONE;
  for (const step of scriptSteps(text)) {
    try {
      if (!await repl.execute(step)) break;
    } catch (error) {
      const failed = sayError(terminal, error);
      if (code === EXIT_DONE) code = failed;
    }
  }
  return code;
}

/** Commands stand on lines of their own, between statements. */
export function scriptSteps(text: string): string[] {
  const steps: string[] = [];
  let pending = "";
  for (const line of text.split("\n")) {
    if (pending.trim() === "" && /^\s*\./.test(line)) {
      steps.push(line.trim());
      continue;
    }
    const { statements, rest } = splitStatements(`${pending}${line}\n`);
    steps.push(...statements);
    pending = rest;
  }
  return pending.trim() === "" ? steps : [...steps, pending.trim()];
}

function isComplete(text: string): boolean {
  if (/^\s*(\.|\\|(quit|exit|help)\s*;?\s*$)/i.test(text)) return true;
  const { statements, rest } = splitStatements(text);
  return statements.length > 0 && rest.trim() === "";
}

function sayError(terminal: Terminal, error: unknown): number {
  if (!(error instanceof UserError)) throw error;
  const style = styleFor(terminal.colorErr);
  terminal.err(`${style.red("error:")} ${error.message}\n`);
  if (error.hint !== undefined) terminal.err(`  ${style.cyan("hint:")} ${error.hint}\n`);
  return EXIT_CODES[error.kind];
}
