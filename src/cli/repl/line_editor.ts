import type { Style } from "../terminal.ts";
import { displayWidth, fitText } from "../views/format.ts";
import { type EditedText, editText, EMPTY_TEXT, moveLine, replace, written } from "./edit_text.ts";
import type { Key } from "./keys.ts";
import type { KeyQueue } from "./key_queue.ts";

/** Candidates that are listed. */
const LISTED = 60;

/** What may be written at a place. */
export interface Completion {
  /** Offset at which a candidate is put in, up to the cursor. */
  readonly start: number;
  readonly candidates: readonly string[];
}

/** What the editor needs to know of what is typed. */
export interface EditorOptions {
  readonly write: (text: string) => void;
  readonly width: () => number;
  readonly style: Style;
  readonly history: () => readonly string[];
  /** True where Enter ends the text instead of the line. */
  readonly isComplete: (text: string) => boolean;
  readonly complete: (text: string, cursor: number) => Completion;
}

/** What came of reading: a text, an empty prompt after Ctrl-C, or the end. */
export type ReadResult =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "cancelled" }
  | { readonly type: "end" };

/** Edits texts of one or more lines on a terminal. */
export class LineEditor {
  readonly #options: EditorOptions;
  #prompt = "";
  #state: EditedText = EMPTY_TEXT;
  /** Row of the cursor, counted from the first row of the prompt. */
  #row = 0;
  /** Place in the history; null while the text is a new one. */
  #past: { readonly typed: string; readonly at: number } | null = null;

  constructor(options: EditorOptions) {
    this.#options = options;
  }

  /** Reads a text from the keys. */
  async read(prompt: string, keys: KeyQueue): Promise<ReadResult> {
    this.#prompt = prompt;
    this.#state = { ...EMPTY_TEXT, cut: this.#state.cut };
    this.#row = 0;
    this.#past = null;
    this.#draw();
    for (;;) {
      const key = await keys.next();
      if (key === null) return this.#leave({ type: "end" });
      const result = this.#press(key);
      if (result !== null) return result;
    }
  }

  #press(key: Key): ReadResult | null {
    const { text } = this.#state;
    switch (key.name) {
      case "enter":
        if (text.trim() === "" || this.#options.isComplete(text)) {
          return this.#leave({ type: "text", text });
        }
        this.#set(editText(this.#state, { name: "newline", text: "" })!);
        return null;
      case "ctrl-c":
        this.#toEnd();
        this.#options.write("^C");
        return this.#leave({ type: "cancelled" });
      case "ctrl-d":
        if (text === "") return this.#leave({ type: "end" });
        this.#set(editText(this.#state, { name: "delete", text: "" })!);
        return null;
      case "ctrl-l":
        this.#options.write("\x1b[H\x1b[2J");
        this.#row = 0;
        this.#draw();
        return null;
      case "tab":
        this.#complete();
        return null;
      case "up":
      case "ctrl-p":
        this.#goBack();
        return null;
      case "down":
      case "ctrl-n":
        this.#goOn();
        return null;
    }
    const edited = editText(this.#state, key);
    if (edited === null) return null;
    if (edited.text !== text) this.#past = null;
    this.#set(edited);
    return null;
  }

  #leave(result: ReadResult): ReadResult {
    this.#state = { ...this.#state, cursor: this.#state.text.length };
    if (result.type !== "cancelled") this.#draw();
    this.#options.write("\n");
    return result;
  }

  #set(state: EditedText): void {
    this.#state = state;
    this.#draw();
  }

  /** Up: a line of the text, else the last entry of the history that begins with what was typed. */
  #goBack(): void {
    const above = moveLine(this.#state, -1);
    if (above !== null) return this.#set(above);
    const entries = this.#options.history();
    const typed = this.#past?.typed ?? this.#state.text;
    const from = this.#past?.at ?? entries.length;
    const at = entries.slice(0, from).findLastIndex((entry) =>
      entry.startsWith(typed) && entry !== this.#state.text
    );
    if (at < 0) return;
    this.#past = { typed, at };
    this.#set(written(entries[at]!, this.#state));
  }

  #goOn(): void {
    const below = moveLine(this.#state, 1);
    if (below !== null) return this.#set(below);
    if (this.#past === null) return;
    const { typed, at: from } = this.#past;
    const entries = this.#options.history();
    const at = entries.findIndex((entry, i) =>
      i > from && entry.startsWith(typed) && entry !== this.#state.text
    );
    this.#past = at < 0 ? null : { typed, at };
    this.#set(written(at < 0 ? typed : entries[at]!, this.#state));
  }

  #complete(): void {
    const { text, cursor } = this.#state;
    const { start, candidates } = this.#options.complete(text, cursor);
    if (candidates.length === 0) return;
    const typed = text.slice(start, cursor);
    const common = commonStart(candidates);
    // A candidate may differ in case from what was typed: it is only taken where nothing gets lost.
    if (candidates.length === 1 || common.length > typed.length) {
      this.#past = null;
      return this.#set(replace(this.#state, start, cursor, common));
    }
    this.#list(candidates);
  }

  #list(candidates: readonly string[]): void {
    const { write, style, width } = this.#options;
    const shown = candidates.slice(0, LISTED).map((name) => fitText(name, width() - 2));
    const room = Math.max(...shown.map(displayWidth)) + 2;
    const perLine = Math.max(1, Math.floor(width() / room));
    const rows = Math.ceil(shown.length / perLine);
    const lines = Array.from({ length: rows }, (_, row) =>
      shown.filter((_, i) => i % rows === row)
        .map((name) => name + " ".repeat(room - displayWidth(name))).join("").trimEnd());
    const more = candidates.length - shown.length;
    this.#toEnd();
    write(`\n${style.dim([...lines, ...(more > 0 ? [`and ${more} more`] : [])].join("\n"))}\n`);
    this.#row = 0;
    this.#draw();
  }

  #toEnd(): void {
    const { cursor } = this.#state;
    this.#set({ ...this.#state, cursor: this.#state.text.length });
    this.#state = { ...this.#state, cursor };
  }

  #draw(): void {
    const { write, style } = this.#options;
    const width = this.#options.width();
    const { text, cursor } = this.#state;
    const indent = displayWidth(this.#prompt);
    const more = `${"…".padStart(Math.max(1, indent - 1))} `;
    const lines = text.split("\n");
    const up = this.#row > 0 ? `\x1b[${this.#row}A` : "";
    const body = lines.map((line, i) => {
      const isFull = (indent + displayWidth(line)) % width === 0;
      return `${style.dim(i === 0 ? this.#prompt : more)}${line}${isFull ? " \r\x1b[K" : ""}`;
    });
    const rows = lines.map((line) => Math.floor((indent + displayWidth(line)) / width) + 1);
    const before = text.slice(0, cursor).split("\n");
    const at = indent + displayWidth(before.at(-1)!);
    const above = rows.slice(0, before.length - 1).reduce((sum, n) => sum + n, 0);
    const row = above + Math.floor(at / width);
    const last = rows.reduce((sum, n) => sum + n, 0) - 1;
    const back = last > row ? `\x1b[${last - row}A` : "";
    const right = at % width > 0 ? `\x1b[${at % width}C` : "";
    write(`${up}\r\x1b[J${body.join("\n")}${back}\r${right}`);
    this.#row = row;
  }
}

function commonStart(words: readonly string[]): string {
  const [first = "", ...rest] = words;
  let length = first.length;
  for (const word of rest) {
    while (length > 0 && !word.startsWith(first.slice(0, length))) length--;
  }
  return first.slice(0, length);
}
